"""A page to look at masks in the browser: correct and accept them, or compare two blinded."""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from radtool.curation.previews import window_of
from radtool.curation.runs import encode_runs, grid_hash, mask_hash
from radtool.errors import InputError, RadtoolError
from radtool.files import hash_of, write_text
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, read_mask
from radtool.table import Failure, read_manifest, write_table

__all__ = ["ReviewPage", "read_drawn", "write_review"]

MOST_SLICES = 40
"""Slices of a case that is only looked at; of one that may be corrected all are there."""
MARGIN_MM = 30.0
QUALITY = 92
"""Of the JPEG pictures; the soft tissue of a lung window is stretched to be looked at."""
MOST_MB = 50.0
"""Size of a page from which on another one is begun."""
DEPTH_MARGIN_MM = 15.0
"""How far beyond its first and last slice a mask may be extended."""
UNITS = {"CT": "HU", "PT": "SUVbw"}
SCRIPTS = ("review_mask.js", "review.js")

Measure = Callable[[Mask], float | None]


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """What was written for readers.

    Parameters
    ----------
    pages : tuple of Path
        HTML files; more than one when the cases are too large for one.
    key : Path or None
        Which source is on which side; None when there is one source only.
    cases : int
        Cases on the pages.
    failures : list of Failure
        Cases that could not be shown, and why.
    """

    pages: tuple[Path, ...]
    key: Path | None
    cases: int
    failures: list[Failure] = field(default_factory=list)


def write_review(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    sources: tuple[str, str] = ("first", "second"),
    seed: int = 0,
    measure: Measure | None = None,
) -> ReviewPage:
    """Write a page on which a reader corrects and judges masks.

    Parameters
    ----------
    manifest : path-like
        Images and masks; a column `label` says which value of a label image is meant.
    out : path-like
        The HTML file; everything is inside it.
    against : path-like, optional
        A second manifest with other masks of the same cases (same `case_id`). Both masks are shown
        side by side, cannot be changed, and the page does not hold which is whose.
    sources : pair of str
        What the two manifests are called in the key.
    seed : int, default 0
        Decides the order of the cases and, with two sources, the side of each mask.
    measure : callable, optional
        Mask -> RECIST longest axial diameter in mm, or None where it has none; shown beside the
        volume. Of two sources neither is shown.

    Returns
    -------
    ReviewPage
        With two sources the key lies beside the page, as ``<name>.key.csv``. A page that would be
        larger than 50 MB is followed by ``<name>-2.html`` and so on.

    Raises
    ------
    InputError
        No case can be shown, or the sources have one name.
    InputError, TableError
        See `read_manifest`.
    """
    if against is not None and sources[0] == sources[1]:
        raise InputError(f"the two sources are both called {sources[0]!r}; give them two names")
    target = Path(out)
    tables = [read_manifest(path) for path in (manifest, against) if path is not None]
    failures = _unpaired(tables)
    written: list[Path] = []
    sides: list[dict[str, Any]] = []
    shown = _shown(tables, np.random.default_rng(seed), measure, failures)
    for cases, swapped in _pages(shown):
        here = [
            {"case_id": case["id"], "left": sources[left], "right": sources[not left]}
            for case, left in zip(cases, swapped, strict=True)
        ]
        seen = [(case["id"], case.get("mask_sha256"), case.get("grid_sha256")) for case in cases]
        page = hash_of({"cases": seen, "seed": seed, "sides": here})[:12]
        number = f"-{len(written) + 1}" if written else ""
        path = target.with_name(f"{target.name.removesuffix('.html')}{number}.html")
        _write_page(path if written else target, cases, page, is_blinded=against is not None)
        written.append(path if written else target)
        sides += [{**row, "page": page, "seed": seed} for row in here]
    if not written:
        raise InputError(f"{manifest}: no case with a mask can be shown")
    key = None
    if against is not None:
        key = target.with_name(f"{target.name.removesuffix('.html')}.key.csv")
        write_table(pd.DataFrame(sides), key)
    return ReviewPage(tuple(written), key, len(sides), failures)


def _shown(
    tables: list[pd.DataFrame],
    rng: np.random.Generator,
    measure: Measure | None,
    failures: list[Failure],
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Give each case and whether its sides are swapped, in the order that readers see."""
    lost = [one.case_id for one in failures]
    first = tables[0][~tables[0]["case_id"].isin(lost)]
    others = tables[1].set_index("case_id", drop=False) if len(tables) > 1 else None
    for place in rng.permutation(len(first)):
        row = first.iloc[int(place)]
        is_swapped = bool(others is not None and rng.random() < 0.5)
        rows = [row] if others is None else [row, others.loc[row["case_id"]]]
        try:
            yield _case(rows[::-1] if is_swapped else rows, row, measure), is_swapped
        except RadtoolError as error:
            failures.append(Failure(row["case_id"], "review", str(error)))


def _pages(
    shown: Iterator[tuple[dict[str, Any], bool]],
) -> Iterator[tuple[list[dict[str, Any]], list[bool]]]:
    """Collect cases until a page is full; a case that is larger has a page of its own."""
    cases: list[dict[str, Any]] = []
    swapped: list[bool] = []
    size = 0.0
    for case, is_swapped in shown:
        own = len(json.dumps(case)) / 1e6
        if cases and size + own > MOST_MB:
            yield cases, swapped
            cases, swapped, size = [], [], 0.0
        cases.append(case)
        swapped.append(is_swapped)
        size += own
    if cases:
        yield cases, swapped


def _unpaired(tables: list[pd.DataFrame]) -> list[Failure]:
    """Name cases that have no mask, or that only one of two manifests holds."""
    masked = [set(table.loc[table["mask"] != "", "case_id"]) for table in tables]
    everyone = dict.fromkeys(case for table in tables for case in table["case_id"])
    lost = [case for case in everyone if not all(case in some for some in masked)]
    reason = "has no mask" if len(tables) == 1 else "is not in both manifests with a mask"
    return [Failure(case, "review", reason) for case in lost]


def read_drawn(row: pd.Series, like: Geometry) -> Mask:
    """Read the mask that a row of a manifest means, by its ROI or label.

    Raises
    ------
    InputError, GeometryError, DicomError
        See `read_mask`; or the label is no whole number.
    """
    roi = next((str(row[c]) for c in ("roi_in_file", "roi") if c in row and pd.notna(row[c])), "")
    label = row.get("label")
    if label is None or pd.isna(label) or not str(label).strip():
        return read_mask(row["mask"], roi=roi or None, like=like)
    try:
        return read_mask(row["mask"], roi=roi or None, label=int(float(str(label))), like=like)
    except ValueError as error:
        if isinstance(error, RadtoolError):
            raise
        raise InputError(f"{row['mask']}: label {label!r} is not a whole number") from error


def _case(rows: list[pd.Series], row: pd.Series, measure: Measure | None) -> dict[str, Any]:
    """What the page holds of a case: slices as JPEG, masks as run lengths."""
    image = read_image(row["image"])
    image = Image(image.array, image.geometry, UNITS.get(row["modality"], image.unit))
    masks = [read_drawn(one, image.geometry) for one in rows]
    is_open = len(masks) == 1
    together = Mask(np.logical_or.reduce([mask.array for mask in masks]), image.geometry)
    box = _box(together, DEPTH_MARGIN_MM if is_open else 0.0)
    low, high = window_of(image, together)
    spacing, direction = image.geometry.spacing, image.geometry.direction
    count = box[0].stop - box[0].start
    most = count if is_open else MOST_SLICES
    slices = box[0].start + np.unique(np.linspace(0, count - 1, most).round().astype(int))
    case = {
        "id": row["case_id"],
        "about": " · ".join(str(row[c]) for c in ("modality", "timepoint", "roi") if row[c]),
        "grid": {
            "width": box[2].stop - box[2].start,
            "height": box[1].stop - box[1].start,
            "dx": spacing[2],
            "dy": spacing[1],
        },
        "window": [low, high],
        "unit": image.unit,
        "of": image.geometry.shape[0],
        "numbers": [int(k) + 1 for k in slices],
        "pictures": [_jpeg(image.array[k, box[1], box[2]], low, high) for k in slices],
        "masks": [encode_runs(mask.array[slices][:, box[1], box[2]]) for mask in masks],
    }
    if not is_open:  # sizes might tell a reader whose mask it is
        return case
    return case | {
        "thick": spacing[0],
        "axial": abs(direction[8]) >= math.sqrt(0.5),
        "start": [part.start for part in box],
        "facts": {
            "volume_ml": masks[0].volume_ml,
            "diameter_mm": measure(masks[0]) if measure else None,
        },
        "grid_sha256": grid_hash(image.geometry),
        "mask_sha256": mask_hash(masks[0]),
    }


def _box(mask: Mask, depth_mm: float) -> tuple[slice, slice, slice]:
    """Slices with mask and some beyond each end, one at least; 30 mm around it in plane."""
    found = []
    for axis, spacing in enumerate(mask.geometry.spacing):
        used = np.flatnonzero(mask.array.any(axis=tuple({0, 1, 2} - {axis})))
        margin = math.ceil(MARGIN_MM / spacing) if axis else max(1, math.ceil(depth_mm / spacing))
        stop = min(mask.geometry.shape[axis], int(used[-1]) + margin + 1)
        found.append(slice(max(0, int(used[0]) - margin), stop))
    return found[0], found[1], found[2]


def _jpeg(plane: np.ndarray, low: float, high: float) -> str:
    from PIL import Image as Picture

    grey = np.clip((plane.astype(np.float32) - low) / (high - low), 0, 1)
    data = io.BytesIO()
    Picture.fromarray((255 * grey).round().astype(np.uint8)).save(data, "JPEG", quality=QUALITY)
    return base64.b64encode(data.getvalue()).decode("ascii")


def _write_page(target: Path, cases: list[dict[str, Any]], page: str, *, is_blinded: bool) -> None:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    folder = files("radtool.curation")
    source = folder.joinpath("review.html.j2").read_text(encoding="utf-8")
    data = json.dumps({"page": page, "blinded": is_blinded, "cases": cases}, ensure_ascii=True)
    # Inside a script element only "<" could end it.
    plain = Markup(data.replace("<", "\\u003c"))
    script = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in SCRIPTS)
    words = environment.from_string(source).render(
        data=plain, script=Markup(script), count=len(cases), is_blinded=is_blinded
    )
    try:
        write_text(target, words)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror or error})") from error
