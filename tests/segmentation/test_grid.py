"""The working grid and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.image import Geometry, Image, Mask
from radtool.segmentation.grid import to_input_grid, to_working_grid, working_fraction


def test_one_millimetre_voxels_are_averaged_in_blocks():
    array = np.arange(4 * 6 * 8, dtype=np.float32).reshape(4, 6, 8)
    working = to_working_grid(Image(array, Geometry(array.shape, origin=(10, 20, 30))))
    expected = array.reshape(2, 2, 3, 2, 4, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(working.array, expected, rtol=1e-6)
    assert working.geometry == Geometry((2, 3, 4), (2, 2, 2), (10.5, 20.5, 30.5))


def test_mask_fraction_is_the_covered_part_of_a_voxel():
    array = np.zeros((2, 2, 4), dtype=bool)
    array[0, :, :2] = array[:, :, 2:] = True
    np.testing.assert_allclose(working_fraction(Mask(array, Geometry(array.shape))), [[[0.5, 1.0]]])


@pytest.mark.parametrize(
    "direction",
    [(1, 0, 0, 0, 1, 0, 0, 0, 1), (-1, 0, 0, 0, -1, 0, 0, 0, 1), (0, 0, 1, 1, 0, 0, 0, 1, 0)],
)
def test_a_linear_field_survives_any_orientation_and_spacing(direction):
    geometry = Geometry((20, 24, 28), (2.7, 1.3, 0.8), (5, -7, 3), direction)
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1)
    weights = np.array([0.5, -1.0, 0.25])
    field = (geometry.to_patient(index) @ weights).astype(np.float32)
    working = to_working_grid(Image(field, geometry))
    index = np.stack(np.meshgrid(*map(np.arange, working.geometry.shape), indexing="ij"), axis=-1)
    expected = working.geometry.to_patient(index) @ weights
    np.testing.assert_allclose(working.array, expected, atol=1e-3)
    back = to_input_grid(working.array, working.geometry, geometry)
    inner = (slice(3, -3),) * 3
    np.testing.assert_allclose(back[inner], field[inner], atol=1e-3)


def test_outside_the_working_grid_is_zero():
    working = Geometry((4, 4, 4), (2, 2, 2))
    target = Geometry((4, 4, 4), (2, 2, 2), origin=(100, 0, 0))
    assert not to_input_grid(np.ones((4, 4, 4)), working, target).any()
