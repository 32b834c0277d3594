import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.evaluation import auc, fit_cox, harrell_c
from radtool.models import (
    Block,
    CoxSignature,
    MarkerSignature,
    Predictor,
    index_combinations,
    published_signature,
)
from radtool.selection import Standardize


def test_a_few_lines_are_enough(cohort, other):
    signature = CoxSignature({"clinical": Block(["age", "histology"])}).fit(*cohort)
    assert signature.predict_risk(other[0]).notna().all()
    table = signature.coefficients_
    assert table.columns.tolist() == [
        "block", "feature", "coefficient", "se", "hazard_ratio", "lower", "upper", "p"
    ]  # fmt: skip
    assert table["feature"].tolist() == ["age", "histology_large_cell", "histology_squamous"]


def test_the_signal_is_found_and_holds_in_new_patients(fitted, other):
    features = set(fitted.coefficients_["feature"])
    assert "original_stat_f01" in features
    assert features & {"original_stat_f00", "original_stat_f99"}
    assert harrell_c(other[1], fitted.predict_risk(other[0])).value > 0.65


def test_each_case_is_predicted_on_its_own(fitted, other):
    X, _ = other
    whole = fitted.predict_risk(X)
    order = np.random.default_rng(0).permutation(len(X))
    pd.testing.assert_series_equal(fitted.predict_risk(X.iloc[order]), whole.iloc[order])
    alone = pd.concat([fitted.predict_risk(X.iloc[[i]]) for i in range(10)])
    pd.testing.assert_series_equal(alone, whole.iloc[:10], rtol=1e-12)


def test_unknown_columns_do_not_matter(fitted, other):
    X, _ = other
    extra = X.assign(something=1.0)[sorted([*X.columns, "something"])]
    pd.testing.assert_series_equal(fitted.predict_risk(extra), fitted.predict_risk(X))


def test_missing_columns_are_named(fitted, other):
    with pytest.raises(TableError, match="'age'"):
        fitted.predict_risk(other[0].drop(columns="age"))


def test_fitting_changes_neither_settings_nor_data(signature, cohort):
    X, y = cohort
    before, settings = X.copy(), signature.blocks["radiomics"].steps[1].get_params()
    signature.fit(X, y)
    pd.testing.assert_frame_equal(X, before)
    assert signature.blocks["radiomics"].steps[1].get_params() == settings
    assert not hasattr(signature.blocks["radiomics"].steps[1], "support_")


def test_predicted_survival_is_a_curve_per_case(fitted, other):
    X, _ = other
    curves = fitted.predict_survival(X, [0, 0.1, 0.5, 1, 3])
    assert curves[0].tolist() == [1.0] * len(X)
    assert (curves.diff(axis=1).iloc[:, 1:] <= 0).all(axis=None)
    risk = fitted.predict_risk(X)
    assert curves.loc[risk.idxmax(), 1] == curves[1].min()


def test_survival_of_the_training_cohort_is_its_kaplan_meier_curve_on_average(fitted, cohort):
    from radtool.evaluation import kaplan_meier

    X, y = cohort
    mean = fitted.predict_survival(X, [0.3, 1.0]).mean()
    observed = kaplan_meier(y).at([0.3, 1.0])["survival"]
    np.testing.assert_allclose(mean, observed, atol=0.05)


def test_proportional_hazards_of_the_fitted_features(fitted, cohort):
    X, y = cohort
    table = fitted.proportional_hazards(X, y)
    used = fitted.coefficients_.query("coefficient != 0")["feature"].tolist()
    assert table["term"].tolist() == [*used, "GLOBAL"]
    assert table["df"].iloc[-1] == len(used)


def test_events_are_counted_against_all_candidates(fitted, cohort):
    count = fitted.trained_on_
    assert count["candidates"] == 20  # 17 features, volume, age, histology
    assert count["events_per_candidate"] == pytest.approx(cohort[1]["event"].sum() / 20)
    assert count["events_per_variable"] > count["events_per_candidate"]


def test_cutoffs_come_from_training(fitted, cohort, other):
    risk = fitted.predict_risk(cohort[0])
    assert fitted.cutoffs_["median"] == pytest.approx(risk.median())
    assert fitted.cutoffs_["p75"] == pytest.approx(risk.quantile(0.75))
    group = fitted.risk_groups(other[0], cut="p75")
    np.testing.assert_array_equal(
        group == "high", fitted.predict_risk(other[0]) > fitted.cutoffs_["p75"]
    )
    assert set(fitted.risk_groups(cohort[0], cut="tertiles")) == {"low", "middle", "high"}


def test_values_outside_training_are_flagged(fitted, cohort, other):
    assert fitted.flags(cohort[0]).empty
    strange = other[0].iloc[:2].copy()
    strange["age"] = [140.0, 60.0]
    strange["histology"] = ["adeno", "carcinoid"]
    found = fitted.flags(strange).set_index(["case", "column"])
    assert found.loc[(strange.index[0], "age"), "value"] == 140
    assert found.loc[(strange.index[1], "histology"), "value"] == "carcinoid"


def test_an_unknown_site_is_refused(fitted, other):
    with pytest.raises(InputError, match="east"):
        fitted.predict_risk(other[0].assign(site="east"))


def test_shared_steps_leave_clinical_columns_alone(fitted, cohort):
    design = fitted.design(cohort[0])
    known = cohort[0]["age"].notna()
    np.testing.assert_array_equal(design.loc[known, "age"], cohort[0].loc[known, "age"])


def test_shared_steps_need_image_features(cohort):
    X, y = cohort
    signature = CoxSignature({"c": Block(["age"])}, steps=[Standardize()])
    with pytest.raises(InputError, match="image features"):
        signature.fit(X[["age"]], y)


def test_a_model_of_indices(cohort, blocks):
    X, y = cohort
    joint = {f"M{i}" for i in range(1, 4)}
    made = index_combinations(blocks)
    assert set(made) == joint
    own = {
        name: made[m].fit(X, y).predict_risk(X)
        for name, m in zip(blocks, ("M1", "M2"), strict=True)
    }
    both = made["M3"].fit(X, y)
    reference = fit_cox(pd.DataFrame(own), y)
    index = both.coefficients_[both.coefficients_["block"] == "index"]
    np.testing.assert_allclose(index["coefficient"], reference.coefficients, atol=1e-6)


def test_three_blocks_give_seven_models():
    blocks = {name: Block([name]) for name in ("semantic", "radiomics", "clinical")}
    made = index_combinations(blocks)
    assert [list(s.blocks) for s in made.values()][3:] == [
        ["semantic", "radiomics"],
        ["semantic", "clinical"],
        ["radiomics", "clinical"],
        ["semantic", "radiomics", "clinical"],
    ]


def test_average_of_probabilities(cohort, marker, other):
    X, _ = cohort
    parts = {"a": Block(["original_stat_f00"]), "b": Block(["age"])}
    both = MarkerSignature(parts, model="logistic", combine="average").fit(X, marker)
    single = [
        MarkerSignature({k: v}, model="logistic").fit(X, marker).predict_probability(other[0])
        for k, v in parts.items()
    ]
    np.testing.assert_allclose(both.predict_probability(other[0]), np.mean(single, axis=0))


@pytest.mark.parametrize("model", ["logistic", "elastic_net", "random_forest", "xgboost"])
def test_markers_have_a_threshold_from_training(model, cohort, marker, other):
    X, _ = cohort
    signature = MarkerSignature({"r": Block(["original_stat_f0[0-4]"])}, model=model)
    signature.fit(X, marker)
    p = signature.predict_probability(other[0])
    assert p.between(0, 1).all()
    np.testing.assert_array_equal(signature.predict(other[0]), p >= signature.cutoffs_["youden"])
    early = other[1]["duration"] < other[1]["duration"].median()
    assert auc(early, p).value > 0.55


@pytest.mark.parametrize("model", ["cox", "elastic_net", "xgboost"])
def test_contributions_explain_the_prediction(model, cohort):
    X, y = cohort
    signature = CoxSignature({"r": Block(["original_stat_f0[0-4]"])}, model=model).fit(X, y)
    rest = signature.predict_risk(X) - signature.contributions(X).sum(axis=1)
    assert np.ptp(rest) < 1e-5


def test_search_chooses_inside(cohort):
    X, y = cohort
    signature = CoxSignature(
        {"r": Block(["original_stat_f0?"])},
        model="xgboost",
        search={"max_depth": [1, 2], "rounds": [5, 20]},
    ).fit(X, y)
    assert signature.searched_.shape == (4, 3)
    best = signature.searched_.loc[signature.searched_["score"].idxmax()]
    assert signature.model.rounds == best["rounds"]
    with pytest.raises(InputError, match=r"no setting 'max_deep'; did you mean 'max_depth'"):
        CoxSignature({"r": Block(["age"])}, model="xgboost", search={"max_deep": [1]}).fit(X, y)


def test_search_reaches_the_steps(cohort, blocks):
    X, y = cohort
    key = "radiomics.UnivariateCoxFilter.alpha"
    signature = CoxSignature(blocks, search={key: [0.001, 0.2]}).fit(X, y)
    assert signature.blocks["radiomics"].steps[2].alpha in (0.001, 0.2)
    with pytest.raises(InputError, match="has no step 'UnivariateCox'"):
        CoxSignature(blocks, search={"radiomics.UnivariateCox.alpha": [1]}).fit(X, y)


def test_published_coefficients_are_run_as_printed(other):
    X, _ = other
    signature = published_signature(
        {"age": 0.02, "original_morph_volume": 0.3},
        log=["original_morph_volume"],
        baseline=pd.DataFrame({"time": [1.0, 2.0], "survival": [0.8, 0.6]}),
        cutoffs={"median": 4.0},
        intercept=-1.3,
    )
    known = X[X["age"].notna()]
    index = 0.02 * known["age"] + 0.3 * np.log(known["original_morph_volume"]) - 1.3
    np.testing.assert_allclose(signature.predict_risk(known), index)
    np.testing.assert_allclose(signature.predict_survival(known, [1.5])[1.5], 0.8 ** np.exp(index))
    with pytest.raises(InputError, match="lack a predictor"):
        signature.predict_risk(X)


# ---- what cannot be learned from


def test_one_event_is_refused(cohort):
    X, y = cohort
    one = y.assign(event=np.arange(len(y)) == 0)
    with pytest.raises(InputError, match="1 event among 120"):
        CoxSignature({"c": Block(["age"])}).fit(X, one)


def test_no_event_is_refused(cohort):
    X, y = cohort
    with pytest.raises(TableError, match="no events"):
        CoxSignature({"c": Block(["age"])}).fit(X, y.assign(event=False))


def test_more_features_than_events_need_a_selection(cohort):
    X, y = cohort
    few = y.assign(event=np.arange(len(y)) < 9)
    with pytest.raises(InputError, match="predictors for 9 events"):
        CoxSignature({"r": Block(["original_stat*"])}).fit(X, few)


def test_one_case_of_a_class_is_refused(cohort):
    X, _ = cohort
    with pytest.raises(InputError, match="1 of 120 cases is in the smaller class"):
        MarkerSignature({"c": Block(["age"])}).fit(X, pd.Series(np.arange(120) == 5, index=X.index))


def test_columns_are_named_by_text(cohort):
    X, y = cohort
    with pytest.raises(TableError, match="column names must be text"):
        CoxSignature({"c": Block(["0"])}).fit(X.rename(columns={"age": 0}), y)


def test_three_classes_are_refused(cohort):
    X, _ = cohort
    with pytest.raises(InputError, match="3 classes"):
        MarkerSignature({"c": Block(["age"])}).fit(X, pd.Series(np.arange(120) % 3, index=X.index))


def test_other_cases_or_patients_are_refused(cohort):
    X, y = cohort
    signature = CoxSignature({"c": Block(["age"])})
    with pytest.raises(InputError, match="same cases in the same order"):
        signature.fit(X, y.iloc[::-1])
    with pytest.raises(InputError, match="patients and X"):
        signature.fit(X, y, pd.Series("a", index=range(120)))
    with pytest.raises(TableError, match="unique index"):
        signature.fit(X.set_axis([0] * 120), y.set_axis([0] * 120))


def test_a_column_in_two_blocks_is_refused(cohort):
    with pytest.raises(InputError, match="two blocks"):
        CoxSignature({"a": Block(["age"]), "b": Block(["age"])}).fit(*cohort)


def test_an_unknown_model_is_named():
    with pytest.raises(InputError, match="model must be one of"):
        CoxSignature({"a": Block(["age"])}, model="forest")
    with pytest.raises(InputError, match="not a survival model"):
        CoxSignature({"a": Block(["age"])}, model=MarkerSignature.models["logistic"]())


def test_an_unfitted_signature_says_so(signature, cohort):
    with pytest.raises(InputError, match="not fitted"):
        signature.predict_risk(cohort[0])


def test_predictors_follow_the_sklearn_clone_contract():
    from sklearn.base import clone

    for kind in (CoxSignature, MarkerSignature):
        for model in kind.models.values():
            one = model()
            assert isinstance(one, Predictor)
            assert clone(one).get_params() == one.get_params()


def test_the_outcome_among_the_predictors_is_refused(cohort):
    X, y = cohort[0], cohort[1]
    for name, values in {"follow_up": y["duration"], "event": y["event"].astype(int)}.items():
        with pytest.raises(InputError, match=f"{name!r} is the outcome"):
            CoxSignature({"all": Block(["original_stat_*", name])}).fit(
                X.assign(**{name: values}), y
            )


def test_columns_that_a_regression_cannot_use_are_named(cohort):
    X = cohort[0].assign(same=1.0, twice=cohort[0]["original_stat_f01"])
    names = ["original_stat_f01", "same", "twice"]
    last = CoxSignature({"all": Block(names)}).fit(X, cohort[1]).selection_path_[-1]
    assert [last["step"], last["n_in"], last["n_out"]] == ["Cox", 3, 1]
    assert [row["column"] for row in last["dropped"]] == ["same", "twice"]


def test_tables_of_another_shape_are_refused_in_words(cohort):
    X, y = cohort[0], cohort[1]
    with pytest.raises(TableError, match="must be a DataFrame"):
        CoxSignature({"all": Block(["*"])}).fit(X.to_numpy(), y)
    levels = pd.MultiIndex.from_arrays([X.index, range(len(X))])
    with pytest.raises(TableError, match="2 index levels"):
        CoxSignature({"all": Block(["original_*"])}).fit(X.set_axis(levels), y.set_axis(levels))


def test_a_patient_s_number_read_as_a_float_is_still_the_patient(cohort):
    X, y = cohort[0], cohort[1]
    numbers = pd.Series(range(len(X)), index=X.index)
    fitted = CoxSignature({"all": Block(["original_*"])}).fit(X, y, numbers)
    assert fitted.overlap(numbers.astype(float).iloc[:2]) == ["0", "1"]
