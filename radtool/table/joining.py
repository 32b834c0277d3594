"""Features meet outcomes: exact join, and a ledger of everyone who is left out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from radtool.errors import RadtoolWarning, TableError, listed
from radtool.table.contracts import (
    Failure,
    as_key,
    check_features,
    feature_columns,
    no_column,
    refuse_twice,
)
from radtool.table.files import read_table
from radtool.table.outcomes import Endpoint, read_outcome

__all__ = ["Study", "join"]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Predictors and outcome of the same cases, in the same order.

    Parameters
    ----------
    X : DataFrame
        Features, covariates and the site and batch columns; index case_id.
    y : DataFrame or Series
        ``event`` and ``duration`` (and ``status`` with competing risks, where the event is status
        1), or a boolean marker; same index.
    patients : Series
        patient_id of each case; same index. Every split keeps a patient whole.
    endpoint : Endpoint
        The question.
    features : list of str
        Which columns of X are image features.
    left_out : list of Failure
        Every case or patient that is not in X, and why.
    """

    X: pd.DataFrame
    y: pd.DataFrame | pd.Series
    patients: pd.Series
    endpoint: Endpoint
    features: list[str]
    left_out: list[Failure] = field(default_factory=list)

    def __repr__(self) -> str:
        positive = self.y["event"] if self.endpoint.is_survival else self.y
        what = "event(s)" if self.endpoint.is_survival else "positive"
        others = len(self.X.columns) - len(self.features)
        return (
            f"Study of {self.endpoint.name!r}: {len(self.X)} case(s) of"
            f" {self.patients.nunique()} patient(s), {int(positive.sum())} {what};"
            f" {len(self.features)} features and {others} other column(s);"
            f" {len(self.left_out)} left out"
        )

    def take(self, rows: np.ndarray | Sequence[bool] | pd.Series) -> Study:
        """Return the study of some rows (boolean, in the order of X)."""
        chosen = np.asarray(rows, dtype=bool)
        return Study(
            self.X[chosen],
            self.y[chosen],
            self.patients[chosen],
            self.endpoint,
            self.features,
            self.left_out,
        )


def join(
    features: pd.DataFrame,
    outcomes: pd.DataFrame | str | os.PathLike[str],
    *,
    endpoint: Endpoint | str,
    on: str = "patient_id",
    covariates: Sequence[str] = (),
) -> Study:
    """Join a feature table with outcomes by exact patient id.

    Parameters
    ----------
    features : DataFrame
        Feature table, one row a case.
    outcomes : DataFrame or path
        One row a patient; rows without a patient are listed in `left_out`.
    endpoint : Endpoint or str
        The question; a text "os" means the columns ``os_duration`` and ``os_event`` if they are
        there, else ``os`` as a binary marker.
    on : str, default "patient_id"
        Key column in both tables.
    covariates : sequence of str
        Outcome-table columns that may be used as predictors (clinical, semantic). No other
        outcome-table column reaches X. Numbers that are stored as text are numbers.

    Returns
    -------
    Study
        Cases with features and a known outcome; `left_out` names all others.

    Raises
    ------
    TableError
        A column is missing, a patient has two outcome rows, a predictor is an outcome column,
        appears in both tables, holds dates, or mixes numbers with words for "not known" or with
        decimal commas, a value of the outcome is not understood, or nobody matches with a known
        outcome.

    Warns
    -----
    RadtoolWarning
        Categories of a covariate differ in capitals only.
    """
    table = check_features(features)
    people = outcomes.copy() if isinstance(outcomes, pd.DataFrame) else read_table(outcomes)
    refuse_twice(people, "outcome table")
    covariates = list(dict.fromkeys(covariates))
    question = _endpoint(endpoint, people)
    _check_columns(table, people, question, on, covariates)
    nobody = people[on].isna()
    people = people[~nobody].assign(**{on: people.loc[~nobody, on].map(as_key)})
    twice = people.loc[people[on].duplicated(), on].unique().tolist()
    if twice:
        raise TableError(f"outcome table has more than one row for patient(s) {twice[:5]}")
    people = people.set_index(on)
    left_out = _unmatched(table, people, on) + [
        Failure(f"outcome row {row + 1}", "join", f"no {on}") for row in np.flatnonzero(nobody)
    ]
    if not table[on].isin(people.index).any():
        raise TableError(_nobody_matches(table[on], people.index, on))
    table = table[table[on].isin(people.index)].set_index("case_id")
    rows = people.loc[table[on]].set_axis(table.index)
    known = rows[list(question.columns)].notna().all(axis=1)
    left_out += [
        Failure(str(case), "join", f"outcome {question.name!r} is not known")
        for case in table.index[~known]
    ]
    if not known.any():
        raise TableError(f"outcome {question.name!r} is known for none of {len(known)} case(s)")
    table, rows = table[known], rows[known]
    rows = rows.assign(**{column: _covariate(rows[column], column) for column in covariates})
    carried = [column for column in table.columns if column not in {"roi", "timepoint", on}]
    return Study(
        pd.concat([table[carried], rows[list(covariates)]], axis=1),
        read_outcome(rows, question),
        table[on],
        question,
        feature_columns(table),
        left_out,
    )


def _endpoint(endpoint: Endpoint | str, people: pd.DataFrame) -> Endpoint:
    if isinstance(endpoint, Endpoint):
        return endpoint
    duration, event = f"{endpoint}_duration", f"{endpoint}_event"
    if {duration, event} <= set(people.columns):
        return Endpoint(name=endpoint, duration=duration, event=event)
    return Endpoint(name=endpoint, marker=endpoint)


def _check_columns(
    table: pd.DataFrame,
    people: pd.DataFrame,
    question: Endpoint,
    on: str,
    covariates: Sequence[str],
) -> None:
    present = list(map(str, people.columns))
    for column in (on, *question.columns, *covariates):
        if column not in present:
            raise TableError(no_column("outcome table", column, present))
    if on not in table.columns:
        raise TableError(f"feature table has no column {on!r}")
    leaked = sorted(set(question.columns) & set(table.columns))
    if leaked:
        raise TableError(
            f"outcome column(s) {leaked} are in the feature table; remove them there: the outcome"
            " must never be a predictor"
        )
    chosen = sorted(set(question.columns) & set(covariates))
    if chosen:
        raise TableError(f"outcome column(s) {chosen} are listed as covariates; remove them")
    both = sorted(set(covariates) & set(table.columns))
    if both:
        raise TableError(f"column(s) {both} are in the feature and the outcome table; rename one")


def _unmatched(table: pd.DataFrame, people: pd.DataFrame, on: str) -> list[Failure]:
    without_outcome = table.loc[~table[on].isin(people.index), "case_id"]
    without_image = people.index[~people.index.isin(table[on])]
    return [
        Failure(str(case), "join", "no outcome for this patient") for case in without_outcome
    ] + [Failure(str(person), "join", "no features for this patient") for person in without_image]


def _nobody_matches(ours: pd.Series, theirs: pd.Index, on: str) -> str:
    said = f"no {on} is in both tables; features have for example {ours.iloc[0]!r}, outcomes" + (
        f" {theirs[0]!r}" if len(theirs) else " none at all"
    )
    short = set(theirs.str.lstrip("0")) if len(theirs) else set()
    if ours.str.lstrip("0").isin(short).any():
        said += "; they differ in leading zeros: store the column as text, as the images have it"
    return said


_UNKNOWN = {"", "?", "-", ".", "n.a.", "nd", "not known", "missing", "ukn", "unk", "unknown", "x"}
_MANY = 10


def _covariate(values: pd.Series, column: str) -> pd.Series:
    """Make numbers of text that holds them; refuse what would give each number a category."""
    if values.dtype.kind in "mM":
        raise TableError(
            f"covariate {column!r} holds dates; make a number of it, such as the days to another"
            " date"
        )
    if pd.api.types.is_numeric_dtype(values):
        return values
    texts = values.dropna().map(as_key).astype(object)
    words = texts[pd.to_numeric(texts, errors="coerce").isna()]
    commas = words[words.str.fullmatch(r"[+-]?\d+,\d+")]
    if len(commas):
        raise TableError(
            f"covariate {column!r} writes numbers with a decimal comma ({commas.iloc[0]!r} for"
            f" {commas.index[0]}); write a point, or save the table with semicolons"
        )
    _warn_of_capitals(texts, column)
    if len(texts) and not len(words) and not isinstance(values.dtype, pd.CategoricalDtype):
        return pd.to_numeric(values.astype(object).where(values.notna(), None))
    is_mixed = 0 < len(words) < len(texts)
    if is_mixed and (set(words.str.lower()) <= _UNKNOWN or texts.nunique() > _MANY):
        raise TableError(
            f"covariate {column!r} holds numbers, but also {listed(map(repr, sorted(set(words))))}"
            f" for {listed(words.index)}; empty those cells, or name the words as missing"
            " (read_table(…, missing=[…]), in a study file data.missing)"
        )
    return values


def _warn_of_capitals(texts: pd.Series, column: str) -> None:
    folded = pd.Series({text: text.casefold() for text in texts.unique()}, dtype=object)
    alike = folded[folded.duplicated(keep=False)]
    if len(alike):
        warnings.warn(
            f"categories of {column!r} differ in capitals only and count as different:"
            f" {listed(map(repr, sorted(alike.index)))}; write each in one way",
            RadtoolWarning,
            stacklevel=4,
        )
