"""Many tests at once: p-values corrected for their number."""

from __future__ import annotations

from typing import Literal

import numpy as np

from radtool.errors import ParameterError, did_you_mean

__all__ = ["adjust_p"]

_METHODS = ("none", "fdr", "fdr_by", "holm", "bonferroni")


def adjust_p(
    p: np.ndarray, method: Literal["none", "fdr", "fdr_by", "holm", "bonferroni"] = "fdr"
) -> np.ndarray:
    """Correct p-values for the number of tests.

    Parameters
    ----------
    p : ndarray of shape (n_tests,)
        NaN (no test done) stays NaN and does not count.
    method : {"fdr", "fdr_by", "holm", "bonferroni", "none"}
        ``"fdr"``: Benjamini and Hochberg 1995; ``"fdr_by"``: Benjamini and Yekutieli 2001, under
        any dependence; ``"holm"`` and ``"bonferroni"``: the chance of any false finding.

    Returns
    -------
    ndarray of shape (n_tests,)
        Corrected p-values, at most 1, in the order given.

    Examples
    --------
    >>> adjust_p(np.array([0.01, 0.02, 0.5]), "fdr").tolist()
    [0.03, 0.03, 0.5]
    """
    if method not in _METHODS:
        raise ParameterError(f"unknown correction {method!r}{did_you_mean(method, _METHODS)}")
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    n = known.size
    order = known[np.argsort(p[known], kind="stable")]
    rank, ordered = np.arange(1, n + 1), p[order]
    if method == "bonferroni":
        ordered = ordered * n
    elif method == "holm":
        ordered = np.maximum.accumulate(ordered * (n - rank + 1))
    elif method in ("fdr", "fdr_by"):
        factor = (1 / rank).sum() if method == "fdr_by" else 1.0
        ordered = np.minimum.accumulate((ordered * n * factor / rank)[::-1])[::-1]
    adjusted[order] = np.minimum(ordered, 1.0)
    return adjusted
