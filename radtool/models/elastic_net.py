"""Elastic-net Cox and logistic regression by coordinate descent along a path of penalties.

The objective is glmnet's: the negative log likelihood (partial, Breslow ties) divided by n, plus
``penalty * (mixing * |b|_1 + (1 - mixing) / 2 * |b|_2^2)`` on columns scaled to unit standard
deviation (divisor n). Each outer round replaces the likelihood by a quadratic in the linear
predictor with the diagonal of its curvature as weights, and descends along the coordinates until
they rest. A round that lowers the objective is halved until it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numba import njit

from radtool.errors import InputError
from radtool.evaluation.concordance import harrell_c
from radtool.evaluation.designs import grouped_folds
from radtool.evaluation.roc import auc
from radtool.models.predictor import Predictor, weighted_sum

__all__ = ["ElasticNetCox", "ElasticNetLogistic", "elastic_net_path"]

# Value, gradient and diagonal of the curvature in the linear predictor.
_Loss = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]


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
        penalties = path_penalties(X, y, self.mixing, self.steps)
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
    loss = _cox_loss(y) if isinstance(y, pd.DataFrame) else _logistic_loss(y)
    free = not isinstance(y, pd.DataFrame)
    state = _State(np.zeros(z.shape[1]), 0.0)
    rows, intercepts = [], []
    for penalty in penalties:
        problem = _Problem(z, loss, penalty * mixing, penalty * (1 - mixing), free)
        state = _fit_one(problem, state, tolerance)
        beta, intercept = state.beta, state.intercept
        slope = np.where(scale > 0, beta / np.where(scale > 0, scale, 1.0), 0.0)
        rows.append(slope)
        intercepts.append(intercept - float(mean @ slope))
    return np.array(rows), np.array(intercepts)


def path_penalties(
    X: pd.DataFrame, y: pd.DataFrame | pd.Series, mixing: float, steps: int
) -> np.ndarray:
    """Penalties from the smallest that empties the model down to a hundredth of it.

    With more features than cases it ends at a twentieth: below, the model reproduces the data.
    """
    z, _, _ = _standardised(X)
    if isinstance(y, pd.DataFrame):
        gradient = _cox_loss(y)(np.zeros(len(z)))[1]
    else:
        truth = np.asarray(y, dtype=float)
        gradient = (truth - truth.mean()) / len(z)
    top = float(np.abs(z.T @ gradient).max()) / mixing
    if top <= 0:
        raise InputError("no predictor varies; nothing to fit")
    return top * np.geomspace(1.0, 0.01 if len(z) > z.shape[1] else 0.05, steps)


def _standardised(X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = X.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        bad = [str(c) for c in X.columns if not np.isfinite(X[c].to_numpy(dtype=float)).all()]
        raise InputError(f"column(s) {bad[:5]} have missing or infinite values; impute them first")
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 1e-12 * np.abs(mean), scale, 0.0)
    z = np.where(scale > 0, (values - mean) / np.where(scale > 0, scale, 1.0), 0.0)
    return np.asfortranarray(z), mean, scale


def _cox_loss(y: pd.DataFrame) -> _Loss:
    """Log partial likelihood over n (Breslow)."""
    time, event = y["duration"].to_numpy(dtype=float), y["event"].to_numpy(dtype=bool)
    order = np.argsort(time, kind="stable")
    points, at = np.unique(time[event], return_inverse=True)
    count = np.bincount(at)
    left = np.searchsorted(time[order], points, side="left")
    last = np.searchsorted(points, time, side="right")
    n = len(time)

    def evaluate(eta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        shifted = eta - eta.max()
        relative = np.exp(shifted)
        risk = np.cumsum(relative[order][::-1])[::-1][left]
        lived = relative * np.concatenate([[0.0], np.cumsum(count / risk)])[last]
        square = relative**2 * np.concatenate([[0.0], np.cumsum(count / risk**2)])[last]
        value = (shifted[event].sum() - count @ np.log(risk)) / n
        return float(value), (event - lived) / n, (lived - square) / n

    return evaluate


def _logistic_loss(y: pd.Series) -> _Loss:
    truth = np.asarray(y, dtype=float)
    n = len(truth)

    def evaluate(eta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        p = 1.0 / (1.0 + np.exp(-np.clip(eta, -500, 500)))
        value = (truth @ eta - np.logaddexp(0, eta).sum()) / n
        return float(value), (truth - p) / n, p * (1 - p) / n

    return evaluate


@dataclass(frozen=True, slots=True)
class _Problem:
    z: np.ndarray
    loss: _Loss
    lasso: float
    ridge: float
    free: bool

    def penalty(self, beta: np.ndarray) -> float:
        return self.lasso * float(np.abs(beta).sum()) + 0.5 * self.ridge * float(beta @ beta)


@dataclass(frozen=True, slots=True)
class _State:
    beta: np.ndarray
    intercept: float


def _fit_one(problem: _Problem, state: _State, tolerance: float) -> _State:
    """Descend to the optimum at one penalty."""
    z, penalty = problem.z, (problem.lasso, problem.ridge)
    best, last = -np.inf, state
    for _ in range(5000):
        value, gradient, curvature = problem.loss(z @ state.beta + state.intercept)
        objective = value - problem.penalty(state.beta)
        moved = max(
            np.abs(state.beta - last.beta).max(initial=0.0), abs(state.intercept - last.intercept)
        )
        if objective < best - 1e-12 and moved > tolerance:
            state = _State((state.beta + last.beta) / 2, (state.intercept + last.intercept) / 2)
            continue
        best, last = objective, state
        beta = state.beta.copy()
        weight = np.maximum(curvature, 1e-4 * curvature.max() + 1e-12)
        shift = _descend(z, gradient, weight, beta, penalty, problem.free, 0.1 * tolerance)
        state = _State(beta, state.intercept + shift)
        if max(np.abs(beta - last.beta).max(initial=0.0), abs(shift)) < tolerance:
            break
    return state


@njit(cache=True)
def _descend(z, gradient, weight, beta, penalty, free, rest):  # noqa: C901, PLR0913 (a kernel)
    """Coordinate descent on the quadratic; beta float64 (p,) in place; returns the intercept."""
    n, p = z.shape
    lasso, ridge = penalty
    residual = gradient.copy()
    curve = np.empty(p)
    for j in range(p):
        total = 0.0
        for i in range(n):
            total += weight[i] * z[i, j] * z[i, j]
        curve[j] = total
    all_weight = weight.sum()
    shift = 0.0
    active_only = False
    for _ in range(10000):
        largest = 0.0
        for j in range(p):
            if curve[j] <= 0.0 or (active_only and beta[j] == 0.0):
                continue
            own = 0.0
            for i in range(n):
                own += z[i, j] * residual[i]
            old = beta[j]
            own += curve[j] * old
            size = abs(own) - lasso
            new = 0.0
            if size > 0.0:
                new = (size if own > 0.0 else -size) / (curve[j] + ridge)
            if new != old:
                step = new - old
                beta[j] = new
                for i in range(n):
                    residual[i] -= weight[i] * step * z[i, j]
                if abs(step) > largest:
                    largest = abs(step)
        if free:
            step = residual.sum() / all_weight
            shift += step
            for i in range(n):
                residual[i] -= weight[i] * step
            if abs(step) > largest:
                largest = abs(step)
        if largest < rest:
            if not active_only:
                break
            active_only = False
        else:
            active_only = True
    return shift
