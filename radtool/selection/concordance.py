"""Two measurements of the same cases: Lin's concordance, limits of agreement, repeatability."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import ParameterError, TableError

__all__ = [
    "BlandAltman",
    "Concordance",
    "OverallConcordance",
    "Repeatability",
    "bland_altman",
    "ccc",
    "ccc_many",
    "occc",
    "repeatability",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concordance:
    """Lin's concordance correlation coefficient and what it is made of.

    Parameters
    ----------
    ccc, lower, upper : float
        The coefficient (-1 to 1) and its interval by Fisher's z.
    r : float
        Pearson correlation: precision.
    bias_correction : float
        ccc / r: accuracy, 0 to 1.
    scale_shift, location_shift : float
        SD of the second over SD of the first; difference of means (second - first) over the
        geometric mean of the SDs.
    se : float
        Asymptotic standard error of `ccc`.
    n : int
        Cases.
    """

    ccc: float
    lower: float
    upper: float
    r: float
    bias_correction: float
    scale_shift: float
    location_shift: float
    se: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlandAltman:
    """Limits of agreement of two measurements.

    Parameters
    ----------
    mean, sd : float
        Of the differences first - second, in feature units.
    lower, upper : float
        Limits of agreement: mean ± multiple × SD.
    mean_ci, lower_ci, upper_ci : (float, float)
        Intervals of the three, by t with n - 1 degrees of freedom.
    n : int
        Cases.
    """

    mean: float
    sd: float
    lower: float
    upper: float
    mean_ci: tuple[float, float]
    lower_ci: tuple[float, float]
    upper_ci: tuple[float, float]
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """How far two measurements under equal conditions differ.

    Parameters
    ----------
    within_sd : float
        Within-case SD, sqrt(mean d² / 2).
    coefficient : float
        1.96 × sqrt(2) × within_sd: 95 % of differences lie below it.
    british_standard : float
        2 × SD of the differences about 0 (Bland and Altman 1986).
    within_cv : float
        Root mean square of (SD / mean) of each case; NaN when a mean is 0.
    n : int
        Cases.
    """

    within_sd: float
    coefficient: float
    british_standard: float
    within_cv: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OverallConcordance:
    """Concordance of several measurements (Barnhart 2002): occc = precision × accuracy."""

    occc: float
    precision: float
    accuracy: float
    n: int
    k: int


def ccc(first: np.ndarray, second: np.ndarray, *, confidence: float = 0.95) -> Concordance:
    """Return Lin's concordance of two measurements of the same cases.

    Parameters
    ----------
    first, second : array of shape (n_cases,)
        Cases with a gap in either are left out.
    confidence : float, default 0.95

    References
    ----------
    Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics 1989 (with
    the correction of 2000).

    Examples
    --------
    >>> round(ccc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 5.0])).ccc, 4)
    0.9286
    """
    a, b = _paired(first, second)
    row = ccc_many(a[:, None], b[:, None], confidence=confidence).iloc[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = float(np.divide(b.std(), a.std()))
        location = float(np.divide(b.mean() - a.mean(), np.sqrt(a.std() * b.std())))
    return Concordance(
        ccc=float(row["ccc"]),
        lower=float(row["lower"]),
        upper=float(row["upper"]),
        r=float(row["r"]),
        bias_correction=float(row["ccc"] / row["r"]) if row["r"] else float("nan"),
        scale_shift=scale,
        location_shift=location,
        se=float(row["se"]),
        n=len(a),
    )


def ccc_many(first: np.ndarray, second: np.ndarray, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return Lin's concordance of many features at once.

    Parameters
    ----------
    first, second : ndarray of shape (n_cases, n_features)
        Without gaps, 3 cases at least.
    confidence : float, default 0.95
        Of the interval.

    Returns
    -------
    DataFrame
        One row a feature: ``ccc, lower, upper, r, se``; NaN for a feature that is constant.

    Raises
    ------
    TableError
        Fewer than 3 cases.
    """
    n = len(first)
    if n < 3:
        raise TableError(f"ccc: needs 3 cases at least, got {n}")
    mean_a, mean_b = first.mean(axis=0), second.mean(axis=0)
    a, b = first - mean_a, second - mean_b
    var_a, var_b, cov = (a**2).mean(axis=0), (b**2).mean(axis=0), (a * b).mean(axis=0)
    flat = (np.ptp(first, axis=0) == 0) | (np.ptp(second, axis=0) == 0)
    z = stats.norm.ppf((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift2 = (mean_a - mean_b) ** 2
        value = 2 * cov / (var_a + var_b + shift2)
        r = np.clip(cov / np.sqrt(var_a * var_b), -1, 1)
        u2 = shift2 / np.sqrt(var_a * var_b)
        se = _lin_se(value, r, u2, n)
        half = z * se / (1 - value**2)
        lower, upper = np.tanh(np.arctanh(value) - half), np.tanh(np.arctanh(value) + half)
    perfect = value >= 1
    lower[perfect], upper[perfect], se[perfect] = 1.0, 1.0, 0.0
    table = pd.DataFrame({"ccc": value, "lower": lower, "upper": upper, "r": r, "se": se})
    table[flat] = np.nan
    return table


def _lin_se(p: np.ndarray, r: np.ndarray, u2: np.ndarray, n: int) -> np.ndarray:
    variance = (
        (1 - r**2) * p**2 * (1 - p**2) / r**2
        + 2 * p**3 * (1 - p) * u2 / r
        - 0.5 * p**4 * u2**2 / r**2
    )
    return np.sqrt(variance / (n - 2))


def bland_altman(
    first: np.ndarray, second: np.ndarray, *, multiple: float = 1.96, confidence: float = 0.95
) -> BlandAltman:
    """Return mean difference and limits of agreement.

    Parameters
    ----------
    first, second : array of shape (n_cases,)
        Cases with a gap in either are left out.
    multiple : float, default 1.96
        SDs from the mean to a limit; the paper of 1986 uses 2.
    confidence : float, default 0.95
        Of the intervals of the mean and of the limits.

    Raises
    ------
    ParameterError
        `multiple` is not above 0.
    TableError
        The measurements are not of the same cases, or fewer than 3 are complete.

    References
    ----------
    Bland and Altman, Statistical methods for assessing agreement between two methods of clinical
    measurement, Lancet 1986.
    """
    if not multiple > 0:
        raise ParameterError(f"bland_altman: multiple must be above 0, got {multiple}")
    a, b = _paired(first, second)
    n, difference = len(a), a - b
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    t = float(stats.t.ppf((1 + confidence) / 2, n - 1))
    lower, upper = mean - multiple * sd, mean + multiple * sd
    of_mean = t * sd / math.sqrt(n)
    of_limit = t * sd * math.sqrt(1 / n + multiple**2 / (2 * (n - 1)))
    return BlandAltman(
        mean=mean,
        sd=sd,
        lower=lower,
        upper=upper,
        mean_ci=(mean - of_mean, mean + of_mean),
        lower_ci=(lower - of_limit, lower + of_limit),
        upper_ci=(upper - of_limit, upper + of_limit),
        n=n,
    )


def repeatability(first: np.ndarray, second: np.ndarray) -> Repeatability:
    """Return within-case SD and repeatability coefficients of a test and its retest.

    Parameters
    ----------
    first, second : array of shape (n_cases,)
        Cases with a gap in either are left out.

    Raises
    ------
    TableError
        The measurements are not of the same cases, or fewer than 3 are complete.
    """
    a, b = _paired(first, second)
    d2 = (a - b) ** 2
    within = float(np.sqrt(d2.mean() / 2))
    middle = (a + b) / 2
    cv = float(np.sqrt((d2 / 2 / middle**2).mean())) if (middle != 0).all() else float("nan")
    return Repeatability(
        within_sd=within,
        coefficient=1.96 * math.sqrt(2) * within,
        british_standard=2 * float(np.sqrt(d2.mean())),
        within_cv=cv,
        n=len(a),
    )


def occc(ratings: pd.DataFrame | np.ndarray) -> OverallConcordance:
    """Return the overall concordance of several measurements of the same cases.

    Parameters
    ----------
    ratings : array of shape (n_cases, n_ratings)
        Cases with a gap are left out.

    Raises
    ------
    TableError
        Ratings are not (cases, 2 or more), or fewer than 3 cases are complete.

    References
    ----------
    Barnhart, Haber, Song, Overall concordance correlation coefficient for evaluating agreement
    among multiple observers, Biometrics 2002.
    """
    array = np.asarray(ratings, dtype=float)
    if array.ndim != 2 or array.shape[1] < 2:
        raise TableError(f"occc: ratings must be (cases, 2 or more), got shape {array.shape}")
    array = array[np.isfinite(array).all(axis=1)]
    n, k = array.shape
    if n < 3:
        raise TableError(f"occc: needs 3 cases at least, got {n}")
    covariance, mean = np.cov(array.T), array.mean(axis=0)
    pairs = np.triu_indices(k, 1)
    sd = np.sqrt(np.diag(covariance))
    shared = covariance[pairs].sum()
    shifts = ((mean[:, None] - mean[None, :])[pairs] ** 2).sum()
    total = (k - 1) * np.trace(covariance) + shifts
    if total == 0:
        return OverallConcordance(occc=np.nan, precision=np.nan, accuracy=np.nan, n=n, k=k)
    value = float(2 * shared / total)
    spread = float(np.outer(sd, sd)[pairs].sum())
    precision = float(shared / spread) if spread > 0 else np.nan
    accuracy = float(2 * spread / total)
    return OverallConcordance(occc=value, precision=precision, accuracy=accuracy, n=n, k=k)


def _paired(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise TableError(f"two measurements of the same cases needed, got {a.shape} and {b.shape}")
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3:
        raise TableError(f"needs 3 cases measured twice, got {int(known.sum())}")
    return a[known], b[known]
