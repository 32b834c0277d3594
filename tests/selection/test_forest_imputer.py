"""MissForest by scikit-learn is the witness; the trees replayed from JSON must give its numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from radtool.errors import ParameterError
from radtool.files import canonical_json
from radtool.selection import ForestImputer, MedianImputer
from radtool.table import step_from_dict


@pytest.fixture(scope="module")
def tables():
    """Two hundred cases; b and c follow a; a fifth of b and c is missing, d is complete."""
    rng = np.random.default_rng(5)
    a = rng.normal(size=260)
    whole = pd.DataFrame(
        {"a": a, "b": a**2 + rng.normal(0, 0.1, 260), "c": -a + rng.normal(0, 0.1, 260),
         "d": rng.normal(size=260)}
    )  # fmt: skip
    gaps = whole.mask(rng.random(whole.shape) < [0.0, 0.2, 0.2, 0.0])
    return whole, gaps.iloc[:200], gaps.iloc[200:]


@pytest.fixture(scope="module")
def fitted(tables):
    return ForestImputer(rounds=3, trees=10, max_depth=5).fit(tables[1])


def test_new_cases_get_scikit_learns_values(fitted, tables):
    _, train, new = tables
    forest = RandomForestRegressor(10, max_depth=5, random_state=0)
    witness = IterativeImputer(forest, max_iter=3, tol=1e-12, skip_complete=True, random_state=0)
    witness.fit(train)
    tight = ForestImputer(rounds=3, trees=10, max_depth=5, tolerance=1e-12).fit(train)
    np.testing.assert_allclose(tight.transform(new), witness.transform(new), atol=1e-12)


def test_filled_values_are_nearer_the_truth_than_the_median(fitted, tables):
    whole, train, new = tables
    truth, missing = whole.iloc[200:], new.isna().to_numpy()
    off = [
        np.abs(step.transform(new).to_numpy() - truth.to_numpy())[missing].mean()
        for step in (fitted, MedianImputer().fit(train))
    ]
    assert off[0] < 0.4 * off[1]


def test_it_goes_through_json_without_a_pickle(fitted, tables):
    text = canonical_json(fitted.to_dict())
    again = step_from_dict(json.loads(text))
    pd.testing.assert_frame_equal(again.transform(tables[2]), fitted.transform(tables[2]))
    assert canonical_json(again.to_dict()) == text


def test_known_values_stay_and_a_later_gap_in_a_complete_feature_gets_the_mean(fitted, tables):
    _, train, new = tables
    out = fitted.transform(new)
    known = new.notna().to_numpy()
    np.testing.assert_array_equal(out.to_numpy()[known], new.to_numpy()[known])
    later = new.assign(d=np.nan)
    assert fitted.transform(later)["d"].unique() == pytest.approx(train["d"].mean())


def test_a_feature_without_values_is_dropped_and_text_is_carried(tables):
    train = tables[1].assign(empty=np.nan, site="A")
    step = ForestImputer(rounds=1, trees=2).fit(train)
    assert list(step.transform(train).columns) == ["a", "b", "c", "d", "site"]
    assert step.report_["reason"].tolist() == ["no value in training"]


def test_test_cases_teach_nothing(fitted, tables):
    before = canonical_json(fitted.to_dict())
    fitted.transform(tables[2])
    assert canonical_json(fitted.to_dict()) == before
    assert fitted.transform(tables[2].iloc[:7]).equals(fitted.transform(tables[2]).iloc[:7])


def test_no_rounds_are_refused(tables):
    with pytest.raises(ParameterError, match="rounds must be at least 1"):
        ForestImputer(rounds=0).fit(tables[1])
