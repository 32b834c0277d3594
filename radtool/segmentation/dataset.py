"""Training cases: packed on the working grid, and split by patient and site."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radtool.errors import InputError, TableError
from radtool.image import Image
from radtool.io import read_image, read_mask
from radtool.segmentation.grid import to_working_grid, working_fraction
from radtool.segmentation.lungs import find_lungs
from radtool.table import read_manifest

__all__ = ["LOCKED", "SPLITS", "TrainingCase", "assign_splits", "load_cases"]

SPLITS = ("train", "validation", "test")
# Also the IBSI phantom PAT1, LUNG1-001 and r01-001; the last two are tumour-free scans that were
# set aside, before any training, to count false positives.
LOCKED = ("nsclc-159", "nsclc-229", "nsclc-297", "r01-001", "lidc-0306", "ricord-001012")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCase:
    """One scan or crop at 2 mm.

    Parameters
    ----------
    case_id, site, split : str
    hu : ndarray of int16, shape (z, y, x)
    mask : ndarray of bool, shape (z, y, x), or None
        None for a scan without tumour.
    unknown : ndarray of bool, shape (z, y, x), optional
        What nobody has judged, such as a nodule of a scan that has no mask: neither tumour nor
        not; training and validation leave it out.
    search : ndarray of bool, shape (z, y, x), optional
        Lungs with their surroundings in a scan without tumour: windows are drawn here, not in the
        air around the couch. None when no lung was found.
    """

    case_id: str
    site: str
    split: str
    hu: np.ndarray
    mask: np.ndarray | None
    unknown: np.ndarray | None = None
    search: np.ndarray | None = None


def assign_splits(
    manifest: pd.DataFrame,
    *,
    test: float = 0.2,
    validation: float = 0.1,
    locked: Sequence[str] = LOCKED,
    seed: int = 20261121,
) -> pd.Series:
    """Assign each case to train, validation or test, by patient within each site.

    Parameters
    ----------
    manifest : DataFrame
        Needs ``patient_id`` and ``site``. All cases of a patient share a split.
    test, validation : float
        Fractions of each site's patients, rounded.
    locked : sequence of str
        Patients who are in the test split whatever the draw; they count towards its size.
    seed : int, default 20261121
        Seed of the draw. The result depends on the set of patients, not on the row order.

    Returns
    -------
    Series of str
        "train", "validation" or "test", same index as the manifest.

    Raises
    ------
    TableError
        A patient belongs to two sites.
    """
    sites = manifest.groupby("patient_id")["site"].nunique()
    if (sites > 1).any():
        raise TableError(f"patients of two sites: {sites.index[sites > 1].tolist()[:5]}")
    split: dict[str, str] = {}
    for number, site in enumerate(sorted(manifest["site"].unique())):
        patients = sorted(manifest.loc[manifest["site"] == site, "patient_id"].unique())
        held = [patient for patient in patients if patient in set(locked)]
        free = [patient for patient in patients if patient not in set(locked)]
        rng = np.random.default_rng([seed, number])
        drawn = held + [free[k] for k in rng.permutation(len(free))]
        n_test = max(len(held), round(test * len(patients)))
        n_validation = round(validation * len(patients))
        for place, patient in enumerate(drawn):
            later = "validation" if place < n_test + n_validation else "train"
            split[patient] = "test" if place < n_test else later
    return manifest["patient_id"].map(split).rename("split")


def load_cases(
    manifest: str | os.PathLike[str], *, splits: Sequence[str] = ("train", "validation")
) -> list[TrainingCase]:
    """Read the cases of a manifest onto the working grid; test cases only when asked for.

    Parameters
    ----------
    manifest : path-like
        Rows with an empty mask are scans without tumour. A column ``split`` is used when there,
        else `assign_splits` decides. A column ``unknown`` may name a mask (relative to the
        manifest) of voxels that nobody has judged.
    splits : sequence of str
        Which splits to read.

    Returns
    -------
    list of TrainingCase
        Sorted by case_id.

    Raises
    ------
    TableError, InputError
        The manifest or a file of it cannot be used.
    """
    table = read_manifest(Path(manifest))
    if "split" not in table:
        table["split"] = assign_splits(table)
    strange = sorted(set(table["split"]) - set(SPLITS))
    if strange:
        raise TableError(f"{manifest}: split is {strange}; allowed: {', '.join(SPLITS)}")
    if "unknown" in table:
        table["unknown"] = table["unknown"].fillna("")
    wanted = table[table["split"].isin(list(splits))].sort_values("case_id")
    folder = Path(manifest).parent
    return [_load(row, folder) for row in wanted.to_dict("records")]


def _load(row: dict[str, str], folder: Path) -> TrainingCase:
    image = read_image(row["image"])
    working = to_working_grid(Image(image.array, image.geometry, "HU"))
    hu = np.clip(np.rint(working.array), -1024, 3071).astype(np.int16)
    mask = unknown = search = None
    if row["mask"]:
        mask = working_fraction(read_mask(row["mask"], like=image.geometry)) >= 0.5
    else:
        with contextlib.suppress(InputError):  # no lung: windows come from anywhere
            search = find_lungs(working).search.array
    if row.get("unknown"):
        drawn = read_mask(folder / row["unknown"], like=image.geometry)
        unknown = working_fraction(drawn) > 0
    return TrainingCase(row["case_id"], row["site"], row["split"], hu, mask, unknown, search)
