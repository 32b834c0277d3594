"""Image and mask made ready as pyradiomics does: normalised, resampled, checked, cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radtool.errors import GeometryError, InputError
from radtool.features.pyradiomics.parameters import PyradiomicsSettings
from radtool.features.pyradiomics.resampling import Box, bounding_box, resample_both
from radtool.image import Geometry, Image, Mask, check_same_grid

__all__ = ["Prepared", "prepare"]

_MOST_VOXELS = 5e8


@dataclass(frozen=True, eq=False)
class Prepared:
    """What features are computed from.

    Parameters
    ----------
    image : Image
        Intensities after normalisation, resampling or cropping.
    inside : ndarray of bool, shape (z, y, x)
        Region for texture and first-order features.
    shape_inside : ndarray of bool, shape (z, y, x)
        Region for shape features.
    box : tuple of 3 slice
        Bounding box of `inside`; pyradiomics crops both regions to it.
    """

    image: Image
    inside: np.ndarray
    shape_inside: np.ndarray
    box: Box


def prepare(image: Image, mask: Mask, settings: PyradiomicsSettings) -> Prepared:
    """Normalise, resample or crop, check and resegment, in pyradiomics' order.

    Raises
    ------
    InputError
        The region is empty, one voxel, or has fewer voxels or dimensions than the settings ask.
    GeometryError
        Image and mask are on different grids and neither resampling nor ``correctMask`` is on,
        or the region lies partly outside the image.
    """
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty")
    if settings.normalize:
        image = _normalised(image, settings)
    if settings.interpolator is not None and settings.resampled_pixel_spacing is not None:
        _check_extent(image, mask, settings)
        image, mask = resample_both(image, mask, settings)
        _check_region(mask.array, settings, mask.roi)
    else:
        mask = _on_grid(image, mask, settings)
        box = _check_region(mask.array, settings, mask.roi)
        if settings.pre_crop:
            image, mask = _cropped(image, mask, _grown(box, settings.pad_distance, image.geometry))
    original = mask.array
    inside = _resegmented(image.array, original, settings, mask.roi)
    box = _check_region(inside, settings, mask.roi)
    return Prepared(image, inside, inside if settings.resegment_shape else original, box)


def _normalised(image: Image, settings: PyradiomicsSettings) -> Image:
    """Whole image to mean 0 and sample standard deviation 1 as ITK computes them, then scaled."""
    import SimpleITK as sitk

    volume = sitk.Normalize(sitk.GetImageFromArray(image.array))
    array = sitk.GetArrayFromImage(volume)
    if settings.remove_outliers is not None:
        array = np.clip(array, -settings.remove_outliers, settings.remove_outliers)
    return Image(array * settings.normalize_scale, image.geometry)


def _on_grid(image: Image, mask: Mask, settings: PyradiomicsSettings) -> Mask:
    if not settings.correct_mask or image.geometry.matches(mask.geometry):
        check_same_grid(image, mask)
        return mask
    box = bounding_box(mask.array)
    edges = [[part.start - 0.5 for part in box], [part.stop - 0.5 for part in box]]
    ends = mask.geometry.to_patient(np.array(edges))
    there = image.geometry.to_index(ends)
    beyond = np.array(image.geometry.shape) - 0.5
    if (there.min(0) < -0.501).any() or (there.max(0) > beyond + 1e-3).any():
        raise GeometryError(
            f"mask {mask.roi!r} reaches outside the image (indices {there.min(0).round(1)} to"
            f" {there.max(0).round(1)}, the image ends at {beyond}); correctMask cannot help"
        )
    nearest = image.geometry
    points = nearest.to_patient(np.moveaxis(np.indices(nearest.shape), 0, -1))
    where = np.floor(mask.geometry.to_index(points) + 0.5).astype(np.int64)
    valid = ((where >= 0) & (where < np.array(mask.geometry.shape))).all(-1)
    array = np.zeros(nearest.shape, dtype=bool)
    array[valid] = mask.array[tuple(where[valid].T)]
    return Mask(array, nearest, mask.roi, mask.origin)


def _check_extent(image: Image, mask: Mask, settings: PyradiomicsSettings) -> None:
    """Refuse an image without room for one new voxel, and a region with far too many."""
    extent = np.multiply(image.array.shape, image.geometry.spacing)
    wanted = np.array(settings.resampled_pixel_spacing, dtype=np.float64)[::-1]
    if ((extent < wanted) & (np.array(image.array.shape) > 1)).any():
        raise InputError(
            f"the image is {_in_mm(extent)} (z, y, x), smaller than one voxel of"
            f" resampledPixelSpacing, {_in_mm(wanted)}; check the spacing in the file"
        )
    box = bounding_box(mask.array)
    region = np.multiply([part.stop - part.start for part in box], mask.geometry.spacing)
    steps = np.where(wanted > 0, wanted, mask.geometry.spacing)
    if np.prod(np.minimum(region, extent) / steps) > _MOST_VOXELS:
        raise InputError(
            f"mask {mask.roi!r} is {_in_mm(region)} (z, y, x) large: more than {_MOST_VOXELS:g}"
            f" voxels of resampledPixelSpacing, {_in_mm(wanted)}; check the spacing in the file"
        )


def _in_mm(sizes: np.ndarray) -> str:
    return f"{' x '.join(f'{size:g}' for size in sizes)} mm"


def _check_region(inside: np.ndarray, settings: PyradiomicsSettings, roi: str) -> Box:
    """Return the bounding box, or raise when the region is too small."""
    if not inside.any():
        raise InputError(f"mask {roi!r} covers no voxel of the prepared image")
    box = bounding_box(inside)
    dimensions = sum(part.stop - part.start > 1 for part in box)
    if dimensions == 0:
        raise InputError(f"mask {roi!r} is a single voxel; features need more")
    if dimensions < settings.minimum_roi_dimensions:
        raise InputError(
            f"mask {roi!r} has {dimensions} dimension(s), minimumROIDimensions asks for"
            f" {settings.minimum_roi_dimensions}"
        )
    voxels = int(np.count_nonzero(inside))
    if settings.minimum_roi_size is not None and voxels <= settings.minimum_roi_size:
        raise InputError(
            f"mask {roi!r} has {voxels} voxels, minimumROISize asks for more than"
            f" {settings.minimum_roi_size}"
        )
    return box


def _grown(box: Box, margin: int, geometry: Geometry) -> Box:
    z, y, x = (
        slice(max(part.start - margin, 0), min(part.stop + margin, size))
        for part, size in zip(box, geometry.shape, strict=True)
    )
    return z, y, x


def _cropped(image: Image, mask: Mask, box: Box) -> tuple[Image, Mask]:
    start = (box[0].start, box[1].start, box[2].start)
    part = image.array[box]
    shape = (part.shape[0], part.shape[1], part.shape[2])
    geometry = image.geometry.crop(start, shape)
    return (
        Image(part, geometry, image.unit),
        Mask(mask.array[box], geometry, mask.roi, mask.origin),
    )


def _resegmented(
    array: np.ndarray, inside: np.ndarray, settings: PyradiomicsSettings, roi: str
) -> np.ndarray:
    """The voxels of the region inside ``resegmentRange``."""
    if settings.resegment_range is None:
        return inside
    values = array[inside]
    limits: list[float] = sorted(settings.resegment_range)
    if settings.resegment_mode == "relative":
        limits = [values.max() * limit for limit in limits]
    elif settings.resegment_mode == "sigma":
        limits = [values.mean() + values.std() * limit for limit in limits]
    kept = values >= limits[0]
    if len(limits) == 2:
        kept &= values <= limits[1]
    if np.count_nonzero(kept) <= 1:
        raise InputError(
            f"mask {roi!r}: {int(np.count_nonzero(kept))} voxel(s) left by resegmentRange"
            f" {settings.resegment_range} ({settings.resegment_mode}); the intensities are"
            f" {values.min():g} to {values.max():g}"
        )
    result = np.zeros_like(inside)
    result[inside] = kept
    return result
