"""Every number of a marker model with intervals from resampled patients, many samples at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.estimate import Estimate
from radtool.evaluation.roc import Threshold, check_marker, check_score, classify

__all__ = ["bootstrap_auc_difference", "bootstrap_marker"]

_CHUNK = 200
_RANKED = ("auc", "average_precision")
_CALLED = ("sensitivity", "specificity", "ppv", "npv", "balanced_accuracy", "f1")


def bootstrap_marker(
    y: pd.Series,
    score: pd.Series,
    patients: pd.Series | np.ndarray | None = None,
    *,
    threshold: Threshold | float | None = None,
    n: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure a marker model with percentile intervals, patients drawn with replacement.

    A patient's cases are drawn together. Samples in which one class is missing are drawn again.

    Parameters
    ----------
    y : Series of bool
        The marker of each case.
    score : Series
        Higher = more likely True; same index.
    patients : array-like of shape (n_cases,), optional
        Patient of each case; default each case is its own.
    threshold : Threshold or float, optional
        Cut-off, chosen on other cases (a `Threshold` that was chosen on some of these is refused);
        None: only what needs no cut-off.
    n : int, default 2000
        Samples.
    seed : int, default 0
        The samples are those of `bootstrap_interval` with the same seed.

    Returns
    -------
    DataFrame
        ``measure, value, lower, upper, n``: auc, average_precision, and with a cut-off
        sensitivity, specificity, ppv, npv, balanced_accuracy and f1. A predictive value is left
        out of the samples in which nobody is called.

    Raises
    ------
    InputError
        One class is missing in most samples.

    Examples
    --------
    >>> y = pd.Series([False, False, True, True])
    >>> bootstrap_marker(y, pd.Series([0.1, 0.4, 0.35, 0.8]), n=20)["value"].tolist()[0]
    0.75
    """
    truth, values = check_marker(y), check_score(y, score)
    if isinstance(threshold, Threshold):
        threshold = float(classify(y, score, threshold)["threshold"].iloc[0])
    people = np.arange(len(truth)) if patients is None else np.asarray(patients).astype(str)
    code, names = pd.factorize(people, sort=True)
    wanted = _Weighted(truth, values, threshold)
    own = wanted.measure(np.ones((1, len(truth))))
    parts = [
        wanted.measure(weights[:, code]) for weights in _samples(truth, code, len(names), (n, seed))
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in own}
    rows = []
    for name, sampled in found.items():
        defined = sampled[np.isfinite(sampled)]
        limits = np.quantile(defined, [0.025, 0.975]) if defined.size else (np.nan, np.nan)
        rows.append([name, float(own[name][0]), float(limits[0]), float(limits[1]), len(truth)])
    return pd.DataFrame(rows, columns=["measure", "value", "lower", "upper", "n"])


def bootstrap_auc_difference(
    y: pd.Series,
    score_a: pd.Series,
    score_b: pd.Series,
    patients: pd.Series | np.ndarray,
    *,
    n: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Difference of two AUCs (b - a) on the same cases, patients drawn with replacement.

    DeLong's test takes cases as independent; lesions of one patient are not.

    Parameters
    ----------
    y : Series of bool
    score_a, score_b : Series
        Higher = more likely True; same index as y.
    patients : array-like of shape (n_cases,)
        Patient of each case.
    n : int, default 2000
        Samples.
    seed : int, default 0

    Returns
    -------
    Estimate
        With the percentile interval; `se` is the SD of the samples.
    """
    truth = check_marker(y)
    code, names = pd.factorize(np.asarray(patients).astype(str), sort=True)
    both = [_Weighted(truth, check_score(y, score), None) for score in (score_a, score_b)]

    def gain(weights: np.ndarray) -> np.ndarray:
        first, second = (one.measure(weights)["auc"] for one in both)
        return second - first

    value = float(gain(np.ones((1, len(truth))))[0])
    parts = _samples(truth, code, len(names), (n, seed))
    drawn = np.concatenate([gain(weights[:, code]) for weights in parts])
    lower, upper = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(lower), float(upper), len(truth), float(np.std(drawn, ddof=1)))


def _samples(
    truth: np.ndarray, code: np.ndarray, patients: int, design: tuple[int, int]
) -> list[np.ndarray]:
    """How often each patient is in each valid sample, in pieces of shape (m, patients)."""
    n, seed = design
    rng = np.random.default_rng(seed)
    positive = np.bincount(code, truth, minlength=patients)
    negative = np.bincount(code, ~truth, minlength=patients)
    kept: list[np.ndarray] = []
    for _ in range(10 * n):
        if len(kept) == n:
            break
        counts = np.bincount(rng.integers(0, patients, patients), minlength=patients)
        if counts @ positive > 0 and counts @ negative > 0:
            kept.append(counts)
    if len(kept) < n:
        raise InputError("one class is missing in most samples; there are too few events")
    return [np.array(kept[i : i + _CHUNK], dtype=float) for i in range(0, n, _CHUNK)]


class _Weighted:
    """Measures of cases that count more than once; weights have shape (samples, cases)."""

    def __init__(self, truth: np.ndarray, values: np.ndarray, threshold: float | None) -> None:
        order = np.argsort(-values, kind="stable")
        self.order, self.truth = order, truth[order].astype(float)
        self.starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
        self.called = None if threshold is None else (values[order] >= threshold).astype(float)

    def measure(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Every measure in every sample, each of shape (samples,)."""
        ordered = weights[:, self.order]
        found = self._ranked(ordered)
        return found if self.called is None else {**found, **self._called(ordered)}

    def _ranked(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        positive = np.add.reduceat(weights * self.truth, self.starts, axis=1)
        negative = np.add.reduceat(weights * (1.0 - self.truth), self.starts, axis=1)
        true, false = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
        below = false[:, -1:] - false
        area = (positive * (below + negative / 2)).sum(axis=1) / (true[:, -1] * false[:, -1])
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.nan_to_num(true / (true + false))
        return dict(zip(_RANKED, (area, (precision * positive).sum(1) / true[:, -1]), strict=True))

    def _called(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        assert self.called is not None
        tp, fp = weights @ (self.truth * self.called), weights @ ((1 - self.truth) * self.called)
        fn, tn = weights @ self.truth - tp, weights @ (1 - self.truth) - fp
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        with np.errstate(invalid="ignore", divide="ignore"):
            ppv, npv = tp / (tp + fp), tn / (tn + fn)
        balanced, f1 = (sensitivity + specificity) / 2, 2 * tp / (2 * tp + fp + fn)
        values = (sensitivity, specificity, ppv, npv, balanced, f1)
        return dict(zip(_CALLED, values, strict=True))
