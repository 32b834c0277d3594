"""N4: remove the slow brightness drift that a receive coil leaves in an MR image."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from radtool.errors import InputError, ParameterError
from radtool.image import Image, Mask
from radtool.preprocessing.intensity_step import IntensityStep

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["N4"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class N4(IntensityStep):
    """Divide by a smooth multiplicative bias field, estimated by N4ITK (SimpleITK).

    Parameters
    ----------
    levels : int, default 4
        Fitting levels; each halves the distance between the spline's control points.
    iterations : int, default 50
        Most iterations a level.
    shrink : int, default 4
        The field is estimated on every n-th voxel along each axis that has at least 8 n.
    convergence : float, default 0.001
        Change of the field at which a level ends.
    fwhm : float, default 0.15
        Width of the bias' log intensity distribution that is deconvolved.

    Notes
    -----
    The field is estimated where the mask is and intensities are above 0; without a mask, where
    Otsu's threshold finds foreground. One thread, so that the answer is the same every time.

    References
    ----------
    Tustison et al. N4ITK: improved N3 bias correction. IEEE Trans Med Imaging 2010.
    """

    levels: int = 4
    iterations: int = 50
    shrink: int = 4
    convergence: float = 0.001
    fwhm: float = 0.15

    def __post_init__(self) -> None:
        for key in ("levels", "iterations", "shrink"):
            if getattr(self, key) < 1:
                raise ParameterError(f"[N4] {key} must be at least 1, got {getattr(self, key)}")
        for key in ("convergence", "fwhm"):
            if not getattr(self, key) > 0:
                raise ParameterError(f"[N4] {key} must be above 0, got {getattr(self, key)}")

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        field = self.bias_field(image, mask)
        return image.with_array(image.array / field)

    def bias_field(self, image: Image, mask: Mask | None = None) -> np.ndarray:
        """Return the multiplicative field, float64, of the image's shape; 1 is no bias."""
        import SimpleITK as sitk

        volume = _volume(image.array.astype(np.float32), image)
        where = _foreground(volume) if mask is None else mask.array
        where = where & (image.array > 0)
        if not where.any():
            raise InputError(
                "N4 needs intensities above 0 in the mask; it is meant for MR, not for HU"
            )
        region = _volume(where.astype(np.uint8), image)
        factors = [self.shrink if size >= 8 * self.shrink else 1 for size in volume.GetSize()]
        filter_ = sitk.N4BiasFieldCorrectionImageFilter()
        filter_.SetNumberOfThreads(1)
        filter_.SetMaximumNumberOfIterations([self.iterations] * self.levels)
        filter_.SetConvergenceThreshold(self.convergence)
        filter_.SetBiasFieldFullWidthAtHalfMaximum(self.fwhm)
        filter_.Execute(sitk.Shrink(volume, factors), sitk.Shrink(region, factors))
        log_field = sitk.GetArrayFromImage(filter_.GetLogBiasFieldAsImage(volume))
        return np.exp(log_field.astype(np.float64))


def _volume(array: np.ndarray, image: Image) -> sitk.Image:
    import SimpleITK as sitk

    volume = sitk.GetImageFromArray(array)
    volume.SetSpacing(image.geometry.spacing_xyz)
    volume.SetOrigin(image.geometry.origin)
    volume.SetDirection(image.geometry.direction)
    return volume


def _foreground(volume: sitk.Image) -> np.ndarray:
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.OtsuThreshold(volume, 0, 1, 200)).astype(bool)
