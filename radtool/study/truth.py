"""What was built into synthetic data, beside what the study recovered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from radtool.files import read_json
from radtool.pipelines.endpoint import FULL
from radtool.report.results import EndpointResults, PerformanceRow, TruthRow
from radtool.table import Failure

__all__ = ["endpoint_truth", "study_truth"]

_SPREAD = "original_stat_variance"


def study_truth(
    path: Path, table: pd.DataFrame, failures: Sequence[Failure], volume: str
) -> tuple[TruthRow, ...]:
    """Compare measured volumes, texture and faults with the truth file.

    Parameters
    ----------
    path : Path
        ``truth.json`` of the embedded cohort: ``tumours`` (patient_id, volume_ml,
        heterogeneity_hu) and ``faults`` (patient -> what).
    table : DataFrame
        Feature table.
    failures : sequence of Failure
        Who was left out.
    volume : str
        Volume feature, mm³.
    """
    truth = read_json(path)
    tumours = pd.DataFrame(truth["tumours"]).set_index("patient_id")
    known = table[table["patient_id"].isin(tumours.index)]
    true = tumours.loc[known["patient_id"]]
    return (
        _faults(truth["faults"], failures, table),
        *_volumes(known[volume].to_numpy() / 1000.0, true["volume_ml"].to_numpy()),
        *_texture(known, true),
    )


def _faults(faults: dict[str, Any], failures: Sequence[Failure], table: pd.DataFrame) -> TruthRow:
    named = {
        patient
        for patient in faults
        if any(failure.case_id.startswith(patient) for failure in failures)
    }
    used = sorted(set(faults) & set(table["patient_id"]))
    verdict = (
        "all named, none used"
        if len(named) == len(faults) and not used
        else (f"not named: {sorted(set(faults) - named)}; used: {used}")
    )
    return TruthRow(
        quantity="patients with a faulty scan or contour, named as failures",
        truth=float(len(faults)),
        recovered=float(len(named)),
        verdict=verdict,
        unit="patients",
    )


def _volumes(measured: np.ndarray, true: np.ndarray) -> list[TruthRow]:
    error = 100.0 * (measured - true) / true
    low, high = np.percentile(error, [2.5, 97.5])
    middle = float(np.median(error))
    return [
        TruthRow(
            quantity="error of the measured tumour volume (median, 95 % of cases)",
            truth=0.0,
            recovered=middle,
            lower=float(low),
            upper=float(high),
            verdict="recovered" if abs(middle) <= 5.0 else "not recovered",
            unit="%",
        )
    ]


def _texture(table: pd.DataFrame, true: pd.DataFrame) -> list[TruthRow]:
    if _SPREAD not in table:
        return []
    rows = []
    for site in sorted(table["site"].unique()):
        here = (table["site"] == site).to_numpy()
        if here.sum() < 4:
            continue
        rho = float(
            stats.spearmanr(table.loc[here, _SPREAD], true.loc[here, "heterogeneity_hu"]).statistic
        )
        rows.append(
            TruthRow(
                quantity=f"rank correlation of measured variance with true texture, site {site}",
                truth=1.0,
                recovered=rho,
                verdict="recovered" if rho >= 0.8 else "weak: scanner noise",
            )
        )
    return rows


def endpoint_truth(path: Path, endpoint: EndpointResults) -> tuple[TruthRow, ...]:
    """Compare recovered discrimination with what the truth itself reaches on the same patients."""
    truth = read_json(path)
    if endpoint.question.kind != "survival":
        return ()
    oracle = truth["concordance"].get("external", {})
    pairs = (
        (
            FULL,
            "linear_predictor",
            "external C-index: full model, against the true predictor",
        ),
        ("volume", "volume", "external C-index: volume, against the true volume"),
        (
            "clinical_volume",
            "clinical_and_volume",
            "external C-index: clinical + volume, against the true values",
        ),
    )
    rows = []
    for model, key, words in pairs:
        found = _external_c(endpoint, model)
        if found is None or key not in oracle:
            continue
        rows.append(_c_row(words, _value(oracle[key]), found))
    return tuple(rows)


def _value(entry: Any) -> float:
    return float(entry["value"] if isinstance(entry, dict) else entry)


def _external_c(endpoint: EndpointResults, model: str) -> PerformanceRow | None:
    rows = [
        row
        for row in endpoint.performance
        if (row.model, row.design, row.measure) == (model, "external", "harrell_c")
    ]
    return rows[0] if rows else None


def _c_row(words: str, oracle: float, found: PerformanceRow) -> TruthRow:
    inside = (
        found.lower is not None and found.upper is not None and found.lower <= oracle <= found.upper
    )
    return TruthRow(
        quantity=words,
        truth=oracle,
        recovered=found.value,
        lower=found.lower,
        upper=found.upper,
        verdict="within the interval" if inside else "outside the interval",
    )
