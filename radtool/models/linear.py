"""Linear models: Cox, logistic."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError, RadtoolWarning
from radtool.evaluation.calibration import fit_logistic
from radtool.evaluation.cox import CoxFit, dependent_columns, fit_cox
from radtool.evaluation.robust import robust_covariance
from radtool.models.predictor import Predictor, weighted_sum

__all__ = ["Cox", "HazardRegression", "Logistic", "usable_columns"]

_PRIOR = 1.0


class HazardRegression(Predictor):
    """What Cox's and Fine and Gray's regression share.

    Parameters
    ----------
    ridge : float, default 0
        Penalty on coefficients of columns scaled to unit standard deviation.
    """

    state: ClassVar[tuple[str, ...]] = ("columns_", "coef_", "center_", "table_", "ridge_")
    survival: ClassVar[bool] = True

    def __init__(self, ridge: float = 0.0) -> None:
        self.ridge = ridge

    def fit(self, X: pd.DataFrame, y: pd.DataFrame, groups: np.ndarray | None = None) -> Self:
        """Fit by Newton's method, with a penalty where the likelihood has no maximum."""
        self.columns_ = list(X.columns)
        used = usable_columns(X)
        self.ridge_ = float(self.ridge)
        try:
            fit = self._maximum(X[used], y, groups)
        except InputError as error:
            if "infinity" not in str(error):
                raise
            warnings.warn(f"{error}; refitted with ridge {_PRIOR}", RadtoolWarning, stacklevel=2)
            self.ridge_ = _PRIOR
            fit = self._maximum(X[used], y, groups)
        full = dict(zip(used, fit.coefficients, strict=True))
        self.coef_ = np.array([full.get(c, 0.0) for c in self.columns_])
        self.center_ = X.mean().to_numpy(dtype=float)
        self.table_ = {name: values.to_numpy() for name, values in fit.table().items()}
        self.table_["feature"] = list(used)
        return self

    def _maximum(self, X: pd.DataFrame, y: pd.DataFrame, groups: np.ndarray | None) -> CoxFit:
        """Fit with the penalty `ridge_`; the covariance is the one to report."""
        raise NotImplementedError

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the prognostic index, 0 for a case with the training means."""
        return weighted_sum(X[self.columns_].to_numpy(dtype=float) - self.center_, self.coef_)

    def coefficients(self) -> pd.DataFrame:
        """Return ``feature, coefficient, se, hazard_ratio, lower, upper, p``."""
        return pd.DataFrame(self.table_)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Share of each feature in the prognostic index; the rows sum to it."""
        parts = (X[self.columns_].to_numpy(dtype=float) - self.center_) * self.coef_
        return pd.DataFrame(parts, index=X.index, columns=self.columns_)


class Cox(HazardRegression):
    """Cox regression with Efron ties.

    Parameters
    ----------
    ridge : float, default 0
        Penalty on coefficients of columns scaled to unit standard deviation.

    Notes
    -----
    Constant columns and linear combinations of earlier ones get the coefficient 0. When the
    likelihood has no maximum (perfect separation), the model is refitted with a penalty of 1
    (a standard normal prior per standard deviation) and a warning says so. Patients with several
    cases get robust standard errors, clustered by patient.
    """

    def _maximum(self, X: pd.DataFrame, y: pd.DataFrame, groups: np.ndarray | None) -> CoxFit:
        fit = fit_cox(X, y, ridge=self.ridge_)
        if groups is None or len(set(groups)) == len(groups):
            return fit
        return replace(fit, covariance=robust_covariance(fit, X, y, groups))


class Logistic(Predictor):
    """Logistic regression with a ridge penalty.

    Parameters
    ----------
    ridge : float, default 0
        Penalty on coefficients of columns scaled to unit standard deviation.
    balanced : bool, default False
        Shift the intercept so that both classes weigh the same; ranks stay as they are.
    """

    state: ClassVar[tuple[str, ...]] = ("columns_", "coef_", "intercept_", "table_", "ridge_")

    def __init__(self, ridge: float = 0.0, balanced: bool = False) -> None:  # noqa: FBT001, FBT002 (sklearn estimators take settings by name)
        self.ridge = ridge
        self.balanced = balanced

    def fit(self, X: pd.DataFrame, y: pd.Series, groups: np.ndarray | None = None) -> Self:
        """Fit by Newton's method."""
        self.columns_ = list(X.columns)
        used = usable_columns(X)
        truth = np.asarray(y, dtype=bool)
        if self.ridge == 0 and len(used) >= min(truth.sum(), (~truth).sum()):
            raise InputError(
                f"{len(used)} predictors for {min(truth.sum(), (~truth).sum())} cases in the"
                " smaller class; select fewer, or use a penalty"
            )
        values = X[used].to_numpy(dtype=float)
        mean, scale = values.mean(axis=0), values.std(axis=0)
        design = np.column_stack([np.ones(len(X)), (values - mean) / scale])
        self.ridge_ = float(self.ridge)
        try:
            beta, covariance = fit_logistic(design, truth, np.zeros(len(X)), self._penalty(used))
        except InputError as error:
            warnings.warn(f"{error}; refitted with ridge {_PRIOR}", RadtoolWarning, stacklevel=2)
            self.ridge_ = _PRIOR
            beta, covariance = fit_logistic(design, truth, np.zeros(len(X)), self._penalty(used))
        slope = beta[1:] / scale
        self.intercept_ = float(beta[0] - mean @ slope)
        if self.balanced:
            self.intercept_ += float(np.log((~truth).sum() / truth.sum()))
        full = dict(zip(used, slope, strict=True))
        self.coef_ = np.array([full.get(c, 0.0) for c in self.columns_])
        se = np.sqrt(np.diag(covariance))[1:] / scale
        self.table_ = _odds_table(used, slope, se)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the probability of True."""
        eta = weighted_sum(X[self.columns_].to_numpy(dtype=float), self.coef_) + self.intercept_
        return 1.0 / (1.0 + np.exp(-np.clip(eta, -500, 500)))

    def coefficients(self) -> pd.DataFrame:
        """Return ``feature, coefficient, se, odds_ratio, lower, upper, p``."""
        return pd.DataFrame(self.table_)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Share of each feature in the log odds; the intercept is not among them."""
        parts = X[self.columns_].to_numpy(dtype=float) * self.coef_
        return pd.DataFrame(parts, index=X.index, columns=self.columns_)

    def _penalty(self, used: list[str]) -> np.ndarray:
        return np.concatenate([[0.0], np.full(len(used), self.ridge_)])


def usable_columns(X: pd.DataFrame) -> list[str]:
    """Columns that vary and are not linear combinations of earlier ones."""
    values = X.to_numpy(dtype=float)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    varying = np.flatnonzero(scale > 1e-12 * np.maximum(np.abs(mean), 1e-300))
    if len(varying) > len(X):
        return [str(X.columns[j]) for j in varying]
    z = (values[:, varying] - mean[varying]) / scale[varying]
    dependent = set(dependent_columns(z))
    return [str(X.columns[j]) for i, j in enumerate(varying) if i not in dependent]


def _odds_table(columns: list[str], slope: np.ndarray, se: np.ndarray) -> dict[str, Any]:
    with np.errstate(over="ignore"):
        return {
            "feature": list(columns),
            "coefficient": slope,
            "se": se,
            "odds_ratio": np.exp(slope),
            "lower": np.exp(slope - 1.959963984540054 * se),
            "upper": np.exp(slope + 1.959963984540054 * se),
            "p": 2.0 * stats.norm.sf(np.abs(slope / se)),
        }
