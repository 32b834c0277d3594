from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import GeometryError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing import Resegment, resegment

GRID = Geometry((1, 1, 6))
IMAGE = Image(np.array([[[-10.0, 0.0, 1.0, 2.0, 3.0, 100.0]]]), GRID)
MASK = Mask(np.array([[[False, True, True, True, True, True]]]), GRID)


def kept(**settings: float) -> list[float]:
    return IMAGE.array[resegment(IMAGE, MASK, Resegment(**settings)).array].tolist()


def test_both_ends_of_the_range_stay() -> None:
    assert kept(lower=1.0, upper=3.0) == [1.0, 2.0, 3.0]
    assert kept(lower=2.0) == [2.0, 3.0, 100.0]
    assert kept() == [0.0, 1.0, 2.0, 3.0, 100.0]


def test_outliers_are_counted_in_population_standard_deviations() -> None:
    # 0, 1, 2, 3, 100: mean 21.2, population sd 39.41; mean + 2 sd = 100.02, with N - 1 it is 109.3.
    assert kept(outlier_sigma=2.0) == [0.0, 1.0, 2.0, 3.0, 100.0]
    assert kept(outlier_sigma=1.99) == [0.0, 1.0, 2.0, 3.0]


def test_range_and_outliers_meet_with_moments_of_the_whole_region() -> None:
    assert kept(lower=1.0, outlier_sigma=1.99) == [1.0, 2.0, 3.0]


def test_a_mask_on_another_grid_is_refused() -> None:
    moved = Mask(MASK.array, Geometry((1, 1, 6), origin=(1.0, 0.0, 0.0)))
    with pytest.raises(GeometryError, match="1 mm"):
        resegment(IMAGE, moved, Resegment(lower=0.0))


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ParameterError, match="lower must be below upper"):
        Resegment(lower=3.0, upper=3.0)
    with pytest.raises(ParameterError, match="above 0"):
        Resegment(outlier_sigma=0.0)
