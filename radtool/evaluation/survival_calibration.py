"""Calibration of predicted survival: smooth curve with ICI, E50, E90, and Poisson recalibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.competing import check_competing, fine_gray
from radtool.evaluation.cox import baseline_hazard, fit_cox
from radtool.evaluation.estimate import Estimate, of_cases
from radtool.evaluation.kaplan_meier import check_followed, kaplan_meier
from radtool.evaluation.risk_sets import Ties
from radtool.evaluation.spline import knots_of, spline_basis
from radtool.table import check_survival

__all__ = ["SurvivalCalibration", "calibration_groups", "poisson_calibration", "smooth_calibration"]


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCalibration:
    """Smooth calibration at a horizon.

    Parameters
    ----------
    measures : DataFrame
        ``measure, value``: ICI (mean absolute difference of predicted and observed risk), E50, E90
        (its median and 90th percentile), Emax.
    curve : DataFrame
        ``predicted, observed``, 100 points over the range of the predictions.
    observed : ndarray of shape (n,)
        Smoothed observed risk of each case.
    coefficients : ndarray
        Of the spline model.
    """

    measures: pd.DataFrame
    curve: pd.DataFrame
    observed: np.ndarray
    coefficients: np.ndarray

    def __getitem__(self, measure: str) -> float:
        """Return one measure."""
        return float(self.measures.set_index("measure")["value"][measure])


def smooth_calibration(
    y: pd.DataFrame,
    probability: pd.Series | np.ndarray,
    time: float,
    *,
    knots: int = 3,
    ties: Ties = "efron",
) -> SurvivalCalibration:
    """Compare predicted with observed risk at a horizon by a flexible Cox model.

    The model has a restricted cubic spline of the complementary log-log predicted risk; its own
    risk at the horizon is the observed one.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``; with a column ``status`` of competing risks (then ``event`` is
        not needed) the model is Fine and Gray's and risks are cumulative incidences of status 1.
    probability : array-like of shape (n,)
        Predicted probability of an event by the horizon, strictly between 0 and 1.
    time : float
        Horizon.
    knots : int, default 3
        Knots of the spline; predictions with too few different values get a straight line.
    ties : {"efron", "breslow"}
        Ties of the spline model.

    References
    ----------
    Austin, Harrell, van Klaveren. Graphical calibration curves and the integrated calibration
    index (ICI) for survival models. Stat Med 2020.
    Austin, Putter, Giardiello, van Klaveren. Graphical calibration curves and the integrated
    calibration index (ICI) for competing risk models. Diagn Progn Res 2022.
    """
    outcome = check_competing(y) if "status" in y else check_survival(y)
    p = of_cases(y, probability, "probability")
    if not ((p > 0) & (p < 1)).all():
        raise InputError("predicted risks must be one per case, strictly between 0 and 1")
    check_followed(outcome, time)
    link = np.log(-np.log1p(-p))
    if np.ptp(link) < 1e-12:
        raise InputError("all predicted risks are equal; a calibration curve is not defined")
    where = knots_of(link, knots)
    design = spline_basis(link, where)
    coefficients, base = _flexible(design, outcome, ties)
    index = design @ coefficients
    hazard = base["hazard"][base["time"] <= time]
    if hazard.empty:
        raise InputError(f"no event by time {time:g}")
    observed = -np.expm1(-hazard.iloc[-1] * np.exp(index))
    gap = np.abs(p - observed)
    grid = np.linspace(link.min(), link.max(), 100)
    curve = pd.DataFrame(
        {
            "predicted": -np.expm1(-np.exp(grid)),
            "observed": -np.expm1(
                -hazard.iloc[-1] * np.exp(spline_basis(grid, where) @ coefficients)
            ),
        }
    )
    values = [gap.mean(), np.median(gap), np.quantile(gap, 0.9), gap.max()]
    measures = pd.DataFrame({"measure": ["ici", "e50", "e90", "emax"], "value": values})
    return SurvivalCalibration(measures, curve, observed, coefficients)


def _flexible(design: np.ndarray, y: pd.DataFrame, ties: Ties) -> tuple[np.ndarray, pd.DataFrame]:
    """Coefficients of the spline and the baseline hazard, of Cox's or of Fine and Gray's model."""
    columns = pd.DataFrame(design, index=y.index).add_prefix("s")
    if "status" in y:
        grey = fine_gray(columns, y, ties=ties)
        return grey.fit.coefficients, grey.baseline
    fit = fit_cox(columns, y, ties=ties)
    return fit.coefficients, baseline_hazard(design @ fit.coefficients, y, ties=ties)


def calibration_groups(
    y: pd.DataFrame, probability: pd.Series | np.ndarray, time: float, *, groups: int = 10
) -> pd.DataFrame:
    """Mean predicted against Kaplan-Meier risk in groups of equal size.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    probability : array-like of shape (n,)
        Predicted probability of an event by the horizon, 0 to 1.
    time : float
        Horizon, in the unit of the durations.
    groups : int, default 10
        Of equal size, by predicted probability.

    Returns
    -------
    DataFrame
        ``predicted, observed, lower, upper, n``, one row a group that is followed to the horizon.

    Raises
    ------
    InputError
        More groups than cases, or a horizon beyond the last follow-up.
    """
    outcome = check_survival(y)
    p = pd.Series(of_cases(y, probability, "probability"), index=outcome.index)
    if not 0 < groups <= len(p):
        raise InputError(f"{groups} groups of {len(p)} cases; ask for fewer")
    check_followed(outcome, time)
    code = pd.qcut(p.rank(method="first"), groups, labels=False)
    rows = []
    for one in range(groups):
        members = (code == one).to_numpy()
        if not _is_followed(outcome[members], time):
            continue
        row = kaplan_meier(outcome[members]).at([time]).iloc[0]
        mean = float(p[members].mean())
        rows.append([mean, 1 - row["survival"], 1 - row["upper"], 1 - row["lower"], members.sum()])
    return pd.DataFrame(rows, columns=["predicted", "observed", "lower", "upper", "n"])


def _is_followed(y: pd.DataFrame, time: float) -> bool:
    try:
        check_followed(y, time)
    except InputError:
        return False
    return True


def poisson_calibration(
    y: pd.DataFrame, index: pd.Series | np.ndarray, expected: pd.Series | np.ndarray
) -> pd.DataFrame:
    """Compare observed with expected events over the whole follow-up by Poisson models.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    index : array-like of shape (n,)
        Prognostic index.
    expected : array-like of shape (n,)
        Expected events of each case: its predicted cumulative hazard at its own duration.

    Returns
    -------
    DataFrame
        ``measure, value, lower, upper, se``: ``observed_expected`` (ratio; 1 when calibrated),
        ``log_ratio`` (calibration in the large), ``intercept`` and ``slope`` (0 and 1).

    References
    ----------
    Crowson, Atkinson, Therneau. Assessing calibration of prognostic risk scores. Stat Methods Med
    Res 2016.
    """
    event = check_survival(y)["event"].to_numpy(dtype=float)
    x, e = of_cases(y, index, "index"), of_cases(y, expected, "expected events")
    if np.ptp(x) <= 1e-12 * max(1.0, float(np.abs(x).max())):
        raise InputError("the prognostic index is constant; a slope is not defined")
    kept = e > 0
    event, x, e = event[kept], x[kept], e[kept]
    log_ratio = float(np.log(event.sum() / e.sum()))
    se = float(1 / np.sqrt(event.sum()))
    large = Estimate.normal(log_ratio, se, len(e))
    spread = float(np.exp(1.959963984540054 * se))
    ratio = float(np.exp(log_ratio))
    beta, errors = _poisson(np.column_stack([np.ones(len(x)), x]), event, np.log(e) - x)
    rows = [
        ["observed_expected", ratio, ratio / spread, ratio * spread, None],
        ["log_ratio", large.value, large.lower, large.upper, large.se],
    ]
    for name, value, error in zip(("intercept", "slope"), beta, errors, strict=True):
        one = Estimate.normal(float(value), float(error), len(e))
        rows.append([name, one.value, one.lower, one.upper, one.se])
    return pd.DataFrame(rows, columns=["measure", "value", "lower", "upper", "se"])


def _poisson(
    design: np.ndarray, count: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poisson regression with log link: coefficients and standard errors."""
    total = np.logaddexp.reduce(offset)
    beta = np.array([np.log(count.sum()) - total, *np.zeros(design.shape[1] - 1)])
    information = np.eye(len(beta))
    for _ in range(100):
        mean = np.exp(np.clip(design @ beta + offset, -500, 500))
        information = design.T @ (design * mean[:, None])
        step = np.linalg.solve(information, design.T @ (count - mean))
        step *= min(1.0, 2.0 / max(np.abs(design @ step).max(), 1e-300))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return beta, np.sqrt(np.diag(np.linalg.inv(information)))
    raise InputError("Poisson calibration does not converge; are the expected events sensible?")
