"""Cases and patients: same order, whole patients, hashed identifiers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from radtool.errors import InputError, TableError
from radtool.table.contracts import as_key

__all__ = [
    "check_index",
    "check_patients",
    "hashed_ids",
    "joined_designs",
    "refuse_outcome",
    "training_ranges",
]


def check_patients(X: pd.DataFrame, patients: pd.Series | None) -> pd.Series:
    """Return the patient of each case as text, in the order of X, or raise."""
    check_index(X)
    if X.columns.has_duplicates:
        raise TableError(f"column named twice: {X.columns[X.columns.duplicated()].tolist()[:5]}")
    odd = [column for column in X.columns if not isinstance(column, str)]
    if odd:
        raise TableError(f"column names must be text, are not for {odd[:5]}")
    if patients is None:
        return pd.Series(X.index.astype(str), index=X.index)
    if not patients.index.equals(X.index):
        raise InputError("patients and X are not of the same cases in the same order")
    if patients.isna().any():
        raise InputError(f"no patient for case(s) {patients.index[patients.isna()].tolist()[:5]}")
    return patients.map(as_key).astype(str)


def check_index(X: pd.DataFrame) -> None:
    """Raise TableError unless X is a table whose cases have one name each."""
    if not isinstance(X, pd.DataFrame):
        raise TableError(
            f"X must be a DataFrame, one row a case, with column names; got {type(X).__name__}"
        )
    if isinstance(X.index, pd.MultiIndex):
        raise TableError(
            f"cases of X have {X.index.nlevels} index levels; give each case one name"
            " (X.set_index('case_id'))"
        )
    if X.index.has_duplicates:
        raise TableError("cases of X must have unique index values")


def hashed_ids(ids: Sequence[str] | pd.Series) -> list[str]:
    """Return the sorted, shortened SHA-256 of identifiers, which tells overlap but no name."""
    texts = sorted({as_key(value) for value in ids})
    return sorted(hashlib.sha256(f"radtool patient {t}".encode()).hexdigest()[:24] for t in texts)


def refuse_outcome(X: pd.DataFrame, y: pd.DataFrame | pd.Series, columns: Sequence[str]) -> None:
    """Raise InputError when a predictor is the outcome itself.

    A duration is known by its values under any name; an event, status or marker, which a predictor
    may equal by chance, by values and name.
    """
    outcome = y.to_frame() if isinstance(y, pd.Series) else y
    numeric = [
        c for c, one in zip(columns, X[list(columns)].dtypes, strict=True) if one.kind in "biuf"
    ]
    first = X[numeric].iloc[0].astype(float)
    for name in outcome.columns:
        known = outcome[name].to_numpy(dtype=float)
        suspects = first.index[np.isclose(first, known[0], rtol=1e-12)]
        for column in suspects if name == "duration" else suspects.intersection([name]):
            if np.array_equal(X[column].to_numpy(dtype=float, na_value=np.nan), known):
                raise InputError(
                    f"column {column!r} is the outcome ({name}) itself; leave it out of the blocks"
                )


def joined_designs(designs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the blocks' columns side by side; a column in two blocks is refused."""
    joined = pd.concat(designs.values(), axis=1)
    if joined.columns.has_duplicates:
        twice = joined.columns[joined.columns.duplicated()].tolist()
        raise InputError(f"column(s) {twice[:5]} are in two blocks; give each to one block")
    return joined


def training_ranges(
    X: pd.DataFrame, inputs: list[str], used: list[str]
) -> dict[str, tuple[float, float]]:
    """Training minimum and maximum of the raw numeric columns that a model uses."""
    found = {}
    for column in inputs:
        if column in used and pd.api.types.is_numeric_dtype(X[column]):
            values = X[column].astype(float).replace([np.inf, -np.inf], np.nan)
            found[column] = (float(values.min()), float(values.max()))
    return found
