"""Redundancy: of features that say the same, one stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from radtool.errors import ParameterError, TableError, quoted
from radtool.selection._base import (
    Selector,
    binary_target,
    by_name,
    survival_target,
    two_classes,
)
from radtool.selection._screens import harrell, rank_area, unit_ranks

__all__ = ["CorrelationFilter"]

_BLOCK = 256
_DECIMALS = 10
_SLACK = 5e-11  # the last digits of a correlation depend on the order of columns


class CorrelationFilter(Selector):
    """Keep one of every group of features with |Spearman correlation| above a threshold.

    Features are ranked by preference; each is kept unless it goes with one already kept. So every
    dropped feature has a better partner that stays (`report_` names it), and no two kept features
    are above the threshold.

    Parameters
    ----------
    threshold : float, default 0.85
        Pairs with |rho| above it are redundant.
    keep : {"mean_correlation", "univariate", "priority"}, default "mean_correlation"
        Who is preferred: the feature with the lower mean |rho| with all others; the one with the
        better univariate Harrell C (survival) or AUC (marker), direction aside, which needs y; or
        the one that comes first in `priority`.
    priority : sequence of str, default ()
        For ``keep="priority"``: best first; features not named come after, by mean |rho|.

    Notes
    -----
    Ties are broken by name, so the order of columns does not matter. Constant features correlate
    with nothing and stay: `VarianceFilter` is for them. The correlation matrix is never held
    whole, so 40,000 features fit in memory.
    """

    def __init__(
        self,
        threshold: float = 0.85,
        keep: Literal["mean_correlation", "univariate", "priority"] = "mean_correlation",
        *,
        priority: Sequence[str] = (),
    ) -> None:
        self.threshold = threshold
        self.keep = keep
        self.priority = priority

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        return two_classes(tags) if self.keep == "univariate" else tags

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        if not 0 < self.threshold <= 1:
            raise ParameterError(
                f"CorrelationFilter: threshold must be in (0, 1], got {self.threshold}"
            )
        names = by_name(self.features_)
        ranks = unit_ranks(values[:, names])
        order = self._preference(values[:, names], ranks, names, y)
        return self._sweep(ranks[:, order], names[order])

    def _preference(
        self, values: np.ndarray, ranks: np.ndarray, names: np.ndarray, y: Any
    ) -> np.ndarray:
        """Positions, the preferred first; equal ones stay in order of name."""
        if self.keep == "univariate":
            return np.argsort(-np.round(_strength(values, y), _DECIMALS), kind="stable")
        mean = np.round(_mean_correlation(ranks), _DECIMALS)
        if self.keep == "mean_correlation":
            return np.argsort(mean, kind="stable")
        if self.keep != "priority":
            raise ParameterError(
                f"CorrelationFilter: keep cannot be {self.keep!r}; allowed: mean_correlation,"
                " univariate, priority"
            )
        unknown = sorted(set(self.priority) - set(self.features_))
        if unknown:
            raise TableError(
                f"CorrelationFilter: priority names no feature here: {quoted(unknown)}"
            )
        place = {name: rank for rank, name in enumerate(self.priority)}
        last = len(place)
        given = np.array([place.get(self.features_[i], last) for i in names])
        return np.lexsort((mean, given))

    def _sweep(self, ranks: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Go through features in order of preference, block by block."""
        count = ranks.shape[1]
        kept_here: list[int] = []
        alive = np.ones(count, dtype=bool)
        limit = self.threshold + _SLACK
        for start in range(0, count, _BLOCK):
            block = np.flatnonzero(alive[start : start + _BLOCK]) + start
            if not block.size:
                continue
            within = ranks[:, block].T @ ranks[:, block]
            above = np.abs(within) > limit
            chosen: list[int] = []
            for i in range(block.size):
                if not alive[block[i]]:
                    continue
                chosen.append(i)
                for j in np.flatnonzero(above[i, i + 1 :] & alive[block[i + 1 :]]) + i + 1:
                    alive[block[j]] = False
                    self._redundant(positions, block[j], block[i], within[i, j])
            kept = block[chosen]
            kept_here += kept.tolist()
            rest = np.flatnonzero(alive[start + _BLOCK :]) + start + _BLOCK
            across = ranks[:, kept].T @ ranks[:, rest]
            above = np.abs(across) > limit
            first = above.argmax(axis=0)
            for j in np.flatnonzero(above.any(axis=0)):
                alive[rest[j]] = False
                self._redundant(positions, rest[j], kept[first[j]], across[first[j], j])
        support = np.zeros(count, dtype=bool)
        support[positions[kept_here]] = True
        return support

    def _redundant(self, positions: np.ndarray, gone: int, partner: int, rho: float) -> None:
        better = self.features_[positions[partner]]
        self._drop(int(positions[gone]), f"redundant with {better}", float(np.clip(rho, -1, 1)))


def _mean_correlation(ranks: np.ndarray) -> np.ndarray:
    """Mean |rho| of each feature with all others."""
    count = ranks.shape[1]
    total = np.zeros(count)
    for start in range(0, count, _BLOCK):
        part = np.abs(ranks[:, start : start + _BLOCK].T @ ranks)
        total[start : start + _BLOCK] = part.sum(axis=1)
    own = (ranks**2).sum(axis=0)
    return (total - own) / max(count - 1, 1)


def _strength(values: np.ndarray, y: Any) -> np.ndarray:
    if isinstance(y, pd.DataFrame):
        event, duration = survival_target(y, len(values), "CorrelationFilter")
        return np.abs(harrell(values, event, duration) - 0.5)
    return np.abs(rank_area(values, binary_target(y, len(values), "CorrelationFilter")) - 0.5)
