"""Kaplan-Meier curves with intervals and numbers at risk, restricted means, the log-rank test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.estimate import Estimate
from radtool.table import check_survival

__all__ = ["KaplanMeier", "LogRank", "check_followed", "group_codes", "kaplan_meier", "logrank"]

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, eq=False)
class KaplanMeier:
    """A Kaplan-Meier curve.

    Parameters
    ----------
    table : DataFrame
        One row a distinct time: ``time, at_risk, events, censored, survival, se, lower, upper``
        (log-log 95 % interval; `se` is Greenwood's, of the survival itself).
    n : int
        Cases.
    """

    table: pd.DataFrame
    n: int

    def at(self, times: Sequence[float] | np.ndarray) -> pd.DataFrame:
        """Survival with interval at given times: ``time, survival, lower, upper, at_risk``."""
        wanted = np.asarray(times, dtype=float)
        row = np.searchsorted(self.table["time"].to_numpy(), wanted, side="right")
        columns = {
            name: np.concatenate([[1.0], self.table[name].to_numpy()])[row]
            for name in ("survival", "lower", "upper")
        }
        return pd.DataFrame({"time": wanted, **columns, "at_risk": self.at_risk(wanted)})

    def at_risk(self, times: Sequence[float] | np.ndarray) -> np.ndarray:
        """How many are still under observation at the given times (those leaving then count)."""
        wanted = np.asarray(times, dtype=float)
        row = np.searchsorted(self.table["time"].to_numpy(), wanted, side="left")
        left = (self.table["events"] + self.table["censored"]).to_numpy()
        return self.n - np.concatenate([[0], np.cumsum(left)])[row].astype(int)

    @property
    def median(self) -> Estimate:
        """Median time; None bounds or NaN where the curve or its band does not reach one half."""
        time = self.table["time"].to_numpy()
        value = _crossing(time, self.table["survival"].to_numpy())
        lower = _crossing(time, self.table["lower"].to_numpy())
        upper = _crossing(time, self.table["upper"].to_numpy())
        return Estimate(
            value,
            None if np.isnan(lower) else lower,
            None if np.isnan(upper) else upper,
            self.n,
        )

    def restricted_mean(self, tau: float) -> Estimate:
        """Mean time lived until tau (area under the curve), with a normal interval.

        Raises
        ------
        InputError
            Tau lies beyond the last follow-up.
        """
        last = float(self.table["time"].iloc[-1])
        if not 0 < tau <= last:
            raise InputError(f"tau {tau} is not within the follow-up (0, {last}]")
        inside = self.table[self.table["time"] < tau]
        edges = np.concatenate([[0.0], inside["time"].to_numpy(), [tau]])
        height = np.concatenate([[1.0], inside["survival"].to_numpy()])
        pieces = np.diff(edges) * height
        after = np.cumsum(pieces[::-1])[::-1][1:]
        died, at_risk = inside["events"].to_numpy(), inside["at_risk"].to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            term = np.where(after > 0, after**2 * died / (at_risk * (at_risk - died)), 0.0)
        return Estimate.normal(float(pieces.sum()), float(np.sqrt(term.sum())), self.n, (0, tau))


@dataclass(frozen=True, slots=True, eq=False)
class LogRank:
    """Result of a log-rank test.

    Parameters
    ----------
    statistic : float
        Chi-square.
    df : int
        Groups less one.
    p : float
        P value.
    table : DataFrame
        One row a group: ``group, n, observed, expected``.
    """

    statistic: float
    df: int
    p: float
    table: pd.DataFrame


def kaplan_meier(y: pd.DataFrame) -> KaplanMeier:
    """Estimate a survival curve.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``; nobody needs to have an event.

    Returns
    -------
    KaplanMeier
        With the log-log 95 % interval (R: ``survfit(..., conf.type = "log-log")``).

    Examples
    --------
    >>> y = pd.DataFrame({"event": [True, False, True], "duration": [1.0, 2.0, 3.0]})
    >>> kaplan_meier(y).table["survival"].round(3).tolist()
    [0.667, 0.667, 0.0]
    """
    time, event = _arrays(y)
    points = np.unique(time)
    died = np.bincount(np.searchsorted(points, time[event]), minlength=len(points))
    gone = np.bincount(np.searchsorted(points, time[~event]), minlength=len(points))
    at_risk = len(time) - np.searchsorted(np.sort(time), points, side="left")
    survival = np.cumprod(1.0 - died / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        term = np.where(died > 0, died / (at_risk * (at_risk - died)), 0.0)
        spread = np.sqrt(np.cumsum(term))
        log = np.log(survival)
        half = np.where(log < 0, _Z * spread / -log, 0.0)
        lower = np.where(survival < 1, np.exp(log * np.exp(half)), 1.0)
        upper = np.where(survival < 1, np.exp(log * np.exp(-half)), 1.0)
        se = survival * spread
    zero = survival == 0
    lower, upper, se = (np.where(zero, np.nan, a) for a in (lower, upper, se))
    table = pd.DataFrame(
        {
            "time": points,
            "at_risk": at_risk,
            "events": died,
            "censored": gone,
            "survival": survival,
            "se": se,
            "lower": lower,
            "upper": upper,
        }
    )
    return KaplanMeier(table, len(time))


def logrank(
    y: pd.DataFrame,
    groups: pd.Series | np.ndarray,
    *,
    strata: pd.Series | np.ndarray | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Test whether groups have the same survival.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    groups : array-like of shape (n,)
        Group of each case; at least two different.
    strata : array-like of shape (n,), optional
        Cases are compared within a stratum only.
    rho : float, default 0
        Fleming-Harrington weight ``S(t-)**rho``: 0 is the log-rank test, 1 Peto's Wilcoxon.

    Raises
    ------
    InputError
        Fewer than two groups, a case without group or stratum, or lengths differ.
    """
    time, event = _arrays(y)
    code, names = group_codes(groups, len(time))
    if len(names) < 2:
        raise InputError("a log-rank test needs at least two groups")
    block = np.zeros(len(time)) if strata is None else group_codes(strata, len(time), "stratum")[0]
    observed, expected = np.zeros(len(names)), np.zeros(len(names))
    covariance = np.zeros((len(names), len(names)))
    for one in np.unique(block):
        rows = block == one
        parts = _logrank_parts(time[rows], event[rows], code[rows], len(names), rho)
        observed, expected = observed + parts[0], expected + parts[1]
        covariance = covariance + parts[2]
    kept = expected > 0
    difference = (observed - expected)[kept][1:]
    statistic = 0.0
    if kept.sum() > 1:
        statistic = float(
            difference @ np.linalg.pinv(covariance[kept][:, kept][1:, 1:]) @ difference
        )
    df = max(int(kept.sum()) - 1, 1)
    table = pd.DataFrame(
        {
            "group": names,
            "n": np.bincount(code, minlength=len(names)),
            "observed": observed,
            "expected": expected,
        }
    )
    return LogRank(statistic, df, float(stats.chi2.sf(statistic, df)), table)


def _logrank_parts(
    time: np.ndarray, event: np.ndarray, code: np.ndarray, n_groups: int, rho: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    points = np.unique(time[event])
    at_risk = np.array(
        [
            np.sum(code == g) - np.searchsorted(np.sort(time[code == g]), points, side="left")
            for g in range(n_groups)
        ],
        dtype=float,
    )
    died = np.array(
        [
            np.bincount(np.searchsorted(points, time[event & (code == g)]), minlength=len(points))
            for g in range(n_groups)
        ],
        dtype=float,
    )
    total, events = at_risk.sum(axis=0), died.sum(axis=0)
    survival = np.cumprod(1.0 - events / total)
    weight = np.concatenate([[1.0], survival[:-1]]) ** rho
    share = at_risk / total
    expected = (weight * events * share).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(total > 1, weight**2 * events * (total - events) / (total - 1), 0.0)
    covariance = np.diag((spread * share).sum(axis=1)) - (spread * share) @ share.T
    return (weight * died).sum(axis=1), expected, covariance


def group_codes(
    groups: pd.Series | np.ndarray, n: int, what: str = "group"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each case's group and the groups' sorted names, or raise InputError."""
    code, names = pd.factorize(np.asarray(groups), sort=True)
    if len(code) != n:
        raise InputError(f"{len(code)} values of {what} for {n} cases")
    if (code < 0).any():
        raise InputError(f"{what} is missing for {int((code < 0).sum())} of {n} cases")
    return code, names


def check_followed(y: pd.DataFrame, time: float) -> None:
    """Raise InputError unless the outcome is known up to a time.

    Parameters
    ----------
    y : DataFrame
        ``duration`` and ``event``, or ``status`` (0 censored).
    time : float
        Beyond the last duration nothing is known, unless everyone who was left had an event then.
    """
    if not time > 0:
        raise InputError(f"a horizon must be above 0, got {time}")
    last = float(y["duration"].max())
    ended = y["status"] > 0 if "status" in y else y["event"]
    if time > last and not ended[y["duration"] == last].all():
        raise InputError(f"nobody is followed to time {time:g}; the last follow-up is {last:g}")


def _arrays(y: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Durations and events; a group in which nobody has an event still has a curve."""
    if len(y) == 0:
        raise InputError("no cases: a survival curve needs at least one")
    known = {"event", "duration"} <= set(y.columns)
    if known and not pd.to_numeric(y["event"], errors="coerce").fillna(1).any():
        outcome = check_survival(y.assign(event=True))
        return outcome["duration"].to_numpy(), np.zeros(len(y), dtype=bool)
    outcome = check_survival(y)
    return outcome["duration"].to_numpy(), outcome["event"].to_numpy()


def _crossing(time: np.ndarray, curve: np.ndarray) -> float:
    """First time at which a curve is at or below one half; halfway where it rests exactly there."""
    below = np.flatnonzero(~np.isnan(curve) & (curve < 0.5 + 1e-9))
    if len(below) == 0:
        return float("nan")
    first = below[0]
    if abs(curve[first] - 0.5) < 1e-9:
        lower = [i for i in below if curve[i] < curve[first] - 1e-9]
        if lower:
            return float((time[first] + time[lower[0]]) / 2)
    return float(time[first])
