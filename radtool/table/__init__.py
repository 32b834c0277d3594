"""What a manifest, a feature table and an outcome are; exact joins; splits; fold-safe steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from radtool.table.contracts import (
    FAMILIES,
    KEYS,
    MANIFEST_COLUMNS,
    Failure,
    check_features,
    check_manifest,
    check_survival,
    failures_in_words,
    feature_columns,
)
from radtool.table.files import read_manifest, read_table, write_table
from radtool.table.joining import Study, join
from radtool.table.outcomes import Endpoint

if TYPE_CHECKING:
    from radtool.table.step import FeatureStep, make_step, step_from_dict

__all__ = [
    "FAMILIES",
    "KEYS",
    "MANIFEST_COLUMNS",
    "Endpoint",
    "Failure",
    "FeatureStep",
    "Study",
    "check_features",
    "check_manifest",
    "check_survival",
    "failures_in_words",
    "feature_columns",
    "join",
    "make_step",
    "read_manifest",
    "read_table",
    "step_from_dict",
    "write_table",
]


def __getattr__(name: str) -> Any:
    """Steps are estimators: scikit-learn is imported with them, not with the tables."""
    if name in ("FeatureStep", "make_step", "step_from_dict"):
        from radtool.table import step

        return getattr(step, name)
    raise AttributeError(f"module 'radtool.table' has no attribute {name!r}")
