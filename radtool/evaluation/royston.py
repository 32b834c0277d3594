"""Explained variation and separation of a prognostic index: Royston and Sauerbrei's D."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.cox import fit_cox
from radtool.evaluation.estimate import Estimate, of_cases
from radtool.evaluation.risk_sets import Ties

__all__ = ["explained_variation", "gonen_heller", "royston_d"]

_KAPPA = np.sqrt(8 / np.pi)


def royston_d(y: pd.DataFrame, index: pd.Series | np.ndarray, *, coefficients: int = 0) -> Estimate:
    """Royston and Sauerbrei's D: log hazard ratio between the two halves of a prognostic index.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    index : array-like of shape (n,)
        Prognostic index. Cases with the same index share the mean of their normal scores.
    coefficients : int, default 0
        How many coefficients of the index were fitted in these very cases; D is made smaller by
        what so many would explain by chance. 0 for an index from elsewhere.

    Returns
    -------
    Estimate
        NaN without bounds for a constant index.

    References
    ----------
    Royston, Sauerbrei. A new measure of prognostic separation in survival data. Stat Med 2004.
    """
    values = of_cases(y, index, "index")
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
    d, se = float(fit.coefficients[0]), float(fit.standard_errors[0])
    if coefficients:
        d, se = _less_chance(d, se, fit.events, coefficients)
    return Estimate.normal(d, se, n)


def _less_chance(d: float, se: float, events: int, coefficients: int) -> tuple[float, float]:
    """Adjust D and its error for fitting; the share not explained grows as in an adjusted R²."""
    if coefficients >= events:
        raise InputError(f"{coefficients} coefficients were fitted to {events} events")
    ratio, slope = events / (events - coefficients), d / _KAPPA
    left = (1.0 + slope**2 - ratio) / ratio
    size = float(np.sqrt(abs(left)))
    if size == 0:
        return 0.0, float("nan")
    return float(np.sign(d) * np.sign(left) * size * _KAPPA), se * abs(slope) / (ratio * size)


def explained_variation(
    y: pd.DataFrame, index: pd.Series | np.ndarray, *, coefficients: int = 0, ties: Ties = "efron"
) -> pd.DataFrame:
    """R² of Royston (from D) and of Kent and O'Quigley, and the Gönen-Heller concordance.

    The index is recalibrated first (its Cox slope in `y`) for the last two.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    index : array-like of shape (n,)
        Prognostic index.
    coefficients : int, default 0
        See `royston_d`; the last two are not adjusted.
    ties : {"efron", "breslow"}
        Of the recalibration; an index fitted in these cases with the same ties keeps its slope.

    Returns
    -------
    DataFrame
        ``measure, value``: ``royston_d, r2_d, r2_kent_oquigley, gonen_heller``.
    """
    d = royston_d(y, index, coefficients=coefficients).value
    values = np.asarray(index, dtype=float)
    fit = fit_cox(pd.DataFrame({"index": values}, index=y.index), y, ties=ties)
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
