"""One stability number per feature, from scans, readers or perturbations of the same cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from radtool.errors import TableError, quoted
from radtool.selection.concordance import ccc_many
from radtool.selection.reliability import icc_many

__all__ = ["delineation_table", "stability_table"]


def stability_table(
    tables: Mapping[str, pd.DataFrame] | Sequence[pd.DataFrame],
    *,
    form: str = "ICC2",
    features: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare repeated feature tables of the same cases, feature by feature.

    Parameters
    ----------
    tables : mapping or sequence of DataFrame
        Two or more measurements (test and retest, readers, perturbations): index the case, columns
        the features. Rows are matched by index; every table must have the same cases.
    form : str, default "ICC2"
        Which intraclass correlation: `ICC_FORMS`. Readers or scanners drawn from many: ICC2;
        perturbations or repeated scans without order: ICC1.
    features : sequence of str, optional
        Which columns; default all numeric ones of the first table.
    confidence : float, default 0.95

    Returns
    -------
    DataFrame
        Index ``feature``; columns ``icc, lower, upper, ccc, ccc_lower, ccc_upper, within_sd,
        within_cv, n, k``. CCC is the pairwise one for two tables, the smallest of all pairs for
        more. A case with a gap in a feature is left out for that feature (`n` says how many
        stayed); a constant feature is NaN, and NaN is not stable.

    Raises
    ------
    TableError
        Fewer than two tables, other cases or columns, a case twice, or fewer than 3 cases.
    """
    named = tables if isinstance(tables, Mapping) else dict(enumerate(tables))
    frames = [_checked(frame, str(name)) for name, frame in named.items()]
    if len(frames) < 2:
        raise TableError(
            f"stability needs two tables of the same cases at least, got {len(frames)}"
        )
    first = frames[0]
    columns = (
        list(features) if features is not None else list(first.select_dtypes("number").columns)
    )
    for name, frame in zip(named, frames, strict=True):
        _same(first, frame, columns, str(name))
    ratings = np.stack([frame.loc[first.index, columns].to_numpy(float) for frame in frames], 1)
    known = np.isfinite(ratings).all(axis=1)
    patterns, group = np.unique(known, axis=1, return_inverse=True)
    parts = []
    for i in range(patterns.shape[1]):
        where = np.flatnonzero(group.ravel() == i)
        part = _compare(ratings[patterns[:, i]][:, :, where], form, confidence)
        parts.append(part.set_axis(where))
    table = pd.concat(parts).sort_index().set_axis(columns).rename_axis("feature")
    return table.astype({"n": int, "k": int})


def delineation_table(
    readings: pd.DataFrame, population: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Say how far several delineations (or scans) of one case move each feature.

    One case has no variance between patients; a population measured once lends its own.

    Parameters
    ----------
    readings : DataFrame
        One row a delineation of the same case, columns the features; 3 rows at least.
    population : DataFrame, optional
        One row a patient, measured with the same settings.

    Returns
    -------
    DataFrame
        Index ``feature``; ``mean, within_sd, cv`` (within_sd / |mean|), ``minimum, maximum, n``;
        with a population ``population_sd`` and ``icc`` = 1 - within_sd² / population_sd² (not below
        0), the share of what one sees between patients that is not the delineation.

    Examples
    --------
    >>> readings = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    >>> float(delineation_table(readings, pd.DataFrame({"a": [0.0, 4.0, 8.0]})).loc["a", "icc"])
    0.9375
    """
    if len(readings) < 3:
        raise TableError(f"needs 3 delineations at least, got {len(readings)}")
    numeric = readings.select_dtypes("number")
    within = numeric.std()
    table = pd.DataFrame(
        {
            "mean": numeric.mean(),
            "within_sd": within,
            "cv": within / numeric.mean().abs().where(lambda m: m > 0),
            "minimum": numeric.min(),
            "maximum": numeric.max(),
            "n": numeric.notna().sum(),
        }
    ).rename_axis("feature")
    if population is None:
        return table
    missing = [name for name in table.index if name not in population.columns]
    if missing:
        raise TableError(f"the population table has no column(s) {quoted(missing)}")
    spread = population[list(table.index)].std()
    share = 1 - (within / spread.where(spread > 0)) ** 2
    return table.assign(population_sd=spread, icc=share.clip(lower=0))


def _compare(ratings: np.ndarray, form: str, confidence: float) -> pd.DataFrame:
    n, k, size = ratings.shape
    if n < 3:
        columns = ["icc", "lower", "upper", "ccc", "ccc_lower", "ccc_upper"]
        empty = pd.DataFrame(
            np.nan, index=range(size), columns=[*columns, "within_sd", "within_cv"]
        )
        return empty.assign(n=n, k=k)
    table = icc_many(ratings, form, confidence=confidence)[["icc", "lower", "upper"]]
    pairs = [(i, j) for i in range(k) for j in range(i)]
    worst: pd.DataFrame | None = None
    for i, j in pairs:
        one = ccc_many(ratings[:, j], ratings[:, i], confidence=confidence)
        if worst is None:
            worst = one
        else:
            lower = ~(one["ccc"] >= worst["ccc"])
            worst = worst.where(~lower, one)
    assert worst is not None
    within = ratings.var(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = np.sqrt((within / ratings.mean(axis=1) ** 2).mean(axis=0))
    return table.assign(
        ccc=worst["ccc"],
        ccc_lower=worst["lower"],
        ccc_upper=worst["upper"],
        within_sd=np.sqrt(within.mean(axis=0)),
        within_cv=np.where(np.isfinite(cv), cv, np.nan),
        n=n,
        k=k,
    )


def _checked(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    if frame.index.has_duplicates:
        twice = frame.index[frame.index.duplicated()].unique()
        raise TableError(f"stability table {name!r}: more than one row for case(s) {quoted(twice)}")
    return frame


def _same(first: pd.DataFrame, other: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in other.columns]
    if missing:
        raise TableError(f"stability table {name!r} has no column(s) {quoted(missing)}")
    apart = first.index.symmetric_difference(other.index)
    if len(apart):
        raise TableError(
            f"stability table {name!r} has other cases than the first: {quoted(apart)}; keep the"
            " cases that all tables have"
        )
