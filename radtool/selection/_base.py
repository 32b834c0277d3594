"""What every step here shares: numeric columns are learned from, text columns are carried along."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import check_is_fitted, validate_data

from radtool.errors import RadtoolWarning, TableError, quoted
from radtool.table import FeatureStep, check_survival

__all__ = [
    "Selector",
    "Step",
    "binary_target",
    "by_name",
    "survival_target",
    "two_classes",
]


def by_name(names: Iterable[str]) -> np.ndarray:
    """Positions of the names in alphabetical order: the order in which ties are broken."""
    return np.argsort(np.array(list(names), dtype=str), kind="stable")


class Step(FeatureStep):
    """A step over the numeric columns of a frame; columns of text or categories are carried.

    Notes
    -----
    Rows are taken in order, so an index may repeat (bootstrap draws); X and y must have the same
    index. Plain arrays are accepted and give arrays.
    """

    _gaps_allowed: ClassVar[bool] = False
    _two_classes: ClassVar[bool] = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._gaps_allowed
        return two_classes(tags) if self._two_classes else tags

    def _learn_columns(self, X: Any, *, least_cases: int = 1) -> np.ndarray:
        """Check X at fit, remember its columns, and return the features as floats."""
        if not isinstance(X, pd.DataFrame):
            values = validate_data(
                self,
                X,
                dtype=np.float64,
                ensure_all_finite="allow-nan" if self._gaps_allowed else True,
                ensure_min_samples=least_cases,
            )
            self.columns_ = [f"x{i}" for i in range(values.shape[1])]
            self.features_ = list(self.columns_)
            return values
        self._check_frame(X, reset=True)
        self.columns_ = [str(name) for name in X.columns]
        self.features_ = [str(name) for name in X.select_dtypes(["number", "bool"]).columns]
        if not self.features_:
            raise TableError(f"{self._name}: no numeric column among {quoted(self.columns_)}")
        if len(X) < least_cases:
            raise TableError(
                f"{self._name}: n_samples={len(X)}, a minimum of {least_cases} is required"
            )
        return self._floats(X)

    def _read_columns(self, X: Any) -> np.ndarray:
        """Check X at transform and return the features as floats."""
        check_is_fitted(self)
        if isinstance(X, pd.DataFrame):
            self._check_frame(X, reset=False)
            return self._floats(X)
        return validate_data(
            self,
            X,
            dtype=np.float64,
            reset=False,
            ensure_all_finite="allow-nan" if self._gaps_allowed else True,
        )

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _check_frame(self, X: pd.DataFrame, *, reset: bool) -> None:
        try:
            validate_data(self, X, reset=reset, skip_check_array=True)
        except ValueError as error:
            raise TableError(f"{self._name}: {error}") from error
        if X.columns.has_duplicates:
            twice = X.columns[X.columns.duplicated()].tolist()
            raise TableError(f"{self._name}: column(s) named twice: {quoted(twice)}")
        if len(X) == 0:
            raise TableError(
                f"{self._name}: Found array with 0 sample(s) (shape={X.shape}); no cases"
            )

    def _floats(self, X: pd.DataFrame) -> np.ndarray:
        try:
            values = X[self.features_].to_numpy(dtype=float)
        except (TypeError, ValueError) as error:
            raise TableError(f"{self._name}: a feature is not a number ({error})") from error
        bad = np.isinf(values) if self._gaps_allowed else ~np.isfinite(values)
        if bad.any():
            names = [self.features_[i] for i in np.flatnonzero(bad.any(axis=0))]
            cases = X.index[bad.any(axis=1)]
            what = "infinite" if self._gaps_allowed else "missing (NaN) or infinite"
            raise TableError(
                f"{self._name}: {what} values in {quoted(names)}, case(s) {quoted(cases)};"
                " impute first (MedianImputer) or leave the feature out"
            )
        return values

    def _check_index(self, X: Any, y: Any) -> None:
        framed = isinstance(X, pd.DataFrame) and isinstance(y, pd.DataFrame | pd.Series)
        if framed and not y.index.equals(X.index):
            raise TableError(f"{self._name}: X and y have different cases or another order (index)")


def two_classes(tags: Any) -> Any:
    """Mark an estimator as one that needs a marker of two values."""
    tags.target_tags.required = True
    tags.classifier_tags = ClassifierTags(multi_class=False)
    return tags


class Selector(SelectorMixin, Step):
    """A step that keeps some features; a subclass's `_choose` says which.

    Attributes
    ----------
    support_ : ndarray of bool, shape (n_features,)
        Which features are kept, in the order of `features_`.
    decisions_, report_
        Every feature that was dropped, why, and the number that decided.
    """

    state: ClassVar[tuple[str, ...]] = (
        "feature_names_in_",
        "n_features_in_",
        "columns_",
        "features_",
        "support_",
        "decisions_",
    )
    _least_cases: ClassVar[int] = 2

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which features to keep.

        Parameters
        ----------
        X : DataFrame
            Training cases; numeric columns are features, others are carried along.
        y : DataFrame, Series or None
            The outcome, where the selector needs one; same index as X.
        """
        values = self._learn_columns(X, least_cases=self._least_cases)
        self._check_index(X, y)
        self.decisions_: list[list[Any]] = []
        self.support_ = self._choose(values, y)
        if not self.support_.any():
            warnings.warn(
                f"{self._name}: no feature passes; none is left for the steps after it",
                RadtoolWarning,
                stacklevel=2,
            )
        return self

    def transform(self, X: Any) -> Any:
        """Keep the chosen features and the carried columns, in the order of X; index kept."""
        if not isinstance(X, pd.DataFrame):
            return self._read_columns(X)[:, self._get_support_mask()]
        check_is_fitted(self)
        self._check_frame(X, reset=False)
        return X[list(self.get_feature_names_out())]

    def inverse_transform(self, X: Any) -> Any:
        """Put the kept features back among zeros (plain arrays only)."""
        return super().inverse_transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that come out: kept features and carried columns."""
        check_is_fitted(self)
        if input_features is not None and not hasattr(self, "feature_names_in_"):
            names = np.asarray(input_features, dtype=object)
            if names.size != self.n_features_in_:
                raise TableError(
                    "input_features should have length equal to number of features"
                    f" ({self.n_features_in_}), got {names.size}"
                )
            return names[self.support_]
        if input_features is not None and not np.array_equal(input_features, self.columns_):
            raise TableError("input_features is not equal to feature_names_in_")
        gone = {name for name, kept in zip(self.features_, self.support_, strict=True) if not kept}
        return np.array([name for name in self.columns_ if name not in gone], dtype=object)

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return self.support_

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        """Return which features stay, and note in `decisions_` why the others go."""
        raise NotImplementedError

    def _drop(self, position: int, reason: str, value: float | None = None) -> None:
        number = None if value is None or not np.isfinite(value) else float(value)
        self.decisions_.append([self.features_[position], reason, number])


def survival_target(y: Any, cases: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return event and duration of a survival outcome, or say that one is needed.

    A frame with ``event`` and ``duration``, or a plain array of signed durations (negative:
    censored, as XGBoost reads survival labels).
    """
    if y is None:
        raise TableError(
            f"{name}: requires y to be passed, but the target y is None; give event and duration"
        )
    if isinstance(y, pd.DataFrame):
        checked = check_survival(y)
        event, duration = checked["event"].to_numpy(), checked["duration"].to_numpy()
    else:
        signed = np.asarray(y)
        if isinstance(y, pd.Series) or signed.ndim != 1 or signed.dtype.kind not in "iuf":
            raise TableError(
                f"{name}: y must be a DataFrame with event and duration; Unknown label type:"
                f" {type(y).__name__}"
            )
        event, duration = signed > 0, np.abs(signed.astype(float))
    if len(event) != cases:
        raise TableError(f"{name}: {cases} cases in X, {len(event)} in y")
    if not np.isfinite(duration).all() or not event.any():
        raise TableError(f"{name}: y has gaps, infinite durations, or no event")
    return event, duration


def binary_target(y: Any, cases: int, name: str) -> np.ndarray:
    """Return a marker as booleans (the larger of its two values is True), or say what is wrong."""
    if y is None:
        raise TableError(
            f"{name}: requires y to be passed, but the target y is None; give the marker"
        )
    values = np.asarray(y)
    if values.ndim != 1 or len(values) != cases:
        raise TableError(f"{name}: y must be a marker of {cases} values, got shape {values.shape}")
    levels = np.unique(values[~pd.isna(values)])
    if pd.isna(values).any() or levels.size != 2:
        raise TableError(
            f"{name}: the marker must have two values and no gaps, has {quoted(levels)}"
            f" ({int(pd.isna(values).sum())} missing); leave unknown cases out"
        )
    return values == levels[1]
