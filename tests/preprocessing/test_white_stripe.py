import math

import numpy as np
import pytest

from radtool.errors import InputError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.white_stripe import WhiteStripe


def _brain(gain: float = 1.0, shift: float = 0.0) -> Image:
    """CSF, grey and white matter as in a T1-weighted brain, and a few bright vessels."""
    rng = np.random.default_rng(7)
    tissue = [rng.normal(200, 25, 600), rng.normal(450, 30, 1600), rng.normal(700, 20, 2200)]
    values = np.concatenate([*tissue, rng.uniform(900, 1400, 8)])
    array = gain * rng.permutation(values).reshape(8, 19, 29) + shift
    return Image(array, Geometry(array.shape))


def _naive(values: list[float], image: np.ndarray, step: WhiteStripe) -> np.ndarray:
    """The same description with plain loops: bins, direct kernel sums, ranks by sorting."""
    ordered, count = sorted(values), len(values)

    def quantile(numbers: list[float], share: float) -> float:
        place = (len(numbers) - 1) * min(max(share, 0.0), 1.0)
        low = int(place)
        high = min(low + 1, len(numbers) - 1)
        return numbers[low] + (place - low) * (numbers[high] - numbers[low])

    mean = math.fsum(values) / count
    sd = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / count)
    spread = min(sd, (quantile(ordered, 0.75) - quantile(ordered, 0.25)) / 1.34)
    bandwidth = 0.9 * spread * count**-0.2
    kept = [v for v in ordered if step.peak != "last" or v <= quantile(ordered, 0.99)]
    width = (kept[-1] - kept[0]) / step.bins
    counts = [0] * step.bins
    for value in kept:
        counts[min(int((value - kept[0]) / width), step.bins - 1)] += 1
    centres = [kept[0] + (k + 0.5) * width for k in range(step.bins)]
    density = [
        sum(
            counts[j] * math.exp(-0.5 * ((centres[k] - centres[j]) / bandwidth) ** 2)
            for j in range(step.bins)
            if counts[j] and abs(centres[k] - centres[j]) <= 5 * bandwidth + width
        )
        for k in range(step.bins)
    ]
    top = max(density)
    peaks = [
        k
        for k in range(step.bins)
        if density[k] >= 0.05 * top
        and (k == 0 or density[k] > density[k - 1])
        and (k == step.bins - 1 or density[k] >= density[k + 1])
    ]
    index = {"first": peaks[0], "last": peaks[-1], "largest": density.index(top)}[step.peak]
    rank = (sum(counts[:index]) + counts[index] / 2) / count
    low, high = quantile(ordered, rank - step.width), quantile(ordered, rank + step.width)
    stripe = [v for v in values if low <= v <= high]
    middle = math.fsum(stripe) / len(stripe)
    deviation = math.sqrt(math.fsum((v - middle) ** 2 for v in stripe) / len(stripe))
    return (image - middle) / deviation


@pytest.mark.parametrize("peak", ["last", "largest", "first"])
def test_white_stripe_equals_a_naive_twin(peak):
    image, step = _brain(), WhiteStripe(peak=peak, bins=400)
    everything = Mask(np.ones_like(image.array, dtype=bool), image.geometry)
    expected = _naive(image.array.ravel().tolist(), image.array, step)
    np.testing.assert_allclose(step.apply(image, everything).array, expected, rtol=1e-6, atol=1e-6)


def test_without_a_mask_the_voxels_above_the_mean_count():
    image, step = _brain(), WhiteStripe(bins=300)
    above = Mask(image.array > image.array.mean(), image.geometry)
    np.testing.assert_array_equal(step.apply(image).array, step.apply(image, above).array)


def test_the_last_peak_is_white_matter_and_becomes_zero():
    image = _brain()
    result = WhiteStripe().apply(image).array
    # White matter was drawn around 700 with an SD of 20; the stripe is a part of it.
    at_zero = image.array.ravel()[np.argmin(np.abs(result.ravel()))]
    assert 690 < at_zero < 710


def test_gain_and_offset_of_a_scanner_are_undone():
    step = WhiteStripe()
    plain, amplified = step.apply(_brain()), step.apply(_brain(2.0, 64.0))
    np.testing.assert_allclose(amplified.array, plain.array, rtol=1e-9, atol=1e-9)


def test_a_stripe_of_one_intensity_is_refused():
    array = np.array([0.0] * 20 + [5.0] * 80 + [9.0] * 20).reshape(4, 5, 6)
    image = Image(array, Geometry(array.shape))
    everything = Mask(np.ones_like(array, dtype=bool), image.geometry)
    with pytest.raises(InputError, match="only intensities of 5"):
        WhiteStripe(peak="largest").apply(image, everything)


def test_wrong_settings_are_refused():
    with pytest.raises(ParameterError, match="did you mean 'largest'"):
        WhiteStripe(peak="larges")
    with pytest.raises(ParameterError, match="width"):
        WhiteStripe(width=0.5)
