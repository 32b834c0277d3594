"""Gradient magnitude as pyradiomics takes it from ITK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radtool.filters.settings import Filter, Support
from radtool.image import Image

__all__ = ["Gradient"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gradient(Filter):
    """Length of the gradient by central differences, edge voxels repeated.

    Parameters
    ----------
    per_mm : bool, default True
        Divide differences by the spacing; otherwise per voxel.
    """

    kind: ClassVar[str] = "gradient"
    per_mm: bool = True

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        return "gradient" if self.per_mm else "gradient_per_voxel"

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        return (1, 1, 1)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x); float32, as ITK stores them."""
        array = np.asarray(image.array, dtype=np.float64)
        total = np.zeros_like(array)
        for axis in range(3):
            step = image.geometry.spacing[axis] if self.per_mm else 1.0
            ahead = np.concatenate(
                [_part(array, axis, slice(1, None)), _part(array, axis, slice(-1, None))], axis
            )
            behind = np.concatenate(
                [_part(array, axis, slice(0, 1)), _part(array, axis, slice(0, -1))], axis
            )
            difference = (ahead - behind) * (0.5 / step)
            total += difference * difference
        return np.sqrt(total).astype(np.float32)


def _part(array: np.ndarray, axis: int, part: slice) -> np.ndarray:
    return array[tuple(part if i == axis else slice(None) for i in range(3))]
