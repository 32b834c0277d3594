"""What a manifest, a feature table and an outcome are; exact joins; splits; fold-safe steps."""

from radtool.table.contracts import (
    FAMILIES,
    KEYS,
    MANIFEST_COLUMNS,
    Failure,
    check_features,
    check_manifest,
    check_survival,
    feature_columns,
)
from radtool.table.files import read_manifest, read_table, write_table
from radtool.table.joining import Endpoint, Study, join
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
    "feature_columns",
    "join",
    "make_step",
    "read_manifest",
    "read_table",
    "step_from_dict",
    "write_table",
]
