"""How a frozen model does in the parts of a cohort: sex, stage, scanner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError, did_you_mean
from radtool.evaluation import Estimate, auc, fit_cox, harrell_c
from radtool.evaluation.calibration import fit_logistic
from radtool.report.results import SubgroupRow
from radtool.table import Study

__all__ = ["Scored", "group_levels", "subgroup_rows"]

ALL = "all"
UNKNOWN = "not known"
_FEWEST_CASES, _FEWEST_EVENTS, _MOST_LEVELS = 10, 5, 8


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A cohort with the scores that a frozen model, or models of other folds, gave it.

    Parameters
    ----------
    study : Study
        The cohort.
    score : Series
        Risk score (survival) or probability (marker) of each case.
    development : Series
        Scores of the development cohort, whose standard deviation (of the log odds of a marker) is
        the unit of the effect.
    names : tuple of 3 str
        Model, cohort and design, as rows call them.
    """

    study: Study
    score: pd.Series
    development: pd.Series
    names: tuple[str, str, str]


def group_levels(values: pd.Series, development: pd.Series) -> pd.Series:
    """Return the group of each case; numbers of many values are cut at the development median.

    Examples
    --------
    >>> ages = pd.Series([50.5, 61, 62, 63, 64, 65, 66, 67, 80])
    >>> group_levels(ages, ages).unique().tolist()
    ['≤ 64', '> 64']
    """
    known = development.dropna()
    if pd.api.types.is_numeric_dtype(known) and known.nunique() > _MOST_LEVELS:
        middle = float(known.median())
        groups = pd.Series(f"> {middle:g}", index=values.index)
        groups[values <= middle] = f"≤ {middle:g}"
    else:
        groups = values.map(_word)
    return groups.mask(values.isna(), UNKNOWN)


def _word(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def subgroup_rows(
    scored: Scored, columns: Sequence[str], development: Study
) -> tuple[SubgroupRow, ...]:
    """Measure a model in every group of every column.

    Parameters
    ----------
    scored : Scored
        Cohort and scores.
    columns : sequence of str
        Columns of X to group by.
    development : Study
        Where the median that cuts a number comes from.

    Returns
    -------
    tuple of SubgroupRow
        Effect per standard deviation of the development score (hazard or odds ratio; the
        likelihood-ratio test of its interaction with the column on the first row of the column),
        then discrimination (Harrell's C or AUC). A group with fewer than 10 cases, 5 events or, for
        a marker, 5 of either class keeps its row, without a value, and is not in the test.

    Raises
    ------
    InputError
        A column is not there.
    """
    X = scored.study.X
    for column in columns:
        if column not in X:
            raise InputError(
                f"no column {column!r} to make subgroups by{did_you_mean(column, X.columns)}"
            )
    groups = {name: group_levels(X[name], development.X[name]) for name in columns}
    survival = scored.study.endpoint.is_survival
    effect, rank = ("hazard_ratio", "harrell_c") if survival else ("odds_ratio", "auc")
    return (*_rows(scored, groups, effect), *_rows(scored, groups, rank))


def _rows(scored: Scored, groups: dict[str, pd.Series], measure: str) -> Iterator[SubgroupRow]:
    everyone = pd.Series(data=True, index=scored.study.X.index)
    yield _row(scored, (ALL, ""), everyone, measure)
    for column, labels in groups.items():
        p = _interaction(scored, labels) if measure.endswith("_ratio") else None
        for place, level in enumerate(_ordered(labels)):
            yield _row(scored, (column, level), labels == level, measure, None if place else p)


def _ordered(labels: pd.Series) -> list[str]:
    """Levels in their order: known before unknown, low numbers first."""

    def key(level: str) -> tuple[bool, bool, float, str]:
        bare = level.removeprefix("≤ ").removeprefix("> ")
        number = float(bare) if bare.replace(".", "", 1).isdigit() else 0.0
        return (level == UNKNOWN, level.startswith(">"), number, level)

    return sorted(labels.unique(), key=key)


def _row(
    scored: Scored,
    place: tuple[str, str],
    inside: pd.Series,
    measure: str,
    p: float | None = None,
) -> SubgroupRow:
    found = Estimate(float("nan"), None, None, int(inside.sum()))
    if _is_large_enough(scored, inside):
        found = _measure(scored, inside, measure)
    return SubgroupRow(
        model=scored.names[0],
        cohort=scored.names[1],
        design=scored.names[2],
        variable=place[0],
        level=place[1],
        measure=measure,
        value=None if np.isnan(found.value) else found.value,
        lower=found.lower,
        upper=found.upper,
        n=int(inside.sum()),
        events=int(_events(scored)[inside].sum()),
        p_interaction=p,
    )


def _events(scored: Scored) -> pd.Series:
    y = scored.study.y
    return y["event"] if isinstance(y, pd.DataFrame) else y


def _is_large_enough(scored: Scored, inside: pd.Series) -> bool:
    events = _events(scored)[inside]
    without = len(events) - int(events.sum())
    fewest = int(events.sum()) if scored.study.endpoint.is_survival else min(events.sum(), without)
    return len(events) >= _FEWEST_CASES and fewest >= _FEWEST_EVENTS


def _measure(scored: Scored, inside: pd.Series, measure: str) -> Estimate:
    y, score = scored.study.y[inside], scored.score[inside]
    try:
        if measure == "harrell_c":
            return harrell_c(y, score)
        if measure == "auc":
            return auc(y, score)
        table, _ = _fit(y, _standardized(scored)[inside].to_frame("score"))
    except InputError:  # a constant score, or groups that it separates: no value for this group
        return Estimate(float("nan"), None, None, int(inside.sum()))
    row = table.iloc[0]
    return Estimate(float(row[measure]), float(row["lower"]), float(row["upper"]), len(y))


def _standardized(scored: Scored) -> pd.Series:
    score, development = scored.score, scored.development
    if not scored.study.endpoint.is_survival:
        score, development = _log_odds(score), _log_odds(development)
    spread = float(development.std())
    return score / spread if spread > 0 else score


def _log_odds(probability: pd.Series) -> pd.Series:
    inner = probability.clip(1e-9, 1 - 1e-9)
    return np.log(inner / (1 - inner))


def _fit(y: pd.DataFrame | pd.Series, X: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Coefficient table and log likelihood of the outcome's regression."""
    if isinstance(y, pd.DataFrame):
        fit = fit_cox(X, y)
        return fit.table(), fit.log_likelihood
    truth, design = y.to_numpy(dtype=bool), np.column_stack([np.ones(len(X)), X.to_numpy()])
    beta, covariance = fit_logistic(design, truth, np.zeros(len(X)))
    eta, half = design @ beta, 1.959963984540054 * np.sqrt(covariance[1, 1])
    limits = np.exp([[beta[1], beta[1] - half, beta[1] + half]])
    table = pd.DataFrame(limits, columns=["odds_ratio", "lower", "upper"])
    return table, float(eta[truth].sum() - np.logaddexp(0.0, eta).sum())


def _interaction(scored: Scored, labels: pd.Series) -> float | None:
    """Give p of the likelihood-ratio test that the effect differs between groups; None: no test."""
    sizes = {level: _is_large_enough(scored, labels == level) for level in _ordered(labels)}
    levels = [level for level, enough in sizes.items() if enough and level != UNKNOWN]
    if len(levels) < 2:
        return None
    kept = labels.isin(levels)
    y, score = scored.study.y[kept], _standardized(scored)[kept]
    main = pd.DataFrame({"score": score})
    crossed = main.copy()
    for level in levels[1:]:
        inside = (labels[kept] == level).astype(float)
        main[f"is {level}"] = inside
        crossed[f"is {level}"] = inside
        crossed[f"score in {level}"] = inside * score
    try:
        chi2 = 2.0 * (_fit(y, crossed)[1] - _fit(y, main)[1])
    except InputError:
        return None
    return float(stats.chi2.sf(max(chi2, 0.0), len(levels) - 1))
