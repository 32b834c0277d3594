"""Resampling as pyradiomics does it: a grid from the mask, by its corner, cut around the region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from radtool.errors import GeometryError
from radtool.features.pyradiomics.parameters import PyradiomicsSettings
from radtool.features.pyradiomics.splines import (
    nearest_along,
    places_along,
    point_of,
    spline_along,
)
from radtool.image import Geometry, Image, Mask

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["Box", "bounding_box", "resample_both", "to_itk"]

Box = tuple[slice, slice, slice]

_REACH = 32


def bounding_box(inside: np.ndarray) -> Box:
    """Smallest box (z, y, x) around a region that is not empty."""
    rows = np.asarray(inside.any(axis=2))
    slices = np.flatnonzero(rows.any(axis=1))
    part = inside[int(slices[0]) : int(slices[-1]) + 1]
    columns = np.flatnonzero(part.any(axis=(0, 1)))
    z, y, x = (
        slice(int(found[0]), int(found[-1]) + 1)
        for found in (slices, np.flatnonzero(rows.any(axis=0)), columns)
    )
    return z, y, x


def resample_both(image: Image, mask: Mask, settings: PyradiomicsSettings) -> tuple[Image, Mask]:
    """Resample image and mask to ``resampledPixelSpacing`` around the region.

    The grid follows the mask's: its corner stays where it is, a spacing of 0 keeps the mask's, as
    does an axis along which the region has one slice; ``padDistance`` voxels are added. Integer
    images stay integer: ITK cuts off the fraction.

    Raises
    ------
    GeometryError
        The region lies partly outside the image.
    """
    box = bounding_box(mask.array)
    lowest = np.array([part.start for part in box[::-1]])
    highest = np.array([part.stop - 1 for part in box[::-1]])
    size = highest - lowest + 1
    _check_inside(image, mask, lowest, highest)
    old = np.array(mask.geometry.spacing_xyz)
    wanted = np.array(settings.resampled_pixel_spacing, dtype=np.float64)
    new = np.where((wanted == 0) | (size == 1), old, wanted)
    if np.allclose(image.geometry.spacing_xyz, new):
        return _cut(image, mask, _on_image_grid(image, mask), settings.pad_distance)
    ratio = old / new
    low = np.floor((lowest - 0.5) * ratio - settings.pad_distance)
    high = np.ceil((lowest + size - 0.5) * ratio + settings.pad_distance)
    last = np.ceil(np.array(mask.geometry.shape[::-1]) * ratio) - 1
    low, high = np.maximum(low, 0), np.minimum(high, last)
    count = (high - low + 1).astype(int).tolist()
    start = 0.5 * (new - old) / old + low / ratio
    origin = point_of(mask.geometry, start)
    grid = Geometry(
        (count[2], count[1], count[0]),
        (float(new[2]), float(new[1]), float(new[0])),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        mask.geometry.direction,
    )
    return (
        Image(_interpolated(image, grid, str(settings.interpolator)), grid, image.unit),
        Mask(_nearest(mask, grid), grid, mask.roi, mask.origin),
    )


def _check_inside(image: Image, mask: Mask, lowest: np.ndarray, highest: np.ndarray) -> None:
    ends = np.array([lowest - 0.5, highest + 0.5])[:, ::-1]
    there = image.geometry.to_index(mask.geometry.to_patient(ends))
    limit = np.array(image.geometry.shape) - 0.5
    if (there.min(0) < -0.501).any() or (there.max(0) > limit + 1e-3).any():
        raise GeometryError(
            f"mask {mask.roi!r} reaches outside the image: indices (z, y, x)"
            f" {there.min(0).round(2)} to {there.max(0).round(2)}, the image ends at {limit}"
        )


def _on_image_grid(image: Image, mask: Mask) -> np.ndarray:
    if image.geometry == mask.geometry:
        return mask.array
    import SimpleITK as sitk

    volume, label = to_itk(image.array, image.geometry), to_itk(mask.array, mask.geometry)
    moved = sitk.Resample(label, volume, sitk.Transform(), sitk.sitkNearestNeighbor)
    return sitk.GetArrayFromImage(moved) > 0


def _interpolated(image: Image, grid: Geometry, interpolator: str) -> np.ndarray:
    """Intensities on a grid, from what lies within `_REACH` voxels around it where that is safe.

    A spline forgets by 0.268 a voxel, so nothing farther off reaches the last digit. But ITK cuts
    the fraction off for integer images: where samples fall on voxels, the spline gives whole
    numbers but for rounding, and rounding decides. Then the whole image is used, as ITK would.
    """
    exact = image.array.dtype.kind in "iu" and _falls_on_voxels(image.geometry, grid)
    if exact or interpolator not in ("sitkBSpline", "sitkLinear"):
        return _at_once(image.array, image.geometry, grid, interpolator)
    ends = image.geometry.to_index(grid.corners())
    start = np.clip(np.floor(ends.min(0)).astype(int) - _REACH, 0, None)
    stop = np.minimum(np.ceil(ends.max(0)).astype(int) + _REACH + 1, image.array.shape)
    part = image.array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    geometry = image.geometry.crop(
        (int(start[0]), int(start[1]), int(start[2])),
        (part.shape[0], part.shape[1], part.shape[2]),
    )
    return _at_once(part, geometry, grid, interpolator)


def _at_once(
    array: np.ndarray, geometry: Geometry, grid: Geometry, interpolator: str
) -> np.ndarray:
    """By our own spline where the axes are the same, else by ITK."""
    places = places_along(geometry, grid) if interpolator == "sitkBSpline" else None
    found = None if places is None else spline_along(array, places)
    return _resampled(to_itk(array, geometry), grid, interpolator) if found is None else found


def _nearest(mask: Mask, grid: Geometry) -> np.ndarray:
    places = places_along(mask.geometry, grid)
    if places is not None:
        return nearest_along(mask.array, places)
    return _resampled(to_itk(mask.array, mask.geometry), grid, "sitkNearestNeighbor") > 0


def _falls_on_voxels(old: Geometry, new: Geometry) -> bool:
    """Whether some voxel centre of the new grid may lie on one of the old."""
    turned = not np.allclose(old.direction, new.direction, atol=1e-9)
    along = old.to_index(new.to_patient(np.arange(max(new.shape))[:, None].repeat(3, 1)))
    near = np.abs(along - np.round(along)) < 1e-6
    return turned or all(near[: new.shape[axis], axis].any() for axis in range(3))


def _cut(image: Image, mask: Mask, inside: np.ndarray, margin: int) -> tuple[Image, Mask]:
    region = bounding_box(inside)
    start = np.maximum([part.start - margin for part in region], 0)
    stop = np.minimum([part.stop + margin for part in region], inside.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    part = image.array[box]
    geometry = image.geometry.crop(
        (int(start[0]), int(start[1]), int(start[2])),
        (part.shape[0], part.shape[1], part.shape[2]),
    )
    return (
        Image(part, geometry, image.unit),
        Mask(inside[box].copy(), geometry, mask.roi, mask.origin),
    )


def to_itk(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    """SimpleITK's image of an array on a grid; a mask becomes 0 and 1."""
    import SimpleITK as sitk

    whole = np.ascontiguousarray(array)
    volume = sitk.GetImageFromArray(whole.view(np.uint8) if array.dtype == np.bool_ else whole)
    volume.SetSpacing(geometry.spacing_xyz)
    volume.SetOrigin(geometry.origin)
    volume.SetDirection(geometry.direction)
    return volume


def _resampled(volume: sitk.Image, grid: Geometry, interpolator: str) -> np.ndarray:
    import SimpleITK as sitk

    resampler = sitk.ResampleImageFilter()
    resampler.SetOutputSpacing(grid.spacing_xyz)
    resampler.SetOutputDirection(grid.direction)
    resampler.SetOutputOrigin(grid.origin)
    resampler.SetSize(grid.shape[::-1])
    resampler.SetOutputPixelType(volume.GetPixelID())
    resampler.SetInterpolator(getattr(sitk, interpolator))
    return sitk.GetArrayFromImage(resampler.Execute(volume))
