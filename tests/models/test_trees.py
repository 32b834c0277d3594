import json

import numpy as np
import pytest

from radtool.errors import InputError
from radtool.evaluation import auc, harrell_c
from radtool.models import RandomForest, XGBoostAFT, XGBoostCox, XGBoostMarker
from radtool.models.predictor import predictor_from_dict


@pytest.fixture
def design(cohort):
    return cohort[0].filter(like="original_stat")


def through_json(model):
    return predictor_from_dict(json.loads(json.dumps(model.to_dict())))


@pytest.mark.parametrize("kind", [XGBoostCox, XGBoostAFT])
def test_xgboost_survival_round_trip(kind, design, cohort):
    model = kind(rounds=30).fit(design, cohort[1])
    np.testing.assert_array_equal(through_json(model).predict(design), model.predict(design))
    assert harrell_c(cohort[1], model.predict(design)).value > 0.7
    assert model.predict(design).mean() == pytest.approx(0, abs=1e-6)


def test_higher_index_means_sooner_event(design, cohort):
    y = cohort[1].assign(duration=cohort[1]["duration"].max() - cohort[1]["duration"] + 0.1)
    assert harrell_c(y, XGBoostCox(rounds=30).fit(design, y).predict(design)).value > 0.6


@pytest.mark.parametrize("kind", [XGBoostCox, XGBoostAFT])
def test_shapley_values_sum_to_the_margin(kind, design, cohort):
    model = kind(rounds=20).fit(design, cohort[1])
    total = model.contributions(design).sum(axis=1)
    difference = model.predict(design) - total
    assert np.ptp(difference) < 1e-5


def test_rare_markers_keep_their_prevalence(design, marker):
    rare = marker & (design["original_stat_f03"] > 0.5)
    model = XGBoostMarker(rounds=20).fit(design, rare)
    p = model.predict(design)
    assert p.mean() < 2 * rare.mean()
    np.testing.assert_array_equal(through_json(model).predict(design), p)
    assert auc(rare, p).value > 0.8


def test_our_trees_are_scikit_learns(design, marker):
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForest(trees=20, max_depth=3, min_leaf=2, seed=4).fit(design, marker)
    # Ours sorts the cases before the draws: by marker, then by the first column.
    order = np.lexsort([design.iloc[:, 0], marker])
    forest = RandomForestClassifier(
        n_estimators=20, max_depth=3, min_samples_leaf=2, random_state=4, class_weight="balanced"
    ).fit(design.to_numpy(np.float32)[order], marker.to_numpy()[order])
    p = forest.predict_proba(design.to_numpy(np.float32))[:, 1]
    # The marker is at its median, so that balancing changes nothing.
    np.testing.assert_allclose(model.predict(design), p, atol=1e-12)
    np.testing.assert_array_equal(through_json(model).predict(design), model.predict(design))
    assert model.coefficients()["gain"].is_monotonic_decreasing


def test_equal_input_gives_equal_bytes(design, cohort):
    first = json.dumps(XGBoostCox(rounds=5).fit(design, cohort[1]).to_dict())
    assert json.dumps(XGBoostCox(rounds=5).fit(design, cohort[1]).to_dict()) == first


@pytest.mark.parametrize("kind", [XGBoostCox, XGBoostAFT])
def test_the_order_of_the_table_does_not_matter(kind, design, cohort):
    y = cohort[1].assign(duration=np.ceil(cohort[1]["duration"]))
    assert y["duration"].duplicated().sum() > 10  # whole units of time are tied everywhere
    first = kind(rounds=20).fit(design, y).predict(design)
    rows = np.random.default_rng(0).permutation(len(y))
    other = kind(rounds=20).fit(design.iloc[rows, ::-1], y.iloc[rows])
    np.testing.assert_allclose(other.predict(design), first, atol=1e-6)


def test_nor_does_it_to_a_forest(design, marker):
    rows = np.random.default_rng(0).permutation(len(marker))
    first = RandomForest(trees=10).fit(design, marker)
    other = RandomForest(trees=10).fit(design.iloc[rows, ::-1], marker.iloc[rows])
    np.testing.assert_array_equal(other.predict(design), first.predict(design))


@pytest.mark.parametrize("kind", [XGBoostMarker, RandomForest])
def test_what_single_precision_cannot_hold_is_refused(kind, design, marker):
    with pytest.raises(InputError, match="take its logarithm"):
        kind().fit(design.assign(original_stat_f01=1e300), marker)
