"""Image + Mask + parameters -> one row of features; cohorts; what features there are."""

from radtool.features.catalogue import catalogue
from radtool.features.cohort import CohortResult, extract_cohort
from radtool.features.diagnostics import diagnostics
from radtool.features.extraction import extract
from radtool.features.parameters import Parameters, load_params

__all__ = [
    "CohortResult",
    "Parameters",
    "catalogue",
    "diagnostics",
    "extract",
    "extract_cohort",
    "load_params",
]
