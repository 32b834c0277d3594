import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import grouped_folds, grouped_split
from radtool.evaluation.designs import resample_patients


@pytest.fixture
def cohort():
    rng = np.random.default_rng(1)
    patients = np.array([f"p{i}" for i in rng.integers(0, 40, 100)])
    event = pd.Series(patients).map(lambda p: int(p[1:]) % 4 == 0).to_numpy()
    return pd.DataFrame({"event": event, "duration": 1.0}), patients


def test_a_patient_is_in_one_fold(cohort):
    y, patients = cohort
    fold = grouped_folds(y, patients, 5, seed=0)
    assert pd.Series(fold).groupby(patients).nunique().max() == 1


def test_events_are_spread_evenly(cohort):
    y, patients = cohort
    fold = grouped_folds(y, patients, 5, seed=0)
    people = pd.DataFrame({"fold": fold, "event": y["event"], "p": patients}).drop_duplicates("p")
    counts = people[people["event"]].groupby("fold").size()
    assert counts.max() - counts.min() <= 1
    assert people.groupby("fold").size().max() - people.groupby("fold").size().min() <= 1


def test_same_seed_same_folds_in_any_row_order(cohort):
    y, patients = cohort
    order = np.random.default_rng(5).permutation(100)
    first = grouped_folds(y, patients, 5, seed=3)
    again = grouped_folds(y.iloc[order], patients[order], 5, seed=3)
    np.testing.assert_array_equal(first[order], again)
    assert (first != grouped_folds(y, patients, 5, seed=4)).any()


def test_more_folds_than_events_is_refused(cohort):
    y, patients = cohort
    with pytest.raises(InputError, match="folds need"):
        grouped_folds(y, patients, 30, seed=0)


def test_patients_are_drawn_whole(cohort):
    _, patients = cohort
    rows = resample_patients(patients, np.random.default_rng(0))
    size = pd.Series(patients).value_counts()
    drawn = pd.Series(patients[rows]).value_counts()
    assert (drawn % size[drawn.index] == 0).all()


def test_a_split_keeps_patients_whole_and_the_share_of_events():
    rng = np.random.default_rng(0)
    patients = pd.Series(rng.integers(0, 400, 2000).astype(str))
    y = pd.Series(rng.random(2000) < 0.03)
    held = grouped_split(y, patients, share=0.3, seed=1)
    assert not set(patients[held]) & set(patients[~held])
    with_event = y.groupby(patients.to_numpy()).any()
    out = with_event[sorted(set(patients[held]))]
    assert out.sum() == round(0.3 * with_event.sum())
    assert (~out).sum() == round(0.3 * (~with_event).sum())
    np.testing.assert_array_equal(held, grouped_split(y, patients, share=0.3, seed=1))
    assert (held != grouped_split(y, patients, share=0.3, seed=2)).any()


def test_a_split_without_two_patients_of_a_kind_is_refused():
    y = pd.Series([True, False, False])
    with pytest.raises(InputError, match="1 patient"):
        grouped_split(y, np.array(["a", "b", "c"]))
    with pytest.raises(InputError, match="between 0 and 1"):
        grouped_split(y, np.array(["a", "b", "c"]), share=1.0)
