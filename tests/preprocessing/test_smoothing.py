import math

import numpy as np
import pytest
from scipy import ndimage

from radtool.errors import ParameterError
from radtool.image import Geometry, Image
from radtool.preprocessing.smoothing import GaussianSmoothing, MedianDenoising


def _noise(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Image:
    array = np.random.default_rng(2).normal(10, 3, (9, 11, 13))
    return Image(array, Geometry(array.shape, spacing))


def test_a_point_becomes_a_gaussian_of_the_given_width_in_mm():
    array = np.zeros((21, 41, 41))
    array[10, 20, 20] = 1
    image = Image(array, Geometry(array.shape, (2.0, 1.0, 1.0)))
    smooth = GaussianSmoothing(sigma_mm=3.0).apply(image).array
    # Along z, 2 voxels are 4 mm; along x, 4 voxels are 4 mm: equal fall-off.
    expected = math.exp(-0.5 * (4.0 / 3.0) ** 2)
    assert smooth[12, 20, 20] / smooth[10, 20, 20] == pytest.approx(expected, rel=1e-9)
    assert smooth[10, 20, 24] / smooth[10, 20, 20] == pytest.approx(expected, rel=1e-9)
    assert smooth.sum() == pytest.approx(1.0)


def test_the_median_equals_a_naive_twin():
    image = _noise((2.0, 1.0, 1.0))
    result = MedianDenoising(radius_mm=2.0).apply(image).array
    offsets = [
        (dz, dy, dx)
        for dz in (-1, 0, 1)
        for dy in range(-2, 3)
        for dx in range(-2, 3)
        if (2 * dz) ** 2 + dy**2 + dx**2 <= 4
    ]
    for z, y, x in np.random.default_rng(0).integers([1, 2, 2], [8, 9, 11], (40, 3)).tolist():
        around = [image.array[z + dz, y + dy, x + dx] for dz, dy, dx in offsets]
        assert result[z, y, x] == np.median(around)


def test_the_median_keeps_an_edge_that_the_gaussian_blurs():
    array = np.zeros((7, 7, 20))
    array[..., 10:] = 100.0
    image = Image(array, Geometry(array.shape))
    np.testing.assert_array_equal(MedianDenoising(radius_mm=1.0).apply(image).array, array)
    assert GaussianSmoothing(sigma_mm=1.0).apply(image).array[3, 3, 9] > 20


@pytest.mark.parametrize("step", [GaussianSmoothing(sigma_mm=1.2), MedianDenoising(radius_mm=1.5)])
def test_noise_goes_down_and_a_flat_image_stays(step):
    image = _noise()
    assert step.apply(image).array.std() < 0.6 * image.array.std()
    flat = image.with_array(np.full_like(image.array, 4.0))
    np.testing.assert_allclose(step.apply(flat).array, 4.0, rtol=1e-12)


def test_smoothing_equals_scipy_on_a_grid_of_1_mm():
    image = _noise()
    expected = ndimage.gaussian_filter(image.array, 1.7)
    np.testing.assert_allclose(GaussianSmoothing(sigma_mm=1.7).apply(image).array, expected)


def test_wrong_settings_are_refused():
    with pytest.raises(ParameterError, match="sigma_mm must be above 0"):
        GaussianSmoothing(sigma_mm=0)
    with pytest.raises(ParameterError, match="radius_mm must be above 0"):
        MedianDenoising(radius_mm=-1)
