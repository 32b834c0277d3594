"""curation.html: every case, its findings and its contour, and where everybody went."""

from __future__ import annotations

import base64
import functools
import io
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from radtool.curation.advice import advice, label
from radtool.curation.charts import is_absent, spread
from radtool.curation.result import CurationResult
from radtool.files import write_text

__all__ = ["write_document"]

TITLES = {
    "manufacturer": "Manufacturer",
    "model": "Model",
    "kernel": "Kernel",
    "sequence": "Sequence",
    "scanning_sequence": "Scanning sequence",
    "kvp": "Tube voltage (kV)",
    "tube_current_ma": "Tube current (mA)",
    "exposure_mas": "Exposure (mAs)",
    "tr_ms": "Repetition time (ms)",
    "te_ms": "Echo time (ms)",
    "flip_angle_deg": "Flip angle (°)",
    "field_strength_t": "Field strength (T)",
    "tracer": "Tracer",
    "dose_mbq": "Dose (MBq)",
    "weight_kg": "Weight (kg)",
    "units": "Units",
    "slice_spacing_mm": "Slice spacing (mm)",
    "slice_thickness_mm": "Slice thickness (mm)",
    "pixel_spacing_mm": "Pixel spacing (mm)",
    "matrix": "Matrix",
    "slices": "Slices",
    "contrast": "Contrast agent",
    "study_date": "Date",
    "study_year": "Year of the study",
}
SCANNER = ("manufacturer", "model")
OWN = {
    "CT": ("kernel", "kvp", "tube_current_ma", "exposure_mas", "contrast"),
    "MR": ("sequence", "scanning_sequence", "tr_ms", "te_ms", "flip_angle_deg",
           "field_strength_t", "contrast"),
    "PT": ("tracer", "dose_mbq", "weight_kg", "units"),
}  # fmt: skip
"""What describes the acquisition of each modality."""
GRID = ("slice_spacing_mm", "slice_thickness_mm", "pixel_spacing_mm", "matrix", "slices")
OPTIONAL = ("contrast", "sequence", "matrix", "slice_spacing_mm", "slices")
"""Rightly absent from many headers, or no tags at all: not counted as missing."""
FACTS = (
    ("volume_ml", "volume", "{:.2f} mL"),
    ("slice_spacing_mm", "slices every", "{:.4g} mm"),
    ("pixel_spacing_mm", "pixels", "{:.3g} mm"),
    ("kernel", "kernel", "{}"),
    ("manufacturer", "scanner", "{}"),
    ("roi_original", "drawn as", "{}"),
    ("mask_origin", "from", "{}"),
)
MANY_CASES = 300
"""From here on the pictures inside the document are half as wide."""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def write_document(result: CurationResult, made: Mapping[str, Any], path: Path) -> None:
    """Write the document: one file, pictures inside, nothing fetched from anywhere.

    Parameters
    ----------
    result : CurationResult
        What to show.
    made : mapping
        Provenance: settings and versions.
    path : path
        Where to.
    """
    words = _template().render(
        cases=_cases(result),
        left_out=_left_out(result),
        flow=[(step.label, step.count, _lost(step.lost)) for step in result.flow],
        checks=_checks(result.findings),
        groups=_groups(result.series),
        patients=result.manifest["patient_id"].nunique(),
        all_patients=result.series["patient_id"].nunique(),
        versions=made["versions"],
        settings_hash=made["settings_sha256"][:12],
        roi_names=made["settings"]["roi_names"],
    )
    write_text(path, words)


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=_harmless
    )
    source = files("radtool.curation").joinpath("document.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source)


def _harmless(value: Any) -> Any:
    """Show control characters, also those that turn the writing direction, as a mark."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return CONTROLS.sub("\ufffd", value)
    return value


def _lost(lost: tuple[tuple[str, int], ...]) -> list[tuple[str, int]]:
    return [
        (label(reason) if "_" in reason or reason.islower() else reason, n) for reason, n in lost
    ]


def _cases(result: CurationResult) -> list[dict[str, Any]]:
    """One card a manifest row; findings of its series and of its mask together."""
    by_case: dict[str, list[dict[str, Any]]] = defaultdict(list)
    by_series: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in result.findings.to_dict("records"):
        if row["severity"] != "error":
            told = advice(row["check"], row["severity"])
            shown = {"label": label(row["check"]), "advice": told, **row}
            (by_case[row["case_id"]] if row["roi"] else by_series[row["series_uid"]]).append(shown)
    width = 900 if len(result.manifest) < MANY_CASES else 450
    cards = []
    for row in result.manifest.to_dict("records"):
        facts = [
            (name, shape.format(row[column]))
            for column, name, shape in FACTS
            if column in row and not is_absent(row[column])
        ]
        noted = [*by_case[row["case_id"]], *by_series[row["series_uid"]]]
        picture = _picture(result.out / row["preview"], width)
        cards.append({**row, "facts": facts, "findings": noted, "picture": picture})
    return cards


def _picture(path: Path, width: int) -> str:
    """Return a contact sheet as a data address."""
    from PIL import Image

    data = io.BytesIO()
    with Image.open(path) as sheet:
        small = sheet.convert("RGB")
        small.thumbnail((width, 10 * width))
        small.save(data, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")


def _left_out(result: CurationResult) -> list[dict[str, Any]]:
    """Each failure with what it is called and what can be done; equal ones once."""
    errors: dict[str, str] = {}
    for row in result.findings.to_dict("records"):
        if row["severity"] == "error":
            errors.setdefault(row["case_id"], row["check"])
            errors.setdefault(row["patient_id"], row["check"])
    rows = []
    times = Counter((one.case_id, one.reason) for one in result.failures)
    for failure in sorted(result.failures, key=lambda one: one.case_id):
        count = times.pop((failure.case_id, failure.reason), 0)
        if not count:
            continue
        check = errors.get(failure.case_id, "")
        reason = _shortened(failure.reason)
        rows.append(
            {
                "case": failure.case_id,
                "times": count,
                "label": label(check) if check else "",
                "reason": reason.removeprefix(f"{check}: "),
                "advice": advice(check),
            }
        )
    return rows


def _shortened(detail: str) -> str:
    """Leave out the folders of a path that a message starts with."""
    return re.sub(r"^\S*[/\\]([^/\\\s]+): ", r"\1: ", detail)


def _checks(findings: pd.DataFrame) -> list[dict[str, Any]]:
    """Count of each check that found something, with one example."""
    rows = []
    for (check, severity), group in findings.groupby(["check", "severity"], sort=True):
        rows.append(
            {
                "check": check,
                "label": label(check),
                "advice": advice(check, severity),
                "severity": severity,
                "cases": group["case_id"].nunique(),
                "example": _shortened(group["detail"].iloc[0]),
                "patient": group["patient_id"].iloc[0],
            }
        )
    return sorted(rows, key=lambda row: (row["severity"], -row["cases"], row["check"]))


def _groups(series: pd.DataFrame) -> list[dict[str, Any]]:
    """For each modality: how header values are spread, which are missing, and every series."""
    found = []
    for modality, group in series.groupby("modality", sort=True):
        table = group.reset_index(drop=True).copy()
        dates = table.get("study_date", pd.Series("", index=table.index)).fillna("").astype(str)
        table["study_year"] = pd.to_numeric(dates.str[:4], errors="coerce")
        table["study_date"] = [_day(date) for date in dates]
        table["matrix"] = [_matrix(row) for row in table.to_dict("records")]
        described = ["study_date", *SCANNER, *OWN.get(str(modality), ()), *GRID]
        listed = [column for column in described if _is_known(table, column)]
        panels = [
            (TITLES[column], drawn)
            for column in [*described[1:], "study_year"]
            if column in table and (drawn := _drawn(column, table[column].tolist()))
        ]
        found.append(
            {
                "modality": modality,
                "count": len(table),
                "used": int((table["status"] == "used").sum()),
                "panels": panels if len(table) > 1 else [],
                "missing": _missing(table, described) if str(modality) in OWN else [],
                "columns": [TITLES[column] for column in listed],
                "rows": [_row(row, listed) for row in table.to_dict("records")],
            }
        )
    return found


def _is_known(table: pd.DataFrame, column: str) -> bool:
    return column in table and not all(is_absent(value) for value in table[column])


def _drawn(column: str, values: list[Any]) -> Markup | None:
    """Draw a column; what is no tag (spacing of a stack that is none) is not missing from one."""
    if column in OPTIONAL:
        values = [value for value in values if not is_absent(value)]
    return spread(TITLES[column], values)


def _day(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if re.fullmatch(r"\d{8}", date) else date


def _matrix(row: Mapping[str, Any]) -> str:
    rows, columns = row.get("rows"), row.get("columns")
    return "" if is_absent(rows) or is_absent(columns) else f"{columns:.0f} × {rows:.0f}"


def _missing(table: pd.DataFrame, columns: list[str]) -> list[tuple[str, int]]:
    """Count of series that lack a value which their header should hold."""
    counts = [
        (
            TITLES[column],
            sum(is_absent(v) for v in table[column]) if column in table else len(table),
        )
        for column in columns
        if column not in OPTIONAL
    ]
    return [(title, count) for title, count in counts if count]


def _row(row: Mapping[str, Any], columns: list[str]) -> dict[str, Any]:
    cells = [row.get(column) for column in columns]
    return {
        "patient": row["patient_id"],
        "timepoint": row["timepoint"],
        "status": row["status"],
        "reason": "" if is_absent(row["reason"]) else _shortened(row["reason"]),
        "description": "" if is_absent(row.get("description")) else row["description"],
        "cells": [
            "" if is_absent(v) else f"{v:.5g}" if isinstance(v, float) else str(v) for v in cells
        ],
    }
