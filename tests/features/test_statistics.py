from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radtool.features import catalogue
from radtool.features.emphasis import emphasis_features
from radtool.features.glcm import FEATURES, cooccurrence_features
from radtool.features.histogram import histogram_features
from radtool.features.levels import Levels
from radtool.features.neighbourhoods import neighbourhood_features
from radtool.features.statistics import percentiles, statistics


@pytest.mark.parametrize("size", [2, 9, 1000])
def test_statistics_are_those_of_numpy_and_scipy(size: int) -> None:
    values = np.random.default_rng(size).gamma(2.0, 30.0, size) - 20
    found = statistics(values)
    np.testing.assert_allclose(found["variance"], np.var(values))
    np.testing.assert_allclose(found["skewness"], stats.skew(values), atol=1e-12)
    np.testing.assert_allclose(found["kurtosis"], stats.kurtosis(values), atol=1e-12)
    np.testing.assert_allclose(found["interquartile_range"], stats.iqr(values))
    np.testing.assert_allclose(found["root_mean_square"], np.sqrt(np.mean(values**2)))
    for percent, name in ((10, "p10"), (50, "median"), (90, "p90")):
        np.testing.assert_allclose(found[name], np.percentile(values, percent))


def test_percentiles_of_one_value_are_that_value() -> None:
    assert percentiles(np.array([4.0]), (0, 10, 100)) == [4.0, 4.0, 4.0]


def test_a_region_without_spread_has_no_shape() -> None:
    found = statistics(np.full(7, 0.1))
    assert found["variance"] == found["skewness"] == found["kurtosis"] == 0.0
    assert np.isnan(statistics(np.zeros(3))["coefficient_of_variation"])


def test_histogram_gradients_include_empty_levels() -> None:
    # Counts 4, 0, 0, 2: slopes -4, -2, 1, 2.
    found = histogram_features(np.array([1, 1, 1, 1, 4, 4]))
    assert (found["maximum_gradient"], found["maximum_gradient_level"]) == (2.0, 4.0)
    assert (found["minimum_gradient"], found["minimum_gradient_level"]) == (-4.0, 1.0)
    assert found["mode"] == 1.0
    assert np.isnan(histogram_features(np.array([1, 1]))["maximum_gradient"])


def test_the_mode_nearest_the_mean_counts() -> None:
    assert histogram_features(np.array([1, 1, 5, 5, 4]))["mode"] == 5.0


def test_emphasis_by_hand() -> None:
    # Level 1: two runs of 1; level 2: one run of 3. Five voxels.
    levels, sizes, counts = np.array([1, 2]), np.array([1, 3]), np.array([2, 1])
    found = emphasis_features(levels, sizes, counts, 5.0)
    expected = [
        (2 + 1 / 9) / 3, (2 + 9) / 3, (2 + 1 / 4) / 3, (2 + 4) / 3,
        (2 + 1 / 36) / 3, (2 + 4 / 9) / 3, (2 + 9 / 4) / 3, (2 + 36) / 3,
        5 / 3, 5 / 9, 5 / 3, 5 / 9, 3 / 5, 2 / 9, 8 / 9,
        -(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3)),
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected)


def test_an_empty_matrix_has_no_emphasis() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert np.isnan(emphasis_features(nothing, nothing, nothing, 5.0)).all()


def test_cooccurrence_of_two_levels_by_hand() -> None:
    # P = [[1/2, 1/8], [1/8, 1/4]]: p(1) = 5/8, p(2) = 3/8, mean 11/8, variance 15/64.
    p = np.array([[[0.5, 0.125], [0.125, 0.25]]])
    found = dict(zip([f.name for f in FEATURES], cooccurrence_features(p)[:, 0], strict=True))
    np.testing.assert_allclose(found["joint_average"], 11 / 8)
    np.testing.assert_allclose(found["joint_variance"], 15 / 64)
    np.testing.assert_allclose(found["contrast"], 1 / 4)
    np.testing.assert_allclose(found["inverse_variance"], 1 / 4)
    np.testing.assert_allclose(found["autocorrelation"], 0.5 + 2 * 2 / 8 + 4 / 4)
    np.testing.assert_allclose(found["correlation"], (2 - (11 / 8) ** 2) / (15 / 64))
    np.testing.assert_allclose(found["cluster_tendency"], found["sum_variance"])


def test_a_flat_region_is_infinitely_coarse_by_convention() -> None:
    tones, _ = neighbourhood_features(Levels(np.ones((3, 3, 3), dtype=np.int32)), "3d")
    assert tones["coarseness"] == 1e6
    assert tones["contrast"] == tones["busyness"] == tones["strength"] == 0.0


def test_the_catalogue_names_every_feature_once() -> None:
    table = catalogue()
    ibsi = table[table["convention"] == "ibsi"]
    assert not table.duplicated(["convention", "family", "name", "aggregation"]).any()
    assert ibsi.drop_duplicates(["family", "name"])["code"].is_unique
    by_family = ibsi.drop_duplicates(["family", "name"]).groupby("family", sort=False).size()
    expected = {"morph": 29, "loc": 2, "stat": 18, "ih": 23, "ivh": 7, "glcm": 25, "glrlm": 16,
                "glszm": 16, "gldzm": 16, "ngtdm": 5, "ngldm": 17}  # fmt: skip
    pd.testing.assert_series_equal(by_family, pd.Series(expected), check_names=False)
