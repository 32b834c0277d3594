"""Models that rank features: fit, importance per feature, risk of new cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from radtool.errors import ParameterError
from radtool.selection._base import binary_target, survival_target
from radtool.selection.likelihood import cox_likelihood, logistic_likelihood, newton

__all__ = ["LEARNERS", "Target", "fit_learner", "read_target", "stratified_folds"]

LEARNERS = ("linear", "forest", "xgboost")
_EXACT = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """An outcome as arrays.

    Parameters
    ----------
    event : ndarray of bool
        Observed events, or the marker itself.
    duration : ndarray or None
        None for a marker.
    """

    event: np.ndarray
    duration: np.ndarray | None

    def take(self, rows: np.ndarray) -> Target:
        """The target of some cases."""
        return Target(self.event[rows], None if self.duration is None else self.duration[rows])

    @property
    def residual(self) -> np.ndarray:
        """One number per case: the marker, or the martingale residual without any feature."""
        if self.duration is None:
            return self.event.astype(float)
        order = np.sort(self.duration)
        times, dead = np.unique(self.duration[self.event], return_counts=True)
        at_risk = order.size - np.searchsorted(order, times, side="left")
        hazard = np.concatenate([[0.0], np.cumsum(dead / at_risk)])
        return self.event - hazard[np.searchsorted(times, self.duration, side="right")]


def read_target(y: Any, cases: int, name: str) -> Target:
    """Read a survival outcome (a frame) or a marker (anything else)."""
    if isinstance(y, pd.DataFrame):
        return Target(*survival_target(y, cases, name))
    return Target(binary_target(y, cases, name), None)


def stratified_folds(
    event: np.ndarray,
    folds: int,
    rng: np.random.Generator,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Fold of each case, events and others dealt out evenly; cases of a group stay together."""
    if groups is not None:
        code, names = pd.factorize(np.asarray(groups).astype(str), sort=True)
        any_event = np.bincount(code, event, minlength=len(names)) > 0
        return stratified_folds(any_event, folds, rng)[code]
    fold = np.empty(event.size, dtype=int)
    start = 0
    for kind in (True, False):
        rows = rng.permutation(np.flatnonzero(event == kind))
        fold[rows] = (np.arange(rows.size) + start) % folds
        start += rows.size
    return fold


def fit_learner(
    kind: str, x: np.ndarray, target: Target, seed: int
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Fit one learner; return importance (p,) and a function from new rows to risk."""
    if kind == "linear":
        return _linear(x, target)
    if kind == "forest":
        return _forest(x, target, seed)
    if kind == "xgboost":
        return _xgboost(x, target, seed)
    raise ParameterError(f"unknown learner {kind!r}; allowed: {', '.join(LEARNERS)}")


def _linear(x: np.ndarray, target: Target) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Ridge Cox or logistic regression; the penalty is that of one prior event per feature."""
    if target.duration is None:
        likelihood = logistic_likelihood(target.event)
    else:
        likelihood = cox_likelihood(target.event, target.duration)
    beta, _ = newton(x, likelihood, ridge=1.0)
    return np.abs(beta) * x.std(axis=0), lambda new: new @ beta


def _forest(
    x: np.ndarray, target: Target, seed: int
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    settings = {"n_estimators": 200, "min_samples_leaf": 3, "random_state": seed}
    if target.duration is None:
        forest = RandomForestClassifier(**settings).fit(x, target.event)
        return forest.feature_importances_, lambda new: forest.predict_proba(new)[:, 1]
    regression = RandomForestRegressor(**settings).fit(x, target.residual)
    return regression.feature_importances_, regression.predict


def _xgboost(
    x: np.ndarray, target: Target, seed: int
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    import xgboost

    survival = target.duration is not None
    label = np.where(target.event, 1, -1) * target.duration if survival else target.event
    settings = {
        "objective": "survival:cox" if survival else "binary:logistic",
        "max_depth": 3,
        "eta": 0.1,
        "subsample": 0.8,
        "seed": seed,
        "nthread": 1,
        # Every split of a large table takes minutes; bins of 1/256 lose nothing there.
        "tree_method": "exact" if len(x) <= _EXACT else "hist",
    }
    data = xgboost.DMatrix(x, label=np.asarray(label, dtype=float), nthread=1)
    booster = xgboost.train(settings, data, num_boost_round=100)
    gain = booster.get_score(importance_type="total_gain")
    importance = np.array([gain.get(f"f{i}", 0.0) for i in range(x.shape[1])], dtype=float)
    return importance, lambda new: booster.predict(
        xgboost.DMatrix(new, nthread=1), output_margin=True
    )
