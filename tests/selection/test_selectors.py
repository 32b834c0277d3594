"""Selectors that look at the outcome: held to rms, scikit-learn and planted truth."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

from radtool.errors import RadtoolWarning, TableError
from radtool.files import canonical_json
from radtool.selection import (
    BackwardElimination,
    ClusterFilter,
    CorrelationFilter,
    ElasticNetFilter,
    ForestImportanceFilter,
    MRMRFilter,
    MutualInformationFilter,
    RecursiveElimination,
    Standardize,
    UnivariateCoxFilter,
    VolumeResiduals,
    Winsorize,
    YeoJohnson,
    clustered_order,
)
from radtool.selection.likelihood import cox_likelihood, logistic_likelihood, newton, path
from radtool.table import step_from_dict


@pytest.fixture
def cohort(rng):
    """150 cases, 12 features of which a and b matter (b twice, as bb), and both outcomes."""
    X = pd.DataFrame(rng.normal(size=(150, 10)), columns=[f"n{i}" for i in range(10)])
    X.index = [f"case-{i}" for i in range(150)]
    X["a"], X["b"] = rng.normal(size=(2, 150))
    X["bb"] = X["b"] + rng.normal(0, 0.1, 150)
    risk = 1.2 * X["a"] + 1.2 * X["b"]
    duration = rng.exponential(np.exp(-risk))
    y = pd.DataFrame({"event": rng.random(150) < 0.8, "duration": duration}, index=X.index)
    return X, y, risk + rng.logistic(size=150) > 0


def learners():
    return [
        BackwardElimination(0.05),
        ElasticNetFilter(choose="1se", folds=5),
        ForestImportanceFilter(3, forests=5, trees=(20, 40)),
        MRMRFilter(3),
        MRMRFilter(3, scheme="quotient"),
        MutualInformationFilter(4),
        RecursiveElimination(3),
        RecursiveElimination(3, learner="forest", fraction=0.4),
        RecursiveElimination(4, learner="xgboost", fraction=0.2),
        ClusterFilter(0.8, keep="univariate"),
    ]


@pytest.mark.parametrize("step", learners(), ids=repr)
@pytest.mark.parametrize("outcome", ["survival", "marker"])
def test_finds_what_matters_in_any_order_and_goes_through_json(step, outcome, cohort):
    X, survival, marker = cohort
    y = survival if outcome == "survival" else marker
    out = step.fit(X, y).transform(X)
    assert "a" in out
    assert "b" in out or "bb" in out
    assert {c for c in X if c not in out} <= set(step.report_["feature"])
    again = step_from_dict(json.loads(canonical_json(step.to_dict())))
    pd.testing.assert_frame_equal(again.transform(X), out)
    pd.testing.assert_frame_equal(again.report_, step.report_)
    mixed = X.sample(frac=1, axis=1, random_state=2)
    assert set(step.fit(mixed, y).get_feature_names_out()) == set(out.columns)


def fastbw_case(shared, name):
    folder = shared / "oracles/fastbw"
    table = pd.read_csv(folder / f"{name}.csv")
    event = table["status"] == 1 if name == "veteran" else table["d"] == 1
    y = pd.DataFrame({"event": event, "duration": table["time"]})
    X = table.drop(columns=["time", "status", "d"], errors="ignore")
    if name == "veteran":
        for level in ("smallcell", "adeno", "large"):
            X[f"celltype={level}"] = (X["celltype"] == level).astype(float)
        X = X.drop(columns="celltype")
    return X, y, json.loads((folder / "expected.json").read_text())[name]


@pytest.mark.parametrize("name", ["veteran", "pbc"])
@pytest.mark.parametrize(
    ("run", "settings"),
    [
        ("p02", {"alpha": 0.2}),
        ("p005", {"alpha": 0.05}),
        ("aic", {"rule": "aic"}),
        ("aic_residual", {"rule": "aic", "basis": "residual"}),
    ],
)
def test_backward_elimination_equals_rms(shared, name, run, settings):
    X, y, expected = fastbw_case(shared, name)
    if run not in expected:
        pytest.skip("not computed in R")
    groups = {"celltype": [c for c in X if c.startswith("celltype")]} if name == "veteran" else None
    step = BackwardElimination(groups=groups, **settings).fit(X, y)
    assert step.trace_["deleted"].tolist() == expected[run]["deleted"]
    theirs = pd.DataFrame(expected[run]["result"]).drop(columns="_row").to_numpy(float)
    ours = step.trace_.drop(columns="deleted").to_numpy(float)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    coefficients = expected[run]["coef"]
    assert list(step.coef_) == [c for c in X if c in coefficients]
    for feature, value in step.coef_.items():
        assert value == pytest.approx(coefficients[feature], rel=1e-9)


def test_backward_elimination_refuses_what_cannot_be_fitted(cohort):
    X, y, marker = cohort
    few = y.assign(event=[True] * 10 + [False] * 140)
    with pytest.raises(ValueError, match="13 features and 10 events"):
        BackwardElimination().fit(X, few)
    with pytest.raises(ValueError, match="linearly dependent"):
        BackwardElimination().fit(X.assign(twice=2 * X["a"]), y)
    with pytest.raises(ValueError, match="constant feature.s. 'c'"):
        BackwardElimination().fit(X.assign(c=1.0), y)
    with pytest.warns(RadtoolWarning, match="separate the outcome"):
        step = BackwardElimination(0.05).fit(X.assign(s=marker * 1.0 + X["a"] * 1e-3), marker)
    assert "s" in step.get_feature_names_out()
    with pytest.raises(ValueError, match="groups name no feature here: 'zz'"):
        BackwardElimination(groups={"g": ["zz"]}).fit(X, y)


def test_backward_elimination_keeps_the_last_and_says_so(cohort):
    X, y, _ = cohort
    noise = X[[c for c in X if c.startswith("n")]]
    step = BackwardElimination(1e-6).fit(noise, y)
    assert step.support_.sum() == 1
    assert step.report_["reason"].str.contains("at_least").sum() == 1


def test_newton_equals_lifelines_and_statsmodels(cohort):
    X, y, marker = cohort
    x = X[["a", "b", "n1"]]
    lifelines = pytest.importorskip("lifelines")
    tied = y.assign(duration=np.ceil(y["duration"] * 5))
    fit = lifelines.CoxPHFitter().fit(
        x.join(tied), "duration", "event", fit_options={"precision": 1e-10}
    )
    event, duration = tied["event"].to_numpy(), tied["duration"].to_numpy()
    beta, covariance = newton(x.to_numpy(), cox_likelihood(event, duration))
    np.testing.assert_allclose(beta, fit.params_, rtol=1e-6)
    np.testing.assert_allclose(covariance, fit.variance_matrix_, rtol=1e-5)
    logit = pytest.importorskip("statsmodels.api")
    model = logit.Logit(marker.astype(float), logit.add_constant(x)).fit(disp=0, tol=1e-12)
    beta, covariance = newton(x.to_numpy(), logistic_likelihood(marker.to_numpy()))
    np.testing.assert_allclose(beta, model.params[1:], rtol=1e-6)
    np.testing.assert_allclose(covariance, model.cov_params().iloc[1:, 1:], rtol=1e-5)


def test_lasso_path_equals_scikit_learn_for_a_marker(cohort):
    X, _, marker = cohort
    z = Standardize().fit_transform(X).to_numpy() * np.sqrt(150 / 149)
    beta, intercept = path(z, logistic_likelihood(marker.to_numpy()), np.array([0.1, 0.05]), 1.0)
    model = LogisticRegression(
        l1_ratio=1.0, C=1 / (150 * 0.05), solver="saga", tol=1e-9, max_iter=20_000
    ).fit(z, marker)
    np.testing.assert_allclose(beta[1], model.coef_[0], atol=1e-5)
    assert intercept[1] == pytest.approx(model.intercept_[0], abs=1e-5)


def test_lasso_path_of_cox_meets_its_optimality_conditions(cohort):
    X, y, _ = cohort
    z = Standardize().fit_transform(X).to_numpy() * np.sqrt(150 / 149)
    duration = np.ceil(y["duration"].to_numpy() * 5)
    likelihood = cox_likelihood(y["event"].to_numpy(), duration, efron=False)
    for mixing in (1.0, 0.5):
        beta = path(z, likelihood, np.array([0.2, 0.05]), mixing)[0][1]
        gradient = z.T @ likelihood.slope(z @ beta)[0] / 150 - 0.05 * (1 - mixing) * beta
        bound = 0.05 * mixing
        used = beta != 0
        np.testing.assert_allclose(gradient[used], bound * np.sign(beta[used]), atol=1e-6)
        assert (np.abs(gradient[~used]) <= bound + 1e-6).all()


def test_lasso_of_cox_equals_glmnet(shared):
    folder = shared / "oracles/coxnet_pbc"
    expected = json.loads((folder / "expected.json").read_text())
    table = pd.read_csv(folder / "inputs.csv")
    x = table[expected["cols"]]
    z = ((x - x.mean()) / x.std(ddof=0)).to_numpy()
    event, duration = (table["status"] == 2).to_numpy(), table["time"].to_numpy(float)
    likelihood = cox_likelihood(event, duration, efron=False)
    for name, fit in expected["fits"].items():
        mixing = float(name.removeprefix("alpha"))
        beta, _ = path(z, likelihood, np.array(fit["lambda"]), mixing)
        theirs = np.array(fit["coef"]).T * x.std(ddof=0).to_numpy()
        # per SD; glmnet stops its descent at 1e-7 of the null deviance, which leaves 2e-4 here
        np.testing.assert_allclose(beta, theirs, atol=3e-4)


def test_elastic_net_with_a_given_penalty_and_an_empty_model(cohort):
    X, y, _ = cohort
    step = ElasticNetFilter(penalty=0.2).fit(X, y)
    assert step.penalty_ == 0.2
    assert {"a", "b"} <= set(step.coef_) | {"b"}
    empty = ElasticNetFilter(penalty=50.0).fit(X, y)
    assert empty.support_.sum() == 1
    assert empty.report_["reason"].str.contains("at_least").sum() == 1


def test_mrmr_takes_one_of_two_alike(cohort):
    X, y, _ = cohort
    step = MRMRFilter(3).fit(X, y)
    assert len({"b", "bb"} & set(step.order_[:2])) == 1
    assert "a" in step.order_[:2]


def test_mutual_information_sees_what_is_not_monotone(rng):
    X = pd.DataFrame(rng.normal(size=(300, 6)), columns=list("abcdef"))
    marker = X["c"].abs() > 0.7
    assert MutualInformationFilter(1).fit(X, marker).get_feature_names_out().tolist() == ["c"]


def test_clusters_are_those_of_the_plan(rng):
    base = rng.normal(size=(80, 3))
    X = pd.DataFrame(
        {f"c{g}_{i}": base[:, g] + rng.normal(0, 0.1, 80) for i in range(3) for g in range(3)}
    )
    step = ClusterFilter(0.8).fit(X)
    assert step.clusters_.groupby(step.clusters_).size().tolist() == [3, 3, 3]
    for _, members in step.clusters_.groupby(step.clusters_):
        assert len({name[:2] for name in members.index}) == 1
        rho = np.abs(stats.spearmanr(X[members.index]).statistic).sum(axis=0)
        kept = [name for name in members.index if step.support_[X.columns.get_loc(name)]]
        assert kept == [members.index[int(np.argmax(rho))]]
    order = clustered_order(X.corr().to_numpy())
    assert [X.columns[i][:2] for i in order][::3] != [X.columns[i][:2] for i in order][:3]


def test_recursive_elimination_chooses_a_number_inside_training(cohort):
    X, y, _ = cohort
    step = RecursiveElimination(None, folds=4).fit(X, y)
    assert 2 <= step.support_.sum() <= 8
    assert max(step.scores_) == 13
    assert step.scores_[int(step.support_.sum())] == max(step.scores_.values())
    assert step.ranking_[X.columns.get_loc("a")] == 1


def test_recursive_elimination_keeps_patients_whole_in_its_folds(rng):
    """Noise that repeats within a patient predicts the copies, unless folds keep them together."""
    patients = np.repeat(np.arange(60), 6)
    X = pd.DataFrame(rng.normal(size=(60, 8))[patients], columns=list("abcdefgh"))
    y = (rng.random(60) < 0.5)[patients]
    settings = {"learner": "forest", "fraction": 0.4, "folds": 4, "at_most": 4}
    apart = RecursiveElimination(None, **settings).fit(X, y)
    together = RecursiveElimination(None, **settings).fit(X, y, groups=patients)
    assert max(apart.scores_.values()) > 0.95
    assert max(together.scores_.values()) < 0.65
    assert max(together.scores_) <= 4
    assert together.support_.sum() <= 4


def test_volume_residuals_take_the_training_line_out(rng):
    volume = rng.lognormal(2, 1, 60)
    noise = rng.normal(size=60)
    X = pd.DataFrame({"volume": volume, "f": 5 + 2 * np.log(volume) + noise})
    step = VolumeResiduals("volume").fit(X)
    out = step.transform(X)
    slope, line = np.polyfit(np.log(volume), X["f"], 1)
    expected = X["f"] - slope * np.log(volume) - line + X["f"].mean()
    np.testing.assert_allclose(out["f"], expected)
    np.testing.assert_array_equal(out["volume"], volume)
    new = pd.DataFrame({"volume": [1.0], "f": [5.0]})
    assert step.transform(new)["f"].iloc[0] == pytest.approx(5 + slope * np.log(volume).mean())
    with pytest.raises(ValueError, match="not above 0 for case.s. '0'"):
        step.transform(new.assign(volume=0.0))


def test_winsorize_clips_to_training_quantiles():
    X = pd.DataFrame({"a": np.arange(101.0)})
    step = Winsorize(0.1, 0.9).fit(X)
    new = pd.DataFrame({"a": [-5.0, 50.0, 500.0, np.nan]})
    np.testing.assert_array_equal(step.transform(new)["a"], [10.0, 50.0, 90.0, np.nan])


def test_yeo_johnson_equals_scikit_learn_and_goes_through_json(rng):
    X = pd.DataFrame({"skewed": rng.lognormal(size=200), "huge": 1e12 * rng.lognormal(size=200)})
    X.loc[3, "huge"] = np.nan
    step = YeoJohnson().fit(X)
    z = (X - X.mean()) / X.std()
    theirs = PowerTransformer(standardize=False).fit(z)
    np.testing.assert_allclose(step.lambda_, theirs.lambdas_, atol=1e-4)
    np.testing.assert_allclose(step.transform(X), theirs.transform(z), atol=1e-3)
    again = step_from_dict(json.loads(canonical_json(step.to_dict())))
    pd.testing.assert_frame_equal(again.transform(X), step.transform(X))
    assert abs(stats.skew(step.transform(X)["skewed"])) < stats.skew(X["skewed"]) / 5


def test_40000_features_on_60_cases(rng):
    X = pd.DataFrame(rng.normal(size=(60, 40_000)), columns=[f"f{i}" for i in range(40_000)])
    y = pd.DataFrame({"event": True, "duration": rng.exponential(size=60)})
    steps = make_pipeline(Standardize(), UnivariateCoxFilter(0.001), CorrelationFilter(0.7))
    out = steps.fit_transform(X, y)
    assert 5 < out.shape[1] < 80
    with pytest.raises(ValueError, match="too many for one distance matrix"):
        ClusterFilter().fit(X)


@pytest.mark.parametrize(
    "step",
    [
        BackwardElimination(0),
        BackwardElimination(rule="bic"),
        ClusterFilter(0),
        ClusterFilter(linkage="ward"),
        ClusterFilter(keep="best"),
        ElasticNetFilter(0),
        ElasticNetFilter(penalty=-1),
        ElasticNetFilter(choose="max"),
        ElasticNetFilter(folds=1),
        ForestImportanceFilter(0),
        MRMRFilter(0),
        MRMRFilter(scheme="sum"),
        RecursiveElimination(0),
        RecursiveElimination(fraction=1),
        RecursiveElimination(learner="svm"),
        VolumeResiduals("zz"),
        VolumeResiduals("a", scale="cubic"),
        Winsorize(0.9, 0.1),
    ],
    ids=repr,
)
def test_wrong_settings_are_refused(step, cohort):
    X, y, _ = cohort
    with pytest.raises(ValueError, match=type(step).__name__):
        step.fit(X, y)


def test_nothing_that_varies_leaves_nothing_to_choose(cohort):
    X, y, _ = cohort
    with pytest.raises(TableError, match="no feature varies with the outcome"):
        ElasticNetFilter(folds=3).fit(X * 0 + 1, y)
