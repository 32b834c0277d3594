"""A validation -> records of the report: every number, calibration and decision curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from radtool.errors import InputError
from radtool.report.results import Calibration, DecisionCurve, DecisionStrategy, PerformanceRow
from radtool.report.results.record import or_none

if TYPE_CHECKING:
    from radtool.models import Validation

__all__ = ["calibration_record", "decision_record", "performance_rows"]

# Measure of a validation -> measure of the report, and whether it is one at the horizon.
_NAMES = {
    "harrell_c": ("harrell_c", False),
    "uno_c": ("uno_c", False),
    "auc": ("auc", False),
    "average_precision": ("pr_auc", False),
    "auc_at_horizon": ("auc_t", True),
    "royston_d": ("royston_d", False),
    "r2_d": ("r2_d", False),
    "calibration_slope": ("calibration_slope", False),
    "calibration_in_the_large": ("calibration_in_the_large", False),
    "poisson_observed_expected": ("oe_ratio", False),
    "observed_over_expected": ("oe_ratio", True),
    "brier": ("brier", False),
    "brier_at_horizon": ("brier", True),
    "ipa_at_horizon": ("ipa", True),
    "ici": ("ici", True),
    "e50": ("e50", True),
    "e90": ("e90", True),
    "emax": ("emax", True),
}
_CLASSIFIED = ("sensitivity", "specificity", "ppv", "npv", "balanced_accuracy", "f1")
_CUTS = {"youden": "Youden cut-off of training", "sensitivity_90": "cut-off for 90 % sensitivity"}


def performance_rows(
    found: Validation,
    *,
    model: str,
    cohort: str,
    design: str = "external",
    events: int | None = None,
) -> tuple[PerformanceRow, ...]:
    """Return every performance measure of a validation; p-values and curves are left out.

    Parameters
    ----------
    found : Validation
        What `radtool.models.validate` gave.
    model, cohort, design : str
        What the rows are called.
    events : int, optional
        Events, or cases with the marker.

    Returns
    -------
    tuple of PerformanceRow
        In the order of the validation; a measure at the horizon carries the time.
    """
    time = _horizon(found)
    rows = []
    for line in found.measures.to_dict("records"):
        named = _report_name(str(line["measure"]))
        if named is None or pd.isna(line["value"]):
            continue
        measure, at_horizon, note = named
        rows.append(
            PerformanceRow(
                model=model,
                cohort=cohort,
                design=design,
                measure=measure,
                value=float(line["value"]),
                lower=or_none(line["lower"]),
                upper=or_none(line["upper"]),
                n=int(line["n"]),
                events=events,
                horizon=time if at_horizon else None,
                note=note,
            )
        )
    return tuple(rows)


def _report_name(measure: str) -> tuple[str, bool, str] | None:
    if measure in _NAMES:
        return (*_NAMES[measure], "")
    for name in _CLASSIFIED:
        cut = measure.removeprefix(f"{name}_")
        if cut != measure and cut in _CUTS:
            return name, False, _CUTS[cut]
    return None


def _horizon(found: Validation) -> float | None:
    values = found.measures.set_index("measure")["value"]
    return float(values["horizon"]) if "horizon" in values else None


def calibration_record(
    found: Validation, *, model: str, cohort: str, design: str = "external"
) -> Calibration | None:
    """Return the calibration plot of a validation; None when it has no calibration curve.

    Parameters
    ----------
    found : Validation
        What `radtool.models.validate` gave.
    model, cohort, design : str
        As in the performance rows.
    """
    smooth, groups = (found.curves.get(name) for name in ("calibration", "calibration_groups"))
    if smooth is None and groups is None:
        return None
    parts: dict[str, tuple[float, ...]] = {}
    counts: tuple[int, ...] = ()
    if groups is not None:
        for name in ("predicted", "observed", "lower", "upper"):
            parts[name] = tuple(map(float, groups[name]))
        counts = tuple(map(int, groups["n"]))
    if smooth is not None:
        parts["smooth_predicted"] = tuple(map(float, smooth["predicted"]))
        parts["smooth_observed"] = tuple(map(float, smooth["observed"]))
    return Calibration(
        model=model, cohort=cohort, design=design, horizon=_horizon(found), n=counts, **parts
    )


def decision_record(found: Mapping[str, Validation], *, cohort: str) -> DecisionCurve | None:
    """Return one decision curve of several models on the same cases.

    Thresholds end where no strategy has a net benefit any more, but not below 0.5.

    Parameters
    ----------
    found : mapping of str to Validation
        Label of each model -> what `radtool.models.validate` gave for the same cohort.
    cohort : str
        As in the performance rows.

    Returns
    -------
    DecisionCurve or None
        None when no validation has one.

    Raises
    ------
    InputError
        The validations differ in "treat all" or in the horizon: not the same cases, or not the
        same question.
    """
    curves = {
        label: one.curves["decision"] for label, one in found.items() if "decision" in one.curves
    }
    if not curves:
        return None
    horizons = {_horizon(found[label]) for label in curves}
    wide = {label: _by_model(curve) for label, curve in curves.items()}
    first = next(iter(wide.values()))
    same = all(one["all"].equals(first["all"]) for one in wide.values())
    if len(horizons) > 1 or not same:
        raise InputError(
            "decision curves of different cases or horizons cannot share a figure; validate all"
            " models on the same cohort with the same horizon="
        )
    columns = {"treat all": first["all"], **{k: one["signature"] for k, one in wide.items()}}
    table = pd.DataFrame(columns).dropna()
    useful = table.index[(table > 0).any(axis=1)]
    table = table[table.index <= max(useful.max() if len(useful) else 0.5, 0.5)]
    return DecisionCurve(
        cohort=cohort,
        thresholds=tuple(map(float, table.index)),
        strategies=tuple(
            DecisionStrategy(label=str(name), net_benefit=tuple(map(float, table[name])))
            for name in table
        ),
        horizon=horizons.pop(),
    )


def _by_model(curve: pd.DataFrame) -> pd.DataFrame:
    return curve.pivot(index="threshold", columns="model", values="net_benefit").sort_index()
