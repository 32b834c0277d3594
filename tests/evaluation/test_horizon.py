import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import (
    auc,
    auc_at,
    brier_at,
    compare_at,
    event_by,
    integrated_brier,
    ipa_at,
    observed_over_expected,
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
