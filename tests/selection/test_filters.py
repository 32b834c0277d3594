"""Filters: what they keep, why they drop, and that neither order nor new rows matter."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radtool.errors import RadtoolWarning
from radtool.files import canonical_json
from radtool.selection import (
    CorrelationFilter,
    MedianImputer,
    StabilityFilter,
    Standardize,
    UnivariateCoxFilter,
    UnivariateMarkerFilter,
    VarianceFilter,
    VolumeFilter,
    adjust_p,
)
from radtool.table import step_from_dict


@pytest.fixture
def cohort(rng):
    """60 cases, 12 features in 4 groups of 3 alike, a batch column of text."""
    base = rng.normal(size=(60, 4))
    X = pd.DataFrame(
        {f"g{i % 4}_{i}": base[:, i % 4] + rng.normal(0, 0.2, 60) for i in range(12)},
        index=[f"case-{i}" for i in range(60)],
    )
    X["site"] = ["A", "B"] * 30
    duration = rng.exponential(np.exp(-base[:, 0]))
    y = pd.DataFrame({"event": rng.random(60) < 0.8, "duration": duration}, index=X.index)
    return X, y


def marker_of(y):
    return y["duration"] < y["duration"].median()


def steps():
    return [
        MedianImputer(),
        Standardize(),
        VarianceFilter(0.1),
        VolumeFilter("g0_0"),
        CorrelationFilter(),
        CorrelationFilter(keep="univariate"),
        CorrelationFilter(keep="priority", priority=["g1_5"]),
        UnivariateCoxFilter(0.2),
        StabilityFilter({f"g{i % 4}_{i}": i / 12 for i in range(12)}),
    ]


@pytest.mark.parametrize("step", steps(), ids=repr)
def test_same_features_for_any_order_of_columns_and_cases(step, cohort):
    X, y = cohort
    mixed = X.sample(frac=1, axis=1, random_state=5).sample(frac=1, random_state=6)
    step.fit(X, y)
    kept = set(step.get_feature_names_out())
    step.fit(mixed, y.loc[mixed.index])
    assert set(step.get_feature_names_out()) == kept


@pytest.mark.parametrize("step", steps(), ids=repr)
def test_goes_through_json_and_keeps_index_and_text(step, cohort):
    X, y = cohort
    step.fit(X, y)
    out = step.transform(X)
    assert out.index.equals(X.index)
    pd.testing.assert_series_equal(out["site"], X["site"])
    again = step_from_dict(json.loads(canonical_json(step.to_dict())))
    pd.testing.assert_frame_equal(again.transform(X), out)
    pd.testing.assert_frame_equal(again.report_, step.report_)


@pytest.mark.parametrize("step", steps(), ids=repr)
def test_every_dropped_feature_is_reported_with_a_reason(step, cohort):
    X, y = cohort
    out = step.fit(X, y).transform(X)
    assert set(X.columns) - set(out.columns) <= set(step.report_["feature"])
    assert (step.report_["reason"].str.len() > 3).all()


def test_standardize_uses_training_numbers_and_zeroes_constants():
    train = pd.DataFrame({"a": [1.0, 3.0], "b": [4.0, 4.0]})
    step = Standardize().fit(train)
    out = step.transform(pd.DataFrame({"a": [2.0, np.nan], "b": [9.0, np.nan]}))
    # mean 2, SD sqrt(2)
    np.testing.assert_allclose(out["a"], [0.0, np.nan])
    np.testing.assert_allclose(out["b"], [0.0, np.nan])
    assert step.report_["feature"].tolist() == ["b"]


def test_imputer_drops_what_has_no_value_and_fills_with_training_medians():
    train = pd.DataFrame({"a": [1.0, np.nan, 2.0, 9.0], "b": np.nan, "site": list("AABB")})
    step = MedianImputer().fit(train)
    out = step.transform(pd.DataFrame({"a": [np.nan], "b": [1.0], "site": ["C"]}))
    assert out.to_dict("list") == {"a": [2.0], "site": ["C"]}
    assert step.report_.iloc[0].tolist()[:2] == ["b", "no value in training"]


def test_variance_filter_by_unit_and_relative():
    X = pd.DataFrame({"small": [1.0, 1.1, 0.9], "large": [1000.0, 1001.0, 999.0], "c": 3.0})
    assert VarianceFilter(0.5).fit(X).get_feature_names_out().tolist() == ["large"]
    assert VarianceFilter(1e-4, relative=True).fit(X).get_feature_names_out().tolist() == ["small"]


def test_volume_filter_drops_what_ranks_like_the_volume(rng):
    volume = rng.lognormal(size=80)
    X = pd.DataFrame({"v": volume, "like": np.sqrt(volume), "other": rng.normal(size=80)})
    assert VolumeFilter("v").fit(X).get_feature_names_out().tolist() == ["v", "other"]
    out = VolumeFilter("v", keep_volume=False).fit(X)
    assert out.get_feature_names_out().tolist() == ["other"]
    with pytest.warns(RadtoolWarning, match="takes column 'v' for the volume"):
        VolumeFilter().fit(X)
    with pytest.raises(ValueError, match="no numeric column 'w'"):
        VolumeFilter("w").fit(X)


def test_correlation_filter_leaves_no_pair_and_every_dropped_one_a_partner(cohort):
    X, y = cohort
    step = CorrelationFilter(0.8).fit(X, y)
    kept = step.transform(X).drop(columns="site")
    rho = np.abs(stats.spearmanr(kept).statistic)
    np.fill_diagonal(rho, 0)
    assert rho.max() <= 0.8
    assert kept.shape[1] == 4
    for _, row in step.report_.iterrows():
        partner = row["reason"].removeprefix("redundant with ")
        expected = stats.spearmanr(X[row["feature"]], X[partner]).statistic
        assert partner in kept.columns
        assert row["value"] == pytest.approx(expected, abs=1e-9)
        assert abs(expected) > 0.8


def test_correlation_filter_equals_a_slow_twin_over_several_blocks(rng):
    base = rng.normal(size=(40, 150))
    X = np.hstack([base + rng.normal(0, s, base.shape) for s in (0.2, 0.3, 0.5, 0.7)])
    frame = pd.DataFrame(X, columns=[f"f{i:03d}" for i in range(600)])
    rho = np.abs(stats.spearmanr(X).statistic)
    mean = (rho.sum(axis=0) - 1) / 599
    kept = []
    for i in sorted(range(600), key=lambda i: (round(mean[i], 10), frame.columns[i])):
        if all(round(rho[i, k], 10) <= 0.7 for k in kept):
            kept.append(i)
    chosen = CorrelationFilter(0.7).fit(frame).get_support(indices=True)
    assert chosen.tolist() == sorted(kept)


def test_correlation_filter_keeps_the_preferred_of_a_pair(rng):
    good = rng.normal(size=200)
    X = pd.DataFrame({"a": good + rng.normal(0, 0.4, 200), "b": good, "c": rng.normal(size=200)})
    y = pd.DataFrame({"event": True, "duration": np.exp(-good)})
    by = {
        "univariate": CorrelationFilter(0.8, "univariate").fit(X, y),
        "marker": CorrelationFilter(0.8, "univariate").fit(X, pd.Series(good > 0)),
        "priority": CorrelationFilter(0.8, "priority", priority=["a"]).fit(X),
    }
    chosen = {name: step.get_feature_names_out().tolist() for name, step in by.items()}
    assert chosen == {"univariate": ["b", "c"], "marker": ["b", "c"], "priority": ["a", "c"]}


def test_ties_are_broken_by_name():
    X = pd.DataFrame({"z": [1.0, 2, 3, 4], "a": [1.0, 2, 3, 4], "m": [2.0, 1, 4, 3]})
    assert CorrelationFilter(0.9).fit(X).get_feature_names_out().tolist() == ["a", "m"]
    y = pd.DataFrame({"event": True, "duration": [4.0, 3, 2, 1]})
    top = UnivariateCoxFilter(None, top=1).fit(X, y)
    assert top.get_feature_names_out().tolist() == ["a"]


def test_univariate_cox_filter_finds_what_matters(cohort):
    X, y = cohort
    step = UnivariateCoxFilter(0.05, correction="fdr").fit(X, y)
    kept = step.transform(X).drop(columns="site").columns
    assert {"g0_0", "g0_4", "g0_8"} <= set(kept)
    assert (adjust_p(step.p_)[step.support_] <= 0.05).all()
    best = UnivariateCoxFilter(0.05, top=2).fit(X, y).get_support(indices=True)
    assert set(best) == set(np.argsort(step.p_)[:2])


def test_nothing_passing_keeps_the_best_and_says_so(cohort):
    X, y = cohort
    step = UnivariateCoxFilter(1e-30).fit(X, y)
    assert step.support_.sum() == 1
    assert "does not pass" in step.report_["reason"].iloc[0]
    with pytest.warns(RadtoolWarning, match="no feature passes"):
        none = UnivariateCoxFilter(1e-30, at_least=0).fit(X, y).get_support()
    assert not none.any()


def test_marker_filter_needs_two_values(cohort):
    X, y = cohort
    kept = UnivariateMarkerFilter(0.01).fit(X, marker_of(y)).get_feature_names_out()
    assert "g0_0" in kept
    with pytest.raises(ValueError, match="two values"):
        UnivariateMarkerFilter().fit(X, pd.Series(["a", "b", "c"] * 20, index=X.index))
    with pytest.raises(ValueError, match="1 missing"):
        UnivariateMarkerFilter().fit(X, marker_of(y).astype(float).mask(X.index == "case-3"))


def test_stability_filter_reads_frames_series_and_mappings():
    X = pd.DataFrame(np.eye(3), columns=["a", "b", "c"])
    table = pd.DataFrame({"feature": ["a", "b", "c"], "icc": [0.9, 0.5, np.nan]})
    for form in (table, table.set_index("feature"), table.set_index("feature")["icc"]):
        step = StabilityFilter(form, 0.75).fit(X)
        assert step.get_feature_names_out().tolist() == ["a"]
    with pytest.raises(ValueError, match="no stability known for 'c'"):
        StabilityFilter({"a": 0.9, "b": 0.9}).fit(X)
    kept = StabilityFilter({"a": 0.9, "b": 0.1}, unknown="keep").fit(X)
    assert kept.get_feature_names_out().tolist() == ["a", "c"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (VarianceFilter(-1), "threshold"),
        (VolumeFilter(threshold=0), "threshold"),
        (CorrelationFilter(1.5), "threshold"),
        (CorrelationFilter(keep="best"), "keep cannot be"),
        (CorrelationFilter(keep="priority", priority=["zz"]), "'zz'"),
        (UnivariateCoxFilter(0), "alpha"),
        (UnivariateCoxFilter(top=0), "top"),
        (UnivariateCoxFilter(at_least=-1), "at_least"),
        (UnivariateCoxFilter(correction="bon"), "unknown correction"),
        (StabilityFilter({"a": 1.0}, unknown="skip"), "unknown"),
        (StabilityFilter(pd.DataFrame({"x": [1]})), "no column 'icc'"),
    ],
)
def test_unknown_settings_are_refused(step, message, cohort):
    X, y = cohort
    with pytest.raises(ValueError, match=message):
        step.fit(X, y)


def test_gaps_and_infinities_are_named(cohort):
    X = cohort[0].copy()
    X.loc["case-5", "g2_6"] = np.nan
    with pytest.raises(ValueError, match="'g2_6', case.s. 'case-5'; impute first"):
        CorrelationFilter().fit(X)
    X.loc["case-5", "g2_6"] = np.inf
    with pytest.raises(ValueError, match="infinite values in 'g2_6'"):
        MedianImputer().fit(X)


def test_other_cases_in_y_are_refused(cohort):
    X, y = cohort
    with pytest.raises(ValueError, match="different cases or another order"):
        UnivariateCoxFilter().fit(X, y.iloc[::-1])


def test_adjusted_p_equals_r(shared):
    folder = shared / "oracles/multiple_testing_BH1995"
    p = pd.read_csv(folder / "inputs.csv")["p"].to_numpy()
    expected = json.loads((folder / "expected.json").read_text())
    names = {"BH": "fdr", "BY": "fdr_by", "holm": "holm", "bonferroni": "bonferroni"}
    for theirs, ours in names.items():
        np.testing.assert_allclose(adjust_p(p, ours), expected[theirs], rtol=1e-12)
    assert (adjust_p(p, "fdr") <= 0.05).sum() == 4


def test_adjusted_p_by_hand_and_with_gaps():
    p = np.array([0.04, np.nan, 0.01, 0.03])
    np.testing.assert_allclose(adjust_p(p, "fdr"), [0.04, np.nan, 0.03, 0.04])
    np.testing.assert_allclose(adjust_p(p, "holm"), [0.06, np.nan, 0.03, 0.06])
    np.testing.assert_allclose(adjust_p(p, "none"), p)
