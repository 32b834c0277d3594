"""Contours to masks against areas and volumes known by geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import points_in_poly

from radtool.errors import GeometryError
from radtool.image import Geometry
from radtool.io import contour_volume_ml, fraction_inside, rasterise

GRID = Geometry((8, 40, 40), (3.0, 1.0, 1.0))
# Off the voxel centres: a circle about one has 3 % more or fewer of them by symmetry.
CENTRE = (20.31, 20.17)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def stack_of(phantoms, radius: float, heights, centre=CENTRE) -> list[np.ndarray]:
    return [phantoms.circle((*centre, z), radius) for z in heights]


def cylinder(grid: Geometry, radius: float, low: float, high: float, centre=CENTRE):
    points = grid.to_patient(np.stack(np.indices(grid.shape), axis=-1))
    away = np.hypot(points[..., 0] - centre[0], points[..., 1] - centre[1])
    return (away <= radius) & (points[..., 2] >= low) & (points[..., 2] < high)


def test_square_covers_the_voxels_whose_centres_it_holds(phantoms):
    mask = rasterise([phantoms.square((2.5, 3.5), (5.5, 9.5), 6.0)], GRID, "GTV")
    z, y, x = np.nonzero(mask.array)
    assert set(z) == {2}
    assert (y.min(), y.max(), x.min(), x.max()) == (4, 9, 3, 5)
    assert mask.roi == "GTV"
    assert mask.origin == "RTSTRUCT"


def test_touching_squares_share_no_voxel_and_leave_none_out(phantoms):
    # The common edge runs through voxel centres: half-open, so each centre has one owner.
    left = rasterise([phantoms.square((2, 2), (6, 6), 0.0)], GRID).array
    right = rasterise([phantoms.square((6, 2), (9, 6), 0.0)], GRID).array
    both = rasterise([phantoms.square((2, 2), (9, 6), 0.0)], GRID).array
    assert not (left & right).any()
    np.testing.assert_array_equal(left | right, both)


@pytest.mark.parametrize("height", [0.0, 21.0], ids=["slice 0", "last slice"])
def test_contour_on_the_first_or_last_slice_is_kept(phantoms, height):
    array = rasterise([phantoms.circle((20, 20, height), 8)], GRID).array
    assert array.any(axis=(1, 2)).nonzero()[0].tolist() == [int(height / 3)]


def test_inner_contour_cuts_a_hole(phantoms):
    ring = rasterise(
        [phantoms.circle((20, 20, 6), 10.3), phantoms.circle((20, 20, 6), 5.3)], GRID
    ).array
    assert not ring[2, 20, 20]
    assert ring[2, 20, 28]
    # pi * (10.3² - 5.3²) = 245 mm²
    assert ring.sum() == pytest.approx(245, rel=0.02)


def test_island_in_a_hole_is_inside(phantoms):
    circles = [phantoms.circle((20, 20, 6), radius) for radius in (15.3, 10.3, 5.3)]
    array = rasterise(circles, GRID).array
    assert array[2, 20, 20]
    assert not array[2, 20, 28]
    assert array[2, 20, 33]


def test_keyhole_is_a_ring_without_its_channel(phantoms):
    outer, inner = phantoms.circle((20, 20, 6), 10.3), phantoms.circle((20, 20, 6), 5.3)[::-1]
    keyhole = np.concatenate([outer, outer[:1], inner[-1:], inner, outer[:1]])
    np.testing.assert_array_equal(
        rasterise([keyhole], GRID).array, rasterise([outer, inner], GRID).array
    )


def test_several_contours_of_a_slice_add_up(phantoms):
    circles = [phantoms.circle((10, 10, 6), 4.3), phantoms.circle((30, 30, 6), 4.3)]
    array = rasterise(circles, GRID).array
    assert array[2, 10, 10]
    assert array[2, 30, 30]
    assert not array[2, 20, 20]


def test_a_contour_given_twice_is_no_hole(phantoms):
    circle = phantoms.circle((20, 20, 6), 8.3)
    twice = rasterise([circle, np.roll(circle, 7, axis=0)], GRID).array
    np.testing.assert_array_equal(twice, rasterise([circle], GRID).array)


def test_contours_between_slices_keep_their_volume(phantoms):
    # Planes at 4.5, 7.5, … lie half-way between slices 3 mm apart.
    contours = stack_of(phantoms, 9.3, (4.5, 7.5, 10.5, 13.5))
    mask = rasterise(contours, GRID)
    assert mask.array.any(axis=(1, 2)).sum() == 4
    assert mask.volume_ml == pytest.approx(contour_volume_ml(contours), rel=0.01)


def test_contours_farther_apart_than_slices_fill_the_slices_between(phantoms):
    fine = Geometry((30, 40, 40), (1.0, 1.0, 1.0))
    contours = stack_of(phantoms, 9.3, (5.0, 10.0, 15.0))
    mask = rasterise(contours, fine)
    # Each plane stands for 5 mm: from 2.5 to 17.5.
    assert mask.array.any(axis=(1, 2)).nonzero()[0].tolist() == list(range(3, 18))
    assert mask.volume_ml == pytest.approx(contour_volume_ml(contours), rel=0.01)


def test_contours_nearer_than_slices_are_not_added_up(phantoms):
    # Off-centre every other plane: a union would be larger than either.
    contours = [phantoms.circle((20.31 + 4 * (k % 2), 20.17, 6 + k), 8.3) for k in range(7)]
    mask = rasterise(contours, GRID)
    assert mask.array.any(axis=(1, 2)).nonzero()[0].tolist() == [2, 3, 4]
    areas = mask.array.sum(axis=(1, 2))
    np.testing.assert_allclose(areas[2:5], np.pi * 8.3**2, rtol=0.02)


def test_a_slice_left_out_between_two_lesions_stays_empty(phantoms):
    contours = stack_of(phantoms, 8.3, (3.0, 6.0, 12.0, 15.0))
    slices = rasterise(contours, GRID).array.any(axis=(1, 2)).nonzero()[0]
    assert slices.tolist() == [1, 2, 4, 5]


def test_part_outside_the_image_is_cut_off_and_counted(phantoms):
    contours = stack_of(phantoms, 10.3, (6.0, 9.0), centre=(39.5, 20.0))
    array = rasterise(contours, GRID).array
    assert array.any()
    assert 0.4 < fraction_inside(contours, GRID) < 0.6


def test_all_outside_is_an_error_that_says_where(phantoms):
    with pytest.raises(GeometryError, match=r"'GTV' lies outside the image: contours from \(310"):
        rasterise(stack_of(phantoms, 10.0, (6.0,), centre=(320.0, 20.0)), GRID, "GTV")


def test_bent_and_unparallel_contours_are_refused(phantoms):
    bent = phantoms.circle((20, 20, 6), 8)
    bent[:45, 2] += 4
    with pytest.raises(GeometryError, match="not planar"):
        rasterise([bent], GRID)
    upright = phantoms.circle((20, 20, 6), 3)[:, [0, 2, 1]]
    with pytest.raises(GeometryError, match="not parallel to the others"):
        rasterise([phantoms.circle((20, 20, 6), 8), upright], GRID)


def test_no_contour_is_refused():
    with pytest.raises(GeometryError, match="no closed contour"):
        rasterise([], GRID)
    with pytest.raises(GeometryError, match=r"shape \(n >= 3, 3\)"):
        rasterise([np.zeros((2, 3))], GRID)
    with pytest.raises(GeometryError, match="not finite"):
        rasterise([np.full((4, 3), np.nan)], GRID)


def turned(degrees: float) -> np.ndarray:
    """Rotation about x, then about z."""
    a, b = np.radians(degrees), np.radians(degrees / 2)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return about_x @ about_z


@pytest.mark.parametrize("degrees", [0.0, 20.0, 45.0, 90.0])
def test_turning_image_and_contours_together_changes_nothing(phantoms, degrees):
    rotation = turned(degrees)
    contours = stack_of(phantoms, 9.3, (3.0, 6.0, 9.0))
    grid = Geometry(GRID.shape, GRID.spacing, GRID.origin, tuple(rotation.ravel()))
    moved = [contour @ rotation.T for contour in contours]
    upright = rasterise(contours, GRID).array
    assert dice(rasterise(moved, grid).array, upright) > 0.999


@pytest.mark.parametrize("degrees", [10.0, 30.0, 90.0])
def test_axial_contours_on_an_oblique_image_make_the_cylinder(phantoms, degrees):
    rotation = turned(degrees)
    middle = np.array([20.13, 20.42, 15.21])
    shape = np.array([50, 50, 50])
    origin = middle - rotation @ (shape - 1) / 2
    grid = Geometry(tuple(shape), (1.0, 1.0, 1.0), tuple(origin), tuple(rotation.ravel()))
    contours = stack_of(phantoms, 10.0, np.arange(6.0, 25.0, 2.0))
    mask = rasterise(contours, grid)
    assert dice(mask.array, cylinder(grid, 10.0, 5.0, 25.0)) > 0.99
    assert mask.volume_ml == pytest.approx(contour_volume_ml(contours), rel=0.01)


def test_sagittal_contours_on_an_axial_image(phantoms):
    # Circles in planes x = constant, 1 mm apart.
    contours = [
        phantoms.circle((20.31, 12.17, x), 8.0)[:, [2, 0, 1]] for x in np.arange(10.0, 20.0)
    ]
    grid = Geometry((30, 40, 40), (1.0, 1.0, 1.0))
    mask = rasterise(contours, grid)
    assert mask.array.any(axis=(0, 1)).nonzero()[0].tolist() == list(range(10, 20))
    assert mask.volume_ml == pytest.approx(np.pi * 64 * 10 / 1000, rel=0.02)


def test_image_stored_from_head_to_foot_gets_the_same_voxels(phantoms):
    contours = stack_of(phantoms, 9.3, (3.0, 6.0, 9.0))
    upright = rasterise(contours, GRID).array
    flipped = Geometry(GRID.shape, GRID.spacing, (0.0, 0.0, 21.0), (1, 0, 0, 0, 1, 0, 0, 0, -1))
    np.testing.assert_array_equal(rasterise(contours, flipped).array, upright[::-1])


def test_both_ways_of_filling_agree(phantoms):
    # A grid tilted by a hair takes the general way; its voxels are where the others are.
    contours = [*stack_of(phantoms, 9.31, (3.0, 6.0, 9.0)), *stack_of(phantoms, 4.17, (3.0, 6.0))]
    angle = 0.004
    hair = (1, 0, 0, 0, np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle))
    tilted = Geometry(GRID.shape, GRID.spacing, GRID.origin, hair)
    upright = rasterise(contours, GRID).array
    assert dice(rasterise(contours, tilted).array, upright) > 0.995


def test_volume_of_contours_alone(phantoms):
    contours = stack_of(phantoms, 10.0, (0.0, 5.0, 10.0))
    holes = stack_of(phantoms, 4.0, (0.0, 5.0, 10.0))
    # A polygon of 90 points has 90/2 * r² * sin(4°) of area.
    area = 45 * np.sin(np.radians(4)) * (100 - 16)
    assert contour_volume_ml([*contours, *holes]) == pytest.approx(area * 15 / 1000, rel=1e-9)
    assert contour_volume_ml(contours[:1]) == 0.0
    assert contour_volume_ml(contours[:1], step=5.0) > 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-5, 45), st.floats(-5, 45)), min_size=3, max_size=12, unique=True)
)
def test_scan_lines_agree_with_point_in_polygon(points):
    """Any polygon, crossing itself or not, against scikit-image's test of every centre."""
    polygon = np.array([[x, y, 6.0] for x, y in points])
    grid = Geometry((3, 40, 40), (3.0, 1.0, 1.0), (0.0, 0.0, 3.0))
    try:
        array = rasterise([polygon], grid).array[1]
    except GeometryError:
        return
    centres = np.stack(np.indices((40, 40)), axis=-1).reshape(-1, 2)[:, ::-1].astype(float)
    expected = points_in_poly(centres, polygon[:, :2]).reshape(40, 40)
    # Centres on an edge may fall either way.
    start, end = polygon[:, :2], np.roll(polygon[:, :2], -1, axis=0)
    along = end - start
    length = np.maximum((along**2).sum(axis=1), 1e-30)
    part = np.clip(((centres[:, None] - start) * along).sum(axis=2) / length, 0, 1)
    away = np.linalg.norm(centres[:, None] - start - part[..., None] * along, axis=2).min(axis=1)
    clear = (away > 1e-6).reshape(40, 40)
    np.testing.assert_array_equal(array[clear], expected[clear])


def analytic(grid: Geometry, inside) -> np.ndarray:
    """Voxels whose centre lies in a shape given by a formula of (x, y, z) in mm."""
    return inside(*np.moveaxis(grid.to_patient(np.stack(np.indices(grid.shape), axis=-1)), -1, 0))


def disc(cx: float, cy: float, radius: float):
    return lambda x, y: np.hypot(x - cx, y - cy) <= radius


def slab(low: float, high: float):
    return lambda z: (z >= low) & (z < high)


FINE = Geometry((8, 120, 120), (3.0, 0.9, 0.8), (-3.0, 2.0, 0.0))
ANALYTIC = {
    # name: (contours from `phantoms`, formula); planes at z = 3, 6, 9 stand for 1.5 to 10.5 mm
    "ring by XOR": (
        lambda p, z: [p.circle((45.3, 50.1, z), 25.2), p.circle((45.3, 50.1, z), 12.6)],
        lambda x, y: disc(45.3, 50.1, 25.2)(x, y) & ~disc(45.3, 50.1, 12.6)(x, y),
    ),
    "hole off the centre": (
        lambda p, z: [p.circle((45.3, 50.1, z), 25.2), p.circle((52.0, 47.0, z), 9.4)],
        lambda x, y: disc(45.3, 50.1, 25.2)(x, y) & ~disc(52.0, 47.0, 9.4)(x, y),
    ),
    "nested three deep": (
        lambda p, z: [p.circle((45.3, 50.1, z), r) for r in (30.3, 20.2, 10.1)],
        lambda x, y: (
            disc(45.3, 50.1, 30.3)(x, y)
            & (~disc(45.3, 50.1, 20.2)(x, y) | disc(45.3, 50.1, 10.1)(x, y))
        ),
    ),
    "keyhole": (
        lambda p, z: [_keyhole(p, z)],
        lambda x, y: disc(45.3, 50.1, 25.2)(x, y) & ~disc(45.3, 50.1, 12.6)(x, y),
    ),
    "touching discs": (
        lambda p, z: [p.circle((30.3, 50.1, z), 14.1), p.circle((58.5, 50.1, z), 14.1)],
        lambda x, y: disc(30.3, 50.1, 14.1)(x, y) | disc(58.5, 50.1, 14.1)(x, y),
    ),
    "partly outside the view": (
        lambda p, z: [p.circle((-3.0, 50.1, z), 25.2)],
        lambda x, y: disc(-3.0, 50.1, 25.2)(x, y),
    ),
}


def _keyhole(phantoms, z: float) -> np.ndarray:
    outer = phantoms.circle((45.3, 50.1, z), 25.2, points=360)
    inner = phantoms.circle((45.3, 50.1, z), 12.6, points=360)[::-1]
    return np.concatenate([outer, outer[:1], inner[-1:], inner, outer[:1]])


@pytest.mark.parametrize("turn", [0.0, 25.0], ids=["axial", "oblique"])
@pytest.mark.parametrize("heights", [(0.0, 3.0, 6.0), (4.5, 7.5, 10.5)], ids=["first", "between"])
@pytest.mark.parametrize("name", ANALYTIC)
def test_analytic_masks_have_a_dice_above_099(phantoms, name, heights, turn):
    """Contours on the first slice, half-way between slices, and both turned with their image."""
    draw, formula = ANALYTIC[name]
    contours = [polygon for z in heights for polygon in draw(phantoms, z)]
    flat = analytic(
        FINE, lambda x, y, z: formula(x, y) & slab(heights[0] - 1.5, heights[-1] + 1.5)(z)
    )
    rotation = turned(turn)
    origin = rotation @ np.array(FINE.origin)
    grid = Geometry(FINE.shape, FINE.spacing, tuple(origin), tuple(rotation.ravel()))
    mask = rasterise([polygon @ rotation.T for polygon in contours], grid)
    assert flat.sum() > 3000
    assert dice(mask.array, flat) > 0.99
    assert mask.array.any(axis=(1, 2)).sum() == 3


def test_a_sphere_drawn_on_every_slice_has_a_dice_above_099(phantoms):
    radius, centre = 22.0, np.array([45.3, 50.1, 24.0])
    grid = Geometry((50, 120, 120), (1.0, 0.9, 0.8), (-3.0, 2.0, 0.0))
    heights = np.arange(grid.shape[0], dtype=float)
    contours = [
        phantoms.circle((centre[0], centre[1], z), np.sqrt(radius**2 - (z - centre[2]) ** 2))
        for z in heights
        if abs(z - centre[2]) < radius - 0.05
    ]
    truth = analytic(
        grid,
        lambda x, y, z: (
            (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2 <= radius**2
        ),
    )
    assert dice(rasterise(contours, grid).array, truth) > 0.99
