"""Backward elimination from one fit, as R's rms::fastbw does it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import ParameterError, RadtoolWarning, TableError, quoted
from radtool.selection._base import (
    Selector,
    binary_target,
    survival_target,
)
from radtool.selection.likelihood import (
    SeparatedError,
    cox_likelihood,
    logistic_likelihood,
    newton,
)

__all__ = ["BackwardElimination"]

_DECIMALS = 10
_SETTLED_AS_CPH = 1e-4  # where rms::cph stops; a finer stop moves chi-square by 1e-5


class BackwardElimination(Selector):
    """Fit one model with all features, then delete the least useful one by one.

    A Cox model (ties by Efron) for survival, a logistic model for a marker. After each deletion the
    coefficients of the rest are updated without refitting (Lawless and Singhal), so the order and
    the statistics equal those of rms::fastbw.

    Parameters
    ----------
    alpha : float, default 0.2
        A feature goes while its p is at or above it (rms: ``sls``).
    rule : {"p", "aic"}, default "p"
        "aic" deletes while chi-square - 2 × degrees of freedom is at most 0; `alpha` is not read.
    basis : {"individual", "residual"}, default "individual"
        Whether the rule looks at the next feature alone, or at all deleted ones together.
    groups : mapping of str to sequence of str, optional
        Columns that stay or go together: the dummies of one factor.
    at_least : int, default 1
        Where the rule would delete all, this many are kept, and `report_` says so.

    Attributes
    ----------
    trace_ : DataFrame
        One row a deletion: ``deleted, chi2, df, p, residual, residual_df, residual_p, aic``.
    coef_ : dict
        Approximate coefficients of the kept features (not refitted), per feature unit.

    Raises
    ------
    InputError
        At `fit`: as many features as events, constant or dependent features; the message says
        which filter to put before.

    References
    ----------
    Lawless and Singhal, Efficient screening of nonnormal regression models, Biometrics 1978.
    """

    state: ClassVar[tuple[str, ...]] = (*Selector.state, "trace_rows_", "coef_")
    _two_classes = True

    def __init__(
        self,
        alpha: float = 0.2,
        *,
        rule: Literal["p", "aic"] = "p",
        basis: Literal["individual", "residual"] = "individual",
        groups: Mapping[str, Sequence[str]] | None = None,
        at_least: int = 1,
    ) -> None:
        self.alpha = alpha
        self.rule = rule
        self.basis = basis
        self.groups = groups
        self.at_least = at_least

    @property
    def trace_(self) -> pd.DataFrame:
        """The deletions, in order."""
        names = "deleted chi2 df p residual residual_df residual_p aic"
        return pd.DataFrame(self.trace_rows_, columns=names.split())

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        self._check_settings()
        beta, covariance = self._fit_all(values, y)
        factors = self._factors()
        self.trace_rows_: list[list[Any]] = []
        alive, gone = dict(factors), np.zeros(0, dtype=int)
        while len(alive) > self.at_least:
            name, chi2 = _weakest(beta, covariance, gone, alive)
            df = len(alive[name])
            together = np.concatenate([gone, alive[name]])
            residual = _wald(beta[together], covariance[np.ix_(together, together)])
            row = _row(name, chi2, df, residual, together.size)
            if not self._goes(row):
                break
            self.trace_rows_.append(row)
            gone = together
            for position in alive.pop(name):
                self._drop(int(position), f"{self._limit()} ({name})", row[3])
        self._say_rescued(beta, covariance, gone, alive)
        kept = np.setdiff1d(np.arange(values.shape[1]), gone)
        rest, _ = _given_deleted(beta, covariance, gone, kept)
        self.coef_ = {self.features_[i]: float(b) for i, b in zip(kept, rest, strict=True)}
        return np.isin(np.arange(values.shape[1]), kept)

    def _fit_all(self, values: np.ndarray, y: Any) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(y, pd.DataFrame):
            event, duration = survival_target(y, len(values), self._name)
            likelihood, events = cox_likelihood(event, duration), int(event.sum())
            settled = _SETTLED_AS_CPH
        else:
            marker = binary_target(y, len(values), self._name)
            likelihood, settled = logistic_likelihood(marker), 1e-11
            events = int(min(marker.sum(), (~marker).sum()))
        if values.shape[1] >= events:
            raise TableError(
                f"{self._name}: {values.shape[1]} features and {events} events; one model with all"
                " of them cannot be fitted: keep fewer before this step (CorrelationFilter,"
                f" UnivariateCoxFilter(top={max(events // 10, 1)}))"
            )
        flat = np.flatnonzero(np.ptp(values, axis=0) == 0)
        if flat.size:
            names = quoted(self.features_[i] for i in flat)
            raise TableError(
                f"{self._name}: constant feature(s) {names}; VarianceFilter drops them"
            )
        try:
            return newton(values, likelihood, settled=settled)
        except SeparatedError:
            warnings.warn(
                f"{self._name}: the features separate the outcome; their coefficients are shrunk"
                " (ridge 1), and the p-values are rough",
                RadtoolWarning,
                stacklevel=4,
            )
            return newton(values, likelihood, ridge=1.0)

    def _factors(self) -> dict[str, list[int]]:
        """Factor -> positions of its columns; a feature outside every group is its own factor."""
        groups = dict(self.groups or {})
        home = {column: name for name, columns in groups.items() for column in columns}
        unknown = sorted(set(home) - set(self.features_))
        if unknown:
            raise TableError(f"{self._name}: groups name no feature here: {quoted(unknown)}")
        factors: dict[str, list[int]] = {}
        for position, feature in enumerate(self.features_):
            factors.setdefault(home.get(feature, feature), []).append(position)
        return dict(sorted(factors.items()))

    def _goes(self, row: list[Any]) -> bool:
        _, chi2, df, p, residual, residual_df, residual_p, _ = row
        if self.basis == "residual":
            chi2, df, p = residual, residual_df, residual_p
        return chi2 - 2 * df <= 0 if self.rule == "aic" else p >= self.alpha

    def _limit(self) -> str:
        return "AIC falls" if self.rule == "aic" else f"p at or above {self.alpha:g}"

    def _say_rescued(
        self,
        beta: np.ndarray,
        covariance: np.ndarray,
        gone: np.ndarray,
        alive: dict[str, list[int]],
    ) -> None:
        if not alive or len(alive) > self.at_least:
            return
        name, chi2 = _weakest(beta, covariance, gone, alive)
        together = np.concatenate([gone, alive[name]])
        residual = _wald(beta[together], covariance[np.ix_(together, together)])
        row = _row(name, chi2, len(alive[name]), residual, together.size)
        if self._goes(row):
            for position in alive[name]:
                self._drop(int(position), "kept although the rule deletes it (at_least)", row[3])

    def _check_settings(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ParameterError(f"{self._name}: alpha must be in (0, 1], got {self.alpha}")
        if self.rule not in ("p", "aic") or self.basis not in ("individual", "residual"):
            raise ParameterError(
                f"{self._name}: rule is p or aic and basis individual or residual, got"
                f" {self.rule!r}, {self.basis!r}"
            )


def _row(name: str, chi2: float, df: int, residual: float, residual_df: int) -> list[Any]:
    p, together = float(stats.chi2.sf(chi2, df)), float(stats.chi2.sf(residual, residual_df))
    return [name, chi2, df, p, residual, residual_df, together, residual - 2 * residual_df]


def _weakest(
    beta: np.ndarray, covariance: np.ndarray, gone: np.ndarray, alive: dict[str, list[int]]
) -> tuple[str, float]:
    """The factor with the largest p given the deletions so far, and its chi-square."""
    best: tuple[float, str, float] | None = None
    for name, positions in alive.items():
        own, spread = _given_deleted(beta, covariance, gone, np.array(positions))
        chi2 = _wald(own, spread)
        p = round(float(stats.chi2.sf(chi2, len(positions))), _DECIMALS)
        if best is None or p > best[0]:
            best = (p, name, chi2)
    assert best is not None
    return best[1], best[2]


def _given_deleted(
    beta: np.ndarray, covariance: np.ndarray, gone: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and covariance of some coefficients if the deleted ones are 0."""
    if not gone.size:
        return beta[kept], covariance[np.ix_(kept, kept)]
    bridge = np.linalg.solve(covariance[np.ix_(gone, gone)], covariance[np.ix_(gone, kept)])
    rest = beta[kept] - bridge.T @ beta[gone]
    spread = covariance[np.ix_(kept, kept)] - covariance[np.ix_(kept, gone)] @ bridge
    return rest, spread


def _wald(beta: np.ndarray, covariance: np.ndarray) -> float:
    scale = np.sqrt(np.diag(covariance))
    unit = beta / scale
    return float(unit @ np.linalg.solve(covariance / np.outer(scale, scale), unit))
