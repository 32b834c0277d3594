"""WhiteStripe: normalise an MR by the normal-appearing white matter around a histogram peak."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.image import Image, Mask
from radtool.preprocessing.intensity_step import IntensityStep, values_of

__all__ = ["WhiteStripe"]

_PEAKS = ("last", "largest", "first")


@dataclasses.dataclass(frozen=True, kw_only=True)
class WhiteStripe(IntensityStep):
    """Subtract the mean and divide by the standard deviation of a stripe of the histogram.

    The stripe is the band of intensities whose ranks lie within `width` of the rank of a peak;
    in a T1-weighted brain the last peak, in T2 and FLAIR the largest, is white matter. The
    histogram is smoothed by a Gaussian kernel with Silverman's bandwidth.

    Parameters
    ----------
    peak : {"last", "largest", "first"}, default "last"
        Which peak of the smoothed histogram. "last" ignores the brightest 1 % of the voxels.
    width : float, default 0.05
        Half width of the stripe as a fraction of the voxels.
    bins : int, default 2000
        Bins of the histogram.

    Notes
    -----
    Statistics are those of the mask (a brain mask); without one, of the voxels above the image's
    mean, as published. The authors' software smooths by a penalised spline instead.

    References
    ----------
    Shinohara et al. Statistical normalization techniques for magnetic resonance imaging.
    NeuroImage: Clinical 2014.
    """

    peak: Literal["last", "largest", "first"] = "last"
    width: float = 0.05
    bins: int = 2000

    def __post_init__(self) -> None:
        if self.peak not in _PEAKS:
            raise ParameterError(
                f"[WhiteStripe] peak {self.peak!r}{did_you_mean(self.peak, _PEAKS)}"
            )
        if not 0 < self.width < 0.5:
            raise ParameterError(f"[WhiteStripe] width must be in (0, 0.5), got {self.width}")
        if self.bins < 10:
            raise ParameterError(f"[WhiteStripe] bins must be at least 10, got {self.bins}")

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        values = values_of(image, mask)
        if mask is None:
            values = values[values > values.mean()]
        if len(values) < 2 or values.min() == values.max():
            raise InputError("all intensities are equal; there is no histogram peak")
        rank = self._peak_rank(values)
        ends = np.clip([rank - self.width, rank + self.width], 0.0, 1.0)
        low, high = np.quantile(values, ends)
        stripe = values[(values >= low) & (values <= high)]
        spread = float(stripe.std())
        if not spread > 0:
            raise InputError(f"the white stripe holds only intensities of {low:g}; widen it")
        return Image((image.array - stripe.mean()) / spread, image.geometry, "a.u.")

    def _peak_rank(self, values: np.ndarray) -> float:
        """Share of the voxels below the middle of the chosen peak's bin."""
        count = len(values)
        spread = min(values.std(), np.subtract(*np.percentile(values, [75, 25])) / 1.34)
        bandwidth = 0.9 * (spread or values.std()) * count**-0.2
        if self.peak == "last":
            values = values[values <= np.quantile(values, 0.99)]
        counts, edges = np.histogram(values, bins=self.bins)
        reach = int(np.ceil(5 * bandwidth / (edges[1] - edges[0])))
        offsets = (edges[1] - edges[0]) * np.arange(-reach, reach + 1)
        density = np.convolve(counts, np.exp(-0.5 * (offsets / bandwidth) ** 2))
        density = density[reach : reach + self.bins]
        chosen = _peak_index(density, self.peak)
        return float((counts[:chosen].sum() + counts[chosen] / 2) / count)


def _peak_index(density: np.ndarray, peak: str) -> int:
    """Index of the first, last or largest local maximum; the rim counts as lower."""
    padded = np.concatenate([[-1.0], density, [-1.0]])
    inner = padded[1:-1]
    peaks = np.flatnonzero((inner > padded[:-2]) & (inner >= padded[2:]))
    # A shoulder of less than 5 % of the highest peak is noise of the tail.
    peaks = peaks[density[peaks] >= 0.05 * density.max()]
    if peak == "largest":
        return int(peaks[np.argmax(density[peaks])])
    return int(peaks[0] if peak == "first" else peaks[-1])
