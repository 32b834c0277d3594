"""Which outcome columns make a question, and how a spreadsheet's values are read as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radtool.errors import InputError, TableError, listed
from radtool.table.contracts import as_key, check_survival

__all__ = ["Endpoint", "read_outcome"]

_TRUE = {"1", "true", "yes", "y"}
_FALSE = {"0", "false", "no", "n"}
_MARKER_TRUE = _TRUE | {"positive", "mutant", "mutated", "methylated"}
_MARKER_FALSE = _FALSE | {"negative", "wildtype", "wild type", "unmethylated"}
_EVENT_TRUE = _TRUE | {"dead", "died", "deceased"}
_EVENT_FALSE = _FALSE | {"alive", "censored"}
_DAYS = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Which outcome columns make the question.

    Parameters
    ----------
    name : str
        What the endpoint is called: "os", "EGFR".
    duration, event : str, optional
        Columns of a survival endpoint. Events are 0/1, True/False or yes/no words, or two values
        of which `positive` names the one that counts.
    start : str, optional
        Column of the date from which time counts (diagnosis, start of treatment); `duration` then
        names the column of the date of the event or of the last contact, and the time between them
        is taken in `unit`: days, weeks, months (of 365.25 / 12 days) or years.
    status : str, optional
        Column of a survival endpoint with competing risks, instead of `event`: 0 censored, 1 the
        event of interest, 2 and more the events that make it impossible.
    marker : str, optional
        Column of a binary marker; give this or a duration with event or status.
    positive : str, optional
        The event's or marker's value that counts as True, as it is written in the table; default 1,
        True or "yes"-like values only.
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
    start: str | None = None

    def __post_init__(self) -> None:
        outcome = (self.event is not None) + (self.status is not None)
        survival = self.duration is not None and outcome == 1
        if survival == (self.marker is not None) or outcome > 1:
            raise InputError(
                f"endpoint {self.name!r} needs either duration and event (or, with competing risks,"
                " status), or marker, not both"
            )
        if self.start is not None and (self.marker is not None or self.unit not in _DAYS):
            raise InputError(
                f"endpoint {self.name!r}: start makes a duration out of two dates, in a unit of"
                f" {', '.join(_DAYS)}; got unit {self.unit!r}"
                + (" and a marker" if self.marker is not None else "")
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
        named = (self.duration, self.event, self.status, self.marker, self.start)
        return tuple(column for column in named if column is not None)


def read_outcome(rows: pd.DataFrame, endpoint: Endpoint) -> pd.DataFrame | pd.Series:
    """Read the outcome of an endpoint from rows in which all of its columns are filled.

    Parameters
    ----------
    rows : DataFrame
        One row a case, with the columns of `endpoint`.
    endpoint : Endpoint
        The question.

    Returns
    -------
    DataFrame or Series
        ``event`` and ``duration`` (and ``status`` with competing risks), or a boolean marker; index
        of `rows`.

    Raises
    ------
    TableError
        A duration is not a number above 0 or the dates do not give one, an event, status or marker
        has values that are not understood, or nobody has an event.
    """
    where = f"endpoint {endpoint.name!r}"
    if endpoint.marker is not None:
        words = (_MARKER_TRUE, _MARKER_FALSE)
        marker = _yes_or_no(rows[endpoint.marker], endpoint, f"marker {endpoint.name!r}", words)
        return marker.rename(endpoint.name)
    duration = _duration(rows, endpoint)
    if endpoint.event is not None:
        words = (_EVENT_TRUE, _EVENT_FALSE)
        event = _yes_or_no(rows[endpoint.event], endpoint, f"{where}: event", words)
        return check_survival(pd.DataFrame({"event": event, "duration": duration}), where)
    status = pd.to_numeric(rows[endpoint.status], errors="coerce")
    odd = rows.index[~(status.ge(0) & (status == status.round()))].tolist()
    if odd:
        raise TableError(
            f"{where}: status must be 0 (censored), 1 (event), 2, … (competing); is not for"
            f" {odd[:5]}"
        )
    checked = check_survival(pd.DataFrame({"event": status == 1, "duration": duration}), where)
    return checked.assign(status=status.astype(int))


def _yes_or_no(
    values: pd.Series, endpoint: Endpoint, where: str, words: tuple[set[str], set[str]]
) -> pd.Series:
    """Booleans, by the value that counts when it is named, else by words that mean yes or no."""
    texts = values.map(as_key)
    found = sorted(set(texts))
    if endpoint.positive is not None:
        if len(found) > 2:
            raise TableError(
                f"{where} has {len(found)} values, not two: {listed(map(repr, found))};"
                " empty the cells of those who are not known, or recode the column"
            )
        if endpoint.positive not in found:
            raise TableError(
                f"{where} has no value {endpoint.positive!r}, which positive= names;"
                f" there are {listed(map(repr, found))}"
            )
        return texts == endpoint.positive
    folded = texts.str.lower()
    odd = sorted(set(folded) - words[0] - words[1])
    if odd:
        raise TableError(
            f"{where} has values {odd[:5]} that are neither yes nor no;"
            " name the one that counts with positive="
        )
    return folded.isin(words[0])


def _duration(rows: pd.DataFrame, endpoint: Endpoint) -> pd.Series:
    """Durations as they are, or the time from one date to another in the endpoint's unit."""
    values = rows[endpoint.duration]
    if endpoint.start is None:
        return values
    first, last = _dates(rows, endpoint.start), _dates(rows, str(endpoint.duration))
    days = (last - first) / np.timedelta64(1, "D")
    early = rows.index[days <= 0].tolist()
    if early:
        raise TableError(
            f"endpoint {endpoint.name!r}: {endpoint.duration!r} is not after {endpoint.start!r} for"
            f" {listed(early)}"
        )
    return days / _DAYS[endpoint.unit]


def _dates(rows: pd.DataFrame, column: str) -> pd.Series:
    """Dates of a column; text only as 2015-03-28, where day and month cannot be mistaken."""
    values = rows[column]
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.tz_localize(None)
    is_number = pd.api.types.is_numeric_dtype(values)
    dates = pd.Series(pd.NaT, rows.index) if is_number else _parsed(values)
    wrong = rows.index[dates.isna()].tolist()
    if wrong:
        raise TableError(
            f"column {column!r} must hold dates (Excel's own, or text as 2015-03-28), does not"
            f" for {listed(wrong)}: for example {str(values[wrong[0]])!r}"
        )
    return dates


def _parsed(values: pd.Series) -> pd.Series:
    texts = values.map(lambda value: str(value).strip())
    complete = texts.where(texts.str.match(r"\d{4}-\d{2}-\d{2}"))
    return pd.to_datetime(complete, format="ISO8601", errors="coerce")
