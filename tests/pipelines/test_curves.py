from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.pipelines.curves import kaplan_meier_record, roc_record, time_grid


def outcome() -> tuple[pd.DataFrame, pd.Series]:
    y = pd.DataFrame(
        {"event": [True, True, False, True, False, True], "duration": [1.0, 2, 3, 4, 5, 6]},
        index=list("abcdef"),
    )
    return y, pd.Series(["high", "high", "high", "low", "low", "low"], index=y.index)


def test_groups_are_ordered_low_to_high_with_numbers_at_risk() -> None:
    y, groups = outcome()
    made = kaplan_meier_record(
        y,
        groups,
        labels=("low", "high"),
        names=("all", "dev", "apparent"),
        cut="median of training",
    )
    low, high = made.groups
    assert (low.label, high.label) == ("low", "high")
    # high: deaths at 1 and 2 of 3 -> 2/3, 1/3; censored at 3
    np.testing.assert_allclose(high.survival, [2 / 3, 1 / 3])
    assert high.censor_times == (3.0,)
    assert made.grid == (0.0, 2.0, 4.0, 6.0)
    assert high.at_risk == (3, 2, 0, 0)
    assert low.at_risk == (3, 3, 3, 1)
    assert high.median == pytest.approx(2.0)


def test_log_rank_is_the_hand_worked_one() -> None:
    # times 1, 2 (high dies), 4, 6 (low dies). Expected in high: 3/6 + 2/5 + 0 + 0 = 0.9;
    # variance: 3*3/36 + 2*3/25 = 0.25 + 0.24 = 0.49; chi2 = (2 - 0.9)^2 / 0.49 = 2.469388
    y, groups = outcome()
    made = kaplan_meier_record(
        y, groups, labels=("low", "high"), names=("m", "c", "external"), cut=""
    )
    assert made.log_rank_chi2 == pytest.approx(1.21 / 0.49)


def test_one_group_has_no_test() -> None:
    y, _ = outcome()
    groups = pd.Series("low", index=y.index)
    made = kaplan_meier_record(
        y, groups, labels=("low", "high"), names=("m", "c", "external"), cut=""
    )
    assert made.log_rank_p is None
    assert len(made.groups) == 1


def test_predicted_survival_is_the_mean_of_the_group() -> None:
    y, groups = outcome()

    def predict(index: pd.Index, times: np.ndarray) -> pd.DataFrame:
        rates = pd.Series([0.1, 0.2, 0.3, 1.0, 1.0, 1.0], index=y.index)[index]
        return pd.DataFrame(np.exp(-np.outer(rates, times)), index=index)

    made = kaplan_meier_record(
        y, groups, labels=("low", "high"), names=("m", "c", "external"), cut="", predict=predict
    )
    last = made.groups[1].predicted_times[-1]
    assert last == 3.0
    expected = np.exp(-np.array([0.1, 0.2, 0.3]) * last).mean()
    assert made.groups[1].predicted[-1] == pytest.approx(expected)


def test_roc_runs_from_corner_to_corner() -> None:
    y = pd.Series([False, False, True, True])
    made = roc_record(y, pd.Series([0.1, 0.4, 0.35, 0.8]), names=("m", "c", "external"))
    assert made.auc == 0.75
    assert (made.false_positive_rate[0], made.true_positive_rate[0]) == (0.0, 0.0)
    assert (made.false_positive_rate[-1], made.true_positive_rate[-1]) == (1.0, 1.0)


@pytest.mark.parametrize("last", [0.3, 7.0, 59.9, 1000.0, 5000.0])
def test_grid_stays_inside_the_follow_up(last: float) -> None:
    grid = time_grid(last)
    assert grid[0] == 0.0
    assert grid[-1] <= last
    assert 2 <= len(grid) <= 7
