from __future__ import annotations

import itertools

import numpy as np

from radtool.features.autocorrelation import moran_geary
from radtool.features.morphology import FEATURES, morphology_features
from radtool.features.shapes import ellipsoid_area, enclosing_ellipsoid, smallest_box

EVERYTHING = [definition.name for definition in FEATURES]


def measured(mask: np.ndarray, spacing: tuple[float, float, float]) -> dict[str, float]:
    image = np.ones(mask.shape)
    image[mask] = np.arange(np.count_nonzero(mask))
    return morphology_features(mask, image, mask, spacing, EVERYTHING)


def ball(radius: float, spacing: tuple[float, float, float]) -> np.ndarray:
    sizes = [int(radius / step) + 2 for step in spacing]
    axes = [np.arange(-n, n + 1) * step for n, step in zip(sizes, spacing, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return z**2 + y**2 + x**2 <= radius**2


def test_a_single_voxel_is_an_octahedron() -> None:
    # The mesh meets the six edges half-way: an octahedron with half diagonals 1, 0.5, 1.5 mm.
    found = measured(np.ones((1, 1, 1), dtype=bool), (2.0, 1.0, 3.0))
    np.testing.assert_allclose(found["volume"], 4 / 3 * 1.0 * 0.5 * 1.5)
    assert found["volume_voxel_counting"] == 6.0
    assert found["maximum_3d_diameter"] == 3.0
    np.testing.assert_allclose(found["volume_density_aabb"], 1 / 6)
    np.testing.assert_allclose(found["volume_density_convex_hull"], 1.0)


def test_a_ball_has_the_measures_of_a_ball() -> None:
    found = measured(ball(20.0, (1.0, 0.8, 1.25)), (1.0, 0.8, 1.25))
    np.testing.assert_allclose(found["volume"], 4 / 3 * np.pi * 20**3, rtol=0.01)
    # The mesh reaches half a voxel beyond the outermost centres.
    assert 40.0 <= found["maximum_3d_diameter"] <= 40.0 + 1.25
    # A solid ball's variance along an axis is r² / 5: axes of 4 r / sqrt 5.
    for axis in ("major", "minor", "least"):
        np.testing.assert_allclose(found[f"{axis}_axis_length"], 4 * 20 / 5**0.5, rtol=0.01)
    for name in ("convex_hull", "mvee"):
        # The steps of the voxels stick out of the ball by less than half a diagonal.
        assert (20 / 20.9) ** 3 < found[f"volume_density_{name}"] < 1.0
    box = 41.0 * 40.8 * 41.25
    np.testing.assert_allclose(found["volume_density_aabb"], found["volume"] / box)


def test_the_smallest_box_does_not_care_how_a_box_is_turned() -> None:
    corners = np.array(list(itertools.product((0, 30), (0, 12), (0, 5))), dtype=float)
    angle = 0.4
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    ) @ np.array([[np.cos(0.7), -np.sin(0.7), 0], [np.sin(0.7), np.cos(0.7), 0], [0, 0, 1]])
    sides = smallest_box(corners @ turn.T, np.eye(3) @ turn.T)
    np.testing.assert_allclose(np.sort(sides), [5, 12, 30])


def test_the_enclosing_ellipsoid_of_a_box_touches_its_corners() -> None:
    corners = np.array(list(itertools.product((-3, 3), (-2, 2), (-1, 1))), dtype=float)
    # Of all ellipsoids through a box's corners, the smallest has semi-axes sqrt 3 half edges.
    semi_axes = enclosing_ellipsoid(corners + np.array([5.0, -7.0, 100.0]))
    np.testing.assert_allclose(semi_axes, np.sqrt(3) * np.array([3, 2, 1]), rtol=1e-3)


def test_the_surface_of_an_ellipsoid_is_continuous_and_exact_for_a_sphere() -> None:
    np.testing.assert_allclose(ellipsoid_area(np.array([3.0, 3.0, 3.0])), 36 * np.pi)
    for axes in ((4.0, 4.0, 2.0), (4.0, 2.0, 2.0)):
        near = np.array(axes) + np.array([1e-6, 0.0, -1e-6])
        np.testing.assert_allclose(ellipsoid_area(near), ellipsoid_area(np.array(axes)), rtol=1e-5)


def test_the_series_of_ibsi_by_hand() -> None:
    # a = b = 2, c = 1: alpha 0, beta² 3/4; terms (beta²/2)^v c_v / (1 - 4v²), c = 1, 1, 3/2, 5/2.
    x = 3 / 8
    series = 1 - x / 3 - 1.5 * x**2 / 15 - 2.5 * x**3 / 35 - 4.375 * x**4 / 63
    found = ellipsoid_area(np.array([1.0, 2.0, 2.0]))
    np.testing.assert_allclose(found, 4 * np.pi * 4 * series, rtol=2e-3)


def test_moran_and_geary_are_sums_over_all_pairs() -> None:
    rng = np.random.default_rng(1)
    spacing = (3.0, 1.0, 1.5)
    inside = rng.random((5, 7, 6)) < 0.6
    image = rng.normal(100.0, 5.0, inside.shape)
    places, values = np.argwhere(inside) * np.array(spacing), image[inside]
    n, centred = len(values), values - values.mean()
    total = cross = differences = 0.0
    for i, j in itertools.permutations(range(n), 2):
        weight = 1.0 / np.linalg.norm(places[i] - places[j])
        total += weight
        cross += weight * centred[i] * centred[j]
        differences += weight * (values[i] - values[j]) ** 2
    squares = float((centred**2).sum())
    moran, geary = moran_geary(image, inside, spacing)
    np.testing.assert_allclose(moran, n / total * cross / squares, rtol=1e-10)
    np.testing.assert_allclose(geary, (n - 1) / (2 * total) * differences / squares, rtol=1e-10)


def test_what_is_not_standardised_is_left_out_unless_named() -> None:
    mask = ball(4.0, (1.0, 1.0, 1.0))
    found = morphology_features(mask, mask * 2.0, mask, (1.0, 1.0, 1.0))
    assert "volume_density_mvee" not in found
    assert list(morphology_features(mask, mask * 2.0, mask, (1.0, 1.0, 1.0), ["volume"])) == [
        "volume"
    ]
