from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import InputError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing import Discretise, discretise, discretise_values


def size(width: float, lower: float | None = None) -> Discretise:
    return Discretise(method="fixed_bin_size", bin_width=width, lower=lower)


def number(n: int) -> Discretise:
    return Discretise(method="fixed_bin_number", bin_number=n)


def test_fixed_bin_size_starts_at_the_re_segmentation_limit() -> None:
    values = np.array([-500.0, -476.0, -475.0, 0.0, 400.0])
    # floor((x + 500) / 25) + 1
    assert discretise_values(values, size(25.0), lower=-500.0).tolist() == [1, 1, 2, 21, 37]
    assert discretise_values(values, size(25.0, -600.0), lower=-500.0).tolist()[0] == 5
    assert discretise_values(values + 3, size(25.0)).tolist() == [1, 1, 2, 21, 37]


def test_fixed_bin_number_puts_the_maximum_in_the_last_bin() -> None:
    values = np.array([0.0, 0.9, 1.0, 2.5, 4.0])
    assert discretise_values(values, number(4)).tolist() == [1, 1, 2, 3, 4]
    assert discretise_values(np.full(3, 7.0), number(4)).tolist() == [1, 1, 1]


def test_levels_as_they_are() -> None:
    assert discretise_values(np.array([1.0, 6.0]), Discretise()).tolist() == [1, 6]
    with pytest.raises(InputError, match="not grey levels"):
        discretise_values(np.array([0.0, 6.0]), Discretise())
    with pytest.raises(InputError, match="not grey levels"):
        discretise_values(np.array([1.5, 6.0]), Discretise())


def test_an_intensity_below_the_first_bin_is_refused() -> None:
    with pytest.raises(InputError, match=r"-20 lies below the first bin, which starts at 0"):
        discretise_values(np.array([-20.0, 6.0]), size(5.0), lower=0.0)


def test_the_volume_is_zero_outside_the_region() -> None:
    grid = Geometry((1, 2, 2))
    image = Image(np.array([[[0.0, 10.0], [20.0, 30.0]]]), grid)
    mask = Mask(np.array([[[True, False], [True, True]]]), grid)
    levels = discretise(image, mask, size(10.0))
    assert levels.dtype == np.int32
    assert levels.tolist() == [[[1, 0], [3, 4]]]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "fixedbinsize"}, "did you mean 'fixed_bin_size'"),
        ({"method": "fixed_bin_size"}, "needs bin_width"),
        ({"method": "fixed_bin_size", "bin_width": 0.0}, "above 0"),
        ({"method": "fixed_bin_number", "bin_width": 25.0, "bin_number": 8}, "no use for bin_w"),
        ({"method": "fixed_bin_number", "bin_number": 1}, "whole number from 2"),
        ({"method": "none", "lower": 0.0}, "no use for lower"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Discretise(**settings)
