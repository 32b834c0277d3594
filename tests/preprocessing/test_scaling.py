import numpy as np
import pytest

from radtool.errors import ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.scaling import Rescale, ZScore, ZScoreByTraining


def _image(values: list[float]) -> Image:
    array = np.array(values, dtype=float).reshape(1, 1, -1)
    return Image(array, Geometry(array.shape))


def _mask(image: Image, count: int) -> Mask:
    return Mask(np.arange(image.array.size).reshape(image.array.shape) < count, image.geometry)


def test_zscore_by_hand():
    # mean 5, population SD 2 (deviations -3 -1 -1 -1 0 0 2 4, squares 32, / 8 = 4)
    result = ZScore().apply(_image([2, 4, 4, 4, 5, 5, 7, 9]))
    assert result.array.ravel().tolist() == [-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2]


def test_zscore_takes_its_statistics_from_the_mask_and_changes_every_voxel():
    image = _image([1, 3, 100])
    assert ZScore().apply(image, _mask(image, 2)).array.ravel().tolist() == [-1, 1, 98]


def test_training_statistics_are_those_of_all_voxels_together():
    rng = np.random.default_rng(1)
    images = [_image(rng.normal(300 * n, 1 + n, 50 + 7 * n).tolist()) for n in range(5)]
    fitted = ZScoreByTraining().fit((image, None) for image in images)
    together = np.concatenate([image.array.ravel() for image in images])
    np.testing.assert_allclose(
        [fitted.mean, fitted.sd], [together.mean(), together.std()], rtol=1e-12
    )


def test_training_statistics_that_were_published_can_be_given():
    # T1 of the glioblastoma study: mean 0.1904, SD 0.2313.
    result = ZScoreByTraining(mean=0.1904, sd=0.2313).apply(_image([0.1904, 0.1904 + 2 * 0.2313]))
    np.testing.assert_allclose(result.array.ravel(), [0, 2], atol=1e-12)


def test_test_images_change_nothing_that_training_learned():
    train = [(_image([1, 2, 3, 7]), None), (_image([4, 5, 9]), None)]
    before = ZScoreByTraining().fit(train)
    before.apply(_image([1e6, -1e6]))
    assert ZScoreByTraining().fit(train) == before


def test_rescale_by_hand():
    image = _image([0, 10, 20, 40])
    assert Rescale(lower=-1, upper=1).apply(image).array.ravel().tolist() == [-1, -0.5, 0, 1]


def test_rescale_to_percentiles_clips_or_goes_on():
    image = _image(list(range(101)))
    inner = {"lower_percentile": 10.0, "upper_percentile": 90.0}
    assert Rescale(**inner).apply(image).array.ravel()[[0, 10, 90, 100]].tolist() == [0, 0, 1, 1]
    free = Rescale(**inner, clip=False).apply(image).array.ravel()
    np.testing.assert_allclose(free[[0, 100]], [-0.125, 1.125])


def test_settings_out_of_range_are_refused():
    with pytest.raises(ParameterError, match="not below upper"):
        Rescale(lower=1, upper=1)
    with pytest.raises(ParameterError, match="percentiles must rise"):
        Rescale(lower_percentile=50, upper_percentile=20)
