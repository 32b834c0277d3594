"""Tree models: XGBoost for survival and markers, random forest for markers."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.models.predictor import Predictor
from radtool.selection.tree_arrays import descend, tree_arrays

__all__ = ["RandomForest", "XGBoostAFT", "XGBoostCox", "XGBoostMarker"]

_LARGEST = float(np.finfo(np.float32).max)


def _values(X: pd.DataFrame) -> np.ndarray:
    """Values as floats that trees can hold, which are of single precision."""
    values = X.to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        wide = (np.abs(values) > _LARGEST).any(axis=0)
    if wide.any():
        raise InputError(
            f"column {X.columns[int(np.flatnonzero(wide)[0])]!r} has values beyond"
            f" {_LARGEST:.1e}, which trees cannot hold; take its logarithm"
        )
    return values


def _order(X: pd.DataFrame, *outcome: np.ndarray) -> np.ndarray:
    """Order of cases by outcome, then by value: a fit does not depend on the table's own order."""
    values = X[sorted(X.columns)].to_numpy(dtype=float)
    return np.lexsort([*values.T[::-1], *outcome[::-1]])


class _XGBoost(Predictor):
    """Shared settings and state of the XGBoost models."""

    state: ClassVar[tuple[str, ...]] = ("columns_", "booster_", "shift_")
    objective: ClassVar[str] = ""

    def __init__(
        self,
        rounds: int = 100,
        max_depth: int = 2,
        learning_rate: float = 0.1,
        subsample: float = 1.0,
        min_child_weight: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.rounds = rounds
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.min_child_weight = min_child_weight
        self.seed = seed

    def _train(
        self, X: pd.DataFrame, label: dict[str, np.ndarray], extra: dict[str, Any] | None = None
    ) -> None:
        import xgboost

        if X.shape[1] == 0:
            raise InputError("XGBoost needs at least one predictor; every column was dropped")
        self.columns_ = list(X.columns)
        settings = {
            "objective": self.objective,
            "max_depth": self.max_depth,
            "eta": self.learning_rate,
            "subsample": self.subsample,
            "min_child_weight": self.min_child_weight,
            "seed": self.seed,
            "nthread": 1,
            "tree_method": "hist",
            **(extra or {}),
        }
        values = _values(X)
        order = _order(X, *(-column for column in label.values()))
        sorted_label = {name: column[order] for name, column in label.items()}
        data = xgboost.DMatrix(values[order], nthread=1, **sorted_label)
        booster = xgboost.train(settings, data, num_boost_round=self.rounds)
        self.booster_ = json.loads(bytes(booster.save_raw("json")))

    def _booster(self) -> Any:
        import xgboost

        return xgboost.Booster(
            {"nthread": 1}, model_file=bytearray(json.dumps(self.booster_).encode())
        )

    def _margin(self, X: pd.DataFrame) -> np.ndarray:
        import xgboost

        data = xgboost.DMatrix(_values(X[self.columns_]), nthread=1)
        margin = self._booster().predict(data, output_margin=True)
        return np.asarray(margin, dtype=float) - self.shift_

    def coefficients(self) -> pd.DataFrame:
        """Return ``feature, gain``: the mean loss reduction of the splits on it, most first."""
        gains = self._booster().get_score(importance_type="gain")
        table = pd.DataFrame(
            {
                "feature": self.columns_,
                "gain": [float(gains.get(f"f{j}", 0.0)) for j in range(len(self.columns_))],
            }
        )
        return table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Shapley value of each feature by XGBoost's own tree algorithm, on the margin scale."""
        import xgboost

        data = xgboost.DMatrix(_values(X[self.columns_]), nthread=1)
        parts = self._booster().predict(data, pred_contribs=True)
        return pd.DataFrame(parts[:, :-1].astype(float), index=X.index, columns=self.columns_)


class XGBoostCox(_XGBoost):
    """Boosted trees on the Cox partial likelihood; the margin is the prognostic index.

    Parameters
    ----------
    rounds, max_depth, learning_rate, subsample, min_child_weight, seed
        As XGBoost names them; one thread, so that equal input gives equal bytes.

    Notes
    -----
    XGBoost goes through tied cases one by one. Here events come before censored cases of the same
    time, and then the lower value of the first column, by name, that differs, so that the order of
    the table does not matter.
    """

    survival: ClassVar[bool] = True
    objective: ClassVar[str] = "survival:cox"

    def fit(self, X: pd.DataFrame, y: pd.DataFrame, groups: np.ndarray | None = None) -> Self:
        """Boost; the index is centred on the training cases."""
        time = y["duration"].to_numpy(dtype=float)
        self.shift_ = 0.0
        signed = np.where(y["event"].to_numpy(dtype=bool), time, -time)
        self._train(X, {"label": signed})
        self.shift_ = float(self._margin(X).mean())
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the prognostic index."""
        return self._margin(X)


class XGBoostAFT(_XGBoost):
    """Boosted trees for the logarithm of the time itself (accelerated failure time, normal).

    Parameters
    ----------
    rounds, max_depth, learning_rate, subsample, min_child_weight, seed
        As XGBoost names them; one thread, so that equal input gives equal bytes.

    Notes
    -----
    The index is minus the predicted log time, centred on the training cases: higher = sooner event.
    """

    survival: ClassVar[bool] = True
    objective: ClassVar[str] = "survival:aft"

    def fit(self, X: pd.DataFrame, y: pd.DataFrame, groups: np.ndarray | None = None) -> Self:
        """Boost; a censored time is a lower bound."""
        time = y["duration"].to_numpy(dtype=float)
        upper = np.where(y["event"].to_numpy(dtype=bool), time, np.inf)
        self.shift_ = 0.0
        self._train(X, {"label_lower_bound": time, "label_upper_bound": upper})
        self.shift_ = float(self._margin(X).mean())
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the prognostic index."""
        return -self._margin(X)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Shapley value of each feature on the scale of the index."""
        return -super().contributions(X)


class XGBoostMarker(_XGBoost):
    """Boosted trees for a binary marker.

    Parameters
    ----------
    rounds, max_depth, learning_rate, subsample, min_child_weight, seed
        As XGBoost names them; one thread, so that equal input gives equal bytes.

    Notes
    -----
    The smaller class is weighted up so that both weigh the same, and the log odds are shifted back
    by the logarithm of that weight, so that probabilities keep to the training prevalence.
    """

    objective: ClassVar[str] = "binary:logistic"

    def fit(self, X: pd.DataFrame, y: pd.Series, groups: np.ndarray | None = None) -> Self:
        """Boost with balanced classes."""
        truth = np.asarray(y, dtype=bool)
        weight = float((~truth).sum() / truth.sum())
        self._train(X, {"label": truth.astype(float)}, {"scale_pos_weight": weight})
        self.shift_ = float(np.log(weight))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of True."""
        return 1.0 / (1.0 + np.exp(-self._margin(X)))


class RandomForest(Predictor):
    """Random forest for a binary marker.

    Parameters
    ----------
    trees : int, default 300
        Number of trees.
    max_depth : int, default 4
        Depth of each.
    min_leaf : int, default 3
        Fewest cases in a leaf.
    seed : int, default 0
        Seed of the bootstrap samples and splits.

    Notes
    -----
    Cases are sorted by outcome and values and columns by name before the draws, so that the order
    of the table does not matter.
    """

    state: ClassVar[tuple[str, ...]] = ("columns_", "trees_", "prior_", "importance_")

    def __init__(
        self, trees: int = 300, max_depth: int = 4, min_leaf: int = 3, seed: int = 0
    ) -> None:
        self.trees = trees
        self.max_depth = max_depth
        self.min_leaf = min_leaf
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: pd.Series, groups: np.ndarray | None = None) -> Self:
        """Grow the trees; classes are balanced within each."""
        from sklearn.ensemble import RandomForestClassifier

        self.columns_ = sorted(X.columns)
        values, truth = _values(X[self.columns_]), np.asarray(y, dtype=bool)
        order = _order(X, truth)
        forest = RandomForestClassifier(
            n_estimators=self.trees,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_leaf,
            random_state=self.seed,
            class_weight="balanced",
            n_jobs=1,
        ).fit(values[order].astype(np.float32), truth[order])
        self.importance_ = forest.feature_importances_.copy()
        self.trees_ = [tree_arrays(one.tree_) for one in forest.estimators_]
        self.prior_ = float(truth.mean() / (1 - truth.mean()))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of True, shifted back to the training prevalence."""
        values = _values(X[self.columns_]).astype(np.float32)
        balanced = np.mean([descend(tree, values) for tree in self.trees_], axis=0)
        odds = balanced / np.maximum(1 - balanced, 1e-12) * self.prior_
        return odds / (1 + odds)

    def coefficients(self) -> pd.DataFrame:
        """Return ``feature, gain``: the mean decrease in impurity, most first."""
        table = pd.DataFrame({"feature": self.columns_, "gain": self.importance_})
        return table.sort_values("gain", ascending=False, kind="stable", ignore_index=True)
