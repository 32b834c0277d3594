"""Less noise: Gaussian smoothing and the median, both in mm."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from radtool.errors import ParameterError
from radtool.image import Image, Mask
from radtool.preprocessing.intensity_step import IntensityStep

__all__ = ["GaussianSmoothing", "MedianDenoising"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianSmoothing(IntensityStep):
    """Convolve with a Gaussian; edges are mirrored and the mask is not used.

    Parameters
    ----------
    sigma_mm : float, default 1
        Standard deviation, the same in all directions; the kernel is cut off at four of them.
    """

    sigma_mm: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("GaussianSmoothing", "sigma_mm", self.sigma_mm)

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        sigma = [self.sigma_mm / edge for edge in image.geometry.spacing]
        smooth = ndimage.gaussian_filter(image.array.astype(np.float64), sigma, mode="reflect")
        return image.with_array(smooth)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MedianDenoising(IntensityStep):
    """Replace each voxel by the median of a ball around it; keeps edges. The mask is not used.

    Parameters
    ----------
    radius_mm : float, default 1.5
        Voxels whose centres lie within it count; edges are mirrored.
    """

    radius_mm: float = 1.5

    def __post_init__(self) -> None:
        _check_positive("MedianDenoising", "radius_mm", self.radius_mm)

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        spacing = np.array(image.geometry.spacing)
        reach = np.floor(self.radius_mm / spacing + 1e-9).astype(int)
        offsets = np.indices(tuple((2 * reach + 1).tolist())) - reach[:, None, None, None]
        squared = ((offsets * spacing[:, None, None, None]) ** 2).sum(axis=0)
        ball = squared <= self.radius_mm**2 * (1 + 1e-9)
        return image.with_array(ndimage.median_filter(image.array, footprint=ball, mode="reflect"))


def _check_positive(step: str, key: str, value: float) -> None:
    if not value > 0:
        raise ParameterError(f"[{step}] {key} must be above 0, got {value}")
