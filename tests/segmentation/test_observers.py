"""Agreement and consensus of several readers."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError, ParameterError
from radtool.image import Geometry, Mask
from radtool.segmentation.metrics import compare_masks
from radtool.segmentation.observers import (
    majority_vote,
    observer_agreement,
    observer_tolerance,
    staple,
)


def box(start, stop, spacing=(1.0, 1.0, 1.0)) -> Mask:
    array = np.zeros((12, 14, 16), dtype=bool)
    array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return Mask(array, Geometry(array.shape, spacing), "GTV")


def test_agreement_has_one_row_a_pair_with_the_first_reader_as_reference():
    readers = {
        "a": box((2, 2, 2), (8, 8, 8)),
        "b": box((2, 2, 3), (8, 8, 9)),
        "c": box((2, 2, 2), (8, 8, 10)),
    }
    table = observer_agreement(readers)
    assert list(zip(table.reader_a, table.reader_b, strict=True)) == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    assert table.dsc[0] == compare_masks(readers["a"], readers["b"]).dsc
    assert table.recall[1] == 1.0
    assert table.precision[1] == 0.75


def test_tolerance_of_two_thick_plates_is_their_offset():
    # Plates through the whole grid: their faces are 2 voxels of 1.5 mm apart, their rims shared.
    a, b = (
        box((0, 0, 3), (12, 14, 9), (1.0, 1.0, 1.5)),
        box((0, 0, 5), (12, 14, 11), (1.0, 1.0, 1.5)),
    )
    assert observer_tolerance([a, b], quantile=1.0) == 3.0


def test_tolerance_of_readers_who_agree_is_zero():
    a = box((2, 2, 2), (8, 8, 8))
    assert observer_tolerance([a, a, a]) == 0.0


def test_tolerance_is_the_distance_where_the_surface_dsc_reaches_the_quantile():
    a, b = box((2, 2, 2), (8, 8, 8)), box((3, 2, 2), (10, 9, 8))
    tolerance = observer_tolerance([a, b], quantile=0.8)
    assert compare_masks(a, b, tolerance_mm=tolerance).surface_dsc >= 0.8
    assert compare_masks(a, b, tolerance_mm=tolerance - 1e-6).surface_dsc < 0.8


def test_majority_needs_more_than_half():
    a, b, c = box((2, 2, 2), (8, 8, 8)), box((2, 2, 4), (8, 8, 10)), box((2, 2, 4), (8, 8, 9))
    np.testing.assert_array_equal(majority_vote([a, b, c]).array, box((2, 2, 4), (8, 8, 9)).array)
    np.testing.assert_array_equal(majority_vote([a, b]).array, a.array & b.array)


def test_staple_keeps_what_readers_agree_on_and_drops_an_outlier():
    good = box((3, 3, 3), (9, 9, 9))
    outlier = box((1, 1, 1), (3, 3, 14))
    found = staple([good, good, good, outlier])
    np.testing.assert_array_equal(found.array, good.array)
    assert (found.origin, found.roi) == ("STAPLE", "GTV")


def test_staple_does_not_depend_on_the_empty_rest_of_the_scan():
    readers = [box((3, 3, 3), (9, 9, 9)), box((3, 3, 4), (9, 9, 10)), box((4, 3, 3), (10, 9, 9))]
    wide = [Mask(np.pad(m.array, 9), Geometry(np.pad(m.array, 9).shape)) for m in readers]
    np.testing.assert_array_equal(staple(wide).array[9:-9, 9:-9, 9:-9], staple(readers).array)


def test_staple_of_empty_masks_is_empty():
    empty = box((0, 0, 0), (0, 0, 0))
    assert staple([empty, empty]).is_empty


def test_one_reader_is_refused():
    with pytest.raises(InputError, match="two or more readers, got 1"):
        majority_vote([box((2, 2, 2), (4, 4, 4))])


def test_readers_on_two_grids_are_refused():
    with pytest.raises(GeometryError, match="not on one grid"):
        observer_agreement(
            {"a": box((2, 2, 2), (4, 4, 4)), "b": box((2, 2, 2), (4, 4, 4), (2, 1, 1))}
        )


def test_an_empty_reader_has_no_tolerance():
    with pytest.raises(InputError, match=r"masks \[1\] are empty"):
        observer_tolerance([box((2, 2, 2), (4, 4, 4)), box((0, 0, 0), (0, 0, 0))])


def test_quantile_out_of_range_is_refused():
    with pytest.raises(ParameterError, match="quantile"):
        observer_tolerance([box((2, 2, 2), (4, 4, 4))] * 2, quantile=95)
