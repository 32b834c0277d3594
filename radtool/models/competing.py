"""Signatures of an event that other events can make impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.competing import check_competing, expand_fine_gray, fine_gray
from radtool.evaluation.cox import CoxFit, baseline_hazard, fit_cox
from radtool.models.linear import HazardRegression, usable_columns
from radtool.models.predictor import Predictor
from radtool.models.survival import CoxSignature

__all__ = ["CompetingSignature", "FineGrayCox"]


class FineGrayCox(HazardRegression):
    """Fine and Gray's regression of the cumulative incidence, Efron ties, robust errors.

    Parameters
    ----------
    ridge : float, default 0
        Penalty on coefficients of columns scaled to unit standard deviation.

    Notes
    -----
    Its hazard ratios are of the subdistribution: above 1, a larger share of patients will have had
    the event by any time. Constant and linearly dependent columns get the coefficient 0; without a
    maximum of the likelihood the model is refitted with a penalty of 1, and a warning says so.
    """

    def _maximum(self, X: pd.DataFrame, y: pd.DataFrame, groups: np.ndarray | None) -> CoxFit:
        found = fine_gray(X, y, ridge=self.ridge_, clusters=groups)
        return replace(found.fit, covariance=found.robust)


class CompetingSignature(CoxSignature):
    """A signature of the cumulative incidence of an event with competing risks.

    The outcome has ``event``, ``duration`` and ``status`` (0 censored, 1 the event, 2 and more the
    events that make it impossible). `predict_survival` is one less the predicted cumulative
    incidence, so that risk groups, curves and the signature file work as for a plain survival
    signature. Feature steps and the C index see the event itself.

    Parameters
    ----------
    blocks, steps, combine, search, seed
        See `Signature`.
    model : {"fine_gray"} or Predictor, default "fine_gray"
        What learns.
    """

    kind = "competing"
    models: ClassVar[Mapping[str, type[Predictor]]] = {"fine_gray": FineGrayCox}

    def predict_incidence(
        self, X: pd.DataFrame, times: Sequence[float] | np.ndarray
    ) -> pd.DataFrame:
        """Return the predicted probability of the event by each time, one column a time."""
        return 1.0 - self.predict_survival(X, times)

    def cause_specific(self, X: pd.DataFrame, y: pd.DataFrame) -> pd.DataFrame:
        """Fit Cox models of each cause with the columns that the signature uses.

        Returns
        -------
        DataFrame
            As `CoxFit.table` with a column ``cause``: what drives the event itself, and what drives
            the events that compete with it. A cause with too few events has no rows.
        """
        outcome = self._check_new(X, y)
        design = self.design(X)
        used = [c for c in usable_columns(design) if c in set(self._used())]
        tables = []
        for cause in sorted(set(outcome["status"]) - {0}):
            own = pd.DataFrame(
                {"event": outcome["status"] == cause, "duration": outcome["duration"]}
            )
            if own["event"].sum() > len(used):
                tables.append(fit_cox(design[used], own).table().assign(cause=cause))
        empty = pd.DataFrame(columns=["cause", "feature"])
        return pd.concat(tables, ignore_index=True) if tables else empty

    def _combiner(self) -> Predictor:
        return FineGrayCox()

    def _check_new(self, X: pd.DataFrame, y: Any) -> pd.DataFrame:
        outcome = super()._check_new(X, y)
        if "status" not in y:
            raise InputError(
                "an outcome with competing risks has a column status: 0 censored, 1 the event,"
                " 2 and more what competes with it"
            )
        status = check_competing(y)["status"]
        if not (outcome["event"] == (status == 1)).all():
            raise InputError("event must be true where status is 1, and nowhere else")
        return outcome.assign(status=status)

    def _finish(self, score: np.ndarray, y: pd.DataFrame, patients: pd.Series) -> None:
        super()._finish(score, y, patients)
        rows = expand_fine_gray(y)
        index = np.clip(score, -500, 500)[rows["case"].to_numpy()]
        self.baseline_ = baseline_hazard(index, rows, ties="efron")
        self.trained_on_ |= {"competing": int((y["status"] > 1).sum())}
