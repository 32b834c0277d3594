"""Elastic-net Cox and logistic regression by coordinate descent along a path of penalties.

The objective is glmnet's: the negative log likelihood (partial, Breslow ties) divided by n, plus
``penalty * (mixing * |b|_1 + (1 - mixing) / 2 * |b|_2^2)`` on columns scaled to unit standard
deviation (divisor n); `radtool.selection.likelihood` descends.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.concordance import harrell_c
from radtool.evaluation.designs import grouped_folds
from radtool.evaluation.roc import auc
from radtool.models.predictor import Predictor, weighted_sum
from radtool.selection.likelihood import (
    Likelihood,
    cox_likelihood,
    logistic_likelihood,
    path,
    path_penalties,
)

__all__ = ["ElasticNetCox", "ElasticNetLogistic", "elastic_net_path"]


class _ElasticNet(Predictor):
    """Shared settings: the penalty is chosen by inner cross-validation unless given."""

    state: ClassVar[tuple[str, ...]] = ("columns_", "coef_", "intercept_", "penalty_")

    def __init__(
        self,
        mixing: float = 0.5,
        penalty: float | None = None,
        steps: int = 50,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.mixing = mixing
        self.penalty = penalty
        self.steps = steps
        self.folds = folds
        self.seed = seed

    def fit(self, X: pd.DataFrame, y: Any, groups: np.ndarray | None = None) -> Self:
        """Choose the penalty by cross-validated discrimination, then fit at it."""
        if not 0 < self.mixing <= 1:
            raise InputError(f"mixing must be in (0, 1], got {self.mixing}")
        self.columns_ = list(X.columns)
        penalty = self.penalty
        if penalty is None:
            penalty = self._choose(X, y, np.asarray(X.index if groups is None else groups))
        self.penalty_ = float(penalty)
        coefficients, intercepts = elastic_net_path(
            X, y, mixing=self.mixing, penalties=np.array([self.penalty_]), tolerance=1e-7
        )
        self.coef_, self.intercept_ = coefficients[0], float(intercepts[0])
        return self

    def _choose(self, X: pd.DataFrame, y: Any, groups: np.ndarray) -> float:
        penalties = _penalties(X, y, self.mixing, self.steps)
        fold = grouped_folds(y, groups, self.folds, self.seed)
        index = np.full((self.steps, len(X)), np.nan)
        for one in np.unique(fold):
            train, test = fold != one, fold == one
            beta, _ = elastic_net_path(
                X[train], y[train], mixing=self.mixing, penalties=penalties, tolerance=1e-4
            )
            values = X[test].to_numpy(dtype=float) @ beta.T
            index[:, test] = (values - values.mean(axis=0)).T
        score = [self._score(y, values) for values in index]
        return float(penalties[int(np.argmax(np.round(score, 12)))])

    def _score(self, y: Any, values: np.ndarray) -> float:
        raise NotImplementedError

    def coefficients(self) -> pd.DataFrame:
        """Return ``feature, coefficient`` of the features that are not zero, largest first.

        Penalised coefficients have no standard errors: an interval for them would mislead.
        """
        table = pd.DataFrame({"feature": self.columns_, "coefficient": self.coef_})
        table = table[table["coefficient"] != 0]
        return table.reset_index(drop=True)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Share of each feature in the linear predictor."""
        parts = X[self.columns_].to_numpy(dtype=float) * self.coef_
        return pd.DataFrame(parts, index=X.index, columns=self.columns_)


class ElasticNetCox(_ElasticNet):
    """Elastic-net Cox regression.

    Parameters
    ----------
    mixing : float, default 0.5
        1 is the lasso, near 0 ridge (glmnet's alpha).
    penalty : float, optional
        glmnet's lambda; default chosen by inner cross-validation of Harrell's C.
    steps, folds, seed
        Length of the penalty path, inner folds and their seed.
    """

    survival: ClassVar[bool] = True

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the prognostic index, 0 on average in training."""
        return weighted_sum(X[self.columns_].to_numpy(dtype=float), self.coef_) + self.intercept_

    def _score(self, y: pd.DataFrame, values: np.ndarray) -> float:
        return harrell_c(y, values).value


class ElasticNetLogistic(_ElasticNet):
    """Elastic-net logistic regression.

    Parameters
    ----------
    mixing : float, default 0.5
        1 is the lasso, near 0 ridge (glmnet's alpha).
    penalty : float, optional
        glmnet's lambda; default chosen by inner cross-validation of the AUC.
    steps, folds, seed
        Length of the penalty path, inner folds and their seed.
    """

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of True."""
        eta = weighted_sum(X[self.columns_].to_numpy(dtype=float), self.coef_) + self.intercept_
        return 1.0 / (1.0 + np.exp(-np.clip(eta, -500, 500)))

    def _score(self, y: pd.Series, values: np.ndarray) -> float:
        return auc(y.to_numpy(), values).value


def elastic_net_path(
    X: pd.DataFrame,
    y: pd.DataFrame | pd.Series,
    *,
    mixing: float,
    penalties: np.ndarray,
    tolerance: float = 1e-9,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit an elastic net at each penalty, falling penalties first (each starts from the last).

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Numeric predictors without missing values; constant columns get 0.
    y : DataFrame or Series
        ``event`` and ``duration`` (Cox), or a boolean marker (logistic).
    mixing : float
        glmnet's alpha.
    penalties : ndarray of shape (k,)
        glmnet's lambda.
    tolerance : float, default 1e-9
        Largest change of a coefficient (of a scaled column) in the last round.

    Returns
    -------
    ndarray of shape (k, p)
        Coefficients on the original scale.
    ndarray of shape (k,)
        Intercepts; for Cox the value that makes the training index average 0.
    """
    z, mean, scale = _standardised(X)
    beta, intercept = path(z, _likelihood(y), penalties, mixing, settled=tolerance)
    slopes = np.where(scale > 0, beta / np.where(scale > 0, scale, 1.0), 0.0)
    return slopes, intercept - slopes @ mean


def _penalties(
    X: pd.DataFrame, y: pd.DataFrame | pd.Series, mixing: float, steps: int
) -> np.ndarray:
    """Penalties from the smallest that empties the model down to a hundredth of it.

    With more features than cases it ends at a twentieth: below, the model reproduces the data.
    """
    z, _, _ = _standardised(X)
    smallest = 0.01 if len(z) > z.shape[1] else 0.05
    penalties = path_penalties(z, _likelihood(y), mixing, steps=steps, smallest=smallest)
    if penalties[0] <= 0:
        raise InputError("no predictor varies; nothing to fit")
    return penalties


def _likelihood(y: pd.DataFrame | pd.Series) -> Likelihood:
    if isinstance(y, pd.DataFrame):
        event, duration = y["event"].to_numpy(dtype=bool), y["duration"].to_numpy(dtype=float)
        return cox_likelihood(event, duration, efron=False)
    return logistic_likelihood(y.to_numpy(dtype=bool))


def _standardised(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = X.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        bad = [str(c) for c in X.columns if not np.isfinite(X[c].to_numpy(dtype=float)).all()]
        raise InputError(f"column(s) {bad[:5]} have missing or infinite values; impute them first")
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 1e-12 * np.abs(mean), scale, 0.0)
    z = np.where(scale > 0, (values - mean) / np.where(scale > 0, scale, 1.0), 0.0)
    return np.asfortranarray(z), mean, scale
