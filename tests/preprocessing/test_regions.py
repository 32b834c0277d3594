"""Rings, solid part, habitats, labels."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.regions import (
    habitats,
    label_masks,
    peritumoural_ring,
    solid_and_ground_glass,
    union,
)

SHAPE = (40, 60, 60)
GEOMETRY = Geometry(SHAPE, (1.5, 1.0, 1.0))


def ball(radius, geometry=GEOMETRY):
    index = np.moveaxis(np.indices(geometry.shape), 0, -1) * np.array(geometry.spacing)
    centre = (np.array(geometry.shape) - 1) / 2 * np.array(geometry.spacing)
    return Mask(np.linalg.norm(index - centre, axis=-1) <= radius, geometry, "gtv")


def test_ring_of_a_sphere_has_the_volume_of_a_shell():
    ring = peritumoural_ring(ball(12), 5, inner_mm=1)
    shell = 4 / 3 * np.pi * (17**3 - 13**3) / 1000
    # Centres of the region's outermost voxels lie up to a voxel inside the sphere.
    assert ring.volume_ml == pytest.approx(shell, rel=0.06)
    assert not (ring.array & ball(12).array).any()
    assert ring.roi == "gtv_ring_1_5_mm"


def test_ring_distances_are_millimetres_on_thick_slices():
    inside = np.zeros((9, 9, 9), dtype=bool)
    inside[4, 4, 4] = True
    mask = Mask(inside, Geometry((9, 9, 9), (5.0, 1.0, 1.0)), "gtv")
    ring = peritumoural_ring(mask, 2.0)
    # Within 2 mm of one voxel: 4 at 1, 4 at sqrt 2, 4 at 2; the next slice is 5 mm away.
    assert ring.array.sum() == 12
    assert ring.array[4].sum() == 12


def test_rings_tile_the_neighbourhood():
    inner, outer = peritumoural_ring(ball(8), 3), peritumoural_ring(ball(8), 6, inner_mm=3)
    both = peritumoural_ring(ball(8), 6)
    np.testing.assert_array_equal(inner.array ^ outer.array, both.array)


def test_ring_is_clipped_to_the_organ():
    organ = Mask(np.indices(SHAPE)[2] < 30, GEOMETRY, "lung")
    ring = peritumoural_ring(ball(8), 4, within=organ)
    assert ring.array.any()
    assert not ring.array[:, :, 30:].any()


def test_ring_that_leaves_nothing_is_refused():
    elsewhere = Mask(np.indices(SHAPE)[2] < 2, GEOMETRY, "lung")
    with pytest.raises(InputError, match="no voxel lies 0.0 to 4 mm away inside 'lung'"):
        peritumoural_ring(ball(8), 4, within=elsewhere)


@pytest.mark.parametrize(("inner", "outer"), [(3, 3), (-1, 3), (5, 2), (0, float("inf"))])
def test_ring_distances_are_checked(inner, outer):
    with pytest.raises(InputError, match="0 <= inner_mm < outer_mm"):
        peritumoural_ring(ball(4), outer, inner_mm=inner)


def test_solid_and_ground_glass_are_found_to_the_voxel():
    lesion, core = ball(12), ball(6)
    array = np.full(SHAPE, -850.0)
    array[lesion.array] = -600
    array[core.array] = 30
    solid, ground_glass = solid_and_ground_glass(Image(array, GEOMETRY, "HU"), lesion)
    np.testing.assert_array_equal(solid.array, core.array)
    np.testing.assert_array_equal(ground_glass.array, lesion.array & ~core.array)


def test_small_solid_pieces_count_as_ground_glass():
    lesion = ball(12)
    array = np.full(SHAPE, -600.0)
    array[ball(5).array] = 0
    array[20, 30, 40] = 0
    image = Image(array, GEOMETRY, "HU")
    assert solid_and_ground_glass(image, lesion)[0].array[20, 30, 40]
    solid, _ = solid_and_ground_glass(image, lesion, minimum_ml=0.1)
    assert not solid.array[20, 30, 40]
    np.testing.assert_array_equal(solid.array, ball(5).array)


def test_habitats_find_planted_groups_in_order_of_intensity():
    mask = ball(12)
    third = np.indices(SHAPE)[2] // 20
    array = np.choose(third, [100.0, -50.0, 20.0]) + np.random.default_rng(0).normal(0, 2, SHAPE)
    found = habitats(Image(array, GEOMETRY), mask, 3, seed=1)
    for habitat, where in zip(found, (1, 2, 0), strict=True):
        np.testing.assert_array_equal(habitat.array, mask.array & (third == where))
    assert [habitat.roi for habitat in found] == [f"gtv_habitat_{n}" for n in (1, 2, 3)]


def test_habitats_use_every_image_and_ignore_its_scale():
    mask = ball(10)
    left = np.indices(SHAPE)[1] < 30
    noise = np.random.default_rng(0).normal(0, 1, (2, *SHAPE))
    second = Image(np.where(left, 5000.0, -5000.0) + noise[1], GEOMETRY)
    found = habitats([Image(noise[0], GEOMETRY), second], mask, 2)
    halves = {tuple(np.unique(left[habitat.array])) for habitat in found}
    assert halves == {(True,), (False,)}


def test_habitats_are_the_same_every_time():
    image = Image(np.random.default_rng(3).normal(size=SHAPE), GEOMETRY)
    first, again = (habitats(image, ball(6), 4, seed=7) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.array, b.array)


def test_flat_region_has_no_habitats():
    with pytest.raises(InputError, match="fewer than 2 different intensities"):
        habitats(Image(np.zeros(SHAPE), GEOMETRY), ball(5), 2)


def test_image_on_another_grid_is_refused():
    image = Image(np.zeros(SHAPE), Geometry(SHAPE, (1.5, 1.0, 1.1)))
    with pytest.raises(GeometryError, match="corners differ"):
        solid_and_ground_glass(image, ball(5))


def test_labels_become_masks():
    labels = np.zeros(SHAPE, dtype=np.int16)
    labels[5, 5, 5], labels[6, 6, 6:8] = 3, 7
    assert [mask.roi for mask in label_masks(labels, GEOMETRY)] == ["label_3", "label_7"]
    (node,) = label_masks(labels, GEOMETRY, {7: "node"})
    assert node.roi == "node"
    assert node.array.sum() == 2
    assert union(label_masks(labels, GEOMETRY), "all").array.sum() == 3
    with pytest.raises(InputError, match=r"no label 2; it has \[3, 7\]"):
        label_masks(labels, GEOMETRY, {2: "lost"})
