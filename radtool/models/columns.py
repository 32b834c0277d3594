"""Steps that turn a table's columns into numbers: encoding, imputation, logarithm."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from numbers import Number
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from radtool.errors import InputError, RadtoolWarning, listed
from radtool.table import FeatureStep
from radtool.table.contracts import as_key

__all__ = ["Log", "PrepareColumns"]


class PrepareColumns(FeatureStep):
    """One-hot encode text columns and fill gaps, with categories and values from training.

    Parameters
    ----------
    impute : bool, default True
        Fill gaps in numbers with the training median. When False they stay, for a later imputer.
        A text gap counts as the most frequent category either way.
    keep : sequence of str, default ()
        Columns that pass untouched (batch columns of later steps).

    Notes
    -----
    The most frequent category is the reference and gets no column. A category not seen in training
    is treated as the reference; `unseen` names it. New cases of which none has a category that was
    seen, but several different ones, are refused: the column is coded otherwise. A column without
    any value is dropped. An infinite value is a gap; in training a warning names the column.
    """

    state: ClassVar[tuple[str, ...]] = ("columns_", "categories_", "fill_", "decisions_")

    def __init__(self, impute: bool = True, keep: Sequence[str] = ()) -> None:  # noqa: FBT001, FBT002 (sklearn estimators take settings by name)
        self.impute = impute
        self.keep = keep

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn categories and fill values."""
        kept = set(self.keep)
        self.columns_ = [c for c in X.columns if c not in kept]
        self.categories_: dict[str, list[str]] = {}
        self.fill_: dict[str, float] = {}
        self.decisions_: list[list[Any]] = []
        texts = {c for c in _unlike_numbers(X[self.columns_]) if _is_text(X[c])}
        self._learn_numbers(X, [c for c in self.columns_ if c not in texts])
        for column in self.columns_:
            if column in texts:
                self._learn_text(X[column], column)
            elif column not in self.fill_:
                self.decisions_.append([column, "no finite value in training", None])
        return self

    def _learn_numbers(self, X: pd.DataFrame, columns: list[str]) -> None:
        values = _numbers(X, columns)
        _warn_of_infinite(X, columns)
        known = np.isfinite(values).any(axis=0)
        medians = np.nanmedian(values[:, known], axis=0) if known.any() else np.empty(0)
        self.fill_ = dict(
            zip(np.array(columns, dtype=object)[known], medians.tolist(), strict=True)
        )

    def _learn_text(self, values: pd.Series, column: str) -> None:
        counts = values.dropna().map(_text).value_counts()
        if counts.empty:
            self.decisions_.append([column, "no value in training", None])
            return
        if len(counts) > max(10, len(values) // 2):
            raise InputError(
                f"column {column!r} has {len(counts)} different texts in {len(values)} cases; is it"
                " an identifier? leave it out of the block"
            )
        order = sorted(counts.index, key=lambda name: (-counts[name], name))
        self.categories_[column] = order
        self.decisions_.append([column, f"encoded; reference {order[0]!r}", None])

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return numbers; text columns become 0/1 columns named ``column_category``."""
        numbers = [c for c in self.columns_ if c in self.fill_]
        parts = [self._filled_numbers(X, numbers)]
        dummies = self._dummies()
        for column, names in self.categories_.items():
            values = self._filled_text(X[column], column)
            columns = {dummies[column, n]: (values == n).astype(float) for n in names[1:]}
            parts.append(pd.DataFrame(columns, index=X.index))
        names = [name for name in self.get_feature_names_out() if name not in set(self.keep)]
        return pd.concat([pd.concat(parts, axis=1)[names], X[list(self.keep)]], axis=1)

    def unseen(self, X: pd.DataFrame) -> pd.DataFrame:
        """List values outside the training categories: ``case, column, value``."""
        rows = []
        for column, known in self.categories_.items():
            values = X[column].dropna().map(_text)
            for case, value in values[~values.isin(known)].items():
                rows.append({"case": case, "column": column, "value": value})
        return pd.DataFrame(rows, columns=["case", "column", "value"])

    def source(self, output: str) -> str:
        """Name of the input column that an output column comes from."""
        for (column, _), name in self._dummies().items():
            if output == name:
                return column
        return output

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that `transform` returns."""
        names: list[str] = []
        dummies = self._dummies()
        for column in self.columns_:
            if column in self.categories_:
                names += [dummies[column, name] for name in self.categories_[column][1:]]
            elif column in self.fill_:
                names.append(column)
        return np.array([*names, *self.keep], dtype=object)

    def _dummies(self) -> dict[tuple[str, str], str]:
        """Output column of each category; "<50" and ">50" are told apart by a number."""
        found: dict[tuple[str, str], str] = {}
        taken: set[str] = set(self.keep)
        for column in self.columns_:
            for category in self.categories_.get(column, [])[1:]:
                plain = name = _dummy(column, category)
                count = 1
                while name in taken or name in self.fill_:
                    count += 1
                    name = f"{plain}_{count}"
                taken.add(name)
                found[column, category] = name
        return found

    def _filled_text(self, values: pd.Series, column: str) -> pd.Series:
        texts = values.map(_text, na_action="ignore")
        found, known = set(texts.dropna()), self.categories_[column]
        if len(found) > 1 and not found & set(known):
            raise InputError(
                f"column {column!r} is coded otherwise than in training: it holds"
                f" {listed(map(repr, sorted(found)))}, known are {listed(map(repr, known))};"
                " recode it"
            )
        return texts.where(texts.isin(self.categories_[column]), self.categories_[column][0])

    def _filled_numbers(self, X: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        for column in _unlike_numbers(X[columns]):
            if _is_text(X[column]):
                texts = sorted({v for v in X[column] if isinstance(v, str)})
                raise InputError(
                    f"column {column!r} was a number in training and holds text now"
                    f" ({listed(map(repr, texts))}); write it as it was"
                )
        values = _numbers(X, columns)
        if self.impute:
            fill = np.array([self.fill_[column] for column in columns])
            values = np.where(np.isnan(values), fill, values)
        return pd.DataFrame(values, index=X.index, columns=columns)


class Log(FeatureStep):
    """Natural logarithm of positive columns (volumes); zero and negative values are refused."""

    state: ClassVar[tuple[str, ...]] = ("columns_",)

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Check that all values are above zero."""
        self.columns_ = list(X.columns)
        self._check(X)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return ``log(x)`` under the same column names."""
        self._check(X)
        return np.log(X[self.columns_].astype(float))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that `transform` returns."""
        return np.array(self.columns_, dtype=object)

    @staticmethod
    def _check(X: pd.DataFrame) -> None:
        for column in X.columns:
            low = X.index[X[column].to_numpy(dtype=float) <= 0].tolist()
            if low:
                raise InputError(
                    f"column {column!r} has no logarithm for {low[:5]} (not above 0); harmonize"
                    " and scale after it, or in another block"
                )


def _unlike_numbers(X: pd.DataFrame) -> list[str]:
    """Columns whose type alone does not make them numbers; asked of types, for tables are wide."""
    is_number = pd.api.types.is_numeric_dtype
    return [c for c, dtype in zip(X.columns, X.dtypes, strict=True) if not is_number(dtype)]


def _is_text(values: pd.Series) -> bool:
    """Whether a column holds text; numbers in an object column (a gap makes one) are numbers."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return False
    if values.dtype != object:
        return True
    return not all(isinstance(value, Number) for value in values.dropna())


def _numbers(X: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Values as floats, what is not finite as NaN."""
    frame = X[columns]
    objects = [c for c in _unlike_numbers(frame) if frame[c].dtype == object]
    if objects:
        plain = {c: [np.nan if pd.isna(v) else float(v) for v in frame[c]] for c in objects}
        frame = frame.assign(**plain)
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _warn_of_infinite(X: pd.DataFrame, columns: list[str]) -> None:
    """Name the columns with infinite values; a column of objects is not looked into."""
    floats = [c for c, kind in zip(columns, X[columns].dtypes, strict=True) if kind.kind == "f"]
    values = X[floats].to_numpy(dtype=float, na_value=np.nan)
    hit = [c for c, bad in zip(floats, np.isinf(values).any(axis=0), strict=True) if bad]
    if hit:
        warnings.warn(
            f"infinite values in column(s) {listed(hit)} count as missing",
            RadtoolWarning,
            stacklevel=2,
        )


def _text(value: object) -> str:
    return as_key(value)


def _dummy(column: str, category: str) -> str:
    return f"{column}_{re.sub(r'[^0-9A-Za-z]+', '_', category).strip('_')}"
