"""Small solvers that selection needs: Cox and logistic fits, and their elastic-net paths.

How the Cox sums work: a record is one event; the l-th of d events at the same time sees the risk
set less l/d of the tied ones (Efron). The information is then a weighted cross product of the
cases, each weighted by the hazard it lived through, less the cross product of the record means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from radtool.compiling import kernel
from radtool.errors import InputError

__all__ = [
    "Likelihood",
    "SeparatedError",
    "cox_likelihood",
    "logistic_likelihood",
    "newton",
    "path",
    "path_penalties",
]

_MOST_STEPS = 50


class SeparatedError(InputError):
    """The likelihood has no maximum: the features tell the outcomes apart without error."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A log likelihood of a linear predictor and what Newton and coordinate descent need of it.

    Parameters
    ----------
    value : callable
        eta (n,) -> log likelihood.
    slope : callable
        eta (n,) -> gradient (n,) and an upper bound of the curvature (n,), both in eta.
    information : callable
        x (n, p), eta (n,) -> information matrix (p, p).
    intercept : bool
        Whether the model has one.
    """

    value: Callable[[np.ndarray], float]
    slope: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    information: Callable[[np.ndarray, np.ndarray], np.ndarray]
    intercept: bool


def cox_likelihood(event: np.ndarray, duration: np.ndarray, *, efron: bool = True) -> Likelihood:
    """Partial likelihood of a Cox model, ties by Efron or Breslow."""
    order = np.argsort(duration, kind="stable")
    records = np.flatnonzero(event)[np.argsort(duration[event], kind="stable")]
    times = duration[records]
    start = np.searchsorted(duration[order], times, side="left")
    points, at = np.unique(times, return_inverse=True)
    tied = np.bincount(at)
    share = (np.arange(times.size) - np.searchsorted(times, times, side="left")) / tied[at]
    if not efron:
        share = np.zeros_like(share)
    lived = np.searchsorted(times, duration, side="right")
    own = np.searchsorted(points, np.where(event, duration, points[0]))

    def sums(weighted: np.ndarray) -> np.ndarray:
        """Sum over the risk set of each record, tied events counted in part."""
        suffix = np.cumsum(weighted[order][::-1], axis=0)[::-1][start]
        dead = np.zeros((points.size, *weighted.shape[1:]))
        np.add.at(dead, at, weighted[records])
        part = share.reshape(-1, *[1] * (weighted.ndim - 1))
        return suffix - part * dead[at]

    def hazard(inverse: np.ndarray) -> np.ndarray:
        """What each case lived through, its own tied events counted in part."""
        total = np.concatenate([[0.0], np.cumsum(inverse)])[lived]
        spared = np.bincount(at, share * inverse, minlength=points.size)
        return total - np.where(event, spared[own], 0.0)

    def value(eta: np.ndarray) -> float:
        top = eta.max()
        risk = sums(np.exp(eta - top))
        return float((eta[event] - top).sum() - np.log(risk).sum())

    def slope(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        relative = np.exp(eta - eta.max())
        expected = relative * hazard(1 / sums(relative))
        return event - expected, expected

    def information(x: np.ndarray, eta: np.ndarray) -> np.ndarray:
        relative = np.exp(eta - eta.max())
        risk = sums(relative)
        mean = sums(relative[:, None] * x) / risk[:, None]
        weight = relative * hazard(1 / risk)
        return (x * weight[:, None]).T @ x - mean.T @ mean

    return Likelihood(value, slope, information, intercept=False)


def logistic_likelihood(marker: np.ndarray) -> Likelihood:
    """Likelihood of a logistic model."""
    truth = marker.astype(float)

    def value(eta: np.ndarray) -> float:
        return float(truth @ eta - np.logaddexp(0, eta).sum())

    def slope(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = 1 / (1 + np.exp(-np.clip(eta, -500, 500)))
        far = np.maximum(np.abs(eta), 1e-6)
        return truth - p, np.tanh(far / 2) / (2 * far)  # Jaakkola and Jordan 2000

    def information(x: np.ndarray, eta: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-np.clip(eta, -500, 500)))
        return (x * (p * (1 - p))[:, None]).T @ x

    return Likelihood(value, slope, information, intercept=True)


def newton(
    x: np.ndarray, likelihood: Likelihood, *, ridge: float = 0.0, settled: float = 1e-11
) -> tuple[np.ndarray, np.ndarray]:
    """Maximise a likelihood over the coefficients of x.

    Parameters
    ----------
    x : ndarray of shape (n, p)
    likelihood : Likelihood
    ridge : float, default 0.0
        Penalty ridge / 2 × |b|² on columns of unit SD.
    settled : float, default 1e-11
        Relative change of the log likelihood at which to stop.

    Returns
    -------
    ndarray of shape (p,), ndarray of shape (p, p)
        Coefficients and covariance (inverse information); without the intercept.

    Raises
    ------
    InputError
        The maximum is not finite (`SeparatedError`) or columns are dependent.
    """
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = (x - mean) / scale
    penalty = np.full(z.shape[1], ridge)
    if likelihood.intercept:
        z, penalty = np.column_stack([z, np.ones(len(z))]), np.append(penalty, 0.0)
    beta = np.zeros(z.shape[1])
    current = likelihood.value(z @ beta)
    for _ in range(_MOST_STEPS):
        gradient = z.T @ likelihood.slope(z @ beta)[0] - penalty * beta
        curvature = likelihood.information(z, z @ beta) + np.diag(penalty)
        step = _solve(curvature, gradient, len(z))
        size = 1.0
        while True:
            trial = beta + size * step
            value = likelihood.value(z @ trial) - 0.5 * float(penalty @ trial**2)
            if value >= current - 1e-9 * abs(current) or size < 1e-6:
                break
            size /= 2
        change, beta, current = abs(value - current), trial, value
        if change <= settled * (abs(current) + 1e-3):
            break
    else:
        raise InputError(
            "the fit does not settle: a feature separates the outcome, or there are too many"
            " features for the events; keep fewer before this step"
        )
    covariance = np.linalg.pinv(likelihood.information(z, z @ beta) + np.diag(penalty))
    p = x.shape[1]
    return beta[:p] / scale, covariance[:p, :p] / np.outer(scale, scale)


def _solve(curvature: np.ndarray, gradient: np.ndarray, cases: int) -> np.ndarray:
    values = np.linalg.eigvalsh(curvature)
    if values[-1] < 1e-6 * cases:
        raise SeparatedError("the features separate the outcome; no finite coefficients exist")
    if values[0] <= 1e-10 * values[-1]:
        raise InputError(
            "the features are linearly dependent, or one separates the outcome; put a"
            " CorrelationFilter or a stricter filter before this step"
        )
    return np.linalg.solve(curvature, gradient)


def path_penalties(
    z: np.ndarray, likelihood: Likelihood, mixing: float, *, steps: int, smallest: float
) -> np.ndarray:
    """Penalties from the one that empties the model down to `smallest` times it."""
    eta = np.zeros(len(z))
    if likelihood.intercept:
        share = likelihood.slope(eta)[0].mean() + 0.5
        eta += np.log(share / (1 - share))
    top = np.abs(z.T @ likelihood.slope(eta)[0]).max() / len(z) / mixing
    return top * np.geomspace(1.0, smallest, steps)


def path(
    z: np.ndarray,
    likelihood: Likelihood,
    penalties: np.ndarray,
    mixing: float,
    *,
    most: int | None = None,
    settled: float = 1e-7,
) -> tuple[np.ndarray, np.ndarray]:
    """Elastic-net coefficients along falling penalties (glmnet's lambda), by coordinate descent.

    Parameters
    ----------
    z : ndarray of shape (n, p)
        Columns of mean 0 and SD 1 (divisor n), or all 0.
    likelihood : Likelihood
    penalties : ndarray of shape (k,)
    mixing : float
        1: lasso; towards 0: ridge (glmnet's alpha).
    most : int, optional
        Stop after the first penalty with more coefficients than this.
    settled : float, default 1e-7
        Largest change of a coefficient at which to go on to the next penalty.

    Returns
    -------
    ndarray of shape (k, p), ndarray of shape (k,)
        Coefficients and intercepts (0 for Cox); fewer rows when stopped.
    """
    z = np.asfortranarray(z)
    n = len(z)
    beta, intercept = np.zeros(z.shape[1]), 0.0
    found, intercepts = [], []
    for penalty in penalties:
        for _ in range(500):
            gradient, weight = likelihood.slope(z @ beta + intercept)
            before = beta.copy()
            weight = np.maximum(weight, 1e-9) / n
            shift = _descend(
                z, gradient / n, weight, beta, penalty * mixing, penalty * (1 - mixing),
                likelihood.intercept, settled / 10,
            )  # fmt: skip
            intercept += shift
            if max(np.abs(beta - before).max(initial=0.0), abs(shift)) < settled:
                break
        found.append(beta.copy())
        intercepts.append(intercept)
        if most is not None and np.count_nonzero(beta) > most:
            break
    return np.array(found), np.array(intercepts)


@kernel
def _descend(z, residual, weight, beta, lasso, ridge, free, settled):  # noqa: C901, PLR0913 (kernel)
    """Minimise the weighted quadratic; changes beta and residual; returns the intercept's step."""
    n, p = z.shape
    curve = np.zeros(p)
    active = beta != 0.0
    shift, whole, everything = 0.0, weight.sum(), True
    for _ in range(10_000):
        largest = 0.0
        for j in range(p):
            if not everything and not active[j]:
                continue
            if curve[j] == 0.0:
                for i in range(n):
                    curve[j] += weight[i] * z[i, j] * z[i, j]
                if curve[j] == 0.0:
                    continue
            own = curve[j] * beta[j]
            for i in range(n):
                own += z[i, j] * residual[i]
            size = abs(own) - lasso
            new = np.sign(own) * size / (curve[j] + ridge) if size > 0.0 else 0.0
            step = new - beta[j]
            if step != 0.0:
                beta[j], active[j] = new, True
                for i in range(n):
                    residual[i] -= weight[i] * step * z[i, j]
                largest = max(largest, abs(step))
        if free:
            step = residual.sum() / whole
            shift += step
            residual -= weight * step
            largest = max(largest, abs(step))
        if largest < settled:
            if everything:
                break
            everything = True
        else:
            everything = False
    return shift
