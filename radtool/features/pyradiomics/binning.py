"""Grey levels as pyradiomics makes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radtool.errors import InputError
from radtool.features._kernels.bins import bin_numbers
from radtool.features.levels import Levels
from radtool.features.pyradiomics.parameters import PyradiomicsSettings

__all__ = ["Binned", "bin_edges", "discretise_region"]

_MOST_LEVELS = 100_000
_MOST_OCCUPIED = 5_000


@dataclass(frozen=True, eq=False)
class Binned:
    """One image's region after binning.

    Parameters
    ----------
    array : ndarray of int32, shape (z, y, x)
        Grey levels from 1, 0 outside the region.
    counts : ndarray of int64
        Voxels of each grey level, index 0 unused.
    """

    array: np.ndarray
    counts: np.ndarray

    @cached_property
    def occupied(self) -> np.ndarray:
        """Grey levels that occur, rising."""
        return np.flatnonzero(self.counts)

    @property
    def largest(self) -> int:
        """Largest grey level (pyradiomics' Ng)."""
        return len(self.counts) - 1

    def levels(self, pad: int = 1) -> Levels:
        """The grey levels laid out for counting."""
        has_gaps = len(self.occupied) < self.largest
        return Levels(self.array, pad) if has_gaps or pad > 1 else self.ranks

    @cached_property
    def ranks(self) -> Levels:
        """The same with levels numbered through, so that gaps cost no memory."""
        if len(self.occupied) == self.largest:
            return Levels(self.array, 1)
        numbers = np.zeros(self.largest + 1, dtype=np.int32)
        numbers[self.occupied] = np.arange(1, len(self.occupied) + 1)
        return Levels(numbers[self.array], 1)


def discretise_region(
    values: np.ndarray, inside: np.ndarray, settings: PyradiomicsSettings
) -> Binned:
    """Bin the intensities of a region; the lowest occupied bin is level 1.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Intensities of the region, in the order of its voxels.
    inside : ndarray of bool, shape (z, y, x)
        The region.
    settings : PyradiomicsSettings
        ``bin_width`` or ``bin_count``.

    Raises
    ------
    InputError
        Intensities are not finite or too large for their bins, the bin width gives more than
        100,000 levels, or more than 5,000 of them occur.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise InputError(
            f"{bad} of {values.size} voxel(s) of the region are NaN or infinite and cannot be"
            " binned; filters and interpolation spread them, so give such voxels of the image a"
            " value (air, 0)"
        )
    edges = bin_edges(values, settings)
    if not (np.diff(edges) > 0).all():
        raise InputError(
            f"intensities from {values.min():g} to {values.max():g} are too large to be told apart"
            " by their bins; check the file's rescale slope and intercept"
        )
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    numbers = bin_numbers(values, edges, width)
    counts = np.bincount(numbers)
    occupied = int(np.count_nonzero(counts))
    if occupied > _MOST_OCCUPIED:
        raise InputError(
            f"{occupied} grey levels occur, more than {_MOST_OCCUPIED}: a co-occurrence matrix of"
            f" them takes gigabytes; choose a larger binWidth (now {settings.bin_width:g}) or fewer"
            " bins for this image type"
        )
    array = np.zeros(inside.shape, dtype=np.int32)
    array[inside] = numbers
    return Binned(array, counts)


def bin_edges(values: np.ndarray, settings: PyradiomicsSettings) -> np.ndarray:
    """Edges of the bins, float64.

    With a width, edges are multiples of it, from the last one not above the minimum; with a
    count, they divide the range, and the last is moved so that the maximum falls into the last
    bin.
    """
    if settings.bin_count is not None:
        edges = np.histogram_bin_edges(values, settings.bin_count)
        edges[-1] += 1
        return edges.astype(np.float64)
    width = settings.bin_width
    low, high = values.min(), values.max()
    if values.dtype.kind in "iu":  # a sum must not wrap round in the image's own type
        low, high = int(low), int(high)
    if (float(high) - float(low)) / width > _MOST_LEVELS:
        raise InputError(
            f"intensities from {low} to {high} with a bin width of {width} make more than"
            f" {_MOST_LEVELS} grey levels; choose a larger binWidth for this image type, or check"
            " the file's rescale slope and intercept"
        )
    edges = np.arange(low - low % width, high + 2 * width, width)
    if len(edges) == 1:
        edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    return edges.astype(np.float64)
