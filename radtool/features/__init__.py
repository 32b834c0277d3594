"""Image + Mask + parameters -> one row of features; cohorts; what features there are."""

from radtool.features.catalogue import catalogue
from radtool.features.cohort import CohortResult, extract_cohort
from radtool.features.diagnostics import diagnostics
from radtool.features.extraction import Extraction, extract, measure
from radtool.features.maps import feature_maps
from radtool.features.parameters import Parameters, load_params

__all__ = [
    "CohortResult",
    "Extraction",
    "Parameters",
    "catalogue",
    "diagnostics",
    "extract",
    "extract_cohort",
    "feature_maps",
    "load_params",
    "measure",
]
