"""What every filter's settings have in common, and how a settings file becomes one."""

from __future__ import annotations

import dataclasses
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar, get_args

import numpy as np

from radtool.errors import ParameterError, did_you_mean
from radtool.image import Image
from radtool.settings import check_complete, check_known

__all__ = ["Boundary", "Filter", "Support", "make_filter", "number_text"]

Boundary = Literal["mirror", "nearest", "periodic", "zero"]
Support = tuple[int, int, int] | None
SettingsT = TypeVar("SettingsT", bound="Filter")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Filter(ABC):
    """Settings of one filter; a subclass per kind, made by `radtool.filters.parse_filter`.

    Every subclass has a `kind` (its name in a parameter file), an `identifier` for feature names,
    a `support` and a `response`.
    """

    kind: ClassVar[str] = ""

    @property
    @abstractmethod
    def identifier(self) -> str:
        """Short name for feature columns: lower-case letters, digits and underscores."""

    @abstractmethod
    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on; None: the whole image.

        Parameters
        ----------
        spacing : tuple of 3 float
            Voxel spacing in mm, (z, y, x).
        """

    @abstractmethod
    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""

    def check(self, name: str, value: object, allowed: Any) -> None:
        """Raise unless `value` is one of the values of a Literal type or a collection."""
        options = get_args(allowed) or tuple(allowed)
        if value not in options:
            hint = did_you_mean(str(value), map(str, options))
            raise ParameterError(f"filter {self.kind!r}: {name} cannot be {value!r}{hint}")

    def check_above_zero(self, **values: float) -> None:
        """Raise unless every value is a finite number above 0."""
        for name, value in values.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not np.isfinite(value) or value <= 0:
                raise ParameterError(
                    f"filter {self.kind!r}: {name} must be a number above 0, got {value!r}"
                )

    def check_count(self, **values: int) -> None:
        """Raise unless every value is a whole number of at least 1."""
        for name, value in values.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ParameterError(
                    f"filter {self.kind!r}: {name} must be a whole number of at least 1,"
                    f" got {value!r}"
                )


def make_filter(kind: type[SettingsT], mapping: Mapping[str, Any]) -> SettingsT:
    """Make the settings of one filter from plain values; unknown and missing keys are refused.

    Raises
    ------
    ParameterError
        A key is unknown (the nearest one is named), missing, or its value is not allowed.
    """
    where = f"filter {kind.kind!r}"
    check_known(kind, mapping, where)
    check_complete(kind, mapping, where)
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in mapping.items()
    }
    settings = kind(**values)
    if not _IDENTIFIER.fullmatch(settings.identifier):
        raise ParameterError(f"filter {kind.kind!r}: {settings.identifier!r} is no identifier")
    return settings


def number_text(value: float) -> str:
    """Write a number so that it can stand in an identifier.

    Examples
    --------
    >>> number_text(3.0), number_text(1.5), number_text(-22.5)
    ('3', '1_5', 'm22_5')
    """
    text = f"{value:.10g}"
    return text.replace("-", "m").replace("+", "").replace(".", "_")
