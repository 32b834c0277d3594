"""What is measured when a signature of an event with competing risks meets new patients."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import (
    Estimate,
    bootstrap_interval,
    calibration_slope,
    competing_auc,
    competing_brier,
    competing_observed_over_expected,
    decision_curve,
    gray_test,
    harrell_c,
    incidence_at,
    smooth_calibration,
)
from radtool.models.competing import CompetingSignature
from radtool.models.measures import Measured, horizon_of

__all__ = ["measure_competing"]

_SAMPLES = 200


def measure_competing(
    signature: CompetingSignature, X: pd.DataFrame, y: pd.DataFrame, horizon: float | None
) -> tuple[Measured, pd.DataFrame]:
    """Discrimination, calibration and usefulness of predicted cumulative incidences.

    The horizon is by default the median time of the events of interest. Intervals of AUC, Brier
    score and IPA are percentile bootstraps over the cases (200 samples, seed 0).
    """
    got = Measured(len(y))
    risk, time = signature.predict_risk(X), horizon_of(y, horizon)
    p = signature.predict_incidence(X, [time]).iloc[:, 0]
    got.add("harrell_c", lambda: harrell_c(y, risk))
    got.add("calibration_slope", lambda: calibration_slope(y, risk))
    got.put("horizon", time)
    got.add("auc_at_horizon", lambda: _resampled(y, p, time, "auc"))
    got.add("brier_at_horizon", lambda: _resampled(y, p, time, "brier"))
    got.add("ipa_at_horizon", lambda: _resampled(y, p, time, "ipa"))
    got.add("observed_over_expected", lambda: competing_observed_over_expected(y, p, time))
    got.gather("calibration curve", lambda: _calibration(got, y, p, time))
    got.gather("calibration groups", lambda: _calibration_groups(got, y, p, time))
    got.gather("decision curve", lambda: _decision(got, y, p, time))
    got.gather("risk groups at median", partial(_groups, got, signature, X, y))
    scores = pd.DataFrame({"risk": risk, "incidence": p})
    if "median" in signature.cutoffs_:
        scores["risk_group"] = signature.risk_groups(X)
    return got, scores


def _resampled(y: pd.DataFrame, p: pd.Series, time: float, name: str) -> Estimate:
    outcome, values = y.reset_index(drop=True), p.to_numpy()

    def measure(rows: np.ndarray) -> float:
        sample = outcome.iloc[rows]
        if name == "auc":
            return competing_auc(sample, values[rows], time)
        return float(
            competing_brier(sample, values[rows], time).set_index("measure")["value"][name]
        )

    return bootstrap_interval(measure, np.arange(len(y)), n=_SAMPLES)


def _calibration(got: Measured, y: pd.DataFrame, p: pd.Series, time: float) -> None:
    smooth = smooth_calibration(y, np.clip(p, 1e-12, 1 - 1e-12), time)
    for name in ("ici", "e50", "e90", "emax"):
        got.put(name, smooth[name])
    got.curves["calibration"] = smooth.curve


def _calibration_groups(got: Measured, y: pd.DataFrame, p: pd.Series, time: float) -> None:
    """Predicted against observed (Aalen-Johansen) incidence in groups of equal size."""
    groups = min(10, max(2, int(y["event"].sum()) // 10))
    place = pd.qcut(p.rank(method="first"), groups, labels=False)
    rows = []
    for one in range(groups):
        members = (place == one).to_numpy()
        size, mean = int(members.sum()), float(p[members].mean())
        seen = Estimate(0.0, None, None, size)
        if (y["status"][members] == 1).any():
            seen = incidence_at(y[members], time)
        # Nobody had the event yet: the exact upper limit of 0 of n.
        upper = 1.0 - 0.025 ** (1.0 / size) if seen.upper is None else seen.upper
        rows.append([mean, seen.value, seen.lower or 0.0, upper, size])
    columns = ["predicted", "observed", "lower", "upper", "n"]
    got.curves["calibration_groups"] = pd.DataFrame(rows, columns=columns)


def _decision(got: Measured, y: pd.DataFrame, p: pd.Series, time: float) -> None:
    outcome = y[["status", "duration"]]
    got.curves["decision"] = decision_curve(outcome, {"signature": p.to_numpy()}, time=time)


def _groups(got: Measured, signature: CompetingSignature, X: pd.DataFrame, y: pd.DataFrame) -> None:
    group = signature.risk_groups(X)
    if group.nunique() < 2:
        raise InputError("all cases fall into one risk group")
    got.put("gray_p_median", float(gray_test(y, group)["p"].iloc[0]))
