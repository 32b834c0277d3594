"""What is refused before a network sees it."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import InputError
from radtool.image import Geometry, Image
from radtool.segmentation.checks import check_ct


def ct(shape=(40, 50, 60), spacing=(2.0, 2.0, 2.0)) -> np.ndarray:
    array = np.full(shape, -900.0)
    array[:, shape[1] // 2 :] = 40.0
    return array


def image(array, spacing=(2.0, 2.0, 2.0), unit="HU") -> Image:
    return Image(array, Geometry(array.shape, spacing), unit)


def test_ct_of_unknown_unit_with_values_like_hu_is_taken():
    check_ct(image(ct(), unit="a.u."))


def test_a_small_nodule_in_lung_alone_is_enough_soft_tissue():
    array = np.full((46, 46, 46), -850.0)
    array[20:24, 20:24, 20:24] = 30  # 0.5 mL of 780 mL
    check_ct(image(array))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: (a + 1024) / 12, "rescale slope"),  # uint8 coding read without its slope
        (lambda a: a + 1024, "rescale slope"),
        (lambda a: a / 1000, "rescale slope"),
        (lambda a: np.where(a > 0, np.nan, a), "NaN"),
        (lambda a: np.where(a > 0, 9e4, a), "no HU"),
        (lambda a: a - 4000, "no soft tissue"),
    ],
)
def test_values_that_are_not_hu_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        check_ct(image(change(ct())))


def test_pet_is_refused():
    with pytest.raises(InputError, match="SUVbw"):
        check_ct(image(ct(), unit="SUVbw"))


@pytest.mark.parametrize(
    ("shape", "spacing", "words"),
    [
        ((1, 50, 60), (2, 2, 2), "2D image"),
        ((10, 50, 60), (2, 2, 2), "field of view"),
        ((40, 50, 60), (10, 2, 2), "at most 6 mm"),
        ((40, 50, 60), (2, 5, 5), "at most 4 mm wide"),
    ],
)
def test_grids_too_small_or_coarse_are_refused(shape, spacing, words):
    with pytest.raises(InputError, match=words):
        check_ct(image(ct(shape), spacing))
