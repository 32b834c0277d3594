"""Intensity-volume histogram features (IBSI P88C)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from radtool.errors import InputError, ParameterError
from radtool.features.definitions import Definition
from radtool.preprocessing.discretise import Discretise

__all__ = ["FAMILY", "FEATURES", "VolumeHistogram", "volume_histogram_features"]

_MOST_STEPS = 1e7

FAMILY = "ivh"
FEATURES = (
    Definition("volume_at_intensity_10", "BC2M/NK6P"),
    Definition("volume_at_intensity_90", "BC2M/4279"),
    Definition("intensity_at_volume_10", "GBPN/PWN1", "intensity"),
    Definition("intensity_at_volume_90", "GBPN/BOHI", "intensity"),
    Definition("volume_difference_10_90", "DDTU/WITY"),
    Definition("intensity_difference_10_90", "CNV2/JXJA", "intensity"),
    Definition("area_under_curve", "9CMM", standardised=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeHistogram:
    """How the intensity-volume histogram is laid out.

    Parameters
    ----------
    method : {"none", "fixed_bin_size", "fixed_bin_number"}, default "none"
        Whole intensities in steps of 1 (calibrated, discrete), bin centres (calibrated,
        continuous) or bin numbers (arbitrary units).
    bin_width : float, optional
        Of "fixed_bin_size".
    bin_number : int, default 1000
        Of "fixed_bin_number".
    """

    method: Literal["none", "fixed_bin_size", "fixed_bin_number"] = "none"
    bin_width: float | None = None
    bin_number: int = 1000

    def __post_init__(self) -> None:
        if (self.method == "fixed_bin_size") != (self.bin_width is not None):
            raise ParameterError("[volume_histogram] bin_width goes with method fixed_bin_size")

    @property
    def token(self) -> str:
        """Part of a feature's name: "fbs2p5", "fbn1000", "" for whole intensities."""
        if self.method == "none":
            return ""
        if self.method == "fixed_bin_number":
            return Discretise(method=self.method, bin_number=self.bin_number).token
        return Discretise(method=self.method, bin_width=self.bin_width).token


def volume_histogram_features(
    values: np.ndarray, settings: VolumeHistogram, limits: tuple[float, float]
) -> dict[str, float]:
    """Return the intensity-volume histogram features of a region.

    Parameters
    ----------
    values : ndarray
        Intensities of the intensity mask.
    settings : VolumeHistogram
        The layout.
    limits : tuple of 2 float
        Re-segmentation range; infinite where there is none: the region's own minimum or maximum.

    Returns
    -------
    dict
        Name of `FEATURES` -> value; volumes as fractions; NaN for a region of one intensity or
        within one step of the histogram.

    Raises
    ------
    InputError
        There are more than ten million steps.
    """
    # Bins in arbitrary units span the region's own intensities, as for texture (IBSI K15C).
    own = settings.method == "fixed_bin_number"
    low = float(values.min()) if own or np.isinf(limits[0]) else limits[0]
    high = float(values.max()) if own or np.isinf(limits[1]) else limits[1]
    if high <= low:
        return {feature.name: np.nan for feature in FEATURES}
    _check_steps(settings, low, high)
    grid, placed = _laid_out(values.astype(np.float64), settings, low, high)
    if grid.size < 2:
        return {feature.name: np.nan for feature in FEATURES}
    ordered = np.sort(placed)
    fraction = 1.0 - np.searchsorted(ordered, grid - 1e-9 * max(1.0, high - low)) / ordered.size
    relative = (grid - grid[0]) / (grid[-1] - grid[0])
    volume = [float(fraction[np.argmax(relative >= part - 1e-12)]) for part in (0.1, 0.9)]
    intensity = [_intensity(grid, fraction, part) for part in (0.1, 0.9)]
    area = float(np.trapezoid(fraction, relative))
    found = (*volume, *intensity, volume[0] - volume[1], intensity[0] - intensity[1], area)
    return dict(zip([feature.name for feature in FEATURES], found, strict=True))


def _check_steps(settings: VolumeHistogram, low: float, high: float) -> None:
    if settings.method == "fixed_bin_number":
        return
    width = 1.0 if settings.method == "none" else float(settings.bin_width or 1.0)
    steps = (high - low) / width
    if steps > _MOST_STEPS:
        raise InputError(
            f"[volume_histogram] steps of {width:g} from {low:g} to {high:g} are {steps:.3g};"
            " choose fixed_bin_number or a larger bin_width, or check that the intensities have the"
            " unit that the parameters were made for"
        )


def _laid_out(
    values: np.ndarray, settings: VolumeHistogram, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    if settings.method == "fixed_bin_number":
        n = settings.bin_number
        level = np.minimum(np.floor(n * (values - low) / (high - low)), n - 1) + 1
        return np.arange(1.0, n + 1.0), level
    if settings.method == "fixed_bin_size":
        width = float(settings.bin_width or 1.0)
        level = np.floor((values - low) / width)
        bins = round((high - low) / width)
        return low + (np.arange(bins) + 0.5) * width, low + (level + 0.5) * width
    return np.arange(low, high + 0.5), values


def _intensity(grid: np.ndarray, fraction: np.ndarray, part: float) -> float:
    """Smallest intensity with a volume fraction of at most `part`; else one step above the last."""
    below = np.flatnonzero(fraction <= part + 1e-12)
    return float(grid[below[0]]) if len(below) else float(2 * grid[-1] - grid[-2])
