"""Take voxels of implausible intensity out of the region (IBSI re-segmentation)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radtool.errors import ParameterError
from radtool.image import Image, Mask, check_same_grid

__all__ = ["Resegment", "resegment", "resegmentation_limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resegment:
    """Which intensities stay in the intensity mask.

    Parameters
    ----------
    lower, upper : float, optional
        Smallest and largest intensity that stay (closed interval, IBSI USB3).
    outlier_sigma : float, optional
        Keep mean ± this many standard deviations of the region (IBSI 7ACA).
    """

    lower: float | None = None
    upper: float | None = None
    outlier_sigma: float | None = None

    def __post_init__(self) -> None:
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ParameterError(
                f"[resegment] lower must be below upper, got {self.lower} and {self.upper}"
            )
        if self.outlier_sigma is not None and not self.outlier_sigma > 0:
            raise ParameterError(
                f"[resegment] outlier_sigma must be above 0, got {self.outlier_sigma}"
            )


def resegmentation_limits(values: np.ndarray, settings: Resegment) -> tuple[float, float]:
    """Return the smallest and largest intensity that stay.

    Parameters
    ----------
    values : ndarray
        Intensities of the whole region.
    settings : Resegment
        Range and outlier limits; both given: the narrower of each.

    Returns
    -------
    lower, upper : float
        A closed interval; infinite where there is no limit.
    """
    lower = -np.inf if settings.lower is None else float(settings.lower)
    upper = np.inf if settings.upper is None else float(settings.upper)
    if settings.outlier_sigma is not None and values.size:
        centre = float(np.mean(values, dtype=np.float64))
        spread = settings.outlier_sigma * float(np.std(values, dtype=np.float64))
        lower, upper = max(lower, centre - spread), min(upper, centre + spread)
    return lower, upper


def resegment(image: Image, mask: Mask, settings: Resegment) -> Mask:
    """Return the voxels of the mask whose intensity is within the limits.

    Parameters
    ----------
    image : Image
        Intensities.
    mask : Mask
        The region on the same grid; it stays as it is for morphology.
    settings : Resegment
        The limits; mean and standard deviation come from the whole region.

    Returns
    -------
    Mask
        The intensity mask; may be empty.

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    """
    check_same_grid(image, mask)
    lower, upper = resegmentation_limits(image.array[mask.array], settings)
    if lower == -np.inf and upper == np.inf:
        return mask
    return mask.with_array(mask.array & (image.array >= lower) & (image.array <= upper))
