"""The contracts of the three tables, and the functions that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radtool.errors import RadtoolError, TableError, did_you_mean, listed

__all__ = [
    "FAMILIES",
    "KEYS",
    "MANIFEST_COLUMNS",
    "Failure",
    "as_key",
    "check_features",
    "check_manifest",
    "check_survival",
    "failures_in_words",
    "feature_columns",
    "no_column",
    "refuse_twice",
]

KEYS = ("case_id", "patient_id", "site", "roi", "timepoint")
MANIFEST_COLUMNS = (
    "case_id",
    "patient_id",
    "site",
    "modality",
    "timepoint",
    "roi",
    "image",
    "mask",
)
_REQUIRED = ("case_id", "patient_id", "image")
_DEFAULTS = {"site": "", "modality": "", "timepoint": "baseline", "roi": "", "mask": ""}

FAMILIES = (
    # IBSI convention
    "morph", "loc", "stat", "ih", "ivh", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm",
    # pyradiomics convention
    "shape", "shape2D", "firstorder", "gldm",
    # embeddings of a network
    "deep",
)  # fmt: skip
_HANDCRAFTED = "|".join(family for family in FAMILIES if family != "deep")
_FEATURE = re.compile(
    rf"^[A-Za-z][\w.-]*?_(?:{_HANDCRAFTED})_\w+$"
    # numbered, so that a clinical deep_invasion is none
    r"|^(?:[A-Za-z][\w.-]*_)?deep_[A-Za-z]\w*_\d{3,}$"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that gave no result, and why.

    Parameters
    ----------
    case_id : str
        The case.
    stage : str
        Where it stopped: "curation", "segmentation", "extraction", "join", ….
    reason : str
        The error's own words.
    path : str, default ""
        The file concerned, when there is one.
    """

    case_id: str
    stage: str
    reason: str
    path: str = ""

    @classmethod
    def of(cls, case_id: str, stage: str, error: RadtoolError, path: str = "") -> Failure:
        """Make a failure from a caught error."""
        return cls(str(case_id), stage, str(error), str(path))


def failures_in_words(failures: list[Failure], most: int = 3) -> list[str]:
    """Return a line for each of the first failures and one for the rest."""
    lines = [f"  {f.case_id} [{f.stage}] {f.reason}" for f in failures[:most]]
    if len(failures) > most:
        lines.append(f"  … and {len(failures) - most} more in .failures")
    return lines


def feature_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that are features, by the shape of their name, in table order.

    A feature is ``<image>_<family>_<feature>…`` with a family of `FAMILIES`; letters, digits and
    underscores, in the image part also the hyphens and dots of pyradiomics' names
    (``log-sigma-2-0-mm-3D_firstorder_Mean``). An embedding is ``deep_<model>_<number>`` with three
    digits or more, with or without a prefix.

    Examples
    --------
    >>> feature_columns(pd.DataFrame(columns=["site", "original_stat_mean", "deep_resnet_007"]))
    ['original_stat_mean', 'deep_resnet_007']
    """
    return [str(column) for column in table.columns if _FEATURE.match(str(column))]


def check_manifest(table: pd.DataFrame, name: str = "manifest") -> pd.DataFrame:
    """Return the manifest with its optional columns filled in, or raise.

    Parameters
    ----------
    table : DataFrame
        One row an image with a mask.
    name : str
        How messages call the table, usually its path.

    Returns
    -------
    DataFrame
        Manifest columns first and as text, the acquisition columns after them, index 0…n-1.

    Raises
    ------
    TableError
        A required column is missing, a key is empty, or a case_id appears twice.
    """
    refuse_twice(table, name)
    table = table.copy()
    for column in _REQUIRED:
        if column not in table.columns:
            raise TableError(
                no_column(name, column, table.columns)
                + f"; a manifest needs {', '.join(_REQUIRED)}"
            )
    for column, default in _DEFAULTS.items():
        if column not in table.columns:
            table[column] = default
    for column in MANIFEST_COLUMNS:
        table[column] = _as_keys(table[column], _DEFAULTS.get(column, ""))
    for column in _REQUIRED:
        empty = table.index[table[column] == ""].tolist()
        if empty:
            raise TableError(f"{name}: {column} is empty in row(s) {listed(empty)}")
    _refuse_duplicates(table, ["case_id"], name)
    rest = [column for column in table.columns if column not in MANIFEST_COLUMNS]
    return table[[*MANIFEST_COLUMNS, *rest]].reset_index(drop=True)


def check_features(table: pd.DataFrame, name: str = "feature table") -> pd.DataFrame:
    """Return the feature table with float64 features, or raise.

    Raises
    ------
    TableError
        No row, no patient_id, no feature, a feature that is not a number, a column or a case
        twice, or two rows for one patient, roi and timepoint.
    """
    if "patient_id" not in table.columns:
        raise TableError(no_column(name, "patient_id", table.columns))
    if len(table) == 0:
        raise TableError(f"{name} has no rows")
    refuse_twice(table, name)
    table = table.copy()
    if "case_id" not in table.columns:
        table.insert(0, "case_id", table["patient_id"])
    for column in KEYS:
        if column in table.columns:
            table[column] = _as_keys(table[column], _DEFAULTS.get(column, ""))
    features = feature_columns(table)
    if not features:
        raise TableError(
            f"{name} has no feature column; a feature is named"
            " <image>_<family>_<feature>, for example original_stat_mean; give columns of other"
            " software such a prefix"
        )
    wrong = [c for c, kind in table[features].dtypes.items() if not _is_real(kind)]
    if wrong:
        raise TableError(f"{name}: not numbers in feature column(s) {listed(wrong)}")
    table = table.astype(dict.fromkeys(features, np.float64))
    _refuse_duplicates(table, ["case_id"], name)
    _refuse_duplicates(
        table, [key for key in ("patient_id", "roi", "timepoint") if key in table.columns], name
    )
    return table.reset_index(drop=True)


def check_survival(y: pd.DataFrame, name: str = "outcome") -> pd.DataFrame:
    """Return a survival outcome as ``event`` (bool) and ``duration`` (float), or raise.

    Parameters
    ----------
    y : DataFrame
        Columns ``event`` (True, 1: observed) and ``duration`` (time to event or censoring, > 0).
    name : str
        How messages call it.

    Raises
    ------
    TableError
        Other columns are missing, a value is missing, an event is not 0/1, a duration not above
        0, or nobody has an event.
    """
    if not isinstance(y, pd.DataFrame):
        raise TableError(
            f"{name} must be a DataFrame with the columns event and duration, is a"
            f" {type(y).__name__}"
        )
    refuse_twice(y, name)
    missing = {"event", "duration"} - set(y.columns)
    if missing:
        raise TableError(
            f"{name} needs the columns event and duration, got {list(map(str, y.columns))}"
        )
    if y["duration"].dtype.kind in "mM":
        raise TableError(
            f"{name}: duration is a column of {y['duration'].dtype}, not of numbers; of dates, name"
            " in start= the column from which time counts; of timedeltas take .dt.days"
        )
    duration = pd.to_numeric(y["duration"], errors="coerce").astype(float)
    bad = y.index[~(np.isfinite(duration) & (duration > 0))].tolist()
    if bad:
        seen = y["duration"].loc[bad[:1]].iloc[0]
        raise TableError(
            f"{name}: duration must be a number above 0, is not for {listed(bad)}:"
            f" for example {str(seen)!r}"
        )
    event = pd.to_numeric(y["event"], errors="coerce")
    odd = y.index[~event.isin([0, 1])].tolist()
    if odd:
        raise TableError(f"{name}: event must be 0/1 or False/True, is not for {listed(odd)}")
    if not event.any():
        raise TableError(
            f"{name}: no events among {len(y)} cases; nothing can be learned or tested"
        )
    return pd.DataFrame({"event": event.astype(bool), "duration": duration}, index=y.index)


def as_key(value: object) -> str:
    """Return the text of a key; a whole number read as 7.0 is the same key as 7."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _as_keys(values: pd.Series, default: str) -> pd.Series:
    texts = [default if pd.isna(value) else as_key(value) for value in values]
    return pd.Series(texts, index=values.index, dtype=object)


def refuse_twice(table: pd.DataFrame, name: str) -> None:
    """Raise TableError when a table has two columns of one name."""
    if table.columns.has_duplicates:
        twice = table.columns[table.columns.duplicated()].unique()
        raise TableError(f"{name}: column named twice: {listed(twice)}")


def _is_real(dtype: object) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def _refuse_duplicates(table: pd.DataFrame, columns: list[str], name: str) -> None:
    repeated = table.duplicated(columns, keep=False)
    if repeated.any():
        cases = table.loc[repeated, "case_id"].unique().tolist()
        raise TableError(
            f"{name}: more than one row for the same {' + '.join(columns)}: {listed(cases)};"
            " keep one row each, or give the rows different roi or timepoint"
        )


def no_column(table: str, column: str, present: Iterable[object]) -> str:
    """Return that a table lacks a column, the nearest one it has or else what it has."""
    near = did_you_mean(column, map(str, present)).replace("; allowed:", "; there are")
    return f"{table} has no column {column!r}{near}"
