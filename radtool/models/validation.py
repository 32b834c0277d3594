"""Validation of a frozen signature on other patients, with a log of every look."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.estimate import Estimate
from radtool.files import hash_of
from radtool.models.cases import check_patients, hashed_ids
from radtool.models.competing import CompetingSignature
from radtool.models.competing_measures import measure_competing
from radtool.models.marker import MarkerSignature
from radtool.models.measures import measure_marker, measure_survival
from radtool.models.signature import Signature
from radtool.models.signature_file import signature_document
from radtool.models.survival import CoxSignature
from radtool.provenance import timestamp

__all__ = ["Validation", "read_log", "validate"]


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Everything measured when a frozen signature meets a cohort.

    Parameters
    ----------
    measures : DataFrame
        ``measure, value, lower, upper, n``, one row a number.
    curves : dict of DataFrame
        ``calibration`` and ``decision``; for survival also ``calibration_groups``,
        ``kaplan_meier`` (by median risk group) and ``predicted`` (mean predicted survival by
        group); for markers ``roc`` and ``precision_recall``.
    scores : DataFrame
        Per case: ``risk`` and ``risk_group`` (survival) or ``predicted`` (marker).
    flags : DataFrame
        Values outside the training ranges.
    look : int
        How many times this signature has been looked at on this cohort, this time included.
    earlier : list of dict
        The log's earlier entries for the same cohort.
    notes : list of str
        What could not be computed, and why.
    """

    measures: pd.DataFrame
    curves: dict[str, pd.DataFrame]
    scores: pd.DataFrame
    flags: pd.DataFrame
    look: int = 1
    earlier: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        lines = [f"Validation on {len(self.scores)} case(s), look {self.look} at this cohort"]
        for row in self.measures.itertuples(index=False):
            value = Estimate(row.value, _bound(row.lower), _bound(row.upper), int(row.n))
            lines.append(f"  {row.measure}: {value}")
        if len(self.flags):
            cases = self.flags["case"].nunique()
            lines.append(f"  {cases} case(s) have values outside the training ranges, see .flags")
        return "\n".join(lines + [f"  {note}" for note in self.notes])

    def __getitem__(self, measure: str) -> Estimate:
        """Return one measure as an Estimate."""
        rows = self.measures[self.measures["measure"] == measure]
        if rows.empty:
            raise KeyError(measure)
        value, lower, upper, n = rows.iloc[0][["value", "lower", "upper", "n"]]
        return Estimate(float(value), _bound(lower), _bound(upper), int(n))


def validate(
    signature: Signature,
    X: pd.DataFrame,
    y: pd.DataFrame | pd.Series,
    *,
    patients: pd.Series | None = None,
    log: str | os.PathLike[str] | None = None,
    horizon: float | None = None,
) -> Validation:
    """Apply a frozen signature to other patients and measure it; nothing is fitted to them.

    Parameters
    ----------
    signature : Signature
        Fitted or loaded.
    X, y : DataFrame, DataFrame or Series
        The new cases.
    patients : Series, optional
        Patient of each case; default each case is its own patient.
    log : path-like, optional
        JSON-lines file; each look appends one line with the signature's hash, the cohort's hash
        and the numbers, chained by the hash of the line before.
    horizon : float, optional
        Time at which survival predictions are judged; default the median time of the cohort's
        events.

    Returns
    -------
    Validation
        All measures, curves and flags.

    Raises
    ------
    InputError
        Patients of the cohort were in training, or X and y do not fit.
    TableError
        X lacks columns that the signature needs.
    """
    outcome, people = signature._check_new(X, y), check_patients(X, patients)
    seen = signature.overlap(people)
    if seen:
        raise InputError(
            f"{len(seen)} patient(s) were in the training cohort, for example {seen[:3]}; a"
            " validation cohort must be of other patients"
        )
    if isinstance(signature, CompetingSignature):
        got, scores = measure_competing(signature, X, outcome, horizon)
    elif isinstance(signature, CoxSignature):
        got, scores = measure_survival(signature, X, outcome, horizon)
    elif isinstance(signature, MarkerSignature):
        got, scores = measure_marker(signature, X, outcome)
    else:
        raise InputError(f"cannot validate a {type(signature).__name__}")
    got.notes += _absent(signature, X)
    look, earlier = 1, []
    if log is not None:
        earlier = _append(Path(log), signature, people, outcome, got.table)
        look = len(earlier) + 1
    return Validation(got.table, got.curves, scores, signature.flags(X), look, earlier, got.notes)


def _absent(signature: Signature, X: pd.DataFrame) -> list[str]:
    """Say which columns that the signature uses have no value in any case."""
    return [
        f"column {column!r} is missing for all {len(X)} case(s); what training cases have in the"
        " middle stands in for it"
        for column in signature.ranges_
        if X[column].isna().all()
    ]


def read_log(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read an evaluation log and check its chain.

    Raises
    ------
    InputError
        A line was changed, removed or put elsewhere.
    """
    entries: list[dict[str, Any]] = []
    if not Path(path).is_file():
        return entries
    before = ""
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {number}: not JSON ({error})") from error
        content = {key: value for key, value in entry.items() if key != "line_sha256"}
        if entry.get("previous_sha256") != before or entry.get("line_sha256") != hash_of(content):
            raise InputError(f"{path}, line {number}: the evaluation log was changed")
        before = str(entry["line_sha256"])
        entries.append(entry)
    return entries


def _append(
    path: Path, signature: Signature, people: pd.Series, y: Any, measures: pd.DataFrame
) -> list[dict[str, Any]]:
    entries = read_log(path)
    known = signature.content_sha256_
    entry = {
        "when": timestamp(),
        "signature_sha256": known or signature_document(signature)["content_sha256"],
        "cohort_sha256": hash_of([hashed_ids(people), np.asarray(y, dtype=float)]),
        "n": len(people),
        "measures": {
            row["measure"]: [row["value"], row["lower"], row["upper"]]
            for row in measures.to_dict("records")
        },
        "previous_sha256": entries[-1]["line_sha256"] if entries else "",
    }
    entry = json.loads(json.dumps(_plain(entry)))
    entry["line_sha256"] = hash_of(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(entry, allow_nan=False) + "\n")
    return [e for e in entries if e["cohort_sha256"] == entry["cohort_sha256"]]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if not np.isfinite(value) else value
    return value


def _bound(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
