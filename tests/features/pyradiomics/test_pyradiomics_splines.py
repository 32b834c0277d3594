"""Resampling along the axes against ITK, to the last bit."""

from __future__ import annotations

import platform

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from radtool.features.pyradiomics.resampling import _resampled, to_itk
from radtool.features.pyradiomics.splines import (
    index_of,
    nearest_along,
    places_along,
    point_of,
    spline_along,
)
from radtool.image import Geometry

GRIDS = [
    (Geometry((12, 30, 40), (3.0, 0.9765625, 0.9765625), (-249.51, -460.5, -681.5)), (1, 1, 1)),
    (Geometry((25, 17, 5), (1.3, 0.7, 2.2), (3.3, 1.7, -9.1)), (0.8, 0.7, 1.9)),
    (
        Geometry((9, 22, 23), (2.0, 1.1, 0.9), (5.0, 60.5, 7.25), (-1, 0, 0, 0, -1, 0, 0, 0, 1)),
        (1.0, 2.0, 2.0),
    ),
]


def inner(source: Geometry, spacing: tuple[float, float, float]) -> Geometry:
    """A grid inside the source whose corner is where pyradiomics puts it."""
    new, old = np.array(spacing), np.array(source.spacing)
    size = np.floor(np.array(source.shape) * old / new).astype(int) - 1
    first = 0.5 * (new - old) / old
    origin = source.to_patient(first)
    return Geometry(tuple(size.tolist()), spacing, tuple(origin.tolist()), source.direction)


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(("source", "spacing"), GRIDS)
def test_spline_is_that_of_itk_to_the_bit(source, spacing, kind):
    rng = np.random.default_rng(3)
    array = np.clip(rng.normal(90, 60, source.shape), 0, 255).astype(kind)
    array[:, :6] = 17
    target = inner(source, spacing)
    found = spline_along(array, places_along(source, target))
    expected = _resampled(to_itk(array, source), target, "sitkBSpline")
    assert found.dtype == expected.dtype
    # Products and sums may be fused on other processors.
    np.testing.assert_allclose(
        found, expected, rtol=1e-6, atol=1 if kind in (np.int16, np.uint8) else 1e-5
    )
    assert np.mean(found == expected) > 0.999


@pytest.mark.parametrize(("source", "spacing"), GRIDS)
def test_nearest_is_that_of_itk(source, spacing):
    array = np.random.default_rng(4).random(source.shape) > 0.5
    target = inner(source, spacing)
    found = nearest_along(array, places_along(source, target))
    np.testing.assert_array_equal(
        found, _resampled(to_itk(array, source), target, "sitkNearestNeighbor") > 0
    )


@pytest.mark.parametrize("turned", ["straight", "mirrored", "permuted", "oblique"])
def test_indices_and_points_are_those_of_itk_to_the_bit(turned):
    rng = np.random.default_rng(5)
    # Products and sums may be fused on other processors.
    limit = 0.0 if platform.machine() == "x86_64" else 1e-13
    for _ in range(300):
        direction = {
            "straight": np.eye(3),
            "mirrored": np.diag(rng.choice([-1.0, 1.0], 3)),
            "permuted": rng.permutation(np.eye(3)),
            "oblique": Rotation.random(rng=rng).as_matrix(),
        }[turned]
        grid = Geometry(
            (9, 9, 9),
            tuple(rng.integers(1, 800, 3) / rng.choice([100, 128, 512, 700])),
            tuple(rng.uniform(-600, 600, 3)),
            tuple(direction.ravel()),
        )
        itk = to_itk(np.zeros((2, 2, 2), np.uint8), grid)
        voxel, place = rng.integers(0, 600, 3), rng.uniform(0, 600, 3)
        point = point_of(grid, voxel)
        pairs = [
            (point, itk.TransformIndexToPhysicalPoint(voxel.tolist())),
            (point_of(grid, place), itk.TransformContinuousIndexToPhysicalPoint(place.tolist())),
            (index_of(grid, point), itk.TransformPhysicalPointToContinuousIndex(point.tolist())),
        ]
        for found, expected in pairs:
            np.testing.assert_allclose(found, expected, rtol=limit, atol=limit)


def test_turned_axes_and_grids_beyond_the_source_are_left_to_itk():
    angle = np.cos(0.1), np.sin(0.1)
    turned = Geometry(
        (9, 9, 9), (1, 1, 1), (0, 0, 0), (angle[0], -angle[1], 0, angle[1], angle[0], 0, 0, 0, 1)
    )
    plain = Geometry((9, 9, 9))
    assert places_along(turned, Geometry((3, 3, 3), origin=(3, 3, 3))) is None
    assert places_along(plain, Geometry((9, 9, 11))) is None
    assert spline_along(np.zeros((2, 9, 9)), places_along(plain, plain)) is None


def test_a_line_shorter_than_the_horizon_and_a_longer_one():
    for n in (4, 17, 18, 19, 60):
        source = Geometry((5, 5, n), (1.0, 1.0, 1.0))
        target = Geometry((4, 4, n - 2), (1.0, 1.0, 1.0), (0.3, 0.4, 0.45))
        array = np.random.default_rng(n).normal(size=source.shape)
        volume = to_itk(array, source)
        expected = sitk.GetArrayFromImage(
            sitk.Resample(
                volume, to_itk(np.zeros(target.shape), target), sitk.Transform(), sitk.sitkBSpline
            )
        )
        np.testing.assert_allclose(
            spline_along(array, places_along(source, target)), expected, rtol=1e-13, atol=1e-13
        )
