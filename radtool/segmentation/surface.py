"""Surface elements of a mask and the distances between two surfaces.

A surface element sits at a corner shared by 2×2×2 voxels of which some, not all, are inside. Its
area is that of the marching-cubes patch in the cell between the eight voxel centres, the smaller
of the two patches where a cell and its complement differ. Distances run from corner to corner.

References
----------
S. Nikolov et al., Clinically applicable segmentation of head and neck anatomy for radiotherapy:
deep learning algorithm development and validation study, Journal of Medical Internet Research
23(7):e26151, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage
from skimage.measure import marching_cubes, mesh_surface_area

from radtool.errors import GeometryError
from radtool.image import Geometry, Mask

__all__ = ["SurfaceDistances", "check_masks_match", "surface_distances"]


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceDistances:
    """Distances in mm of each surface element of two masks to the other mask's surface.

    Parameters
    ----------
    to_other : ndarray
        Distance of each element of the reference surface to the other surface; inf when the other
        mask is empty.
    to_reference : ndarray
        The same, from the other surface to the reference surface.
    reference_areas, other_areas : ndarray
        Areas of the elements in mm², in the order of the distances.
    """

    to_other: np.ndarray
    to_reference: np.ndarray
    reference_areas: np.ndarray
    other_areas: np.ndarray


def check_masks_match(reference: Mask, other: Mask) -> None:
    """Raise unless two masks are the same voxel grid.

    Raises
    ------
    GeometryError
        Shapes differ, or corners differ by more than a thousandth of a voxel.
    """
    a, b = reference.geometry, other.geometry
    if not a.matches(b):
        found = (
            f"shapes (z, y, x) are {a.shape} and {b.shape}"
            if a.shape != b.shape
            else f"corners differ by {a.corner_distance(b):.3g} mm"
        )
        raise GeometryError(
            f"masks {reference.roi!r} and {other.roi!r} are not on one grid: {found};"
            " resample one with preprocessing.resample_mask(mask, like=geometry)"
        )


def surface_distances(reference: Mask, other: Mask) -> SurfaceDistances:
    """Measure how far each element of two mask surfaces is from the other surface.

    Parameters
    ----------
    reference, other : Mask
        On one grid.

    Returns
    -------
    SurfaceDistances
        Sorted by distance within each direction; empty arrays for the surface of an empty mask.

    Raises
    ------
    GeometryError
        The masks are not on one grid.
    """
    check_masks_match(reference, other)
    geometry = reference.geometry
    box = _joint_box(reference.array, other.array)
    if box is None:
        nothing = np.empty(0)
        return SurfaceDistances(nothing, nothing, nothing, nothing)
    codes = [_corner_codes(mask.array[box]) for mask in (reference, other)]
    areas = np.array(_areas(geometry.spacing))
    borders = [(code != 0) & (code != 255) for code in codes]
    maps = [_distance_map(border, geometry) for border in borders]
    to_other, reference_areas = _sorted(maps[1][borders[0]], areas[codes[0][borders[0]]])
    to_reference, other_areas = _sorted(maps[0][borders[1]], areas[codes[1][borders[1]]])
    return SurfaceDistances(to_other, to_reference, reference_areas, other_areas)


def _joint_box(a: np.ndarray, b: np.ndarray) -> tuple[slice, ...] | None:
    """Smallest box around both masks; None when both are empty."""
    ends = []
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        used = np.flatnonzero(a.any(axis=others) | b.any(axis=others))
        if used.size == 0:
            return None
        ends.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(ends)


def _corner_codes(array: np.ndarray) -> np.ndarray:
    """Eight bits for the eight voxels around each voxel corner, shape + 1."""
    padded = np.pad(array, 1).astype(np.uint8)
    nz, ny, nx = (size - 1 for size in padded.shape)
    code = np.zeros((nz, ny, nx), dtype=np.uint8)
    for bit in range(8):
        dz, dy, dx = (7 - bit) >> 2 & 1, (7 - bit) >> 1 & 1, (7 - bit) & 1
        code |= padded[dz : dz + nz, dy : dy + ny, dx : dx + nx] << bit
    return code


@lru_cache(maxsize=64)
def _areas(spacing: tuple[float, float, float]) -> tuple[float, ...]:
    """Area in mm² of the surface patch of each corner code."""
    areas = np.zeros(256)
    for code in range(1, 255):
        cell = np.array([code >> bit & 1 for bit in range(7, -1, -1)], float).reshape(2, 2, 2)
        vertices, faces, _, _ = marching_cubes(cell, 0.5, spacing=spacing, method="lorensen")
        areas[code] = mesh_surface_area(vertices, faces)
    return tuple(np.minimum(areas, areas[::-1]).tolist())


def _distance_map(border: np.ndarray, geometry: Geometry) -> np.ndarray:
    if not border.any():
        return np.full(border.shape, np.inf)
    return ndimage.distance_transform_edt(~border, sampling=geometry.spacing)


def _sorted(distances: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((areas, distances))
    return distances[order], areas[order]
