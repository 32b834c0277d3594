"""Feature tables of several images or time points in one row a patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from radtool.errors import TableError
from radtool.table import KEYS, check_features, feature_columns

__all__ = ["combine_images", "delta_features"]

DeltaKind = Literal["absolute", "relative", "rate", "ratio"]
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def combine_images(
    tables: Mapping[str, pd.DataFrame], *, how: Literal["inner", "outer"] = "inner"
) -> pd.DataFrame:
    """Put the features of several images of a case into one row, with prefixes.

    Rows meet where patient, roi and timepoint are the same (as far as all tables have these).

    Parameters
    ----------
    tables : mapping
        Prefix (``"ct"``, ``"pet"``, ``"t1"``) -> feature table, in the order wanted.
    how : {"inner", "outer"}, default "inner"
        Keep cases that all tables have, or all cases with NaN for what is missing.

    Returns
    -------
    DataFrame
        ``case_id`` (of the first table that has the case), ``patient_id``, ``site``, the keys
        that rows met on, then features named ``<prefix>_<feature>``. The tables' other columns
        (acquisition, hashes) keep their prefix too.

    Raises
    ------
    TableError
        A prefix is no identifier, fewer than two tables, sites disagree, or no case is left.

    Examples
    --------
    >>> ct = pd.DataFrame({"patient_id": ["a", "b"], "original_stat_mean": [1.0, 2.0]})
    >>> pet = pd.DataFrame({"patient_id": ["b"], "original_stat_mean": [9.0]})
    >>> both = combine_images({"ct": ct, "pet": pet})
    >>> both[["patient_id", "ct_original_stat_mean", "pet_original_stat_mean"]].values.tolist()
    [['b', 2.0, 9.0]]
    """
    if len(tables) < 2:
        raise TableError("combine_images needs at least two tables")
    checked = {prefix: _prefixable(table, prefix) for prefix, table in tables.items()}
    keys = ["patient_id"] + [
        key for key in ("roi", "timepoint") if all(key in table for table in checked.values())
    ]
    combined: pd.DataFrame | None = None
    for prefix, table in checked.items():
        _refuse_repeats(table, keys, f"table {prefix!r}")
        shared = ["case_id", "site"]
        own = table.rename(
            columns={name: f"{prefix}_{name}" for name in table if name not in keys + shared}
        )
        if combined is None:
            combined = own
            continue
        combined = combined.merge(
            own, on=keys, how=how, sort=False, suffixes=("", "__new"), validate="1:1"
        )
        for name in shared:
            combined = _settled(combined, name)
    assert combined is not None
    if combined.empty:
        raise TableError(f"no case is in all tables {list(tables)}; rows meet on {keys}")
    first = [name for name in (*KEYS,) if name in combined]
    rest = [name for name in combined if name not in first]
    return combined[first + rest].reset_index(drop=True)


def delta_features(
    table: pd.DataFrame,
    *,
    before: str,
    after: str,
    kind: DeltaKind = "absolute",
    days: pd.Series | None = None,
) -> pd.DataFrame:
    """Change of every feature between two time points of a patient and roi.

    Parameters
    ----------
    table : DataFrame
        Feature table with a ``timepoint`` column.
    before, after : str
        The two time points.
    kind : {"absolute", "relative", "rate", "ratio"}, default "absolute"
        after - before; that over abs(before); that per day; after / before. Division by 0 gives
        NaN.
    days : Series, optional
        Days between the time points, by patient_id; needed for ``"rate"``.

    Returns
    -------
    DataFrame
        One row for each patient and roi that has either time point: ``case_id`` of the later,
        ``patient_id``, ``site``, ``roi``, ``timepoint`` (``"<after>-<before>"``), then features
        named ``delta_<feature>`` (``delta_relative_…``, ``delta_rate_…``, ``delta_ratio_…``);
        NaN where one time point is missing.

    Raises
    ------
    TableError
        No ``timepoint`` column, no such time point, or ``days`` missing or not above 0.

    Examples
    --------
    >>> table = pd.DataFrame({"case_id": ["a0", "a1"], "patient_id": ["a", "a"],
    ...     "timepoint": ["pre", "post"], "original_stat_mean": [2.0, 5.0]})
    >>> delta_features(table, before="pre", after="post")["delta_original_stat_mean"].tolist()
    [3.0]
    """
    checked = check_features(table)
    if "timepoint" not in checked:
        raise TableError("delta_features needs a column 'timepoint'")
    known = sorted(checked["timepoint"].unique())
    for name in (before, after):
        if name not in known:
            raise TableError(f"there is no timepoint {name!r}; the table has {known}")
    if before == after:
        raise TableError(f"before and after are both {before!r}")
    keys = [key for key in ("patient_id", "roi") if key in checked]
    features = feature_columns(checked)
    early, late = (
        checked[checked["timepoint"] == name].set_index(keys, verify_integrity=True)
        for name in (before, after)
    )
    index = late.index.append(early.index.difference(late.index, sort=True))
    start = early.reindex(index)[features].to_numpy(dtype=float)
    end = late.reindex(index)[features].to_numpy(dtype=float)
    change = _change(start, end, kind, _days_of(days, index, kind))
    prefix = "delta" if kind == "absolute" else f"delta_{kind}"
    rows = index.to_frame(index=False)
    for name in ("case_id", "site"):
        if name in checked:
            rows[name] = late[name].reindex(index).fillna(early[name].reindex(index)).to_numpy()
    rows["timepoint"] = f"{after}-{before}"
    values = pd.DataFrame(change, columns=[f"{prefix}_{name}" for name in features])
    ordered = [key for key in KEYS if key in rows]
    return pd.concat([rows[ordered], values], axis=1)


def _change(start: np.ndarray, end: np.ndarray, kind: DeltaKind, days: np.ndarray) -> np.ndarray:
    if kind == "absolute":
        return end - start
    if kind == "rate":
        return (end - start) / days[:, None]
    divisor = np.where(start != 0, start, np.nan)
    if kind == "ratio":
        return end / divisor
    if kind == "relative":
        return (end - start) / np.abs(divisor)
    raise TableError(f"kind must be absolute, relative, rate or ratio, got {kind!r}")


def _days_of(days: pd.Series | None, index: pd.Index, kind: DeltaKind) -> np.ndarray:
    if kind != "rate":
        return np.ones(len(index))
    if days is None:
        raise TableError("kind 'rate' needs days: the days between the time points by patient_id")
    patients = index.get_level_values("patient_id")
    found = pd.to_numeric(days.reindex(patients), errors="coerce").to_numpy(dtype=float)
    wrong = sorted(set(patients[np.isfinite(found) & (found <= 0)]))
    if wrong:
        raise TableError(f"days must be above 0; they are not for {wrong[:5]}")
    return found


def _prefixable(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    if not _PREFIX.fullmatch(prefix):
        raise TableError(f"prefix {prefix!r} must be letters, digits and underscores")
    return check_features(table, f"table {prefix!r}")


def _refuse_repeats(table: pd.DataFrame, keys: list[str], name: str) -> None:
    repeated = table.duplicated(keys, keep=False)
    if repeated.any():
        cases = table.loc[repeated, "case_id"].tolist()
        raise TableError(
            f"{name} has several rows for the same {' + '.join(keys)}: {cases[:5]}; give all"
            " tables a roi and a timepoint column, or keep one row each"
        )


def _settled(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """One column of two that say the same; the case's name may differ, its site may not."""
    new = f"{name}__new"
    if new not in table:
        return table
    if name == "site":
        clash = table[name].notna() & table[new].notna() & (table[name] != table[new])
        if clash.any():
            patients = table.loc[clash, "patient_id"].tolist()
            raise TableError(f"the tables disagree about the site of {patients[:5]}")
    table[name] = table[name].fillna(table[new])
    return table.drop(columns=new)
