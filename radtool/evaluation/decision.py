"""Decision curves: the net benefit of acting on a prediction, for any kind of outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.competing import check_competing, incidence_at
from radtool.evaluation.kaplan_meier import check_followed, kaplan_meier
from radtool.evaluation.roc import check_marker
from radtool.table import check_survival

__all__ = ["decision_curve"]


def decision_curve(
    y: pd.DataFrame | pd.Series,
    predictions: pd.DataFrame | Mapping[str, np.ndarray],
    *,
    thresholds: Sequence[float] | np.ndarray | None = None,
    time: float | None = None,
    prevalence: float | None = None,
    harm: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Net benefit of treating those whose predicted risk reaches a threshold.

    Parameters
    ----------
    y : Series or DataFrame
        A boolean marker; ``event`` and ``duration`` (risk by Kaplan-Meier); or ``status`` and
        ``duration`` (competing risks, by Aalen-Johansen).
    predictions : DataFrame or mapping of str to array
        Predicted probability of the event (by `time`), one column a model.
    thresholds : sequence of float, optional
        Risks at which one would act, in (0, 1); default 0.01 … 0.99.
    time : float, optional
        Horizon of a survival outcome.
    prevalence : float, optional
        Population prevalence, for a case-control sample of a marker.
    harm : mapping of str to float, optional
        Harm of the test itself per model, in units of net benefit.

    Returns
    -------
    DataFrame
        ``model, threshold, tp_rate, fp_rate, net_benefit, avoided``, models ``all`` and ``none``
        first; rates are per case, `avoided` the interventions avoided per case against treating
        all.

    References
    ----------
    Vickers, Elkin. Decision curve analysis. Med Decis Making 2006. Vickers, Cronin, Elkin, Gonen.
    Extensions to decision curve analysis. BMC Med Inform Decis Mak 2008.
    """
    grid = np.arange(1, 100) / 100 if thresholds is None else np.asarray(thresholds, dtype=float)
    if ((grid < 0) | (grid >= 1)).any():
        raise InputError("thresholds must be at least 0 and below 1")
    n = len(y)
    event_rate: Callable[[np.ndarray], tuple[float, float]]
    if isinstance(y, pd.Series):
        event_rate = _MarkerRate(check_marker(y), prevalence)
    else:
        event_rate = _SurvivalRate(y, time)
    everyone = np.ones(n, dtype=bool)
    columns: dict[str, np.ndarray] = {"all": np.ones(n), "none": np.full(n, -1.0)}
    for name, values in predictions.items():
        if isinstance(values, pd.Series) and not values.index.equals(y.index):
            raise InputError(f"{name!r} and y are not of the same cases in the same order")
        columns[str(name)] = _checked(str(name), values, n)
    top = event_rate(everyone)
    rows = []
    for name, values in columns.items():
        cost = (harm or {}).get(name, 0.0)
        for threshold in grid:
            tp, fp = event_rate(values >= threshold if threshold > 0 else values > 0)
            odds = threshold / (1 - threshold)
            benefit = tp - fp * odds - cost
            gain = benefit - (top[0] - top[1] * odds)
            avoided = gain / odds if odds > 0 else float("nan")
            rows.append([name, float(threshold), tp, fp, benefit, avoided])
    names = ["model", "threshold", "tp_rate", "fp_rate", "net_benefit", "avoided"]
    return pd.DataFrame(rows, columns=names)


class _MarkerRate:
    """True and false positive rate of a chosen set of cases, for a binary marker."""

    def __init__(self, truth: np.ndarray, prevalence: float | None) -> None:
        self.truth = truth
        self.prevalence = float(truth.mean()) if prevalence is None else prevalence

    def __call__(self, chosen: np.ndarray) -> tuple[float, float]:
        tp = float(chosen[self.truth].mean()) * self.prevalence
        return tp, float(chosen[~self.truth].mean()) * (1 - self.prevalence)


class _SurvivalRate:
    """The same for outcomes in time; the event rate of a set is estimated within it."""

    def __init__(self, y: pd.DataFrame, time: float | None) -> None:
        if time is None or not time > 0:
            raise InputError("a decision curve of a survival outcome needs time=, its horizon")
        self.time = time
        self.competing = "status" in y.columns
        self.y = check_competing(y) if self.competing else check_survival(y)
        check_followed(self.y, time)
        self.known: dict[bytes, tuple[float, float]] = {}

    def __call__(self, chosen: np.ndarray) -> tuple[float, float]:
        key = np.packbits(chosen).tobytes()
        if key not in self.known:
            share = float(chosen.mean())
            risk = self._risk(self.y[chosen]) if chosen.any() else 0.0
            self.known[key] = (risk * share, (1 - risk) * share)
        return self.known[key]

    def _risk(self, members: pd.DataFrame) -> float:
        if not self.competing:
            return 1.0 - float(kaplan_meier(members).at([self.time])["survival"].iloc[0])
        if not (members["status"] == 1).any():
            return 0.0
        return incidence_at(members, self.time).value


def _checked(name: str, values: np.ndarray, n: int) -> np.ndarray:
    p = np.asarray(values, dtype=float)
    if p.shape != (n,) or not ((p >= 0) & (p <= 1)).all():
        raise InputError(f"{name!r}: predictions must be one probability per case, without gaps")
    return p
