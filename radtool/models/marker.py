"""Signatures of a binary marker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.roc import check_marker, sensitivity_threshold, youden_threshold
from radtool.models.elastic_net import ElasticNetLogistic
from radtool.models.linear import Logistic
from radtool.models.predictor import Predictor
from radtool.models.signature import Signature
from radtool.models.trees import RandomForest, XGBoostMarker

__all__ = ["MarkerSignature"]


class MarkerSignature(Signature):
    """A signature of a binary marker: blocks of predictors, a classifier and its thresholds.

    Parameters
    ----------
    blocks, steps, search, seed
        See `Signature`.
    model : {"xgboost", "elastic_net", "logistic", "random_forest"} or Predictor
        What learns; default "xgboost".
    combine : {"joint", "index", "average"}, default "joint"
        "average" gives the mean of the blocks' probabilities.

    Attributes
    ----------
    cutoffs_ : dict
        Thresholds of the training probabilities: ``youden``, ``sensitivity_90``.
    """

    kind = "marker"
    is_survival = False
    models: ClassVar[Mapping[str, type[Predictor]]] = {
        "xgboost": XGBoostMarker,
        "elastic_net": ElasticNetLogistic,
        "logistic": Logistic,
        "random_forest": RandomForest,
    }

    def predict_probability(self, X: pd.DataFrame) -> pd.Series:
        """Return the probability that the marker is True."""
        return self._score(X).rename("probability")

    def predict(self, X: pd.DataFrame, *, cut: str = "youden") -> pd.Series:
        """Return True where the probability reaches a training threshold."""
        if cut not in self.cutoffs_:
            raise InputError(f"cut must be one of {sorted(self.cutoffs_)}, got {cut!r}")
        return (self._score(X) >= self.cutoffs_[cut]).rename("predicted")

    def _rescaled(self, score: np.ndarray) -> np.ndarray:
        if self.recalibration_ is None:
            return score
        log_odds = self.recalibration_["slope"] * self._link(score)
        return 1.0 / (1.0 + np.exp(-(self.recalibration_["intercept"] + log_odds)))

    def _combiner(self) -> Predictor:
        return Logistic()

    def _link(self, values: np.ndarray) -> np.ndarray:
        clipped = np.clip(values, 1e-9, 1 - 1e-9)
        return np.log(clipped / (1 - clipped))

    def _check(self, X: pd.DataFrame, y: Any) -> pd.Series:
        truth = self._check_new(X, y)
        if min(truth.sum(), (~truth).sum()) < 2:
            raise InputError(
                f"1 of {len(truth)} cases is in the smaller class; a marker model needs at least 2"
                " (and about 10 per predictor to be worth anything)"
            )
        return truth

    def _check_new(self, X: pd.DataFrame, y: Any) -> pd.Series:
        if not isinstance(y, pd.Series):
            raise InputError("a marker is a boolean Series")
        if not y.index.equals(X.index):
            raise InputError("X and y are not of the same cases in the same order")
        return pd.Series(check_marker(y), index=y.index, name=y.name)

    def _finish(self, score: np.ndarray, y: pd.Series, patients: pd.Series) -> None:
        self.cutoffs_ = {
            "youden": youden_threshold(y, score).value,
            "sensitivity_90": sensitivity_threshold(y, score, sensitivity=0.9).value,
        }
        candidates = sum(len(f.inputs) for f in self.blocks_.values())
        smaller = float(min(y.sum(), (~y).sum()))
        self.trained_on_ |= {
            "events": int(y.sum()),
            "events_per_variable": smaller / max(len(self._used()), 1),
            "candidates": candidates,
            "events_per_candidate": smaller / max(candidates, 1),
        }
