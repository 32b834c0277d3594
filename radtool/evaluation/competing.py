"""Competing risks: Aalen-Johansen, cause-specific and Fine-Gray models, measures at a horizon.

An outcome with competing risks is a DataFrame ``status`` (0 censored, 1, 2, … the causes) and
``duration`` (> 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from radtool.errors import InputError, TableError
from radtool.evaluation.concordance import censoring_survival
from radtool.evaluation.cox import CoxFit, baseline_hazard, fit_cox
from radtool.evaluation.estimate import Estimate, of_cases
from radtool.evaluation.kaplan_meier import check_followed
from radtool.evaluation.risk_sets import Ties
from radtool.evaluation.robust import robust_covariance

__all__ = [
    "FineGray",
    "aalen_johansen",
    "cause_specific",
    "check_competing",
    "competing_auc",
    "competing_brier",
    "competing_observed_over_expected",
    "expand_fine_gray",
    "fine_gray",
    "incidence_at",
    "pseudo_values",
]

_CELLS = 4_000_000


def check_competing(y: pd.DataFrame) -> pd.DataFrame:
    """Return ``status`` (int) and ``duration`` (float) of a competing-risks outcome, or raise.

    Raises
    ------
    TableError
        Columns are missing, a status is not 0, 1, 2, …, a duration is not above 0, or nobody has
        the event of interest (status 1).
    """
    if not {"status", "duration"} <= set(y.columns):
        raise TableError(f"competing risks need the columns status and duration, got {list(y)}")
    status, duration = (
        pd.to_numeric(y[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        for name in ("status", "duration")
    )
    odd = ~(np.isfinite(status) & (status >= 0) & (status == np.round(status)))
    if odd.any():
        raise TableError(
            f"status must be 0 (censored), 1, 2, …; is not for {y.index[odd].tolist()[:5]}"
        )
    bad = ~(np.isfinite(duration) & (duration > 0))
    if bad.any():
        raise TableError(
            f"duration must be a number above 0, is not for {y.index[bad].tolist()[:5]}"
        )
    if not (status == 1).any():
        raise TableError("nobody has the event of interest (status 1)")
    return pd.DataFrame({"status": status.astype(int), "duration": duration}, index=y.index)


def aalen_johansen(
    y: pd.DataFrame, *, variance: Literal["jackknife", "delta"] = "jackknife"
) -> pd.DataFrame:
    """Estimate the cumulative incidence of each cause.

    Parameters
    ----------
    y : DataFrame
        ``status`` and ``duration``.
    variance : {"jackknife", "delta"}
        Of the standard errors: the infinitesimal jackknife, as R's multi-state survfit, or Gray's
        delta method, as R's ``cmprsk::cuminc``. They differ by some per cent.

    Returns
    -------
    DataFrame
        One row a distinct time: ``time, at_risk, survival`` (event-free) and per cause k
        ``incidence_k`` and ``se_k``.

    References
    ----------
    Gray. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann
    Stat 1988.

    Examples
    --------
    >>> y = pd.DataFrame({"status": [1, 2, 0, 1], "duration": [1.0, 2.0, 3.0, 4.0]})
    >>> aalen_johansen(y)["incidence_1"].tolist()
    [0.25, 0.25, 0.25, 0.75]
    """
    if variance not in ("jackknife", "delta"):
        raise InputError(f"variance must be 'jackknife' or 'delta', got {variance!r}")
    outcome = check_competing(y)
    status, duration = outcome["status"].to_numpy(), outcome["duration"].to_numpy()
    points, at = np.unique(duration, return_inverse=True)
    k = len(points)
    at_risk = len(at) - np.searchsorted(np.sort(duration), points, side="left")
    causes = [int(c) for c in np.unique(status) if c > 0]
    counts = {c: np.bincount(at, status == c, minlength=k) for c in causes}
    total = np.sum(list(counts.values()), axis=0) / at_risk
    survival = np.cumprod(1.0 - total)
    before = np.concatenate([[1.0], survival[:-1]])
    table: dict[str, np.ndarray] = {"time": points, "at_risk": at_risk, "survival": survival}
    for cause in causes:
        step = before * counts[cause] / at_risk
        table[f"incidence_{cause}"] = np.cumsum(step)
        table[f"se_{cause}"] = (
            _incidence_se(status, at, at_risk, total, before, cause)
            if variance == "jackknife"
            else _delta_se(counts[cause], total, at_risk, table[f"incidence_{cause}"])
        )
    return pd.DataFrame(table)


def incidence_at(y: pd.DataFrame, time: float, *, cause: int = 1) -> Estimate:
    """Cumulative incidence of one cause at a horizon, with a log(-log) interval."""
    table = aalen_johansen(y)
    if f"incidence_{cause}" not in table:
        raise InputError(f"nobody has an event of cause {cause}")
    row = int(np.searchsorted(table["time"].to_numpy(), time, side="right")) - 1
    if row < 0 or table[f"incidence_{cause}"].iloc[row] == 0:
        return Estimate(0.0, None, None, len(y))
    value, se = (float(table[f"{name}_{cause}"].iloc[row]) for name in ("incidence", "se"))
    if value >= 1:
        return Estimate(value, None, None, len(y), se)
    half = 1.959963984540054 * se / (value * -np.log(value))
    return Estimate(value, float(value ** np.exp(half)), float(value ** np.exp(-half)), len(y), se)


def pseudo_values(y: pd.DataFrame, time: float, *, cause: int = 1) -> np.ndarray:
    """Jackknife pseudo-values of the cumulative incidence at a horizon, shape (n,)."""
    outcome = check_competing(y)
    status, duration = outcome["status"].to_numpy(), outcome["duration"].to_numpy()
    n = len(status)
    whole = _incidence(status, duration, time, cause)
    keep = np.ones(n, dtype=bool)
    found: dict[tuple[float, int], float] = {}
    values = np.empty(n)
    for i in range(n):
        key = (min(duration[i], time + 1.0), int(status[i]) if duration[i] <= time else -1)
        if key not in found:
            keep[i] = False
            found[key] = _incidence(status[keep], duration[keep], time, cause)
            keep[i] = True
        values[i] = n * whole - (n - 1) * found[key]
    return values


def cause_specific(
    X: pd.DataFrame, y: pd.DataFrame, *, cause: int = 1, ties: Ties = "efron"
) -> CoxFit:
    """Fit the Cox model of one cause; other causes count as censoring."""
    outcome = check_competing(y)
    return fit_cox(X, outcome.assign(event=outcome["status"] == cause), ties=ties)


@dataclass(frozen=True, slots=True, eq=False)
class FineGray:
    """A subdistribution hazards model.

    Parameters
    ----------
    fit : CoxFit
        Fitted on the expanded cases; its standard errors take the weights as known.
    robust : ndarray of shape (p, p)
        Robust covariance, cases as clusters.
    baseline : DataFrame
        ``time, hazard``: cumulative subdistribution hazard at predictors of zero.
    """

    fit: CoxFit
    robust: np.ndarray
    baseline: pd.DataFrame

    def incidence(self, X: pd.DataFrame, time: float) -> np.ndarray:
        """Predicted cumulative incidence by a horizon, shape (n,)."""
        index = X[list(self.fit.columns)].to_numpy(dtype=float) @ self.fit.coefficients
        hazard = self.baseline["hazard"][self.baseline["time"] <= time]
        return -np.expm1(-(hazard.iloc[-1] if len(hazard) else 0.0) * np.exp(index))


def fine_gray(
    X: pd.DataFrame,
    y: pd.DataFrame,
    *,
    cause: int = 1,
    ties: Ties = "efron",
    ridge: float = 0.0,
    clusters: np.ndarray | None = None,
) -> FineGray:
    """Fit Fine and Gray's model of the cumulative incidence.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Numeric predictors without gaps.
    y : DataFrame
        ``status`` and ``duration``.
    cause : int, default 1
        The event of interest.
    ties : {"efron", "breslow"}
        Efron equals R's coxph on finegray data; cmprsk's crr uses Breslow-like ties.
    ridge : float, default 0
        Penalty, as in `fit_cox`.
    clusters : array-like of shape (n,), optional
        Patient of each case, for the robust covariance; default each case its own.

    References
    ----------
    Fine, Gray. A proportional hazards model for the subdistribution of a competing risk. JASA
    1999.
    """
    rows = expand_fine_gray(y, cause=cause)
    design = X.iloc[rows["case"].to_numpy()].reset_index(drop=True)
    fit = fit_cox(design, rows, ties=ties, ridge=ridge)
    people = np.arange(len(X)) if clusters is None else np.asarray(clusters)
    robust = robust_covariance(fit, design, rows, people[rows["case"].to_numpy()], ties=ties)
    index = design.to_numpy(dtype=float) @ fit.coefficients
    return FineGray(fit, robust, baseline_hazard(index, rows, ties=ties))


def expand_fine_gray(y: pd.DataFrame, *, cause: int = 1) -> pd.DataFrame:
    """Return weighted (entry, duration] rows in which a Cox model is a Fine-Gray model.

    A case with a competing event stays at risk with weight G(t-) / G(T-), G the probability of
    being uncensored; rows without an event of interest in them are left out.

    Returns
    -------
    DataFrame
        ``case`` (row number in y), ``entry, duration, event, weight``.
    """
    outcome = check_competing(y)
    status, duration = outcome["status"].to_numpy(), outcome["duration"].to_numpy()
    plain = pd.DataFrame({"event": status > 0, "duration": duration})
    events = np.unique(duration[status == cause])
    drops = np.unique(duration[status == 0])
    own = censoring_survival(plain, duration, before=True)
    at_events = censoring_survival(plain, events, before=True)
    last = float(duration.max())
    cut = np.append(drops[drops < last], last)
    rows = []
    for i in range(len(status)):
        competing = status[i] not in (0, cause)
        if not competing:
            rows.append([i, 0.0, duration[i], status[i] == cause, 1.0])
            continue
        later = np.searchsorted(events, duration[i], side="left")
        piece = np.searchsorted(cut, events[later:], side="left")
        first_cut = np.searchsorted(cut, duration[i], side="left")
        rows.append([i, 0.0, cut[first_cut], False, 1.0])
        for one in np.unique(piece[piece > first_cut]):
            where = later + int(np.flatnonzero(piece == one)[0])
            rows.append([i, cut[one - 1], cut[one], False, at_events[where] / own[i]])
    frame = pd.DataFrame(rows, columns=["case", "entry", "duration", "event", "weight"])
    return frame[frame["weight"] > 0].reset_index(drop=True)


def competing_auc(
    y: pd.DataFrame, risk: pd.Series | np.ndarray, time: float, *, cause: int = 1
) -> float:
    """AUC at a horizon: events of interest by then against everyone else, IPCW.

    Controls are those event-free at the horizon and those with a competing event before it.
    """
    outcome, score = check_competing(y), of_cases(y, risk)
    weight, case = _competing_weights(outcome, time, cause)
    of_case, of_rest = np.where(case, weight, 0.0), np.where(case, 0.0, weight)
    difference = np.sign(score[case][:, None] - score)
    won = of_case[case][:, None] * of_rest * (0.5 + 0.5 * difference)
    return float(won.sum() / (of_case.sum() * of_rest.sum()))


def competing_brier(
    y: pd.DataFrame, probability: pd.Series | np.ndarray, time: float, *, cause: int = 1
) -> pd.DataFrame:
    """Brier score at a horizon, of the prediction and of the Aalen-Johansen risk, and the IPA.

    Returns
    -------
    DataFrame
        ``measure, value``: ``brier, brier_null, ipa``.
    """
    outcome, p = check_competing(y), of_cases(y, probability, "probability")
    weight, case = _competing_weights(outcome, time, cause)
    null = _incidence(outcome["status"].to_numpy(), outcome["duration"].to_numpy(), time, cause)
    own = float((weight * (case - p) ** 2).mean())
    base = float((weight * (case - null) ** 2).mean())
    values = [own, base, 1.0 - own / base]
    return pd.DataFrame({"measure": ["brier", "brier_null", "ipa"], "value": values})


def competing_observed_over_expected(
    y: pd.DataFrame, probability: pd.Series | np.ndarray, time: float, *, cause: int = 1
) -> Estimate:
    """Aalen-Johansen risk over the mean predicted risk, with a log-normal interval."""
    check_followed(check_competing(y), time)
    observed = incidence_at(y, time, cause=cause)
    mean = float(np.mean(of_cases(y, probability, "probability")))
    if observed.se is None or mean <= 0:
        raise InputError("observed over expected is not defined: no events or no predicted risk")
    spread = float(np.exp(1.959963984540054 * observed.se / observed.value))
    ratio = observed.value / mean
    return Estimate(ratio, ratio / spread, ratio * spread, len(y))


def _competing_weights(
    outcome: pd.DataFrame, time: float, cause: int
) -> tuple[np.ndarray, np.ndarray]:
    status, duration = outcome["status"].to_numpy(), outcome["duration"].to_numpy()
    plain = pd.DataFrame({"event": status > 0, "duration": duration})
    by = duration <= time
    case = by & (status == cause)
    if not case.any() or by.all():
        raise InputError(f"nobody has the event by {time:g}, or nobody is followed beyond it")
    weight = np.zeros(len(status))
    had = by & (status > 0)
    weight[had] = 1.0 / censoring_survival(plain, duration[had], before=True)
    weight[~by] = 1.0 / censoring_survival(plain, np.array([time]))[0]
    return weight, case


def _incidence(status: np.ndarray, duration: np.ndarray, time: float, cause: int) -> float:
    points, at = np.unique(duration, return_inverse=True)
    at_risk = len(at) - np.searchsorted(np.sort(duration), points, side="left")
    own = np.bincount(at, status == cause, minlength=len(points)) / at_risk
    any_cause = np.bincount(at, status > 0, minlength=len(points)) / at_risk
    before = np.concatenate([[1.0], np.cumprod(1.0 - any_cause)[:-1]])
    return float((before * own)[points <= time].sum())


def _incidence_se(
    status: np.ndarray,
    at: np.ndarray,
    at_risk: np.ndarray,
    total: np.ndarray,
    before: np.ndarray,
    cause: int,
) -> np.ndarray:
    """Infinitesimal jackknife: the derivative of the curve by the weight of each case."""
    k = len(at_risk)
    own = np.bincount(at, status == cause, minlength=k) / at_risk
    variance = np.zeros(k)
    size = max(1, _CELLS // k)
    columns = np.arange(k)
    for start in range(0, len(at), size):
        rows = slice(start, start + size)
        here = (at[rows][:, None] == columns).astype(float)
        present = (at[rows][:, None] >= columns).astype(float)
        d_total = (here * (status[rows] > 0)[:, None] - present * total) / at_risk
        d_own = (here * (status[rows] == cause)[:, None] - present * own) / at_risk
        with np.errstate(divide="ignore", invalid="ignore"):
            d_log = np.where(total < 1, -d_total / (1.0 - total), 0.0)
        d_before = before * np.concatenate(
            [np.zeros((len(here), 1)), np.cumsum(d_log, axis=1)[:, :-1]], axis=1
        )
        influence = np.cumsum(d_before * own + before * d_own, axis=1)
        variance += (influence**2).sum(axis=0)
    return np.sqrt(variance)


def _delta_se(
    own: np.ndarray, total: np.ndarray, at_risk: np.ndarray, incidence: np.ndarray
) -> np.ndarray:
    """Delta method: what each time's events add, by the incidence still to come after them.

    Nothing is added between events of interest; ties count as drawn without replacement.
    """
    other = np.round(total * at_risk) - own
    survival = np.cumprod(1.0 - total)
    before = np.concatenate([[1.0], survival[:-1]])
    alive = np.where(survival > 0, survival, np.inf)

    def spread(events: np.ndarray) -> np.ndarray:
        shared = 1.0 - np.maximum(events - 1.0, 0.0) / np.maximum(at_risk - 1.0, 1.0)
        return before**2 * shared * events / at_risk**2

    of_own, of_other = spread(own), np.where(survival > 0, spread(other), 0.0)
    variance, value = np.zeros(len(own)), 0.0
    for row in range(len(own)):
        if own[row]:
            share = (incidence[row] - incidence[: row + 1]) / alive[: row + 1]
            value = float(
                ((1.0 - share) ** 2 * of_own[: row + 1] + share**2 * of_other[: row + 1]).sum()
            )
        variance[row] = value
    return np.sqrt(variance)
