"""How cases are divided: folds that keep a patient whole and spread the events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import InputError

__all__ = ["grouped_folds", "grouped_split", "resample_patients"]


def grouped_folds(
    y: pd.DataFrame | pd.Series, patients: pd.Series | np.ndarray, folds: int, seed: int
) -> np.ndarray:
    """Deal patients to folds, patients with an event and without apart.

    Parameters
    ----------
    y : DataFrame or Series
        ``event`` and ``duration``, or a boolean marker.
    patients : array-like of shape (n,)
        Patient of each case; all cases of a patient get the same fold.
    folds : int
        How many; at least 2 and at most the patients in the smaller class.
    seed : int
        Same seed, same folds.

    Returns
    -------
    ndarray of shape (n,)
        Fold number, 0 ... folds - 1.

    Raises
    ------
    InputError
        There are more folds than patients with (or, for a marker, without) an event.
    """
    positive = np.asarray(y["event"] if isinstance(y, pd.DataFrame) else y, dtype=bool)
    code, names = pd.factorize(np.asarray(patients).astype(str), sort=True)
    has = np.zeros(len(names), dtype=bool)
    np.logical_or.at(has, code, positive)
    fewest = int(has.sum()) if isinstance(y, pd.DataFrame) else int(min(has.sum(), (~has).sum()))
    if not 2 <= folds <= fewest:
        raise InputError(
            f"{folds} folds need at least 2 and at most {fewest} (patients with an event, or in the"
            " smaller class)"
        )
    rng = np.random.default_rng(seed)
    fold = np.empty(len(names), dtype=int)
    dealt = 0
    for one in (True, False):
        members = rng.permutation(np.flatnonzero(has == one))
        fold[members] = (np.arange(len(members)) + dealt) % folds
        dealt += len(members)
    return fold[code]


def grouped_split(
    y: pd.DataFrame | pd.Series,
    patients: pd.Series | np.ndarray,
    *,
    share: float = 0.3,
    seed: int = 0,
) -> np.ndarray:
    """Hold out a share of the patients, of those with an event and without alike.

    Parameters
    ----------
    y : DataFrame or Series
        ``event`` and ``duration``, or a boolean marker.
    patients : array-like of shape (n,)
        Patient of each case; all cases of a patient fall on one side.
    share : float, default 0.3
        Of the patients that are held out; at least one of each kind stays on each side.
    seed : int, default 0
        Same seed, same split.

    Returns
    -------
    ndarray of bool, shape (n,)
        True: held out.

    Raises
    ------
    InputError
        The share is not between 0 and 1, or a side would be without a kind of patient.
    """
    if not 0 < share < 1:
        raise InputError(f"share must be between 0 and 1, got {share}")
    positive = np.asarray(y["event"] if isinstance(y, pd.DataFrame) else y, dtype=bool)
    code, names = pd.factorize(np.asarray(patients).astype(str), sort=True)
    has = np.zeros(len(names), dtype=bool)
    np.logical_or.at(has, code, positive)
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(names), dtype=bool)
    for kind, words in ((True, "with an event"), (False, "without an event")):
        members = rng.permutation(np.flatnonzero(has == kind))
        if len(members) < 2:
            raise InputError(
                f"{len(members)} patient(s) {words}; a split needs at least 2, one on each side"
            )
        count = min(max(round(share * len(members)), 1), len(members) - 1)
        held_out[members[:count]] = True
    return held_out[code]


def resample_patients(patients: pd.Series | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw patients with replacement; return the row numbers of all their cases, shape (m,)."""
    code, names = pd.factorize(np.asarray(patients).astype(str), sort=True)
    rows = np.argsort(code, kind="stable")
    start = np.searchsorted(code[rows], np.arange(len(names) + 1))
    drawn = np.sort(rng.integers(0, len(names), len(names)))
    return np.concatenate([rows[start[g] : start[g + 1]] for g in drawn])
