"""What ComBat reads from a table: batch labels, coded covariates, and what it refuses."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import ParameterError, RadtoolWarning, TableError, did_you_mean, quoted

__all__ = [
    "batch_labels",
    "code_covariates",
    "covariate_levels",
    "refuse_collinear",
    "refuse_outcome",
    "refuse_outcome_names",
]

_OUTCOME = re.compile(
    r"^(time|status|dead|died|death|outcome|label)$|deadstatus|vital_?status"
    r"|(^|[_.\s])(event|duration|survival|overall_?survival|os|pfs|dfs|rfs|efs|ttp|follow_?up"
    r"|time_?to_?(event|death|progression|relapse)|relapse|recurrence)([_.\s]|$)",
    re.IGNORECASE,
)


def batch_labels(X: pd.DataFrame, batch: str) -> np.ndarray:
    """Return the batch of each case as text, or refuse a missing column or label."""
    if batch not in X.columns:
        raise TableError(
            f"ComBat: no batch column {batch!r}{did_you_mean(batch, map(str, X.columns))}"
        )
    missing = X[batch].isna() | (X[batch].astype(str).str.strip() == "")
    if missing.any():
        raise TableError(
            f"ComBat: batch {batch!r} is not known for case(s) {quoted(X.index[missing])}"
        )
    return X[batch].map(_label).to_numpy(dtype=str)


def _label(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def covariate_levels(X: pd.DataFrame, names: Sequence[str]) -> dict[str, list[str] | None]:
    """Return the sorted levels of each categorical covariate, None for a continuous one."""
    levels: dict[str, list[str] | None] = {}
    for name in names:
        if name not in X.columns:
            raise TableError(
                f"ComBat: no covariate column {name!r}{did_you_mean(name, map(str, X.columns))}"
            )
        column = X[name]
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        levels[name] = None if numeric else sorted({_label(value) for value in column.dropna()})
    return levels


def code_covariates(
    X: pd.DataFrame,
    levels: Mapping[str, list[str] | None],
    fallback: np.ndarray | None = None,
) -> np.ndarray:
    """Code covariates as numbers: continuous as they are, categorical against their first level.

    Parameters
    ----------
    X : DataFrame
        With the covariate columns.
    levels : mapping
        Covariate -> its levels, or None for a continuous one.
    fallback : ndarray of shape (n_codes,), optional
        Codes for cases whose covariate is missing or has an unknown level.

    Raises
    ------
    TableError
        Without `fallback`: a covariate is missing or has a level that `fit` never saw. Always: a
        covariate is not a number where it was one, or infinite. Cases are named.
    """
    columns: list[np.ndarray] = []
    for name, known in levels.items():
        column = X[name]
        coded = _continuous(column, name) if known is None else _categories(column, known)
        gaps = np.isnan(coded[:, 0]) if coded.shape[1] else np.zeros(len(X), dtype=bool)
        if gaps.any() and fallback is None:
            _refuse_gaps(column[gaps], name, known)
        elif gaps.any() and fallback is not None:
            start = sum(part.shape[1] for part in columns)
            coded[gaps] = fallback[start : start + coded.shape[1]]
        columns.append(coded)
    return np.hstack(columns) if columns else np.empty((len(X), 0))


def _categories(column: pd.Series, known: list[str]) -> np.ndarray:
    labels = column.map(_label)
    coded = np.column_stack(
        [labels == level for level in known[1:]] or [np.empty((len(labels), 0))]
    )
    coded = coded.astype(float)
    coded[~labels.isin(known).to_numpy()] = np.nan
    return coded


def _continuous(column: pd.Series, name: str) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(column):
        raise TableError(f"ComBat: covariate {name!r} was a number at fit and is not now")
    values = column.to_numpy(dtype=float)
    if np.isinf(values).any():
        raise TableError(
            f"ComBat: covariate {name!r} is infinite for case(s)"
            f" {quoted(column.index[np.isinf(values)])}"
        )
    return values[:, None]


def _refuse_gaps(column: pd.Series, name: str, known: list[str] | None) -> None:
    missing = column.index[column.isna()]
    if len(missing):
        raise TableError(
            f"ComBat: covariate {name!r} is missing for case(s) {quoted(missing)};"
            " impute it first or leave it out"
        )
    raise TableError(
        f"ComBat: covariate {name!r} has level(s) {quoted(sorted(set(map(str, column))))} that"
        f" were not there at fit (case(s) {quoted(column.index)}; known: {quoted(known or [])})"
    )


def refuse_collinear(
    batch: str, labels: np.ndarray, X: pd.DataFrame, levels: Mapping[str, list[str] | None]
) -> None:
    """Refuse covariates whose effect cannot be told from the batch effect."""
    if not levels:
        return
    codes = np.unique(labels, return_inverse=True)[1]
    dummies = np.eye(int(codes.max()) + 1)[codes]
    for name in levels:
        if _deficient(dummies, code_covariates(X, {name: levels[name]})):
            raise ParameterError(
                f"ComBat: covariate {name!r} is constant or fixed by batch {batch!r} (collinear);"
                " their effects cannot be separated: leave the covariate out"
            )
    if _deficient(dummies, code_covariates(X, levels)):
        raise ParameterError(
            f"ComBat: the covariates {quoted(levels)} are linearly dependent given batch"
            f" {batch!r}; leave one out"
        )


def _deficient(dummies: np.ndarray, coded: np.ndarray) -> bool:
    within = coded - dummies @ ((dummies.T @ coded) / dummies.sum(axis=0)[:, None])
    total = np.sqrt(((coded - coded.mean(axis=0)) ** 2).sum(axis=0))
    if coded.shape[1] == 0 or (total == 0).any():
        return True
    return bool(np.linalg.matrix_rank(within / total, tol=1e-8) < coded.shape[1])


def refuse_outcome_names(covariates: Sequence[str], batch: Sequence[str]) -> None:
    """Refuse covariates and batches that are outcomes by their name."""
    for name in (*covariates, *batch):
        if _OUTCOME.search(name):
            raise ParameterError(
                f"ComBat: {name!r} looks like an outcome; harmonizing with it leaks the outcome"
                " into every feature. If it is not one, rename the column"
            )


def refuse_outcome(X: pd.DataFrame, covariates: Sequence[str], y: Any) -> None:
    """Refuse covariates that are the outcome in disguise; warn of near ones (|r| > 0.9)."""
    if y is None:
        return
    outcomes = y if isinstance(y, pd.DataFrame) else pd.DataFrame({"outcome": np.asarray(y)})
    for name in covariates:
        if name in outcomes.columns:
            raise ParameterError(f"ComBat: covariate {name!r} is an outcome column; leave it out")
        for target in outcomes.columns:
            strength = _likeness(X[name], outcomes[target])
            if strength >= 1 - 1e-9:
                raise ParameterError(
                    f"ComBat: covariate {name!r} is the outcome {target!r} in another form;"
                    " leave it out"
                )
            if strength > 0.9:
                warnings.warn(
                    f"ComBat: covariate {name!r} goes with the outcome {target!r} (|r| ="
                    f" {strength:.2f}); if it is measured after the start, the outcome leaks into"
                    " every feature",
                    RadtoolWarning,
                    stacklevel=3,
                )


def _likeness(covariate: pd.Series, target: pd.Series) -> float:
    """How far one orders the other: |rank correlation|, 1 when groups do not overlap at all."""
    codes = covariate
    if not pd.api.types.is_numeric_dtype(covariate):
        means = target.astype(float).groupby(covariate.astype(str).to_numpy()).mean()
        codes = covariate.astype(str).map(means)
    a, b = np.asarray(codes, dtype=float), np.asarray(target, dtype=float)
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    for few, many in ((a, b), (b, a)):
        values = np.unique(few)
        if values.size == 2:
            low, high = many[few == values[0]], many[few == values[1]]
            area = stats.mannwhitneyu(low, high, method="asymptotic").statistic
            return float(abs(2 * area / (low.size * high.size) - 1))
    return float(abs(stats.spearmanr(a, b).statistic))
