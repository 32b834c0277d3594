"""Power transformation towards a symmetric distribution, learned on training cases."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from scipy import optimize
from sklearn.base import OneToOneFeatureMixin

from radtool.selection._base import Step
from radtool.selection.preparing import Standardize, values_like

__all__ = ["YeoJohnson"]


class YeoJohnson(OneToOneFeatureMixin, Step):
    """Make each feature as normal as a power can; z-scored before, with training numbers.

    Values below and above 0 are both allowed. A feature that is constant in training becomes 0.
    Missing values stay missing.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_features,)
        Power of each z-scored feature by maximum likelihood; 1 changes nothing.

    References
    ----------
    Yeo and Johnson, A new family of power transformations to improve normality or symmetry,
    Biometrika 2000.
    """

    state: ClassVar[tuple[str, ...]] = (*Standardize.state, "lambda_")
    _gaps_allowed: ClassVar[bool] = True

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn mean, SD and power of each feature."""
        values = self._learn_columns(X)
        scaler = Standardize().fit(values)
        self.mean_, self.sd_ = scaler.mean_, scaler.sd_
        self.decisions_ = [
            [self.features_[i], "constant in training: set to 0", float(self.mean_[i])]
            for i in np.flatnonzero(self.sd_ == 0)
        ]
        z = self._scaled(values)
        self.lambda_ = np.array([_power(column[np.isfinite(column)]) for column in z.T])
        return self

    def transform(self, X: Any) -> Any:
        """Z-score and raise to the training powers."""
        z = self._scaled(self._read_columns(X))
        moved = np.column_stack([_raised(c, p) for c, p in zip(z.T, self.lambda_, strict=True)])
        return values_like(X, moved, self.features_)

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        flat = self.sd_ == 0
        z = (values - self.mean_) / np.where(flat, 1.0, self.sd_)
        z[:, flat] = np.where(np.isnan(values[:, flat]), np.nan, 0.0)
        return z


def _raised(z: np.ndarray, power: float) -> np.ndarray:
    result = np.full_like(z, np.nan)
    above, below = z >= 0, z < 0
    up, down = z[above], -z[below]
    result[above] = np.log1p(up) if abs(power) < 1e-12 else ((up + 1) ** power - 1) / power
    other = 2 - power
    result[below] = -np.log1p(down) if abs(other) < 1e-12 else (1 - (down + 1) ** other) / other
    return result


def _power(z: np.ndarray) -> float:
    """The power between -4 and 6 with the highest normal likelihood; 1 for a constant feature."""
    if z.size < 3 or np.ptp(z) == 0:
        return 1.0
    jacobian = (np.sign(z) * np.log1p(np.abs(z))).sum()

    def loss(power: float) -> float:
        return 0.5 * z.size * np.log(_raised(z, power).var()) - (power - 1) * jacobian

    return float(optimize.minimize_scalar(loss, bounds=(-4, 6), method="bounded").x)
