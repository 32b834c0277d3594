"""Restricted cubic splines."""

from __future__ import annotations

import numpy as np

from radtool.errors import InputError

__all__ = ["knots_of", "spline_basis"]

_QUANTILES = {
    3: (0.1, 0.5, 0.9),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.5, 0.725, 0.95),
}


def knots_of(values: np.ndarray, knots: int = 3) -> np.ndarray:
    """Return knots at Harrell's quantiles; fewer than three different ones mean a straight line."""
    if knots not in _QUANTILES:
        raise InputError(f"knots must be one of {sorted(_QUANTILES)}, got {knots}")
    found = np.unique(np.quantile(values, _QUANTILES[knots]))
    return found if len(found) >= 3 else np.empty(0)


def spline_basis(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the columns of a restricted cubic spline (linear beyond the outer knots).

    Parameters
    ----------
    values : ndarray of shape (n,)
        Where to evaluate.
    knots : ndarray of shape (k,)
        Increasing; none for a straight line.

    Returns
    -------
    ndarray of shape (n, max(k - 1, 1))
        The values themselves, then k - 2 cubic terms over the squared knot range.

    References
    ----------
    Harrell. Regression Modeling Strategies, section 2.4.5.
    """
    x = np.asarray(values, dtype=float)
    columns = [x]
    if len(knots):
        first, before, last = knots[0], knots[-2], knots[-1]
        for knot in knots[:-2]:
            term = (
                _cube(x - knot)
                - _cube(x - before) * (last - knot) / (last - before)
                + _cube(x - last) * (before - knot) / (last - before)
            )
            columns.append(term / (last - first) ** 2)
    return np.column_stack(columns)


def _cube(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0) ** 3
