"""Marker measures on resampled patients: scikit-learn's numbers, and our own slow loop."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from radtool.errors import InputError
from radtool.evaluation import (
    auc,
    bootstrap_auc_difference,
    bootstrap_interval,
    bootstrap_marker,
    compare_auc,
    youden_threshold,
)


@pytest.fixture(scope="module")
def lesions():
    rng = np.random.default_rng(0)
    patients = pd.Series(np.sort(rng.integers(0, 60, 200)).astype(str))
    y = pd.Series(rng.random(200) < 0.2)
    score = pd.Series(np.round(rng.normal(size=200) + y, 1))  # one decimal: many ties
    return y, score, patients


@pytest.fixture(scope="module")
def found(lesions):
    return bootstrap_marker(*lesions, threshold=0.5, n=300, seed=4).set_index("measure")


def test_values_are_those_of_scikit_learn(lesions, found):
    y, score, _ = lesions
    called = score >= 0.5
    expected = {
        "auc": metrics.roc_auc_score(y, score),
        "average_precision": metrics.average_precision_score(y, score),
        "sensitivity": metrics.recall_score(y, called),
        "specificity": metrics.recall_score(~y, ~called),
        "ppv": metrics.precision_score(y, called),
        "npv": metrics.precision_score(~y, ~called),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, called),
        "f1": metrics.f1_score(y, called),
    }
    assert found["value"].to_dict() == pytest.approx(expected, abs=1e-12)


def test_intervals_are_those_of_the_plain_loop(lesions, found):
    y, score, patients = lesions
    loops = {
        "auc": lambda rows: auc(y.iloc[rows].to_numpy(), score.iloc[rows].to_numpy()).value,
        "f1": lambda rows: metrics.f1_score(y.iloc[rows], score.iloc[rows] >= 0.5),
    }
    for name, measure in loops.items():
        slow = bootstrap_interval(measure, patients, n=300, seed=4)
        fast = (found.loc[name, "lower"], found.loc[name, "upper"])
        assert fast == pytest.approx((slow.lower, slow.upper), abs=1e-12)


def test_intervals_widen_when_the_cases_of_a_patient_are_copies(lesions):
    y, score, _ = lesions
    copied = [pd.concat([part] * 4, ignore_index=True) for part in (y, score)]
    apart = bootstrap_marker(*copied, n=300)
    together = bootstrap_marker(*copied, np.tile(np.arange(200), 4), n=300)
    width = [(one["upper"] - one["lower"]).iloc[0] for one in (apart, together)]
    assert width[1] > 1.7 * width[0]  # four copies: twice as wide


def test_a_cut_off_chosen_on_these_cases_is_refused(lesions):
    y, score, patients = lesions
    with pytest.raises(InputError, match="was chosen on 200 of these cases"):
        bootstrap_marker(y, score, patients, threshold=youden_threshold(y, score), n=10)


def test_too_few_events_are_said():
    y = pd.Series([True] + [False] * 3)
    people = ["only", "rest", "rest", "rest"]
    found = bootstrap_marker(y, pd.Series([4.0, 1, 2, 3]), people, n=20)
    assert found["value"].tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="same marker value"):
        bootstrap_marker(pd.Series([True, True]), pd.Series([1.0, 2.0]), n=5)


def test_a_difference_of_two_scores_is_paired(lesions):
    y, score, patients = lesions
    other = pd.Series(np.random.default_rng(1).normal(size=200)) + 0.5 * score
    found = bootstrap_auc_difference(y, other, score, patients, n=200, seed=2)

    def gain(rows):
        truth = y.iloc[rows].to_numpy()
        pair = [auc(truth, s.iloc[rows].to_numpy()).value for s in (other, score)]
        return pair[1] - pair[0]

    slow = bootstrap_interval(gain, patients, n=200, seed=2)
    assert (found.value, found.lower, found.upper) == pytest.approx(
        (slow.value, slow.lower, slow.upper), abs=1e-12
    )
    # One case a patient: the spread is DeLong's.
    apart = bootstrap_auc_difference(y, other, score, np.arange(200), n=1000)
    assert apart.se == pytest.approx(compare_auc(y, other, score)["se"].item(), rel=0.1)
