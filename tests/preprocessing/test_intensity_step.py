import json

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.bias_field import N4
from radtool.preprocessing.contrast import Clahe, HistogramEqualisation
from radtool.preprocessing.intensity_step import (
    IntensityStep,
    apply_steps,
    fit_steps,
    intensity_step_from_dict,
)
from radtool.preprocessing.landmarks import HistogramMatching, Nyul
from radtool.preprocessing.scaling import Rescale, ZScore, ZScoreByTraining
from radtool.preprocessing.smoothing import GaussianSmoothing, MedianDenoising
from radtool.preprocessing.white_stripe import WhiteStripe

STEPS = (
    N4(iterations=3, levels=1),
    Clahe(tile_mm=4.0),
    HistogramEqualisation(bins=32),
    HistogramMatching(points=21),
    Nyul(),
    Rescale(lower=-1.0, upper_percentile=99.0),
    ZScore(),
    ZScoreByTraining(),
    GaussianSmoothing(sigma_mm=0.7),
    MedianDenoising(radius_mm=1.0),
    WhiteStripe(bins=100),
)
LEARNING = [step for step in STEPS if step.learned]


def _image(number: int = 0, dtype: type = np.float64) -> Image:
    rng = np.random.default_rng(number)
    array = rng.gamma(4.0, 20.0 + number, (8, 9, 10)).astype(dtype) + 1
    return Image(array, Geometry(array.shape, (2.0, 1.0, 1.0)))


def _mask(image: Image) -> Mask:
    array = np.zeros(image.array.shape, dtype=bool)
    array[1:7, 1:8, 2:9] = True
    return Mask(array, image.geometry, "brain")


def _pairs(count: int = 3) -> list[tuple[Image, Mask]]:
    images = [_image(number) for number in range(count)]
    return [(image, _mask(image)) for image in images]


def _name(step: IntensityStep) -> str:
    return type(step).__name__


@pytest.mark.parametrize("step", STEPS, ids=_name)
def test_a_step_changes_neither_its_input_nor_the_grid(step):
    image = _image(dtype=np.int16)
    before = image.array.copy()
    result = step.fit(_pairs()).apply(image, _mask(image))
    np.testing.assert_array_equal(image.array, before)
    assert result.geometry == image.geometry
    assert np.isfinite(result.array).all()
    assert not np.array_equal(result.array, image.array)


@pytest.mark.parametrize("step", STEPS, ids=_name)
def test_a_fitted_step_goes_through_json_without_changing_a_bit(step):
    fitted = step.fit(_pairs())
    again = intensity_step_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    image = _image(9)
    np.testing.assert_array_equal(again.apply(image).array, fitted.apply(image).array)


@pytest.mark.parametrize("step", STEPS, ids=_name)
def test_the_same_input_gives_the_same_bits(step):
    fitted, image = step.fit(_pairs()), _image(4)
    np.testing.assert_array_equal(fitted.apply(image).array, fitted.apply(image).array)


@pytest.mark.parametrize("step", LEARNING, ids=_name)
def test_a_step_that_learned_nothing_refuses(step):
    with pytest.raises(InputError, match="call fit with training images"):
        step.apply(_image())


@pytest.mark.parametrize("step", LEARNING, ids=_name)
def test_fitting_on_nothing_is_refused(step):
    with pytest.raises(InputError, match="at least one training image"):
        step.fit([])


@pytest.mark.parametrize("step", LEARNING, ids=_name)
def test_fit_leaves_the_unfitted_step_as_it_was(step):
    step.fit(_pairs())
    assert all(getattr(step, name) is None for name in step.learned)


@pytest.mark.parametrize("step", LEARNING, ids=_name)
def test_only_voxels_of_the_mask_are_learned_from(step):
    loud = []
    for image, mask in _pairs():
        array = image.array.copy()
        array[~mask.array] = 9999.0
        loud.append((image.with_array(array), mask))
    assert step.fit(loud) == step.fit(_pairs())


@pytest.mark.parametrize("step", STEPS, ids=_name)
def test_bad_input_is_refused(step):
    image, fitted = _image(), step.fit(_pairs())
    with pytest.raises(InputError, match="'brain' is empty"):
        fitted.apply(image, Mask(np.zeros_like(image.array, dtype=bool), image.geometry, "brain"))
    broken = image.array.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="1 intensities are not finite"):
        fitted.apply(image.with_array(broken))
    moved = Geometry(image.geometry.shape, image.geometry.spacing, (5.0, 0.0, 0.0))
    with pytest.raises(GeometryError):
        fitted.apply(image, Mask(_mask(image).array, moved))


@pytest.mark.parametrize(
    "step",
    [ZScore(), Rescale(), Clahe(), WhiteStripe(), *(s.fit(_pairs()) for s in LEARNING[:2])],
    ids=_name,
)
def test_a_flat_image_is_refused_where_the_result_is_undefined(step):
    image = _image().with_array(np.full((8, 9, 10), 7.0))
    with pytest.raises(InputError, match="all intensities are"):
        step.apply(image)


def test_a_chain_is_fitted_on_images_that_went_through_the_steps_before():
    pairs = _pairs()
    chain = fit_steps([Rescale(upper=10.0), ZScoreByTraining()], pairs)
    rescaled = np.concatenate(
        [Rescale(upper=10.0).apply(image, mask).array[mask.array] for image, mask in pairs]
    )
    np.testing.assert_allclose(chain[1].mean, rescaled.mean(), rtol=1e-12)
    image, mask = pairs[0]
    np.testing.assert_array_equal(
        apply_steps(chain, image, mask).array,
        chain[1].apply(chain[0].apply(image, mask), mask).array,
    )


def test_unknown_steps_and_keys_are_refused():
    with pytest.raises(ParameterError, match="did you mean 'ZScore'"):
        intensity_step_from_dict({"step": "Zscore"})
    with pytest.raises(ParameterError, match=r"\[Clahe\] has no key 'tile'"):
        intensity_step_from_dict({"step": "Clahe", "tile": 3})
