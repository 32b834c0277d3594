"""From a fitted signature to what the report says of it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from radtool.models import Signature
from radtool.report.results import Coefficient, Dropped, ModelResult, SelectionStep

__all__ = ["coefficients", "model_record", "selection_path"]

_MOST_DROPPED = 400
_KINDS = {
    "Cox": "cox",
    "ElasticNetCox": "elastic-net cox",
    "XGBoostCox": "xgboost",
    "XGBoostMarker": "xgboost",
    "Logistic": "logistic",
    "ElasticNetLogistic": "elastic-net logistic",
    "RandomForest": "random forest",
}


def model_record(name: str, label: str, signature: Signature) -> ModelResult:
    """Describe a fitted signature: its path from all candidates, and its coefficients."""
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
        n=int(trained["n"]),
        events=int(trained["events"]),
        candidates=candidates,
        events_per_candidate=trained["events"] / candidates if candidates else None,
        settings={
            key: value
            for key, value in signature.model.get_params(deep=False).items()
            if value is not None
        },
    )


def coefficients(table: pd.DataFrame, effect: str) -> tuple[Coefficient, ...]:
    """Turn a coefficient table into records; unused columns are left out, trees strongest first."""
    rows = []
    for row in table.to_dict("records"):
        used = row.get("coefficient", row.get("gain"))
        if used is None or pd.isna(used) or used == 0:
            continue
        rows.append(
            Coefficient(
                feature=str(row["feature"]),
                block=str(row.get("block", "")),
                coefficient=_number(row.get("coefficient")),
                ratio=_number(row.get(effect)) if effect else None,
                lower=_number(row.get("lower")),
                upper=_number(row.get("upper")),
                p=_number(row.get("p")),
                importance=_number(row.get("gain")),
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
            dropped=tuple(
                Dropped(
                    feature=str(item.get("column", item.get("feature"))),
                    reason=str(item.get("reason", "")),
                    value=_number(item.get("value")),
                )
                for item in row["dropped"][:_MOST_DROPPED]
            ),
        )
        for row in signature.selection_path_
        if row["n_in"] != row["n_out"] or row["step"] not in ("PrepareColumns", "Log")
    )


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
