"""How cases are divided: folds that keep a patient whole and spread the events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import InputError

__all__ = ["grouped_folds", "resample_patients"]


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


def resample_patients(patients: pd.Series | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw patients with replacement; return the row numbers of all their cases, shape (m,)."""
    code, names = pd.factorize(np.asarray(patients).astype(str), sort=True)
    rows = np.argsort(code, kind="stable")
    start = np.searchsorted(code[rows], np.arange(len(names) + 1))
    drawn = np.sort(rng.integers(0, len(names), len(names)))
    return np.concatenate([rows[start[g] : start[g + 1]] for g in drawn])
