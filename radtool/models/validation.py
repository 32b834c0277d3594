"""Validation of a frozen signature on other patients, with a log of every look."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.calibration import (
    brier,
    calibration_in_the_large,
    calibration_slope,
    logistic_slope,
)
from radtool.evaluation.concordance import harrell_c, uno_c
from radtool.evaluation.estimate import Estimate
from radtool.evaluation.kaplan_meier import kaplan_meier, logrank
from radtool.evaluation.roc import (
    auc,
    average_precision,
    classify,
    precision_recall_curve,
    roc_curve,
)
from radtool.files import hash_of
from radtool.models.marker import MarkerSignature
from radtool.models.signature import Signature, check_patients, hashed_ids
from radtool.models.signature_file import signature_document
from radtool.models.survival import CoxSignature

__all__ = ["Validation", "read_log", "validate"]


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Everything measured when a frozen signature meets a cohort.

    Parameters
    ----------
    measures : DataFrame
        ``measure, value, lower, upper, n``, one row a number.
    curves : dict of DataFrame
        ``kaplan_meier`` (by risk group), ``predicted`` (mean predicted survival by group),
        ``roc``, ``precision_recall``, ….
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
        Time at which survival predictions are judged; default the median follow-up of events.

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
    notes: list[str] = []
    if isinstance(signature, CoxSignature):
        parts = _survival(signature, X, outcome, horizon, notes)
    elif isinstance(signature, MarkerSignature):
        parts = _marker(signature, X, outcome, notes)
    else:
        raise InputError(f"cannot validate a {type(signature).__name__}")
    measures, curves, scores = parts
    look, earlier = 1, []
    if log is not None:
        earlier = _append(Path(log), signature, people, outcome, measures)
        look = len(earlier) + 1
    return Validation(measures, curves, scores, signature.flags(X), look, earlier, notes)


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
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
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


def _survival(
    signature: CoxSignature,
    X: pd.DataFrame,
    y: pd.DataFrame,
    horizon: float | None,
    notes: list[str],
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame]:
    risk = signature.predict_risk(X)
    group = signature.risk_groups(X)
    rows = [("harrell_c", harrell_c(y, risk)), ("uno_c", uno_c(y, risk))]
    rows.append(("calibration_slope", calibration_slope(y, risk)))
    curves, predicted = [], []
    times = np.linspace(0, float(y["duration"].max()), 101)
    for cut in ("median", "p75", "tertiles"):
        groups = signature.risk_groups(X, cut=cut)
        if groups.nunique() < 2:
            notes.append(f"log-rank at {cut}: all cases fall into one risk group")
            continue
        rows.append((f"logrank_p_{cut}", Estimate(logrank(y, groups).p, None, None, len(y))))
    expected = signature.predict_survival(X, times)
    for name in sorted(group.unique()):
        members = (group == name).to_numpy()
        curve = kaplan_meier(y[members])
        curves.append(curve.table.assign(risk_group=name))
        mean = expected[members].mean().to_numpy()
        predicted.append(pd.DataFrame({"time": times, "survival": mean, "risk_group": name}))
        rows.append((f"median_survival_{name}", curve.median))
    return (
        _measures(rows),
        {
            "kaplan_meier": pd.concat(curves, ignore_index=True),
            "predicted": pd.concat(predicted, ignore_index=True),
        },
        pd.DataFrame({"risk": risk, "risk_group": group}),
    )


def _marker(
    signature: MarkerSignature, X: pd.DataFrame, y: pd.Series, notes: list[str]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame], pd.DataFrame]:
    p = signature.predict_probability(X)
    n = len(y)
    rows = [
        ("auc", auc(y, p)),
        ("average_precision", Estimate(average_precision(y, p), None, None, n)),
        ("brier", brier(y, p)),
        ("calibration_in_the_large", calibration_in_the_large(y, p)),
    ]
    try:
        slope = logistic_slope(y, p).iloc[1]
        rows.append(
            ("calibration_slope", Estimate(slope["value"], slope["lower"], slope["upper"], n))
        )
    except InputError as error:
        notes.append(f"calibration slope: {error}")
    for cut, value in signature.cutoffs_.items():
        judged = classify(y, p, value).iloc[0]
        rows += [
            (f"{name}_{cut}", Estimate(float(judged[name]), None, None, n))
            for name in ("sensitivity", "specificity", "ppv", "npv", "balanced_accuracy", "f1")
        ]
    scores = pd.DataFrame({"probability": p, "predicted": signature.predict(X)})
    curves = {"roc": roc_curve(y, p), "precision_recall": precision_recall_curve(y, p)}
    return _measures(rows), curves, scores


def _measures(rows: list[tuple[str, Estimate]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"measure": name, "value": e.value, "lower": e.lower, "upper": e.upper, "n": e.n}
            for name, e in rows
        ]
    )


def _bound(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
