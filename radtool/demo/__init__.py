"""The embedded synthetic cohort with known truth."""

from radtool.demo.cohort import FAULTS, DemoCohort, write_cohort
from radtool.demo.population import (
    MARKER_COEFFICIENTS,
    SURVIVAL_COEFFICIENTS,
    covariates,
    draw_outcomes,
    draw_population,
)
from radtool.demo.sites import SITES, Site

__all__ = [
    "FAULTS",
    "MARKER_COEFFICIENTS",
    "SITES",
    "SURVIVAL_COEFFICIENTS",
    "DemoCohort",
    "Site",
    "covariates",
    "draw_outcomes",
    "draw_population",
    "write_cohort",
]
