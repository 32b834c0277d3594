"""To and from nnU-Net: its raw data layout, and the masks that it predicts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radtool.curation.naming import file_names
from radtool.errors import InputError, TableError, listed
from radtool.files import write_json
from radtool.image import Mask
from radtool.io import read_image, read_mask, write_image, write_mask
from radtool.segmentation.dataset import SPLITS
from radtool.table import read_manifest

__all__ = ["adopt_nnunet", "export_nnunet"]


def export_nnunet(
    manifest: str | os.PathLike[str], out: str | os.PathLike[str], *, number: int, name: str
) -> Path:
    """Write the cases of a manifest as a raw dataset of nnU-Net v2.

    Parameters
    ----------
    manifest : path-like
        One modality, one ROI. Rows without a mask count as free of it. With a column ``split``
        (train, validation, test) test cases go to ``imagesTs`` and ``labelsTs`` and the other two
        become fold 0 of ``splits_final.json``; without it all cases are for training.
    out : path-like
        Folder of raw datasets (nnU-Net calls it ``nnUNet_raw``).
    number : int
        Dataset number, 1 to 999.
    name : str
        Letters, digits and underscores.

    Returns
    -------
    pathlib.Path
        ``out/DatasetNNN_name``. ``splits_final.json`` belongs beside the plans once nnU-Net has
        preprocessed the dataset.

    Raises
    ------
    InputError
        A number or name that nnU-Net does not take, or a file that cannot be read.
    TableError
        Several modalities or ROIs, an unknown split, no case to train on, or a case_id that cannot
        be a file name.
    """
    if not 1 <= number <= 999 or not re.fullmatch(r"\w+", name):
        raise InputError(f"nnU-Net takes numbers 1 to 999 and plain names, got {number}, {name!r}")
    table = read_manifest(Path(manifest))
    for column in ("modality", "roi"):
        found = sorted(set(table[column]) - {""})
        if len(found) > 1:
            raise TableError(f"{manifest}: one {column} is needed, found {found}")
    split = table["split"] if "split" in table else pd.Series("train", index=table.index)
    strange = sorted(set(split) - set(SPLITS))
    if strange:
        raise TableError(f"{manifest}: split is {strange}; allowed: {', '.join(SPLITS)}")
    if not (split == "train").any():
        raise TableError(f"{manifest}: no case of the train split")
    _check_names(table["case_id"], manifest)
    folder = Path(out) / f"Dataset{number:03d}_{name}"
    for row, part in zip(table.to_dict("records"), split, strict=True):
        _write_case(row, folder, "Ts" if part == "test" else "Tr")
    first = table.iloc[0]
    write_json(
        folder / "dataset.json",
        {
            "channel_names": {"0": str(first["modality"]) or "CT"},
            "labels": {"background": 0, str(first["roi"]) or "tumour": 1},
            "numTraining": int((split != "test").sum()),
            "file_ending": ".nii.gz",
        },
    )
    if (split == "validation").any():
        ids = {part: sorted(table.loc[split == part, "case_id"]) for part in SPLITS}
        fold = {"train": ids["train"], "val": ids["validation"]}
        write_json(folder / "splits_final.json", [fold])
    return folder


def _check_names(cases: Iterable[str], manifest: str | os.PathLike[str]) -> None:
    """Refuse case_ids that are no file names; nnU-Net finds a case by the name of its files."""
    odd = [case for case, name in file_names(cases).items() if name != case]
    if odd:
        raise TableError(
            f"{manifest}: no file can be called after the case_id of {listed(odd)}; use letters,"
            " digits, '.', '_' and '-', and do not tell cases apart by capitals alone"
        )


def _write_case(row: dict[str, Any], folder: Path, part: str) -> None:
    for kind in (f"images{part}", f"labels{part}"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    image = read_image(row["image"])
    write_image(image, folder / f"images{part}" / f"{row['case_id']}_0000.nii.gz")
    if row["mask"]:
        mask = read_mask(row["mask"], like=image.geometry)
    else:
        mask = Mask(np.zeros(image.geometry.shape, dtype=bool), image.geometry)
    write_mask(mask, folder / f"labels{part}" / f"{row['case_id']}.nii.gz")


def adopt_nnunet(manifest: str | os.PathLike[str], folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Take the masks that nnU-Net predicted into a manifest.

    Parameters
    ----------
    manifest : path-like
        The cases, with or without masks.
    folder : path-like
        Output folder of nnU-Net: ``<case_id>.nii.gz`` for each case.

    Returns
    -------
    DataFrame
        The manifest with ``mask`` and ``mask_origin`` of the predicted masks.

    Raises
    ------
    InputError
        A case has no file.
    TableError
        A case_id cannot be a file name.
    """
    table = read_manifest(Path(manifest))
    _check_names(table["case_id"], manifest)
    files = [Path(folder).resolve() / f"{case}.nii.gz" for case in table["case_id"]]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(f"{folder}: no {', '.join(missing[:5])}; {len(missing)} case(s) missing")
    return table.assign(mask=[str(file) for file in files], mask_origin="nnU-Net")
