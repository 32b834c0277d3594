"""Predictions at a time horizon: IPCW AUC, Brier score and IPA, observed over expected.

Censoring is estimated in the cohort that is evaluated: cases with an event by the horizon weigh
1 / G(T-), those still followed at it 1 / G(horizon), those censored before it nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.concordance import censoring_survival
from radtool.evaluation.estimate import Estimate, of_cases
from radtool.evaluation.kaplan_meier import check_followed, kaplan_meier
from radtool.table import check_survival

__all__ = [
    "auc_at",
    "brier_at",
    "compare_at",
    "event_by",
    "integrated_brier",
    "ipa_at",
    "observed_over_expected",
]


def auc_at(y: pd.DataFrame, risk: pd.Series | np.ndarray, time: float) -> Estimate:
    """Time-dependent AUC: events by the horizon against those event-free beyond it.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    risk : array-like of shape (n,)
        Higher = sooner event.
    time : float
        Horizon; before the last follow-up.

    Returns
    -------
    Estimate
        Between 0 and 1; the interval includes the estimation of the censoring weights.

    Raises
    ------
    InputError
        Nobody has an event by the horizon, or nobody is followed beyond it.

    References
    ----------
    Blanche, Dartigues, Jacqmin-Gadda. Estimating and comparing time-dependent areas under ROC
    curves for censored event times with competing risks. Stat Med 2013.
    """
    value, influence = _auc(y, risk, time)
    return Estimate.normal(value, _se(influence), len(influence), (0, 1))


def brier_at(y: pd.DataFrame, probability: pd.Series | np.ndarray, time: float) -> Estimate:
    """Brier score at the horizon of predicted event probabilities.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    probability : array-like of shape (n,)
        Predicted probability of an event by the horizon.
    time : float
        Horizon.
    """
    value, influence = _brier(y, _probability(y, probability), time)
    return Estimate.normal(value, _se(influence), len(influence), (0, 1))


def ipa_at(y: pd.DataFrame, probability: pd.Series | np.ndarray, time: float) -> Estimate:
    """Index of prediction accuracy: 1 - Brier / Brier of the cohort's own Kaplan-Meier risk.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    probability : array-like of shape (n,)
        Predicted probability of an event by the horizon, 0 to 1.
    time : float
        Horizon, in the unit of the durations.

    Returns
    -------
    Estimate
        1 is perfect, 0 as good as no model, negative worse than none; delta-method interval.
    """
    outcome = check_survival(y)
    own, influence = _brier(outcome, _probability(y, probability), time)
    km = np.full(len(outcome), 1.0 - _survival_at(outcome, time))
    null, null_influence = _brier(outcome, km, time)
    gain = -influence / null + own * null_influence / null**2
    return Estimate.normal(1.0 - own / null, _se(gain), len(outcome))


def integrated_brier(
    y: pd.DataFrame, probabilities: pd.DataFrame, times: np.ndarray | None = None
) -> float:
    """Brier score integrated over the times (trapezoids), per unit of time.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    probabilities : DataFrame of shape (n, k)
        Predicted event probability, one column a time.
    times : ndarray of shape (k,), optional
        Default the column names.

    Raises
    ------
    InputError
        Fewer than two times.
    """
    points = np.asarray(probabilities.columns if times is None else times, dtype=float)
    if len(points) < 2:
        raise InputError("an integrated Brier score needs at least two times")
    values = [
        brier_at(y, probabilities.iloc[:, j].to_numpy(), float(t)).value
        for j, t in enumerate(points)
    ]
    return float(np.trapezoid(values, points) / (points[-1] - points[0]))


def compare_at(
    y: pd.DataFrame, probability_a: np.ndarray, probability_b: np.ndarray, time: float
) -> pd.DataFrame:
    """Compare two predictions at the horizon: differences (b - a) of AUC and Brier score.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    probability_a, probability_b : array-like of shape (n,)
        Two predicted probabilities of an event by the horizon.
    time : float
        Horizon, in the unit of the durations.

    Returns
    -------
    DataFrame
        Rows ``auc`` and ``brier``: ``measure, a, b, difference, lower, upper, se``; the variance
        includes the covariance of the two.
    """
    pa, pb = _probability(y, probability_a), _probability(y, probability_b)
    rows = []
    for name, parts in (
        ("auc", (_auc(y, pa, time), _auc(y, pb, time))),
        ("brier", (_brier(y, pa, time), _brier(y, pb, time))),
    ):
        (first, own), (second, other) = parts
        gain = Estimate.normal(second - first, _se(other - own), len(own))
        rows.append([name, first, second, gain.value, gain.lower, gain.upper, gain.se])
    names = ["measure", "a", "b", "difference", "lower", "upper", "se"]
    return pd.DataFrame(rows, columns=names)


def observed_over_expected(
    y: pd.DataFrame, probability: pd.Series | np.ndarray, time: float
) -> Estimate:
    """Kaplan-Meier risk at the horizon over the mean predicted risk, with log-normal interval.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    probability : array-like of shape (n,)
        Predicted probability of an event by the horizon, 0 to 1.
    time : float
        Horizon, in the unit of the durations.

    Raises
    ------
    InputError
        The horizon lies beyond the last follow-up, or the mean predicted risk is 0.
    """
    outcome = check_survival(y)
    p = _probability(y, probability)
    check_followed(outcome, time)
    if p.mean() <= 0:
        raise InputError("the mean predicted risk is 0; observed over expected is not defined")
    ratio = (1.0 - _survival_at(outcome, time)) / float(p.mean())
    events = int((outcome["event"] & (outcome["duration"] <= time)).sum())
    if events == 0:
        return Estimate(ratio, None, None, len(outcome))
    spread = float(np.exp(1.959963984540054 / np.sqrt(events)))
    return Estimate(ratio, ratio / spread, ratio * spread, len(outcome))


def event_by(y: pd.DataFrame, time: float) -> pd.Series:
    """Whether each case had the event by the horizon; NaN for those censored before it.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    time : float
        Horizon, in the unit of the durations.

    Raises
    ------
    InputError
        The horizon is not above 0.

    Examples
    --------
    >>> y = pd.DataFrame({"event": [True, False, False], "duration": [1.0, 2.0, 9.0]})
    >>> event_by(y, 5).tolist()
    [1.0, nan, 0.0]
    """
    outcome = check_survival(y)
    if not time > 0:
        raise InputError(f"a horizon must be above 0, got {time}")
    by = outcome["duration"] <= time
    label = pd.Series(np.where(by, 1.0, 0.0), index=y.index, name=f"event_by_{time:g}")
    return label.mask(by & ~outcome["event"])


def _auc(y: pd.DataFrame, risk: pd.Series | np.ndarray, time: float) -> tuple[float, np.ndarray]:
    outcome, score = check_survival(y), of_cases(y, risk)
    if not np.isfinite(score).all():
        raise InputError("risk must be one finite number per case")
    weight, case, control = _weights(outcome, time)
    case_weight, control_weight = np.where(case, weight, 0.0), np.where(control, weight, 0.0)
    below = _mass_below(score, control_weight)
    above = case_weight.sum() - _mass_below(score, case_weight)
    pairs = case_weight.sum() * control_weight.sum()
    value = float(case_weight @ below / pairs)
    per_case = case_weight * (below - value * control_weight.sum())
    per_control = control_weight * (above - value * case_weight.sum())
    indirect = _censoring_effect(outcome, per_case, per_control, time)
    return value, (per_case + per_control + indirect) / pairs


def _brier(y: pd.DataFrame, p: np.ndarray, time: float) -> tuple[float, np.ndarray]:
    outcome = check_survival(y)
    weight, case, control = _weights(outcome, time)
    n = len(p)
    of_case = np.where(case, weight * (1.0 - p) ** 2, 0.0)
    of_control = np.where(control, weight * p**2, 0.0)
    value = float((of_case + of_control).sum() / n)
    direct = of_case + of_control - value
    return value, (direct + _censoring_effect(outcome, of_case, of_control, time)) / n


def _weights(outcome: pd.DataFrame, time: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    duration, event = outcome["duration"].to_numpy(), outcome["event"].to_numpy()
    case, control = (duration <= time) & event, duration > time
    if not case.any() or not control.any():
        what = "has an event by" if not case.any() else "is followed beyond"
        raise InputError(f"nobody {what} time {time:g}; choose another horizon")
    before = censoring_survival(outcome, duration, before=True)
    at = float(censoring_survival(outcome, np.array([time]))[0])
    weight = np.zeros(len(duration))
    weight[case] = 1.0 / before[case]
    weight[control] = 1.0 / at
    return weight, case, control


def _censoring_effect(
    outcome: pd.DataFrame, of_case: np.ndarray, of_control: np.ndarray, time: float
) -> np.ndarray:
    """What each case does to a weighted sum through the censoring curve's estimate, shape (n,).

    The sum of ``w_i f_i`` changes by the integral of the censoring martingale of each case times
    the weighted mass of those after it, over the number at risk.
    """
    duration, event = outcome["duration"].to_numpy(), outcome["event"].to_numpy()
    points, at = np.unique(duration, return_inverse=True)
    n, k = len(duration), len(points)
    left = np.bincount(at, ~event, minlength=k)
    at_risk = n - np.concatenate([[0], np.cumsum(np.bincount(at, minlength=k))])[:k]
    inside = points <= time
    later_case = np.cumsum(np.bincount(at, of_case, minlength=k)[::-1])[::-1]
    later_case = np.concatenate([later_case[1:], [0.0]])
    mass = np.where(inside, later_case + of_control.sum(), 0.0)
    jump = np.where(inside, mass / at_risk, 0.0)
    drift = np.cumsum(jump * left / at_risk)
    own = np.where(~event & inside[at], jump[at], 0.0)
    return own - drift[at]


def _mass_below(score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weight of the cases with a lower score than each case, ties half."""
    order = np.argsort(score, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    lower = total[np.searchsorted(score[order], score, side="left")]
    upper = total[np.searchsorted(score[order], score, side="right")]
    return (lower + upper) / 2


def _survival_at(outcome: pd.DataFrame, time: float) -> float:
    return float(kaplan_meier(outcome).at([time])["survival"].iloc[0])


def _probability(y: pd.DataFrame, probability: pd.Series | np.ndarray) -> np.ndarray:
    p = of_cases(y, probability, "probability")
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("probabilities must lie between 0 and 1, without gaps")
    return p


def _se(influence: np.ndarray) -> float:
    n = len(influence)
    return float(np.sqrt((influence**2).sum() * n / (n - 1)))
