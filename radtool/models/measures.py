"""Everything that is measured when a signature meets new patients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import (
    Estimate,
    auc,
    auc_at,
    average_precision,
    brier,
    brier_at,
    calibration_groups,
    calibration_in_the_large,
    calibration_slope,
    classify,
    decision_curve,
    explained_variation,
    harrell_c,
    ipa_at,
    kaplan_meier,
    logistic_slope,
    logrank,
    marker_calibration,
    misspecification_test,
    observed_over_expected,
    poisson_calibration,
    precision_recall_curve,
    proportion,
    proportional_hazards,
    roc_curve,
    royston_d,
    slope_test,
    smooth_calibration,
    uno_c,
)
from radtool.evaluation.cox import fit_cox
from radtool.models.linear import Cox, usable_columns
from radtool.models.marker import MarkerSignature
from radtool.models.survival import CoxSignature, Cut

__all__ = ["Measured", "horizon_of", "measure_marker", "measure_survival"]


class Measured:
    """Rows, curves and notes, gathered one measure at a time.

    A measure that is not defined for the cohort becomes a note with the reason, not an error: one
    flat calibration curve must not cost the whole validation.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.rows: list[dict[str, Any]] = []
        self.curves: dict[str, pd.DataFrame] = {}
        self.notes: list[str] = []

    def put(self, name: str, found: Estimate | float) -> None:
        """Add one number."""
        one = found if isinstance(found, Estimate) else Estimate(float(found), n=self.n)
        row = {"measure": name, "value": one.value, "lower": one.lower, "upper": one.upper}
        self.rows.append({**row, "n": one.n})

    def add(self, name: str, make: Callable[[], Estimate | float]) -> None:
        """Add one number that may not be defined."""
        self.gather(name, lambda: self.put(name, make()))

    def gather(self, name: str, make: Callable[[], None]) -> None:
        """Run a piece that adds several numbers or curves."""
        try:
            make()
        except InputError as error:
            self.notes.append(f"{name}: {error}")

    @property
    def table(self) -> pd.DataFrame:
        """The numbers as a frame."""
        columns = ["measure", "value", "lower", "upper", "n"]
        return pd.DataFrame(self.rows, columns=columns)


def measure_survival(
    signature: CoxSignature, X: pd.DataFrame, y: pd.DataFrame, horizon: float | None
) -> tuple[Measured, pd.DataFrame]:
    """Discrimination, calibration, overall fit, risk groups and usefulness of a survival model."""
    got = Measured(len(y))
    risk = signature.predict_risk(X)
    time = horizon_of(y, horizon)
    got.add("harrell_c", lambda: harrell_c(y, risk))
    got.add("uno_c", lambda: uno_c(y, risk))
    got.add("calibration_slope", lambda: calibration_slope(y, risk))
    got.add("slope_test_p", lambda: slope_test(y, risk)["p"].iloc[0])
    got.add("royston_d", lambda: royston_d(y, risk))
    got.add("r2_d", lambda: explained_variation(y, risk)["value"].iloc[1])
    got.gather("Poisson calibration", lambda: _poisson(got, signature, y, risk))
    got.put("horizon", time)
    got.add("auc_at_horizon", lambda: auc_at(y, risk, time))
    got.gather("predicted risks", lambda: _at_horizon(got, signature, X, y, time))
    got.gather("proportional hazards", lambda: _proportional(got, y, risk))
    got.gather("misspecification", lambda: _misspecified(got, signature, X, y, risk))
    for cut in get_args(Cut):
        got.gather(f"risk groups at {cut}", partial(_groups, got, signature, X, y, cut))
    scores = pd.DataFrame({"risk": risk})
    if "median" in signature.cutoffs_:
        scores["risk_group"] = signature.risk_groups(X)
    return got, scores


def measure_marker(
    signature: MarkerSignature, X: pd.DataFrame, y: pd.Series
) -> tuple[Measured, pd.DataFrame]:
    """Discrimination, calibration, classification and usefulness of a marker model."""
    got = Measured(len(y))
    p = signature.predict_probability(X)
    got.add("auc", lambda: auc(y, p))
    got.add("average_precision", lambda: average_precision(y, p))
    got.add("brier", lambda: brier(y, p))
    got.add("calibration_in_the_large", lambda: calibration_in_the_large(y, p))
    got.gather("calibration slope", lambda: _marker_slope(got, y, p))
    got.gather("calibration curve", lambda: _marker_calibration(got, y, p))
    for cut, value in signature.cutoffs_.items():
        judged = classify(y, p, value).iloc[0]
        for name in ("sensitivity", "specificity", "ppv", "npv", "balanced_accuracy", "f1"):
            got.put(f"{name}_{cut}", float(judged[name]))
    got.curves["roc"] = roc_curve(y, p)
    got.curves["precision_recall"] = precision_recall_curve(y, p)
    got.curves["decision"] = decision_curve(y, {"signature": p})
    return got, pd.DataFrame({"probability": p, "predicted": signature.predict(X)})


def horizon_of(y: pd.DataFrame, horizon: float | None) -> float:
    """Return the time at which predictions are judged: given, or the median time of the events."""
    if horizon is not None:
        if not horizon > 0:
            raise InputError(f"horizon must be above 0, got {horizon}")
        return float(horizon)
    return float(y["duration"][y["event"]].median())


def _at_horizon(
    got: Measured, signature: CoxSignature, X: pd.DataFrame, y: pd.DataFrame, time: float
) -> None:
    p = 1.0 - signature.predict_survival(X, [time]).iloc[:, 0]
    got.add("brier_at_horizon", lambda: brier_at(y, p, time))
    got.add("ipa_at_horizon", lambda: ipa_at(y, p, time))
    got.add("observed_over_expected", lambda: observed_over_expected(y, p, time))
    got.gather("calibration curve", lambda: _calibration(got, y, p, time))
    got.gather("decision curve", lambda: _decision(got, y, p, time))


def _poisson(got: Measured, signature: CoxSignature, y: pd.DataFrame, risk: pd.Series) -> None:
    hazard = signature.cumulative_baseline(y["duration"].to_numpy())
    table = poisson_calibration(y, risk, hazard * np.exp(np.clip(risk, -500, 500)))
    for row in table.to_dict("records"):
        one = Estimate(row["value"], row["lower"], row["upper"], got.n)
        got.put(f"poisson_{row['measure']}", one)


def _calibration(got: Measured, y: pd.DataFrame, p: pd.Series, time: float) -> None:
    smooth = smooth_calibration(y, np.clip(p, 1e-12, 1 - 1e-12), time)
    for name in ("ici", "e50", "e90", "emax"):
        got.put(name, smooth[name])
    got.curves["calibration"] = smooth.curve
    groups = min(10, max(2, int(y["event"].sum()) // 10))
    got.curves["calibration_groups"] = calibration_groups(y, p, time, groups=groups)


def _decision(got: Measured, y: pd.DataFrame, p: pd.Series, time: float) -> None:
    got.curves["decision"] = decision_curve(y, {"signature": p.to_numpy()}, time=time)


def _proportional(got: Measured, y: pd.DataFrame, risk: pd.Series) -> None:
    frame = pd.DataFrame({"index": risk})
    test = proportional_hazards(fit_cox(frame, y), frame, y)
    got.put("proportional_hazards_p", float(test["p"].iloc[-1]))


def _misspecified(
    got: Measured, signature: CoxSignature, X: pd.DataFrame, y: pd.DataFrame, risk: pd.Series
) -> None:
    if signature.combine != "joint" or not isinstance(signature.models_["joint"], Cox):
        return
    design = signature.design(X)
    test, _ = misspecification_test(design[usable_columns(design)], y, risk)
    got.put("misspecification_p", float(test["p"].iloc[0]))


def _groups(
    got: Measured, signature: CoxSignature, X: pd.DataFrame, y: pd.DataFrame, cut: Cut
) -> None:
    group = signature.risk_groups(X, cut=cut)
    if group.nunique() < 2:
        raise InputError("all cases fall into one risk group")
    got.put(f"logrank_p_{cut}", logrank(y, group).p)
    if cut != "median":
        return
    time = float(got.table.set_index("measure")["value"]["horizon"])
    curves = []
    for name in ("low", "high"):
        members = (group == name).to_numpy()
        curve = kaplan_meier(y[members])
        curves.append(curve.table.assign(risk_group=name))
        got.put(f"median_survival_{name}", curve.median)
        got.add(f"restricted_mean_{name}", partial(curve.restricted_mean, time))
    got.curves["kaplan_meier"] = pd.concat(curves, ignore_index=True)
    got.gather("predicted curves", lambda: _predicted_curves(got, signature, X, y, group))


def _predicted_curves(
    got: Measured, signature: CoxSignature, X: pd.DataFrame, y: pd.DataFrame, group: pd.Series
) -> None:
    """Mean predicted survival of each risk group, to be drawn over the observed one."""
    times = np.linspace(0, float(y["duration"].max()), 101)
    expected = signature.predict_survival(X, times)
    parts = []
    for name in ("low", "high"):
        mean = expected[(group == name).to_numpy()].mean().to_numpy()
        parts.append(pd.DataFrame({"time": times, "survival": mean, "risk_group": name}))
    got.curves["predicted"] = pd.concat(parts, ignore_index=True)


def _marker_slope(got: Measured, y: pd.Series, p: pd.Series) -> None:
    for term in logistic_slope(y, p).to_dict("records"):
        one = Estimate(term["value"], term["lower"], term["upper"], got.n)
        got.put(f"calibration_{term['term']}", one)


def _marker_calibration(got: Measured, y: pd.Series, p: pd.Series) -> None:
    smooth = marker_calibration(y, p)
    for name in ("ici", "e50", "e90", "emax", "r2"):
        got.put(name, smooth[name])
    got.curves["calibration"] = smooth.curve
    groups = min(10, max(2, int(min(y.sum(), (~y).sum())) // 5))
    place = pd.qcut(p.rank(method="first"), groups, labels=False)
    rows = []
    for one in range(groups):
        members = (place == one).to_numpy()
        seen = proportion(int(y[members].sum()), int(members.sum()))
        rows.append([float(p[members].mean()), seen.value, seen.lower, seen.upper, seen.n])
    columns = ["predicted", "observed", "lower", "upper", "n"]
    got.curves["calibration_groups"] = pd.DataFrame(rows, columns=columns)
