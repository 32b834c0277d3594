"""Batch evidence: every number against SciPy or by hand, and confounding said loudly."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.decomposition import PCA

from radtool.errors import RadtoolWarning
from radtool.harmonization import ComBat, associate, batch_evidence, cramers_v, log_rank, one_way


@pytest.fixture
def cohort(rng):
    X = pd.DataFrame(rng.normal(size=(90, 8)), columns=[f"f{i}" for i in range(8)])
    X["site"] = ["A", "B", "C"] * 30
    X["age"] = rng.normal(60, 9, 90)
    X.loc[X["site"] == "B", ["f0", "f1", "f2"]] += 2
    X["f3"] += (X["age"] - 60) / 5
    X.index = [f"case-{i}" for i in range(90)]
    return X


def test_one_way_equals_scipy_with_gaps(rng):
    values = rng.normal(size=(40, 5))
    codes = rng.integers(0, 3, 40)
    values[::5, 1] = np.nan
    values[:, 4] = 2.0
    f, p, _ = one_way(values, codes)
    for i in range(4):
        known = np.isfinite(values[:, i])
        expected = stats.f_oneway(*(values[known & (codes == g), i] for g in range(3)))
        assert (f[i], p[i]) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)
    assert np.isnan(f[4])


def test_log_rank_equals_lifelines(rng):
    tests = pytest.importorskip("lifelines.statistics")
    group = rng.choice(["a", "b", "c"], 80)
    duration, event = rng.integers(1, 20, 80).astype(float), rng.random(80) < 0.7
    expected = tests.multivariate_logrank_test(duration, group, event)
    chi2, df, p = log_rank(group, event, duration)
    assert (chi2, df, p) == pytest.approx((expected.test_statistic, 2, expected.p_value), rel=1e-9)


def test_cramers_v_by_hand():
    # chi2 of [[15, 5], [5, 15]]: every expected count 10, 4 * 25 / 10 = 10; V = sqrt(10 / 40)
    v, p = cramers_v(np.array([[15, 5], [5, 15]]))
    assert v == pytest.approx(0.5)
    assert p == pytest.approx(stats.chi2.sf(10, 1))
    assert cramers_v(np.array([[3, 4]])) == (0.0, 1.0)


def test_combat_removes_what_the_batch_explains_and_keeps_the_covariate(cohort):
    after = ComBat(covariates=["age"]).fit_transform(cohort)
    found = batch_evidence(cohort, after, batch="site", covariates=["age"])
    assert found.sizes == {"A": 30, "B": 30, "C": 30}
    assert found.tested == 8
    assert found.significant_before == 3
    assert found.significant_after == 0
    assert found.silhouette_before > 0.02 > found.silhouette_after
    assert found.features.loc["f0", "eta2_before"] > 0.3
    assert found.features.loc["f0", "eta2_after"] < 0.05
    assert found.variance.loc["site", "after"] < found.variance.loc["site", "before"]
    r2 = [stats.pearsonr(cohort["age"], cohort[f"f{i}"]).statistic ** 2 for i in range(8)]
    assert found.variance.loc["age", "before"] == pytest.approx(np.median(r2))
    groups = [cohort.loc[cohort["site"] == s, "f0"] for s in "ABC"]
    assert found.features.loc["f0", "kruskal_before"] == pytest.approx(
        stats.kruskal(*groups).pvalue
    )
    assert found.notes == ()


def test_view_is_the_first_two_principal_components(cohort):
    found = batch_evidence(cohort, batch="site", covariates=["age"])
    X = cohort[[f"f{i}" for i in range(8)]]
    pca = PCA(2).fit((X - X.mean()) / X.std(ddof=0))
    expected = pca.transform((X - X.mean()) / X.std(ddof=0))
    np.testing.assert_allclose(np.abs(found.view[["x_before", "y_before"]]), np.abs(expected))
    assert found.explained == pytest.approx(tuple(pca.explained_variance_ratio_))
    np.testing.assert_array_equal(
        found.view[["x_before", "y_before"]], found.view[["x_after", "y_after"]]
    )


def test_batch_confounded_with_a_marker_is_said_loudly(cohort):
    marker = pd.Series(cohort["site"] == "B", index=cohort.index)
    with pytest.warns(RadtoolWarning, match="CONFOUNDED: batch 'site' goes with the outcome"):
        found = batch_evidence(cohort, batch="site", y=marker)
    assert found.associations[0].strength == pytest.approx(1.0)
    assert found.associations[0].complete


def test_batch_confounded_with_survival_and_covariate_is_said_loudly(cohort, rng):
    in_b = cohort["site"] == "B"
    y = pd.DataFrame(
        {"event": True, "duration": rng.exponential(np.where(in_b, 1.0, 5.0))}, index=cohort.index
    )
    with pytest.warns(RadtoolWarning, match="goes with the outcome .log-rank"):
        batch_evidence(cohort, batch="site", y=y)
    older = cohort.assign(age=cohort["age"] + 30 * in_b)
    with pytest.warns(RadtoolWarning, match="goes with age .eta squared"):
        batch_evidence(older, batch="site", covariates=["age"])


def test_unrelated_outcome_is_quiet(cohort, rng):
    marker = pd.Series(np.arange(90) % 2 == 0, index=cohort.index)
    assert batch_evidence(cohort, batch="site", y=marker).notes == ()
    assert not associate(cohort["site"].to_numpy(), pd.Series(marker), "y").confounded


def test_gaps_and_constants_are_left_out_of_their_feature_only(cohort):
    holed = cohort.copy()
    holed.loc["case-4", "f5"] = np.nan
    holed["f6"] = 1.0
    found = batch_evidence(holed, batch="site")
    assert found.tested == 8  # f6 is constant; age, which is not named, is a feature
    assert np.isnan(found.features.loc["f6", "p_before"])
    assert np.isfinite(found.view.drop(columns="batch")).all(axis=None)


def test_wrong_tables_are_refused(cohort):
    with pytest.raises(ValueError, match="did you mean 'site'"):
        batch_evidence(cohort, batch="sites")
    with pytest.raises(ValueError, match="other cases"):
        batch_evidence(cohort, cohort.iloc[::-1], batch="site")
    with pytest.raises(ValueError, match="one batch only"):
        batch_evidence(cohort.assign(site="A"), batch="site")
    with pytest.raises(ValueError, match="no numeric feature"):
        batch_evidence(cohort[["site"]], batch="site")
