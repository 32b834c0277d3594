"""pyradiomics' classes and features, and its names written as identifiers and back."""

from __future__ import annotations

import re

from radtool.errors import InputError

__all__ = ["CLASSES", "DEPRECATED", "SILENT", "column_name", "pyradiomics_name"]

# In the order in which pyradiomics lists them: alphabetical within a class.
CLASSES: dict[str, tuple[str, ...]] = {
    "firstorder": (
        "10Percentile", "90Percentile", "Energy", "Entropy", "InterquartileRange", "Kurtosis",
        "Maximum", "MeanAbsoluteDeviation", "Mean", "Median", "Minimum", "Range",
        "RobustMeanAbsoluteDeviation", "RootMeanSquared", "Skewness", "TotalEnergy",
        "Uniformity", "Variance",
    ),
    "glcm": (
        "Autocorrelation", "ClusterProminence", "ClusterShade", "ClusterTendency", "Contrast",
        "Correlation", "DifferenceAverage", "DifferenceEntropy", "DifferenceVariance", "Id",
        "Idm", "Idmn", "Idn", "Imc1", "Imc2", "InverseVariance", "JointAverage", "JointEnergy",
        "JointEntropy", "MCC", "MaximumProbability", "SumAverage", "SumEntropy", "SumSquares",
    ),
    "gldm": (
        "DependenceEntropy", "DependenceNonUniformity", "DependenceNonUniformityNormalized",
        "DependenceVariance", "GrayLevelNonUniformity", "GrayLevelVariance",
        "HighGrayLevelEmphasis", "LargeDependenceEmphasis",
        "LargeDependenceHighGrayLevelEmphasis", "LargeDependenceLowGrayLevelEmphasis",
        "LowGrayLevelEmphasis", "SmallDependenceEmphasis",
        "SmallDependenceHighGrayLevelEmphasis", "SmallDependenceLowGrayLevelEmphasis",
    ),
    "glrlm": (
        "GrayLevelNonUniformity", "GrayLevelNonUniformityNormalized", "GrayLevelVariance",
        "HighGrayLevelRunEmphasis", "LongRunEmphasis", "LongRunHighGrayLevelEmphasis",
        "LongRunLowGrayLevelEmphasis", "LowGrayLevelRunEmphasis", "RunEntropy",
        "RunLengthNonUniformity", "RunLengthNonUniformityNormalized", "RunPercentage",
        "RunVariance", "ShortRunEmphasis", "ShortRunHighGrayLevelEmphasis",
        "ShortRunLowGrayLevelEmphasis",
    ),
    "glszm": (
        "GrayLevelNonUniformity", "GrayLevelNonUniformityNormalized", "GrayLevelVariance",
        "HighGrayLevelZoneEmphasis", "LargeAreaEmphasis", "LargeAreaHighGrayLevelEmphasis",
        "LargeAreaLowGrayLevelEmphasis", "LowGrayLevelZoneEmphasis", "SizeZoneNonUniformity",
        "SizeZoneNonUniformityNormalized", "SmallAreaEmphasis", "SmallAreaHighGrayLevelEmphasis",
        "SmallAreaLowGrayLevelEmphasis", "ZoneEntropy", "ZonePercentage", "ZoneVariance",
    ),
    "ngtdm": ("Busyness", "Coarseness", "Complexity", "Contrast", "Strength"),
    "shape": (
        "Elongation", "Flatness", "LeastAxisLength", "MajorAxisLength",
        "Maximum2DDiameterColumn", "Maximum2DDiameterRow", "Maximum2DDiameterSlice",
        "Maximum3DDiameter", "MeshVolume", "MinorAxisLength", "Sphericity", "SurfaceArea",
        "SurfaceVolumeRatio", "VoxelVolume",
    ),
    "shape2D": (
        "Elongation", "MajorAxisLength", "MaximumDiameter", "MeshSurface", "MinorAxisLength",
        "Perimeter", "PerimeterSurfaceRatio", "PixelSurface", "Sphericity",
    ),
}  # fmt: skip

# Given only when asked for by name.
DEPRECATED: dict[str, tuple[str, ...]] = {
    "firstorder": ("StandardDeviation",),
    "shape": ("Compactness1", "Compactness2", "SphericalDisproportion"),
    "shape2D": ("SphericalDisproportion",),
}
# Accepted in a parameter file, and never given: each equals another feature.
SILENT: dict[str, tuple[str, ...]] = {
    "glcm": ("Dissimilarity", "Homogeneity1", "Homogeneity2", "SumVariance"),
    "gldm": ("DependencePercentage", "GrayLevelNonUniformityNormalized"),
}
_COLUMN = re.compile(rf"(?P<image>\w+?)_(?P<family>{'|'.join(CLASSES)})_(?P<feature>\w+)")


def column_name(name: str) -> str:
    """Write a pyradiomics feature name as an identifier: every "-" becomes "_".

    No image type of pyradiomics has an underscore and no class or feature a dash, so
    `pyradiomics_name` undoes it.

    Examples
    --------
    >>> column_name("log-sigma-3-0-mm-3D_glcm_Contrast")
    'log_sigma_3_0_mm_3D_glcm_Contrast'
    """
    return name.replace("-", "_").replace("+", "plus")


def pyradiomics_name(column: str) -> str:
    """Write a feature column as pyradiomics calls it.

    Raises
    ------
    InputError
        The column is no feature of the pyradiomics convention.

    Examples
    --------
    >>> pyradiomics_name("wavelet_LLH_firstorder_10Percentile")
    'wavelet-LLH_firstorder_10Percentile'
    """
    match = _COLUMN.fullmatch(column)
    if match is None or match["feature"] not in _all(match["family"]):
        raise InputError(f"{column!r} is no feature of the pyradiomics convention")
    image = match["image"].replace("_", "-").replace("plus", "+")
    return f"{image}_{match['family']}_{match['feature']}"


def _all(family: str) -> tuple[str, ...]:
    return CLASSES[family] + DEPRECATED.get(family, ())
