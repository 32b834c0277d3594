"""Laws kernels and their energy (IBSI JTXT)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import ndimage

from radtool.errors import ParameterError, did_you_mean
from radtool.filters.convolution import (
    SCIPY_MODES,
    AxisStep,
    Pooling,
    convolve,
    orientations,
    pool_orientations,
)
from radtool.filters.settings import Boundary, Filter, Support
from radtool.image import Image

__all__ = ["Laws"]

_RAW = {
    "L5": (1, 4, 6, 4, 1),
    "E5": (-1, -2, 0, 2, 1),
    "S5": (-1, 0, 2, 0, -1),
    "W5": (-1, 2, 0, -2, 1),
    "R5": (1, -4, 6, -4, 1),
    "L3": (1, 2, 1),
    "E3": (-1, 0, 1),
    "S3": (-1, 2, -1),
}
KERNELS = {name: np.array(raw) / np.linalg.norm(raw) for name, raw in _RAW.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Laws(Filter):
    """Laws response, or its energy (IBSI JTXT); meant for isotropic voxels.

    Parameters
    ----------
    kernels : str
        One kernel for x, one for y, and in 3D one for z: "L5E5" filters every slice, "E5L5S5" the
        volume.
    rotation_invariance : bool, default False
        Pool the responses of all right-handed quarter-turn rotations.
    pooling : {"max", "min", "average"}, default "max"
        How they are pooled.
    energy_distance_voxels : int, default 0
        Above 0: the mean absolute response within this Chebyshev distance, after pooling.
    boundary : {"mirror", "nearest", "periodic", "zero"}, default "mirror"
        What lies beyond the image.
    """

    kind: ClassVar[str] = "laws"
    kernels: str
    rotation_invariance: bool = False
    pooling: Pooling = "max"
    energy_distance_voxels: int = 0
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        names = self.names
        if len(names) not in (2, 3) or "".join(names) != self.kernels.upper():
            raise ParameterError(
                f"filter 'laws': kernels must be two (2D) or three (3D) kernel names such as"
                f" 'L5E5' or 'E5L5S5', got {self.kernels!r}"
            )
        for name in names:
            if name not in KERNELS:
                hint = did_you_mean(name, KERNELS)
                raise ParameterError(f"filter 'laws' has no kernel {name!r}{hint}")
        self.check("pooling", self.pooling, Pooling)
        self.check("boundary", self.boundary, Boundary)
        if self.energy_distance_voxels:
            self.check_count(energy_distance_voxels=self.energy_distance_voxels)

    @property
    def names(self) -> list[str]:
        """Kernel names along x, y and, in 3D, z."""
        return re.findall(r"[A-Z]\d", self.kernels.upper())

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        text = f"laws_{self.kernels.lower()}"
        if self.rotation_invariance:
            text += f"_invar_{self.pooling}"
        if self.energy_distance_voxels:
            text += f"_energy_{self.energy_distance_voxels}"
        return text

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        half = [len(KERNELS[name]) // 2 for name in self.names]
        if self.rotation_invariance:
            half = [max(half)] * len(half)
        z, y, x = (width + self.energy_distance_voxels for width in [*half, 0][2::-1])
        return (z if len(half) == 3 else 0, y, x)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        names = self.names
        axes = [2, 1, 0][: len(names)]

        def apply(array: np.ndarray, axis: int, step: AxisStep) -> np.ndarray:
            kernel = KERNELS[names[step[0]]]
            return convolve(array, kernel[::-1] if step[1] else kernel, axis, self.boundary)

        wanted = orientations(len(names))
        result = pool_orientations(
            np.asarray(image.array, dtype=np.float64),
            apply,
            axes,
            wanted if self.rotation_invariance else wanted[:1],
            self.pooling,
        )
        return self._energy(result, axes) if self.energy_distance_voxels else result

    def _energy(self, response: np.ndarray, axes: list[int]) -> np.ndarray:
        result = np.abs(response)
        size = 2 * self.energy_distance_voxels + 1
        for axis in axes:
            result = ndimage.uniform_filter1d(
                result, size, axis=axis, mode=SCIPY_MODES[self.boundary], cval=0.0
            )
        return result
