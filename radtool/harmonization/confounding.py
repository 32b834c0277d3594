"""Whether the batch goes with the outcome or with a covariate, which no harmonization can undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import TableError
from radtool.harmonization.anova import one_way
from radtool.table import check_survival

__all__ = ["Association", "associate", "cramers_v", "log_rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How strongly the batch goes with another variable.

    Parameters
    ----------
    variable : str
        What the batch is held against.
    measure : {"Cramer's V", "eta squared", "log-rank"}
        For categories, numbers, survival.
    strength : float
        V or eta squared (0 to 1); for the log-rank test chi-square over its degrees of freedom.
    p : float
        Of the test of no association.
    complete : bool
        Whether some batch has one class only, or no event (there nothing tells them apart).
    """

    variable: str
    measure: str
    strength: float
    p: float
    complete: bool

    @property
    def confounded(self) -> bool:
        """Whether to say it loudly: p below 0.05, or complete."""
        return self.p < 0.05 or self.complete


def associate(batch: np.ndarray, variable: Any, name: str) -> Association:
    """Hold the batch against a survival outcome (a frame), a category, or a number.

    Parameters
    ----------
    batch : ndarray of shape (n_cases,)
    variable : DataFrame with event and duration, or Series
        Same cases in the same order; cases with a gap are left out.
    name : str
        How messages call it.
    """
    if len(variable) != len(batch):
        raise TableError(f"{name} has {len(variable)} cases, the batch {len(batch)}")
    if isinstance(variable, pd.DataFrame):
        y = check_survival(variable, name)
        chi2, df, p = log_rank(batch, y["event"].to_numpy(), y["duration"].to_numpy())
        without = y["event"].groupby(batch).sum().min() == 0
        return Association(
            variable=name, measure="log-rank", strength=chi2 / df, p=p, complete=bool(without)
        )
    column = pd.Series(np.asarray(variable))
    known = column.notna().to_numpy()
    column, batch = column[known], batch[known]
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 5:
        codes = np.unique(batch, return_inverse=True)[1]
        _, p_value, eta2 = one_way(column.to_numpy(float)[:, None], codes)
        return Association(
            variable=name,
            measure="eta squared",
            strength=float(eta2[0]),
            p=float(p_value[0]),
            complete=False,
        )
    table = pd.crosstab(batch, column.to_numpy())
    v, p = cramers_v(table.to_numpy())
    alone = bool(((table > 0).sum(axis=1) == 1).any()) and table.shape[1] > 1
    return Association(variable=name, measure="Cramer's V", strength=v, p=p, complete=alone)


def cramers_v(table: np.ndarray) -> tuple[float, float]:
    """Return Cramer's V and the chi-square p of a contingency table of counts.

    Examples
    --------
    >>> v, p = cramers_v(np.array([[10, 0], [0, 10]]))
    >>> v
    1.0
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(table, correction=False)
    v = float(np.sqrt(found.statistic / (table.sum() * (min(table.shape) - 1))))
    return v, float(found.pvalue)


def log_rank(
    group: np.ndarray, event: np.ndarray, duration: np.ndarray
) -> tuple[float, int, float]:
    """Return chi-square, degrees of freedom and p of the log-rank test of several groups."""
    levels, codes = np.unique(group, return_inverse=True)
    df = levels.size - 1
    if df < 1:
        raise TableError("log-rank: one group only")
    member = np.eye(levels.size)[codes]
    surplus, covariance = np.zeros(levels.size), np.zeros((levels.size, levels.size))
    for time in np.unique(duration[event]):
        at_risk = member[duration >= time].sum(axis=0)
        dead = member[(duration == time) & event].sum(axis=0)
        n, d = at_risk.sum(), dead.sum()
        share = at_risk / n
        surplus += dead - d * share
        if n > 1:
            weight = d * (n - d) / (n - 1)
            covariance += weight * (np.diag(share) - np.outer(share, share))
    chi2 = float(surplus[1:] @ np.linalg.pinv(covariance[1:, 1:]) @ surplus[1:])
    return chi2, df, float(stats.chi2.sf(chi2, df))
