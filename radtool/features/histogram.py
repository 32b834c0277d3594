"""Intensity histogram features (IBSI ZVCW): statistics of grey levels."""

from __future__ import annotations

import numpy as np

from radtool.features.definitions import Definition
from radtool.features.statistics import moments, spread

__all__ = ["FAMILY", "FEATURES", "histogram_features"]

FAMILY = "ih"
FEATURES = (
    Definition("mean", "X6K6", "level"),
    Definition("variance", "CH89", "level2"),
    Definition("skewness", "88K1"),
    Definition("kurtosis", "C3I7"),
    Definition("median", "WIFQ", "level"),
    Definition("minimum", "1PR8", "level"),
    Definition("p10", "GPMT", "level"),
    Definition("p90", "OZ0C", "level"),
    Definition("maximum", "3NCY", "level"),
    Definition("mode", "AMMC", "level"),
    Definition("interquartile_range", "WR0O", "level"),
    Definition("range", "5Z3W", "level"),
    Definition("mean_absolute_deviation", "D2ZX", "level"),
    Definition("robust_mean_absolute_deviation", "WRZB", "level"),
    Definition("median_absolute_deviation", "4RNL", "level"),
    Definition("coefficient_of_variation", "CWYJ"),
    Definition("quartile_coefficient_of_dispersion", "SLWD"),
    Definition("entropy", "TLU2", "bit"),
    Definition("uniformity", "BJ5W"),
    Definition("maximum_gradient", "12CE", "voxels"),
    Definition("maximum_gradient_level", "8E6O", "level"),
    Definition("minimum_gradient", "VQB3", "voxels"),
    Definition("minimum_gradient_level", "RHQZ", "level"),
)


def histogram_features(levels: np.ndarray) -> dict[str, float]:
    """Return the 23 histogram features of a region.

    Parameters
    ----------
    levels : ndarray of int
        Grey levels (from 1) of the region's voxels; at least one.

    Returns
    -------
    dict
        Name of `FEATURES` -> value. With a single level the gradients are NaN.
    """
    counts = np.bincount(levels.ravel())
    ordered = np.repeat(np.arange(counts.size, dtype=np.float64), counts)
    counts = counts[1:]
    probability = counts[counts > 0] / ordered.size
    centre = moments(ordered)
    return {
        **centre,
        **spread(ordered),
        "mode": _mode(counts, centre["mean"]),
        "entropy": float(-(probability * np.log2(probability)).sum()) + 0.0,
        "uniformity": float((probability * probability).sum()),
        **_gradients(counts),
    }


def _mode(counts: np.ndarray, mean: float) -> float:
    """Most frequent level; of several, the one nearest the mean, then the lowest."""
    candidates = np.flatnonzero(counts == counts.max()) + 1
    return float(candidates[np.argmin(np.abs(candidates - mean))])


def _gradients(counts: np.ndarray) -> dict[str, float]:
    """Steepest rise and fall of the histogram, empty bins included."""
    names = [f"{kind}_gradient{what}" for kind in ("maximum", "minimum") for what in ("", "_level")]
    if counts.size < 2:
        return dict.fromkeys(names, np.nan)
    gradient = np.gradient(counts.astype(np.float64))
    high, low = int(np.argmax(gradient)), int(np.argmin(gradient))
    found = (gradient[high], high + 1, gradient[low], low + 1)
    return dict(zip(names, map(float, found), strict=True))
