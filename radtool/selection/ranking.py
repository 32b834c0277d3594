"""Selectors that take the best few by a score: mutual information, mRMR, random forests."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from radtool.errors import ParameterError
from radtool.selection._base import Selector, by_name
from radtool.selection._learners import Target, read_target
from radtool.selection._screens import harrell, rank_area, unit_ranks

__all__ = ["ForestImportanceFilter", "MRMRFilter", "MutualInformationFilter"]

_DECIMALS = 10


class _TopFilter(Selector):
    """Keep the `top` features with the highest score; ties by name."""

    top: int
    _score_name: ClassVar[str]
    _two_classes = True

    def _scores(self, values: np.ndarray, target: Target) -> np.ndarray:
        raise NotImplementedError

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        if self.top < 1:
            raise ParameterError(f"{self._name}: top must be at least 1, got {self.top}")
        target = read_target(y, len(values), self._name)
        names = by_name(self.features_)
        scores = np.empty(len(names))
        scores[names] = self._scores(values[:, names], target)
        order = names[np.argsort(-np.round(scores[names], _DECIMALS), kind="stable")]
        kept = np.zeros(len(names), dtype=bool)
        kept[order[: self.top]] = True
        for i in np.flatnonzero(~kept):
            self._drop(int(i), f"{self._score_name} not among the best {self.top}", scores[i])
        self.scores_ = scores
        return kept


class MutualInformationFilter(_TopFilter):
    """Keep the features with the highest mutual information with the outcome.

    Any relation counts, not only a monotone one. For survival the outcome is each case's martingale
    residual without features.

    Parameters
    ----------
    top : int, default 20
    neighbours : int, default 3
        Of the nearest-neighbour estimate (Kraskov 2004, Ross 2014).
    random_state : int, default 0
        The estimate breaks ties by tiny noise.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        In nats.
    """

    _score_name = "mutual information"

    def __init__(self, top: int = 20, *, neighbours: int = 3, random_state: int = 0) -> None:
        self.top = top
        self.neighbours = neighbours
        self.random_state = random_state

    def _scores(self, values: np.ndarray, target: Target) -> np.ndarray:
        settings = {"n_neighbors": self.neighbours, "random_state": self.random_state}
        if target.duration is None:
            return mutual_info_classif(values, target.event, **settings)
        return mutual_info_regression(values, target.residual, **settings)


class MRMRFilter(Selector):
    """Choose features one by one: relevant to the outcome, not redundant with the chosen.

    Relevance is |2 C - 1| (Harrell's C) or |2 AUC - 1|; redundancy the mean |Spearman correlation|
    with the features chosen so far. Both run from 0 to 1.

    Parameters
    ----------
    top : int, default 20
    scheme : {"difference", "quotient"}, default "difference"
        Relevance minus, or divided by, redundancy.

    References
    ----------
    Peng, Long, Ding, Feature selection based on mutual information: criteria of max-dependency,
    max-relevance and min-redundancy, IEEE TPAMI 2005 (there with mutual information).
    """

    _two_classes = True

    def __init__(
        self, top: int = 20, *, scheme: Literal["difference", "quotient"] = "difference"
    ) -> None:
        self.top = top
        self.scheme = scheme

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        if self.top < 1 or self.scheme not in ("difference", "quotient"):
            raise ParameterError(
                f"{self._name}: top must be at least 1 and scheme difference or quotient, got"
                f" {self.top}, {self.scheme!r}"
            )
        names = by_name(self.features_)
        ranks = unit_ranks(values[:, names])
        relevance = _relevance(values[:, names], read_target(y, len(values), self._name))
        chosen = [int(np.argmax(relevance))]
        total = np.zeros(names.size)
        while len(chosen) < min(self.top, names.size):
            total += np.abs(ranks[:, chosen[-1]] @ ranks)
            redundancy = total / len(chosen)
            if self.scheme == "difference":
                score = relevance - redundancy
            else:
                score = relevance / np.maximum(redundancy, 1e-3)
            score = np.round(score, _DECIMALS)
            score[chosen] = -np.inf
            chosen.append(int(np.argmax(score)))
        kept = np.zeros(names.size, dtype=bool)
        kept[names[chosen]] = True
        self.order_ = [self.features_[names[i]] for i in chosen]
        for place in range(names.size):
            if not kept[names[place]]:
                self._drop(int(names[place]), f"not among the {self.top} chosen", relevance[place])
        return kept


def _relevance(values: np.ndarray, target: Target) -> np.ndarray:
    if target.duration is None:
        strength = rank_area(values, target.event)
    else:
        strength = harrell(values, target.event, target.duration)
    return np.round(np.abs(2 * strength - 1), _DECIMALS)


class ForestImportanceFilter(_TopFilter):
    """Keep the features that random forests of many shapes use most.

    Forests with random size and depth are fitted on the training cases and their impurity
    importances summed. For survival they regress each case's martingale residual without features.

    Parameters
    ----------
    top : int, default 20
    forests : int, default 50
        How many forests; the glioblastoma study used 1000.
    trees : (int, int), default (20, 300)
        Range of the number of trees of a forest.
    depth : (int, int), default (2, 6)
        Range of the depth.
    random_state : int, default 0

    Attributes
    ----------
    scores_ : ndarray of shape (n_features,)
        Mean importance; sums to 1.
    """

    _score_name = "forest importance"

    def __init__(
        self,
        top: int = 20,
        *,
        forests: int = 50,
        trees: tuple[int, int] = (20, 300),
        depth: tuple[int, int] = (2, 6),
        random_state: int = 0,
    ) -> None:
        self.top = top
        self.forests = forests
        self.trees = trees
        self.depth = depth
        self.random_state = random_state

    def _scores(self, values: np.ndarray, target: Target) -> np.ndarray:
        rng = np.random.default_rng(self.random_state)
        total = np.zeros(values.shape[1])
        survival = target.duration is not None
        for _ in range(self.forests):
            settings = {
                "n_estimators": int(rng.integers(self.trees[0], self.trees[1] + 1)),
                "max_depth": int(rng.integers(self.depth[0], self.depth[1] + 1)),
                "random_state": int(rng.integers(2**31)),
            }
            if survival:
                forest = RandomForestRegressor(max_features="sqrt", **settings)
                total += forest.fit(values, target.residual).feature_importances_
            else:
                forest = RandomForestClassifier(**settings)
                total += forest.fit(values, target.event).feature_importances_
        return total / self.forests
