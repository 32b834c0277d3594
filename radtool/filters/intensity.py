"""Pointwise transforms as pyradiomics defines them; each rescales to the image's largest value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radtool.filters.settings import Filter, Support
from radtool.image import Image

__all__ = ["Exponential", "Logarithm", "Square", "SquareRoot"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pointwise(Filter):
    """A function of the voxel and of the largest absolute intensity.

    Parameters
    ----------
    peak : float, default 0
        Largest absolute intensity to rescale to; 0 takes it from the image, which then must be
        the whole image.
    """

    peak: float = 0.0

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        return self.kind

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """No neighbours; the whole image unless `peak` is given."""
        return (0, 0, 0) if self.peak else None

    def _input(self, image: Image) -> tuple[np.ndarray, float]:
        array = np.asarray(image.array, dtype=np.float64)
        return array, self.peak or float(np.max(np.abs(array)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Square(_Pointwise):
    """Squared intensity over the largest absolute one: x² / max|x|."""

    kind: ClassVar[str] = "square"

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        array, peak = self._input(image)
        return (array * (1 / np.sqrt(peak))) ** 2 if peak else array.copy()


@dataclass(frozen=True, kw_only=True, slots=True)
class SquareRoot(_Pointwise):
    """Signed square root of intensity times the largest absolute one: ±√(|x| max|x|)."""

    kind: ClassVar[str] = "squareroot"

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        array, peak = self._input(image)
        return np.copysign(np.sqrt(np.abs(array) * peak), array)


@dataclass(frozen=True, kw_only=True, slots=True)
class Logarithm(_Pointwise):
    """Signed logarithm, scaled to the largest value: ±c log(|x| + 1)."""

    kind: ClassVar[str] = "logarithm"

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        array, peak = self._input(image)
        if not peak:
            return array.copy()
        return np.copysign(np.log(np.abs(array) + 1), array) * (peak / np.log(peak + 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Exponential(_Pointwise):
    """Exponential that reaches the largest value there: exp(x log(max|x|) / max|x|)."""

    kind: ClassVar[str] = "exponential"

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        array, peak = self._input(image)
        return np.exp(array * (np.log(peak) / peak)) if peak else np.ones_like(array)
