import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import InputError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.bias_field import N4

SHAPE = (16, 32, 32)


@pytest.fixture(scope="module")
def phantom() -> tuple[Image, np.ndarray, Mask]:
    """Two tissues in a ball, times a smooth field, and the field."""
    z, y, x = (np.indices(SHAPE) - np.array([8, 16, 16])[:, None, None, None]) / 16.0
    inside = (2 * z) ** 2 + y**2 + x**2 < 0.8
    tissue = np.where(np.sin(7 * x) * np.sin(5 * y) > 0, 200.0, 300.0)
    field = np.exp(0.35 * x + 0.2 * y - 0.2 * x * y)
    noise = np.random.default_rng(1).normal(0, 2, SHAPE)
    array = np.where(inside, tissue * field + noise, 1.0)
    geometry = Geometry(SHAPE, (3.0, 1.5, 1.5))
    return Image(array, geometry), field, Mask(inside, geometry)


def _unevenness(array: np.ndarray, field: np.ndarray, inside: np.ndarray) -> float:
    """How far the estimate is from the field, apart from a constant factor."""
    return float(np.std(np.log(array / field)[inside]))


def test_a_known_field_is_found(phantom):
    image, field, mask = phantom
    before = _unevenness(np.ones(SHAPE), field, mask.array)
    after = _unevenness(N4().bias_field(image, mask), field, mask.array)
    assert before > 0.12
    assert after < 0.2 * before


def test_the_field_is_divided_out(phantom):
    image, _, mask = phantom
    step = N4(levels=2, iterations=10)
    np.testing.assert_allclose(
        step.apply(image, mask).array * step.bias_field(image, mask), image.array, rtol=1e-12
    )


def test_the_field_is_simpleitk_s(phantom):
    image, _, mask = phantom
    volume = sitk.GetImageFromArray(image.array.astype(np.float32))
    region = sitk.GetImageFromArray(mask.array.astype(np.uint8))
    for item in (volume, region):
        item.SetSpacing((1.5, 1.5, 3.0))
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([10, 10])
    corrected = sitk.GetArrayFromImage(n4.Execute(volume, region))
    result = N4(levels=2, iterations=10, shrink=1).apply(image, mask).array
    np.testing.assert_allclose(result[mask.array], corrected[mask.array], rtol=1e-4)


def test_without_a_mask_the_foreground_is_found(phantom):
    image, field, mask = phantom
    assert _unevenness(N4().bias_field(image), field, mask.array) < 0.04


def test_intensities_below_zero_are_refused(phantom):
    image, _, mask = phantom
    with pytest.raises(InputError, match="meant for MR, not for HU"):
        N4().apply(image.with_array(-image.array - 1), mask)


def test_wrong_settings_are_refused():
    with pytest.raises(ParameterError, match="levels must be at least 1"):
        N4(levels=0)
    with pytest.raises(ParameterError, match="fwhm must be above 0"):
        N4(fwhm=0)
