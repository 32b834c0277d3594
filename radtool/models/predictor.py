"""What sits at the end of a signature: a model whose fitted state is plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from radtool.errors import SignatureError, did_you_mean
from radtool.files import decode, encode

__all__ = ["Predictor", "predictor_from_dict", "weighted_sum"]

_KNOWN: dict[str, type[Predictor]] = {}


class Predictor(BaseEstimator):
    """A model that takes a numeric frame and returns one number a case.

    Survival models return the prognostic index (log hazard ratio; higher = sooner event), marker
    models the probability of True. A subclass lists in `state` the learned attributes that
    `predict` needs, and the columns that it was fitted with in ``columns_``.
    """

    state: ClassVar[tuple[str, ...]] = ()
    survival: ClassVar[bool] = False
    columns_: list[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _KNOWN[cls.__name__] = cls

    def fit(self, X: pd.DataFrame, y: Any, groups: np.ndarray | None = None) -> Self:
        """Learn from training cases; `groups` are their patients, for inner cross-validation."""
        raise NotImplementedError

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return one number a case, shape (n,)."""
        raise NotImplementedError

    def coefficients(self) -> pd.DataFrame:
        """Return one row a feature, starting with ``feature`` and ``coefficient`` or ``gain``."""
        raise NotImplementedError

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Share of each feature in each prediction, on the scale of the linear predictor."""
        raise NotImplementedError(f"{type(self).__name__} does not attribute its predictions")

    def unused(self) -> list[str]:
        """Columns that it was fitted with and has no coefficient for."""
        known = set(self.coefficients()["feature"])
        return [column for column in self.columns_ if column not in known]

    def to_dict(self) -> dict[str, Any]:
        """Settings and learned state as JSON values."""
        learned = {name: getattr(self, name) for name in self.state if hasattr(self, name)}
        return {
            "model": type(self).__name__,
            "settings": encode(self.get_params(deep=False)),
            "state": encode(learned),
        }


def predictor_from_dict(document: Mapping[str, Any]) -> Predictor:
    """Rebuild a fitted model.

    Raises
    ------
    SignatureError
        The model is not one that this version of radtool knows.
    """
    name = str(document.get("model"))
    if name not in _KNOWN:
        raise SignatureError(f"unknown model {name!r}{did_you_mean(name, _KNOWN)}")
    model = _KNOWN[name](**decode(document["settings"]))
    for key, value in decode(document["state"]).items():
        setattr(model, key, value)
    return model


def weighted_sum(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ``values @ weights``, summed column by column, shape (n,).

    A matrix product's order of summation depends on the machine and on how many cases there are;
    this one does not, so that a signature gives the same digits everywhere.
    """
    total = np.zeros(len(values))
    for j in np.flatnonzero(weights):
        total += values[:, j] * weights[j]
    return total
