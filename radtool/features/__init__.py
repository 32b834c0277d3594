"""Image + Mask + parameters -> one row of features; cohorts; what features there are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from radtool.features.catalogue import catalogue
from radtool.features.deep import DeepModel, embed
from radtool.features.deep_input import DeepInput
from radtool.features.diagnostics import diagnostics
from radtool.features.extraction import Extraction, extract, measure
from radtool.features.maps import MapPlan, feature_maps, plan_maps
from radtool.features.parameters import Parameters, load_params
from radtool.features.pyradiomics import (
    PyradiomicsParameters,
    extract_with_pyradiomics,
    pyradiomics_name,
)

if TYPE_CHECKING:
    from radtool.features.cohort import CohortResult, extract_cohort
    from radtool.features.combine import combine_images, delta_features
    from radtool.features.lesions import combine_lesions, split_lesions
    from radtool.features.precheck import preflight

__all__ = [
    "CohortResult",
    "DeepInput",
    "DeepModel",
    "Extraction",
    "MapPlan",
    "Parameters",
    "PyradiomicsParameters",
    "catalogue",
    "combine_images",
    "combine_lesions",
    "delta_features",
    "diagnostics",
    "embed",
    "extract",
    "extract_cohort",
    "extract_with_pyradiomics",
    "feature_maps",
    "load_params",
    "measure",
    "plan_maps",
    "preflight",
    "pyradiomics_name",
    "split_lesions",
]
_OF_TABLES = {
    "CohortResult": "radtool.features.cohort",
    "combine_images": "radtool.features.combine",
    "combine_lesions": "radtool.features.lesions",
    "delta_features": "radtool.features.combine",
    "extract_cohort": "radtool.features.cohort",
    "preflight": "radtool.features.precheck",
    "split_lesions": "radtool.features.lesions",
}


def __getattr__(name: str) -> Any:
    """What works on tables brings pandas, 80 MB that an image and its mask do not need."""
    if name not in _OF_TABLES:
        raise AttributeError(f"module 'radtool.features' has no attribute {name!r}")
    return getattr(importlib.import_module(_OF_TABLES[name]), name)
