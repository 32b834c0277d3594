"""GLRLM, GLSZM and GLDM features as pyradiomics defines them: one formula, three matrices."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import count_runs, find_zones
from radtool.features.pyradiomics.binning import Binned
from radtool.features.pyradiomics.directions import directions, weights
from radtool.features.pyradiomics.parameters import PyradiomicsSettings

__all__ = ["gldm_features", "glrlm_features", "glszm_features", "matrix_features"]

_EPS = float(np.spacing(1.0))
# What the 16 numbers of `matrix_features` are called in each class; "" is not given.
_RUNS = (
    "ShortRunEmphasis", "LongRunEmphasis", "LowGrayLevelRunEmphasis",
    "HighGrayLevelRunEmphasis", "ShortRunLowGrayLevelEmphasis",
    "ShortRunHighGrayLevelEmphasis", "LongRunLowGrayLevelEmphasis",
    "LongRunHighGrayLevelEmphasis", "GrayLevelNonUniformity",
    "GrayLevelNonUniformityNormalized", "RunLengthNonUniformity",
    "RunLengthNonUniformityNormalized", "RunPercentage", "GrayLevelVariance", "RunVariance",
    "RunEntropy",
)  # fmt: skip
_ZONES = (
    "SmallAreaEmphasis", "LargeAreaEmphasis", "LowGrayLevelZoneEmphasis",
    "HighGrayLevelZoneEmphasis", "SmallAreaLowGrayLevelEmphasis",
    "SmallAreaHighGrayLevelEmphasis", "LargeAreaLowGrayLevelEmphasis",
    "LargeAreaHighGrayLevelEmphasis", "GrayLevelNonUniformity",
    "GrayLevelNonUniformityNormalized", "SizeZoneNonUniformity",
    "SizeZoneNonUniformityNormalized", "ZonePercentage", "GrayLevelVariance", "ZoneVariance",
    "ZoneEntropy",
)  # fmt: skip
_DEPENDENCES = (
    "SmallDependenceEmphasis", "LargeDependenceEmphasis", "LowGrayLevelEmphasis",
    "HighGrayLevelEmphasis", "SmallDependenceLowGrayLevelEmphasis",
    "SmallDependenceHighGrayLevelEmphasis", "LargeDependenceLowGrayLevelEmphasis",
    "LargeDependenceHighGrayLevelEmphasis", "GrayLevelNonUniformity", "",
    "DependenceNonUniformity", "DependenceNonUniformityNormalized", "", "GrayLevelVariance",
    "DependenceVariance", "DependenceEntropy",
)  # fmt: skip


def glrlm_features(
    binned: Binned, settings: PyradiomicsSettings, spacing: tuple[float, float, float]
) -> dict[str, float]:
    """All run-length features: the mean over directions, or of the weighted sum of matrices."""
    offsets = directions(binned.array.shape, (1,), settings.flat_axis)
    ranks = binned.ranks
    steps = ranks.steps(offsets)
    counts = count_runs(ranks.flat, ranks.voxels, steps, ranks.n_levels, ranks.longest)
    matrices = counts[:, 1:, 1:].astype(np.float64)
    _drop_lone_lines(matrices, binned.array, offsets)
    if settings.weighting_norm is not None:
        factor = weights(offsets, settings.weighting_norm, spacing, "runs")
        matrices = np.tensordot(factor, matrices, 1)[None]
    longest = int(np.flatnonzero(matrices.any((0, 1))).max(initial=0)) + 1
    matrices = matrices[:, :, :longest]
    matrices = matrices[matrices.any((1, 2))]
    if not len(matrices):
        return dict.fromkeys(_RUNS, float("nan"))
    sizes = np.arange(1, longest + 1, dtype=np.float64)
    row = matrix_features(matrices, binned.occupied.astype(np.float64), sizes).mean(0)
    return _named(_RUNS, row)


def _drop_lone_lines(matrices: np.ndarray, array: np.ndarray, offsets: np.ndarray) -> None:
    """Empty, in place, the directions in which no line has two voxels of the region.

    pyradiomics does not count the runs of such directions.
    """
    lone = np.flatnonzero(~matrices[:, :, 1:].any((1, 2)))
    points = np.argwhere(array) if len(lone) else np.empty((0, 3))
    for direction in lone:
        offset = offsets[direction]
        axis = int(np.flatnonzero(offset)[0])
        lines = points - (points[:, axis] // offset[axis])[:, None] * offset
        if len(np.unique(lines, axis=0)) == len(points):
            matrices[direction] = 0


def glszm_features(binned: Binned, settings: PyradiomicsSettings) -> dict[str, float]:
    """All size-zone features."""
    ranks = binned.ranks
    offsets = directions(binned.array.shape, (1,), settings.flat_axis)
    levels, sizes, _ = find_zones(ranks.flat, ranks.voxels, ranks.steps(offsets), ranks.flat)
    found, columns = np.unique(sizes, return_inverse=True)
    cells = (levels - 1) * len(found) + columns
    matrix = np.bincount(cells, minlength=ranks.n_levels * len(found)).astype(np.float64)
    matrix = matrix.reshape(1, ranks.n_levels, len(found))
    row = matrix_features(matrix, binned.occupied.astype(np.float64), found.astype(np.float64))
    return _named(_ZONES, row[0])


def gldm_features(binned: Binned, dependence: np.ndarray) -> dict[str, float]:
    """All dependence features.

    Parameters
    ----------
    binned : Binned
        Grey levels of the region.
    dependence : ndarray of int64, shape (levels + 1, sizes + 1)
        Voxels by level and dependence, of `count_neighbours`.
    """
    matrix = dependence[binned.occupied, 1:].astype(np.float64)[None]
    sizes = np.arange(1, matrix.shape[2] + 1, dtype=np.float64)
    row = matrix_features(matrix, binned.occupied.astype(np.float64), sizes)
    return _named(_DEPENDENCES, row[0])


def matrix_features(matrices: np.ndarray, levels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The 16 features of matrices of counts by grey level and size.

    Parameters
    ----------
    matrices : ndarray of float64, shape (k, levels, sizes)
        None is empty.
    levels, sizes : ndarray of float64
        What rows and columns stand for.

    Returns
    -------
    ndarray of shape (k, 16)
        Short, long; low, high level; short low, short high, long low, long high emphasis; level
        non-uniformity, normalised; size non-uniformity, normalised; percentage; level variance;
        size variance; entropy (bit, with pyradiomics' 2.2 × 10⁻¹⁶ inside the logarithm).
    """
    total = matrices.sum((1, 2))
    p = matrices / total[:, None, None]
    by_level, by_size = p.sum(2), p.sum(1)
    i2, j2 = levels**2, sizes**2
    short, long = p @ (1 / j2), p @ j2
    mean_level, mean_size = by_level @ levels, by_size @ sizes
    columns = [
        by_size @ (1 / j2),
        by_size @ j2,
        by_level @ (1 / i2),
        by_level @ i2,
        short @ (1 / i2),
        short @ i2,
        long @ (1 / i2),
        long @ i2,
        (by_level**2).sum(1) * total,
        (by_level**2).sum(1),
        (by_size**2).sum(1) * total,
        (by_size**2).sum(1),
        1 / mean_size,
        (by_level * (levels - mean_level[:, None]) ** 2).sum(1),
        (by_size * (sizes - mean_size[:, None]) ** 2).sum(1),
        -(p * np.log2(p + _EPS)).sum((1, 2)),
    ]
    return np.column_stack(columns)


def _named(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True) if name}
