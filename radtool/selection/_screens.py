"""One number per feature against an outcome, all features at once."""

from __future__ import annotations

import numpy as np
from scipy import stats

__all__ = ["cox_score", "harrell", "marker_score", "rank_area", "spearman_with", "unit_ranks"]

_CHUNK = 2_000


def cox_score(values: np.ndarray, event: np.ndarray, duration: np.ndarray) -> np.ndarray:
    """Score statistic z of a one-feature Cox model at 0, ties by Efron.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_features)
        Without gaps.
    event : ndarray of bool, shape (n_cases,)
    duration : ndarray of shape (n_cases,)

    Returns
    -------
    ndarray of shape (n_features,)
        Signed z; z² is chi-square with 1 degree of freedom, z > 0: higher value, sooner event.
        NaN for a constant feature.
    """
    order = np.argsort(-duration, kind="stable")
    event, duration = event[order], duration[order]
    pieces = [
        _cox_score(values[order, start : start + _CHUNK], event, duration)
        for start in range(0, values.shape[1], _CHUNK)
    ]
    return np.concatenate(pieces)


def _cox_score(x: np.ndarray, event: np.ndarray, duration: np.ndarray) -> np.ndarray:
    x = x - x.mean(axis=0)
    spread = np.sqrt((x**2).sum(axis=0))
    flat = np.ptp(x, axis=0) == 0
    x = x / np.where(flat, 1.0, spread)
    first, second = np.cumsum(x, axis=0), np.cumsum(x**2, axis=0)
    score, information = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for time in np.unique(duration[event]):
        at_risk = int(np.searchsorted(-duration, -time, side="right"))
        dead = np.flatnonzero(event & (duration == time))
        sum_dead, square_dead = x[dead].sum(axis=0), (x[dead] ** 2).sum(axis=0)
        score += sum_dead
        for tied in range(dead.size):
            share = tied / dead.size
            size = at_risk - tied
            mean = (first[at_risk - 1] - share * sum_dead) / size
            score -= mean
            information += (second[at_risk - 1] - share * square_dead) / size - mean**2
    with np.errstate(invalid="ignore", divide="ignore"):
        z = score / np.sqrt(information)
    z[flat | (information <= 1e-12)] = np.nan
    return z


def marker_score(values: np.ndarray, marker: np.ndarray) -> np.ndarray:
    """Score statistic z of a one-feature logistic model at 0; NaN for a constant feature.

    z² = n r², with r the correlation of feature and marker.
    """
    x = values - values.mean(axis=0)
    y = marker - marker.mean()
    flat = np.ptp(values, axis=0) == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (y @ x) / np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    r[flat] = np.nan
    return r * np.sqrt(len(marker))


def rank_area(values: np.ndarray, marker: np.ndarray) -> np.ndarray:
    """Exact area under the ROC curve of each feature (ties count half)."""
    ranks = stats.rankdata(values, axis=0)
    positive = int(marker.sum())
    negative = len(marker) - positive
    total = ranks[marker].sum(axis=0)
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def harrell(values: np.ndarray, event: np.ndarray, duration: np.ndarray) -> np.ndarray:
    """Harrell's C of each feature taken as a risk score; 0.5 where nothing is comparable."""
    order = np.argsort(duration, kind="stable")
    x, event, duration = values[order], event[order], duration[order]
    above, equal, pairs = np.zeros(x.shape[1]), np.zeros(x.shape[1]), 0
    for i in np.flatnonzero(event):
        later = (duration > duration[i]) | ((duration == duration[i]) & ~event)
        others = x[later]
        above += (others < x[i]).sum(axis=0)
        equal += (others == x[i]).sum(axis=0)
        pairs += int(later.sum())
    return (above + equal / 2) / pairs if pairs else np.full(x.shape[1], 0.5)


def unit_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of each feature, centred, of length 1; 0 for a constant one.

    The product of two columns is their Spearman correlation.
    """
    ranks = stats.rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt((ranks**2).sum(axis=0))
    return ranks / np.where(length > 0, length, 1.0)


def spearman_with(values: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman correlation of each feature with one variable (0 for a constant)."""
    return unit_ranks(other[:, None])[:, 0] @ unit_ranks(values)
