"""Missing values filled by random forests, with the forests of the training cases kept as JSON."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning

from radtool.errors import ParameterError
from radtool.selection._base import Selector
from radtool.selection.preparing import values_like
from radtool.selection.tree_arrays import descend, tree_arrays

__all__ = ["ForestImputer"]


class ForestImputer(Selector):
    """Fill missing values with forests on the other features, round after round (MissForest).

    Gaps start at the training mean; then each feature with gaps, the fewest first, is predicted
    by a forest from all others, and again in the next round. New cases go through the same
    forests in the same order. A feature without gaps in training is filled with its training mean
    later on; one without any value is dropped.

    Parameters
    ----------
    rounds : int, default 5
        At most so many; fewer when the filled values settle (`tolerance`).
    trees : int, default 20
        Of each forest.
    max_depth : int, default 6
        Of each tree: keeps the file small.
    tolerance : float, default 1e-3
        Largest change of a round, as a share of the largest value, at which it has settled.
    random_state : int, default 0

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Of the training cases; NaN for a feature that is dropped.
    sequence_ : list of dict
        ``feature``, ``from`` (positions) and ``trees`` of each forest, in order.

    References
    ----------
    Stekhoven, Bühlmann, MissForest: non-parametric missing value imputation for mixed-type data,
    Bioinformatics 2012; fitted by scikit-learn's IterativeImputer.
    """

    state: ClassVar[tuple[str, ...]] = (*Selector.state, "mean_", "sequence_")
    _gaps_allowed: ClassVar[bool] = True
    _least_cases: ClassVar[int] = 2

    def __init__(
        self,
        rounds: int = 5,
        *,
        trees: int = 20,
        max_depth: int = 6,
        tolerance: float = 1e-3,
        random_state: int = 0,
    ) -> None:
        self.rounds = rounds
        self.trees = trees
        self.max_depth = max_depth
        self.tolerance = tolerance
        self.random_state = random_state

    def transform(self, X: Any) -> Any:
        """Fill gaps with the forests of the training cases; index kept."""
        values = self._read_columns(X)
        filled = values.copy()
        filled[:, self.support_] = self._filled(values[:, self.support_])
        if not isinstance(X, pd.DataFrame):
            return filled[:, self.support_]
        return values_like(X, filled, self.features_)[list(self.get_feature_names_out())]

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        for name in ("rounds", "trees", "max_depth"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{self._name}: {name} must be at least 1")
        empty = np.isnan(values).all(axis=0)
        for i in np.flatnonzero(empty):
            self._drop(int(i), "no value in training")
        self.mean_ = np.full(values.shape[1], np.nan)
        self.mean_[~empty] = np.nanmean(values[:, ~empty], axis=0)
        self.sequence_ = self._learn(values[:, ~empty])
        return ~empty

    def _learn(self, values: np.ndarray) -> list[dict[str, Any]]:
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (makes it importable)
        from sklearn.impute import IterativeImputer

        if values.shape[1] < 2 or not np.isnan(values).any():
            return []
        forest = RandomForestRegressor(
            n_estimators=self.trees,
            max_depth=self.max_depth,
            random_state=self.random_state,
            n_jobs=1,
        )
        imputer = IterativeImputer(
            forest,
            max_iter=self.rounds,
            tol=self.tolerance,
            skip_complete=True,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            # A fixed number of rounds is the method; settling early only saves time.
            warnings.simplefilter("ignore", ConvergenceWarning)
            imputer.fit(values)
        return [
            {
                "feature": int(step.feat_idx),
                "from": np.asarray(step.neighbor_feat_idx, dtype=np.int64),
                "trees": [tree_arrays(one.tree_) for one in step.estimator.estimators_],
            }
            for step in imputer.imputation_sequence_
        ]

    def _filled(self, values: np.ndarray) -> np.ndarray:
        missing = np.isnan(values)
        filled = np.where(missing, self.mean_[self.support_], values)
        for step in self.sequence_:
            rows = np.flatnonzero(missing[:, step["feature"]])
            if rows.size:
                known = filled[rows][:, step["from"]].astype(np.float32)
                filled[rows, step["feature"]] = np.mean(
                    [descend(tree, known) for tree in step["trees"]], axis=0
                )
        return filled
