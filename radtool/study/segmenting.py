"""Masks for images that have none: one file, or the gaps of a manifest."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.curation.naming import file_names
from radtool.errors import RadtoolError
from radtool.features.cohort import image_hash
from radtool.io import read_image, write_mask
from radtool.provenance import provenance
from radtool.segmentation import Segmentation, segment
from radtool.study.config import SegmentationSettings
from radtool.study.stages import once
from radtool.table import Failure, read_manifest, write_table

__all__ = ["SegmentedManifest", "fill_masks", "segment_file", "segment_manifest"]

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
    image: str | os.PathLike[str], out: str | os.PathLike[str], settings: SegmentationSettings
) -> Segmentation:
    """Segment one image file and write its mask on the same grid.

    Raises
    ------
    RadtoolError
        The image cannot be read, is no chest CT, or the model is not there.
    """
    found = segment(
        read_image(image), model=settings.model, device=settings.device, search=settings.search
    )
    write_mask(found.mask, out)
    return found


def fill_masks(
    table: pd.DataFrame,
    folder: Path,
    settings: SegmentationSettings,
    *,
    progress: Progress | None = None,
) -> SegmentedManifest:
    """Give a mask to every case of a manifest that has none.

    Parameters
    ----------
    table : DataFrame
        Manifest, paths absolute; cases with a mask are kept as they are.
    folder : Path
        Where the masks go; one that is there already for the same image is used again.
    settings : SegmentationSettings
        Model, device and search.
    progress : callable, optional
        Called with (done, total, label).

    Returns
    -------
    SegmentedManifest
        An empty automatic mask is a failure, never a case.
    """
    failures: list[Failure] = []
    rows = []
    made = 0
    files = {case: folder / f"{name}.nii.gz" for case, name in file_names(table["case_id"]).items()}
    for done, case in enumerate(table.to_dict("records"), start=1):
        if case["mask"]:
            rows.append({"mask_origin": "manual", **case})
        else:
            found = _segmented(case, files[case["case_id"]], settings)
            if isinstance(found, Failure):
                failures.append(found)
            else:
                made += 1
                rows.append(found)
        if progress is not None:
            progress(done, len(table), f"segment: {case['case_id']}")
    columns = None if rows else list(table.columns)
    return SegmentedManifest(pd.DataFrame(rows, columns=columns), failures, made)


def _segmented(
    case: dict[str, Any], file: Path, settings: SegmentationSettings
) -> dict[str, Any] | Failure:
    """Return the case with its automatic mask; what was found is stored beside the mask."""
    ingredients = {"image": image_hash(case["image"]), **dataclasses.asdict(settings)}
    try:
        found = once(
            file.with_name(file.name.replace(".nii.gz", ".json")),
            ingredients,
            lambda: _described(segment_file(case["image"], file, settings)),
            resume=file.is_file(),
        )
    except RadtoolError as error:
        return Failure.of(case["case_id"], "segmentation", error, case["image"])
    if found["is_empty"]:
        return Failure(case["case_id"], "segmentation", "no tumour found", str(case["image"]))
    return case | {
        "mask": str(file.resolve()),
        "roi": case["roi"] or "tumour",
        "mask_origin": f"model {found['model']}",
        "mask_confidence": found["confidence"],
        "mask_flags": "; ".join(found["flags"]),
    }


def _described(found: Segmentation) -> dict[str, Any]:
    return {
        "is_empty": found.mask.is_empty,
        "model": found.model,
        "confidence": found.confidence,
        "flags": list(found.flags),
    }


def segment_manifest(
    manifest: str | os.PathLike[str],
    out: str | os.PathLike[str],
    settings: SegmentationSettings,
    *,
    progress: Progress | None = None,
) -> SegmentedManifest:
    """Segment the cases of a manifest that have no mask, and write the completed manifest.

    Parameters
    ----------
    manifest : path
        Manifest.
    out : path
        Folder for ``masks/`` and ``manifest.csv``.
    settings, progress
        See `fill_masks`.
    """
    folder = Path(out)
    made = fill_masks(read_manifest(manifest), folder / "masks", settings, progress=progress)
    used = provenance(dataclasses.asdict(settings), [manifest])
    write_table(made.manifest, folder / "manifest.csv", used)
    return made
