"""Which features go on: prepared, stable, not redundant, related to the outcome."""

from radtool.selection.correlation import CorrelationFilter
from radtool.selection.filters import StabilityFilter, VarianceFilter, VolumeFilter
from radtool.selection.multiplicity import adjust_p
from radtool.selection.preparing import MedianImputer, Standardize
from radtool.selection.univariate import UnivariateCoxFilter, UnivariateMarkerFilter

__all__ = [
    "CorrelationFilter",
    "MedianImputer",
    "StabilityFilter",
    "Standardize",
    "UnivariateCoxFilter",
    "UnivariateMarkerFilter",
    "VarianceFilter",
    "VolumeFilter",
    "adjust_p",
]
