"""Models that choose: what they choose, that they travel, and that patients stay whole."""

import json

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, ParameterError
from radtool.files import canonical_json
from radtool.models import Block, MarkerSignature, load_signature
from radtool.models.model_search import RandomSearch, TunedXGBoost, draw_candidates
from radtool.models.predictor import predictor_from_dict

GRID = {"max_depth": [1, 2], "rounds": [20]}


@pytest.fixture(scope="module")
def linear():
    """A marker that follows one feature of six on a straight line."""
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.normal(size=(160, 6)), columns=[f"original_stat_f{i}" for i in range(6)])
    y = pd.Series(rng.random(160) < 1 / (1 + np.exp(-2.5 * X["original_stat_f3"])))
    return X, y


@pytest.fixture(scope="module")
def searches(linear):
    random = RandomSearch(draws=3, best=3, resplits=4).fit(*linear)
    tuned = TunedXGBoost(3, fraction=0.4, grid=GRID, folds=3).fit(*linear)
    return {"random": random, "tuned": tuned}


@pytest.mark.parametrize("which", ["random", "tuned"])
def test_a_search_travels_as_json(which, searches, linear):
    model = searches[which]
    text = canonical_json(model.to_dict())
    again = predictor_from_dict(json.loads(text))
    np.testing.assert_array_equal(again.predict(linear[0]), model.predict(linear[0]))
    assert canonical_json(again.to_dict()) == text


def test_a_straight_line_is_found_by_a_straight_line(searches):
    model = searches["random"]
    table = model.searched_
    assert model.chosen_["model"] == "Logistic"
    assert len(table) == 9
    assert table["mean_of_resplits"].notna().sum() == 3
    assert table["mean_of_resplits"].max() > 0.85
    best = table.loc[table["mean_of_resplits"].idxmax()]
    assert model.model_.get_params() == best["settings"]


def test_elimination_and_grid_find_the_feature(searches):
    model = searches["tuned"]
    assert model.coefficients()["feature"].iloc[0] == "original_stat_f3"
    assert len(model.coefficients()) <= 3
    assert len(model.dropped_) + len(model.coefficients()) == 6
    assert model.score_ == max(model.searched_["mean_auc"])


def test_same_seed_same_models():
    first, again = (draw_candidates(["xgboost", "random_forest"], 4, 7) for _ in range(2))
    assert [m.get_params() for m in first] == [m.get_params() for m in again]
    depths = {m.max_depth for m in draw_candidates(["random_forest"], 60, 0)}
    assert depths == {2, 3, 4, 5, 6}


def test_patients_are_never_split(monkeypatch):
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 3)
    X = pd.DataFrame(rng.normal(size=(40, 4))[people], columns=list("abcd"))
    y = pd.Series((rng.random(40) < 0.4)[people])
    seen = []

    def record(model, X, y, held_out):
        seen.append(set(people[held_out]) & set(people[~held_out]))
        return 0.5

    monkeypatch.setattr("radtool.models.model_search.held_out_auc", record)
    RandomSearch(draws=1, best=1, resplits=3).fit(X, y, people)
    TunedXGBoost(None, grid=GRID, folds=4).fit(X, y, people)
    assert len(seen) == 3 + 3 + 2 * 4
    assert set.union(*seen) == set()


def test_blocks_that_chose_different_kinds_are_one_signature(tmp_path, linear):
    X, y = linear
    rng = np.random.default_rng(3)
    steps = X.assign(level=rng.integers(0, 2, 160) ^ y, other=rng.normal(size=160))
    signature = MarkerSignature(
        {"radiomics": Block(["original_*"]), "semantic": Block(["level", "other"])},
        model=RandomSearch(draws=2, best=2, resplits=2),
        combine="average",
    ).fit(steps, y)
    assert "level" in signature._used()
    assert "original_stat_f3" in signature._used()
    signature.save(tmp_path / "s.json")
    frozen = load_signature(tmp_path / "s.json")
    pd.testing.assert_series_equal(frozen.predict_probability(steps),
                                   signature.predict_probability(steps))  # fmt: skip
    own = signature.block_predictions(steps)
    assert list(own) == ["radiomics", "semantic"]
    np.testing.assert_allclose(signature.predict_probability(steps), own.mean(axis=1))
    with pytest.raises(InputError, match="one model together"):
        MarkerSignature({"a": Block(["original_*"])}, model="logistic").fit(
            steps, y
        ).block_predictions(steps)


def test_wrong_settings_are_said(linear):
    X, y = linear
    with pytest.raises(ParameterError, match="did you mean 'logistic'"):
        RandomSearch(kinds=["logistics"]).fit(X, y)
    with pytest.raises(ParameterError, match="best and resplits must be at least 1"):
        RandomSearch(best=0).fit(X, y)
    with pytest.raises(ParameterError, match="no setting 'depth'"):
        TunedXGBoost(None, grid={"depth": [2]}).fit(X, y)
    with pytest.raises(InputError, match="1 patient"):
        RandomSearch(draws=1).fit(X, pd.Series(np.arange(160) == 3))
