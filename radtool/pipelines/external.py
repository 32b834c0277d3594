"""A frozen signature meets a cohort it never saw: measured, logged, never fitted."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from radtool.errors import InputError, RadtoolWarning
from radtool.models import CoxSignature, Signature, Validation, read_log, validate
from radtool.pipelines.curves import incidence_record, kaplan_meier_record, roc_record
from radtool.pipelines.endpoint import BASELINE, FULL, LABELS, compare, count_events, new_words
from radtool.pipelines.gathered import Gathered
from radtool.report import calibration_record, decision_record, performance_rows
from radtool.report.results import (
    Calibration,
    Comparison,
    DecisionCurve,
    KaplanMeier,
    Look,
    PerformanceRow,
    RocCurve,
)
from radtool.table import Study

__all__ = ["Tested", "survival_curves", "validate_externally"]

CUT_WORDS = {
    "median": "median of the development cohort's risk score",
    "p75": "75th percentile of the development cohort's risk score",
    "tertiles": "tertiles of the development cohort's risk score",
}
GROUPS = ("low", "middle", "high")


@dataclass(frozen=True, slots=True, eq=False)
class Tested(Gathered):
    """What an external cohort showed.

    Parameters
    ----------
    performance : list of PerformanceRow
        Every model's numbers.
    comparisons : list of Comparison
        Paired differences on the same cases.
    kaplan_meier, roc, calibration, decision : list
        Curves.
    looks : list of Look
        The evaluation log of this cohort.
    notes : list of str
        What every reader must know: cases outside the training range.
    remarks : list of str
        Measures that are not defined, and warnings met on the way.
    """

    performance: list[PerformanceRow] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    kaplan_meier: list[KaplanMeier] = field(default_factory=list)
    roc: list[RocCurve] = field(default_factory=list)
    calibration: list[Calibration] = field(default_factory=list)
    decision: list[DecisionCurve] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def validate_externally(
    signatures: Mapping[str, Signature],
    study: Study,
    *,
    name: str,
    cut: str = "median",
    log: Path | None = None,
) -> Tested:
    """Predict the external cohort with every frozen signature, and measure.

    Parameters
    ----------
    signatures : mapping
        Name -> fitted signature.
    study : Study
        The external cohort.
    name : str
        What rows call it.
    cut : {"median", "p75", "tertiles"}
        Which training cut-off makes the risk groups.
    log : Path, optional
        Append-only log of every look at this cohort.

    Raises
    ------
    InputError
        Patients of the cohort were in training, or no two of its cases can be compared; the message
        names the cohort.
    """
    tested = Tested()
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always", RadtoolWarning)
        try:
            _measure(tested, signatures, study, (name, cut), log)
        except InputError as error:
            raise type(error)(f"external cohort {name}: {error}") from error
    tested.remarks.extend(new_words(met, tested.remarks))
    if log is not None:
        tested.looks.extend(_looks(log, name))
    return tested


def _measure(
    tested: Tested,
    signatures: Mapping[str, Signature],
    study: Study,
    names: tuple[str, str],
    log: Path | None,
) -> None:
    name, cut = names
    found: dict[str, Validation] = {}
    for key, signature in signatures.items():
        found[key] = validate(
            signature,
            study.X,
            study.y,
            patients=study.patients,
            log=log if key == FULL else None,
        )
        events = count_events(study.y)
        rows = performance_rows(found[key], model=key, cohort=name, events=events)
        tested.performance.extend(rows)
        tested.remarks.extend(f"{LABELS.get(key, key)}, {name}: {n}" for n in found[key].notes)
    scores = {key: signature.predict_risk(study.X) for key, signature in signatures.items()}
    tested.comparisons.extend(compare(study, scores, name, "external"))
    for key in (FULL, BASELINE, "volume"):
        if key in signatures:
            _add_curve(tested, signatures[key], study, scores[key], (key, name, cut))
    compared = {key: found[key] for key in (FULL, BASELINE) if key in found}
    for key, one in compared.items():
        plot = calibration_record(one, model=key, cohort=name)
        tested.calibration.extend([plot] if plot else [])
    labelled = {LABELS.get(key, key): one for key, one in compared.items()}
    decision = decision_record(labelled, cohort=name)
    tested.decision.extend([decision] if decision else [])
    tested.notes.extend(_range_notes(found[FULL], study, name))


def _add_curve(
    tested: Tested,
    signature: Signature,
    study: Study,
    score: pd.Series,
    names: tuple[str, str, str],
) -> None:
    key, cohort, cut = names
    if isinstance(signature, CoxSignature):
        curve = survival_curves(signature, study, (key, cohort, "external"), cut)
        tested.kaplan_meier.append(curve)
    else:
        tested.roc.append(roc_record(study.y, score, names=(key, cohort, "external")))


def survival_curves(
    signature: CoxSignature, study: Study, names: tuple[str, str, str], cut: str
) -> KaplanMeier:
    """Survival (or incidence) of the risk groups with what the model predicted for them.

    Cut-offs are those of the development cohort; names are model, cohort and
    design.
    """

    def predict(index: pd.Index, times: np.ndarray) -> pd.DataFrame:
        # All cases at once: a batch that ComBat has to estimate is estimated from all of them.
        return signature.predict_survival(study.X, times).loc[index]

    draw = incidence_record if study.endpoint.has_competing else kaplan_meier_record
    return draw(
        study.y,
        signature.risk_groups(study.X, cut=cut),  # type: ignore[arg-type]
        labels=GROUPS,
        names=names,
        cut=CUT_WORDS[cut],
        predict=predict,
    )


def _range_notes(found: Validation, study: Study, name: str) -> list[str]:
    if not len(found.flags):
        return []
    cases = set(map(str, found.flags["case"]))
    columns = sorted(set(found.flags["column"]))
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    return [
        f"{len(cases)} of {len(study.X)} cases of {name} lie outside the training range of a column"
        f" that the model uses ({', '.join(columns[:3])}{more})"
    ]


def _looks(log: Path, cohort: str) -> list[Look]:
    """Every different signature that was ever tried on the last cohort of the log, oldest first."""
    entries = read_log(log)
    last = entries[-1]["cohort_sha256"]
    first: dict[str, Look] = {}
    for entry in entries:
        sha256 = str(entry["signature_sha256"])
        if entry["cohort_sha256"] == last and sha256 not in first:
            first[sha256] = Look(
                signature=FULL, cohort=cohort, sha256=sha256, when=str(entry["when"])
            )
    return list(first.values())
