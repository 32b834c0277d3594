import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import harrell_c
from radtool.models import (
    Block,
    CoxSignature,
    MarkerSignature,
    bootstrap_optimism,
    cross_validate,
    leave_one_site_out,
    permutation_null,
)
from radtool.selection import UnivariateCoxFilter
from radtool.table import FeatureStep


class Spy(FeatureStep):
    """Remembers which cases it was fitted on."""

    seen: list = []  # noqa: RUF012 (shared on purpose: clones must write to the same list)

    def fit(self, X, y=None):
        Spy.seen.append(set(X.index))
        self.fitted_ = True
        return self

    def transform(self, X):
        return X


def test_every_step_sees_training_cases_only(cohort):
    X, y = cohort
    people = pd.Series([f"person {i // 2}" for i in range(len(X))], index=X.index)
    Spy.seen.clear()
    result = cross_validate(
        CoxSignature({"c": Block(["age"], [Spy()])}), X, y, people, folds=4, repeats=2
    )
    assert len(Spy.seen) == 8
    for seen in Spy.seen:
        out = set(X.index) - seen
        assert len(out) == pytest.approx(30, abs=2)
        assert not set(people[list(seen)]) & set(people[list(out)])
    assert result.risks.shape == (120, 2)
    assert result.risks.notna().all(axis=None)


def test_a_fitted_signature_is_refitted_in_every_fold(cohort, fitted):
    X, y = cohort
    # Scoring the frozen signature on its own training cases would flatter it.
    apparent = harrell_c(y, fitted.predict_risk(X)).value
    result = cross_validate(fitted, X, y, repeats=2)
    assert result.folds["score"].mean() < apparent
    assert (result.folds["n_train"] < 120).all()


def test_permuted_outcomes_give_one_half():
    # 60 cases, 200 noise features, the best 5 chosen by the outcome inside each fold.
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 200))).add_prefix("f").rename(lambda i: f"p{i}")
    y = pd.DataFrame(
        {"event": rng.random(60) < 0.7, "duration": rng.exponential(size=60)}, index=X.index
    )
    signature = CoxSignature({"r": Block(["f*"], [UnivariateCoxFilter(alpha=1.0, top=5)])})
    scores = permutation_null(signature, X, y, n=25, folds=5)["score"]
    error = scores.std(ddof=1) / np.sqrt(len(scores))
    assert abs(scores.mean() - 0.5) < 3 * error
    assert error < 0.02
    # The same selection before the folds would not: that is what the design makes impossible.
    chosen = CoxSignature({"r": Block(["f*"], [UnivariateCoxFilter(alpha=1.0, top=5)])}).fit(X, y)
    leaked = X[chosen.coefficients_["feature"]]
    wrong = cross_validate(CoxSignature({"r": Block(["f*"])}), leaked, y, repeats=2)
    assert wrong.folds["score"].mean() > 0.6


def test_same_seed_same_numbers_on_any_number_of_processes(cohort, signature):
    one = cross_validate(signature, *cohort, folds=3, repeats=1, seed=5)
    two = cross_validate(signature, *cohort, folds=3, repeats=1, seed=5, jobs=2)
    pd.testing.assert_frame_equal(one.folds, two.folds)
    pd.testing.assert_frame_equal(one.risks, two.risks)
    other = cross_validate(signature, *cohort, folds=3, repeats=1, seed=6)
    assert (one.folds["score"] != other.folds["score"]).any()


def test_summary_keeps_folds_pool_and_repeats_apart(cohort, signature):
    result = cross_validate(signature, *cohort, repeats=3)
    table = result.summary().set_index("measure")
    assert table.loc["mean_of_folds", "value"] == pytest.approx(result.folds["score"].mean())
    own = harrell_c(cohort[1], result.risk)
    assert table.loc["pooled_averaged", "value"] == own.value
    assert table.loc["pooled_averaged", "upper"] == own.upper
    per_repeat = result.folds.groupby("repeat")["score"].mean()
    assert table.loc["sd_of_repeats", "value"] == pytest.approx(per_repeat.std())
    frequency = result.selected.set_index("feature")["frequency"]
    assert frequency["original_stat_f01"] > 0.9
    assert frequency.max() <= 1


def test_a_fold_that_cannot_be_fitted_is_a_row_with_a_note(cohort):
    X, y = cohort
    signature = CoxSignature({"r": Block([f"original_stat_f{j:02d}" for j in range(16)])})
    # 21 events in five folds leave 16 for training once and 17 four times.
    few = y.assign(event=np.arange(120) < 21)
    folds = cross_validate(signature, X, few, folds=5, repeats=1).folds
    failed = folds["note"].str.contains("16 predictors for 16 events")
    assert failed.sum() == 1
    assert folds["score"].isna().tolist() == failed.tolist()


def test_no_fold_at_all_is_an_error(cohort):
    X, y = cohort
    signature = CoxSignature({"r": Block(["original_stat_f*"])})
    few = y.assign(event=np.arange(120) < 10)
    with pytest.raises(InputError, match=r"no fold could be fitted.*predictors for 8 events"):
        cross_validate(signature, X, few, repeats=1)


def test_markers_are_cross_validated_too(cohort, marker):
    result = cross_validate(
        MarkerSignature({"r": Block(["original_stat_f0[0-3]"])}, model="logistic"),
        cohort[0],
        marker,
        repeats=1,
    )
    assert result.folds["score"].mean() > 0.6
    assert result.risks[0].between(0, 1).all()


def test_optimism_is_subtracted(cohort, signature):
    found = bootstrap_optimism(signature, *cohort, n=20)
    assert found.optimism > 0
    assert found.corrected.value == pytest.approx(found.apparent.value - found.optimism)
    assert found.slope < 1
    assert len(found.samples) == 20


def test_optimism_of_rms_on_pbc(shared):
    import json

    folder = shared / "oracles" / "fastbw"
    rows = json.loads((folder / "optimism_validate.json").read_text())["validate_full"]
    r = {row["_row"]: row for row in rows}
    frame = pd.read_csv(folder / "pbc.csv")
    y = pd.DataFrame({"event": frame["d"] == 1, "duration": frame["time"].astype(float)})
    X = frame.drop(columns=["time", "status", "d"])
    found = bootstrap_optimism(CoxSignature({"all": Block(list(X))}), X, y, n=60)
    # Dxy = 2 (C - 0.5); rms leaves a Monte-Carlo error of about 0.005 on its optimism, ours with 60
    # samples is about twice that.
    assert 2 * (found.apparent.value - 0.5) == pytest.approx(r["Dxy"]["index.orig"], abs=1e-6)
    assert 2 * found.optimism == pytest.approx(r["Dxy"]["optimism"], abs=0.025)
    assert found.slope == pytest.approx(r["Slope"]["index.corrected"], abs=0.05)


def test_each_site_is_left_out_once(cohort):
    X, y = cohort
    result = leave_one_site_out(
        CoxSignature({"r": Block(["original_stat_f0[0-3]"])}), X, y, sites=X["site"]
    )
    assert result.folds["fold"].tolist() == ["north", "south"]
    assert result.folds["n_test"].tolist() == X["site"].value_counts().sort_index().tolist()
    assert result.folds["score"].min() > 0.6


def test_events_in_one_site_only_are_refused(cohort):
    X, y = cohort
    only = y.assign(event=y["event"] & (X["site"] == "north"))
    with pytest.raises(InputError, match="all events are in site 'north'"):
        leave_one_site_out(CoxSignature({"c": Block(["age"])}), X, only, sites=X["site"])


def test_a_patient_of_two_sites_is_refused(cohort):
    X, y = cohort
    people = pd.Series("p" + X["age"].rank().fillna(0).astype(int).astype(str), index=X.index)
    people[:] = [f"p{i // 2}" for i in range(120)]
    with pytest.raises(InputError, match="more than one site"):
        leave_one_site_out(CoxSignature({"c": Block(["age"])}), X, y, people, sites=X["site"])


def test_a_case_without_site_is_not_a_site_of_its_own(cohort):
    X, y = cohort
    signature, sites = (
        CoxSignature({"clinical": Block(["age"])}),
        X["site"].mask(X.index == X.index[3]),
    )
    with pytest.raises(InputError, match=f"no site for case.s. ..{X.index[3]}"):
        leave_one_site_out(signature, X, y, sites=sites)
    with pytest.raises(InputError, match="not of the same cases"):
        leave_one_site_out(signature, X, y, sites=X["site"].iloc[::-1])
