"""What readers made of a review page: accepted cases, corrected masks, and a ledger of both."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radtool.curation.naming import safe_name
from radtool.curation.review import read_drawn
from radtool.curation.runs import decode_runs, grid_hash, mask_hash
from radtool.errors import GeometryError, InputError, RadtoolError
from radtool.files import read_json, sha256
from radtool.image import Mask
from radtool.io import read_image, read_mask, write_mask
from radtool.table import Failure, read_manifest, read_table, write_table

__all__ = ["AcceptedReview", "Correction", "Review", "accept_review", "read_review"]

FORMAT, VERSION = "radtool-review", 1
TEXTS = ("case_id", "when", "grid_sha256", "mask_sha256")
NUMBERS = ("start", "shape", "runs")
STALE = ("preview", "anomaly", "label", "roi_in_file")
"""Columns of a manifest that no longer hold for a corrected mask."""
LEDGER = (
    "case_id", "roi", "reader", "when", "page", "outcome", "slices_changed", "voxels_added",
    "voxels_removed", "dsc", "volume_before_ml", "volume_after_ml", "original", "original_sha256",
    "corrected", "corrected_sha256",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Correction:
    """A mask as a reader left it.

    Parameters
    ----------
    case_id, reader, page, when : str
        Whose it is; `when` as the reader's browser told the time (ISO 8601, UTC).
    grid_sha256, mask_sha256 : str
        `grid_hash` and `mask_hash` of the mask that was corrected.
    start, shape : tuple of 3 int
        The box that was shown (z, y, x); outside it the mask is as before.
    runs : tuple of int
        Voxels of the box; see `decode_runs`.
    """

    case_id: str
    reader: str
    page: str
    when: str
    grid_sha256: str
    mask_sha256: str
    start: tuple[int, ...]
    shape: tuple[int, ...]
    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """What readers saved.

    Parameters
    ----------
    choices : DataFrame
        One row a reader and case: ``page, reader, case_id``, the answers, ``comment, seconds``.
    corrections : tuple of Correction
        Masks that were changed.
    """

    choices: pd.DataFrame
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedReview:
    """What came of a review.

    Parameters
    ----------
    manifest : DataFrame
        The accepted cases; `mask` is the corrected one where there is one.
    ledger : DataFrame
        One row a correction: who, when, what changed, where it lies, what became of it.
    failures : list of Failure
        Corrections that could not be used, and why.
    """

    manifest: pd.DataFrame
    ledger: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)


def read_review(paths: Iterable[str | os.PathLike[str]]) -> Review:
    """Read what readers saved on review pages.

    Parameters
    ----------
    paths : iterable of path-like
        JSON files of review pages, or tables with the columns of `Review.choices`. Of several
        JSON files of one reader and page the one saved last counts.

    Raises
    ------
    InputError
        A file is missing, or not what a review page saves.
    TableError
        See `read_table`.
    """
    tables: list[pd.DataFrame] = []
    documents: dict[tuple[str, str], dict[str, Any]] = {}
    for path in map(Path, paths):
        if path.suffix.lower() != ".json":
            tables.append(read_table(path))
            continue
        document = _document(path)
        own = (document["page"], document["reader"])
        if own not in documents or documents[own]["saved"] <= document["saved"]:
            documents[own] = {**document, "path": path}
    corrections = []
    for document in documents.values():
        tables.append(pd.DataFrame(document["choices"]))
        corrections += [_correction(one, document) for one in document["corrections"]]
    return Review(pd.concat(tables, ignore_index=True), tuple(corrections))


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{path}: not what a review page saves (no format {FORMAT!r})")
    if document.get("version") != VERSION:
        raise InputError(f"{path}: version {document.get('version')!r}; this radtool reads 1")
    texts = all(isinstance(document.get(key), str) for key in ("page", "reader", "saved"))
    lists = (document.get("choices"), document.get("corrections"))
    if not texts or not all(isinstance(part, list) for part in lists):
        raise InputError(f"{path}: page, reader, saved, choices or corrections is missing")
    if not all(isinstance(row, dict) for part in lists for row in part or ()):
        raise InputError(f"{path}: choices and corrections need one object a case")
    if not all(isinstance(row.get("case_id"), str) for row in document["choices"]):
        raise InputError(f"{path}: a choice has no case_id")
    document["reader"] = document["reader"].strip() or "unnamed"
    for row in document["choices"]:
        row["reader"] = document["reader"]
    return document


def _correction(row: Mapping[str, Any], document: Mapping[str, Any]) -> Correction:
    texts = [row.get(name) for name in TEXTS]
    lists = [row.get(name) for name in NUMBERS]
    fine = all(isinstance(value, str) for value in texts) and all(map(_is_whole, lists))
    if not fine or len(row["start"]) != 3 or len(row["shape"]) != 3:
        raise InputError(
            f"{document['path']}: the correction of case {row.get('case_id')!r} needs"
            f" {', '.join(TEXTS)} as texts and {', '.join(NUMBERS)} as lists of whole numbers"
        )
    values: dict[str, Any] = {name: row[name] for name in TEXTS}
    values |= {name: tuple(row[name]) for name in NUMBERS}
    return Correction(reader=document["reader"], page=document["page"], **values)


def _is_whole(values: Any) -> bool:
    return isinstance(values, list) and all(type(one) is int and one >= 0 for one in values)


def accept_review(
    review: Review,
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    reader: str | None = None,
) -> AcceptedReview:
    """Write the manifest of accepted cases and the corrected masks.

    Parameters
    ----------
    review : Review
        What readers saved.
    manifest : path-like
        The manifest that was reviewed.
    out : path-like
        Manifest to write (CSV): cases that somebody accepted and nobody rejected. The ledger is
        written beside it as ``<name>.corrections.csv`` when there are corrections.
    reader : str, optional
        Use the corrections of this reader only.

    Returns
    -------
    AcceptedReview

    Raises
    ------
    InputError
        The choices compare two sources, or nobody of that name corrected anything.

    Notes
    -----
    A corrected mask is a NIfTI file on the grid of its image, beside the mask that it was made
    from: ``<case>.corrected-<reader>.nii.gz``. No file is written over; a second, different mask of
    that name gets a number. A correction of another mask or grid than the manifest's, one that
    leaves nothing, and those of two readers that differ are failures, and the case is left out.
    """
    if "decision" not in review.choices:
        raise InputError("these choices compare two sources; unblind them with their key")
    corrections = [one for one in review.corrections if reader in (None, one.reader)]
    if reader is not None and not corrections:
        names = sorted({one.reader for one in review.corrections})
        raise InputError(f"reader {reader!r} corrected no mask; these did: {names}")
    cases = read_manifest(manifest)
    accepted, rejected = _decided(review.choices)
    failures: list[Failure] = []
    ledger: list[dict[str, Any]] = []
    used: dict[str, dict[str, Any]] = {}
    for case_id, offered in _by_case(corrections).items():
        outcome = "rejected" if case_id in rejected else "not accepted"
        rows = _write_case(case_id, offered, cases, failures)
        if len({row["corrected_sha256"] for row in rows}) > 1:
            outcome = "differs between readers"
            who = ", ".join(str(row["reader"]) for row in rows)
            reason = f"corrected differently by {who}; choose one with --reader"
            failures.append(Failure(case_id, "review", reason))
        elif rows and len(rows) == len(offered) and case_id in accepted:
            outcome, used[case_id] = "in the manifest", rows[0]
        ledger += [{**row, "outcome": outcome} for row in rows]
    kept = _accepted_rows(cases, accepted - {one.case_id for one in failures}, used)
    table = pd.DataFrame(ledger, columns=LEDGER)
    write_table(_portable(kept, Path(out), ("image", "mask")), out)
    if corrections:
        write_table(_portable(table, Path(out), ("original", "corrected")), ledger_path(out))
    return AcceptedReview(kept, table, failures)


def ledger_path(out: str | os.PathLike[str]) -> Path:
    """Where the ledger of a manifest of accepted cases lies."""
    return Path(out).with_suffix(".corrections.csv")


def _decided(choices: pd.DataFrame) -> tuple[set[str], set[str]]:
    rejected = set(choices.loc[choices["decision"] == "reject", "case_id"])
    return set(choices.loc[choices["decision"] == "accept", "case_id"]) - rejected, rejected


def _by_case(corrections: Sequence[Correction]) -> dict[str, list[Correction]]:
    offered: dict[str, list[Correction]] = defaultdict(list)
    for one in sorted(corrections, key=lambda c: (c.case_id, c.reader, c.page)):
        offered[one.case_id].append(one)
    return offered


def _write_case(
    case_id: str, offered: Sequence[Correction], cases: pd.DataFrame, failures: list[Failure]
) -> list[dict[str, Any]]:
    """Write the corrected masks of a case; return their rows of the ledger."""
    found = cases[cases["case_id"] == case_id]
    if found.empty:
        failures.append(Failure(case_id, "review", "is not in the manifest"))
        return []
    row, rows = found.iloc[0], []
    for one in offered:
        try:
            if not row["mask"]:
                raise InputError("has no mask in the manifest")
            before = read_drawn(row, read_image(row["image"]).geometry)
            after = corrected_mask(before, one)
            target = _write_beside(after, Path(row["mask"]), one)
        except RadtoolError as error:
            failures.append(Failure(case_id, "review", str(error), str(row["mask"])))
            continue
        rows.append(_entry(row, one, before, after) | _files(Path(row["mask"]), target))
    return rows


def corrected_mask(before: Mask, correction: Correction) -> Mask:
    """Put a correction into the mask that it was made from.

    Raises
    ------
    GeometryError
        The mask lies on another grid than the one that was corrected.
    InputError
        It is another mask, the box does not lie in it, the runs do not fill the box, or nothing
        is left.
    """
    who = f"the correction of {correction.case_id!r} by {correction.reader!r}"
    if correction.grid_sha256 != grid_hash(before.geometry):
        raise GeometryError(f"{who} belongs to another image grid")
    if correction.mask_sha256 != mask_hash(before):
        raise InputError(
            f"{who} belongs to another mask than the manifest's; give the manifest that was"
            " reviewed, or review again"
        )
    ends = [at + size for at, size in zip(correction.start, correction.shape, strict=True)]
    if any(end > size for end, size in zip(ends, before.geometry.shape, strict=True)):
        raise InputError(f"{who} reaches outside the image")
    array = before.array.copy()
    box = tuple(slice(at, end) for at, end in zip(correction.start, ends, strict=True))
    array[box] = decode_runs(correction.runs, correction.shape)
    after = Mask(array, before.geometry, before.roi, "corrected")
    if after.is_empty:
        raise InputError(f"{who} leaves no voxel; reject the case instead")
    return after


def _write_beside(mask: Mask, original: Path, correction: Correction) -> Path:
    """Write a mask under a name that is free, or that already holds just this mask."""
    stem = f"{safe_name(correction.case_id)}.corrected-{safe_name(correction.reader)}"
    number = 1
    while True:
        mark = f"-{number}" if number > 1 else ""
        target = original.parent / f"{stem}{mark}.nii.gz"
        if not target.exists():
            write_mask(mask, target)
            return target
        if _holds(target, mask):
            return target
        number += 1


def _holds(path: Path, mask: Mask) -> bool:
    try:
        there = read_mask(path)
    except RadtoolError:
        return False
    return there.geometry.matches(mask.geometry) and np.array_equal(there.array, mask.array)


def _entry(row: pd.Series, one: Correction, before: Mask, after: Mask) -> dict[str, Any]:
    added, removed = after.array & ~before.array, before.array & ~after.array
    both = int(np.count_nonzero(after.array & before.array))
    total = int(np.count_nonzero(after.array)) + int(np.count_nonzero(before.array))
    return {
        "case_id": one.case_id,
        "roi": row["roi"],
        "reader": one.reader,
        "when": one.when,
        "page": one.page,
        "slices_changed": int((added | removed).any(axis=(1, 2)).sum()),
        "voxels_added": int(np.count_nonzero(added)),
        "voxels_removed": int(np.count_nonzero(removed)),
        "dsc": 2 * both / total,
        "volume_before_ml": before.volume_ml,
        "volume_after_ml": after.volume_ml,
    }


def _files(original: Path, target: Path) -> dict[str, str]:
    return {
        "original": str(original),
        "original_sha256": sha256(original),
        "corrected": str(target),
        "corrected_sha256": sha256(target),
    }


def _accepted_rows(
    cases: pd.DataFrame, accepted: set[str], used: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Rows of the accepted cases, with what holds for their corrected masks."""
    kept = cases[cases["case_id"].isin(accepted)].copy()
    for case_id, entry in used.items():
        here = kept["case_id"] == case_id
        kept.loc[here, "mask"] = entry["corrected"]
        new = {
            "mask_sha256": entry["corrected_sha256"],
            "volume_ml": round(entry["volume_after_ml"], 4),
            "mask_origin": f"corrected by {entry['reader']}",
        }
        for column in [name for name in new if name in kept]:
            kept.loc[here, column] = new[column]
        for column in [name for name in STALE if name in kept]:
            kept.loc[here, column] = None
    return kept.reset_index(drop=True)


def _portable(table: pd.DataFrame, out: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Paths below the manifest's folder relative to it, as manifests have them."""
    folder = out.resolve().parent
    table = table.copy()
    for column in columns:
        table[column] = [
            Path(value).relative_to(folder).as_posix()
            if value and Path(value).is_relative_to(folder)
            else value
            for value in table[column]
        ]
    return table
