"""ComBat against the Python package, against arithmetic by hand, and by its laws."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from radtool.errors import RadtoolWarning
from radtool.files import canonical_json
from radtool.harmonization import ComBat
from radtool.table import step_from_dict

few_cases = pytest.mark.filterwarnings("ignore:ComBat. fewer than 20:radtool.errors.RadtoolWarning")


def cohort(rng, n=120, features=20, sites="ABC"):
    table = pd.DataFrame(
        rng.normal(size=(n, features)), columns=[f"f{i:02d}" for i in range(features)]
    )
    table.index = [f"case-{i}" for i in range(n)]
    codes = np.arange(n) % len(sites)
    table = (table + codes[:, None] * 0.7) * (1 + 0.3 * codes[:, None])
    table["site"] = [sites[c] for c in codes]
    table["age"] = rng.normal(60, 9, n)
    table["sex"] = rng.choice(["f", "m"], n)
    return table


@few_cases
def test_equals_the_python_package(rng):
    module = pytest.importorskip("neuroCombat")
    table = cohort(rng)[lambda t: t["site"] != "C"]
    values = table.filter(like="f0").to_numpy().T
    covars = table[["site", "sex"]].reset_index(drop=True)
    expected = module.neuroCombat(values, covars, "site", categorical_cols=["sex"])["data"].T
    ours = ComBat("site", covariates=["sex"]).fit_transform(
        table.filter(like="f0").join(table[["site", "sex"]])
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_without_pooling_is_arithmetic_by_hand():
    # Site A: 1, 3 (mean 2, variance 2); B: 10, 14 (mean 12, variance 8). Grand mean 7, pooled
    # variance (1 + 1 + 4 + 4) / 4 = 2.5. A stays 7 ± sqrt(2.5 / 2), B the same: both ends equal.
    table = pd.DataFrame({"a": [1.0, 3.0, 10.0, 14.0], "site": list("AABB")})
    with pytest.warns(RadtoolWarning, match="fewer than 20"):
        out = ComBat(empirical_bayes="none").fit_transform(table)
    half = np.sqrt(2.5 / 2)
    np.testing.assert_allclose(out["a"], [7 - half, 7 + half, 7 - half, 7 + half], rtol=1e-12)


def test_with_a_reference_the_reference_stays_as_it_is(rng):
    table = cohort(rng)
    out = ComBat(reference="B", covariates=["age"]).fit_transform(table.drop(columns="sex"))
    rows = table["site"] == "B"
    pd.testing.assert_frame_equal(out[rows], table.loc[rows, out.columns])


def test_transform_of_training_is_fit_transform_and_new_rows_change_nothing(rng):
    table = cohort(rng)
    train, test = table.iloc[:90], table.iloc[90:]
    combat = ComBat(covariates=["age", "sex"])
    fitted = combat.fit_transform(train)
    pd.testing.assert_frame_equal(combat.transform(train), fitted)
    together = combat.transform(table)
    pd.testing.assert_frame_equal(together.iloc[:90], fitted)
    pd.testing.assert_frame_equal(together.iloc[90:], combat.transform(test))


def test_goes_through_json_unchanged(rng):
    table = cohort(rng)
    table.loc["case-3", "f04"] = np.nan
    table["f05"] = 1.0
    combat = ComBat(["site", "sex"], covariates=["age"], reference={"site": "A"}).fit(table)
    document = json.loads(canonical_json(combat.to_dict()))
    again = step_from_dict(document)
    pd.testing.assert_frame_equal(again.transform(table), combat.transform(table))
    pd.testing.assert_frame_equal(again.report_, combat.report_)
    assert canonical_json(again.to_dict()) == canonical_json(combat.to_dict())


def test_order_of_cases_and_columns_does_not_matter(rng):
    table = cohort(rng)
    mixed = table.sample(frac=1, random_state=3, axis=0).sample(frac=1, random_state=4, axis=1)
    out, other = (ComBat(covariates=["age", "sex"]).fit_transform(t) for t in (table, mixed))
    np.testing.assert_allclose(other.loc[out.index, out.columns], out, rtol=1e-9, atol=1e-12)


def test_batch_effect_goes_and_covariate_effect_stays(rng):
    table = cohort(rng, n=600)
    features = [name for name in table if name.startswith("f")]
    age = (table["age"].to_numpy() - 60) / 9
    table[features] += 2 * age[:, None]
    combat = ComBat(covariates=["age"], empirical_bayes="none")
    out = combat.fit_transform(table.drop(columns="sex"))
    slope = np.polyfit(age, out["f00"], 1)[0]
    assert slope == pytest.approx(2, abs=0.2)
    residual = out[features].sub(2 * age, axis=0)
    means = residual.groupby(table["site"].to_numpy()).mean()
    assert np.ptp(means.to_numpy(), axis=0).max() < 0.05


def test_missing_value_stays_missing_and_touches_no_other_feature(rng):
    table = cohort(rng).drop(columns=["age", "sex"])
    holed = table.copy()
    holed.loc["case-7", "f03"] = np.nan
    combat = ComBat(empirical_bayes="none")
    full, out = combat.fit_transform(table), clone(combat).fit_transform(holed)
    assert out["f03"].isna().sum() == 1
    pd.testing.assert_frame_equal(out.drop(columns="f03"), full.drop(columns="f03"))
    alone = clone(combat).fit_transform(table.drop(index="case-7"))
    np.testing.assert_allclose(out["f03"].drop("case-7"), alone["f03"], rtol=1e-12)


def test_missing_values_with_covariates_are_fitted_where_known(rng):
    table = cohort(rng)
    table.loc[table.index[::7], "f03"] = np.nan
    combat = ComBat(covariates=["age", "sex"], empirical_bayes="none")
    out = combat.fit_transform(table)["f03"].dropna()
    alone = clone(combat).fit_transform(table.dropna())["f03"]
    np.testing.assert_allclose(out, alone, rtol=1e-10)


def test_feature_that_cannot_be_harmonized_passes_through_and_is_reported(rng):
    table = cohort(rng).drop(columns=["age", "sex"])
    in_a = table["site"] == "A"
    table.loc[in_a, "f00"] = 5.0
    table["f01"] = np.nan
    table.loc[in_a, "f02"] = np.nan
    table["f03"] = 2.0
    combat = ComBat()
    out = combat.fit_transform(table)
    pd.testing.assert_frame_equal(out.filter(regex="f0[0-3]"), table.filter(regex="f0[0-3]"))
    reasons = combat.report_.set_index("feature")["reason"]
    assert reasons.to_dict() == {
        "f00": "not harmonized: constant in site 'A'",
        "f01": "not harmonized: fewer than 2 value(s) in site 'A'",
        "f02": "not harmonized: fewer than 2 value(s) in site 'A'",
        "f03": "not harmonized: constant in site 'A'",
    }
    rest = table.drop(columns=["f00", "f01", "f02", "f03"])
    pd.testing.assert_frame_equal(
        out[[c for c in rest if c != "site"]], ComBat().fit_transform(rest)
    )


def test_several_batch_columns_in_turn_with_evidence(rng):
    table = cohort(rng, n=240).drop(columns=["age"])
    kernel = rng.choice(["sharp", "soft"], 240)
    table = table.assign(kernel=kernel).drop(columns="sex")
    features = [name for name in table if name.startswith("f")]
    table[features] += np.where(kernel == "sharp", 2.0, 0.0)[:, None]
    combat = ComBat(["site", "kernel"]).fit(table)
    evidence = combat.evidence_.set_index(["stage", "batch"])["median_variance_explained"]
    assert evidence["before", "kernel"] > 0.2
    assert evidence["after site", "site"] < 0.01
    assert evidence["after kernel", "kernel"] < 0.01
    by_hand = ComBat("kernel").fit_transform(
        ComBat("site").fit_transform(table.drop(columns="kernel")).join(table["kernel"])
    )
    pd.testing.assert_frame_equal(combat.transform(table), by_hand)


def test_new_batch_policies(rng):
    table = cohort(rng).drop(columns=["age", "sex"])
    known, new = table[table["site"] != "C"], table[table["site"] == "C"]
    with pytest.raises(ValueError, match="'C' was not there at fit .*case-2.*known: 'A', 'B'"):
        ComBat().fit(known).transform(new)
    with pytest.warns(RadtoolWarning, match="policy 'leave'"):
        left = ComBat(unseen="leave").fit(known).transform(new)
    pd.testing.assert_frame_equal(left, new.drop(columns="site"))
    with pytest.warns(RadtoolWarning, match="policy 'pooled'"):
        pooled = ComBat(unseen="pooled").fit(known).transform(table)
    pd.testing.assert_frame_equal(pooled[table["site"] != "C"], ComBat().fit_transform(known))
    with pytest.warns(RadtoolWarning, match="policy 'estimate'"):
        estimated = ComBat(unseen="estimate").fit(known).transform(new)
    added = ComBat().fit(known).with_batches(new)
    pd.testing.assert_frame_equal(added.transform(new), estimated)
    pd.testing.assert_frame_equal(added.transform(known), ComBat().fit_transform(known))
    grand = added.estimates_[0]["grand_mean"]
    assert np.abs(estimated.mean().to_numpy() - grand).mean() < 0.1
    assert np.abs(left.mean().to_numpy() - grand).mean() > 0.5


def test_covariate_policies_at_transform(rng):
    table = cohort(rng)
    new = table.iloc[:2].assign(sex=["x", "f"])
    with pytest.raises(ValueError, match="level.s. 'x' that were not there at fit .*case-0"):
        ComBat(covariates=["sex", "age"]).fit(table).transform(new)
    new = table.iloc[:2].assign(age=[np.nan, 50.0])
    with pytest.raises(ValueError, match="'age' is missing for case.s. 'case-0'"):
        ComBat(covariates=["sex", "age"]).fit(table).transform(new)
    filled = ComBat(covariates=["sex", "age"], unknown_covariates="mean").fit(table).transform(new)
    at_mean = new.fillna({"age": table["age"].mean()})
    expected = ComBat(covariates=["sex", "age"]).fit(table).transform(at_mean)
    pd.testing.assert_frame_equal(filled, expected)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"site": "A"}, {}, "all 120 cases are of one batch"),
        ({"site": ["X"] + ["A", "B"] * 59 + ["A"]}, {}, "'X' has one case"),
        ({"site": ["X"] * 5 + ["A"] * 115}, {"small_batch": "refuse"}, "'X' has fewer than 10"),
        ({"site": [None] + ["A", "B"] * 59 + ["A"]}, {}, "not known for case.s. 'case-0'"),
        ({"f01": np.inf}, {}, "infinite values in 'f01'"),
        ({"age": 7.0}, {"covariates": ["age"]}, "'age' is constant or fixed by batch"),
        ({"sex": ["a", "b", "c"] * 40}, {"covariates": ["sex"]}, "'sex' is constant or fixed"),
        ({"duration": 1.0}, {"covariates": ["duration"]}, "looks like an outcome"),
        ({}, {"covariates": ["agge"]}, "did you mean 'age'"),
        ({}, {"batch": "sitee"}, "did you mean 'site'"),
        ({}, {"empirical_bayes": "bayes"}, "empirical_bayes cannot be 'bayes'"),
        ({}, {"unseen": "skip"}, "unseen cannot be 'skip'"),
        ({}, {"reference": "Z"}, "reference 'Z' is not a level"),
        ({}, {"covariates": ["site"]}, "both batch and covariate"),
        ({}, {"batch": ["site", "sex"], "reference": "A"}, "mapping column -> level"),
    ],
)
def test_bad_input_is_refused_in_words(rng, change, settings, message):
    table = cohort(rng).assign(**change)
    with pytest.raises(ValueError, match=message):
        ComBat(**settings).fit(table)


def test_covariates_that_depend_on_each_other_are_refused(rng):
    table = cohort(rng)
    table["age_months"] = table["age"] * 12
    with pytest.raises(ValueError, match="linearly dependent"):
        ComBat(covariates=["age", "age_months"]).fit(table)


def test_one_feature_alone_has_nothing_to_share(rng):
    table = cohort(rng)[["f00", "site"]]
    with pytest.raises(ValueError, match="use empirical_bayes='none'"):
        ComBat().fit(table)
    assert ComBat(empirical_bayes="none").fit_transform(table).shape == (120, 1)


@pytest.mark.parametrize("form", ["itself", "log", "dead by 500", "marker"])
def test_outcome_in_disguise_is_refused(rng, form):
    table = cohort(rng)
    duration = rng.exponential(600, 120)
    y = pd.DataFrame({"event": True, "duration": duration}, index=table.index)
    y.loc[table.index[::3], "event"] = False
    disguise = {
        "itself": duration,
        "log": np.log(duration),
        "dead by 500": duration < 500,
        "marker": y["event"].map({True: "yes", False: "no"}),
    }[form]
    table["sneaky"] = disguise
    with pytest.raises(ValueError, match="'sneaky' is the outcome"):
        ComBat(covariates=["sneaky"]).fit(table, y)


def test_covariate_near_the_outcome_warns(rng):
    table = cohort(rng)
    marker = pd.Series(rng.random(120) < 0.5, index=table.index)
    table["near"] = marker + rng.normal(0, 0.35, 120)
    with pytest.warns(RadtoolWarning, match="goes with the outcome"):
        ComBat(covariates=["near"]).fit(table, marker)
    ComBat(covariates=["age"]).fit(table.drop(columns="near"), marker)


def test_y_of_other_cases_is_refused(rng):
    table = cohort(rng)
    y = pd.Series(True, index=table.index[::-1])
    with pytest.raises(ValueError, match="different cases or another order"):
        ComBat().fit(table, y)


def test_tiny_batch_policies(rng):
    table = cohort(rng).drop(columns=["age", "sex"])
    table["site"] = ["X"] * 6 + ["A", "B"] * 57
    with pytest.warns(RadtoolWarning, match="fewer than 20 cases in site 'X .6.'"):
        both = ComBat().fit(table)
    assert not np.allclose(both.estimates_[0]["delta_star"][2], 1)
    with pytest.warns(RadtoolWarning, match="fewer than 20"):
        location = ComBat(small_batch="mean_only").fit(table)
    np.testing.assert_array_equal(location.estimates_[0]["delta_star"][2], 1.0)
    assert not np.allclose(location.estimates_[0]["delta_star"][0], 1)
    one = table.iloc[5:]
    with pytest.warns(RadtoolWarning, match="'X .1.'"):
        moved = ComBat(mean_only=True).fit_transform(one)
    assert np.isfinite(moved).all(axis=None)


def test_repeated_index_of_a_bootstrap_draw_is_taken_in_order(rng):
    table = cohort(rng).drop(columns=["age", "sex"])
    draw = table.iloc[rng.integers(0, 120, 120)]
    out = ComBat().fit_transform(draw)
    assert out.index.equals(draw.index)
    expected = ComBat().fit_transform(draw.reset_index(drop=True))
    np.testing.assert_array_equal(out, expected)


def test_other_columns_at_transform_are_refused_by_name(rng):
    table = cohort(rng)
    combat = ComBat().fit(table)
    with pytest.raises(ValueError, match="f03"):
        combat.transform(table.drop(columns="f03"))
    with pytest.raises(ValueError, match="needs a DataFrame"):
        combat.transform(table.to_numpy())


def test_text_columns_are_carried_and_covariates_kept_on_request(rng):
    table = cohort(rng).assign(kernel="B30f")
    assert list(ComBat().fit_transform(table).columns[-3:]) == ["age", "sex", "kernel"]
    out = ComBat(covariates=["age"]).fit_transform(table)
    assert "age" not in out.columns
    kept = ComBat(covariates=["age"], keep_covariates=True).fit_transform(table)
    pd.testing.assert_series_equal(kept["age"], table["age"])


class TwoBatches(ComBat):
    """ComBat for scikit-learn's own arrays: the batch of a row is whether its first value is high.

    Its checks know no batch column, so this one makes it, from the row alone; everything else is
    ComBat.
    """

    def __init__(self, empirical_bayes="none"):
        super().__init__("batch", empirical_bayes=empirical_bayes, unseen="leave")

    def fit(self, X, y=None):
        X = self._checked(X, reset=True)
        self.cut_ = float(np.median(X.iloc[:, 0]))
        return super().fit(self._with_batch(X))

    def transform(self, X):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        framed = isinstance(X, pd.DataFrame)
        out = super().transform(self._with_batch(self._checked(X, reset=False)))
        return out if framed else out.to_numpy()

    def _checked(self, X, *, reset):
        from sklearn.utils.validation import validate_data

        names = list(X.columns) if isinstance(X, pd.DataFrame) else None
        array = validate_data(
            self, X, reset=reset, dtype=float, ensure_min_samples=4 if reset else 1
        )
        return pd.DataFrame(array, columns=names or [f"x{i}" for i in range(array.shape[1])])

    def _with_batch(self, X):
        return X.assign(batch=np.where(X.iloc[:, 0] > self.cut_, "high", "low"))

    def _read(self, X, *, reset):
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


@few_cases
@parametrize_with_checks([ComBat(batch=None), TwoBatches()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
