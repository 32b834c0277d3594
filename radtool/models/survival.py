"""Survival signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.cox import baseline_hazard, fit_cox
from radtool.evaluation.proportional import proportional_hazards
from radtool.models.cases import joined_designs
from radtool.models.elastic_net import ElasticNetCox
from radtool.models.linear import Cox, usable_columns
from radtool.models.predictor import Predictor
from radtool.models.signature import Signature
from radtool.models.trees import XGBoostAFT, XGBoostCox
from radtool.table import check_survival

__all__ = ["CoxSignature"]

Cut = Literal["median", "p75", "tertiles"]
_QUANTILES: dict[str, list[float]] = {"median": [0.5], "p75": [0.75], "tertiles": [1 / 3, 2 / 3]}


class CoxSignature(Signature):
    """A survival signature: blocks of predictors, a Cox-type model, baseline and risk groups.

    Parameters
    ----------
    blocks, steps, search, seed
        See `Signature`.
    model : {"cox", "elastic_net", "xgboost", "xgboost_aft"} or Predictor, default "cox"
        What learns.
    combine : {"joint", "index", "average"}, default "joint"
        "index" fits a model per block and a Cox model on their prognostic indices.

    Attributes
    ----------
    coefficients_ : DataFrame
        Coefficients with hazard ratios.
    selection_path_ : list of dict
        What each step did.
    cutoffs_ : dict
        Cut-offs of the training prognostic index: ``median``, ``p75``, ``tertiles``.
    baseline_ : DataFrame
        ``time, hazard``: cumulative hazard of a case whose prognostic index is 0.
    """

    kind = "survival"
    models: ClassVar[Mapping[str, type[Predictor]]] = {
        "cox": Cox,
        "elastic_net": ElasticNetCox,
        "xgboost": XGBoostCox,
        "xgboost_aft": XGBoostAFT,
    }

    def predict_risk(self, X: pd.DataFrame) -> pd.Series:
        """Return the prognostic index (log hazard ratio); higher = sooner event."""
        return self._score(X).rename("risk")

    def predict_survival(
        self, X: pd.DataFrame, times: Sequence[float] | np.ndarray
    ) -> pd.DataFrame:
        """Return the predicted probability of no event by each time, one column a time."""
        index = self.predict_risk(X).to_numpy()
        wanted = np.asarray(times, dtype=float)
        if (wanted < 0).any():
            raise InputError("times must not be negative")
        hazard = self.cumulative_baseline(wanted)
        survival = np.exp(-np.exp(np.clip(index, -500, 500))[:, None] * hazard)
        return pd.DataFrame(survival, index=X.index, columns=list(wanted))

    def cumulative_baseline(self, times: np.ndarray) -> np.ndarray:
        """Cumulative baseline hazard at given times (0 before the first event)."""
        self._check_fitted()
        if self.baseline_ is None:
            raise InputError("this signature has no baseline survival; it ranks cases only")
        row = np.searchsorted(self.baseline_["time"].to_numpy(), times, side="right")
        return np.concatenate([[0.0], self.baseline_["hazard"].to_numpy()])[row]

    def risk_groups(self, X: pd.DataFrame, *, cut: Cut = "median") -> pd.Series:
        """Put cases into risk groups by a training cut-off: "low", "high" (or with "middle")."""
        if cut not in _QUANTILES:
            raise InputError(f"cut must be one of {sorted(_QUANTILES)}, got {cut!r}")
        if cut not in self.cutoffs_:
            raise InputError(f"this signature has no cut-off {cut!r}; it has {list(self.cutoffs_)}")
        risk = self.predict_risk(X)
        bounds = np.atleast_1d(self.cutoffs_[cut])
        names = ["low", "high"] if len(bounds) == 1 else ["low", "middle", "high"]
        group = np.searchsorted(bounds, risk.to_numpy(), side="left")
        return pd.Series([names[g] for g in group], index=X.index, name="risk_group")

    def proportional_hazards(self, X: pd.DataFrame, y: pd.DataFrame) -> pd.DataFrame:
        """Test whether the effect of each feature changes with time, in a Cox model of the cases.

        Parameters
        ----------
        X, y : DataFrame
            Usually the training cases.

        Returns
        -------
        DataFrame
            ``term, chisq, df, p`` (Kaplan-Meier time scale), the last row ``GLOBAL``. With a model
            per block the terms are the blocks' predictions, else the features.
        """
        designs = self._designs(X)
        frame = joined_designs(designs) if self.combine == "joint" else self._parts(designs)
        used = set(self._used())
        columns = [c for c in usable_columns(frame) if self.combine != "joint" or c in used]
        return proportional_hazards(fit_cox(frame[columns], y), frame[columns], y)

    def _combiner(self) -> Predictor:
        return Cox()

    def _check_new(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        if not isinstance(y, pd.DataFrame):
            raise InputError("a survival outcome is a DataFrame with event and duration")
        if not y.index.equals(X.index):
            raise InputError("X and y are not of the same cases in the same order")
        return check_survival(y)

    def _check(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        outcome = self._check_new(X, y)
        if int(outcome["event"].sum()) < 2:
            raise InputError(
                f"1 event among {len(outcome)} cases; a survival model needs at least 2 (and about"
                " 10 per predictor to be worth anything)"
            )
        return outcome

    def _finish(self, score: np.ndarray, y: pd.DataFrame, patients: pd.Series) -> None:
        ties: Literal["efron", "breslow"] = "efron" if isinstance(self.model, Cox) else "breslow"
        self.baseline_ = baseline_hazard(np.clip(score, -500, 500), y, ties=ties)
        self.cutoffs_ = {
            name: [float(q) for q in np.quantile(score, levels)]
            if len(levels) > 1
            else float(np.quantile(score, levels[0]))
            for name, levels in _QUANTILES.items()
        }
        candidates = sum(len(f.inputs) for f in self.blocks_.values())
        self.trained_on_ |= {
            "events": int(y["event"].sum()),
            "last_time": float(y["duration"].max()),
            "events_per_variable": float(y["event"].sum() / max(len(self._used()), 1)),
            "candidates": candidates,
            "events_per_candidate": float(y["event"].sum() / max(candidates, 1)),
        }
