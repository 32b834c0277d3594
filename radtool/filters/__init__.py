"""Image filters: IBSI 2 (mean, LoG, Laws, Gabor, wavelets, Simoncelli, Riesz) and pyradiomics' own.

A filter is a frozen settings object. `parse_filter` makes one from a parameter file,
`apply_filter` gives the response image, `crop_to_support` the smallest image that gives the same
response inside a mask.
"""

from radtool.filters.gabor import Gabor
from radtool.filters.gradient import Gradient
from radtool.filters.intensity import Exponential, Logarithm, Square, SquareRoot
from radtool.filters.itk import RecursiveLaplacian
from radtool.filters.laplacian import LaplacianOfGaussian
from radtool.filters.laws import Laws
from radtool.filters.local_binary import LocalBinaryPattern2D, LocalBinaryPattern3D
from radtool.filters.mean import Mean
from radtool.filters.registry import FILTERS, apply_filter, crop_to_support, parse_filter
from radtool.filters.settings import Filter
from radtool.filters.spectral import Riesz, Simoncelli
from radtool.filters.stationary import StationaryWavelet
from radtool.filters.wavelet import SeparableWavelet

__all__ = [
    "FILTERS",
    "Exponential",
    "Filter",
    "Gabor",
    "Gradient",
    "LaplacianOfGaussian",
    "Laws",
    "LocalBinaryPattern2D",
    "LocalBinaryPattern3D",
    "Logarithm",
    "Mean",
    "RecursiveLaplacian",
    "Riesz",
    "SeparableWavelet",
    "Simoncelli",
    "Square",
    "SquareRoot",
    "StationaryWavelet",
    "apply_filter",
    "crop_to_support",
    "parse_filter",
]
