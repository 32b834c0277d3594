"""Gray's test of equal cumulative incidence of one cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.competing import check_competing
from radtool.evaluation.kaplan_meier import group_codes

__all__ = ["gray_test"]


def gray_test(y: pd.DataFrame, groups: pd.Series | np.ndarray, *, cause: int = 1) -> pd.DataFrame:
    """Compare the cumulative incidence of one cause between groups.

    Parameters
    ----------
    y : DataFrame
        ``status`` and ``duration``.
    groups : array-like of shape (n,)
        Group of each case; at least two different.
    cause : int, default 1
        The event of interest; other causes compete.

    Returns
    -------
    DataFrame
        One row: ``chisq, df, p``.

    References
    ----------
    Gray. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann
    Stat 1988 (weight rho = 0).
    """
    outcome = check_competing(y)
    code, names = group_codes(groups, len(outcome))
    if len(names) < 2:
        raise InputError("Gray's test needs one group per case and at least two groups")
    score, covariance = _Gray(outcome, code, len(names), cause).run()
    part, block = score[:-1], covariance[:-1, :-1]
    chisq = float(part @ np.linalg.solve(block, part))
    df = len(names) - 1
    p = float(stats.chi2.sf(chisq, df))
    return pd.DataFrame({"chisq": [chisq], "df": [df], "p": [p]})


class _Gray:
    """Sums over the event times; arrays are per group.

    The variance has three parts: what events of interest and competing events add directly (`own`),
    through the weight that later times put on them (`drift`, the running integral of the weights),
    and the products of the two.
    """

    def __init__(self, outcome: pd.DataFrame, code: np.ndarray, k: int, cause: int) -> None:
        status, duration = outcome["status"].to_numpy(), outcome["duration"].to_numpy()
        self.times = np.unique(duration[status > 0])
        at = np.searchsorted(self.times, duration)
        event = status > 0
        shape = (len(self.times), k)
        self.interest, self.rival = np.zeros(shape), np.zeros(shape)
        hit = event & (status == cause)
        np.add.at(self.interest, (at[hit], code[hit]), 1)
        np.add.at(self.rival, (at[event & ~hit], code[event & ~hit]), 1)
        self.at_risk = np.array(
            [[np.sum((duration >= t) & (code == g)) for g in range(k)] for t in self.times]
        )
        self.k = k

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        k = self.k
        self.free, self.pooled = np.ones(k), 0.0
        self.incidence = np.zeros(k)
        self.drift, self.cross = np.zeros((k, k)), np.zeros((k, k))
        self.covariance, self.own = np.zeros((k, k)), np.zeros(k)
        score = np.zeros(k)
        for d1, d2, n in zip(self.interest, self.rival, self.at_risk, strict=True):
            score += self._step(d1, d2, n.astype(float))
        total = self.covariance + (self.drift * self.own) @ self.drift.T
        total += self.drift @ self.cross.T + self.cross @ self.drift.T
        return score, total

    def _step(self, d1: np.ndarray, d2: np.ndarray, n: np.ndarray) -> np.ndarray:
        present = n > 0
        safe = np.where(present, n, 1.0)
        total = d1.sum()
        size = np.where(present, n / np.where(self.free > 0, self.free, 1.0), 0.0)
        alive = size * (1.0 - self.incidence)
        after = self.free * (1.0 - (d1 + d2) / safe)
        pooled = self.pooled + total / size.sum()
        weight = np.diag(size) - np.outer(size, size) / size.sum()
        self.drift += weight * total / (size.sum() * (1.0 - self.pooled))
        score = np.zeros(self.k)
        if total > 0:
            score = np.where(present, d1 - total * alive / alive.sum(), 0.0)
            reach = np.where(after > 0, 1.0 - (1.0 - pooled) / np.where(after > 0, after, 1), 1.0)
            ties = np.ones(self.k)
            if total > 1:
                ties = 1.0 - (total - 1.0) / (size.sum() * self.free - 1.0)
            spread = np.where(present, ties * self.free * total / (size.sum() * safe), 0.0)
            self._add(weight - self.drift * reach, reach, spread)
        if d2.sum() > 0:
            hit = (after > 0) & (d2 > 0)
            reach = np.where(hit, (1.0 - pooled) / np.where(after > 0, after, 1.0), 0.0)
            ties = np.where(d2 > 1, 1.0 - (d2 - 1.0) / np.maximum(n - 1.0, 1.0), 1.0)
            spread = np.where(hit, ties * self.free**2 * d2 / safe**2, 0.0)
            self._add(self.drift * reach, -reach, spread)
        self.incidence = self.incidence + self.free * d1 / safe
        self.free, self.pooled = after, float(pooled)
        return score

    def _add(self, direct: np.ndarray, reach: np.ndarray, spread: np.ndarray) -> None:
        self.covariance += (direct * spread) @ direct.T
        self.own += reach**2 * spread
        self.cross += direct * (reach * spread)
