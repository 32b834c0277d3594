"""Settings files: YAML into frozen dataclasses, unknown keys and wrong values refused."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import yaml

from radtool.errors import InputError, ParameterError, did_you_mean

__all__ = [
    "Reader",
    "check_complete",
    "check_known",
    "is_required",
    "parse_settings",
    "read_yaml",
]

Settings = TypeVar("Settings")
MOST_NODES = 1_000_000


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
    except UnicodeDecodeError as error:
        raise ParameterError(f"{source}: not a text file ({error})") from error
    except OSError as error:
        raise ParameterError(f"{source}: cannot be read ({error.strerror or error})") from error
    try:
        document = yaml.load(text, Loader=_StrictLoader)
    except RecursionError as error:
        raise ParameterError(f"{source}: not valid YAML (nested too deep)") from error
    except (yaml.YAMLError, ValueError) as error:  # a number or date that is none
        raise ParameterError(f"{source}: not valid YAML ({error})") from error
    if not isinstance(document, dict):
        raise ParameterError(
            f"{source}: expected 'key: value' lines, got {type(document).__name__}"
        )
    return document


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice and names that multiply without end."""

    def get_single_node(self) -> yaml.Node | None:
        """Compose the document, and count what it says when every ``*name`` is written out."""
        root: yaml.Node | None = super().get_single_node()
        if root is not None:
            _written_out(root, {})
        return root

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - signature of PyYAML
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(
                "while reading a mapping", node.start_mark, "a key is given twice"
            )
        return mapping


def _written_out(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Count the nodes below a node, those behind aliases again wherever they are named."""
    if id(node) in known:
        counted = known[id(node)]
        if counted is None:
            raise yaml.composer.ComposerError(None, None, "contains itself", node.start_mark)
        return counted
    known[id(node)] = None
    below: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        below = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = node.value
    known[id(node)] = total = 1 + sum(_written_out(part, known) for part in below)
    if total > MOST_NODES:
        raise yaml.composer.ComposerError(None, None, "unfolds without end", node.start_mark)
    return total


def parse_settings(cls: type[Settings], mapping: Any, where: str) -> Settings:
    """Build a frozen settings dataclass from plain values.

    Parameters
    ----------
    cls : type
        A dataclass; its fields are the allowed keys and its defaults the only defaults. `Reader`
        says which types its fields may have.
    mapping : mapping or cls
        What the file says; None says nothing, and settings that are made already pass through.
    where : str
        File and section, for messages: ``"study.yaml [validation]"``.

    Raises
    ------
    ParameterError
        A key is unknown (the near name is suggested) or missing, or a value has the wrong type.
    """
    return Reader().read(cls, mapping, where)


def check_known(
    cls: type, mapping: Mapping[str, Any], where: str, *, error: type[InputError] = ParameterError
) -> None:
    """Refuse keys that are no fields of a dataclass; the message suggests the nearest field."""
    fields = {field.name for field in dataclasses.fields(cls)}
    for key in mapping:
        if key not in fields:
            raise error(f"{where} has no key {key!r}{did_you_mean(str(key), fields)}")


def check_complete(
    cls: type, mapping: Mapping[str, Any], where: str, *, error: type[InputError] = ParameterError
) -> None:
    """Refuse a mapping that lacks a field without a default."""
    for field in dataclasses.fields(cls):
        if is_required(field) and field.name not in mapping:
            raise error(f"{where} needs the key {field.name!r}")


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Whether a field of a dataclass has no default."""
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


class Reader:
    """Plain values of a file into a dataclass, by the types of its fields.

    Nested dataclasses, ``X | None``, ``Literal``, ``tuple[X, ...]``, ``dict[str, X]`` or
    ``Mapping[str, X]`` and the scalars bool, int, float, str and Path are understood. Subclasses
    change what is peculiar to one kind of file: `error`, `make` and `scalar`.
    """

    error: ClassVar[type[InputError]] = ParameterError

    def read(self, cls: type[Settings], mapping: Any, where: str) -> Settings:
        """Build a dataclass, or say what is wrong with which key (see `parse_settings`)."""
        if isinstance(mapping, cls):
            return mapping
        if mapping is None:
            mapping = {}
        if not isinstance(mapping, Mapping):
            raise self.error(f"{where}: expected keys and values, got {mapping!r}")
        check_known(cls, mapping, where, error=self.error)
        hints = typing.get_type_hints(cls)
        values = {key: self._value(hints[key], v, f"{where} {key}") for key, v in mapping.items()}
        check_complete(cls, values, where, error=self.error)
        return self.make(cls, values, where)

    def make(self, cls: type[Settings], values: dict[str, Any], where: str) -> Settings:
        """Make the dataclass of values that have their types already."""
        return cls(**values)

    def scalar(self, hint: Any, value: Any, where: str) -> Any:
        """Read a bool, int, float, str or Path; whole numbers may be written as floats."""
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
        raise self.error(f"{where}: expected {wanted}, got {value!r}")

    def _value(self, hint: Any, value: Any, where: str) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint is Any:
            return value
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments, value, where)
        if origin is Literal:
            if value not in arguments:
                near = did_you_mean(str(value), map(str, arguments))
                raise self.error(f"{where}: {value!r} is not allowed{near}")
            return value
        if origin is tuple:
            return self._tuple(arguments, value, where)
        if origin in (dict, Mapping):
            if not isinstance(value, Mapping):
                raise self.error(f"{where}: expected keys and values, got {value!r}")
            item = arguments[1]
            return {str(key): self._value(item, v, f"{where} {key}") for key, v in value.items()}
        if dataclasses.is_dataclass(hint):
            return self.read(typing.cast("type[Any]", hint), value, f"{where}:")
        return self.scalar(hint, value, where)

    def _union(self, options: Sequence[Any], value: Any, where: str) -> Any:
        if value is None and type(None) in options:
            return None
        rest = [option for option in options if option is not type(None)]
        for option in rest[:-1]:
            try:
                return self._value(option, value, where)
            except self.error:
                continue
        return self._value(rest[-1], value, where)

    def _tuple(self, items: Sequence[Any], value: Any, where: str) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self.error(f"{where}: expected a list, got {value!r}")
        if len(items) == 2 and items[1] is Ellipsis:
            # Stored matrices hold many floats, which need no conversion.
            if items[0] is float and all(type(entry) is float for entry in value):
                return tuple(value)
            items = [items[0]] * len(value)
        if len(value) != len(items):
            raise self.error(f"{where}: expected {len(items)} values, got {len(value)}")
        pairs = zip(items, value, strict=True)
        return tuple(self._value(item, v, f"{where}[{i}]") for i, (item, v) in enumerate(pairs))
