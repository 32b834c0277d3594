"""Selection by the lasso and the elastic net."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from radtool.errors import ParameterError, TableError
from radtool.selection._base import Selector, by_name
from radtool.selection._learners import Target, read_target, stratified_folds
from radtool.selection.likelihood import (
    Likelihood,
    cox_likelihood,
    logistic_likelihood,
    path,
    path_penalties,
)

__all__ = ["ElasticNetFilter"]


class ElasticNetFilter(Selector):
    """Keep the features with a coefficient other than 0 in an elastic net.

    Cox partial likelihood (ties by Breslow, as glmnet) for survival, logistic regression for a
    marker. The penalty is chosen by cross-validation inside the training cases.

    Parameters
    ----------
    mixing : float, default 1.0
        1 is the lasso, towards 0 ridge (glmnet's alpha).
    penalty : float, optional
        glmnet's lambda, on features of unit SD; default by cross-validation.
    choose : {"min", "1se"}, default "min"
        The penalty of the lowest held-out deviance, or the largest within one standard error.
    folds : int, default 10
        Events and others are dealt out evenly.
    steps : int, default 60
        Penalties on the path, from the smallest that empties the model down to a hundredth of it
        or to where there are more features than events.
    at_least : int, default 1
        When the penalty empties the model, the first to enter are kept, and `report_` says so.
    random_state : int, default 0
        Of the folds.

    Attributes
    ----------
    penalty_ : float
    coef_ : dict
        Feature -> coefficient per SD, of the kept features.
    """

    state: ClassVar[tuple[str, ...]] = (*Selector.state, "penalty_", "coef_")
    _two_classes = True

    def __init__(  # noqa: PLR0913 - a scikit-learn estimator states every setting here
        self,
        mixing: float = 1.0,
        *,
        penalty: float | None = None,
        choose: Literal["min", "1se"] = "min",
        folds: int = 10,
        steps: int = 60,
        at_least: int = 1,
        random_state: int = 0,
    ) -> None:
        self.mixing = mixing
        self.penalty = penalty
        self.choose = choose
        self.folds = folds
        self.steps = steps
        self.at_least = at_least
        self.random_state = random_state

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        self._check_settings()
        target = read_target(y, len(values), self._name)
        names = by_name(self.features_)
        z = _unit(values[:, names])
        likelihood = _likelihood(target)
        penalties = path_penalties(z, likelihood, self.mixing, steps=self.steps, smallest=0.01)
        if penalties[0] == 0:
            raise TableError(f"{self._name}: no feature varies with the outcome; nothing to choose")
        if self.penalty is None:
            chosen = self._by_folds(z, target, penalties)
        else:
            penalties = np.append(penalties[penalties > self.penalty], self.penalty)
            chosen = penalties.size - 1
        self.penalty_ = float(penalties[chosen])
        coefficients, _ = path(z, likelihood, penalties[: chosen + 1], self.mixing)
        beta = coefficients[-1]
        kept = np.zeros(names.size, dtype=bool)
        kept[names[beta != 0]] = True
        if kept.sum() < self.at_least:
            self._rescue(kept, names, z, likelihood, penalties)
        where = np.flatnonzero(kept[names])
        self.coef_ = {self.features_[names[i]]: float(beta[i]) for i in where}
        for i in np.flatnonzero(~kept):
            self._drop(int(i), "coefficient 0")
        return kept

    def _rescue(
        self,
        kept: np.ndarray,
        names: np.ndarray,
        z: np.ndarray,
        likelihood: Likelihood,
        penalties: np.ndarray,
    ) -> None:
        """Keep the first features to enter the path."""
        for penalty in np.geomspace(penalties[0], penalties[0] * 1e-3, 60)[1:]:
            beta = path(z, likelihood, np.array([penalty]), self.mixing)[0][0]
            if (beta != 0).sum() >= self.at_least:
                break
        for i in np.argsort(-np.abs(beta), kind="stable")[: self.at_least]:
            if not kept[names[i]]:
                kept[names[i]] = True
                self._drop(int(names[i]), "kept although its coefficient is 0 (at_least)")

    def _by_folds(self, z: np.ndarray, target: Target, penalties: np.ndarray) -> int:
        """Position of the penalty with the best held-out deviance."""
        folds = min(self.folds, int(target.event.sum()))
        if folds < 2:
            raise ParameterError(f"{self._name}: too few events to choose a penalty; give one")
        rng = np.random.default_rng(self.random_state)
        fold = stratified_folds(target.event, folds, rng)
        whole = _likelihood(target)
        deviance, weight = np.empty((folds, penalties.size)), np.empty(folds)
        for k in range(folds):
            train = fold != k
            part = _likelihood(target.take(train))
            mean, scale = z[train].mean(axis=0), z[train].std(axis=0)
            scale = np.where(scale > 1e-12, scale, np.inf)
            most = int(min(target.event[train].sum(), train.sum()))
            beta, intercept = path(
                (z[train] - mean) / scale, part, penalties, self.mixing, most=most, settled=1e-4
            )
            eta = (z - mean) / scale @ beta.T + intercept
            weight[k] = target.event[~train].sum() if target.duration is not None else sum(~train)
            deviance[k, len(beta) :] = np.inf
            for i in range(len(beta)):
                held_out = whole.value(eta[:, i]) - part.value(eta[train, i])
                deviance[k, i] = -2 * held_out / weight[k]
        mean = np.average(deviance, axis=0, weights=weight)
        best = int(np.argmin(np.round(mean, 12)))
        if self.choose == "min":
            return best
        spread = np.average((deviance[:, best] - mean[best]) ** 2, weights=weight)
        return int(np.flatnonzero(mean <= mean[best] + np.sqrt(spread / (folds - 1)))[0])

    def _check_settings(self) -> None:
        if not 0 < self.mixing <= 1:
            raise ParameterError(f"{self._name}: mixing must be in (0, 1], got {self.mixing}")
        if self.choose not in ("min", "1se"):
            raise ParameterError(f"{self._name}: choose is 'min' or '1se', got {self.choose!r}")
        if self.penalty is not None and not self.penalty > 0:
            raise ParameterError(f"{self._name}: penalty must be above 0, got {self.penalty}")
        if self.folds < 2 or self.steps < 2:
            raise ParameterError(f"{self._name}: folds and steps must be at least 2")


def _likelihood(target: Target) -> Likelihood:
    if target.duration is None:
        return logistic_likelihood(target.event)
    return cox_likelihood(target.event, target.duration, efron=False)


def _unit(values: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and SD 1; 0 where constant."""
    flat = np.ptp(values, axis=0) == 0
    centred = np.where(flat, 0.0, values - values.mean(axis=0))
    return centred / np.where(flat, 1.0, centred.std(axis=0))
