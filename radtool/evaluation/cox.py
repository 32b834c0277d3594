"""Cox regression by Newton's method: Efron ties, strata, offset, entry times, case weights.

How this works. For a stratum, the risk set at an event time is everyone with entry < t <= duration,
so its sums are suffix sums of the cases sorted by time. Efron's method lets the l-th of d tied
events see the risk set less l/d of the tied ones: one "record" per event. The first term of the
information is then a weighted cross product of the cases (each weighted by the hazard it has lived
through) and the second one of the record means, so no n x p x p array is ever built. Columns are
centred and scaled, and the linear predictor is shifted by its maximum, so that raw radiomic
features do not overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.risk_sets import RiskSets, Ties, check_outcome, risk_sets

__all__ = ["CoxFit", "baseline_hazard", "fit_cox", "martingale_residuals"]

_MOST_STEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """A fitted Cox model.

    Parameters
    ----------
    columns : tuple of str
        Predictors.
    coefficients : ndarray of shape (p,)
        Log hazard ratios per unit of each column.
    covariance : ndarray of shape (p, p)
        Inverse information.
    log_likelihood, log_likelihood_null : float
        At the coefficients and at zero.
    score : float
        Score statistic at zero (p degrees of freedom).
    n, events : int
        Cases and events.
    """

    columns: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    log_likelihood_null: float
    score: float
    n: int
    events: int

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard errors of the coefficients, shape (p,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def likelihood_ratio(self) -> float:
        """Likelihood-ratio statistic against no predictors."""
        return 2.0 * (self.log_likelihood - self.log_likelihood_null)

    @property
    def wald(self) -> float:
        """Wald statistic of all coefficients together."""
        return float(self.coefficients @ np.linalg.solve(self.covariance, self.coefficients))

    def table(self) -> pd.DataFrame:
        """Coefficients with hazard ratios, 95 % intervals and Wald p, one row a predictor."""
        beta, se = self.coefficients, self.standard_errors
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            p = 2.0 * stats.norm.sf(np.abs(beta / se))
            lower, upper = (
                np.exp(beta - 1.959963984540054 * se),
                np.exp(beta + 1.959963984540054 * se),
            )
            ratio = np.exp(beta)
        return pd.DataFrame(
            {
                "feature": list(self.columns),
                "coefficient": beta,
                "se": se,
                "hazard_ratio": ratio,
                "lower": lower,
                "upper": upper,
                "p": p,
            }
        )


def fit_cox(
    X: pd.DataFrame,
    y: pd.DataFrame,
    *,
    ties: Ties = "efron",
    offset: np.ndarray | None = None,
    strata: np.ndarray | None = None,
    ridge: float = 0.0,
) -> CoxFit:
    """Fit a Cox model.

    Parameters
    ----------
    X : DataFrame of shape (n, p)
        Numeric predictors without missing values.
    y : DataFrame
        ``event`` and ``duration``; optional columns ``entry`` (start of the time at risk, for
        left truncation and time-dependent covariates) and ``weight`` (case weights).
    ties : {"efron", "breslow"}
        How tied event times are treated.
    offset : ndarray of shape (n,), optional
        Added to the linear predictor with coefficient 1.
    strata : array-like of shape (n,), optional
        Each stratum has its own baseline hazard.
    ridge : float, default 0
        Penalty ``ridge / 2 * sum(beta**2)`` on columns scaled to unit standard deviation.

    Returns
    -------
    CoxFit
        With a penalty, its covariance is the inverse of the penalised information.

    Raises
    ------
    InputError
        A predictor is missing, constant or a linear combination of others, there are not more
        events than predictors (unless penalised), or a coefficient runs to infinity.
    """
    outcome = check_outcome(y)
    values = _design(X, outcome)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    events = int(outcome["event"].sum())
    _check_columns(list(map(str, X.columns)), scale, mean, events, ridge)
    z = (values - mean) / scale
    if ridge == 0:
        _check_rank(z, list(map(str, X.columns)))
    shift = np.zeros(len(z)) if offset is None else np.asarray(offset, dtype=float)
    sets = risk_sets(outcome, strata, ties)

    def evaluate(beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        loglik, gradient, information = _evaluate(sets, z, z @ beta + shift)
        return (
            loglik - 0.5 * ridge * float(beta @ beta),
            gradient - ridge * beta,
            information + ridge * np.eye(len(beta)),
        )

    beta, null, final = _newton(evaluate, z.shape[1], list(map(str, X.columns)))
    covariance = np.linalg.inv(final[2])
    score = float(null[1] @ np.linalg.solve(null[2], null[1])) if z.shape[1] else 0.0
    return CoxFit(
        tuple(map(str, X.columns)),
        beta / scale,
        covariance / np.outer(scale, scale),
        final[0],
        null[0],
        score,
        len(z),
        events,
    )


def martingale_residuals(
    risk: np.ndarray, y: pd.DataFrame, *, ties: Ties = "efron", strata: np.ndarray | None = None
) -> np.ndarray:
    """Return observed less expected events of each case at a given linear predictor, shape (n,)."""
    outcome = check_outcome(y)
    eta = np.asarray(risk, dtype=float)
    residuals = np.zeros(len(eta))
    for one in risk_sets(outcome, strata, ties):
        top = eta[one.rows].max()
        relative = np.exp(eta[one.rows] - top)
        lived = one.lived(one.hazard(one.weight * relative)[1])
        residuals[one.rows] = one.event - relative * lived
    return residuals


def baseline_hazard(risk: np.ndarray, y: pd.DataFrame, *, ties: Ties = "efron") -> pd.DataFrame:
    """Return the cumulative hazard of a case whose linear predictor is zero.

    Parameters
    ----------
    risk : ndarray of shape (n,)
        Linear predictor of the cases in `y`.
    y : DataFrame
        ``event`` and ``duration``.
    ties : {"efron", "breslow"}
        Efron equals R's survfit of a Cox model fitted with Efron ties.

    Returns
    -------
    DataFrame
        ``time`` (event times, increasing) and ``hazard`` (cumulative).
    """
    outcome = check_outcome(y)
    eta = np.asarray(risk, dtype=float)
    (one,) = risk_sets(outcome, None, ties)
    top = float(eta.max())
    hazard, _ = one.hazard(one.weight * np.exp(eta - top))
    return pd.DataFrame({"time": one.times, "hazard": np.cumsum(hazard) * np.exp(-top)})


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _evaluate(
    sets: list[RiskSets], x: np.ndarray, eta: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, its gradient and the information; NaN where a trial step overflows.

    `_newton` halves a step that does not give a better, finite likelihood.
    """
    p = x.shape[1]
    loglik, gradient, information = 0.0, np.zeros(p), np.zeros((p, p))
    for one in sets:
        if len(one.times) == 0:
            continue
        xs, own = x[one.rows], eta[one.rows]
        own = own - own.max()
        relative = one.weight * np.exp(own)
        _, s0 = one.hazard(relative)
        lived = one.lived(s0)
        weighted = relative[:, None] * xs
        s1 = one.sums(weighted)[one.record] - one.phi[:, None] * one.tied(weighted)[one.record]
        mean = s1 / s0[:, None]
        died = one.event
        loglik += float(one.weight[died] @ own[died] - one.record_weight @ np.log(s0))
        gradient += xs.T @ (one.weight * died - relative * lived)
        information += xs.T @ (xs * (relative * lived)[:, None])
        information -= (mean * one.record_weight[:, None]).T @ mean
    return loglik, gradient, information


_State = tuple[float, np.ndarray, np.ndarray]


def _newton(
    evaluate: Callable[[np.ndarray], _State], p: int, columns: list[str]
) -> tuple[np.ndarray, _State, _State]:
    beta = np.zeros(p)
    null = current = evaluate(beta)
    if p == 0:
        return beta, null, current
    step = np.zeros(p)
    for _ in range(_MOST_STEPS):
        try:
            step = np.linalg.solve(current[2], current[1])
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        proposal = evaluate(beta + step)
        while not proposal[0] >= current[0] - 1e-9 * abs(current[0]) and np.abs(step).max() > 1e-9:
            step = step / 2
            proposal = evaluate(beta + step)
        beta, gain, current = beta + step, proposal[0] - current[0], proposal
        if np.abs(step).max() < 1e-8 and abs(gain) < 1e-9 * (1 + abs(current[0])):
            if np.linalg.eigvalsh(current[2])[0] <= 0:
                break
            return beta, null, current
        if np.abs(beta).max() > 50:
            break
    worst = columns[int(np.argmax(np.abs(beta) + np.abs(step)))]
    raise InputError(
        f"the coefficient of {worst!r} runs to infinity (perfect separation: it tells all events"
        " apart, or one of its levels has none); drop or merge it, or set ridge > 0"
    )


def _design(X: pd.DataFrame, outcome: pd.DataFrame) -> np.ndarray:
    if len(X) != len(outcome):
        raise InputError(f"X has {len(X)} cases, y has {len(outcome)}")
    if not X.index.equals(outcome.index):
        raise InputError("X and y are not of the same cases in the same order")
    text = [str(c) for c in X.columns if not pd.api.types.is_numeric_dtype(X[c])]
    if text:
        raise InputError(f"column(s) {text[:5]} are not numbers; encode them first")
    values = X.to_numpy(dtype=float)
    bad = [
        str(c) for c, ok in zip(X.columns, np.isfinite(values).all(axis=0), strict=True) if not ok
    ]
    if bad:
        raise InputError(f"column(s) {bad[:5]} have missing or infinite values; impute them first")
    return values


def _check_columns(
    columns: list[str], scale: np.ndarray, mean: np.ndarray, events: int, ridge: float
) -> None:
    constant = [c for c, s, m in zip(columns, scale, mean, strict=True) if s <= 1e-12 * abs(m)]
    if constant:
        raise InputError(f"column(s) {constant[:5]} are constant; drop them")
    if ridge == 0 and columns and events <= len(columns):
        said = f"{len(columns)} predictor{'s' * (len(columns) != 1)}"
        raise InputError(
            f"{said} for {events} event{'s' * (events != 1)}; select fewer than there are events,"
            " or use a penalty"
        )


def _check_rank(z: np.ndarray, columns: list[str]) -> None:
    dependent = dependent_columns(z)
    if dependent:
        names = [columns[j] for j in dependent]
        raise InputError(
            f"column(s) {names[:5]} are linear combinations of those before; drop them"
        )


def dependent_columns(z: np.ndarray) -> list[int]:
    """Indices of columns that are linear combinations of the columns before them."""
    if z.shape[1] == 0:
        return []
    diagonal = np.abs(np.diag(np.linalg.qr(z, mode="r")))
    size = np.sqrt((z**2).sum(axis=0))[: len(diagonal)]
    found = [j for j in range(len(diagonal)) if diagonal[j] <= 1e-9 * max(size[j], 1e-300)]
    return found + list(range(len(diagonal), z.shape[1]))
