"""Records: frozen dataclasses that go to plain JSON values and come back."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from radtool.errors import InputError, did_you_mean
from radtool.files import encode

__all__ = ["Record"]


class Record:
    """Base of everything that is stored in ``results.json``.

    Subclasses are frozen keyword-only dataclasses whose fields are texts, numbers, tuples,
    mappings and other records. ``None`` (or NaN, which is stored as null) means "not known".
    `PARALLEL` names groups of tuples that must have one length wherever they are not empty.
    """

    __slots__ = ()
    PARALLEL: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def __post_init__(self) -> None:
        for names in type(self).PARALLEL:
            lengths = {name: len(getattr(self, name)) for name in names}
            if len(set(lengths.values()) - {0}) > 1:
                found = ", ".join(f"{name} {length}" for name, length in lengths.items())
                raise InputError(f"{type(self).__name__}: lengths differ: {found}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; optional fields that are empty are left out."""
        plain: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = _plain(getattr(self, field.name))
            if value not in (None, "", [], {}) or _is_required(field):
                plain[field.name] = value
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "results") -> Self:
        """Rebuild a record from what `to_dict` gave.

        Parameters
        ----------
        data : mapping
            Plain JSON values.
        where : str, default "results"
            What to call the place in error messages.

        Raises
        ------
        InputError
            A key is unknown or missing, or a value is of another kind; names the place.
        """
        if not isinstance(data, Mapping):
            raise InputError(f"{where}: expected keys and values, found {type(data).__name__}")
        fields = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        hints = {name: hint for name, hint in get_type_hints(cls).items() if name in fields}
        for key in data:
            if key not in hints:
                raise InputError(f"{where} has no key {key!r}{did_you_mean(key, hints)}")
        values = {
            key: _read(value, hints[key], f"{where}.{key}")
            for key, value in data.items()
            if value is not None
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"{where} is incomplete: {error}") from error
        except InputError as error:
            raise InputError(f"{where}: {error}") from error


def _is_required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and _all_finite(value):
        return list(map(float, value))
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_plain(item) for item in items]
    return encode(value)


def _all_finite(values: Any) -> bool:
    """Whether these are plain finite floats: they need no conversion, and matrices hold many."""
    return all(isinstance(value, float) and math.isfinite(value) for value in values)


def _read(value: Any, hint: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _read_union(value, get_args(hint), where)
    if origin is Literal:
        if value not in get_args(hint):
            raise InputError(f"{where} is {value!r}{did_you_mean(str(value), get_args(hint))}")
        return value
    if origin is tuple:
        return _read_tuple(value, get_args(hint)[0], where)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_dict(value, where=where)
    if typing.get_origin(hint) is not None or hint is Any:
        return value
    return _read_scalar(value, hint, where)


def _read_union(value: Any, options: tuple[Any, ...], where: str) -> Any:
    if value is None and type(None) in options:
        return None
    first = next(option for option in options if option is not type(None))
    return _read(value, first, where)


def _read_tuple(value: Any, item_hint: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InputError(f"{where}: expected a list, found {type(value).__name__}")
    if item_hint is float and _all_finite(value):
        return tuple(value)
    return tuple(_read(item, item_hint, f"{where}[{i}]") for i, item in enumerate(value))


def _read_scalar(value: Any, hint: type, where: str) -> Any:
    if hint is float:
        if value is None:
            return float("nan")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InputError(f"{where}: expected a number, found {value!r}")
        try:
            return float(value)
        except ValueError as error:
            raise InputError(f"{where}: expected a number, found {value!r}") from error
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InputError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value
