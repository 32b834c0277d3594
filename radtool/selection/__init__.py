"""Which features go on: prepared, stable, not redundant, related to the outcome."""

from radtool.selection.clusters import ClusterFilter, clustered_order
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
from radtool.selection.elastic_net import ElasticNetFilter
from radtool.selection.elimination import BackwardElimination
from radtool.selection.exploration import FeatureExploration, explore
from radtool.selection.filters import StabilityFilter, VarianceFilter, VolumeFilter
from radtool.selection.forest_imputer import ForestImputer
from radtool.selection.kappa import Kappa, cohen_kappa, fleiss_kappa
from radtool.selection.multiplicity import adjust_p
from radtool.selection.power import YeoJohnson
from radtool.selection.preparing import (
    MedianImputer,
    Standardize,
    VolumeResiduals,
    Winsorize,
)
from radtool.selection.ranking import ForestImportanceFilter, MRMRFilter, MutualInformationFilter
from radtool.selection.recursive import RecursiveElimination
from radtool.selection.reliability import ICC_FORMS, icc, icc_many
from radtool.selection.stability import delineation_table, stability_table
from radtool.selection.univariate import UnivariateCoxFilter, UnivariateMarkerFilter

__all__ = [
    "ICC_FORMS",
    "BackwardElimination",
    "BlandAltman",
    "ClusterFilter",
    "Concordance",
    "CorrelationFilter",
    "ElasticNetFilter",
    "FeatureExploration",
    "ForestImportanceFilter",
    "ForestImputer",
    "Kappa",
    "MRMRFilter",
    "MedianImputer",
    "MutualInformationFilter",
    "OverallConcordance",
    "RecursiveElimination",
    "Repeatability",
    "StabilityFilter",
    "Standardize",
    "UnivariateCoxFilter",
    "UnivariateMarkerFilter",
    "VarianceFilter",
    "VolumeFilter",
    "VolumeResiduals",
    "Winsorize",
    "YeoJohnson",
    "adjust_p",
    "bland_altman",
    "ccc",
    "ccc_many",
    "clustered_order",
    "cohen_kappa",
    "delineation_table",
    "explore",
    "fleiss_kappa",
    "icc",
    "icc_many",
    "occc",
    "repeatability",
    "stability_table",
]
