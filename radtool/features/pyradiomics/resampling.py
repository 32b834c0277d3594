"""Resampling as pyradiomics does it: a grid from the mask, by its corner, cut around the region."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from radtool.errors import GeometryError
from radtool.features.pyradiomics.parameters import PyradiomicsSettings
from radtool.image import Geometry, Image, Mask

__all__ = ["resample_both", "to_itk"]


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
    index = np.argwhere(mask.array)
    lowest, highest = index.min(0)[::-1], index.max(0)[::-1]
    size = highest - lowest + 1
    _check_inside(image, mask, lowest, highest)
    old = np.array(mask.geometry.spacing_xyz)
    wanted = np.array(settings.resampled_pixel_spacing, dtype=np.float64)
    new = np.where((wanted == 0) | (size == 1), old, wanted)
    volume, label = to_itk(image.array, image.geometry), to_itk(mask.array, mask.geometry)
    if np.allclose(image.geometry.spacing_xyz, new):
        label = sitk.Resample(label, volume, sitk.Transform(), sitk.sitkNearestNeighbor)
        return _cut(image, mask, sitk.GetArrayViewFromImage(label) > 0, settings.pad_distance)
    ratio = old / new
    low = np.floor((lowest - 0.5) * ratio - settings.pad_distance)
    high = np.ceil((lowest + size - 0.5) * ratio + settings.pad_distance)
    last = np.ceil(np.array(mask.geometry.shape[::-1]) * ratio) - 1
    low, high = np.maximum(low, 0), np.minimum(high, last)
    count = (high - low + 1).astype(int).tolist()
    start = 0.5 * (new - old) / old + low / ratio
    origin = label.TransformContinuousIndexToPhysicalPoint(start.tolist())
    grid = Geometry(
        (count[2], count[1], count[0]),
        (float(new[2]), float(new[1]), float(new[0])),
        (origin[0], origin[1], origin[2]),
        mask.geometry.direction,
    )
    return (
        Image(_resampled(volume, grid, settings.interpolator), grid, image.unit),
        Mask(_resampled(label, grid, "sitkNearestNeighbor") > 0, grid, mask.roi, mask.origin),
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


def _cut(image: Image, mask: Mask, inside: np.ndarray, margin: int) -> tuple[Image, Mask]:
    index = np.argwhere(inside)
    start = np.maximum(index.min(0) - margin, 0)
    stop = np.minimum(index.max(0) + margin + 1, inside.shape)
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
    volume = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == np.bool_ else array)
    volume.SetSpacing(geometry.spacing_xyz)
    volume.SetOrigin(geometry.origin)
    volume.SetDirection(geometry.direction)
    return volume


def _resampled(volume: sitk.Image, grid: Geometry, interpolator: str | None) -> np.ndarray:
    resampler = sitk.ResampleImageFilter()
    resampler.SetOutputSpacing(grid.spacing_xyz)
    resampler.SetOutputDirection(grid.direction)
    resampler.SetOutputOrigin(grid.origin)
    resampler.SetSize(grid.shape[::-1])
    resampler.SetOutputPixelType(volume.GetPixelID())
    resampler.SetInterpolator(getattr(sitk, str(interpolator)))
    return sitk.GetArrayFromImage(resampler.Execute(volume))
