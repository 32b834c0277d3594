"""A page to look at masks in the browser: accept or reject them, or compare two sources blinded."""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup
from skimage.measure import find_contours

from radtool.curation.previews import window_of
from radtool.errors import InputError, RadtoolError
from radtool.files import hash_of, write_text
from radtool.image import Image, Mask
from radtool.io import read_image, read_mask
from radtool.table import Failure, read_manifest, write_table

__all__ = ["ReviewPage", "write_review"]

MOST_SLICES = 40
MARGIN_MM = 30.0
UNITS = {"CT": "HU", "PT": "SUVbw"}

Measure = Callable[[Mask], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page that was written.

    Parameters
    ----------
    page : Path
        The HTML file.
    key : Path or None
        Which source is on which side; None when there is one source only.
    cases : int
        Cases on the page.
    failures : list of Failure
        Cases that could not be shown, and why.
    """

    page: Path
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
    """Write a page on which a reader judges masks.

    Parameters
    ----------
    manifest : path-like
        Images and masks.
    out : path-like
        The HTML file; everything is inside it.
    against : path-like, optional
        A second manifest with other masks of the same cases (same `case_id`). Both masks are shown
        side by side, and the page does not hold which is whose.
    sources : pair of str
        What the two manifests are called in the key.
    seed : int, default 0
        Decides the order of the cases and, with two sources, the side of each mask.
    measure : callable, optional
        Mask -> what is shown beside its volume, for example its RECIST diameter. Of two sources
        neither is shown.

    Returns
    -------
    ReviewPage
        With two sources the key lies beside the page, as ``<name>.key.csv``.

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
    rng = np.random.default_rng(seed)
    failures = _unpaired(tables)
    first = tables[0][~tables[0]["case_id"].isin([one.case_id for one in failures])]
    others = tables[1].set_index("case_id")["mask"] if len(tables) > 1 else None
    order = rng.permutation(len(first))
    cases, sides = [], []
    for place in order:
        row = first.iloc[int(place)]
        is_swapped = bool(others is not None and rng.random() < 0.5)
        paths = [row["mask"]] if others is None else [row["mask"], others[row["case_id"]]]
        try:
            cases.append(_case(row, paths[::-1] if is_swapped else paths, measure))
        except RadtoolError as error:
            failures.append(Failure(row["case_id"], "review", str(error)))
            continue
        sides.append(
            {
                "case_id": row["case_id"],
                "left": sources[is_swapped],
                "right": sources[not is_swapped],
            }
        )
    if not cases:
        raise InputError(f"{manifest}: no case with a mask can be shown")
    page = hash_of({"cases": [case["id"] for case in cases], "seed": seed, "sides": sides})[:12]
    _write_page(target, cases, page, is_blinded=others is not None)
    key = None
    if others is not None:
        key = target.with_name(f"{target.name.removesuffix('.html')}.key.csv")
        write_table(pd.DataFrame(sides).assign(page=page, seed=seed), key)
    return ReviewPage(target, key, len(cases), failures)


def _unpaired(tables: list[pd.DataFrame]) -> list[Failure]:
    """Name cases that have no mask, or that only one of two manifests holds."""
    masked = [set(table.loc[table["mask"] != "", "case_id"]) for table in tables]
    everyone = dict.fromkeys(case for table in tables for case in table["case_id"])
    lost = [case for case in everyone if not all(case in some for some in masked)]
    reason = "has no mask" if len(tables) == 1 else "is not in both manifests with a mask"
    return [Failure(case, "review", reason) for case in lost]


def _case(row: pd.Series, paths: list[str], measure: Measure | None) -> dict[str, Any]:
    """What the page holds of a case: slices as JPEG, outlines as paths in mm."""
    image = read_image(row["image"])
    unit = UNITS.get(row["modality"], image.unit)
    image = Image(image.array, image.geometry, unit)
    masks = [read_mask(path, like=image.geometry) for path in paths]
    together = Mask(np.logical_or.reduce([mask.array for mask in masks]), image.geometry)
    box = _box(together)
    low, high = window_of(image, together)
    _, dy, dx = image.geometry.spacing
    depth = range(box[0].start, box[0].stop)
    chosen = np.unique(np.linspace(0, len(depth) - 1, MOST_SLICES).round().astype(int))
    slices = [depth[int(k)] for k in chosen]
    part = image.array[:, box[1], box[2]]
    return {
        "id": row["case_id"],
        "about": " · ".join(str(row[c]) for c in ("modality", "timepoint", "roi") if row[c]),
        "width": round((box[2].stop - box[2].start) * dx, 2),
        "height": round((box[1].stop - box[1].start) * dy, 2),
        "of": image.geometry.shape[0],
        "numbers": [k + 1 for k in slices],
        "pictures": [_jpeg(part[k], low, high) for k in slices],
        "paths": [[_path(mask.array[k, box[1], box[2]], dy, dx) for k in slices] for mask in masks],
        # Sizes might tell a reader whose mask it is.
        "facts": [_facts(mask, measure) if len(masks) == 1 else {} for mask in masks],
    }


def _facts(mask: Mask, measure: Measure | None) -> dict[str, str]:
    return {"volume": f"{mask.volume_ml:.2f} mL", **(measure(mask) if measure else {})}


def _box(mask: Mask) -> tuple[slice, slice, slice]:
    """Slices with mask and one beyond each end; 30 mm around it in plane."""
    found = []
    for axis, spacing in enumerate(mask.geometry.spacing):
        used = np.flatnonzero(mask.array.any(axis=tuple({0, 1, 2} - {axis})))
        margin = 1 if axis == 0 else math.ceil(MARGIN_MM / spacing)
        stop = min(mask.geometry.shape[axis], int(used[-1]) + margin + 1)
        found.append(slice(max(0, int(used[0]) - margin), stop))
    return found[0], found[1], found[2]


def _jpeg(plane: np.ndarray, low: float, high: float) -> str:
    from PIL import Image as Picture

    grey = np.clip((plane.astype(np.float32) - low) / (high - low), 0, 1)
    data = io.BytesIO()
    Picture.fromarray((255 * grey).round().astype(np.uint8)).save(data, "JPEG", quality=88)
    return base64.b64encode(data.getvalue()).decode("ascii")


def _path(inside: np.ndarray, dy: float, dx: float) -> str:
    """Outline of a slice as an SVG path, mm from the corner of the picture."""
    parts = []
    for line in find_contours(np.pad(inside, 1).astype(float), 0.5):
        points = [f"{(x - 0.5) * dx:.1f} {(y - 0.5) * dy:.1f}" for y, x in line[:-1]]
        parts.append("M" + "L".join(points) + "Z")
    return "".join(parts)


def _write_page(target: Path, cases: list[dict[str, Any]], page: str, *, is_blinded: bool) -> None:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    source = files("radtool.curation").joinpath("review.html.j2").read_text(encoding="utf-8")
    data = json.dumps({"page": page, "blinded": is_blinded, "cases": cases}, ensure_ascii=True)
    # Inside a script element only "<" could end it.
    plain = Markup(data.replace("<", "\\u003c"))
    words = environment.from_string(source).render(
        data=plain, count=len(cases), is_blinded=is_blinded
    )
    try:
        write_text(target, words)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror or error})") from error
