"""A manifest with several images a patient -> a manifest with one fused image a patient."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radtool.curation.naming import safe_name
from radtool.errors import InputError, RadtoolError, TableError
from radtool.features.cohort import image_hash, mask_of
from radtool.features.workers import Case, Outcome, outcomes_of
from radtool.files import hash_of, read_json
from radtool.image import Mask
from radtool.io import read_image, write_image, write_mask
from radtool.preprocessing import Fusion, fuse, resample_mask
from radtool.provenance import provenance
from radtool.settings import parse_settings, read_yaml
from radtool.study.stages import once
from radtool.table import Failure, check_manifest, read_manifest, write_table

__all__ = ["FusedManifest", "fuse_cohort", "read_fusion"]

Progress = Callable[[int, int, str], None]

# Part of what a stored image was made from: raise it whenever a fused value may change.
_ENGINE = "fusion-1"
_OF_THE_MASK_FILE = ("label", "labels", "lesion", "roi_in_file", "image_sha256", "mask_sha256")
_OTHERS = "fusion_others"


@dataclass(frozen=True, slots=True, eq=False)
class FusedManifest:
    """A manifest of fused images.

    Parameters
    ----------
    manifest : DataFrame
        Paths absolute; a fused row has the keys and acquisition columns of its reference,
        ``modality`` of the fusion, and ``fused_from``: the case_ids of its images.
    failures : list of Failure
        Cases that were not fused, and why.
    """

    manifest: pd.DataFrame
    failures: list[Failure]


def read_fusion(source: str | os.PathLike[str] | Mapping[str, Any]) -> Fusion:
    """Read the settings of a fusion from a YAML or JSON file, or from plain values.

    Raises
    ------
    InputError
        No such file.
    ParameterError
        A key is unknown (the near name is suggested) or a value is wrong.
    """
    if isinstance(source, Mapping):
        return parse_settings(Fusion, source, "fusion")
    path = Path(source)
    content = read_json(path) if path.suffix == ".json" else read_yaml(path)
    return parse_settings(Fusion, content, path.name)


def fuse_cohort(
    manifest: pd.DataFrame | str | os.PathLike[str],
    settings: Fusion,
    out: str | os.PathLike[str],
    *,
    originals: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> FusedManifest:
    """Fuse the images of every patient and time point of a manifest.

    Parameters
    ----------
    manifest : DataFrame or path
        Manifest, paths absolute. Every row of the reference modality is a case; the other images
        are those of the same patient and time point, whatever their ROI is called.
    settings : Fusion
        How.
    out : path
        Folder for ``images/``, ``masks/`` (of the reference, on the grid of the fused image),
        ``manifest.csv`` and ``failures.csv``. Images that are there already, made from the same
        files in the same way, are used again.
    originals : bool, default False
        Keep the rows of the manifest too, before the fused ones.
    jobs : int, optional
        Processes at a time, -1 for all cores; no value depends on it.
    progress : callable, optional
        Called with (done, total, label).

    Returns
    -------
    FusedManifest

    Raises
    ------
    TableError
        No such column, no row of the reference modality, or not a single case could be fused; the
        message gives the first reasons.
    """
    is_table = isinstance(manifest, pd.DataFrame)
    table = check_manifest(manifest) if is_table else read_manifest(manifest)
    folder = Path(out)
    if originals and "lesion" in table.columns:
        raise TableError("the manifest is split into lesions; fuse first, then split")
    cases, failures = _cases(table, settings)
    run = functools.partial(_fused_case, settings=settings, folder=folder)
    rows = []
    for done, (case, outcome) in enumerate(outcomes_of(cases, jobs, run), start=1):
        if isinstance(outcome, Failure):
            failures.append(dataclasses.replace(outcome, stage="fusion"))
        else:
            rows.append(outcome)
        if progress is not None:
            progress(done, len(cases), f"fuse: {case['case_id']}")
    if not rows:
        reasons = "; ".join(sorted({failure.reason for failure in failures})[:3])
        raise TableError(f"none of {len(failures)} case(s) could be fused: {reasons}")
    fused = pd.DataFrame(rows)
    whole = check_manifest(pd.concat([table, fused]) if originals else fused)
    whole["fused_from"] = whole["fused_from"].fillna("")
    _write(whole, failures, settings, folder)
    return FusedManifest(whole, failures)


def _cases(table: pd.DataFrame, settings: Fusion) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Rows of the reference, each with the images that are fused with it."""
    by = settings.column
    if by not in table.columns:
        raise TableError(f"the manifest has no column {by!r}; it has {list(table.columns)}")
    wanted = [image.modality for image in settings.images]
    kinds = table[by].astype(str)
    references = table[kinds == wanted[0]]
    if references.empty:
        raise TableError(f"the manifest has no {by} {wanted[0]!r}, only {sorted(set(kinds))}")
    cases, failures = [], []
    for case in references.to_dict("records"):
        same = (table["patient_id"] == case["patient_id"]) & (
            table["timepoint"] == case["timepoint"]
        )
        others = {kind: table[same & (kinds == kind)] for kind in wanted[1:]}
        reason = _unfit(case, others, by)
        if reason:
            failures.append(Failure(case["case_id"], "fusion", reason, case["image"]))
            continue
        chosen = {kind: rows.iloc[0] for kind, rows in others.items()}
        made_of = "; ".join([case["case_id"], *(row["case_id"] for row in chosen.values())])
        images = {kind: row["image"] for kind, row in chosen.items()}
        cases.append({**case, "fused_from": made_of, _OTHERS: images})
    return cases, failures


def _unfit(case: Mapping[str, Any], others: Mapping[str, pd.DataFrame], by: str) -> str:
    """Why a case has not exactly one image of each kind, or ""."""
    whose = f"patient {case['patient_id']!r}, timepoint {case['timepoint']!r}"
    for kind, rows in others.items():
        images = sorted(set(rows["image"]))
        if not images:
            return f"no image of {by} {kind!r} for {whose}"
        if len(images) > 1:
            return (
                f"{len(images)} images of {by} {kind!r} for {whose}:"
                f" {rows['case_id'].tolist()[:5]}; keep one, or tell them apart by another column"
            )
    return ""


def _fused_case(case: Case, settings: Fusion, folder: Path) -> Outcome:
    name = f"{case['case_id']}_{settings.modality}"
    file = f"{safe_name(name)}.nii.gz"
    image, mask = folder / "images" / file, folder / "masks" / file
    try:
        files = [case["image"], *case[_OTHERS].values(), *([case["mask"]] if case["mask"] else [])]
        ingredients = {
            "engine": _ENGINE,
            "settings": dataclasses.asdict(settings),
            "files": [image_hash(path) for path in files],
            "mask": {key: str(case.get(key, "")) for key in ("roi", *_OF_THE_MASK_FILE[:4])},
        }
        once(
            image.with_suffix("").with_suffix(".json"),
            ingredients,
            lambda: _write_fused(case, settings, image, mask),
            resume=image.is_file() and (mask.is_file() or not case["mask"]),
        )
    except RadtoolError as error:
        return Failure.of(case["case_id"], "fusion", error, case["image"])
    except MemoryError as error:
        reason = f"not enough memory ({error}); fewer jobs, or margin_mm around the region"
        return Failure(case["case_id"], "fusion", reason, case["image"])
    kept = {key: value for key, value in case.items() if key not in (*_OF_THE_MASK_FILE, _OTHERS)}
    return {
        **kept,
        "case_id": name,
        "modality": settings.modality,
        "image": str(image.resolve()),
        "mask": str(mask.resolve()) if case["mask"] else "",
    }


def _write_fused(case: Case, settings: Fusion, image: Path, mask: Path) -> dict[str, Any]:
    reference = settings.images[0].modality
    images = {reference: read_image(case["image"])}
    images |= {kind: read_image(path) for kind, path in case[_OTHERS].items()}
    region: Mask | None = None
    if case["mask"]:
        region = mask_of(case, None, images[reference].geometry)
    elif settings.needs_region:
        raise InputError(f"case {case['case_id']!r} has no mask in the manifest")
    fused = fuse(images, settings, region)
    write_image(fused.with_array(fused.array.astype(np.float32)), image)
    if region is not None:
        write_mask(resample_mask(region, fused.geometry), mask)
    return {"shape": list(fused.geometry.shape)}


def _write(manifest: pd.DataFrame, failures: list[Failure], settings: Fusion, folder: Path) -> None:
    """Write the manifest, with the paths of what lies in its folder relative to it."""
    root = folder.resolve()
    written = manifest.copy()
    for column in ("image", "mask"):
        written[column] = [_relative(value, root) for value in written[column]]
    values = dataclasses.asdict(settings)
    made = {**provenance({"fusion": values}), "fusion_sha256": hash_of(values)}
    write_table(written, folder / "manifest.csv", made)
    columns = ["case_id", "stage", "reason", "path"]
    rows = [[getattr(failure, column) for column in columns] for failure in failures]
    write_table(pd.DataFrame(rows, columns=columns), folder / "failures.csv")


def _relative(path: str, root: Path) -> str:
    if path and Path(path).is_relative_to(root):
        return Path(path).relative_to(root).as_posix()
    return path
