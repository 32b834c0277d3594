"""The t-test with its checks, against scipy and arithmetic."""

import numpy as np
import pytest
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation import compare_means

RNG = np.random.default_rng(1)
NARROW, WIDE = RNG.normal(0, 1, 40), RNG.normal(0.5, 3, 30)


def test_equal_variances_give_students_test():
    other = NARROW[:35] + 0.3
    row = compare_means(NARROW, other).iloc[0]
    assert row["test"] == "Student"
    assert row["p"] == pytest.approx(stats.ttest_ind(NARROW, other).pvalue, abs=1e-15)
    assert row["shapiro_p_a"] == stats.shapiro(NARROW).pvalue
    assert row["difference"] == pytest.approx(other.mean() - NARROW.mean())


def test_unequal_variances_give_welchs_test():
    row = compare_means(NARROW, WIDE).iloc[0]
    assert row["test"] == "Welch"
    assert not row["equal_variances"]
    expected = stats.ttest_ind(NARROW, WIDE, equal_var=False)
    assert row["p"] == pytest.approx(expected.pvalue, abs=1e-15)
    assert row["df"] == pytest.approx(expected.df)


def test_variance_ratio_by_hand():
    # Variances 1 and 4 of five values each: F = 4 with 4 and 4 degrees of freedom has the upper
    # tail 1 - I_{0.8}(2, 2) = 1 - 0.8²·(3 - 1.6) = 0.104, twice that is 0.208.
    a = np.array([-2.0, -1, 0, 1, 2]) / np.sqrt(2.5)
    row = compare_means(a, 2 * a).iloc[0]
    assert row["f_p"] == pytest.approx(0.208, abs=1e-12)


def test_skewed_values_are_said_and_gaps_left_out():
    skewed = np.append(np.exp(2 * RNG.normal(size=60)), np.nan)
    row = compare_means(skewed, skewed + 1).iloc[0]
    assert not row["normal"]
    assert row["mean_a"] == pytest.approx(np.nanmean(skewed))


@pytest.mark.parametrize(
    ("a", "words"), [([1.0, np.nan, 2.0], "at least 3 values"), ([1.0, 1, 1], "constant")]
)
def test_too_little_is_refused(a, words):
    with pytest.raises(InputError, match=words):
        compare_means(np.array(a), NARROW)
