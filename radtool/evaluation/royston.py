"""Explained variation and separation of a prognostic index: Royston and Sauerbrei's D."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.cox import fit_cox
from radtool.evaluation.estimate import Estimate

__all__ = ["explained_variation", "gonen_heller", "royston_d"]

_KAPPA = np.sqrt(8 / np.pi)


def royston_d(y: pd.DataFrame, index: pd.Series | np.ndarray) -> Estimate:
    """Royston and Sauerbrei's D: log hazard ratio between the two halves of a prognostic index.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    index : array-like of shape (n,)
        Prognostic index. Cases with the same index share the mean of their normal scores.

    Returns
    -------
    Estimate
        NaN without bounds for a constant index.

    References
    ----------
    Royston, Sauerbrei. A new measure of prognostic separation in survival data. Stat Med 2004.
    """
    values = np.asarray(index, dtype=float)
    if not np.isfinite(values).all():
        raise InputError("the prognostic index has missing or infinite values")
    n = len(values)
    order = np.argsort(values, kind="stable")
    scores = np.empty(n)
    scores[order] = stats.norm.ppf((np.arange(1, n + 1) - 0.375) / (n + 0.25)) / _KAPPA
    scores = pd.Series(scores).groupby(values).transform("mean").to_numpy()
    if np.ptp(scores) == 0:
        return Estimate(float("nan"), None, None, n)
    fit = fit_cox(pd.DataFrame({"score": scores}, index=y.index), y)
    return Estimate.normal(float(fit.coefficients[0]), float(fit.standard_errors[0]), n)


def explained_variation(y: pd.DataFrame, index: pd.Series | np.ndarray) -> pd.DataFrame:
    """R² of Royston (from D) and of Kent and O'Quigley, and the Gönen-Heller concordance.

    The index is recalibrated first (its Cox slope in `y`) for the last two.

    Returns
    -------
    DataFrame
        ``measure, value``: ``royston_d, r2_d, r2_kent_oquigley, gonen_heller``.
    """
    d = royston_d(y, index).value
    values = np.asarray(index, dtype=float)
    fit = fit_cox(pd.DataFrame({"index": values}, index=y.index), y)
    own = values * fit.coefficients[0]
    spread, unit = (d / _KAPPA) ** 2, np.pi**2 / 6
    variance = float(own.var(ddof=1))
    rows = {
        "royston_d": d,
        "r2_d": spread / (unit + spread),
        "r2_kent_oquigley": variance / (unit + variance),
        "gonen_heller": gonen_heller(own),
    }
    return pd.DataFrame({"measure": list(rows), "value": list(rows.values())})


def gonen_heller(index: np.ndarray) -> float:
    """Concordance that a proportional hazards model with this index implies (no censoring)."""
    x = np.sort(np.asarray(index, dtype=float))
    n, total = len(x), 0.0
    for i in range(n - 1):
        total += float((1.0 / (1.0 + np.exp(-(x[i + 1 :] - x[i])))).sum())
    return total / (n * (n - 1) / 2)
