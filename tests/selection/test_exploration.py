"""Exploration held to published tables, scikit-learn and the survival literature's tools."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from radtool.selection import explore


@pytest.fixture
def cohort(rng):
    X = pd.DataFrame(rng.normal(size=(80, 5)), columns=[f"original_stat_f{i}" for i in range(5)])
    X["original_morph_volume"] = rng.lognormal(size=80)
    X["original_stat_f4"] = np.sqrt(X["original_morph_volume"]) + rng.normal(0, 0.05, 80)
    X["site"] = "A"
    marker = pd.Series(X["original_stat_f0"] + rng.normal(size=80) > 0)
    return X, marker


def test_equals_the_published_table_of_pmtool(shared):
    folder = shared / "oracles/pmtool_basic_stats"
    table = pd.read_csv(folder / "inputs.csv.gz")
    features = [c for c in table if c.startswith(("original_", "wavelet", "log"))]
    found = explore(
        table,
        table["1yearsurvival"],
        features=features,
        volume="original_shape_MeshVolume",
        patients=table["PatientID"],
    )
    assert len(features) == 1218
    assert (found.test, found.measure) == ("Mann-Whitney", "auc")
    published = pd.read_csv(folder / "expected_binary_1year.csv", index_col="feature")
    ours = found.summary.loc[published.index]
    np.testing.assert_allclose(ours["p_bonferroni"], published["p_published"], atol=5.1e-7)
    np.testing.assert_allclose(ours["p_bonferroni"], published["p_bonf"], rtol=1e-9)
    either = np.maximum(ours["strength"], 1 - ours["strength"])
    np.testing.assert_allclose(either, published["auc_exact"], rtol=1e-12)
    np.testing.assert_allclose(ours["rho_volume"], published["volume_corr"], rtol=1e-12)
    np.testing.assert_allclose(ours["p_normal"], published["shapiro"], rtol=1e-9)
    rows = pd.read_csv(folder / "published_rows.csv", index_col=0)
    cut = {name.removesuffix("..."): name for name in rows.index}  # long names are cut in print
    full = {cut[c]: f for f in features for c in cut if f == c or (f.startswith(c) and cut[c] != c)}
    ours = found.summary.loc[[full[name] for name in rows.index]]
    for theirs, name in {"Mean": "mean", "Std": "sd", "Min": "minimum", "Max": "maximum"}.items():
        np.testing.assert_allclose(ours[name], rows[theirs], atol=5.1e-7, rtol=1e-9)
    assert "4 row(s) repeat a patient" in found.notes[-1]


def test_area_of_a_marker_is_exact_and_its_interval_delongs(cohort):
    X, marker = cohort
    found = explore(X, marker, volume="original_morph_volume")
    row = found.summary.loc["original_stat_f0"]
    assert row["strength"] == pytest.approx(roc_auc_score(marker, X["original_stat_f0"]))
    # DeLong by its definition: variance of the placements
    a = X.loc[marker, "original_stat_f0"].to_numpy()
    b = X.loc[~marker, "original_stat_f0"].to_numpy()
    wins = a[:, None] > b[None, :]
    variance = wins.mean(axis=1).var(ddof=1) / a.size + wins.mean(axis=0).var(ddof=1) / b.size
    assert row["upper"] - row["lower"] == pytest.approx(2 * 1.959964 * np.sqrt(variance), rel=1e-6)
    assert found.summary["p_fdr"].to_numpy() == pytest.approx(
        stats.false_discovery_control(found.summary["p"])
    )


def test_volume_and_what_it_leaves(cohort):
    X, marker = cohort
    table = explore(X, marker, volume="original_morph_volume").summary
    assert table.loc["original_stat_f4", "rho_volume"] > 0.9
    assert table.loc["original_morph_volume", "rho_volume"] == pytest.approx(1.0)
    # partial Spearman = Pearson correlation of what a line on the volume's ranks leaves of ranks
    ranks = {
        "x": stats.rankdata(X["original_stat_f4"]),
        "y": stats.rankdata(marker),
        "v": stats.rankdata(X["original_morph_volume"]),
    }
    left = {k: ranks[k] - np.polyval(np.polyfit(ranks["v"], ranks[k], 1), ranks["v"]) for k in "xy"}
    expected = stats.pearsonr(left["x"], left["y"]).statistic
    assert table.loc["original_stat_f4", "rho_outcome_given_volume"] == pytest.approx(expected)


def test_survival_uses_cox_and_harrell(cohort, rng):
    X, _ = cohort
    risk = X["original_stat_f0"]
    y = pd.DataFrame({"event": rng.random(80) < 0.7, "duration": rng.exponential(np.exp(-risk))})
    found = explore(X, y)
    row = found.summary.loc["original_stat_f0"]
    assert (found.kind, found.test, found.measure) == ("survival", "Cox score test", "harrell_c")
    assert row["lower"] < row["strength"] < row["upper"]
    assert row["strength"] > 0.6
    assert row["p"] < 0.001
    assert found.classes.to_dict() == y["event"].map({True: "event", False: "censored"}
        ).value_counts().sort_index().to_dict()  # fmt: skip


def test_jackknife_of_c_equals_r(shared):
    # survival::concordance(Surv(futime, fustat) ~ age): 0.784403669724771, se 0.0826697943707723
    table = pd.read_csv(next((shared / "oracles/survival_ovarian").glob("*.csv")))
    y = pd.DataFrame({"event": table["fustat"] == 1, "duration": table["futime"]})
    row = explore(table[["age"]], y).summary.loc["age"]
    assert row["strength"] == pytest.approx(0.784403669724771, rel=1e-12)
    assert (row["strength"] - row["lower"]) / 1.959963984540054 == pytest.approx(
        0.0826697943707723, rel=1e-9
    )


def test_several_classes_use_kruskal_wallis(cohort):
    X, _ = cohort
    classes = pd.Series(["a", "b", "c", "a"] * 20)
    found = explore(X, classes)
    groups = [X.loc[classes == c, "original_stat_f1"] for c in "abc"]
    assert found.test == "Kruskal-Wallis"
    assert found.summary.loc["original_stat_f1", "p"] == pytest.approx(
        stats.kruskal(*groups).pvalue
    )
    assert found.classes.to_dict() == {"a": 40, "b": 20, "c": 20}


def test_correlation_puts_like_features_side_by_side(cohort):
    X, _ = cohort
    matrix = explore(X).correlation
    expected = stats.spearmanr(X[list(matrix)]).statistic
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    place = list(matrix.index)
    apart = place.index("original_stat_f4") - place.index("original_morph_volume")
    assert abs(apart) == 1


def test_histograms_of_the_classes_share_bins_and_count_everybody(cohort):
    X, marker = cohort
    found = explore(X, marker, bins=10).distributions
    one = found[found["feature"] == "original_stat_f2"]
    assert one["count"].sum() == 80
    edges = one.groupby("group")["left"].apply(list)
    assert edges.iloc[0] == edges.iloc[1]


def test_notes_name_what_is_wrong(cohort):
    X = cohort[0].assign(original_stat_flat=1.0, original_stat_empty=np.nan)
    few = pd.Series(["yes"] * 5 + ["no"] * 74 + [None])
    found = explore(X, few)
    text = " ".join(found.notes)
    assert "constant: 'original_stat_flat'" in text
    assert "no value: 'original_stat_empty'" in text
    assert "class 'yes' has 5 cases" in text
    assert "1 case(s) have an unknown outcome" in text
    assert np.isnan(found.summary.loc["original_stat_flat", "p"])


def test_wrong_calls_are_refused(cohort):
    X, marker = cohort
    with pytest.raises(ValueError, match="did you mean 'original_morph_volume'"):
        explore(X, volume="original_morph_volum")
    with pytest.raises(ValueError, match="other order"):
        explore(X, marker.iloc[::-1])
    with pytest.raises(ValueError, match="one class only"):
        explore(X, pd.Series(True, index=X.index))
    with pytest.raises(ValueError, match="'site' is not numeric"):
        explore(X, features=["site"])
    with pytest.raises(ValueError, match="no numeric column"):
        explore(X[["site"]])
