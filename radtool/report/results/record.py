"""Records: frozen dataclasses that go to plain JSON values and come back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import pandas as pd

from radtool.errors import InputError
from radtool.files import encode
from radtool.settings import Reader, is_required

__all__ = ["Record", "or_none"]


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
            if value not in (None, "", [], {}) or is_required(field):
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
        return _Stored().read(cls, data, where)


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


def or_none(value: float | None) -> float | None:
    """Return a number for a record: None where it is not known (None or NaN)."""
    return None if value is None or pd.isna(value) else float(value)


class _Stored(Reader):
    """Reads what `Record.to_dict` writes: null for what is not known, infinities as text."""

    error = InputError

    def read(self, cls: type[Any], mapping: Any, where: str) -> Any:
        if isinstance(mapping, Mapping):
            mapping = {key: value for key, value in mapping.items() if value is not None}
        return super().read(cls, mapping, where)

    def make(self, cls: type[Any], values: dict[str, Any], where: str) -> Any:
        try:
            return cls(**values)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error

    def scalar(self, hint: Any, value: Any, where: str) -> Any:
        if hint is float and value is None:
            return math.nan
        if hint is float and isinstance(value, str):
            try:
                return float(value)
            except ValueError as error:
                raise InputError(f"{where}: expected float, got {value!r}") from error
        if hint is str and not isinstance(value, str):
            raise InputError(f"{where}: expected str, got {value!r}")
        return super().scalar(hint, value, where)
