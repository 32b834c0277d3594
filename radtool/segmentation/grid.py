"""From any scan to the 2 mm axis-aligned grid that the network sees, and back."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from radtool.image import Geometry, Image, Mask

__all__ = ["WORKING_SPACING", "to_input_grid", "to_working_grid", "working_fraction"]

WORKING_SPACING = 2.0


def to_working_grid(image: Image, *, outside: float = -1024.0) -> Image:
    """Resample an image to 2 mm cubes along the patient axes.

    Voxels smaller than 1 mm are first averaged in blocks, so that noise does not alias.

    Parameters
    ----------
    image : Image
        Any orientation and spacing.
    outside : float, default -1024
        Value where the image has none (a rotated scan leaves such corners).

    Returns
    -------
    Image
        float32, spacing (2, 2, 2), identity direction, same unit.
    """
    volume = _volume(np.asarray(image.array, dtype=np.float32), image.geometry)
    shrunk = _shrink(volume)
    grid = _working_geometry(_geometry(shrunk))
    return Image(_resample(shrunk, grid, outside), grid, image.unit)


def working_fraction(mask: Mask) -> np.ndarray:
    """Fraction of each working-grid voxel that a mask covers, float32 (z, y, x)."""
    shrunk = _shrink(_volume(mask.array.astype(np.float32), mask.geometry))
    return _resample(shrunk, _working_geometry(_geometry(shrunk)), 0.0)


def to_input_grid(values: np.ndarray, working: Geometry, target: Geometry) -> np.ndarray:
    """Interpolate working-grid values at the voxels of another grid; float32, 0 outside.

    Parameters
    ----------
    values : ndarray of shape working.shape
    working, target : Geometry
        Where the values lie and where they are wanted.

    Returns
    -------
    ndarray of shape target.shape
    """
    return _resample(_volume(np.asarray(values, dtype=np.float32), working), target, 0.0)


def _shrink(volume: sitk.Image) -> sitk.Image:
    size, spacing = volume.GetSize(), volume.GetSpacing()
    factors = [
        max(1, min(int(WORKING_SPACING / step + 1e-6), count))
        for step, count in zip(spacing, size, strict=True)
    ]
    return volume if max(factors) == 1 else sitk.BinShrink(volume, factors)


def _working_geometry(geometry: Geometry) -> Geometry:
    corners = geometry.corners()
    lower, upper = corners.min(axis=0), corners.max(axis=0)
    counts = np.floor((upper - lower) / WORKING_SPACING + 1e-3).astype(int) + 1
    return Geometry(tuple(counts[::-1].tolist()), (WORKING_SPACING,) * 3, tuple(lower.tolist()))


def _volume(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    volume = sitk.GetImageFromArray(array)
    volume.SetSpacing(geometry.spacing_xyz)
    volume.SetOrigin(geometry.origin)
    volume.SetDirection(geometry.direction)
    return volume


def _geometry(volume: sitk.Image) -> Geometry:
    return Geometry(
        volume.GetSize()[::-1], volume.GetSpacing()[::-1], volume.GetOrigin(), volume.GetDirection()
    )


def _resample(volume: sitk.Image, grid: Geometry, outside: float) -> np.ndarray:
    if _geometry(volume).matches(grid):
        return sitk.GetArrayFromImage(volume)
    resampled = sitk.Resample(
        volume,
        grid.shape[::-1],
        sitk.Transform(),
        sitk.sitkLinear,
        grid.origin,
        grid.spacing_xyz,
        grid.direction,
        outside,
        sitk.sitkFloat32,
    )
    return sitk.GetArrayFromImage(resampled)
