"""RECIST diameter by hand, by sphere and by the circle rule."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from radtool.errors import GeometryError
from radtool.image import Geometry, Mask
from radtool.segmentation.measure import enclosing_circle, recist


def grid_of(shape, spacing):
    return np.meshgrid(
        *(np.arange(n) * d for n, d in zip(shape, spacing, strict=True)), indexing="ij"
    )


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.8, 0.8), (2.0, 1.3, 0.7)])
def test_sphere_diameter_within_a_pixel_and_volume_within_two_percent(spacing):
    radius = 17.3
    shape = tuple(int(44 / d) for d in spacing)
    z, y, x = grid_of(shape, spacing)
    mask = Mask(
        (z - 21) ** 2 + (y - 21) ** 2 + (x - 21) ** 2 <= radius**2, Geometry(shape, spacing)
    )
    found = recist(mask)
    assert found.diameter == pytest.approx(2 * radius, abs=max(spacing[1:]))
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.02)
    assert found.center == pytest.approx((21, 21, 21), abs=1.5)


def test_c_shape_is_measured_by_the_circle_around_it():
    # Three quarters of a ring of radius 10: the circle around it is the whole ring's.
    _, y, x = grid_of((1, 30, 30), (1.0, 1.0, 1.0))
    y, x = y - 15, x - 15
    r = np.hypot(y, x)
    ring = (r <= 10) & (r >= 7) & ~((y > 0) & (x > 0))
    found = recist(Mask(ring, Geometry(ring.shape)))
    assert found.diameter == pytest.approx(20.0, abs=1.0)
    assert found.center[:2] == pytest.approx((15, 15), abs=0.7)


def test_pixel_edges_are_physical():
    line = np.zeros((3, 5, 9), dtype=bool)
    line[1, 2, 1:8] = True
    # Seven pixels of 0.7 mm in a row.
    found = recist(Mask(line, Geometry(line.shape, (5.0, 2.0, 0.7), origin=(10.0, 20.0, 30.0))))
    # The edge midpoints above and below the end pixels lie 2 mm apart: (6 * .7 = 4.2, 2) and the
    # ends 4.9 apart: half-diameter from the centre max(2.45, hypot(2.1, 1) = 2.326).
    assert found.diameter == pytest.approx(4.9)
    assert found.slice_index == 1
    assert found.center == pytest.approx((10 + 4 * 0.7, 20 + 2 * 2.0, 35.0))


def test_one_pixel_is_one_millimetre():
    array = np.zeros((1, 3, 3), dtype=bool)
    array[0, 1, 1] = True
    assert recist(Mask(array, Geometry(array.shape))).diameter == pytest.approx(1.0)


def test_empty_mask_has_no_diameter():
    found = recist(Mask(np.zeros((2, 3, 3), dtype=bool), Geometry((2, 3, 3))))
    assert (found.diameter, found.slice_index, found.center, found.volume_ml) == (0, None, None, 0)


def test_the_largest_slice_is_the_first_of_equals():
    array = np.zeros((5, 8, 8), dtype=bool)
    array[1, 2:4, 2:4] = array[2, 2:6, 2:6] = array[3, 2:6, 2:6] = True
    assert recist(Mask(array, Geometry(array.shape))).slice_index == 2


def test_sagittal_slices_are_refused():
    array = np.ones((2, 2, 2), dtype=bool)
    sagittal = Geometry((2, 2, 2), direction=(0, 0, 1, 1, 0, 0, 0, 1, 0))
    with pytest.raises(GeometryError, match="not axial"):
        recist(Mask(array, sagittal))


def test_circle_is_the_smallest_of_all_pairs_and_triples():
    rng = np.random.default_rng(0)
    for _ in range(50):
        points = rng.standard_normal((9, 2)) * (1, 4)
        center, radius = enclosing_circle(points)
        assert (np.hypot(*(points - center).T) <= radius * (1 + 1e-9)).all()
        assert radius == pytest.approx(_by_exhaustion(points), rel=1e-9)


def _by_exhaustion(points):
    """Smallest of all circles on two or three points that hold every point."""
    best = np.inf
    for p, q in itertools.combinations(points, 2):
        best = _smaller(best, (p + q) / 2, np.hypot(*(p - q)) / 2, points)
    for p, q, r in itertools.combinations(points, 3):
        matrix = 2 * np.array([q - p, r - p])
        center = np.linalg.solve(matrix, [q @ q - p @ p, r @ r - p @ p])
        best = _smaller(best, center, np.hypot(*(p - center)), points)
    return best


def _smaller(best, center, radius, points):
    holds = (np.hypot(*(points - center).T) <= radius * (1 + 1e-9)).all()
    return min(best, radius) if holds else best
