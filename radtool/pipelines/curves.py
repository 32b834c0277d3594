"""From outcomes and predictions to the curves that a report draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from radtool.evaluation import aalen_johansen, auc, gray_test, kaplan_meier, logrank, roc_curve
from radtool.report.results import KaplanMeier, RocCurve, SurvivalGroup

__all__ = ["incidence_record", "kaplan_meier_record", "roc_record", "time_grid"]

Predict = Callable[[pd.Index, np.ndarray], pd.DataFrame]
Grid = tuple[float, ...]


def time_grid(last: float, steps: int = 5) -> tuple[float, ...]:
    """Round times from 0 to the last follow-up at which numbers at risk are printed.

    Examples
    --------
    >>> time_grid(1830.0)
    (0.0, 400.0, 800.0, 1200.0, 1600.0)
    """
    rough = last / steps
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(nice * power for nice in (1, 2, 2.5, 4, 5, 10) if nice * power >= rough)
    return tuple(float(step * k) for k in range(int(last / step + 1e-9) + 1) if step * k <= last)


def kaplan_meier_record(
    y: pd.DataFrame,
    groups: pd.Series,
    *,
    labels: Sequence[str],
    names: tuple[str, str, str],
    cut: str,
    predict: Predict | None = None,
) -> KaplanMeier:
    """Observed, and if wanted predicted, survival of risk groups.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``.
    groups : Series of str
        Risk group of each case, same index.
    labels : sequence of str
        All groups, lowest risk first; those without cases are left out.
    names : tuple of 3 str
        Model, cohort, and how the groups were predicted ("external", "apparent").
    cut : str
        Where the cut-offs come from, in words.
    predict : callable, optional
        (index of the group's cases, times) -> predicted survival, one row a case.
    """
    record = _record(y, groups, labels, (*names, cut), partial(_survival, predict=predict))
    if len(record.groups) < 2:
        return record
    test = logrank(y, groups)
    return replace(record, log_rank_p=test.p, log_rank_chi2=test.statistic)


def incidence_record(
    y: pd.DataFrame,
    groups: pd.Series,
    *,
    labels: Sequence[str],
    names: tuple[str, str, str],
    cut: str,
    predict: Predict | None = None,
) -> KaplanMeier:
    """Observed, and if wanted predicted, cumulative incidence of risk groups.

    Parameters
    ----------
    y : DataFrame
        ``event``, ``duration`` and ``status``; the curves are Aalen-Johansen's of status 1.
    groups, labels, names, cut, predict
        As for `kaplan_meier_record`; `predict` gives the predicted survival, one less incidence.
    """
    record = _record(y, groups, labels, (*names, cut), partial(_incidence, predict=predict))
    record = replace(record, quantity="incidence")
    if len(record.groups) < 2:
        return record
    test = gray_test(y, groups).iloc[0]
    return replace(record, log_rank_p=float(test["p"]), log_rank_chi2=float(test["chisq"]))


def _record(
    y: pd.DataFrame,
    groups: pd.Series,
    labels: Sequence[str],
    words: tuple[str, str, str, str],
    draw: Callable[[pd.DataFrame, str, Grid], SurvivalGroup],
) -> KaplanMeier:
    """Curves without their test; words are model, cohort, design and cut."""
    model, cohort, design, cut = words
    grid = time_grid(float(y["duration"].max()))
    present = [label for label in labels if (groups == label).any()]
    drawn = tuple(draw(y[groups == label], label, grid) for label in present)
    return KaplanMeier(model=model, cohort=cohort, groups=drawn, grid=grid, cut=cut, design=design)


def _incidence(
    y: pd.DataFrame, label: str, grid: Grid, *, predict: Predict | None
) -> SurvivalGroup:
    events = int(y["event"].sum())
    steps = pd.DataFrame(columns=["time", "incidence_1", "se_1"], dtype=float)
    if events:
        table = aalen_johansen(y)
        steps = table[table["time"].isin(y.loc[y["event"], "duration"])]
    value, se = (steps[name].to_numpy(dtype=float) for name in ("incidence_1", "se_1"))
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 1.959963984540054 * se / (value * -np.log(value))
        lower, upper = value ** np.exp(half), value ** np.exp(-half)
    times = np.linspace(0.0, float(y["duration"].max()), 41)
    predicted = () if predict is None else tuple((1.0 - predict(y.index, times).mean()).tolist())
    duration = y["duration"].to_numpy()
    return SurvivalGroup(
        label=label,
        n=len(y),
        events=events,
        times=tuple(steps["time"].tolist()),
        survival=tuple(value.tolist()),
        lower=tuple(np.where(np.isfinite(lower), lower, value).tolist()),
        upper=tuple(np.where(np.isfinite(upper), upper, value).tolist()),
        censor_times=tuple(sorted(y.loc[y["status"] == 0, "duration"].tolist())),
        at_risk=tuple(int((duration >= time).sum()) for time in grid),
        predicted_times=tuple(times.tolist()) if predicted else (),
        predicted=predicted,
    )


def _survival(y: pd.DataFrame, label: str, grid: Grid, *, predict: Predict | None) -> SurvivalGroup:
    curve = kaplan_meier(y)
    steps = curve.table[curve.table["events"] > 0]
    median = curve.median
    last = float(y["duration"].max())
    times = np.linspace(0.0, last, 41)
    predicted = () if predict is None else tuple(predict(y.index, times).mean(axis=0).tolist())
    return SurvivalGroup(
        label=label,
        n=len(y),
        events=int(y["event"].sum()),
        times=tuple(steps["time"].tolist()),
        survival=tuple(steps["survival"].tolist()),
        lower=tuple(steps["lower"].tolist()),
        upper=tuple(steps["upper"].tolist()),
        censor_times=tuple(sorted(y.loc[~y["event"], "duration"].tolist())),
        at_risk=tuple(int(n) for n in curve.at_risk(grid)),
        median=None if np.isnan(median.value) else median.value,
        median_lower=median.lower,
        median_upper=median.upper,
        predicted_times=tuple(times.tolist()) if predicted else (),
        predicted=predicted,
    )


def roc_record(y: pd.Series, score: pd.Series, *, names: tuple[str, str, str]) -> RocCurve:
    """ROC curve of a score, with DeLong's interval; names are model, cohort and design."""
    curve, area = roc_curve(y, score), auc(y, score)
    return RocCurve(
        model=names[0],
        cohort=names[1],
        design=names[2],
        false_positive_rate=tuple((1.0 - curve["specificity"]).tolist()),
        true_positive_rate=tuple(curve["sensitivity"].tolist()),
        auc=area.value,
        lower=area.lower,
        upper=area.upper,
    )
