"""Steps that change values and keep columns: imputation and scaling."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin

from radtool.selection._base import Selector, Step

__all__ = ["MedianImputer", "Standardize"]


class Standardize(OneToOneFeatureMixin, Step):
    """Scale each feature to mean 0 and SD 1 with the training cases' mean and SD.

    A feature that is constant in training becomes 0 for every case, then and later (its scale is
    unknown; `report_` names it). Missing values stay missing.

    Attributes
    ----------
    mean_, sd_ : ndarray of shape (n_features,)
        Of the training cases; the SD divides by n - 1.

    Examples
    --------
    >>> Standardize().fit_transform(pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 5.0]}))
         a    b
    0 -1.0  0.0
    1  0.0  0.0
    2  1.0  0.0
    """

    state: ClassVar[tuple[str, ...]] = (
        "feature_names_in_",
        "n_features_in_",
        "columns_",
        "features_",
        "mean_",
        "sd_",
        "decisions_",
    )
    _gaps_allowed: ClassVar[bool] = True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn mean and SD of each feature."""
        values = self._learn_columns(X)
        known = np.isfinite(values)
        n = known.sum(axis=0)
        filled = np.where(known, values, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.mean_ = filled.sum(axis=0) / n
            centred = np.where(known, filled - self.mean_, 0.0)
            self.sd_ = np.sqrt((centred**2).sum(axis=0) / (n - 1))
        self.sd_[_is_constant(values) | (n < 2)] = 0.0
        self.mean_[n == 0] = 0.0
        self.decisions_ = [
            [self.features_[i], "constant in training: set to 0", float(self.mean_[i])]
            for i in np.flatnonzero(self.sd_ == 0)
        ]
        return self

    def transform(self, X: Any) -> Any:
        """Scale with the training mean and SD."""
        values = self._read_columns(X)
        flat = self.sd_ == 0
        scaled = (values - self.mean_) / np.where(flat, 1.0, self.sd_)
        scaled[:, flat] = np.where(np.isnan(values[:, flat]), np.nan, 0.0)
        return _like(X, scaled, self.features_)


class MedianImputer(Selector):
    """Fill missing values with the training median; drop features without any value.

    Attributes
    ----------
    median_ : ndarray of shape (n_features,)
        Of the training cases; NaN for a feature that is dropped.

    Examples
    --------
    >>> MedianImputer().fit_transform(pd.DataFrame({"a": [1.0, np.nan, 4.0, 3.0]}))["a"].tolist()
    [1.0, 3.0, 4.0, 3.0]
    """

    state: ClassVar[tuple[str, ...]] = (*Selector.state, "median_")
    _gaps_allowed: ClassVar[bool] = True
    _least_cases: ClassVar[int] = 1

    def transform(self, X: Any) -> Any:
        """Fill gaps with the training medians; index kept."""
        values = self._read_columns(X)
        filled = np.where(np.isnan(values), self.median_, values)
        if not isinstance(X, pd.DataFrame):
            return filled[:, self.support_]
        return _like(X, filled, self.features_)[list(self.get_feature_names_out())]

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        empty = np.isnan(values).all(axis=0)
        self.median_ = np.full(values.shape[1], np.nan)
        self.median_[~empty] = np.nanmedian(values[:, ~empty], axis=0)
        for i in np.flatnonzero(empty):
            self._drop(int(i), "no value in training")
        return ~empty


def _is_constant(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    low = np.where(known, values, np.inf).min(axis=0)
    return low == np.where(known, values, -np.inf).max(axis=0)


def _like(X: Any, values: np.ndarray, features: list[str]) -> Any:
    """Values in place of the features of X: a frame for a frame, else an array."""
    if not isinstance(X, pd.DataFrame):
        return values
    if len(features) == X.shape[1]:
        return pd.DataFrame(values, index=X.index, columns=X.columns)
    frame = pd.DataFrame(values, index=X.index, columns=features)
    carried = X[[name for name in X.columns if name not in set(features)]]
    return pd.concat([frame, carried], axis=1)[list(X.columns)]
