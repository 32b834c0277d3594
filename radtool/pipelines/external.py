"""A frozen signature meets a cohort it never saw: measured once, logged, never fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import Estimate, auc, calibration_slope, harrell_c, logistic_slope, uno_c
from radtool.models import CoxSignature, Signature, read_log, validate
from radtool.pipelines.curves import kaplan_meier_record, roc_record
from radtool.pipelines.endpoint import FULL, bound, compare, row
from radtool.report.results import Comparison, KaplanMeier, Look, PerformanceRow, RocCurve
from radtool.table import Study

__all__ = ["Tested", "curves_of", "validate_externally"]

CUT_WORDS = {
    "median": "median of the development cohort's risk score",
    "p75": "75th percentile of the development cohort's risk score",
    "tertiles": "tertiles of the development cohort's risk score",
}
GROUPS = ("low", "middle", "high")


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """What an external cohort showed.

    Parameters
    ----------
    performance : list of PerformanceRow
        Every model's numbers.
    comparisons : list of Comparison
        Paired differences on the same cases.
    kaplan_meier, roc : list
        Curves.
    looks : list of Look
        The evaluation log of this cohort.
    notes : list of str
        Cases outside the training range, measures that are not defined.
    """

    performance: list[PerformanceRow] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    kaplan_meier: list[KaplanMeier] = field(default_factory=list)
    roc: list[RocCurve] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


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
        Patients of the cohort were in training.
    """
    tested = Tested()
    scores: dict[str, pd.Series] = {}
    for key, signature in signatures.items():
        scores[key] = signature.predict_risk(study.X)
        tested.performance.extend(_rows(study, scores[key], (key, name), tested.notes))
    tested.comparisons.extend(compare(study.y, scores, name, "external"))
    for key in (FULL, "clinical_volume", "volume"):
        if key in signatures:
            curves_of(signatures[key], study, (key, name), cut, tested)
    if log is not None:
        validate(signatures[FULL], study.X, study.y, patients=study.patients, log=log)
        tested.looks.extend(_looks(log, name))
    flags = signatures[FULL].flags(study.X)
    if len(flags):
        cases = sorted(set(map(str, flags["case"])))
        columns = ", ".join(sorted(set(flags["column"]))[:5])
        tested.notes.append(
            f"{len(cases)} of {len(study.X)} cases of {name} lie outside the training range of a"
            f" column that the model uses ({columns})"
        )
    return tested


def curves_of(
    signature: Signature, study: Study, names: tuple[str, str], cut: str, into: Tested
) -> None:
    """Add the Kaplan-Meier curves of the risk groups, or the ROC curve of a marker."""
    score = signature.predict_risk(study.X)
    if not isinstance(signature, CoxSignature):
        into.roc.append(roc_record(study.y, score, names=names))
        return

    def predict(index: pd.Index, times: np.ndarray) -> pd.DataFrame:
        return signature.predict_survival(study.X.loc[index], times)

    into.kaplan_meier.append(
        kaplan_meier_record(
            study.y,
            signature.risk_groups(study.X, cut=cut),  # type: ignore[arg-type]
            labels=GROUPS,
            names=names,
            cut=CUT_WORDS[cut],
            predict=predict,
        )
    )


def _rows(
    study: Study, score: pd.Series, names: tuple[str, str], notes: list[str]
) -> list[PerformanceRow]:
    if study.endpoint.is_survival:
        found = {
            "harrell_c": harrell_c(study.y, score),
            "uno_c": uno_c(study.y, score),
            "calibration_slope": calibration_slope(study.y, score),
        }
    else:
        found = {"auc": auc(study.y, score)}
        try:
            slope = logistic_slope(study.y, score).set_index("term").loc["slope"]
            found["calibration_slope"] = Estimate(
                slope["value"], slope["lower"], slope["upper"], len(score)
            )
        except InputError as error:
            notes.append(f"{names[0]}: no calibration slope in {names[1]}: {error}")
    return [
        row(names, "external", measure, estimate, study)
        for measure, estimate in found.items()
        if bound(estimate.value) is not None
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
