"""Laplacian-of-Gaussian filter (IBSI L6PA)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from radtool.filters.convolution import convolve
from radtool.filters.settings import Boundary, Filter, Support, number_text
from radtool.image import Image

__all__ = ["LaplacianOfGaussian", "gaussian_factors"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LaplacianOfGaussian(Filter):
    """Laplacian of Gaussian (IBSI L6PA); a bright blob gives a negative response.

    The kernel is neither scale-normalised nor corrected to sum to zero, as IBSI defines it.

    Parameters
    ----------
    sigma_mm : float
        Width of the Gaussian.
    cutoff_sigma : float, default 4
        Half-width of the kernel in sigmas.
    dimensions : {2, 3}, default 3
        2 filters every slice (y, x) on its own.
    boundary : {"mirror", "nearest", "periodic", "zero"}, default "mirror"
        What lies beyond the image.

    Notes
    -----
    The kernel is a sum of products, second derivative along one axis times Gaussians along the
    others, so it is applied axis by axis without approximation. IBSI defines it for isotropic
    voxels, in voxel units; on others sigma is converted per axis and the result is scaled with the
    geometric mean of the spacings squared, which is the same where voxels are isotropic.
    """

    kind: ClassVar[str] = "log"
    sigma_mm: float
    cutoff_sigma: float = 4.0
    dimensions: Literal[2, 3] = 3
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        self.check_above_zero(sigma_mm=self.sigma_mm, cutoff_sigma=self.cutoff_sigma)
        self.check("dimensions", self.dimensions, (2, 3))
        self.check("boundary", self.boundary, Boundary)

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        planar = "_2d" if self.dimensions == 2 else ""
        return f"log_sigma_{number_text(self.sigma_mm)}_mm{planar}"

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        z, y, x = (_half_width(self.sigma_mm / step, self.cutoff_sigma) for step in spacing)
        return (z if self.dimensions == 3 else 0, y, x)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        axes = range(3 - self.dimensions, 3)
        spacing = image.geometry.spacing
        unit = math.prod(spacing[axis] for axis in axes) ** (2 / self.dimensions)
        smooth = np.asarray(image.array, dtype=np.float64)
        laplacian: np.ndarray | None = None
        # Leibniz' rule, one axis at a time: (f'' g) h and (f g)'' h share their Gaussian passes.
        for axis in axes:
            gauss, second = gaussian_factors(self.sigma_mm / spacing[axis], self.cutoff_sigma)
            curved = convolve(smooth, second * (unit / spacing[axis] ** 2), axis, self.boundary)
            if laplacian is not None:
                curved += convolve(laplacian, gauss, axis, self.boundary)
            laplacian = curved
            if axis < 2:
                smooth = convolve(smooth, gauss, axis, self.boundary)
        assert laplacian is not None
        return laplacian


def gaussian_factors(sigma: float, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a sampled Gaussian and its second derivative; sigma in voxels, cut-off in sigmas."""
    half = _half_width(sigma, cutoff)
    k = np.arange(-half, half + 1, dtype=np.float64)
    gauss = np.exp(-(k**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
    return gauss, gauss * (k**2 / sigma**2 - 1) / sigma**2


def _half_width(sigma: float, cutoff: float) -> int:
    return math.floor(cutoff * sigma + 0.5)
