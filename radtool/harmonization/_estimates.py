"""The arithmetic of ComBat: location and scale of every batch, shrunk by empirical Bayes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logsumexp

from radtool.errors import InputError

__all__ = ["Pooling", "Setting", "shrink", "standardisation"]

Pooling = Literal["parametric", "nonparametric", "none"]
_CHANGE = 1e-4  # sva and neuroCombat stop the iteration here; another value moves results at 1e-5
_MOST_ROUNDS = 10_000
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the batch estimates are made.

    Parameters
    ----------
    pooling : {"parametric", "nonparametric", "none"}
        What the estimates of a batch are shrunk by.
    location_only : ndarray of bool, shape (n_batches,)
        Batches whose scale is left as it is.
    reference : int or None
        Batch that the others are brought to; None: the grand mean.
    """

    pooling: Pooling
    location_only: np.ndarray
    reference: int | None


def standardisation(
    values: np.ndarray, codes: np.ndarray, covariates: np.ndarray, setting: Setting
) -> dict[str, np.ndarray]:
    """Least-squares grand mean, covariate effects and within-batch variance of each feature.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_features)
        NaN where not known; each feature is fitted on the cases where it is known.
    codes : ndarray of int, shape (n_cases,)
        Batch of each case.
    covariates : ndarray of shape (n_cases, n_covariates)
        Coded covariates, without intercept.
    setting : Setting
        Only the reference batch is read here.

    Returns
    -------
    dict
        ``grand_mean`` (n_features,), ``beta`` (n_covariates, n_features), ``var_pooled``
        (n_features,) in squared feature units, NaN where the design is singular.
    """
    known = np.isfinite(values)
    centre = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    spread = np.sqrt((np.where(known, values - centre, 0.0) ** 2).sum(axis=0))
    spread[spread == 0] = 1.0
    scaled = np.where(known, (values - centre) / spread, 0.0)
    dummies = np.eye(setting.location_only.size)[codes]
    design = np.hstack([dummies, covariates])
    basis, triangle = np.linalg.qr(design)
    weights = _regress(scaled, known, basis)
    residual = np.where(known, scaled - basis @ weights, 0.0)
    coefficients = np.linalg.solve(triangle, weights)
    batches = dummies.shape[1]
    if setting.reference is None:
        counts = dummies.T @ known
        grand = (counts * coefficients[:batches]).sum(axis=0) / counts.sum(axis=0)
        variance = (residual**2).sum(axis=0) / known.sum(axis=0)
    else:
        rows = codes == setting.reference
        grand = coefficients[setting.reference]
        variance = (residual[rows] ** 2).sum(axis=0) / known[rows].sum(axis=0)
    return {
        "grand_mean": grand * spread + centre,
        "beta": coefficients[batches:] * spread,
        "var_pooled": variance * spread**2,
    }


def _regress(scaled: np.ndarray, known: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Coefficients in an orthonormal basis; features with gaps by their own normal equations."""
    weights = basis.T @ scaled
    gaps = np.flatnonzero(~known.all(axis=0))
    size = basis.shape[1]
    products = (basis[:, :, None] * basis[:, None, :]).reshape(basis.shape[0], -1)
    gram = (known[:, gaps].T.astype(float) @ products).reshape(-1, size, size)
    singular = np.linalg.eigvalsh(gram)[:, 0] < 1e-10 if gaps.size else np.zeros(0, bool)
    gram[singular] = np.eye(size)
    solved = np.linalg.solve(gram, weights[:, gaps].T[:, :, None])[:, :, 0]
    solved[singular] = np.nan
    weights[:, gaps] = solved.T
    return weights


def shrink(standardised: np.ndarray, setting: Setting, batch: int) -> dict[str, np.ndarray]:
    """Location and scale of one batch, raw and shrunk towards the batch's prior.

    Parameters
    ----------
    standardised : ndarray of shape (n_cases_of_batch, n_features)
        (value - grand mean - covariate effects) / within-batch SD; NaN where not known.
    setting : Setting
        Pooling, and whether this batch gets a location only.
    batch : int
        Position of the batch in `setting`.

    Returns
    -------
    dict
        ``gamma_hat, delta_hat, gamma_star, delta_star`` of shape (n_features,) and the prior
        ``gamma_bar, t2, a_prior, b_prior`` as numbers (delta is a variance ratio).
    """
    known = np.isfinite(standardised)
    n = known.sum(axis=0).astype(float)
    gamma = np.where(known, standardised, 0.0).sum(axis=0) / n
    squares = (np.where(known, standardised - gamma, 0.0) ** 2).sum(axis=0)
    location_only = bool(setting.location_only[batch])
    delta = np.ones_like(gamma) if location_only else squares / np.maximum(n - 1, 1)
    prior = _prior(gamma, delta)
    if setting.pooling == "none" or batch == setting.reference:
        star = (gamma, delta)
    elif setting.pooling == "nonparametric":
        star = _monte_carlo(squares, n, gamma, delta)
    elif location_only:
        star = (_post_mean(gamma, prior["gamma_bar"], 1.0, 1.0, prior["t2"]), delta)
    else:
        star = _iterate(squares, n, gamma, delta, prior)
    if batch == setting.reference:
        star = (np.zeros_like(gamma), np.ones_like(delta))
    return {
        "gamma_hat": gamma,
        "delta_hat": delta,
        "gamma_star": star[0],
        "delta_star": star[1],
        **prior,
    }


def _prior(gamma: np.ndarray, delta: np.ndarray) -> dict[str, float]:
    """Moments of the normal prior of gamma and the inverse-gamma prior of delta."""
    several = gamma.size > 1
    m, s2 = float(delta.mean()), float(delta.var(ddof=1)) if several else 0.0
    proper = s2 > 1e-12 * m**2
    return {
        "gamma_bar": float(gamma.mean()),
        "t2": float(gamma.var(ddof=1)) if several else 0.0,
        "a_prior": (2 * s2 + m**2) / s2 if proper else np.inf,
        "b_prior": (m * s2 + m**3) / s2 if proper else np.inf,
    }


def _post_mean(
    gamma: np.ndarray, gamma_bar: float, n: np.ndarray | float, delta: np.ndarray | float, t2: float
) -> np.ndarray:
    return (t2 * n * gamma + delta * gamma_bar) / (t2 * n + delta)


def _iterate(
    squares: np.ndarray, n: np.ndarray, gamma: np.ndarray, delta: np.ndarray, prior: dict
) -> tuple[np.ndarray, np.ndarray]:
    """Alternate the conditional posterior means (Johnson 2007, equation 3.1)."""
    a, b = prior["a_prior"], prior["b_prior"]
    g_old, d_old = gamma, delta
    for _ in range(_MOST_ROUNDS):
        g_new = _post_mean(gamma, prior["gamma_bar"], n, d_old, prior["t2"])
        total = squares + n * (gamma - g_new) ** 2
        if np.isfinite(a):
            d_new = (0.5 * total + b) / (n / 2 + a - 1)
        else:
            d_new = np.full_like(delta, delta.mean())
        # As in sva, the change is relative to the signed old value: the stop decides digits.
        with np.errstate(divide="ignore", invalid="ignore"):
            change = max(
                np.nan_to_num(np.abs(g_new - g_old) / g_old, nan=0.0).max(),
                np.nan_to_num(np.abs(d_new - d_old) / d_old, nan=0.0).max(),
            )
        g_old, d_old = g_new, d_new
        if change <= _CHANGE:
            return g_new, d_new
    raise InputError(
        "the empirical Bayes iteration of ComBat did not settle; look for features that are"
        " nearly constant, or use empirical_bayes='none'"
    )


def _monte_carlo(
    squares: np.ndarray, n: np.ndarray, gamma: np.ndarray, delta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average the other features' estimates by their likelihood (Johnson 2007, appendix)."""
    size = gamma.size
    gamma_star, delta_star = np.empty(size), np.empty(size)
    step = max(1, _CELLS // size)
    for start in range(0, size, step):
        own = np.arange(start, min(start + step, size))
        total = squares[own, None] + n[own, None] * (gamma[own, None] - gamma[None, :]) ** 2
        likelihood = -0.5 * (n[own, None] * np.log(2 * np.pi * delta) + total / delta)
        likelihood[np.arange(own.size), own] = -np.inf
        weight = np.exp(likelihood - logsumexp(likelihood, axis=1, keepdims=True))
        gamma_star[own], delta_star[own] = weight @ gamma, weight @ delta
    return gamma_star, delta_star
