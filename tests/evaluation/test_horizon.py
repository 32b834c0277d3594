import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import (
    auc,
    auc_at,
    brier_at,
    calibration_groups,
    compare_at,
    decision_curve,
    event_by,
    integrated_brier,
    ipa_at,
    observed_over_expected,
    smooth_calibration,
)


@pytest.fixture
def followed(small):
    """Nobody is censored, so that weights are 1."""
    y, risk = small
    return y.assign(event=True), risk


def test_without_censoring_the_auc_is_the_plain_one(followed):
    y, risk = followed
    plain = auc((y["duration"] <= 10).to_numpy(), risk)
    assert auc_at(y, risk, 10).value == pytest.approx(plain.value, abs=1e-14)


def test_without_censoring_the_brier_score_is_the_plain_one(followed):
    y, risk = followed
    p = 1 / (1 + np.exp(-0.3 * (risk - 6)))
    plain = ((y["duration"] <= 10) - p) ** 2
    assert brier_at(y, p, 10).value == pytest.approx(plain.mean(), abs=1e-14)


def test_the_influence_includes_the_censoring_curve(small):
    # The standard error is near that of the jackknife, which re-estimates the weights each time.
    y, risk = small
    for measure in (auc_at, lambda *a: brier_at(a[0], a[1] / 12, a[2])):
        left_out = [
            measure(y.drop(index=i), np.delete(risk, i), 10).value for i in range(len(risk))
        ]
        jackknife = np.sqrt((59 / 60) * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
        assert measure(y, risk, 10).se == pytest.approx(jackknife, rel=0.05)


def test_the_null_model_has_no_accuracy(small):
    from radtool.evaluation import kaplan_meier

    y, _ = small
    p = 1 - kaplan_meier(y).at([10])["survival"].iloc[0]
    assert ipa_at(y, np.full(60, p), 10).value == pytest.approx(0, abs=1e-12)
    assert observed_over_expected(y, np.full(60, p), 10).value == pytest.approx(1, abs=1e-12)


def test_a_prediction_compared_with_itself(small):
    y, risk = small
    table = compare_at(y, risk / 12, risk / 12, 10)
    assert table["difference"].tolist() == [0, 0]
    assert table["se"].tolist() == [0, 0]


def test_integrated_brier_of_two_times_is_their_mean(small):
    y, risk = small
    frame = pd.DataFrame({5.0: risk / 24, 10.0: risk / 12})
    parts = [brier_at(y, risk / 24, 5).value, brier_at(y, risk / 12, 10).value]
    assert integrated_brier(y, frame) == pytest.approx(np.mean(parts))


def test_early_censoring_gives_no_label():
    y = pd.DataFrame({"event": [1, 0, 0, 1], "duration": [1.0, 2.0, 5.0, 9.0]})
    assert event_by(y, 5).isna().tolist() == [False, True, True, False]
    assert event_by(y, 4.9).tolist()[2] == 0.0


@pytest.mark.parametrize(("time", "words"), [(0.1, "has an event by"), (1e6, "followed beyond")])
def test_an_empty_side_is_refused(small, time, words):
    with pytest.raises(InputError, match=words):
        auc_at(*small, time)


def test_probabilities_are_checked(small):
    y, risk = small
    with pytest.raises(InputError, match="between 0 and 1"):
        brier_at(y, risk, 10)


@pytest.mark.parametrize("score", ["mayoscore4", "mayoscore5"])
def test_mayo_scores_of_r(score, inputs, expected):
    frame, r = inputs("survivalroc_mayo"), expected("survivalroc_mayo")
    y = pd.DataFrame({"event": frame["censor"] == 1, "duration": frame["time"].astype(float)})
    found = auc_at(y, frame[score].to_numpy(), r["predict_time"])
    assert found.value == pytest.approx(r[score]["ipcw"], abs=1e-12)
    assert found.se == pytest.approx(r[score]["ipcw_se"], abs=2e-9)


@pytest.fixture
def bilirubin(inputs):
    frame = inputs("timeroc_pbc_bili")
    y = pd.DataFrame({"event": frame["death"] == 1, "duration": frame["time"].astype(float)})
    return y, frame


@pytest.mark.parametrize(
    ("share", "percent", "se"),
    [(0.2, 83.96, 2.91), (0.3, 85.66, 2.56), (0.5, 88.03, 2.25), (0.7, 83.41, 3.17),
     (0.8, 80.79, 3.48)],
)  # fmt: skip
def test_bilirubin_as_the_help_page_of_timeroc_prints_it(share, percent, se, bilirubin):
    y, frame = bilirubin
    found = auc_at(y, frame["bili"], float(y["duration"].quantile(share)))
    assert [100 * found.value, 100 * found.se] == pytest.approx([percent, se], abs=0.005)


@pytest.mark.parametrize("time", [365.0, 999.2, 1827.0, 3039.0])
@pytest.mark.parametrize(("column", "sign"), [("bili", 1), ("albumin", -1)])
def test_pairs_weighted_one_by_one(time, column, sign, bilirubin):
    from lifelines import KaplanMeierFitter

    y, frame = bilirubin
    days, died = y["duration"].to_numpy(), y["event"].to_numpy()
    marker = sign * frame[column].to_numpy()
    # Blanche 2013: cases weigh 1 / G(T-), controls 1 / G(t), G the survival of being uncensored. A
    # death counts before a censoring of the same day, so G's clock of the dead is half a day early.
    free = KaplanMeierFitter().fit(days - 0.5 * died, ~died).survival_function_at_times
    of_cases, of_controls = 1 / free(days - 0.25).to_numpy(), 1 / free(time).iloc[0]
    won = total = 0.0
    for i in np.flatnonzero(died & (days <= time)):
        for j in np.flatnonzero(days > time):
            weight = of_cases[i] * of_controls
            total += weight
            won += weight * ((marker[i] > marker[j]) + 0.5 * (marker[i] == marker[j]))
    assert auc_at(y, marker, time).value == pytest.approx(won / total, abs=1e-12)


def test_nothing_is_said_beyond_the_last_follow_up():
    y = pd.DataFrame({"event": [1, 0, 1, 0], "duration": [1.0, 2.0, 3.0, 4.0]})
    p = np.array([0.5, 0.4, 0.3, 0.2])
    for measure in (
        lambda time: observed_over_expected(y, p, time),
        lambda time: smooth_calibration(y, p, time),
        lambda time: calibration_groups(y, p, time, groups=2),
        lambda time: decision_curve(y, {"m": p}, time=time),
    ):
        with pytest.raises(InputError, match="nobody is followed to time 5; the last follow-up is"):
            measure(5.0)
    # When everybody left has the event, what comes after is known.
    ended = y.assign(event=[1, 0, 1, 1])
    assert observed_over_expected(ended, p, 5.0).value == pytest.approx(1 / p.mean())


def test_a_group_that_is_not_followed_to_the_horizon_has_no_point():
    y = pd.DataFrame({"event": [1, 0, 1, 0, 1, 0], "duration": [1.0, 2, 2, 9, 9, 9]})
    table = calibration_groups(y, np.array([0.1, 0.1, 0.1, 0.9, 0.9, 0.9]), 8.0, groups=2)
    # The lower group's last one of three had the event at 2 beside a censored one.
    assert table["predicted"].tolist() == pytest.approx([0.9])


@pytest.mark.parametrize("measure", [auc_at, brier_at, ipa_at, observed_over_expected])
def test_predictions_of_cases_in_another_order_are_refused(measure, small):
    y, risk = small
    p = pd.Series(risk / 12, index=y.index)
    assert measure(y, p, 10.0).n == 60
    with pytest.raises(InputError, match="not of the same cases in the same order"):
        measure(y, p[::-1], 10.0)
