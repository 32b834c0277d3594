"""Settings files: YAML into frozen dataclasses, unknown keys and wrong values refused."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from radtool.errors import InputError, ParameterError, did_you_mean

__all__ = ["parse_settings", "read_yaml"]

Settings = TypeVar("Settings")


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; nothing in it is executed.

    Raises
    ------
    InputError
        The file is missing.
    ParameterError
        The file is not YAML, not a mapping, or names a key twice.
    """
    source = Path(path)
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{source}: no such file") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise ParameterError(f"{source}: not a text file ({error})") from error
    try:
        document = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise ParameterError(f"{source}: not valid YAML ({error})") from error
    if not isinstance(document, dict):
        raise ParameterError(
            f"{source}: expected 'key: value' lines, got {type(document).__name__}"
        )
    return document


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - signature of PyYAML
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(
                "while reading a mapping", node.start_mark, "a key is given twice"
            )
        return mapping


def parse_settings(cls: type[Settings], mapping: Any, where: str) -> Settings:
    """Build a frozen settings dataclass from plain values.

    Nested dataclasses, ``X | None``, ``Literal``, ``tuple[X, ...]``, ``dict[str, X]`` and the
    scalars bool, int, float, str and Path are understood.

    Parameters
    ----------
    cls : type
        A dataclass; its fields are the allowed keys and its defaults the only defaults.
    mapping : mapping or cls
        What the file says; None says nothing, and settings that are made already pass through.
    where : str
        File and section, for messages: ``"study.yaml [validation]"``.

    Raises
    ------
    ParameterError
        A key is unknown (the near name is suggested) or missing, or a value has the wrong type.
    """
    if isinstance(mapping, cls):
        return mapping
    if mapping is None:
        mapping = {}
    if not isinstance(mapping, Mapping):
        raise ParameterError(f"{where}: expected keys and values, got {mapping!r}")
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in mapping:
        if key not in fields:
            raise ParameterError(f"{where} has no key {key!r}{did_you_mean(str(key), fields)}")
    hints = typing.get_type_hints(cls)
    values = {key: _convert(hints[key], value, f"{where} {key}") for key, value in mapping.items()}
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in values:
            raise ParameterError(f"{where} needs the key {name!r}")
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(typing.get_args(hint), value, where)
    if origin is Literal:
        options = typing.get_args(hint)
        if value not in options:
            near = did_you_mean(str(value), map(str, options))
            raise ParameterError(f"{where}: {value!r} is not allowed{near}")
        return value
    if origin is tuple:
        return _convert_tuple(typing.get_args(hint), value, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ParameterError(f"{where}: expected keys and values, got {value!r}")
        item = typing.get_args(hint)[1]
        return {str(key): _convert(item, entry, f"{where} {key}") for key, entry in value.items()}
    if dataclasses.is_dataclass(hint):
        return parse_settings(typing.cast("type[Any]", hint), value, f"{where}:")
    return _convert_scalar(hint, value, where)


def _convert_union(options: Sequence[Any], value: Any, where: str) -> Any:
    if value is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    for option in rest[:-1]:
        try:
            return _convert(option, value, where)
        except ParameterError:
            continue
    return _convert(rest[-1], value, where)


def _convert_tuple(items: Sequence[Any], value: Any, where: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ParameterError(f"{where}: expected a list, got {value!r}")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_convert(items[0], entry, where) for entry in value)
    if len(value) != len(items):
        raise ParameterError(f"{where}: expected {len(items)} values, got {len(value)}")
    return tuple(_convert(item, entry, where) for item, entry in zip(items, value, strict=True))


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and is_number:
        return float(value)
    if hint is int and is_number and float(value).is_integer():
        return int(value)
    if hint is str and (isinstance(value, str) or is_number):
        return str(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is bool and isinstance(value, bool):
        return value
    wanted = getattr(hint, "__name__", str(hint))
    raise ParameterError(f"{where}: expected {wanted}, got {value!r}")
