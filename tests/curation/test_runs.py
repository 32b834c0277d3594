"""Run lengths written by hand, and hashes that change with what they stand for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from radtool.curation.runs import decode_runs, encode_runs, grid_hash, mask_hash
from radtool.errors import InputError
from radtool.image import Geometry, Mask

HAND = {
    # Two slices of 2 × 3, read row by row and on through the slices.
    (6, 3, 3): "000 000 111 000",
    (0, 1, 4, 3, 1, 2, 1): "100 001 110 110",
    (12,): "000 000 000 000",
    (0, 12): "111 111 111 111",
    (1,) * 12: "010 101 010 101",
}


def of_text(words: str) -> np.ndarray:
    return np.array([digit == "1" for digit in words.replace(" ", "")]).reshape(2, 2, 3)


@pytest.mark.parametrize("runs", HAND)
def test_runs_by_hand(runs):
    inside = of_text(HAND[runs])
    assert encode_runs(inside) == list(runs)
    np.testing.assert_array_equal(decode_runs(runs, (2, 2, 3)), inside)


@settings(deadline=None, max_examples=50)
@given(arrays(bool, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.booleans()))
def test_decoding_undoes_encoding(inside):
    np.testing.assert_array_equal(decode_runs(encode_runs(inside), inside.shape), inside)


def test_runs_may_be_empty_in_between():
    # A pen that changes its mind: 2 outside, 0 inside, 1 outside, 3 inside.
    np.testing.assert_array_equal(decode_runs([2, 0, 1, 3], (6,)), [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("runs", "words"),
    [([5, -1, 2], "whole numbers"), ([2.0, 4], "whole numbers"), ([True, 5], "whole numbers"),
     (["6"], "whole numbers"), ([3, 4], "add up to 7"), ([], "add up to 0")],
)  # fmt: skip
def test_other_runs_are_refused(runs, words):
    with pytest.raises(InputError, match=words):
        decode_runs(runs, (6,))


def test_a_hash_knows_one_voxel_and_a_hundredth_of_a_millimetre():
    grid = Geometry((2, 3, 4), (3.0, 1.0, 1.0), (-10.0, 5.0, 0.0))
    inside = np.zeros(grid.shape, dtype=bool)
    inside[1, 1, 1] = True
    other = inside.copy()
    other[0, 0, 0] = True
    one = mask_hash(Mask(inside, grid, "GTV"))
    assert one == mask_hash(Mask(inside.copy(), grid, "another name"))
    assert one != mask_hash(Mask(other, grid, "GTV"))
    flat = Geometry((2, 4, 3), grid.spacing, grid.origin)
    assert one != mask_hash(Mask(inside.reshape(flat.shape), flat))
    same = Geometry(grid.shape, grid.spacing, (-10.0, 5.0, -1e-9))
    moved = Geometry(grid.shape, grid.spacing, (-10.01, 5.0, 0.0))
    assert grid_hash(grid) == grid_hash(same) != grid_hash(moved)
