"""Grey levels laid out for counting: padded and flat, whole or slice by slice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

__all__ = [
    "Box",
    "Levels",
    "Norm",
    "bounding_box",
    "half_neighbourhood",
    "neighbourhood",
    "offset_lengths",
]

Box = tuple[slice, slice, slice]

Norm = Literal["chebyshev", "euclidean", "manhattan"]


@dataclass(frozen=True, eq=False)
class Levels:
    """Grey levels of one region, padded with zeros so that no neighbour lies outside.

    Parameters
    ----------
    array : ndarray of int32, shape (z, y, x)
        Grey levels from 1, 0 outside the region.
    pad : int, default 1
        Width of the padding; at least the largest distance between neighbours.
    """

    array: np.ndarray
    pad: int = 1

    @cached_property
    def padded(self) -> np.ndarray:
        """Padded levels, int32, C order."""
        return np.pad(self.array.astype(np.int32, copy=False), self.pad)

    @property
    def flat(self) -> np.ndarray:
        """Padded levels in one dimension."""
        return self.padded.reshape(-1)

    @cached_property
    def voxels(self) -> np.ndarray:
        """Flat indices of the region's voxels, rising, int64."""
        return np.flatnonzero(self.flat).astype(np.int64, copy=False)

    @cached_property
    def n_levels(self) -> int:
        """Largest grey level (IBSI N_g: empty levels below it count)."""
        return int(self.array.max(initial=0))

    @property
    def longest(self) -> int:
        """Largest number of voxels in a line."""
        return max(self.array.shape)

    def steps(self, offsets: np.ndarray) -> np.ndarray:
        """Flat distances of offsets (z, y, x), int64."""
        _, ny, nx = self.padded.shape
        return offsets @ np.array([ny * nx, nx, 1], dtype=np.int64)

    def slices(self) -> Iterator[np.ndarray]:
        """Voxels (flat indices) of each axial slice that has any."""
        _, ny, nx = self.padded.shape
        ends = np.searchsorted(self.voxels, np.arange(self.padded.shape[0] + 1) * (ny * nx))
        for start, stop in itertools.pairwise(ends.tolist()):
            if stop > start:
                yield self.voxels[start:stop]


def neighbourhood(dimensions: int, distance: int = 1, norm: Norm = "chebyshev") -> np.ndarray:
    """Return the offsets (z, y, x) of all neighbours up to a distance.

    Parameters
    ----------
    dimensions : {2, 3}
        2: within the axial slice.
    distance : int, default 1
        Largest distance in voxels.
    norm : {"chebyshev", "euclidean", "manhattan"}, default "chebyshev"
        How distance is measured (IBSI PVMT, G9EV, LIFZ).

    Returns
    -------
    ndarray of int64, shape (n, 3)
        Sorted; the zero offset is left out.

    Examples
    --------
    >>> len(neighbourhood(3)), len(neighbourhood(2)), len(neighbourhood(3, norm="manhattan"))
    (26, 8, 6)
    """
    reach = range(-distance, distance + 1)
    zs = reach if dimensions == 3 else range(1)
    offsets = np.array(list(itertools.product(zs, reach, reach)), dtype=np.int64)
    length = offset_lengths(offsets, norm)
    return offsets[(length > 0) & (length <= distance)]


def half_neighbourhood(dimensions: int, distance: int = 1, norm: Norm = "chebyshev") -> np.ndarray:
    """Return one of each pair of opposite offsets at exactly a distance; the flat step is above 0.

    For the Euclidean norm "at" a distance d means above d − 1 and up to d.

    Examples
    --------
    >>> len(half_neighbourhood(3)), len(half_neighbourhood(2))
    (13, 4)
    """
    offsets = neighbourhood(dimensions, distance, norm)
    length = offset_lengths(offsets, norm)
    offsets = offsets[length > distance - 1]
    return offsets[len(offsets) // 2 :]


def offset_lengths(
    offsets: np.ndarray, norm: Norm, spacing: tuple[float, ...] = (1.0, 1.0, 1.0)
) -> np.ndarray:
    """Return the lengths of offsets (z, y, x) in a norm, in voxels or, with a spacing, in mm."""
    scaled = np.abs(offsets) * np.array(spacing)
    if norm == "manhattan":
        return scaled.sum(axis=1)
    if norm == "euclidean":
        return np.sqrt((scaled**2).sum(axis=1))
    return scaled.max(axis=1)


def bounding_box(array: np.ndarray) -> Box:
    """Return the smallest box that holds every True voxel; there is at least one."""
    found = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        where = np.flatnonzero(array.any(axis=others))
        found.append(slice(int(where[0]), int(where[-1]) + 1))
    return (found[0], found[1], found[2])
