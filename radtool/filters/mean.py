"""Mean filter (IBSI S60F)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from radtool.errors import ParameterError
from radtool.filters.convolution import convolve
from radtool.filters.settings import Boundary, Filter, Support
from radtool.image import Image

__all__ = ["Mean"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean(Filter):
    """Mean over a box of voxels (IBSI S60F).

    Parameters
    ----------
    size_voxels : int
        Edge of the box, odd.
    dimensions : {2, 3}, default 3
        2 filters every slice (y, x) on its own.
    boundary : {"mirror", "nearest", "periodic", "zero"}, default "mirror"
        What lies beyond the image.
    """

    kind: ClassVar[str] = "mean"
    size_voxels: int
    dimensions: Literal[2, 3] = 3
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        self.check_count(size_voxels=self.size_voxels)
        if self.size_voxels % 2 == 0:
            raise ParameterError(f"filter 'mean': size_voxels must be odd, got {self.size_voxels}")
        self.check("dimensions", self.dimensions, (2, 3))
        self.check("boundary", self.boundary, Boundary)

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        return f"mean_{self.size_voxels}" + ("_2d" if self.dimensions == 2 else "")

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        half = self.size_voxels // 2
        return (half if self.dimensions == 3 else 0, half, half)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        result = np.asarray(image.array, dtype=np.float64)
        kernel = np.full(self.size_voxels, 1.0 / self.size_voxels)
        for axis in range(3 - self.dimensions, 3):
            result = convolve(result, kernel, axis, self.boundary)
        return result
