from __future__ import annotations

import numpy as np
import pytest

from radtool.features.peaks import RADIUS_MM, peak_features


def slow_means(image: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    places = np.argwhere(np.ones(image.shape, dtype=bool)) * np.array(spacing)
    flat = image.ravel()
    return np.array(
        [
            flat[np.linalg.norm(places - centre, axis=1) <= RADIUS_MM].mean()
            for centre in np.argwhere(inside) * np.array(spacing)
        ]
    )


@pytest.mark.parametrize("spacing", [(3.0, 2.0, 2.0), (2.0, 3.1, 7.0), (1.6, 1.6, 1.6)])
@pytest.mark.parametrize("where", ["middle", "corner"])
def test_peaks_are_means_over_a_sphere_of_one_millilitre(
    spacing: tuple[float, float, float], where: str
) -> None:
    rng = np.random.default_rng(0)
    image = np.round(rng.normal(0, 100, (12, 13, 14)))
    inside = np.zeros(image.shape, dtype=bool)
    start = 5 if where == "middle" else 0
    inside[start : start + 3, start : start + 4, start : start + 4] = True
    means = slow_means(image, inside, spacing)
    found = peak_features(image, inside, spacing)
    np.testing.assert_allclose(found["global_intensity_peak"], means.max())
    brightest = means[np.argmax(image[inside])]
    np.testing.assert_allclose(found["local_intensity_peak"], brightest)


def test_of_equally_bright_voxels_the_highest_mean_counts() -> None:
    image = np.zeros((1, 1, 60))
    image[0, 0, [10, 40, 41]] = 9.0
    found = peak_features(image, image > 5, (1.0, 1.0, 1.0))
    # 13 voxels within 6.2 mm on a line.
    np.testing.assert_allclose(found["local_intensity_peak"], 18.0 / 13.0)


def test_a_sphere_far_larger_than_the_image_is_the_mean_of_the_image() -> None:
    image = np.round(np.random.default_rng(0).normal(0, 100, (5, 6, 7)))
    found = peak_features(image, image > 0, (1e-3, 1e-3, 1e-3))
    for value in found.values():
        assert value == pytest.approx(image.mean(), rel=1e-12)
    flat = peak_features(image, image > 0, (1e-3, 1e-3, 40.0))
    means = slow_means(image, image > 0, (1e-3, 1e-3, 40.0))
    assert flat["global_intensity_peak"] == pytest.approx(means.max(), rel=1e-12)
