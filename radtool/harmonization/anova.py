"""One-way analysis of variance of every feature at once, gaps allowed."""

from __future__ import annotations

import numpy as np
from scipy import stats

__all__ = ["count_differing", "one_way"]


def one_way(values: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Test each feature for a difference between groups, and say how much they explain.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_features)
        NaN where not known.
    codes : ndarray of int, shape (n_cases,)
        Group of each case, 0 … n_groups-1.

    Returns
    -------
    f, p, eta2 : ndarray of shape (n_features,)
        F statistic, its p-value, and the share of variance explained by the groups (0 to 1).
        NaN for a feature without variance or with fewer cases than groups + 1.

    Examples
    --------
    >>> f, p, eta2 = one_way(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0, 0, 1, 1]))
    >>> f[0].round(6), eta2[0].round(6)
    (np.float64(8.0), np.float64(0.8))
    """
    known = np.isfinite(values)
    groups = np.eye(int(codes.max()) + 1)[codes]
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if known.all():
            counts = np.repeat(groups.sum(axis=0)[:, None], values.shape[1], axis=1)
            centred = values - values.mean(axis=0)
        else:
            counts = groups.T @ known
            filled = np.where(known, values, 0.0)
            centred = np.where(known, filled - filled.sum(axis=0) / n, 0.0)
        used = (counts > 0).sum(axis=0)
        means = groups.T @ centred / counts
        total = np.einsum("ij,ij->j", centred, centred)
        between = np.nansum(counts * means**2, axis=0)
        within = np.maximum(total - between, 0.0)
        eta2 = np.where(total > 0, between / total, np.nan)
        f = (between / (used - 1)) / (within / (n - used))
    f[(n <= used) | (used < 2) | ~(total > 0)] = np.nan
    return f, stats.f.sf(f, used - 1, n - used), eta2


def count_differing(p: np.ndarray, level: float = 0.05) -> int:
    """Return how many tests stand after Benjamini and Hochberg's correction; NaN is no test."""
    known = p[np.isfinite(p)]
    return int((stats.false_discovery_control(known) <= level).sum()) if known.size else 0
