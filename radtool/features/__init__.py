"""Image + Mask + parameters -> one row of features; cohorts; what features there are."""

from radtool.features.catalogue import catalogue
from radtool.features.cohort import CohortResult, extract_cohort
from radtool.features.combine import combine_images, delta_features
from radtool.features.diagnostics import diagnostics
from radtool.features.extraction import Extraction, extract, measure
from radtool.features.maps import MapPlan, feature_maps, plan_maps
from radtool.features.parameters import Parameters, load_params
from radtool.features.pyradiomics import (
    PyradiomicsParameters,
    extract_with_pyradiomics,
    pyradiomics_name,
)

__all__ = [
    "CohortResult",
    "Extraction",
    "MapPlan",
    "Parameters",
    "PyradiomicsParameters",
    "catalogue",
    "combine_images",
    "delta_features",
    "diagnostics",
    "extract",
    "extract_cohort",
    "extract_with_pyradiomics",
    "feature_maps",
    "load_params",
    "measure",
    "plan_maps",
    "pyradiomics_name",
]
