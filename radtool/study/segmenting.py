"""Masks for images that have none: one file, or the gaps of a manifest."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from radtool.errors import RadtoolError
from radtool.io import read_image, write_mask
from radtool.provenance import provenance
from radtool.segmentation import Segmentation, segment
from radtool.table import Failure, read_manifest, write_table

__all__ = ["SegmentedManifest", "segment_file", "segment_manifest"]

Device = Literal["auto", "cpu", "cuda"]
Search = Literal["lungs", "whole"]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedManifest:
    """A manifest whose gaps were filled.

    Parameters
    ----------
    manifest : DataFrame
        All cases that have a mask now; automatic ones say so in ``mask_origin`` and have
        ``mask_confidence`` and ``mask_flags``.
    failures : list of Failure
        Cases that still have none, and why.
    segmented : int
        How many masks were made.
    """

    manifest: pd.DataFrame
    failures: list[Failure]
    segmented: int


def segment_file(
    image: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    model: str = "lung",
    device: Device = "auto",
    search: Search = "lungs",
) -> Segmentation:
    """Segment one image file and write its mask on the same grid.

    Raises
    ------
    RadtoolError
        The image cannot be read, is no chest CT, or the model is not there.
    """
    found = segment(read_image(image), model=model, device=device, search=search)
    write_mask(found.mask, out)
    return found


def segment_manifest(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    model: str = "lung",
    device: Device = "auto",
    search: Search = "lungs",
    progress: Progress | None = None,
) -> SegmentedManifest:
    """Segment the cases of a manifest that have no mask, and write the completed manifest.

    Parameters
    ----------
    manifest : path
        Manifest; cases with a mask are kept as they are.
    out : path
        Folder for ``masks/`` and ``manifest.csv``.
    model, device, search
        See `radtool.segmentation.segment`.
    progress : callable, optional
        Called with (done, total, label).

    Returns
    -------
    SegmentedManifest
        Also written. An empty automatic mask is a failure, never a case.
    """
    table, folder = read_manifest(manifest), Path(out)
    failures: list[Failure] = []
    rows = []
    made = 0
    for done, case in enumerate(table.to_dict("records"), start=1):
        if case["mask"]:
            rows.append({"mask_origin": "manual", **case})
        else:
            file = folder / "masks" / f"{case['case_id']}.nii.gz"
            try:
                found = segment_file(case["image"], file, model=model, device=device, search=search)
            except RadtoolError as error:
                failures.append(Failure.of(case["case_id"], "segmentation", error, case["image"]))
                continue
            if found.mask.is_empty:
                failures.append(Failure(case["case_id"], "segmentation", "no tumour found"))
                continue
            made += 1
            rows.append(
                case
                | {
                    "mask": str(file.resolve()),
                    "roi": case["roi"] or "tumour",
                    "mask_origin": f"model {found.model}",
                    "mask_confidence": found.confidence,
                    "mask_flags": "; ".join(found.flags),
                }
            )
        if progress is not None:
            progress(done, len(table), f"segment: {case['case_id']}")
    completed = pd.DataFrame(rows, columns=None if rows else list(table.columns))
    settings = {"model": model, "search": search}
    write_table(completed, folder / "manifest.csv", provenance(settings, [manifest]))
    return SegmentedManifest(completed, failures, made)
