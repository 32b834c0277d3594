"""Contours that look unlike the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.curation.contours import contour_anomaly, contour_traits
from radtool.errors import InputError
from radtool.image import Geometry, Image, Mask

SHAPE, SPACING = (24, 40, 40), (3.0, 1.5, 1.5)


def lesion(radius, rng) -> tuple[Image, np.ndarray]:
    center = np.array([36.0, 30.0, 30.0]) + rng.uniform(-4, 4, 3)
    grid = np.meshgrid(
        *(np.arange(n) * d for n, d in zip(SHAPE, SPACING, strict=True)), indexing="ij"
    )
    inside = sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)) <= radius**2
    hu = np.where(inside, 30, -800) + rng.normal(0, 20, SHAPE)
    return Image(hu, Geometry(SHAPE, SPACING), "HU"), inside


def test_traits_of_a_sphere():
    image, inside = lesion(12.0, np.random.default_rng(0))
    traits = contour_traits(image, Mask(inside, image.geometry))
    assert traits["log_volume"] == pytest.approx(np.log(4 / 3 * np.pi * 1.2**3), abs=0.03)
    assert (traits["components"], traits["slice_gaps"]) == (1, 0)
    assert 1.0 < traits["roughness"] < 1.15
    assert traits["mean"] == pytest.approx(30, abs=2)
    assert traits["contrast"] == pytest.approx(830, abs=5)


def test_the_fit_to_the_image_falls_with_the_distance_from_its_place():
    image, inside = lesion(12.0, np.random.default_rng(0))
    # A bright bone-like bar beside the lesion must not draw the contour to it.
    array = image.array.copy()
    array[:, 6:32, 2:4] = 1500
    image = Image(array, image.geometry, "HU")
    moved = [np.roll(inside, shift, axis=1) for shift in (0, 2, 4, 6)]
    fits = [contour_traits(image, Mask(place, image.geometry))["fit"] for place in moved]
    assert fits[0] == pytest.approx(1, abs=0.02)
    assert fits == sorted(fits, reverse=True)
    assert fits[2] < 0.8


def test_an_image_without_edges_fits_everywhere():
    image, inside = lesion(12.0, np.random.default_rng(0))
    flat = Image(np.zeros(SHAPE), image.geometry, "HU")
    assert contour_traits(flat, Mask(inside, image.geometry))["fit"] == 1


def test_a_missing_slice_and_a_stray_voxel_are_seen():
    image, inside = lesion(12.0, np.random.default_rng(0))
    inside[12] = False
    inside[0, 0, 0] = True
    traits = contour_traits(image, Mask(inside, image.geometry))
    assert traits["components"] == 3
    assert traits["slice_gaps"] >= 5


def test_a_shifted_contour_ranks_in_the_worst_tenth():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows = []
        for case in range(30):
            image, inside = lesion(rng.uniform(8, 14), rng)
            if case == 17:
                inside = np.roll(inside, 6, axis=2)  # 9 mm
            rows.append(contour_traits(image, Mask(inside, image.geometry)))
        score = contour_anomaly(pd.DataFrame(rows))
        assert score.rank(ascending=False)[17] <= 3


def test_a_cohort_of_equals_has_no_anomaly():
    traits = pd.DataFrame({"components": [1.0] * 6, "mean": [30.0] * 6}, index=list("abcdef"))
    score = contour_anomaly(traits)
    assert score.tolist() == [0.0] * 6
    assert score.index.tolist() == list("abcdef")


def test_too_few_contours_and_empty_masks_are_refused():
    with pytest.raises(InputError, match="at least 5 contours"):
        contour_anomaly(pd.DataFrame({"mean": [1.0, 2.0]}))
    image, inside = lesion(10.0, np.random.default_rng(0))
    with pytest.raises(InputError, match="empty"):
        contour_traits(image, Mask(np.zeros_like(inside), image.geometry))
