"""The region to measure: image and masks on the common grid, cropped to what is needed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from radtool.errors import InputError
from radtool.features.levels import Box, bounding_box
from radtool.features.parameters import Parameters
from radtool.filters import Filter
from radtool.image import Geometry, Image, Mask, check_same_grid
from radtool.preprocessing.intensity_step import apply_steps
from radtool.preprocessing.resample import resample_image, resample_mask, resampled_geometry
from radtool.preprocessing.resegment import resegment

__all__ = ["Region", "cropped", "needed_voxels", "prepare"]

# Spheres of 1 cm³ (radius 6.2 mm) around the region's voxels must find the image around it.
_SPHERE_MM = 6.3
_LARGEST = 1e12
_MOST_VOXELS = 5e8


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What features are computed from.

    Parameters
    ----------
    image : Image
        Resampled intensities of the region and its surroundings.
    mask : Mask
        Morphological mask: as segmented.
    inside : Mask
        Intensity mask: re-segmented.
    """

    image: Image
    mask: Mask
    inside: Mask


def prepare(image: Image, mask: Mask, params: Parameters) -> Region:
    """Normalise, crop, resample and re-segment.

    The crop holds the region, the spheres of the intensity peak and the support of every filter,
    so that the voxels of the region get the values that the whole image would give them.

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    InputError
        The region is empty, too small or without plausible intensities.
    """
    check_same_grid(image, mask)
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty")
    image = apply_steps(params.intensity_steps, image)
    moved, region = _resampled(image, mask, params)
    _check_size(region, "on the grid of extraction", params)
    values = moved.array[region.array]
    _check_intensities(values, mask.roi, image)
    inside = resegment(moved, region, params.resegment)
    between = f"within the re-segmentation range (it has {values.min():g} to {values.max():g})"
    _check_size(inside, between, params)
    return Region(moved, region, inside)


def _resampled(image: Image, mask: Mask, params: Parameters) -> tuple[Image, Mask]:
    """Resample what lies around the region; the same voxels as if everything were resampled."""
    settings = params.resample
    box = bounding_box(mask.array)
    if settings.spacing_mm is None:
        window = _window(image.geometry, image.geometry, box, params)
        grid = image.geometry.crop(_starts(window), _sizes(window))
        array = image.array[window].astype(np.float64)
        return (
            Image(_rounded(array, params), grid, image.unit),
            Mask(mask.array[window], grid, mask.roi, mask.origin),
        )
    whole = resampled_geometry(image.geometry, settings.spacing_mm)
    window = _window(image.geometry, whole, box, params)
    grid = whole.crop(_starts(window), _sizes(window))
    _check_grid(grid, image.geometry, mask.roi)
    moved = resample_image(image, grid, interpolation=settings.image_interpolation)
    return moved.with_array(_rounded(moved.array, params)), resample_mask(
        mask, grid, interpolation=settings.mask_interpolation, threshold=settings.mask_threshold
    )


def needed_voxels(geometry: Geometry, mask: Mask, params: Parameters) -> int:
    """Count the voxels that `prepare` keeps on the grid of extraction."""
    spacing = params.resample.spacing_mm
    target = geometry if spacing is None else resampled_geometry(geometry, spacing)
    return int(np.prod(_sizes(_window(geometry, target, bounding_box(mask.array), params))))


def _rounded(array: np.ndarray, params: Parameters) -> np.ndarray:
    return np.rint(array) if params.resample.round_intensities else array


def _window(source: Geometry, target: Geometry, box: Box, params: Parameters) -> Box:
    """Part of the target grid that is needed for a box of the source grid."""
    steps = np.array(source.spacing) / np.array(target.spacing)
    first = target.to_index(source.to_patient(np.zeros(3)))
    low = first + (np.array([part.start for part in box]) - 1) * steps
    high = first + np.array([part.stop for part in box]) * steps
    reach = _reach(target, params)
    if reach is not None:
        inside = np.array([low - reach, high + reach])
        if not (_wraps(params) and (np.any(inside[0] < 0) or np.any(inside[1] > target.shape))):
            start = np.clip(np.floor(inside[0]), 0, None).astype(int)
            stop = np.minimum(np.ceil(inside[1]) + 1, target.shape).astype(int)
            window = [slice(a, b) for a, b in zip(start.tolist(), stop.tolist(), strict=True)]
            return (window[0], window[1], window[2])
    return (slice(0, target.shape[0]), slice(0, target.shape[1]), slice(0, target.shape[2]))


def _reach(grid: Geometry, params: Parameters) -> np.ndarray | None:
    """Voxels needed around the region; None: the whole image."""
    reach = np.zeros(3)
    if any("loc" in params.families_of(image) for image in params.images.values()):
        reach = np.ceil(_SPHERE_MM / np.array(grid.spacing))
    for made in _filters(params):
        support = made.support(grid.spacing)
        if support is None:
            return None
        reach = np.maximum(reach, support)
    return reach


def _filters(params: Parameters) -> list[Filter]:
    return [image.made for image in params.images.values() if image.made is not None]


def _wraps(params: Parameters) -> bool:
    return any(getattr(made, "boundary", "") == "periodic" for made in _filters(params))


def _starts(window: Box) -> tuple[int, int, int]:
    return (window[0].start, window[1].start, window[2].start)


def _sizes(window: Box) -> tuple[int, int, int]:
    sizes = [part.stop - part.start for part in window]
    return (sizes[0], sizes[1], sizes[2])


def _check_grid(grid: Geometry, original: Geometry, roi: str) -> None:
    if np.prod(grid.shape, dtype=np.float64) > _MOST_VOXELS:
        raise InputError(
            f"resampling what mask {roi!r} needs from voxels of {original.spacing} to"
            f" {grid.spacing} mm (z, y, x) makes {grid.shape} voxels, more than {_MOST_VOXELS:g};"
            " check the spacing in the file, or choose a larger spacing_mm"
        )


def _check_size(mask: Mask, where: str, params: Parameters) -> None:
    n = int(np.count_nonzero(mask.array))
    if n < max(1, params.minimum_voxels):
        raise InputError(
            f"mask {mask.roi!r} has {n} voxel(s) ({mask.volume_ml:.3g} mL) {where};"
            f" minimum_voxels is {params.minimum_voxels}"
        )


def _check_intensities(values: np.ndarray, roi: str, image: Image) -> None:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        original = int(np.count_nonzero(~np.isfinite(image.array)))
        raise InputError(
            f"{bad} of {values.size} voxel(s) in mask {roi!r} are NaN or infinite; the image has"
            f" {original} such voxel(s), and interpolation spreads them; give them a value (air, 0)"
            " or shrink the mask"
        )
    largest = float(np.abs(values).max())
    if largest > _LARGEST:
        raise InputError(
            f"intensities in mask {roi!r} reach {largest:.3g}; the file's rescale slope and"
            " intercept cannot be right"
        )


def cropped(region: Region, image: Image) -> tuple[Image, Region]:
    """Crop an image on the region's grid, and the region, to the box of the mask."""
    box = bounding_box(region.mask.array)
    grid = image.geometry.crop(_starts(box), _sizes(box))
    mask = dataclasses.replace(region.mask, array=region.mask.array[box], geometry=grid)
    inside = dataclasses.replace(region.inside, array=region.inside.array[box], geometry=grid)
    part = Image(image.array[box], grid, image.unit)
    return part, Region(part, mask, inside)
