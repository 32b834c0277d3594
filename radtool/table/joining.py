"""Features meet outcomes: exact join, and a ledger of everyone who is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from radtool.errors import InputError, TableError, did_you_mean
from radtool.table.contracts import Failure, check_features, check_survival, feature_columns
from radtool.table.files import read_table

__all__ = ["Endpoint", "Study", "join"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Which outcome columns make the question.

    Parameters
    ----------
    name : str
        What the endpoint is called: "os", "EGFR".
    duration, event : str, optional
        Columns of a survival endpoint.
    status : str, optional
        Column of a survival endpoint with competing risks, instead of `event`: 0 censored, 1 the
        event of interest, 2 and more the events that make it impossible.
    marker : str, optional
        Column of a binary marker; give this or a duration with event or status.
    positive : str, optional
        The marker's value that counts as True; default 1, True or "yes"-like values only.
    unit : str, default "days"
        Unit of the duration.
    label : str, default ""
        Words for headings: "overall survival"; empty: the name.
    """

    name: str
    duration: str | None = None
    event: str | None = None
    status: str | None = None
    marker: str | None = None
    positive: str | None = None
    unit: str = "days"
    label: str = ""

    def __post_init__(self) -> None:
        outcome = (self.event is not None) + (self.status is not None)
        survival = self.duration is not None and outcome == 1
        if survival == (self.marker is not None) or outcome > 1:
            raise InputError(
                f"endpoint {self.name!r} needs either duration and event (or, with competing risks,"
                " status), or marker, not both"
            )

    @property
    def is_survival(self) -> bool:
        """Whether this is a time to an event (else a binary marker)."""
        return self.marker is None

    @property
    def has_competing(self) -> bool:
        """Whether other events can make the event of interest impossible."""
        return self.status is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The outcome columns that it reads; none of them may ever be a predictor."""
        named = (self.duration, self.event, self.status, self.marker)
        return tuple(column for column in named if column is not None)


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
    outcomes: pd.DataFrame | str,
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
        One row a patient.
    endpoint : Endpoint or str
        The question; a text "os" means the columns ``os_duration`` and ``os_event`` if they are
        there, else ``os`` as a binary marker.
    on : str, default "patient_id"
        Key column in both tables.
    covariates : sequence of str
        Outcome-table columns that may be used as predictors (clinical, semantic). No other
        outcome-table column reaches X.

    Returns
    -------
    Study
        Cases with features and a known outcome; `left_out` names all others.

    Raises
    ------
    TableError
        A column is missing, a patient has two outcome rows, a predictor is an outcome column or
        appears in both tables, or nobody matches.
    """
    table = check_features(features)
    people = read_table(outcomes) if isinstance(outcomes, str) else outcomes.copy()
    question = _endpoint(endpoint, people)
    _check_columns(table, people, question, on, covariates)
    people[on] = people[on].map(lambda value: str(value).strip())
    twice = people.loc[people[on].duplicated(), on].unique().tolist()
    if twice:
        raise TableError(f"outcome table has more than one row for patient(s) {twice[:5]}")
    people = people.set_index(on)
    left_out = _unmatched(table, people, on)
    table = table[table[on].isin(people.index)].set_index("case_id")
    if table.empty:
        raise TableError(
            f"no {on} is in both tables; features have for example"
            f" {features[on].iloc[0]!r}, outcomes {str(people.index[0])!r}"
        )
    rows = people.loc[table[on]].set_axis(table.index)
    known = rows[list(question.columns)].notna().all(axis=1)
    left_out += [
        Failure(str(case), "join", f"outcome {question.name!r} is not known")
        for case in table.index[~known]
    ]
    table, rows = table[known], rows[known]
    carried = [column for column in table.columns if column not in {"roi", "timepoint", on}]
    return Study(
        pd.concat([table[carried], rows[list(covariates)]], axis=1),
        _outcome(rows, question),
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
            raise TableError(
                f"outcome table has no column {column!r}{did_you_mean(column, present)}"
            )
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


_TRUE = {"1", "1.0", "true", "yes", "y", "positive", "mutant", "mutated", "methylated"}
_FALSE = {"0", "0.0", "false", "no", "n", "negative", "wildtype", "wild type", "unmethylated"}


def _outcome(rows: pd.DataFrame, question: Endpoint) -> pd.DataFrame | pd.Series:
    if question.has_competing:
        status = pd.to_numeric(rows[question.status], errors="coerce")
        odd = rows.index[~(status.ge(0) & (status == status.round()))].tolist()
        if odd:
            raise TableError(
                f"endpoint {question.name!r}: status must be 0 (censored), 1 (event), 2, …"
                f" (competing); is not for {odd[:5]}"
            )
        y = pd.DataFrame({"event": status == 1, "duration": rows[question.duration]})
        checked = check_survival(y, f"endpoint {question.name!r}")
        return checked.assign(status=status.astype(int))
    if question.is_survival:
        y = rows[[question.event, question.duration]].set_axis(["event", "duration"], axis=1)
        return check_survival(y, f"endpoint {question.name!r}")
    values = rows[question.marker].map(lambda value: str(value).strip())
    if question.positive is not None:
        if values.nunique() > 2:
            raise TableError(f"marker {question.name!r} has {values.nunique()} values, not two")
        return (values == str(question.positive)).rename(question.name)
    folded = values.str.lower()
    odd = sorted(set(folded) - _TRUE - _FALSE)
    if odd:
        raise TableError(
            f"marker {question.name!r} has values {odd[:5]} that are neither yes nor no;"
            " name the one that counts with positive="
        )
    return folded.isin(_TRUE).rename(question.name)
