"""A frozen signature made to fit another hospital's risk level; its ranks stay as they are."""

from __future__ import annotations

import copy
from typing import Any, Literal

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import (
    baseline_hazard,
    calibration_in_the_large,
    calibration_slope,
    logistic_slope,
    poisson_calibration,
)
from radtool.models.cases import check_patients, hashed_ids
from radtool.models.competing import CompetingSignature
from radtool.models.marker import MarkerSignature
from radtool.models.signature import Signature
from radtool.models.survival import CoxSignature

__all__ = ["RECALIBRATIONS", "Recalibration", "recalibrate"]

Recalibration = Literal["intercept", "slope", "baseline"]
RECALIBRATIONS: tuple[Recalibration, ...] = ("intercept", "slope", "baseline")
_FEWEST_EVENTS = 10


def recalibrate(
    signature: Signature,
    X: pd.DataFrame,
    y: pd.DataFrame | pd.Series,
    *,
    how: Recalibration,
    patients: pd.Series | None = None,
) -> Signature:
    """Return a copy of a fitted signature that is recalibrated to a cohort.

    Parameters
    ----------
    signature : Signature
        Fitted or loaded; it is not changed.
    X, y : DataFrame, DataFrame or Series
        The cohort; these patients count as training from now on.
    how : {"intercept", "slope", "baseline"}
        "intercept": the overall level only (survival: the baseline hazard times observed over
        expected events; marker: the intercept of the log odds). "slope": also how far apart low and
        high risk are (the index, or the log odds, times their calibration slope). "baseline"
        (survival): the index stays, the baseline hazard is estimated anew.
    patients : Series, optional
        Patient of each case; default each case is its own patient.

    Returns
    -------
    Signature
        Same predictors, ranks and risk groups; ``recalibration_`` says what was done.

    Raises
    ------
    InputError
        Training patients are in the cohort, it has fewer than 10 events (or cases of either class),
        the slope is not above 0 (ranks would turn round), or `how` does not fit the outcome.

    References
    ----------
    Steyerberg, Borsboom, van Houwelingen, Eijkemans, Habbema. Validation and updating of predictive
    logistic regression models. Stat Med 2004. van Houwelingen. Validation, calibration, revision
    and combination of prognostic survival models. Stat Med 2000.
    """
    if how not in RECALIBRATIONS:
        raise InputError(f"how must be one of {list(RECALIBRATIONS)}, got {how!r}")
    if isinstance(signature, CompetingSignature):
        raise InputError("recalibration of competing risks is not offered")
    outcome, people = signature._check_new(X, y), check_patients(X, patients)
    seen = signature.overlap(people)
    if seen:
        raise InputError(f"patient(s) {seen[:3]} were in the training cohort; use other patients")
    event = outcome["event"] if isinstance(outcome, pd.DataFrame) else outcome
    fewest = int(event.sum())
    if isinstance(outcome, pd.Series):
        fewest = min(fewest, int((~outcome).sum()))
    if fewest < _FEWEST_EVENTS:
        raise InputError(
            f"{fewest} events are too few to recalibrate to (at least {_FEWEST_EVENTS}, better 100)"
        )
    new = copy.deepcopy(signature)
    score = signature.predict_risk(X)
    if isinstance(new, MarkerSignature):
        intercept, slope = _marker(outcome, score, how)
    elif isinstance(new, CoxSignature):
        intercept, slope = 0.0, _survival(new, outcome, score, how)
    else:
        raise InputError(f"cannot recalibrate a {type(signature).__name__}")
    if not slope > 0:
        raise InputError(
            f"the calibration slope in these patients is {slope:.2f}: high predicted risk does not"
            " go with more events, and recalibrating would turn the ranks round"
        )
    before = signature.cutoffs_
    new.content_sha256_ = None
    new.recalibration_ = {
        "how": how,
        "intercept": intercept + slope * _before(signature, "intercept", 0.0),
        "slope": slope * _before(signature, "slope", 1.0),
        "n": len(X),
        "events": int(event.sum()),
    }
    new.cutoffs_ = {
        name: _moved(value, intercept, slope, new.kind) for name, value in before.items()
    }
    both = {*signature.trained_on_["ids_sha256"], *hashed_ids(people)}
    new.trained_on_ = {**signature.trained_on_, "ids_sha256": sorted(both)}
    return new


def _moved(cut: float | list[float], intercept: float, slope: float, kind: str) -> Any:
    """Move training cut-offs with the scores, so that every case stays in its group."""
    if isinstance(cut, list):
        return [_moved(one, intercept, slope, kind) for one in cut]
    if kind != "marker":
        return slope * cut
    inner = min(max(cut, 1e-9), 1 - 1e-9)
    return float(1.0 / (1.0 + np.exp(-(intercept + slope * np.log(inner / (1 - inner))))))


def _before(signature: Signature, name: str, default: float) -> float:
    """Return what an earlier recalibration did."""
    return float((signature.recalibration_ or {}).get(name, default))


def _marker(y: pd.Series, p: pd.Series, how: Recalibration) -> tuple[float, float]:
    inner = p.clip(1e-9, 1 - 1e-9)
    if how == "intercept":
        return calibration_in_the_large(y, inner).value, 1.0
    if how == "baseline":
        raise InputError("a marker has no baseline; use how='intercept' or how='slope'")
    values = logistic_slope(y, inner).set_index("term")["value"]
    return float(values["intercept"]), float(values["slope"])


def _survival(new: CoxSignature, y: pd.DataFrame, index: pd.Series, how: Recalibration) -> float:
    """Set the new baseline; return the slope of the index."""
    slope = calibration_slope(y, index).value if how == "slope" else 1.0
    scaled = np.clip(slope * index.to_numpy(), -500, 500)
    if how == "intercept":
        expected = new.cumulative_baseline(y["duration"].to_numpy()) * np.exp(scaled)
        table = poisson_calibration(y, scaled, expected).set_index("measure")
        ratio = float(table.loc["observed_expected", "value"])
        assert new.baseline_ is not None
        new.baseline_ = new.baseline_.assign(hazard=new.baseline_["hazard"] * ratio)
    else:
        new.baseline_ = baseline_hazard(scaled, y)
    return slope
