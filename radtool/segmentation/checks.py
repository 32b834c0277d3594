"""What is refused before a network sees it: not a CT, not HU, not a volume."""

from __future__ import annotations

import numpy as np

from radtool.errors import InputError
from radtool.image import Image

__all__ = ["check_ct"]

LEAST_EXTENT = 60.0  # mm
THICKEST = 6.0  # mm
WIDEST = 4.0  # mm
LEAST_SOFT = 0.0005  # a nodule of 0.4 mL in 92 mm of lung


def check_ct(image: Image) -> None:
    """Raise unless an image can be a CT volume in Hounsfield units.

    Parameters
    ----------
    image : Image
        Unit "HU", or "a.u." (formats other than DICOM do not say) with values like HU.

    Raises
    ------
    InputError
        Another unit, values that are not HU, fewer than three slices, a field of view below
        60 mm, slices more than 6 mm apart or pixels above 4 mm.
    """
    if image.unit not in ("HU", "a.u."):
        raise InputError(f"a CT in HU is needed, this image is in {image.unit}")
    _check_extent(image)
    values = image.array
    if not np.isfinite(values).all():
        raise InputError("the image holds NaN or infinite values")
    low, high = float(values.min()), float(values.max())
    if low < -10000 or high > 70000:
        raise InputError(f"values from {low:g} to {high:g} are no HU")
    if low > -200:
        raise InputError(
            f"values start at {low:g}: a CT in HU has air near -1000; apply the rescale slope and"
            " intercept (scl_slope and scl_inter in NIfTI), and do not pass PET or MR"
        )
    soft = np.count_nonzero((values > -150) & (values < 250)) / values.size
    if soft < LEAST_SOFT:
        raise InputError(
            f"only {100 * soft:.2f} % of the voxels are between -150 and 250 HU: no soft tissue;"
            " are the values in HU?"
        )


def _check_extent(image: Image) -> None:
    shape, spacing = image.geometry.shape, image.geometry.spacing
    if min(shape) < 3:
        raise InputError(f"a volume is needed, shape (z, y, x) is {shape}: this is a 2D image")
    extent = [count * step for count, step in zip(shape, spacing, strict=True)]
    if min(extent) < LEAST_EXTENT:
        raise InputError(
            f"field of view (z, y, x) is {', '.join(f'{e:.0f}' for e in extent)} mm; at least"
            f" {LEAST_EXTENT:.0f} mm each way are needed"
        )
    coarsest = max(spacing)
    if coarsest > THICKEST or sorted(spacing)[1] > WIDEST:
        raise InputError(
            f"voxel spacing (z, y, x) is {spacing} mm; slices must be at most {THICKEST:.0f} mm"
            f" apart and pixels at most {WIDEST:.0f} mm wide to segment a tumour"
        )
