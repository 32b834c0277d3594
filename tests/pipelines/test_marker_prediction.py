"""Marker prediction: what is planted is found, what is not there is not, and nothing leaks."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, ParameterError, RadtoolWarning
from radtool.evaluation import auc
from radtool.files import canonical_json
from radtool.models import MarkerSignature, RandomForest, XGBoostMarker, load_signature
from radtool.models.linear import Logistic
from radtool.pipelines.marker_prediction import (
    LabelledCohort,
    MarkerPredictors,
    MarkerSettings,
    marker_prediction,
)
from radtool.report.checklists.evidence import collect
from radtool.report.results import Question, StudyResults
from radtool.selection import CorrelationFilter, ForestImportanceFilter, Standardize

QUESTION = Question(name="egfr", kind="marker", label="EGFR", positive="amplified")
SMALL = MarkerSettings(
    forests=3, forest_trees=(20, 40), top=4, kinds=("logistic", "xgboost"), draws=2, best=2,
    resplits=2, folds=3, bootstraps=40, shown=2,
)  # fmt: skip
BLOCKS = {"vasari": ("f*",), "radiomics": ("original_*",)}
PREDICTORS = MarkerPredictors(blocks=BLOCKS, volume="volume_ml", clinical=("age",))


def cohort(name, n, seed, strength=1.6):
    """Two features of twenty carry the marker; readings and clinical columns carry nothing."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=n)
    X = pd.DataFrame(rng.normal(size=(n, 20)), columns=[f"original_stat_n{i}" for i in range(20)])
    X["original_glcm_a"] = factor + rng.normal(0, 0.2, n)
    X["original_glcm_b"] = -factor + rng.normal(0, 0.8, n)
    for k in range(5):
        X[f"f{k}"] = rng.integers(0, 3, n).astype(float)
    X["age"], X["volume_ml"] = rng.normal(60, 9, n), np.exp(rng.normal(3, 1, n))
    X.index = [f"{name}{i}" for i in range(n)]
    y = pd.Series(rng.random(n) < 1 / (1 + np.exp(-strength * factor)), index=X.index, dtype=object)
    y.iloc[::20] = None
    return LabelledCohort(name=name, X=X, y=y)


@pytest.fixture(scope="module")
def cohorts():
    return [cohort("inside", 200, 1), cohort("outside", 300, 2)]


@pytest.fixture(scope="module")
def nested(cohorts, tmp_path_factory):
    out = tmp_path_factory.mktemp("marker")
    return marker_prediction(cohorts, PREDICTORS, QUESTION, SMALL, out=out, synthetic=True), out


def test_what_is_planted_is_found(nested, cohorts):
    found, _ = nested
    # The planted feature itself is as good as a model can be.
    best = [auc(c.known().y, c.known().X["original_glcm_a"]).value for c in cohorts]
    assert found.auc(model="radiomics") > best[0] - 0.07
    assert found.auc("external", model="radiomics") > best[1] - 0.07
    assert found.auc("external") > 0.65
    assert 0.35 < found.auc(model="vasari") < 0.65
    assert found.folds.selected["original_glcm_a"] == 1.0
    tested = found.results.endpoints[0].tables[0].rows
    assert tested[0][0] == "original_glcm_a"
    assert tested[0][5] == "<0.001"  # Bonferroni, in the development cohort


def test_unknown_labels_leave_and_are_counted(nested):
    found, _ = nested
    flow = found.results.population.flow
    assert [(box.n, [(e.reason, e.n) for e in box.excluded]) for box in flow] == [
        (500, []),
        (475, [("outside: marker not known", 15), ("inside: marker not known", 10)]),
    ]


def test_the_ensemble_is_the_mean_of_its_blocks(nested, cohorts):
    found, _ = nested
    scores = found.folds.scores
    np.testing.assert_allclose(scores["ensemble"], scores[list(BLOCKS)].mean(axis=1))
    outside = found.frozen.predict(cohorts[1].X)
    np.testing.assert_allclose(outside["ensemble"], outside[list(BLOCKS)].mean(axis=1))


def test_another_hospital_reads_the_same_signature(nested, cohorts):
    found, out = nested
    frozen = load_signature(out / "egfr.signature.json")
    outside = cohorts[1].known()
    pd.testing.assert_series_equal(
        frozen.predict_probability(outside.X),
        found.frozen.predict(outside.X)["ensemble"].rename("probability"),
    )
    endpoint = found.results.endpoints[0]
    assert endpoint.looks[0].sha256 == endpoint.signatures[0].sha256


def test_results_are_json_and_come_back(nested):
    found, out = nested
    assert StudyResults.from_dict(found.results.to_dict()) == found.results
    html = (out / "report.html").read_text(encoding="utf-8")
    for words in (
        "Precision–recall",
        "Calibration",
        "Decision curves",
        "AUC in each outer fold",
        "Random search: the best of 8 models drawn",
        "vasari + radiomics, mean",
    ):
        assert words in html
    assert "://" not in html.replace("http://www.w3.org/2000/svg", "")


def test_same_settings_same_results(cohorts):
    tiny = dataclasses.replace(SMALL, forests=1, draws=1, best=1, resplits=1, bootstraps=5)
    one = MarkerPredictors(blocks={"radiomics": ("original_*",)})
    first, again = (marker_prediction(cohorts[:1], one, QUESTION, tiny) for _ in range(2))
    assert canonical_json(first.results.to_dict()) == canonical_json(again.results.to_dict())


def test_no_fit_sees_a_case_that_it_is_judged_on(cohorts, monkeypatch):
    """Every fit of every step and model is logged; none holds a case predicted right after."""
    fitted, judged = [], []

    def spy(cls):
        plain = cls.fit

        def fit(self, X, y=None, *args):
            fitted.append(set(X.index))
            return plain(self, X, y, *args)

        monkeypatch.setattr(cls, "fit", fit)

    for cls in (CorrelationFilter, Standardize, ForestImportanceFilter, XGBoostMarker,
                RandomForest, Logistic):  # fmt: skip
        spy(cls)
    plain = MarkerSignature.block_predictions

    def predict(self, X):
        judged.append((set(X.index), len(fitted)))
        return plain(self, X)

    monkeypatch.setattr(MarkerSignature, "block_predictions", predict)
    from radtool.pipelines.marker_folds import out_of_fold, planned

    inside = cohorts[0].known()
    out_of_fold(planned(PREDICTORS, SMALL), inside, SMALL)
    # Per fold: training cases (for the cut-off), then held-out cases.
    start = 0
    for (train, upto), (test, _) in zip(judged[::2], judged[1::2], strict=True):
        assert not train & test
        assert len(train) + len(test) == len(inside.X)
        assert upto > start
        assert all(rows <= train for rows in fitted[start:upto])
        start = upto
    assert len(judged) == 2 * SMALL.folds


def noise(seed):
    """No feature has anything to do with the marker."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(160, 40)), columns=[f"original_stat_n{i}" for i in range(40)])
    return LabelledCohort(name="noise", X=X, y=pd.Series(rng.permutation(160) < 60))


def test_nothing_is_found_in_noise_and_the_published_order_finds_something():
    one = MarkerPredictors(blocks={"radiomics": ("original_*",)})
    quick = dataclasses.replace(SMALL, bootstraps=10, shown=1, top=10, seed=3)
    leaky = dataclasses.replace(quick, mode="as_published", draws=20)
    honest, published = [], []
    for seed in range(6):
        honest.append(marker_prediction([noise(seed)], one, QUESTION, quick).auc())
        with pytest.warns(RadtoolWarning, match="Leakage"):
            run = marker_prediction([noise(seed)], one, QUESTION, leaky)
        published.append(run.auc("apparent"))
    assert 0.45 < np.mean(honest) < 0.55
    assert np.mean(published) > 0.6
    assert np.mean(published) - np.mean(honest) > 0.08


def test_the_published_order_gives_no_signature_and_no_credit(cohorts):
    leaky = {**dataclasses.asdict(SMALL), "mode": "as_published"}
    with pytest.warns(RadtoolWarning, match="Leakage"):
        found = marker_prediction(cohorts[:1], PREDICTORS, QUESTION, leaky)
    assert found.frozen is None
    endpoint = found.results.endpoints[0]
    assert {row.design for row in endpoint.performance} == {"apparent"}
    assert all("optimistic" in row.note for row in endpoint.performance)
    assert endpoint.signatures == ()
    proven = collect(found.results)
    assert not {"discrimination", "internal_validation", "external_validation"} & set(proven)
    html = found.to_html()
    assert "Leakage: in this mode" in html
    assert "apparent values are not shown" in html


@pytest.mark.parametrize("name", ["test", "Test set", "validation", "unseen patients"])
def test_the_part_that_chose_is_never_called_a_test(name):
    with pytest.raises(ParameterError, match="they test nothing"):
        MarkerSettings(mode="as_published", held_out=name)


def test_settings_that_do_not_exist_are_refused(cohorts):
    with pytest.raises(ParameterError, match="no key 'forest'.*did you mean 'forests'"):
        marker_prediction(cohorts, PREDICTORS, QUESTION, {"forest": 3})
    with pytest.raises(ParameterError, match="draws must be at least 1"):
        MarkerSettings(draws=0)
    with pytest.raises(ParameterError, match="did you mean 'xgboost'"):
        MarkerSettings(kinds=("xgbost",))
    with pytest.raises(ParameterError, match="a model of its own"):
        MarkerPredictors(blocks={"volume": ("v",)})
    assert MarkerSettings.published(mode="as_published").forests == 1000


def test_bad_cohorts_are_refused(cohorts):
    inside, outside = cohorts
    same = LabelledCohort(name="twice", X=inside.X, y=inside.y)
    three = LabelledCohort(name="three", X=inside.X, y=pd.Series(range(200), inside.X.index))
    named = dataclasses.replace(outside, name="inside")
    none = dataclasses.replace(outside, y=outside.y.mask(outside.y.notna(), False))
    for bad, words in (
        ([inside, none], "outside: 0 of 285 cases"),
        ([inside, same], "are in inside and in twice"),
        ([three], "has the values"),
        ([inside, named], "need different names"),
    ):
        with pytest.raises(InputError, match=words):
            marker_prediction(bad, PREDICTORS, QUESTION, SMALL)
