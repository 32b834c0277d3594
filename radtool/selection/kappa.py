"""Agreement of categories: Cohen's kappa of two readers, Fleiss' kappa of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import ParameterError, TableError

__all__ = ["Kappa", "cohen_kappa", "fleiss_kappa"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa:
    """Agreement beyond chance.

    Parameters
    ----------
    kappa : float
        1: perfect, 0: chance; NaN when everybody always gives one category.
    z, p : float
        Test of kappa = 0 (two-sided), with the standard error under that hypothesis.
    lower, upper : float or None
        95 % interval; None for Fleiss' kappa.
    n, raters : int
        Cases and readers.
    """

    kappa: float
    z: float
    p: float
    lower: float | None
    upper: float | None
    n: int
    raters: int


def cohen_kappa(
    first: np.ndarray, second: np.ndarray, *, weights: Literal["none", "linear", "squared"] = "none"
) -> Kappa:
    """Return the kappa of two readers.

    Parameters
    ----------
    first, second : array of shape (n_cases,)
        Categories; ordered by value for the weighted forms. Cases with a gap are left out.
    weights : {"none", "linear", "squared"}
        How much a near miss counts.

    Raises
    ------
    TableError
        Fewer than 2 cases were read twice.
    ParameterError
        The weights are unknown.

    References
    ----------
    Cohen, Psychological Bulletin 1968; Fleiss, Cohen, Everitt, Psychological Bulletin 1969.

    Examples
    --------
    >>> cohen_kappa(np.array([1, 1, 2, 2]), np.array([1, 1, 2, 1])).kappa
    0.5
    """
    pair = pd.DataFrame({"a": np.asarray(first), "b": np.asarray(second)}).dropna()
    if len(pair) < 2:
        raise TableError("kappa: needs 2 cases read twice")
    levels = np.unique(np.concatenate([pair["a"].to_numpy(), pair["b"].to_numpy()]))
    size, n = levels.size, len(pair)
    table = np.zeros((size, size))
    np.add.at(table, (np.searchsorted(levels, pair["a"]), np.searchsorted(levels, pair["b"])), 1)
    table /= n
    credit = _credit(size, weights)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    observed, expected = (credit * table).sum(), (credit * np.outer(rows, columns)).sum()
    if expected >= 1:
        nan = float("nan")
        return Kappa(kappa=nan, z=nan, p=nan, lower=None, upper=None, n=n, raters=2)
    kappa = (observed - expected) / (1 - expected)
    mean = np.add.outer(credit @ columns, rows @ credit)
    null = (np.outer(rows, columns) * (credit - mean) ** 2).sum() - expected**2
    z = kappa / np.sqrt(null / (n * (1 - expected) ** 2))
    spread = (table * (credit - mean * (1 - kappa)) ** 2).sum()
    spread -= (kappa - expected * (1 - kappa)) ** 2
    half = 1.959963984540054 * np.sqrt(max(spread, 0.0) / n) / (1 - expected)
    return Kappa(
        kappa=float(kappa),
        z=float(z),
        p=float(2 * stats.norm.sf(abs(z))),
        lower=float(kappa - half),
        upper=float(min(kappa + half, 1.0)),
        n=n,
        raters=2,
    )


def _credit(size: int, weights: str) -> np.ndarray:
    if weights not in ("none", "linear", "squared"):
        raise ParameterError(
            f"kappa: weights cannot be {weights!r}; allowed: none, linear, squared"
        )
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / max(size - 1, 1)
    if weights == "none":
        return np.eye(size)
    return 1 - apart if weights == "linear" else 1 - apart**2


def fleiss_kappa(ratings: pd.DataFrame | np.ndarray) -> Kappa:
    """Return the kappa of several readers.

    Parameters
    ----------
    ratings : array of shape (n_cases, n_readers)
        Categories. Cases with a gap are left out.

    Raises
    ------
    TableError
        Fewer than 2 complete cases or 2 readers.

    References
    ----------
    Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 1971; the
    standard error is of Fleiss, Nee, Landis 1979.
    """
    frame = pd.DataFrame(ratings).dropna()
    n, raters = frame.shape
    if n < 2 or raters < 2:
        raise TableError(f"kappa: needs 2 cases and 2 readers, got {n} and {raters}")
    levels, codes = np.unique(frame.to_numpy().astype(str), return_inverse=True)
    counts = np.apply_along_axis(np.bincount, 1, codes.reshape(n, raters), minlength=levels.size)
    share = counts.sum(axis=0) / (n * raters)
    agreement = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))
    expected = (share**2).sum()
    nan = float("nan")
    if levels.size < 2:
        return Kappa(kappa=nan, z=nan, p=nan, lower=None, upper=None, n=n, raters=raters)
    kappa = (agreement.mean() - expected) / (1 - expected)
    pq = share * (1 - share)
    variance = 2 * (pq.sum() ** 2 - (pq * (1 - 2 * share)).sum())
    variance /= pq.sum() ** 2 * n * raters * (raters - 1)
    z = kappa / np.sqrt(variance)
    p = float(2 * stats.norm.sf(abs(z)))
    return Kappa(kappa=float(kappa), z=float(z), p=p, lower=None, upper=None, n=n, raters=raters)
