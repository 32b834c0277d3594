"""First-order features as pyradiomics defines them."""

from __future__ import annotations

import math

import numpy as np

from radtool.features.pyradiomics.binning import Binned
from radtool.features.pyradiomics.parameters import PyradiomicsSettings

__all__ = ["firstorder_features"]

_EPS = float(np.spacing(1.0))


def firstorder_features(
    values: np.ndarray, binned: Binned, settings: PyradiomicsSettings, voxel_volume: float
) -> dict[str, float]:
    """All first-order features of a region.

    Kurtosis is not reduced by 3, as pyradiomics has it.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Intensities of the region.
    binned : Binned
        Its grey levels.
    settings : PyradiomicsSettings
        ``voxel_array_shift``.
    voxel_volume : float
        In mm³.
    """
    x = np.sort(values.astype(np.float64))
    mean = float(x.mean())
    p10, p25, p50, p75, p90 = (float(p) for p in np.percentile(x, [10, 25, 50, 75, 90]))
    central = x - mean
    square = central * central
    m2 = float(square.mean())
    m3, m4 = float((square * central).mean()), float((square * square).mean())
    shifted = x + settings.voxel_array_shift
    energy = float(shifted @ shifted)
    middle = x[np.searchsorted(x, p10, "left") : np.searchsorted(x, p90, "right")]
    share = binned.counts[binned.counts > 0] / x.size
    return {
        "10Percentile": p10,
        "90Percentile": p90,
        "Energy": energy,
        "Entropy": -float(share @ np.log2(share + _EPS)),
        "InterquartileRange": p75 - p25,
        "Kurtosis": m4 / m2**2 if m2 else m4,
        "Maximum": float(x[-1]),
        "MeanAbsoluteDeviation": float(np.abs(central).mean()),
        "Mean": mean,
        "Median": p50,
        "Minimum": float(x[0]),
        "Range": float(x[-1] - x[0]),
        "RobustMeanAbsoluteDeviation": _spread(middle),
        "RootMeanSquared": math.sqrt(energy / x.size),
        "Skewness": m3 / m2**1.5 if m2 else m3,
        "StandardDeviation": math.sqrt(m2),
        "TotalEnergy": energy * voxel_volume,
        "Uniformity": float(share @ share),
        "Variance": m2,
    }


def _spread(x: np.ndarray) -> float:
    """Mean distance from the mean; NaN where no value lies between the percentiles."""
    return float(np.abs(x - x.mean()).mean()) if x.size else math.nan
