"""Robust standard errors of Cox models: score residuals summed over clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.evaluation.cox import CoxFit
from radtool.evaluation.risk_sets import Ties, check_outcome, risk_sets

__all__ = ["robust_covariance", "score_residuals"]


def score_residuals(
    fit: CoxFit, X: pd.DataFrame, y: pd.DataFrame, *, ties: Ties = "efron"
) -> np.ndarray:
    """Return what each case adds to the score, shape (n, p), weighted by its case weight."""
    x = X[list(fit.columns)].to_numpy(dtype=float)
    x = x - x.mean(axis=0)
    outcome = check_outcome(y)
    (one,) = risk_sets(outcome, None, ties)
    eta = x @ fit.coefficients
    relative = np.exp(eta - eta.max())
    weighted = one.weight * relative
    _, seen = one.hazard(weighted)
    first = weighted[:, None] * x
    mean = one.sums(first)[one.record] - one.phi[:, None] * one.tied(first)[one.record]
    mean = mean / seen[:, None]
    step = one.record_weight / seen
    k, p = len(one.times), x.shape[1]
    count = np.bincount(one.record, minlength=k)
    drift, share, average = np.zeros((k + 1, p)), np.zeros((k, p)), np.zeros((k, p))
    np.add.at(drift[1:], one.record, step[:, None] * mean)
    np.add.at(share, one.record, (step * one.phi)[:, None] * mean)
    np.add.at(average, one.record, mean)
    drift = np.cumsum(drift, axis=0)
    lived = one.lived(seen)
    passed = drift[one.last] - drift[one.first]
    passed[one.event] -= share[one.at]
    residual = -relative[:, None] * (lived[:, None] * x - passed)
    residual[one.event] += x[one.event] - (average / count[:, None])[one.at]
    return one.weight[:, None] * residual


def robust_covariance(
    fit: CoxFit,
    X: pd.DataFrame,
    y: pd.DataFrame,
    clusters: pd.Series | np.ndarray,
    *,
    ties: Ties = "efron",
) -> np.ndarray:
    """Return the sandwich covariance of the coefficients with cases grouped in clusters.

    Parameters
    ----------
    fit : CoxFit
        Fitted on X and y.
    X, y : DataFrame
        The same cases.
    clusters : array-like of shape (n,)
        Patient of each case (several lesions of a patient are not independent).
    ties : {"efron", "breslow"}
        As fitted.
    """
    residuals = score_residuals(fit, X, y, ties=ties)
    code = pd.factorize(np.asarray(clusters))[0]
    total = np.zeros((code.max() + 1, residuals.shape[1]))
    np.add.at(total, code, residuals)
    influence = total @ fit.covariance
    return influence.T @ influence
