"""Contrast: histogram equalisation, whole and local (CLAHE)."""

from __future__ import annotations

import dataclasses

import numpy as np

from radtool.errors import InputError, ParameterError
from radtool.image import Image, Mask
from radtool.preprocessing.intensity_step import IntensityStep, values_of

__all__ = ["Clahe", "HistogramEqualisation"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class HistogramEqualisation(IntensityStep):
    """Replace intensities by their rank in the histogram, 0 to 1.

    Parameters
    ----------
    bins : int, default 256
        Bins of the histogram (of the mask, or of all voxels); linear between their centres.
    """

    bins: int = 256

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise ParameterError(f"[HistogramEqualisation] bins must be at least 2: {self.bins}")

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        counts, edges = np.histogram(values_of(image, mask), bins=self.bins)
        ranks = np.cumsum(counts) / counts.sum()
        centres = (edges[:-1] + edges[1:]) / 2
        equal = np.interp(image.array.astype(np.float64), centres, ranks)
        return Image(equal, image.geometry, "a.u.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clahe(IntensityStep):
    """Contrast-limited adaptive histogram equalisation in 3D, 0 to 1.

    Tiles are boxes of equal physical size; each is equalised with its histogram cut off, and
    voxels take the mapping interpolated between the tiles around them. The mask is not used.

    Parameters
    ----------
    tile_mm : float, default 30
        Edge of a tile; at least one voxel, at most the image.
    clip_limit : float, default 0.01
        Largest share of a tile's voxels in one bin; the excess is spread over the others. 1 cuts
        nothing.
    bins : int, default 256
        Bins of a tile's histogram.

    Notes
    -----
    scikit-image's n-dimensional implementation, which rounds intensities to 2¹⁴ levels.

    References
    ----------
    Zuiderveld. Contrast limited adaptive histogram equalization. Graphics Gems IV 1994.
    """

    tile_mm: float = 30.0
    clip_limit: float = 0.01
    bins: int = 256

    def __post_init__(self) -> None:
        if not self.tile_mm > 0:
            raise ParameterError(f"[Clahe] tile_mm must be above 0, got {self.tile_mm}")
        if not 0 < self.clip_limit <= 1:
            raise ParameterError(f"[Clahe] clip_limit must be in (0, 1], got {self.clip_limit}")
        if self.bins < 2:
            raise ParameterError(f"[Clahe] bins must be at least 2, got {self.bins}")

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        from skimage.exposure import equalize_adapthist

        low, high = float(image.array.min()), float(image.array.max())
        if not high > low:
            raise InputError(f"all intensities are {low:g}; there is no contrast to enhance")
        scaled = (image.array.astype(np.float64) - low) / (high - low)
        equal = equalize_adapthist(
            scaled, kernel_size=self.tile_size(image), clip_limit=self.clip_limit, nbins=self.bins
        )
        return Image(equal, image.geometry, "a.u.")

    def tile_size(self, image: Image) -> tuple[int, ...]:
        """Size of a tile in voxels, (z, y, x)."""
        return tuple(
            min(size, max(1, round(self.tile_mm / edge)))
            for size, edge in zip(image.geometry.shape, image.geometry.spacing, strict=True)
        )
