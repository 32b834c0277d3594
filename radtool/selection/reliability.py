"""Intraclass correlation: how much of a feature's variance lies between patients."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import ParameterError, TableError, did_you_mean

__all__ = ["ICC_FORMS", "icc", "icc_many"]

ICC_FORMS = {
    "ICC1": "one-way random, single, agreement: ICC(1,1)",
    "ICC2": "two-way random, single, agreement: ICC(2,1), ICC(A,1)",
    "ICC3": "two-way mixed, single, consistency: ICC(3,1), ICC(C,1)",
    "ICC1k": "one-way random, mean of k, agreement: ICC(1,k)",
    "ICC2k": "two-way random, mean of k, agreement: ICC(2,k), ICC(A,k)",
    "ICC3k": "two-way mixed, mean of k, consistency: ICC(3,k), ICC(C,k)",
}
_ALIASES = {
    "ICC(1,1)": "ICC1", "ICC(1)": "ICC1", "ICC(2,1)": "ICC2", "ICC(A,1)": "ICC2",
    "ICC(3,1)": "ICC3", "ICC(C,1)": "ICC3", "ICC(1,k)": "ICC1k", "ICC(2,k)": "ICC2k",
    "ICC(A,k)": "ICC2k", "ICC(3,k)": "ICC3k", "ICC(C,k)": "ICC3k",
}  # fmt: skip
Method = Literal["shrout_fleiss", "mcgraw_wong"]


def icc(
    ratings: pd.DataFrame | np.ndarray,
    *,
    confidence: float = 0.95,
    interval: Method = "shrout_fleiss",
) -> pd.DataFrame:
    """Return the six intraclass correlations of one feature.

    Parameters
    ----------
    ratings : array of shape (n_cases, n_ratings)
        One row a case, one column a scan, reader or perturbation. Cases with a gap are left out.
    confidence : float, default 0.95
    interval : {"shrout_fleiss", "mcgraw_wong"}
        For ICC2k only: the bounds of ICC2 stepped up (R's psych), or by its own degrees of freedom
        (R's irr). The others agree.

    Returns
    -------
    DataFrame
        Index the form; columns ``icc, lower, upper, f, df1, df2, p, n, k``.

    Raises
    ------
    TableError
        Ratings are not (cases, ratings), or fewer than 2 of either.
    ParameterError
        The confidence is not in (0, 1).

    References
    ----------
    Shrout and Fleiss, Intraclass correlations: uses in assessing rater reliability, Psychological
    Bulletin 1979. McGraw and Wong, Forming inferences about some intraclass correlation
    coefficients, Psychological Methods 1996.

    Examples
    --------
    >>> icc(np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9],
    ...     [6, 2, 4, 7]]))["icc"].round(2).to_dict()
    {'ICC1': 0.17, 'ICC2': 0.29, 'ICC3': 0.71, 'ICC1k': 0.44, 'ICC2k': 0.62, 'ICC3k': 0.91}
    """
    array = np.asarray(ratings, dtype=float)
    if array.ndim != 2:
        raise TableError(f"icc: ratings must be (cases, ratings), got shape {array.shape}")
    array = array[np.isfinite(array).all(axis=1)]
    rows = {
        form: icc_many(array[:, :, None], form, confidence=confidence, interval=interval).iloc[0]
        for form in ICC_FORMS
    }
    return pd.DataFrame(rows).T.rename_axis("form")


def icc_many(
    ratings: np.ndarray,
    form: str = "ICC2",
    *,
    confidence: float = 0.95,
    interval: Method = "shrout_fleiss",
) -> pd.DataFrame:
    """Return one form of the intraclass correlation for many features at once.

    Parameters
    ----------
    ratings : ndarray of shape (n_cases, n_ratings, n_features)
        Without gaps.
    form : str
        A key of `ICC_FORMS`, or a usual name of one: ``"ICC(2,1)"``, ``"ICC(A,1)"``, ….
    confidence, interval
        As for `icc`.

    Returns
    -------
    DataFrame
        One row a feature; ``icc`` is NaN for a feature that is constant (never 1).

    Raises
    ------
    TableError
        Fewer than 2 cases or 2 ratings.
    ParameterError
        The form is unknown, or the confidence not in (0, 1).
    """
    form = _form(form)
    n, k = ratings.shape[:2]
    if n < 2 or k < 2:
        raise TableError(f"icc: needs 2 cases and 2 ratings at least, got {n} and {k}")
    if not 0 < confidence < 1:
        raise ParameterError(f"icc: confidence must be in (0, 1), got {confidence}")
    between, raters, error, within = _mean_squares(ratings)
    one_way = form.startswith("ICC1")
    noise, df1, df2 = (within, n - 1, n * (k - 1)) if one_way else (error, n - 1, (n - 1) * (k - 1))
    alpha = (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        f = between / noise
        if form.startswith("ICC2"):
            mean_of_k = form == "ICC2k"
            value, lower, upper = _agreement(
                (between, raters, error),
                (n, k),
                alpha,
                mean_of_k=mean_of_k,
                own=mean_of_k and interval == "mcgraw_wong",
            )
        else:
            low = f / stats.f.ppf(1 - alpha, df1, df2)
            high = f * stats.f.ppf(1 - alpha, df2, df1)
            value, lower, upper = (_from_f(x, k, form) for x in (f, low, high))
    result = pd.DataFrame({"icc": value, "lower": lower, "upper": upper, "f": f})
    exact = (noise == 0) & (between > 0)
    if form.startswith("ICC2"):
        exact &= raters == 0
    result.loc[exact, ["icc", "lower", "upper"]] = 1.0
    result.loc[between + noise == 0, ["icc", "lower", "upper", "f"]] = np.nan
    return result.assign(df1=df1, df2=df2, p=stats.f.sf(result["f"], df1, df2), n=n, k=k)


def _form(form: str) -> str:
    form = _ALIASES.get(form, form)
    if form not in ICC_FORMS:
        raise ParameterError(f"unknown ICC form {form!r}{did_you_mean(form, ICC_FORMS)}")
    return form


def _mean_squares(ratings: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean squares between cases, between ratings, residual, and within cases."""
    n, k = ratings.shape[:2]
    flat = np.ptp(ratings, axis=(0, 1)) == 0
    centred = ratings - ratings.mean(axis=(0, 1))
    cases, columns = centred.mean(axis=1), centred.mean(axis=0)
    between = k * (cases**2).sum(axis=0) / (n - 1)
    raters = n * (columns**2).sum(axis=0) / (k - 1)
    residual = ((centred - cases[:, None] - columns[None]) ** 2).sum(axis=(0, 1))
    within = ((centred - cases[:, None]) ** 2).sum(axis=(0, 1)) / (n * (k - 1))
    squares = (between, raters, residual / ((n - 1) * (k - 1)), within)
    total = np.maximum(between + within, np.finfo(float).tiny)
    # What is left of equal ratings after subtraction is rounding, not disagreement.
    return tuple(np.where(flat | (part < 1e-24 * total), 0.0, part) for part in squares)


def _from_f(f: np.ndarray, k: int, form: str) -> np.ndarray:
    return 1 - 1 / f if form.endswith("k") else (f - 1) / (f + k - 1)


def _agreement(
    squares: tuple[np.ndarray, ...],
    size: tuple[int, int],
    alpha: float,
    *,
    mean_of_k: bool,
    own: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ICC(2,1) or ICC(2,k); its bounds rest on Satterthwaite's degrees of freedom."""
    between, raters, error = squares
    n, k = size
    single = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
    mean = (between - error) / (between + (raters - error) / n)
    rho = mean if own else single
    a = k * rho / (n * (1 - rho))
    b = 1 + k * rho * (n - 1) / (n * (1 - rho))
    df = (a * raters + b * error) ** 2 / (
        (a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    )
    low, high = stats.f.ppf(1 - alpha, n - 1, df), stats.f.ppf(1 - alpha, df, n - 1)
    more = 0.0 if mean_of_k else (k - 1) * error * n
    weight = 1 if mean_of_k else k
    noise = weight * (raters - error) + more
    lower = n * (between - low * error) / (low * noise + n * between)
    upper = n * (high * between - error) / (noise + n * high * between)
    return (mean if mean_of_k else single), lower, upper
