"""curation.html: every case, its findings and its contour, and where everybody went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from radtool.curation.result import CurationResult
from radtool.files import write_text

__all__ = ["write_document"]

DESCRIBED = {
    "manufacturer": "Manufacturer",
    "model": "Model",
    "kernel": "Kernel",
    "slice_spacing_mm": "Slice spacing (mm)",
    "slice_thickness_mm": "Slice thickness (mm)",
    "pixel_spacing_mm": "Pixel spacing (mm)",
    "slices": "Slices",
    "kvp": "Tube voltage (kV)",
    "tr_ms": "Repetition time (ms)",
    "te_ms": "Echo time (ms)",
    "field_strength_t": "Field strength (T)",
    "tracer": "Tracer",
    "dose_mbq": "Dose (MBq)",
    "study_year": "Year of the study",
}
MOST_BARS = 8
FACTS = (
    ("volume_ml", "volume", "{:.2f} mL"),
    ("slice_spacing_mm", "slices every", "{:.4g} mm"),
    ("pixel_spacing_mm", "pixels", "{:.3g} mm"),
    ("kernel", "kernel", "{}"),
    ("manufacturer", "scanner", "{}"),
    ("roi_original", "drawn as", "{}"),
    ("mask_origin", "from", "{}"),
)


def write_document(result: CurationResult, made: Mapping[str, Any], path: Path) -> None:
    """Write the document; pictures are referred to, everything else is inside the one file.

    Parameters
    ----------
    result : CurationResult
        What to show.
    made : mapping
        Provenance: settings and versions.
    path : path
        Where to; beside the folder ``previews``.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    source = files("radtool.curation").joinpath("document.html.j2").read_text(encoding="utf-8")
    words = environment.from_string(source).render(
        cases=_cases(result),
        failures=sorted(result.failures, key=lambda failure: failure.case_id),
        flow=result.flow,
        checks=_checks(result.findings),
        description=_description(result.series),
        series=_series(result.series),
        patients=result.manifest["patient_id"].nunique(),
        versions=made["versions"],
        settings_hash=made["settings_sha256"][:12],
        roi_names=made["settings"]["roi_names"],
    )
    write_text(path, words)


def _cases(result: CurationResult) -> list[dict[str, Any]]:
    """One card a manifest row; findings of its series and of its mask together."""
    by_case: dict[str, list[dict[str, Any]]] = defaultdict(list)
    by_series: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in result.findings.to_dict("records"):
        if row["severity"] == "error":
            continue
        (by_case[row["case_id"]] if row["roi"] else by_series[row["series_uid"]]).append(row)
    cards = []
    for row in result.manifest.to_dict("records"):
        facts = [
            (label, shape.format(row[column]))
            for column, label, shape in FACTS
            if column in row and not _absent(row[column])
        ]
        noted = [*by_case[row["case_id"]], *by_series[row["series_uid"]]]
        cards.append({**row, "facts": facts, "findings": noted})
    return cards


def _absent(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and value != value)


def _checks(findings: pd.DataFrame) -> list[dict[str, Any]]:
    """Count of each check that found something, with one example."""
    rows = []
    for (check, severity), group in findings.groupby(["check", "severity"], sort=True):
        rows.append(
            {
                "check": check,
                "severity": severity,
                "cases": group["case_id"].nunique(),
                "example": group["detail"].iloc[0],
                "patient": group["patient_id"].iloc[0],
            }
        )
    return sorted(rows, key=lambda row: (row["severity"], -row["cases"], row["check"]))


def _description(series: pd.DataFrame) -> list[dict[str, Any]]:
    """For each modality, how its header values are spread over the series that are used."""
    used = series[series["status"] == "used"]
    found = []
    for modality, group in used.groupby("modality", sort=True):
        dates = group.get("study_date", pd.Series("", index=group.index)).fillna("").astype(str)
        group = group.assign(study_year=dates.str[:4])
        panels = [
            {"title": title, "bars": bars}
            for column, title in DESCRIBED.items()
            if column in group and (bars := _bars(group[column]))
        ]
        found.append({"modality": modality, "series": len(group), "panels": panels})
    return found


def _bars(values: pd.Series) -> list[dict[str, Any]]:
    known = values[[not _absent(value) for value in values]]
    if known.empty:
        return []
    if pd.api.types.is_numeric_dtype(known) and known.nunique() > MOST_BARS:
        counts = pd.cut(known.astype(float), MOST_BARS, precision=2).value_counts(sort=False)
        labels = [f"{cut.left:.3g} – {cut.right:.3g}" for cut in counts.index]
    else:
        plain = known.map(lambda v: f"{v:g}" if isinstance(v, float) else str(v))
        counts = plain.value_counts(sort=False)
        counts = counts.sort_index().sort_values(ascending=False, kind="stable")
        labels = list(counts.index)
    pairs = list(zip(labels, counts.tolist(), strict=True))
    shown, rest = pairs[:MOST_BARS], pairs[MOST_BARS:]
    if rest:
        shown.append((f"{len(rest)} other values", sum(count for _, count in rest)))
    if len(known) < len(values):
        shown.append(("not in the header", len(values) - len(known)))
    most = max(count for _, count in shown)
    return [
        {"label": label, "count": count, "width": round(100 * count / most)}
        for label, count in shown
    ]


def _series(series: pd.DataFrame) -> list[dict[str, Any]]:
    columns = ["patient_id", "modality", "timepoint", "status", "reason", "slices", "description"]
    present = series.reindex(columns=columns).astype(object)
    return present.where(present.notna(), "").to_dict("records")
