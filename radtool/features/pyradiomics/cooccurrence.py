"""GLCM features as pyradiomics defines them: per direction, then averaged."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import count_pairs
from radtool.features.levels import Levels
from radtool.features.pyradiomics.binning import Binned
from radtool.features.pyradiomics.directions import directions, weights
from radtool.features.pyradiomics.parameters import PyradiomicsSettings

__all__ = ["glcm_features"]

_EPS = float(np.spacing(1.0))


def glcm_features(
    binned: Binned,
    settings: PyradiomicsSettings,
    spacing: tuple[float, float, float],
    *,
    with_mcc: bool = True,
) -> dict[str, float]:
    """All co-occurrence features of a region.

    Parameters
    ----------
    binned : Binned
        Grey levels of the region.
    settings : PyradiomicsSettings
        ``distances``, ``force_2d``, ``symmetrical_glcm``, ``weighting_norm``.
    spacing : tuple of 3 float
        In mm, (z, y, x); used by the weighting.
    with_mcc : bool, default True
        Compute the maximal correlation coefficient, which needs an eigenvalue per direction.

    Returns
    -------
    dict
        NaN throughout when no voxel has a neighbour.
    """
    p = _probabilities(binned, settings, spacing)
    levels = binned.occupied.astype(np.float64)
    difference, total = _marginals(p, binned)
    x, y = p.sum(2), p.sum(1)
    mean_x, mean_y = x @ levels, y @ levels
    row = {
        **_moments(p, total, levels, (mean_x, mean_y), binned.largest),
        **_differences(difference, binned.largest),
        **_information(p, x, y),
        "JointAverage": mean_x,
        "JointEnergy": np.einsum("aij,aij->a", p, p),
        "MaximumProbability": p.max((1, 2)),
        "SumEntropy": _entropy(total),
        "SumSquares": (x * (levels - mean_x[:, None]) ** 2).sum(1),
        "Correlation": _correlation(p, levels, (x, y), (mean_x, mean_y)),
    }
    if with_mcc:
        row["MCC"] = _maximal_correlation(p, x, y)
    return {name: _mean(np.asarray(value)) for name, value in row.items()}


def _probabilities(
    binned: Binned, settings: PyradiomicsSettings, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Matrices of shape (directions, levels, levels) that sum to 1, empty ones left out."""
    offsets = directions(binned.array.shape, settings.distances, settings.flat_axis)
    ranks = binned.ranks
    reach = max(settings.distances)
    ranks = ranks if reach == 1 else Levels(ranks.array, reach)
    counts = count_pairs(ranks.flat, ranks.voxels, ranks.steps(offsets), ranks.n_levels)
    p = counts[:, 1:, 1:].astype(np.float64)
    if settings.symmetrical_glcm:
        p += p.transpose(0, 2, 1).copy()
    if settings.weighting_norm is not None:
        factor = weights(offsets, settings.weighting_norm, spacing, "pairs")
        p = np.tensordot(factor, p, 1)[None]
    sums = p.sum((1, 2))
    if len(p) > 1 and (sums > 0).any():
        p, sums = p[sums > 0], sums[sums > 0]
    return p / np.where(sums > 0, sums, np.nan)[:, None, None]


def _marginals(p: np.ndarray, binned: Binned) -> tuple[np.ndarray, np.ndarray]:
    """Distributions of |i - j| (from 0) and of i + j (from 0), shapes (directions, …)."""
    levels = binned.occupied
    apart = np.abs(levels[:, None] - levels[None, :]).ravel()
    joined = (levels[:, None] + levels[None, :]).ravel()
    flat = p.reshape(len(p), -1)
    return (
        np.array([np.bincount(apart, weights=row, minlength=binned.largest) for row in flat]),
        np.array([np.bincount(joined, weights=row, minlength=2) for row in flat]),
    )


def _moments(
    p: np.ndarray,
    total: np.ndarray,
    levels: np.ndarray,
    means: tuple[np.ndarray, np.ndarray],
    largest: int,
) -> dict[str, np.ndarray]:
    k = np.arange(total.shape[1], dtype=np.float64)
    central = k[None, :] - (means[0] + means[1])[:, None]
    square = central * central
    return {
        "Autocorrelation": np.einsum("aij,i,j->a", p, levels, levels, optimize=True),
        "ClusterProminence": (total * square * square).sum(1),
        "ClusterShade": (total * square * central).sum(1),
        "ClusterTendency": (total * square).sum(1),
        "SumAverage": total @ k,
    }


def _differences(difference: np.ndarray, largest: int) -> dict[str, np.ndarray]:
    k = np.arange(difference.shape[1], dtype=np.float64)
    average = difference @ k
    return {
        "Contrast": difference @ (k * k),
        "DifferenceAverage": average,
        "DifferenceEntropy": _entropy(difference),
        "DifferenceVariance": (difference * (k - average[:, None]) ** 2).sum(1),
        "Id": difference @ (1 / (1 + k)),
        "Idm": difference @ (1 / (1 + k * k)),
        "Idmn": difference @ (1 / (1 + k * k / largest**2)),
        "Idn": difference @ (1 / (1 + k / largest)),
        "InverseVariance": difference[:, 1:] @ (1 / k[1:] ** 2),
    }


def _information(p: np.ndarray, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    independent = x[:, :, None] * y[:, None, :]
    logarithm = np.log2(independent + _EPS)
    joint = -np.einsum("aij,aij->a", p, np.log2(p + _EPS))
    first = -np.einsum("aij,aij->a", p, logarithm)
    second = -np.einsum("aij,aij->a", independent, logarithm)
    largest = np.fmax(_entropy(x), _entropy(y))
    with np.errstate(invalid="ignore"):
        root = np.sqrt(1 - np.exp(-2 * (second - joint)))
    return {
        "JointEntropy": joint,
        "Imc1": np.where(largest != 0, (joint - first) / np.where(largest != 0, largest, 1), 0.0),
        "Imc2": np.where(second == joint, 0.0, root),
    }


def _correlation(
    p: np.ndarray,
    levels: np.ndarray,
    marginals: tuple[np.ndarray, np.ndarray],
    means: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    u = levels[None, :] - means[0][:, None]
    v = levels[None, :] - means[1][:, None]
    spread = np.sqrt((marginals[0] * u * u).sum(1)) * np.sqrt((marginals[1] * v * v).sum(1))
    shared = np.einsum("ai,aij,aj->a", u, p, v, optimize=True)
    return np.where(spread == 0, 1.0, shared / (spread + _EPS))


def _maximal_correlation(p: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Square root of the second largest eigenvalue of Q, taken from a similar symmetric matrix.

    Q = Dx⁻¹ P Dy⁻¹ Pᵀ is similar to A Aᵀ with A = Dx^-½ P Dy^-½, whose largest eigenvalue is 1.
    """
    if p.shape[1] < 2:
        return np.ones(1)
    if np.isnan(p).any():
        return np.full(1, np.nan)
    scale = np.sqrt(x[:, :, None] * y[:, None, :] + _EPS)
    a = p / scale
    squares = np.linalg.eigvalsh(a @ a.transpose(0, 2, 1))
    return np.sqrt(np.maximum(squares[:, -2], 0.0))


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log2(p + _EPS)).sum(1)


def _mean(values: np.ndarray) -> float:
    """Mean over directions that are not NaN."""
    good = values[~np.isnan(values)]
    return float(good.mean()) if good.size else float("nan")
