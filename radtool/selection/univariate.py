"""Filters that test each feature against the outcome, alone."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import stats

from radtool.errors import ParameterError
from radtool.selection._base import Selector, binary_target, by_name, survival_target
from radtool.selection._screens import cox_score, marker_score
from radtool.selection.multiplicity import adjust_p

__all__ = ["UnivariateCoxFilter", "UnivariateMarkerFilter"]

_DECIMALS = 10


class _UnivariateFilter(Selector):
    """Keep features by the p-value of a score test."""

    def __init__(
        self,
        alpha: float | None = 0.05,
        *,
        correction: Literal["none", "fdr", "holm"] = "none",
        top: int | None = None,
        at_least: int = 1,
    ) -> None:
        self.alpha = alpha
        self.correction = correction
        self.top = top
        self.at_least = at_least

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _z(self, values: np.ndarray, y: Any) -> np.ndarray:
        raise NotImplementedError

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        self._check_settings()
        z = self._z(values, y)
        self.p_ = 2 * stats.norm.sf(np.abs(z))
        adjusted = adjust_p(self.p_, self.correction)
        names = by_name(self.features_)
        strength = np.nan_to_num(np.round(np.abs(z), _DECIMALS), nan=-1.0)
        order = names[np.argsort(-strength[names], kind="stable")]
        kept = np.ones(z.size, dtype=bool) if self.alpha is None else adjusted <= self.alpha
        kept &= np.isfinite(z)
        if self.top is not None:
            passing = order[kept[order]]
            kept[passing[self.top :]] = False
        rescued = order[: self.at_least]
        rescued = rescued[~kept[rescued] & np.isfinite(z[rescued])]
        if kept.sum() < self.at_least:
            kept[rescued] = True
            for i in rescued:
                self._drop(int(i), "kept although it does not pass (at_least)", adjusted[i])
        for i in np.flatnonzero(~kept):
            self._drop(int(i), self._reason(z[i], adjusted[i]), adjusted[i])
        return kept

    def _reason(self, z: float, adjusted: float) -> str:
        if not np.isfinite(z):
            return "constant"
        if self.alpha is not None and adjusted > self.alpha:
            label = {"none": "p", "fdr": "FDR-adjusted p", "holm": "Holm-adjusted p"}
            return f"{label[self.correction]} above {self.alpha:g}"
        return f"not among the best {self.top}"

    def _check_settings(self) -> None:
        if self.alpha is not None and not 0 < self.alpha <= 1:
            raise ParameterError(f"{self._name}: alpha must be in (0, 1], got {self.alpha}")
        if self.top is not None and self.top < 1:
            raise ParameterError(f"{self._name}: top must be at least 1, got {self.top}")
        if self.at_least < 0:
            raise ParameterError(f"{self._name}: at_least must be >= 0, got {self.at_least}")


class UnivariateCoxFilter(_UnivariateFilter):
    """Keep features that go with survival, by the score test of a one-feature Cox model.

    Parameters
    ----------
    alpha : float or None, default 0.05
        Features with (corrected) p at or below it stay; None: no limit.
    correction : {"none", "fdr", "holm"}, default "none"
        Over all features that come in.
    top : int, optional
        At most this many, the strongest.
    at_least : int, default 1
        When fewer pass, the strongest stay all the same, and `report_` says so: a fold without a
        signal gives a weak model, not a crash. 0 allows none.

    Attributes
    ----------
    p_ : ndarray of shape (n_features,)
        Uncorrected p-values (NaN for a constant feature); ties among events by Efron.
    """

    def _z(self, values: np.ndarray, y: Any) -> np.ndarray:
        event, duration = survival_target(y, len(values), self._name)
        return cox_score(values, event, duration)


class UnivariateMarkerFilter(_UnivariateFilter):
    """Keep features that go with a binary marker, by the score test of a logistic model.

    Parameters, attributes: see `UnivariateCoxFilter`.
    """

    _two_classes = True

    def _z(self, values: np.ndarray, y: Any) -> np.ndarray:
        return marker_score(values, binary_target(y, len(values), self._name))
