"""The features that run length, zone, distance and dependence matrices have in common."""

from __future__ import annotations

import numpy as np

__all__ = ["emphasis_features"]


def emphasis_features(
    levels: np.ndarray, sizes: np.ndarray, counts: np.ndarray, n_voxels: float
) -> list[float]:
    """Return the 16 features of a matrix of counts by grey level and size.

    "Size" is the run length, zone size, zone distance or dependence. The matrix is given by its
    entries that are not zero, so a zone of a million voxels costs no million columns.

    Parameters
    ----------
    levels, sizes, counts : ndarray, shape (n,)
        Row, column and value of each entry; an entry may be split into several only if its
        (level, size) is unique.
    n_voxels : float
        Voxels of the region (times directions where they are merged).

    Returns
    -------
    list of 16 float
        Short, long; low, high level emphasis; short low, short high, long low, long high; level
        non-uniformity, normalised; size non-uniformity, normalised; percentage; level variance;
        size variance; entropy (bit). All NaN for an empty matrix.
    """
    total = float(counts.sum())
    if total == 0:
        return [np.nan] * 16
    i = levels.astype(np.float64)
    j = sizes.astype(np.float64)
    n = counts.astype(np.float64)
    i2, j2 = i * i, j * j
    p = n / total
    by_level = np.bincount(levels, weights=n)
    by_size = _sums(sizes, n)
    level_nonuniformity = float(by_level @ by_level) / total
    size_nonuniformity = float(by_size @ by_size) / total
    mean_level, mean_size = float(p @ i), float(p @ j)
    return [
        float(p @ (1 / j2)),
        float(p @ j2),
        float(p @ (1 / i2)),
        float(p @ i2),
        float(p @ (1 / (i2 * j2))),
        float(p @ (i2 / j2)),
        float(p @ (j2 / i2)),
        float(p @ (i2 * j2)),
        level_nonuniformity,
        level_nonuniformity / total,
        size_nonuniformity,
        size_nonuniformity / total,
        total / n_voxels,
        float(p @ (i - mean_level) ** 2),
        float(p @ (j - mean_size) ** 2),
        float(-(p @ np.log2(p))) + 0.0,
    ]


def _sums(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum of values for each distinct key."""
    _, place = np.unique(keys, return_inverse=True)
    return np.bincount(place, weights=values)
