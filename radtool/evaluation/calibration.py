"""Calibration slopes and Brier score: of a prognostic index, and of predicted probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.competing import fine_gray
from radtool.evaluation.cox import fit_cox
from radtool.evaluation.estimate import Estimate, of_cases
from radtool.evaluation.roc import check_marker, check_score

__all__ = ["brier", "calibration_in_the_large", "calibration_slope", "logistic_slope"]


def calibration_slope(y: pd.DataFrame, index: pd.Series | np.ndarray) -> Estimate:
    """Slope of a prognostic index in new cases: its Cox coefficient, 1 when it transports.

    Parameters
    ----------
    y : DataFrame
        ``event`` and ``duration``; with a column ``status`` of competing risks the model is Fine
        and Gray's.
    index : array-like of shape (n,)
        Prognostic index (log hazard ratio), higher = sooner event.

    Returns
    -------
    Estimate
        NaN without bounds when the index is constant.
    """
    values = of_cases(y, index, "index")
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return Estimate(float("nan"), None, None, len(y))
    frame = pd.DataFrame({"index": values}, index=y.index)
    if "status" in y:
        found = fine_gray(frame, y)
        se = float(np.sqrt(found.robust[0, 0]))
        return Estimate.normal(float(found.fit.coefficients[0]), se, len(y))
    fit = fit_cox(frame, y)
    return Estimate.normal(float(fit.coefficients[0]), float(fit.standard_errors[0]), fit.n)


def brier(y: pd.Series | np.ndarray, probability: pd.Series | np.ndarray) -> Estimate:
    """Mean squared difference between predicted probabilities and a binary marker."""
    truth, p = check_marker(y), check_probability(y, probability)
    loss = (truth - p) ** 2
    return Estimate.normal(
        float(loss.mean()), float(loss.std(ddof=1) / np.sqrt(len(loss))), len(loss), (0, 1)
    )


def calibration_in_the_large(
    y: pd.Series | np.ndarray, probability: pd.Series | np.ndarray
) -> Estimate:
    """Log odds by which observed exceeds predicted on average; 0 when it transports."""
    truth, logit = check_marker(y), _logit(check_probability(y, probability))
    coefficients, covariance = fit_logistic(np.ones((len(logit), 1)), truth, logit)
    return Estimate.normal(float(coefficients[0]), float(np.sqrt(covariance[0, 0])), len(logit))


def logistic_slope(y: pd.Series | np.ndarray, probability: pd.Series | np.ndarray) -> pd.DataFrame:
    """Regress a marker on the predicted log odds: rows ``intercept`` and ``slope``.

    Returns
    -------
    DataFrame
        ``term, value, se, lower, upper``; 0 and 1 when predictions are calibrated.
    """
    truth, logit = check_marker(y), _logit(check_probability(y, probability))
    if np.ptp(logit) < 1e-12:
        raise InputError("all predicted probabilities are equal; a slope is not defined")
    design = np.column_stack([np.ones(len(logit)), logit])
    beta, covariance = fit_logistic(design, truth, np.zeros(len(logit)))
    se = np.sqrt(np.diag(covariance))
    return pd.DataFrame(
        {
            "term": ["intercept", "slope"],
            "value": beta,
            "se": se,
            "lower": beta - 1.959963984540054 * se,
            "upper": beta + 1.959963984540054 * se,
        }
    )


def check_probability(y: pd.Series | np.ndarray, probability: pd.Series | np.ndarray) -> np.ndarray:
    """Return probabilities of the same cases as `y`, or raise InputError."""
    p = check_score(y, probability)
    if ((p < 0) | (p > 1)).any():
        raise InputError("probabilities must lie between 0 and 1")
    return p


def fit_logistic(
    design: np.ndarray, truth: np.ndarray, offset: np.ndarray, ridge: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression by Newton's method: coefficients and their covariance.

    Raises
    ------
    InputError
        The classes are perfectly separated.
    """
    beta = np.zeros(design.shape[1])
    penalty = np.zeros(design.shape[1]) if ridge is None else ridge

    def loss(b: np.ndarray) -> float:
        eta = design @ b + offset
        return float(np.logaddexp(0, eta).sum() - eta[truth].sum() + 0.5 * penalty @ b**2)

    for _ in range(60):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ beta + offset, -500, 500)))
        information = design.T @ (design * (p * (1 - p))[:, None]) + np.diag(penalty)
        try:
            step = np.linalg.solve(information, design.T @ (truth - p) - penalty * beta)
        except np.linalg.LinAlgError:
            break
        while loss(beta + step) > loss(beta) + 1e-9 and np.abs(step).max() > 1e-9:
            step = step / 2
        beta = beta + step
        if np.abs(step).max() < 1e-9 * (1 + np.abs(beta).max()):
            return beta, np.linalg.inv(information)
    raise InputError(
        "logistic regression does not converge: the classes are perfectly separated; drop the"
        " predictor that does it, or use a penalty"
    )


def _logit(p: np.ndarray) -> np.ndarray:
    clipped = np.clip(p, 1e-12, 1 - 1e-12)
    return np.log(clipped / (1 - clipped))
