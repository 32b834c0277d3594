"""Comparing nested models, and asking whether a prognostic index fits new patients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.cox import CoxFit, fit_cox
from radtool.evaluation.designs import resample_patients
from radtool.evaluation.estimate import Estimate, of_cases

__all__ = [
    "aggregate_lesions",
    "bootstrap_interval",
    "compare_proportions",
    "driving_lesions",
    "likelihood_ratio_test",
    "misspecification_test",
    "proportion",
    "slope_test",
]


def likelihood_ratio_test(smaller: CoxFit, larger: CoxFit) -> pd.DataFrame:
    """Test what the larger of two nested Cox models adds, fitted on the same cases.

    Returns
    -------
    DataFrame
        One row: ``chisq, df, p``.

    Raises
    ------
    InputError
        The models are not nested or are of different cases.
    """
    extra = set(larger.columns) - set(smaller.columns)
    if not set(smaller.columns) < set(larger.columns):
        raise InputError("the smaller model's predictors must be some of the larger's")
    if (smaller.n, smaller.events) != (larger.n, larger.events):
        raise InputError("the two models were fitted on different cases")
    return _chisq(2 * (larger.log_likelihood - smaller.log_likelihood), len(extra))


def slope_test(y: pd.DataFrame, index: pd.Series | np.ndarray) -> pd.DataFrame:
    """Test whether the slope of a prognostic index in new patients is 1.

    Returns
    -------
    DataFrame
        One row: ``chisq, df, p`` (likelihood ratio, 1 degree of freedom).
    """
    values = of_cases(y, index, "index")
    frame = pd.DataFrame({"index": values}, index=y.index)
    free = fit_cox(frame, y)
    fixed = fit_cox(frame, y, offset=values)
    return _chisq(2 * (free.log_likelihood - fixed.log_likelihood_null), 1)


def misspecification_test(
    X: pd.DataFrame, y: pd.DataFrame, index: pd.Series | np.ndarray
) -> tuple[pd.DataFrame, CoxFit]:
    """Test whether predictors carry more in new patients than the index gives them.

    A Cox model of the predictors with the index as offset; their joint likelihood-ratio test.

    Parameters
    ----------
    X : DataFrame
        The index's predictors in the new patients.
    y : DataFrame
        ``event`` and ``duration``.
    index : array-like of shape (n,)
        Prognostic index.

    Returns
    -------
    DataFrame
        One row: ``chisq, df, p``.
    CoxFit
        What the coefficients miss, per predictor.

    References
    ----------
    Royston, Altman. External validation of a Cox prognostic model. BMC Med Res Methodol 2013.
    """
    if X.shape[1] == 0:
        raise InputError("no predictor varies in these patients; nothing to test")
    fit = fit_cox(X, y, offset=of_cases(y, index, "index"))
    return _chisq(fit.likelihood_ratio, len(fit.columns)), fit


def bootstrap_interval(
    measure: Callable[[np.ndarray], float],
    patients: pd.Series | np.ndarray,
    *,
    n: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of any measure, patients drawn with replacement.

    Parameters
    ----------
    measure : callable
        Takes row numbers (n,), returns a number; a sample on which it is not defined (InputError)
        is drawn again.
    patients : array-like of shape (n,)
        Patient of each case.
    n : int, default 2000
        Samples.
    seed : int, default 0
        Same seed, same interval.
    """
    rng = np.random.default_rng(seed)
    value = measure(np.arange(len(patients)))
    found: list[float] = []
    for _ in range(10 * n):
        if len(found) == n:
            break
        try:
            found.append(measure(resample_patients(patients, rng)))
        except InputError:
            continue
    if len(found) < n:
        raise InputError("the measure is not defined on most samples; there are too few events")
    lower, upper = np.quantile(found, [0.025, 0.975])
    return Estimate(value, float(lower), float(upper), len(patients), float(np.std(found, ddof=1)))


def compare_proportions(counts: tuple[int, int], totals: tuple[int, int]) -> pd.DataFrame:
    """Compare two proportions by the pooled z-test without continuity correction.

    Returns
    -------
    DataFrame
        One row: ``a, b, difference`` (b - a)``, z, p``.
    """
    if any(not 0 <= k <= n or n < 1 for k, n in zip(counts, totals, strict=True)):
        raise InputError(f"counts {counts} do not fit totals {totals}")
    a, b = counts[0] / totals[0], counts[1] / totals[1]
    pooled = sum(counts) / sum(totals)
    se = float(np.sqrt(pooled * (1 - pooled) * (1 / totals[0] + 1 / totals[1])))
    z = (b - a) / se if se > 0 else 0.0
    p = float(2 * stats.norm.sf(abs(z)))
    return pd.DataFrame({"a": [a], "b": [b], "difference": [b - a], "z": [z], "p": [p]})


def proportion(count: int, total: int) -> Estimate:
    """Share of `total` with Wilson's 95 % interval.

    Examples
    --------
    >>> proportion(0, 10)
    0.000 (0.000 to 0.278), n = 10
    """
    if total < 1 or not 0 <= count <= total:
        raise InputError(f"{count} of {total} is not a share")
    z2 = 1.959963984540054**2
    share = count / total
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = float(np.sqrt(share * (1 - share) / total + z2 / (4 * total**2)))
    half *= 1.959963984540054 / (1 + z2 / total)
    return Estimate(share, max(middle - half, 0.0), min(middle + half, 1.0), total)


def aggregate_lesions(
    y: pd.Series | pd.DataFrame,
    score: pd.Series,
    patients: pd.Series,
    *,
    how: str = "max",
) -> tuple[pd.Series | pd.DataFrame, pd.Series]:
    """Turn lesion scores into one row a patient.

    Parameters
    ----------
    y : Series or DataFrame
        Marker of each lesion (a patient is True when any lesion is), or the survival outcome,
        which must be the same for all lesions of a patient.
    score : Series
        Score of each lesion.
    patients : Series
        Patient of each lesion, same index.
    how : {"max", "mean"}
        The patient's score.

    Returns
    -------
    Series or DataFrame
        Outcome, one row a patient.
    Series
        Score, one row a patient.
    """
    if how not in ("max", "mean"):
        raise InputError(f"how must be 'max' or 'mean', got {how!r}")
    people = patients.astype(str)
    merged = score.groupby(people.to_numpy(), sort=True).agg(how)
    if isinstance(y, pd.Series):
        return y.astype(bool).groupby(people.to_numpy(), sort=True).any(), merged
    grouped = y.groupby(people.to_numpy(), sort=True)
    varying = grouped.nunique().max(axis=1)
    if (varying > 1).any():
        names = varying.index[varying > 1].tolist()
        raise InputError(f"lesions of patient(s) {names[:5]} have different outcomes")
    return grouped.first(), merged


def driving_lesions(score: pd.Series, patients: pd.Series) -> pd.Series:
    """Name the lesion whose score is the patient's: the highest, the first of equal ones.

    Parameters
    ----------
    score : Series
        Score of each lesion.
    patients : Series
        Patient of each lesion, same index.

    Returns
    -------
    Series
        Index of the lesion, one row a patient, in the order of `aggregate_lesions`.

    Examples
    --------
    >>> lesions = pd.Series([0.1, 0.7, 0.4], index=["a1", "a2", "b1"])
    >>> driving_lesions(lesions, pd.Series(["A", "A", "B"], index=lesions.index)).to_dict()
    {'A': 'a2', 'B': 'b1'}
    """
    grouped = score.groupby(patients.astype(str).to_numpy(), sort=True)
    return grouped.idxmax().rename("lesion")


def _chisq(statistic: float, df: int) -> pd.DataFrame:
    statistic = max(float(statistic), 0.0)
    p = float(stats.chi2.sf(statistic, df))
    return pd.DataFrame({"chisq": [statistic], "df": [df], "p": [p]})
