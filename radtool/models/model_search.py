"""Models that choose their own settings, and features, inside the cases they are fitted on."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from radtool.errors import InputError, ParameterError, RadtoolError, RadtoolWarning, did_you_mean
from radtool.evaluation.designs import grouped_folds, grouped_split
from radtool.evaluation.roc import auc
from radtool.models.linear import Logistic
from radtool.models.predictor import Predictor, predictor_from_dict
from radtool.models.trees import RandomForest, XGBoostMarker
from radtool.selection import RecursiveElimination

__all__ = ["KINDS", "RandomSearch", "TunedXGBoost", "draw_candidates", "held_out_auc"]

KINDS = ("xgboost", "random_forest", "logistic")
_GRID: Mapping[str, Sequence[Any]] = {
    "max_depth": (2, 3),
    "rounds": (50, 150),
    "learning_rate": (0.05, 0.1),
}


def draw_candidates(kinds: Sequence[str], draws: int, seed: int) -> list[Predictor]:
    """Draw models with random hyper-parameters, `draws` of each kind, kinds in turn.

    Trees: 20-300 of depth 2-6; boosting with a learning rate of 0.01-0.3 (log-uniform), a share
    of 0.5-1 of the cases and a child weight of 1-10; forests with 1-10 cases in a leaf; logistic
    regression with a ridge of 0.01-100 (log-uniform).

    Parameters
    ----------
    kinds : sequence of {"xgboost", "random_forest", "logistic"}
    draws : int
        Of each kind.
    seed : int
        Same seed, same models.

    Raises
    ------
    ParameterError
        A kind is unknown, or there is nothing to draw.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise ParameterError(f"unknown kind of model {kind!r}{did_you_mean(kind, KINDS)}")
    if not kinds or draws < 1:
        raise ParameterError(f"nothing to draw: kinds {list(kinds)}, draws {draws}")
    rng = np.random.default_rng(seed)
    return [_drawn(kind, rng) for _ in range(draws) for kind in kinds]


def _drawn(kind: str, rng: np.random.Generator) -> Predictor:
    def whole(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    def spread(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    if kind == "logistic":
        return Logistic(ridge=spread(0.01, 100.0))
    trees, depth, number = whole(20, 300), whole(2, 6), whole(0, 2**31 - 1)
    if kind == "random_forest":
        return RandomForest(trees, depth, min_leaf=whole(1, 10), seed=number)
    return XGBoostMarker(
        trees,
        depth,
        learning_rate=spread(0.01, 0.3),
        subsample=float(rng.uniform(0.5, 1.0)),
        min_child_weight=float(whole(1, 10)),
        seed=number,
    )


def held_out_auc(model: Predictor, X: pd.DataFrame, y: np.ndarray, held_out: np.ndarray) -> float:
    """Fit a model on the rest and return the AUC of the held-out cases; NaN where it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RadtoolWarning)
            model.fit(X[~held_out], y[~held_out])
            return auc(y[held_out], model.predict(X[held_out])).value
    except RadtoolError:
        return float("nan")


class _Searching(Predictor):
    """What models that choose have in common: they predict with what they chose.

    Attributes
    ----------
    chosen_ : dict
        The fitted model as JSON values.
    table_ : dict of list
        Every candidate and its scores.
    """

    state: ClassVar[tuple[str, ...]] = ("columns_", "chosen_", "table_")

    @property
    def model_(self) -> Predictor:
        """The chosen model, fitted on all training cases."""
        return predictor_from_dict(self.chosen_)

    @property
    def searched_(self) -> pd.DataFrame:
        """Every candidate: its kind, settings and scores, in the order tried."""
        return pd.DataFrame(self.table_)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of True."""
        return self.model_.predict(X)

    def coefficients(self) -> pd.DataFrame:
        """Return the table of the chosen model."""
        return self.model_.coefficients()

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the shares of the chosen model."""
        return self.model_.contributions(X)


class RandomSearch(_Searching):
    """The best of many random models, by repeated splits of the training cases.

    Models of every kind are drawn with random hyper-parameters and scored on one split by patient;
    the best few are scored again on fresh splits, against a lucky first one; the best mean wins
    and is fitted on all training cases.

    Parameters
    ----------
    kinds : sequence of {"xgboost", "random_forest", "logistic"}
    draws : int, default 10
        Models of each kind.
    best : int, default 5
        How many are scored again.
    resplits : int, default 10
        Fresh splits.
    test_share : float, default 0.3
        Patients held out of a split.
    seed : int, default 0

    Notes
    -----
    The columns that come in may have been selected on all training cases: the scores compare
    candidates, they do not estimate performance. For that, refit the whole signature in outer
    folds (`cross_validate`).
    """

    def __init__(
        self,
        kinds: Sequence[str] = KINDS,
        draws: int = 10,
        best: int = 5,
        resplits: int = 10,
        test_share: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.kinds = kinds
        self.draws = draws
        self.best = best
        self.resplits = resplits
        self.test_share = test_share
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: pd.Series, groups: np.ndarray | None = None) -> Self:
        """Draw, score, score the best again, and fit the winner."""
        if self.best < 1 or self.resplits < 1:
            raise ParameterError(
                f"RandomSearch: best and resplits must be at least 1, got {self.best} and"
                f" {self.resplits}"
            )
        self.columns_ = list(X.columns)
        truth = np.asarray(y, dtype=bool)
        people = np.arange(len(X)) if groups is None else np.asarray(groups)
        models = draw_candidates(self.kinds, self.draws, self.seed)
        parts = [
            grouped_split(pd.Series(truth), people, share=self.test_share, seed=self.seed + k)
            for k in range(self.resplits + 1)
        ]
        first = np.array([held_out_auc(model, X, truth, parts[0]) for model in models])
        if np.isnan(first).all():
            raise InputError("RandomSearch: none of the drawn models could be fitted and scored")
        order = np.argsort(-np.nan_to_num(np.round(first, 12), nan=-1.0), kind="stable")
        again = np.full((len(models), self.resplits), np.nan)
        for i in order[: self.best]:
            again[i] = [held_out_auc(models[i], X, truth, part) for part in parts[1:]]
        mean = np.full(len(models), np.nan)
        scored = np.isfinite(again).any(axis=1)
        mean[scored] = np.nanmean(again[scored], axis=1)
        winner = int(np.nanargmax(np.round(mean, 12))) if scored.any() else int(order[0])
        models[winner].fit(X, truth)
        self.chosen_ = models[winner].to_dict()
        self.table_ = {
            "kind": [type(model).__name__ for model in models],
            "settings": [model.get_params(deep=False) for model in models],
            "first_split": first.tolist(),
            "mean_of_resplits": mean.tolist(),
        }
        return self


class TunedXGBoost(_Searching):
    """XGBoost whose features and settings are chosen by folds that keep patients whole.

    Features are eliminated recursively with XGBoost's own importance; their number is the one
    with the best cross-validated AUC. Settings then come from a grid by cross-validated AUC.

    Parameters
    ----------
    at_most : int or None, default 20
        Largest number of features; None: no elimination.
    fraction : float, default 0.2
        Share of the features that goes in one round.
    grid : mapping of str to sequence, optional
        Settings of `XGBoostMarker` and their values; default depth 2 or 3, 50 or 150 rounds,
        learning rate 0.05 or 0.1.
    folds : int, default 5
        Of both cross-validations.
    seed : int, default 0

    Attributes
    ----------
    dropped_ : list
        Feature, reason and importance of each that went.
    score_ : float
        Mean AUC of the folds at the chosen settings; the features were selected on all training
        cases, so that it compares and does not estimate.
    """

    state: ClassVar[tuple[str, ...]] = (*_Searching.state, "dropped_", "score_")

    def __init__(
        self,
        at_most: int | None = 20,
        fraction: float = 0.2,
        grid: Mapping[str, Sequence[Any]] | None = None,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.at_most = at_most
        self.fraction = fraction
        self.grid = grid
        self.folds = folds
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: pd.Series, groups: np.ndarray | None = None) -> Self:
        """Eliminate, search the grid, and fit with what was chosen."""
        truth = np.asarray(y, dtype=bool)
        people = np.arange(len(X)) if groups is None else np.asarray(groups)
        self.columns_ = list(X.columns)
        self.dropped_: list[list[Any]] = []
        kept = X
        if self.at_most is not None:
            step = RecursiveElimination(
                None,
                learner="xgboost",
                fraction=self.fraction,
                folds=self.folds,
                at_most=self.at_most,
                random_state=self.seed,
            ).fit(X, truth, groups=people)
            kept, self.dropped_ = step.transform(X), step.decisions_
        settings = self._settings()
        fold = grouped_folds(pd.Series(truth), people, self.folds, self.seed)
        scores = [self._score(one, kept, truth, fold) for one in settings]
        if np.isnan(scores).all():
            raise InputError("TunedXGBoost: no settings of the grid could be scored in any fold")
        best = int(np.nanargmax(np.round(scores, 12)))
        self.score_ = float(scores[best])
        self.chosen_ = XGBoostMarker(**settings[best], seed=self.seed).fit(kept, y).to_dict()
        self.table_ = {"settings": settings, "mean_auc": [float(s) for s in scores]}
        return self

    def _settings(self) -> list[dict[str, Any]]:
        grid = _GRID if self.grid is None else self.grid
        allowed = XGBoostMarker().get_params(deep=False)
        for name in grid:
            if name not in allowed:
                raise ParameterError(
                    f"TunedXGBoost: XGBoost has no setting {name!r}{did_you_mean(name, allowed)}"
                )
        return [
            dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
        ]

    def _score(
        self, settings: Mapping[str, Any], X: pd.DataFrame, y: np.ndarray, fold: np.ndarray
    ) -> float:
        found = [
            held_out_auc(XGBoostMarker(**settings, seed=self.seed), X, y, fold == k)
            for k in range(self.folds)
        ]
        return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")
