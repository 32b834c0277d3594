"""Intensity-based statistics (IBSI UHIW)."""

from __future__ import annotations

import numpy as np

from radtool.features.definitions import Definition

__all__ = ["FAMILY", "FEATURES", "moments", "percentiles", "spread", "statistics"]

FAMILY = "stat"
FEATURES = (
    Definition("mean", "Q4LE", "intensity"),
    Definition("variance", "ECT3", "intensity2"),
    Definition("skewness", "KE2A"),
    Definition("kurtosis", "IPH6"),
    Definition("median", "Y12H", "intensity"),
    Definition("minimum", "1GSF", "intensity"),
    Definition("p10", "QG58", "intensity"),
    Definition("p90", "8DWT", "intensity"),
    Definition("maximum", "84IY", "intensity"),
    Definition("interquartile_range", "SALO", "intensity"),
    Definition("range", "2OJQ", "intensity"),
    Definition("mean_absolute_deviation", "4FUA", "intensity"),
    Definition("robust_mean_absolute_deviation", "1128", "intensity"),
    Definition("median_absolute_deviation", "N72L", "intensity"),
    Definition("coefficient_of_variation", "7TET"),
    Definition("quartile_coefficient_of_dispersion", "9S40"),
    Definition("energy", "N8CA", "intensity2"),
    Definition("root_mean_square", "5ZWQ", "intensity"),
)


def statistics(values: np.ndarray) -> dict[str, float]:
    """Return the 18 intensity statistics of a region.

    Parameters
    ----------
    values : ndarray
        Intensities of the region's voxels; at least one.

    Returns
    -------
    dict
        Name of `FEATURES` -> value. Moments are the population's and kurtosis is in excess of 3;
        "median absolute deviation" is IBSI's mean distance to the median. Skewness and kurtosis
        of a flat region are 0; ratios with a zero below are NaN.
    """
    ordered = np.sort(values.astype(np.float64), axis=None)
    energy = float(np.dot(ordered, ordered))
    return {
        **moments(ordered),
        **spread(ordered),
        "energy": energy,
        "root_mean_square": float(np.sqrt(energy / ordered.size)),
    }


def moments(values: np.ndarray) -> dict[str, float]:
    """Return mean, variance, skewness, excess kurtosis and coefficient of variation."""
    mean = float(values.mean())
    centred = values - mean
    squared = centred * centred
    variance = float(squared.mean())
    # A flat region's variance may be 1e-30 from rounding of the mean.
    if values[0] == values[-1] and variance < 1e-12 * max(mean * mean, 1e-300):
        return {
            "mean": mean,
            "variance": 0.0,
            "skewness": 0.0,
            "kurtosis": 0.0,
            "coefficient_of_variation": 0.0 if mean else np.nan,
        }
    return {
        "mean": mean,
        "variance": variance,
        "skewness": float(np.dot(squared, centred) / centred.size / variance**1.5),
        "kurtosis": float(np.dot(squared, squared) / centred.size / variance**2 - 3.0),
        "coefficient_of_variation": float(np.sqrt(variance) / mean) if mean else np.nan,
    }


def spread(ordered: np.ndarray) -> dict[str, float]:
    """Return the features of order and distance of sorted values."""
    p10, p25, median, p75, p90 = percentiles(ordered, (10, 25, 50, 75, 90))
    inner = ordered[np.searchsorted(ordered, p10, "left") : np.searchsorted(ordered, p90, "right")]
    quartiles = p75 + p25
    return {
        "median": median,
        "minimum": float(ordered[0]),
        "p10": p10,
        "p90": p90,
        "maximum": float(ordered[-1]),
        "interquartile_range": p75 - p25,
        "range": float(ordered[-1] - ordered[0]),
        "mean_absolute_deviation": _mean_distance(ordered, float(ordered.mean())),
        "robust_mean_absolute_deviation": (
            _mean_distance(inner, float(inner.mean())) if inner.size else np.nan
        ),
        "median_absolute_deviation": _mean_distance(ordered, median),
        "quartile_coefficient_of_dispersion": (p75 - p25) / quartiles if quartiles else np.nan,
    }


def percentiles(ordered: np.ndarray, percents: tuple[float, ...]) -> list[float]:
    """Return percentiles of sorted values by linear interpolation (Hyndman and Fan's type 7).

    Examples
    --------
    >>> percentiles(np.array([1.0, 2.0, 4.0]), (25, 50))
    [1.5, 2.0]
    """
    last = ordered.size - 1
    found = []
    for percent in percents:
        position = percent / 100 * last
        low = min(int(position), last)
        high = min(low + 1, last)
        part = position - low
        found.append(float(ordered[low] + (ordered[high] - ordered[low]) * part))
    return found


def _mean_distance(values: np.ndarray, centre: float) -> float:
    return float(np.abs(values - centre).mean())
