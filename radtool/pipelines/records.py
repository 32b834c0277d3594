"""From a fitted signature to what the report says of it."""

from __future__ import annotations

import inspect
from typing import Any

import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import largest_r2, sample_size_marker, sample_size_survival
from radtool.models import Cox, CoxSignature, Signature
from radtool.report.results import (
    Coefficient,
    Dropped,
    ModelResult,
    ProportionalHazardsRow,
    SelectionStep,
)
from radtool.report.results.record import or_none
from radtool.table import Study

__all__ = ["coefficients", "model_record", "required_patients", "selection_path"]

_MOST_DROPPED = 400
_KINDS = {
    "Cox": "cox",
    "FineGrayCox": "fine-gray",
    "ElasticNetCox": "elastic-net cox",
    "XGBoostCox": "xgboost",
    "XGBoostMarker": "xgboost",
    "Logistic": "logistic",
    "ElasticNetLogistic": "elastic-net logistic",
    "RandomForest": "random forest",
}


def model_record(name: str, label: str, signature: Signature, study: Study) -> ModelResult:
    """Describe a signature fitted on a study: path from all candidates, coefficients, PH test."""
    trained = signature.trained_on_
    table = signature.coefficients_
    effect = next((c for c in ("hazard_ratio", "odds_ratio") if c in table), "")
    candidates = int(trained["candidates"])
    return ModelResult(
        name=name,
        label=label,
        kind=_KINDS.get(type(signature.model).__name__, type(signature.model).__name__),
        blocks=tuple(signature.blocks),
        effect=effect.replace("_", " "),  # type: ignore[arg-type]
        path=selection_path(signature),
        coefficients=coefficients(table, effect),
        proportional_hazards=_proportional(signature, study),
        n=int(trained["n"]),
        events=int(trained["events"]),
        candidates=candidates,
        events_per_candidate=trained["events"] / candidates if candidates else None,
        required_n=required_patients(study.y, candidates),
        settings={
            key: value
            for key, value in signature.model.get_params(deep=False).items()
            if value is not None
        },
    )


def required_patients(
    y: pd.DataFrame | pd.Series, parameters: int, *, share: float = 0.15
) -> int | None:
    """Patients that Riley's criteria ask for; None when they cannot be computed.

    Parameters
    ----------
    y : DataFrame or Series
        Development outcome: rate of events, follow-up and median event time are its own.
    parameters : int
        Candidate parameters, counted before any selection.
    share : float, default 0.15
        Assumed R² as a share of the largest that is possible with so many events.
    """
    try:
        if not isinstance(y, pd.DataFrame):
            fraction = float(y.mean())
            r2 = share * largest_r2(fraction, survival=False)
            table = sample_size_marker(r2=r2, parameters=parameters, prevalence=fraction)
        else:
            r2 = share * largest_r2(float(y["event"].mean()), survival=True)
            table = sample_size_survival(
                r2=r2,
                parameters=parameters,
                rate=float(y["event"].sum() / y["duration"].sum()),
                time=float(y["duration"][y["event"]].median()),
                mean_follow_up=float(y["duration"].mean()),
            )
    except InputError:
        return None
    return int(table["n"].iloc[-1])


def _proportional(signature: Signature, study: Study) -> tuple[ProportionalHazardsRow, ...]:
    """Score test of each column of a joint Cox model; none where it has no unpenalised fit."""
    if not isinstance(signature, CoxSignature) or not isinstance(signature.model, Cox):
        return ()
    try:
        test = signature.proportional_hazards(study.X, study.y)
    except InputError:  # perfect separation: the penalty that fitted the model is in its notes
        return ()
    return tuple(
        ProportionalHazardsRow(
            feature=str(row.term), chi2=float(row.chisq), df=int(row.df), p=float(row.p)
        )
        for row in test.itertuples()
    )


def coefficients(table: pd.DataFrame, effect: str) -> tuple[Coefficient, ...]:
    """Turn a coefficient table into records; unused columns are left out, trees strongest first."""
    rows = []
    for row in table.to_dict("records"):
        if not or_none(row.get("coefficient")) and not or_none(row.get("gain")):
            continue
        rows.append(
            Coefficient(
                feature=str(row["feature"]),
                block=str(row.get("block", "")),
                coefficient=or_none(row.get("coefficient")),
                ratio=or_none(row.get(effect)) if effect else None,
                lower=or_none(row.get("lower")),
                upper=or_none(row.get("upper")),
                p=or_none(row.get("p")),
                importance=or_none(row.get("gain")),
            )
        )
    return tuple(sorted(rows, key=lambda item: -(item.importance or 0.0)))


def selection_path(signature: Signature) -> tuple[SelectionStep, ...]:
    """What each step kept and let go, and why."""
    return tuple(
        SelectionStep(
            step=f"{row['block']}: {row['step']}",
            n_in=int(row["n_in"]),
            n_out=int(row["n_out"]),
            setting=_setting(signature, row),
            dropped=tuple(
                Dropped(
                    feature=str(item.get("column", item.get("feature"))),
                    reason=str(item.get("reason", "")),
                    value=or_none(item.get("value")),
                )
                for item in row["dropped"][:_MOST_DROPPED]
            ),
        )
        for row in signature.selection_path_
        if row["n_in"] != row["n_out"] or row["step"] not in ("PrepareColumns", "Log")
    )


def _setting(signature: Signature, row: dict[str, Any]) -> str:
    """Settings of a step that differ from its defaults, as text."""
    block = signature.blocks.get(row["block"])
    steps = [*signature.steps, *(block.steps if block else ())]
    step = next((item for item in steps if type(item).__name__ == row["step"]), None)
    if step is None:
        return ""
    chosen = step.get_params(deep=False)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(type(step)).parameters.items()
    }
    shown = {"threshold", "top", "alpha", "batch", "minimum"}
    return ", ".join(
        f"{name} {value}"
        for name, value in chosen.items()
        if value is not None and (name in shown or value != defaults.get(name))
        if isinstance(value, str | int | float)
    )
