"""The pyradiomics convention: its parameter files, names and values, from our own engine."""

from radtool.features.pyradiomics.engine import extract_pyradiomics, measure_pyradiomics
from radtool.features.pyradiomics.names import column_name, pyradiomics_name
from radtool.features.pyradiomics.parameters import (
    PyradiomicsParameters,
    PyradiomicsSettings,
    is_pyradiomics_file,
    parse_pyradiomics,
)
from radtool.features.pyradiomics.reference import extract_with_pyradiomics

__all__ = [
    "PyradiomicsParameters",
    "PyradiomicsSettings",
    "column_name",
    "extract_pyradiomics",
    "extract_with_pyradiomics",
    "is_pyradiomics_file",
    "measure_pyradiomics",
    "parse_pyradiomics",
    "pyradiomics_name",
]
