"""Hierarchical clustering of features; one representative of each cluster stays."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from radtool.errors import ParameterError, TableError
from radtool.selection._base import Selector, by_name, two_classes
from radtool.selection._learners import read_target
from radtool.selection._screens import harrell, rank_area, unit_ranks

__all__ = ["ClusterFilter", "clustered_order"]

_DECIMALS = 10
_MOST_FEATURES = 15_000

Linkage = Literal["average", "complete", "single"]


class ClusterFilter(Selector):
    """Keep one representative of each cluster of correlated features.

    The distance of two features is 1 - |Spearman correlation|.

    Parameters
    ----------
    threshold : float, default 0.85
        Clusters are cut where |rho| (by `linkage`) falls below it.
    linkage : {"average", "complete", "single"}, default "average"
    keep : {"medoid", "univariate"}, default "medoid"
        The feature with the highest mean |rho| within its cluster, or the one with the best
        univariate Harrell C or AUC, which needs y. Ties by name.

    Attributes
    ----------
    clusters_ : Series
        Feature -> number of its cluster (from 1, in order of the first name).
    """

    state: ClassVar[tuple[str, ...]] = (*Selector.state, "labels_")

    def __init__(
        self,
        threshold: float = 0.85,
        *,
        linkage: Linkage = "average",
        keep: Literal["medoid", "univariate"] = "medoid",
    ) -> None:
        self.threshold = threshold
        self.linkage = linkage
        self.keep = keep

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        return two_classes(tags) if self.keep == "univariate" else tags

    @property
    def clusters_(self) -> pd.Series:
        """Which cluster each feature is in."""
        return pd.Series(self.labels_, index=self.features_, name="cluster")

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        if self.keep not in ("medoid", "univariate"):
            raise ParameterError(f"{self._name}: keep is medoid or univariate, got {self.keep!r}")
        names = by_name(self.features_)
        rho = _correlation(values[:, names])
        labels = _cut(rho, self.threshold, self.linkage)
        worth = self._worth(values[:, names], y, rho, labels)
        self.labels_ = np.empty(names.size, dtype=int)
        self.labels_[names] = labels
        kept = np.zeros(names.size, dtype=bool)
        for cluster in np.unique(labels):
            members = np.flatnonzero(labels == cluster)
            best = members[np.argmax(worth[members])]
            kept[names[best]] = True
            for i in members[members != best]:
                reason = f"cluster {cluster} is represented by {self.features_[names[best]]}"
                self._drop(int(names[i]), reason, rho[i, best])
        return kept

    def _worth(self, values: np.ndarray, y: Any, rho: np.ndarray, labels: np.ndarray) -> np.ndarray:
        if self.keep == "medoid":
            return np.round((rho * (labels[:, None] == labels)).sum(axis=1), _DECIMALS)
        target = read_target(y, len(values), self._name)
        if target.duration is None:
            strength = rank_area(values, target.event)
        else:
            strength = harrell(values, target.event, target.duration)
        return np.round(np.abs(strength - 0.5), _DECIMALS)


def clustered_order(rho: np.ndarray, linkage: Linkage = "average") -> np.ndarray:
    """Return the order of features in which like ones lie side by side, for a heat map.

    Parameters
    ----------
    rho : ndarray of shape (n_features, n_features)
        Correlations.
    """
    if len(rho) < 3:
        return np.arange(len(rho))
    return hierarchy.leaves_list(_tree(np.abs(rho), linkage))


def _correlation(values: np.ndarray) -> np.ndarray:
    if values.shape[1] > _MOST_FEATURES:
        raise TableError(
            f"ClusterFilter: {values.shape[1]} features are too many for one distance matrix (at"
            f" most {_MOST_FEATURES}); put a CorrelationFilter or VarianceFilter before"
        )
    ranks = unit_ranks(values)
    return np.round(np.clip(np.abs(ranks.T @ ranks), 0.0, 1.0), _DECIMALS)


def _tree(rho: np.ndarray, linkage: Linkage) -> np.ndarray:
    distance = 1 - rho
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    return hierarchy.linkage(squareform(np.maximum(distance, 0.0), checks=False), linkage)


def _cut(rho: np.ndarray, threshold: float, linkage: Linkage) -> np.ndarray:
    if not 0 < threshold <= 1:
        raise ParameterError(f"ClusterFilter: threshold must be in (0, 1], got {threshold}")
    if linkage not in ("average", "complete", "single"):
        raise ParameterError(
            f"ClusterFilter: linkage is average, complete or single, got {linkage!r}"
        )
    if len(rho) < 2:
        return np.ones(len(rho), dtype=int)
    raw = hierarchy.fcluster(_tree(rho, linkage), 1 - threshold, criterion="distance")
    _, first = np.unique(raw, return_index=True)
    number = np.empty(raw.max() + 1, dtype=int)
    number[raw[np.sort(first)]] = np.arange(1, first.size + 1)
    return number[raw]
