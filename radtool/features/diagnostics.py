"""Image and mask before and after processing (the diagnostic features of IBSI's configurations)."""

from __future__ import annotations

import numpy as np

from radtool.features.parameters import Parameters
from radtool.image import Image, Mask, check_same_grid
from radtool.preprocessing.resample import resample_image, resample_mask, resampled_geometry
from radtool.preprocessing.resegment import resegment

__all__ = ["diagnostics"]


def diagnostics(image: Image, mask: Mask, params: Parameters) -> dict[str, float]:
    """Describe image and mask as read, after interpolation and after re-segmentation.

    Extraction does not need this and does not compute it: the whole image is resampled here.

    Parameters
    ----------
    image, mask : Image, Mask
        On the same grid.
    params : Parameters
        How they are processed.

    Returns
    -------
    dict
        IBSI's tags, such as ``img_dim_x_init_img`` (voxels), ``vox_dim_x_interp_img`` (mm),
        ``mean_int_init_img``, ``int_mask_vox_count_reseg_roi``; (x, y, z) order as in IBSI.
    """
    check_same_grid(image, mask)
    found = {**_of_image(image, "init"), **_of_masks(image, mask, mask, "init")}
    if params.resample.spacing_mm is not None:
        image, mask = _resampled(image, mask, params)
    found |= {**_of_image(image, "interp"), **_of_masks(image, mask, mask, "interp")}
    inside = resegment(image, mask, params.resegment)
    return found | _of_masks(image, inside, mask, "reseg")


def _resampled(image: Image, mask: Mask, params: Parameters) -> tuple[Image, Mask]:
    settings = params.resample
    assert settings.spacing_mm is not None
    grid = resampled_geometry(image.geometry, settings.spacing_mm)
    moved = resample_image(image, grid, interpolation=settings.image_interpolation)
    if settings.round_intensities:
        moved = moved.with_array(np.rint(moved.array))
    return moved, resample_mask(
        mask,
        grid,
        interpolation=settings.mask_interpolation,
        threshold=settings.mask_threshold,
    )


def _of_image(image: Image, stage: str) -> dict[str, float]:
    shape, spacing = image.geometry.shape[::-1], image.geometry.spacing_xyz
    values = image.array.astype(np.float64)
    return {
        **{f"img_dim_{a}_{stage}_img": float(n) for a, n in zip("xyz", shape, strict=True)},
        **{f"vox_dim_{a}_{stage}_img": float(n) for a, n in zip("xyz", spacing, strict=True)},
        f"mean_int_{stage}_img": float(values.mean()),
        f"min_int_{stage}_img": float(values.min()),
        f"max_int_{stage}_img": float(values.max()),
    }


def _of_masks(image: Image, inside: Mask, morphological: Mask, stage: str) -> dict[str, float]:
    values = image.array[inside.array].astype(np.float64)
    found = {
        f"int_mask_dim_{axis}_{stage}_roi": float(size)
        for axis, size in zip("xyz", inside.geometry.shape[::-1], strict=True)
    }
    for name, mask in (("int", inside), ("morph", morphological)):
        sizes = [len(np.unique(where)) and np.ptp(where) + 1 for where in np.nonzero(mask.array)]
        for axis, size in zip("xyz", sizes[::-1], strict=True):
            found[f"{name}_mask_bb_dim_{axis}_{stage}_roi"] = float(size)
        found[f"{name}_mask_vox_count_{stage}_roi"] = float(np.count_nonzero(mask.array))
    measured = (values.mean(), values.min(), values.max()) if values.size else (np.nan,) * 3
    for name, value in zip(("mean", "min", "max"), measured, strict=True):
        found[f"int_mask_{name}_int_{stage}_roi"] = float(value)
    return found
