"""Which features go on: prepared, stable, not redundant, related to the outcome."""

from radtool.selection.concordance import (
    BlandAltman,
    Concordance,
    OverallConcordance,
    Repeatability,
    bland_altman,
    ccc,
    ccc_many,
    occc,
    repeatability,
)
from radtool.selection.correlation import CorrelationFilter
from radtool.selection.filters import StabilityFilter, VarianceFilter, VolumeFilter
from radtool.selection.kappa import Kappa, cohen_kappa, fleiss_kappa
from radtool.selection.multiplicity import adjust_p
from radtool.selection.preparing import MedianImputer, Standardize
from radtool.selection.reliability import ICC_FORMS, icc, icc_many
from radtool.selection.stability import stability_table
from radtool.selection.univariate import UnivariateCoxFilter, UnivariateMarkerFilter

__all__ = [
    "ICC_FORMS",
    "BlandAltman",
    "Concordance",
    "CorrelationFilter",
    "Kappa",
    "MedianImputer",
    "OverallConcordance",
    "Repeatability",
    "StabilityFilter",
    "Standardize",
    "UnivariateCoxFilter",
    "UnivariateMarkerFilter",
    "VarianceFilter",
    "VolumeFilter",
    "adjust_p",
    "bland_altman",
    "ccc",
    "ccc_many",
    "cohen_kappa",
    "fleiss_kappa",
    "icc",
    "icc_many",
    "occc",
    "repeatability",
    "stability_table",
]
