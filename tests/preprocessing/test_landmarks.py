import numpy as np
import pytest
from skimage.exposure import match_histograms

from radtool.errors import InputError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.landmarks import HistogramMatching, Nyul, map_landmarks


def _image(number: int, gain: float = 1.0, shift: float = 0.0) -> Image:
    rng = np.random.default_rng(number)
    array = gain * rng.gamma(3.0, 10.0, (6, 7, 8)) + shift
    return Image(array, Geometry(array.shape))


def _naive_percentile(values: list[float], percent: float) -> float:
    """Linear interpolation between order statistics, in plain Python."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _naive_nyul(train: list[Image], image: Image, step: Nyul) -> np.ndarray:
    """The published description, one voxel at a time."""
    scales = []
    for other in train:
        marks = [_naive_percentile(other.array.ravel().tolist(), p) for p in step.percentiles]
        reach = marks[-1] - marks[0]
        scales.append(
            [step.lower + (m - marks[0]) / reach * (step.upper - step.lower) for m in marks]
        )
    scale = [sum(column) / len(column) for column in zip(*scales, strict=True)]
    marks = [_naive_percentile(image.array.ravel().tolist(), p) for p in step.percentiles]
    result = []
    for value in image.array.ravel().tolist():
        piece = 0
        while piece < len(marks) - 2 and value >= marks[piece + 1]:
            piece += 1
        slope = (scale[piece + 1] - scale[piece]) / (marks[piece + 1] - marks[piece])
        result.append(scale[piece] + slope * (value - marks[piece]))
    return np.array(result).reshape(image.array.shape)


def test_nyul_equals_a_naive_twin():
    train = [_image(number, 1 + number) for number in range(4)]
    image = _image(9, 3.0, 50.0)
    fitted = Nyul(lower=5.0, upper=80.0).fit((other, None) for other in train)
    expected = _naive_nyul(train, image, fitted)
    np.testing.assert_allclose(fitted.apply(image).array, expected, rtol=1e-10, atol=1e-10)


def _formula(number: int) -> Image:
    index = np.arange(504)
    array = (number + 1) * ((index * (7919 + number)) % 1009) ** 1.2 + 10 * number + 1
    return Image(array.reshape(7, 8, 9), Geometry((7, 8, 9)))


def test_nyul_equals_intensity_normalization():
    # NyulNormalizer().fit_population(0, 1, 2), transform(5) of intensity-normalization 3.0.1.
    fitted = Nyul(lower=1.0).fit((_formula(number), None) for number in range(3))
    scale = [
        1.0, 6.874015642325065, 15.17429002238923, 24.390872112609255, 34.10718361780827,
        44.42832507350574, 55.182310195373624, 66.30740031807615, 77.57370395700401,
        89.12683151311087, 100.0,
    ]  # fmt: skip
    np.testing.assert_allclose(fitted.standard_scale, scale, rtol=1e-12)
    result = fitted.apply(_formula(5)).array.ravel()[[0, 1, 100, 250, 503]]
    expected = [
        0.5749534150631128, 83.40218176357726, 27.19831901130908, 27.003751638008914,
        16.320675330876927,
    ]  # fmt: skip
    np.testing.assert_allclose(result, expected, rtol=1e-12)


@pytest.mark.parametrize("step", [Nyul(), HistogramMatching()], ids=lambda s: type(s).__name__)
def test_gain_and_offset_of_a_scanner_are_undone(step):
    fitted = step.fit([(_image(1), None), (_image(2), None)])
    plain, amplified = fitted.apply(_image(3)), fitted.apply(_image(3, 4.0, -70.0))
    np.testing.assert_allclose(amplified.array, plain.array, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("step", [Nyul(), HistogramMatching()], ids=lambda s: type(s).__name__)
def test_the_order_of_intensities_is_kept(step):
    fitted = step.fit([(_image(1), None), (_image(2), None)])
    image = _image(5)
    order = np.argsort(image.array.ravel())
    assert (np.diff(fitted.apply(image).array.ravel()[order]) >= 0).all()


def test_nyul_landmarks_land_on_the_standard_scale():
    fitted = Nyul().fit([(_image(1), None), (_image(2), None)])
    result = fitted.apply(_image(6, 2.0)).array
    marks = np.percentile(result, fitted.percentiles)
    np.testing.assert_allclose(marks, fitted.standard_scale, rtol=1e-2, atol=1e-9)
    assert fitted.standard_scale[0] == 0
    assert fitted.standard_scale[-1] == pytest.approx(100)


def test_matching_an_image_to_itself_changes_nothing():
    image = _image(1)
    fitted = HistogramMatching(points=100).fit([(image, None)])
    np.testing.assert_allclose(fitted.apply(image).array, image.array, rtol=1e-12)


def test_matching_approaches_scikit_image_with_a_quantile_for_every_voxel():
    reference, image = _image(1), _image(2, 5.0)
    fitted = HistogramMatching(points=reference.array.size).fit([(reference, None)])
    expected = match_histograms(image.array, reference.array)
    # Equal numbers of distinct values: both replace the k-th smallest by the k-th smallest.
    np.testing.assert_allclose(fitted.apply(image).array, expected, rtol=1e-9)


def test_matching_stays_within_the_reference():
    image = _image(2, 5.0)
    inside = Mask(image.array < 100, image.geometry)
    fitted = HistogramMatching().fit([(_image(1), None)])
    result = fitted.apply(image, inside).array
    assert result.max() == pytest.approx(max(fitted.reference))


def test_landmarks_that_coincide_become_one():
    # 0 stands for 10 and 20 (mean 15); 1 for 30.
    source, target = np.array([0.0, 0.0, 1.0]), np.array([10.0, 20.0, 30.0])
    mapped = map_landmarks(np.array([0.0, 0.5, 1.0, 2.0]), source, target)
    assert mapped.tolist() == [15.0, 22.5, 30.0, 45.0]


def test_flat_training_images_are_refused():
    flat = Image(np.full((2, 2, 2), 3.0), Geometry((2, 2, 2)))
    with pytest.raises(InputError, match="flat"):
        Nyul().fit([(flat, None)])


def test_wrong_settings_are_refused():
    with pytest.raises(ParameterError, match="percentiles must be two or more that rise"):
        Nyul(percentiles=(10, 10, 90))
    with pytest.raises(ParameterError, match="has 2 values, needs 11"):
        Nyul(standard_scale=(0.0, 1.0))
    with pytest.raises(ParameterError, match="points must be at least 2"):
        HistogramMatching(points=1)
