"""Steps that change values and keep columns: imputation and scaling."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin

from radtool.errors import ParameterError, TableError, quoted
from radtool.selection._base import Selector, Step
from radtool.selection.filters import volume_position

__all__ = ["MedianImputer", "Standardize", "VolumeResiduals", "Winsorize"]


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
        return values_like(X, scaled, self.features_)


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
        return values_like(X, filled, self.features_)[list(self.get_feature_names_out())]

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        empty = np.isnan(values).all(axis=0)
        self.median_ = np.full(values.shape[1], np.nan)
        self.median_[~empty] = np.nanmedian(values[:, ~empty], axis=0)
        for i in np.flatnonzero(empty):
            self._drop(int(i), "no value in training")
        return ~empty


class Winsorize(OneToOneFeatureMixin, Step):
    """Pull extreme values in to quantiles of the training cases; missing stay missing.

    Parameters
    ----------
    lower, upper : float, default 0.01 and 0.99
        Quantiles of the training values.
    """

    state: ClassVar[tuple[str, ...]] = (
        "feature_names_in_",
        "n_features_in_",
        "columns_",
        "features_",
        "limits_",
    )
    _gaps_allowed: ClassVar[bool] = True

    def __init__(self, lower: float = 0.01, upper: float = 0.99) -> None:
        self.lower = lower
        self.upper = upper

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the limits of each feature."""
        if not 0 <= self.lower < self.upper <= 1:
            raise ParameterError(
                f"Winsorize: 0 <= lower < upper <= 1 needed, got {self.lower}, {self.upper}"
            )
        values = self._learn_columns(X)
        empty = np.isnan(values).all(axis=0)
        self.limits_ = np.full((2, values.shape[1]), np.nan)
        self.limits_[:, ~empty] = np.nanquantile(
            values[:, ~empty], [self.lower, self.upper], axis=0
        )
        return self

    def transform(self, X: Any) -> Any:
        """Clip to the training limits."""
        values = self._read_columns(X)
        low = np.where(np.isnan(self.limits_[0]), -np.inf, self.limits_[0])
        high = np.where(np.isnan(self.limits_[1]), np.inf, self.limits_[1])
        return values_like(X, np.clip(values, low, high), self.features_)


class VolumeResiduals(OneToOneFeatureMixin, Step):
    """Take out of each feature what the volume explains in the training cases.

    A straight line on the volume is fitted to each feature; what is left, plus the training mean,
    goes on. The volume column itself is unchanged. Missing values are refused: impute first.

    Parameters
    ----------
    volume : str or int, default 0
        Column with the volume (an int: position among the numeric columns).
    scale : {"log", "linear"}, default "log"
        The line is on ln(volume), which must be above 0, or on the volume itself.

    Attributes
    ----------
    slope_ : ndarray of shape (n_features,)
        Per unit of (ln) volume.
    """

    state: ClassVar[tuple[str, ...]] = (
        "feature_names_in_",
        "n_features_in_",
        "columns_",
        "features_",
        "slope_",
        "middle_",
        "volume_",
    )

    def __init__(self, volume: str | int = 0, *, scale: Literal["log", "linear"] = "log") -> None:
        self.volume = volume
        self.scale = scale

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the line of each feature."""
        if self.scale not in ("log", "linear"):
            raise ParameterError(f"VolumeResiduals: scale is log or linear, got {self.scale!r}")
        values = self._learn_columns(X, least_cases=2)
        self.volume_ = volume_position(self.volume, self.features_, "VolumeResiduals")
        size = self._size(values, X)
        self.middle_ = float(size.mean())
        x = size - self.middle_
        spread = float(x @ x)
        self.slope_ = x @ values / spread if spread > 0 else np.zeros(values.shape[1])
        self.slope_[self.volume_] = 0.0
        return self

    def transform(self, X: Any) -> Any:
        """Take the training lines out."""
        values = self._read_columns(X)
        size = self._size(values, X)
        moved = values - np.outer(size - self.middle_, self.slope_)
        return values_like(X, moved, self.features_)

    def _size(self, values: np.ndarray, X: Any) -> np.ndarray:
        volume = values[:, self.volume_]
        bad = volume <= 0
        if self.scale == "log" and bad.any():
            cases = X.index[bad] if isinstance(X, pd.DataFrame) else np.flatnonzero(bad)
            raise TableError(
                f"VolumeResiduals: the volume is not above 0 for case(s) {quoted(cases)}"
            )
        return np.log(volume) if self.scale == "log" else volume


def _is_constant(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    low = np.where(known, values, np.inf).min(axis=0)
    return low == np.where(known, values, -np.inf).max(axis=0)


def values_like(X: Any, values: np.ndarray, features: list[str]) -> Any:
    """Values in place of the features of X: a frame for a frame, else an array."""
    if not isinstance(X, pd.DataFrame):
        return values
    if len(features) == X.shape[1]:
        return pd.DataFrame(values, index=X.index, columns=X.columns)
    frame = pd.DataFrame(values, index=X.index, columns=features)
    carried = X[[name for name in X.columns if name not in set(features)]]
    return pd.concat([frame, carried], axis=1)[list(X.columns)]
