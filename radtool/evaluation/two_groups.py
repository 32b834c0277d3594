"""Two groups of patients compared: means with the checks that a t-test asks for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError

__all__ = ["compare_means"]

_MOST_SHAPIRO = 5000


def compare_means(
    a: np.ndarray | pd.Series, b: np.ndarray | pd.Series, *, alpha: float = 0.05
) -> pd.DataFrame:
    """Compare two means by the t-test, and say whether its assumptions hold.

    Normality of each group is judged by Shapiro-Wilk (of the first 5000 values in order), equality
    of the variances by the F-test of their ratio. Where the variances differ, the test is Welch's.
    Missing values are left out.

    Parameters
    ----------
    a, b : array-like
        Values of the two groups.
    alpha : float, default 0.05
        Level of the checks.

    Returns
    -------
    DataFrame
        One row: ``mean_a, mean_b, difference`` (b - a), ``t, df, p, test, shapiro_p_a, shapiro_p_b,
        f_p, normal, equal_variances, mann_whitney_p``. Read the Mann-Whitney p where ``normal`` is
        False and the groups are small.

    Raises
    ------
    InputError
        A group has fewer than three values, or both are constant.

    References
    ----------
    Welch, The generalization of "Student's" problem when several different population variances are
    involved, Biometrika 1947.

    Examples
    --------
    >>> compare_means(np.array([1.0, 2, 3, 4]), np.array([2.0, 3, 4, 5]))["test"].item()
    'Student'
    """
    groups = [np.asarray(values, dtype=float) for values in (a, b)]
    first, second = (values[np.isfinite(values)] for values in groups)
    if min(len(first), len(second)) < 3:
        raise InputError(
            f"a t-test needs at least 3 values a group, got {len(first)} and {len(second)}"
        )
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        raise InputError("a group is constant; a t-test is not defined")
    shapiro = [float(stats.shapiro(values[:_MOST_SHAPIRO]).pvalue) for values in (first, second)]
    f_p = _variance_p(first, second)
    equal = f_p >= alpha
    test = stats.ttest_ind(second, first, equal_var=equal)
    return pd.DataFrame(
        {
            "mean_a": [float(first.mean())],
            "mean_b": [float(second.mean())],
            "difference": [float(second.mean() - first.mean())],
            "t": [float(test.statistic)],
            "df": [float(test.df)],
            "p": [float(test.pvalue)],
            "test": ["Student" if equal else "Welch"],
            "shapiro_p_a": [shapiro[0]],
            "shapiro_p_b": [shapiro[1]],
            "f_p": [f_p],
            "normal": [min(shapiro) >= alpha],
            "equal_variances": [equal],
            "mann_whitney_p": [float(stats.mannwhitneyu(first, second).pvalue)],
        }
    )


def _variance_p(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p of the ratio of two variances."""
    ratio = a.var(ddof=1) / b.var(ddof=1)
    below = float(stats.f.cdf(ratio, len(a) - 1, len(b) - 1))
    return min(1.0, 2.0 * min(below, 1.0 - below))
