"""Concordance of risk scores with survival: Harrell's and Uno's C, and the paired comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.estimate import Estimate, of_cases, paired_difference
from radtool.table import check_survival

__all__ = [
    "bootstrap_c_difference",
    "censoring_survival",
    "compare_c",
    "harrell_c",
    "pair_counts",
    "uno_c",
]

_CHUNK = 4_000_000


def harrell_c(y: pd.DataFrame, risk: pd.Series | np.ndarray) -> Estimate:
    """Harrell's concordance with its infinitesimal-jackknife interval.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``; with a column ``status`` of competing risks (above 1: another
        event came first) those cases stay comparable for ever, as they will never have the event.
    risk : array-like of shape (n,)
        Higher = sooner event. Tied risks count one half; a constant risk gives 0.5.

    Returns
    -------
    Estimate
        Between 0 and 1; the interval is cut there.

    Raises
    ------
    InputError
        A risk is missing, or no pair of cases can be compared.

    Notes
    -----
    Pairs with tied event times are left out; a case censored at an event time outlives it. One
    event gives no interval, for without it nothing is left; nor do pairs that are all in order.
    Equals R survival's ``concordance(..., reverse = TRUE)``.

    References
    ----------
    Harrell, Califf, Pryor, Lee, Rosati. Evaluating the yield of medical tests. JAMA 1982.
    Wolbers, Koller, Witteman, Steyerberg. Prognostic models with competing risks. Epidemiology
    2009.

    Examples
    --------
    >>> y = pd.DataFrame({"event": [True, True, False], "duration": [1.0, 2.0, 3.0]})
    >>> harrell_c(y, np.array([3.0, 2.0, 1.0])).value
    1.0
    """
    value, influence = _concordance(y, risk)
    return Estimate.normal(value, float(np.sqrt((influence**2).sum())), len(influence), (0, 1))


def uno_c(y: pd.DataFrame, risk: pd.Series | np.ndarray, *, tau: float | None = None) -> Estimate:
    """Uno's concordance: pairs weighted so that censoring does not shift it.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration`` of the cohort that is evaluated; censoring is estimated here.
    risk : array-like of shape (n,)
        Higher = sooner event.
    tau : float, optional
        Events after it are left out; default all.

    Returns
    -------
    Estimate
        Between 0 and 1. The interval takes the weights as known (as R's ``concordance`` does).

    Raises
    ------
    InputError
        A risk is missing, no pair can be compared, or tau lies beyond the last follow-up.

    References
    ----------
    Uno, Cai, Pencina, D'Agostino, Wei. On the C-statistics for evaluating overall adequacy of
    risk prediction procedures with censored survival data. Stat Med 2011.
    """
    if "status" in y and (y["status"] > 1).any():
        raise InputError("Uno's C is for one kind of event; with competing risks use competing_auc")
    value, influence = _concordance(y, risk, weighted=True, tau=tau)
    return Estimate.normal(value, float(np.sqrt((influence**2).sum())), len(influence), (0, 1))


def compare_c(
    y: pd.DataFrame,
    risk_a: pd.Series | np.ndarray,
    risk_b: pd.Series | np.ndarray,
    patients: pd.Series | np.ndarray | None = None,
) -> pd.DataFrame:
    """Compare the Harrell C of two risk scores on the same cases.

    Parameters
    ----------
    y : DataFrame
        As for `harrell_c`.
    risk_a, risk_b : array-like of shape (n,)
        Higher = sooner event.
    patients : array-like of shape (n,), optional
        Patient of each case: lesions of one patient are then no independent cases (R:
        ``concordance(..., cluster = )``). Default each case its own.

    Returns
    -------
    DataFrame
        One row: ``c_a, c_b, difference`` (b - a)``, lower, upper, se, z, p, n``; the variance
        includes the covariance of the two (infinitesimal jackknife).
    """
    first, own = _concordance(y, risk_a)
    second, other = _concordance(y, risk_b)
    gain = other - own
    if patients is not None:
        gain = np.bincount(pd.factorize(np.asarray(patients).astype(str))[0], gain)
    se = float(np.sqrt((gain**2).sum()))
    return paired_difference("c", (first, second), se, len(own))


def bootstrap_c_difference(
    y: pd.DataFrame,
    risk_a: pd.Series | np.ndarray,
    risk_b: pd.Series | np.ndarray,
    patients: pd.Series | np.ndarray | None = None,
    *,
    n: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Difference of two Harrell C (b - a) on the same cases, patients drawn with replacement.

    `compare_c` takes cases as independent, which lesions of one patient are not, and its interval
    as normal, which it is not for few events.

    Parameters
    ----------
    y : DataFrame
        As for `harrell_c`.
    risk_a, risk_b : array-like of shape (n_cases,)
        Higher = sooner event.
    patients : array-like of shape (n_cases,), optional
        Patient of each case; default each case its own.
    n : int, default 2000
        Samples.
    seed : int, default 0

    Returns
    -------
    Estimate
        With the percentile interval; `se` is the standard deviation of the samples.

    Raises
    ------
    InputError
        A risk is missing, or in most samples no pair of cases can be compared.
    """
    outcome, first = _checked(y, risk_a)
    second = _checked(y, risk_b)[1]
    event, time = outcome["event"].to_numpy(), outcome["duration"].to_numpy()
    cases = len(time)
    people = np.arange(cases) if patients is None else np.asarray(patients).astype(str)
    code, names = pd.factorize(people, sort=True)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(names), (2 * n, len(names)))
    counts = np.array([np.bincount(draw, minlength=len(names)) for draw in draws], dtype=float)
    weight = np.vstack([np.ones(cases), counts[:, code]])
    gained, usable = np.zeros(len(weight)), np.zeros(len(weight))
    for rows in _chunks(np.flatnonzero(event), cases):
        later = _comparable(event, time, rows).astype(float)
        gain = np.sign(second[rows][:, None] - second) - np.sign(first[rows][:, None] - first)
        gained += (weight[:, rows] * (weight @ (later * 0.5 * gain).T)).sum(axis=1)
        usable += (weight[:, rows] * (weight @ later.T)).sum(axis=1)
    valid = usable > 0
    if not valid[0] or valid[1:].sum() < n:
        raise InputError("no two cases can be compared in most samples; there are too few events")
    difference = gained[valid] / usable[valid]
    drawn = difference[1 : n + 1]
    lower, upper = np.quantile(drawn, [0.025, 0.975])
    se = float(np.std(drawn, ddof=1))
    return Estimate(float(difference[0]), float(lower), float(upper), cases, se)


def pair_counts(y: pd.DataFrame, risk: pd.Series | np.ndarray) -> dict[str, int]:
    """Count concordant, discordant and tied pairs: tied_x in risk, tied_y in time."""
    outcome, score = _checked(y, risk)
    event, time = outcome["event"].to_numpy(), outcome["duration"].to_numpy()
    counts = dict.fromkeys(("concordant", "discordant", "tied_x", "tied_y", "tied_xy"), 0)
    for rows in _chunks(np.flatnonzero(event), len(event)):
        later = _comparable(event, time, rows)
        above, same = score[rows][:, None] > score, score[rows][:, None] == score
        counts["concordant"] += int((later & above).sum())
        counts["tied_x"] += int((later & same).sum())
        counts["discordant"] += int((later & ~above & ~same).sum())
        together = (time[rows][:, None] == time) & event & (np.arange(len(time)) > rows[:, None])
        counts["tied_xy"] += int((together & same).sum())
        counts["tied_y"] += int((together & ~same).sum())
    return counts


def censoring_survival(y: pd.DataFrame, times: np.ndarray, *, before: bool = False) -> np.ndarray:
    """Probability of being uncensored at (or, with `before`, just before) the given times.

    Kaplan-Meier with censoring as the event; at a shared time, events come before censorings.
    """
    time, event = y["duration"].to_numpy(dtype=float), y["event"].to_numpy(dtype=bool)
    points = np.unique(time)
    censored = np.bincount(np.searchsorted(points, time[~event]), minlength=len(points))
    died = np.bincount(np.searchsorted(points, time[event]), minlength=len(points))
    at_risk = len(time) - np.searchsorted(np.sort(time), points, side="left") - died
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(censored > 0, 1.0 - censored / np.maximum(at_risk, 1), 1.0)
    curve = np.concatenate([[1.0], np.cumprod(factor)])
    return curve[np.searchsorted(points, times, side="left" if before else "right")]


def _concordance(
    y: pd.DataFrame,
    risk: pd.Series | np.ndarray,
    *,
    weighted: bool = False,
    tau: float | None = None,
) -> tuple[float, np.ndarray]:
    """Return C and each case's influence on it, shape (n,)."""
    outcome, score = _checked(y, risk)
    event, time = outcome["event"].to_numpy(), outcome["duration"].to_numpy()
    if tau is not None and tau > time.max():
        raise InputError(f"tau {tau} lies beyond the last follow-up {time.max()}")
    weight = np.ones(len(time))
    if weighted:
        weight = censoring_survival(outcome, time, before=True)
        weight = 1.0 / np.where(weight > 0, weight, np.inf) ** 2
    chosen = np.flatnonzero(event & (time <= (np.inf if tau is None else tau)))
    good, usable = np.zeros(len(time)), np.zeros(len(time))
    for rows in _chunks(chosen, len(time)):
        later = _comparable(event, time, rows) * weight[rows][:, None]
        difference = score[rows][:, None] - score
        won = later * (0.5 + 0.5 * np.sign(difference))
        good += won.sum(axis=0)
        usable += later.sum(axis=0)
        good[rows] += won.sum(axis=1)
        usable[rows] += later.sum(axis=1)
    pairs = usable.sum() / 2
    if pairs == 0:
        raise InputError(
            "no two cases can be compared: nobody is followed beyond the first event; concordance"
            " is not defined"
        )
    value = good.sum() / 2 / pairs
    if (usable[chosen] > 0).sum() == 1:  # without the one event there is no pair
        return float(value), np.full(len(time), np.nan)
    return float(value), (good - value * usable) / pairs


def _checked(y: pd.DataFrame, risk: pd.Series | np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    outcome = check_survival(y)
    if "status" in y:
        never = (y["status"] > 1).to_numpy()
        outcome.loc[never, "duration"] = outcome["duration"].max() + 1.0
    score = of_cases(outcome, risk)
    if not np.isfinite(score).all():
        bad = outcome.index[~np.isfinite(score)].tolist()
        raise InputError(f"risk is missing or infinite for {bad[:5]}")
    return outcome, score


def _comparable(event: np.ndarray, time: np.ndarray, rows: np.ndarray) -> np.ndarray:
    own = time[rows][:, None]
    return (time > own) | ((time == own) & ~event)


def _chunks(rows: np.ndarray, n: int) -> list[np.ndarray]:
    size = max(1, _CHUNK // max(n, 1))
    return [rows[i : i + size] for i in range(0, len(rows), size)]
