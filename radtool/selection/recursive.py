"""Recursive feature elimination with a learner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from radtool.errors import ParameterError
from radtool.selection._base import Selector, by_name
from radtool.selection._learners import (
    LEARNERS,
    Target,
    fit_learner,
    read_target,
    stratified_folds,
)
from radtool.selection._screens import harrell, rank_area

__all__ = ["RecursiveElimination"]

_DECIMALS = 10


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """A fit on the features that were left, those that go after it, and its risk function."""

    left: np.ndarray
    gone: np.ndarray
    importance: np.ndarray
    risk: Callable[[np.ndarray], np.ndarray]


class RecursiveElimination(Selector):
    """Fit, drop the least important features, and fit again until few are left.

    Parameters
    ----------
    n_features : int or None, default 20
        How many stay; None chooses the number by cross-validated C or AUC inside the training
        cases (the smallest within a tie).
    learner : {"linear", "forest", "xgboost"}, default "linear"
        What gives the importance: ridge Cox or logistic regression on features of unit SD; a random
        forest (for survival on martingale residuals); XGBoost by total gain.
    fraction : float, default 0.1
        Share of the remaining features that goes in one round (at least one).
    folds : int, default 5
        Inner folds when `n_features` is None.
    at_most : int, optional
        Largest number that may be chosen when `n_features` is None.
    random_state : int, default 0

    Attributes
    ----------
    ranking_ : ndarray of shape (n_features,)
        1 for kept features; the higher, the earlier it went.
    scores_ : dict
        Number of features -> mean inner C or AUC (empty for a given number).
    """

    state: ClassVar[tuple[str, ...]] = (*Selector.state, "ranking_")
    _two_classes = True

    def __init__(
        self,
        n_features: int | None = 20,
        *,
        learner: Literal["linear", "forest", "xgboost"] = "linear",
        fraction: float = 0.1,
        folds: int = 5,
        at_most: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_features = n_features
        self.learner = learner
        self.fraction = fraction
        self.folds = folds
        self.at_most = at_most
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, groups: np.ndarray | None = None) -> Self:
        """Learn which features to keep.

        Parameters
        ----------
        X, y
            Training cases and their outcome.
        groups : ndarray of shape (n_cases,), optional
            Patient of each case, where patients have several: inner folds keep them whole.
        """
        self._groups = None if groups is None else np.asarray(groups)
        return super().fit(X, y)

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        self._check_settings()
        target = read_target(y, len(values), self._name)
        names = by_name(self.features_)
        x = values[:, names]
        self.scores_: dict[int, float] = {}
        count = self.n_features if self.n_features is not None else self._best_count(x, target)
        rounds = list(self._eliminate(x, target, min(count, names.size)))
        kept, self.ranking_ = np.ones(names.size, dtype=bool), np.ones(names.size, dtype=int)
        for place, one in enumerate(rounds):
            positions = names[one.gone]
            kept[positions], self.ranking_[positions] = False, len(rounds) - place + 1
            for position, number in zip(positions, one.importance, strict=True):
                self._drop(int(position), f"least important in round {place + 1}", float(number))
        return kept

    def _eliminate(self, x: np.ndarray, target: Target, count: int) -> Iterator[_Round]:
        """Fit, yield what was fitted and what goes, and again until `count` are left."""
        left = np.arange(x.shape[1])
        while left.size > count:
            importance, risk = fit_learner(self.learner, x[:, left], target, self.random_state)
            number = min(max(1, int(self.fraction * left.size)), left.size - count)
            # Of equal importance, the later name goes first.
            order = np.lexsort((-np.arange(left.size), np.round(importance, _DECIMALS)))
            gone = order[:number]
            yield _Round(left, left[gone], importance[gone], risk)
            left = np.delete(left, gone)

    def _best_count(self, x: np.ndarray, target: Target) -> int:
        rng = np.random.default_rng(self.random_state)
        fold = stratified_folds(target.event, self.folds, rng, self._groups)
        most = self.at_most or x.shape[1]
        scores: dict[int, list[float]] = {}
        for k in range(self.folds):
            train, test = fold != k, fold == k
            part = target.take(train)
            # The last feature is never dropped, but a model of it alone is a candidate.
            for one in self._eliminate(x[train], part, 0):
                if one.left.size <= most:
                    score = _score(one.risk(x[test][:, one.left]), target.take(test))
                    scores.setdefault(one.left.size, []).append(score)
        self.scores_ = {size: float(np.mean(s)) for size, s in sorted(scores.items())}
        best = max(self.scores_.values())
        return min(size for size, score in self.scores_.items() if score >= best - 1e-12)

    def _check_settings(self) -> None:
        if self.learner not in LEARNERS:
            raise ParameterError(
                f"{self._name}: learner is one of {', '.join(LEARNERS)}, got {self.learner!r}"
            )
        if self.n_features is not None and self.n_features < 1:
            raise ParameterError(f"{self._name}: n_features must be at least 1")
        if self.at_most is not None and self.at_most < 1:
            raise ParameterError(f"{self._name}: at_most must be at least 1, got {self.at_most}")
        if not 0 < self.fraction < 1:
            raise ParameterError(f"{self._name}: fraction must be in (0, 1), got {self.fraction}")


def _score(risk: np.ndarray, target: Target) -> float:
    """C or AUC of held-out cases; 0.5 where there is nothing to compare."""
    if target.duration is not None:
        return float(harrell(risk[:, None], target.event, target.duration)[0])
    if target.event.all() or not target.event.any():
        return 0.5
    return float(rank_area(risk[:, None], target.event)[0])
