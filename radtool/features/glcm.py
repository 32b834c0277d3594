"""Grey-level co-occurrence features (IBSI LFYI)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import count_pairs
from radtool.features.definitions import Definition
from radtool.features.levels import Levels, Norm, half_neighbourhood

__all__ = [
    "FAMILY",
    "FEATURES",
    "cooccurrence_features",
    "count_cooccurrence",
    "glcm_features",
    "merged",
]

FAMILY = "glcm"
FEATURES = (
    Definition("joint_maximum", "GYBY"),
    Definition("joint_average", "60VM", "level"),
    Definition("joint_variance", "UR99", "level2"),
    Definition("joint_entropy", "TU9B", "bit"),
    Definition("difference_average", "TF7R", "level"),
    Definition("difference_variance", "D3YU", "level2"),
    Definition("difference_entropy", "NTRS", "bit"),
    Definition("sum_average", "ZGXS", "level"),
    Definition("sum_variance", "OEEB", "level2"),
    Definition("sum_entropy", "P6QZ", "bit"),
    Definition("angular_second_moment", "8ZQL"),
    Definition("contrast", "ACUI", "level2"),
    Definition("dissimilarity", "8S9J", "level"),
    Definition("inverse_difference", "IB1Z"),
    Definition("normalised_inverse_difference", "NDRX"),
    Definition("inverse_difference_moment", "WF0Z"),
    Definition("normalised_inverse_difference_moment", "1QCO"),
    Definition("inverse_variance", "E8JP"),
    Definition("correlation", "NI2N"),
    Definition("autocorrelation", "QWB0", "level2"),
    Definition("cluster_tendency", "DG8W", "level2"),
    Definition("cluster_shade", "7NFM", "level3"),
    Definition("cluster_prominence", "AE86", "level4"),
    Definition("information_correlation_1", "R8DG"),
    Definition("information_correlation_2", "JN9H"),
)


def count_cooccurrence(
    levels: Levels, dimensions: int, *, distance: int = 1, norm: Norm = "chebyshev"
) -> np.ndarray:
    """Count neighbouring grey levels, both ways.

    Parameters
    ----------
    levels : Levels
        Grey levels; padded by at least `distance`.
    dimensions : {2, 3}
        2: within axial slices; 3: in the volume.
    distance, norm
        Distance of a pair in voxels.

    Returns
    -------
    ndarray of int64, shape (slices, directions, n_levels, n_levels)
        Symmetric in the last two axes; in 3 dimensions the volume is one "slice".
    """
    steps = levels.steps(half_neighbourhood(dimensions, distance, norm))
    parts = list(levels.slices()) if dimensions == 2 else [levels.voxels]
    counted = np.stack(
        [count_pairs(levels.flat, part, steps, levels.n_levels)[:, 1:, 1:] for part in parts]
    )
    return counted + counted.swapaxes(2, 3)


def glcm_features(
    counted: np.ndarray, aggregation: str, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Return the 25 co-occurrence features of a region.

    Parameters
    ----------
    counted : ndarray
        Of `count_cooccurrence`.
    aggregation : str
        2d_avg: by slice and direction, averaged (IBSI BTW3); 2d_merge: directions merged (SUJT);
        25d_avg: slices merged (JJUI); 25d_merge: all merged (ZW7Z); 3d_avg: by direction (ITBB);
        3d_merge: merged (IAZD).
    weights : ndarray of shape (directions,), optional
        Weights of the directions where they are merged.

    Returns
    -------
    dict
        Name of `FEATURES` -> value; all NaN when no two voxels of the region are neighbours. The
        correlation of a flat region is 1.
    """
    matrices = merged(counted, aggregation, weights)
    matrices = matrices[matrices.any(axis=(1, 2))]
    names = [feature.name for feature in FEATURES]
    if not len(matrices):
        return dict.fromkeys(names, np.nan)
    values = cooccurrence_features(matrices / matrices.sum(axis=(1, 2), keepdims=True))
    return dict(zip(names, values.mean(axis=1).tolist(), strict=True))


def merged(counted: np.ndarray, aggregation: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Sum counts of (slice, direction, i, j) over what an aggregation merges; (matrices, i, j)."""
    if aggregation.endswith("merge") and weights is not None:
        counted = counted * weights[:, None, None]
    if aggregation == "2d_avg":
        return counted.reshape(-1, *counted.shape[2:])
    if aggregation == "2d_merge":
        return counted.sum(axis=1)
    over_slices = counted.sum(axis=0)
    if aggregation in ("25d_avg", "3d_avg"):
        return over_slices
    return over_slices.sum(axis=0, keepdims=True)


def cooccurrence_features(p: np.ndarray) -> np.ndarray:
    """Return the features of co-occurrence probabilities.

    Parameters
    ----------
    p : ndarray of shape (matrices, n_levels, n_levels)
        Symmetric; each sums to 1.

    Returns
    -------
    ndarray of shape (25, matrices)
        In the order of `FEATURES`.
    """
    n = p.shape[1]
    i = np.arange(1.0, n + 1.0)
    px = p.sum(axis=2)
    mean = px @ i
    variance = (px * (i - mean[:, None]) ** 2).sum(axis=1)
    difference, total = _diagonals(p)
    k, s = np.arange(n, dtype=float), np.arange(2.0, 2.0 * n + 1.0)
    d_mean, s_mean = difference @ k, total @ s
    entropy, px_entropy = _entropy(p.reshape(len(p), -1)), _entropy(px)
    auto = np.einsum("mij,i,j->m", p, i, i)
    centred = s - 2.0 * mean[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(variance > 0, (auto - mean**2) / variance, 1.0)
    return np.stack(
        [
            p.max(axis=(1, 2)),
            mean,
            variance,
            entropy,
            d_mean,
            (difference * (k - d_mean[:, None]) ** 2).sum(axis=1),
            _entropy(difference),
            s_mean,
            (total * (s - s_mean[:, None]) ** 2).sum(axis=1),
            _entropy(total),
            (p * p).sum(axis=(1, 2)),
            difference @ (k * k),
            d_mean,
            difference @ (1.0 / (1.0 + k)),
            difference @ (1.0 / (1.0 + k / n)),
            difference @ (1.0 / (1.0 + k * k)),
            difference @ (1.0 / (1.0 + (k / n) ** 2)),
            difference[:, 1:] @ (1.0 / k[1:] ** 2),
            correlation,
            auto,
            (total * centred**2).sum(axis=1),
            (total * centred**3).sum(axis=1),
            (total * centred**4).sum(axis=1),
            *_information(p, px, entropy, px_entropy),
        ]
    )


def _diagonals(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum probabilities by |i − j| (shape (m, n)) and by i + j (shape (m, 2n − 1))."""
    m, n, _ = p.shape
    i, j = np.indices((n, n))
    rows = p.reshape(m, -1)
    difference, total = np.empty((m, n)), np.empty((m, 2 * n - 1))
    for row in range(m):
        difference[row] = np.bincount(np.abs(i - j).ravel(), weights=rows[row], minlength=n)
        total[row] = np.bincount((i + j).ravel(), weights=rows[row], minlength=2 * n - 1)
    return difference, total


def _entropy(p: np.ndarray) -> np.ndarray:
    logs = np.log2(p, where=p > 0, out=np.zeros_like(p))
    return -(p * logs).sum(axis=1) + 0.0


def _information(
    p: np.ndarray, px: np.ndarray, entropy: np.ndarray, px_entropy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    logs = np.log2(px, where=px > 0, out=np.zeros_like(px))
    cross = -(p * (logs[:, :, None] + logs[:, None, :])).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(px_entropy > 0, (entropy - cross) / px_entropy, 0.0)
    second = np.sqrt(np.maximum(0.0, 1.0 - np.exp(-2.0 * (2.0 * px_entropy - entropy))))
    return first, second
