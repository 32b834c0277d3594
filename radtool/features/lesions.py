"""Several lesions a patient: a manifest row for each, and their features as one row again."""

from __future__ import annotations

import functools
from typing import Literal

import pandas as pd

from radtool.errors import InputError, RadtoolError, TableError
from radtool.features.workers import Case, Outcome, outcomes_of
from radtool.io import read_image, read_masks
from radtool.io.headers import is_dicom
from radtool.io.lesions import SPLITS, Split
from radtool.table import KEYS, Failure, check_features, check_manifest, feature_columns

__all__ = ["Together", "combine_lesions", "split_lesions"]

Together = Literal["largest", "volume_weighted_mean", "sum", "max"]
_TOGETHER = ("largest", "volume_weighted_mean", "sum", "max")
_VOLUMES = (
    "original_morph_volume",
    "original_morph_volume_voxel_counting",
    "original_shape_MeshVolume",
    "original_shape_VoxelVolume",
)
_OF_A_LESION = ("labels", "lesion", "roi_in_file")
_GAPS = "diagnostics_undefined"


def split_lesions(
    manifest: pd.DataFrame, labels: Split, *, jobs: int | None = None
) -> tuple[pd.DataFrame, list[Failure]]:
    """Give every lesion in a mask file a manifest row of its own.

    Parameters
    ----------
    manifest : DataFrame
        See `radtool.table.check_manifest`.
    labels : {"all", "union", "components"}
        What a lesion is; see `radtool.io.read_masks`.
    jobs : int, optional
        Processes at a time; see `radtool.features.extract_cohort`.

    Returns
    -------
    manifest : DataFrame
        ``case_id`` and ``roi`` end in ``_1``, ``_2``, …; the columns ``labels``, ``lesion`` (the
        number) and ``roi_in_file`` say what `extract_cohort` reads.
    failures : list of Failure
        Cases whose mask cannot be read.

    Raises
    ------
    InputError
        `labels` is something else.
    """
    if labels not in SPLITS:
        raise InputError(f"labels must be one of {', '.join(SPLITS)}, got {labels!r}")
    rows, failures = [], []
    cases = check_manifest(manifest).to_dict("records")
    for case, outcome in outcomes_of(cases, jobs, functools.partial(_numbers, labels=labels)):
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        for number in outcome["lesions"]:
            named = {
                "case_id": f"{case['case_id']}_{number}",
                "roi": f"{case['roi'] or 'lesion'}_{number}",
                "roi_in_file": case["roi"],
            }
            rows.append({**case, **named, "labels": labels, "lesion": number})
    columns = [*manifest.columns, "roi", "roi_in_file", "labels", "lesion"]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys(columns)) if not rows else None)
    return table, failures


def _numbers(case: Case, labels: Split) -> Outcome:
    """Which lesions a case has."""
    try:
        mask = str(case["mask"])
        if not mask:
            raise InputError(f"case {case['case_id']!r} has no mask in the manifest")
        like = read_image(case["image"]).geometry if is_dicom(mask) else None
        roi = str(case["roi"]) if is_dicom(mask) and case["roi"] else None
        return {"lesions": list(read_masks(mask, labels=labels, roi=roi, like=like))}
    except RadtoolError as error:
        return Failure.of(str(case["case_id"]), "extraction", error, str(case["image"]))


def combine_lesions(
    table: pd.DataFrame, how: Together, *, volume: str | None = None
) -> pd.DataFrame:
    """Make one row a patient and time point of the rows of their lesions.

    Parameters
    ----------
    table : DataFrame
        Feature table, one row a lesion.
    how : {"largest", "volume_weighted_mean", "sum", "max"}
        Keep the row of the largest lesion; or take every feature's mean weighted by volume, sum,
        or maximum. A feature that a lesion lacks stays missing in a mean, sum or maximum.
    volume : str, optional
        Column that says how large a lesion is; by default the mesh volume of either convention,
        else counted voxels, of the first modality when there are several.

    Returns
    -------
    DataFrame
        ``case_id`` (patient_id and timepoint), ``patient_id``, ``site``, ``roi`` ("lesions"),
        ``timepoint``, acquisition columns (of the largest lesion), ``lesions`` (how many),
        ``lesions_combined`` (`how`), ``largest_lesion`` (case_id), ``diagnostics_undefined`` (of
        every lesion that has gaps), then the features.

    Raises
    ------
    TableError
        No such column, a lesion without volume, or `how` is something else.

    Examples
    --------
    >>> table = pd.DataFrame({"case_id": ["a_1", "a_2"], "patient_id": ["a", "a"],
    ...     "roi": ["GTV_1", "GTV_2"], "original_morph_volume": [30.0, 10.0],
    ...     "original_stat_mean": [8.0, 4.0]})
    >>> combine_lesions(table, "volume_weighted_mean")["original_stat_mean"].tolist()
    [7.0]
    """
    if how not in _TOGETHER:
        raise TableError(f"how must be one of {', '.join(_TOGETHER)}, got {how!r}")
    checked = check_features(table)
    column = _volume_column(checked, volume)
    if not (checked[column] > 0).all():
        cases = checked.loc[~(checked[column] > 0), "case_id"].tolist()
        raise TableError(f"{column} is not above 0 for {cases[:5]}")
    keys = [key for key in ("patient_id", "timepoint") if key in checked]
    features = feature_columns(checked)
    own = [*features, *_OF_A_LESION, *(n for n in checked if str(n).startswith("diagnostics_"))]
    rest = [str(name) for name in checked if name not in {*own, *KEYS}]
    rows = []
    for _, lesions in checked.groupby(keys, sort=False):
        largest = lesions.loc[lesions[column].idxmax()]
        names = {key: largest[key] for key in [*KEYS, *rest] if key in checked}
        case = "_".join(str(largest[key]) for key in keys).strip("_")
        made = {
            "lesions": len(lesions),
            "lesions_combined": how,
            "largest_lesion": largest["case_id"],
        }
        if _GAPS in checked:
            said = lesions.loc[lesions[_GAPS].fillna("") != "", ["case_id", _GAPS]]
            made[_GAPS] = "; ".join(f"{name}: {why}" for name, why in said.to_numpy())
        together = _together(lesions, features, how, column)
        rows.append({**names, "case_id": case, "roi": "lesions", **made, **together})
    return check_features(pd.DataFrame(rows))


def _together(
    lesions: pd.DataFrame, features: list[str], how: Together, volume: str
) -> dict[str, float]:
    values = lesions[features]
    if how == "largest":
        found = values.loc[lesions[volume].idxmax()]
    elif how == "volume_weighted_mean":
        share = lesions[volume] / lesions[volume].sum()
        found = values.mul(share, axis=0).sum(skipna=False)
    else:
        found = values.sum(skipna=False) if how == "sum" else values.max(skipna=False)
    return {str(name): float(value) for name, value in found.items()}


def _volume_column(table: pd.DataFrame, volume: str | None) -> str:
    for wanted in _VOLUMES if volume is None else (volume,):
        for column in table.columns:
            if column == wanted or (volume is None and str(column).endswith(f"_{wanted}")):
                return str(column)
    raise TableError(
        f"the table has no column {volume!r}"
        if volume is not None
        else "the table has no volume column, such as original_morph_volume; name one with volume="
    )
