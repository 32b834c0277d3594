"""Cases and patients: same order, whole patients, hashed identifiers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from radtool.errors import InputError, TableError

__all__ = ["check_patients", "hashed_ids", "joined_designs", "training_ranges"]


def check_patients(X: pd.DataFrame, patients: pd.Series | None) -> pd.Series:
    """Return the patient of each case as text, in the order of X, or raise."""
    if X.index.has_duplicates:
        raise TableError("cases of X must have unique index values")
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
    return patients.astype(str)


def hashed_ids(ids: Sequence[str] | pd.Series) -> list[str]:
    """Return the sorted, shortened SHA-256 of identifiers, which tells overlap but no name."""
    texts = sorted({str(value).strip() for value in ids})
    return sorted(hashlib.sha256(f"radtool patient {t}".encode()).hexdigest()[:24] for t in texts)


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
