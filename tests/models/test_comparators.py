import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation import (
    bootstrap_auc_difference,
    bootstrap_c_difference,
    compare_c,
    harrell_c,
)
from radtool.models import Block, CoxSignature, comparators, compare_models, compare_risks
from radtool.selection import UnivariateCoxFilter

RADIOMICS = Block(["original_stat*"], [UnivariateCoxFilter(alpha=0.1)])
VOLUME = "original_morph_volume"


def test_the_mandatory_models_are_built(cohort):
    X, y = cohort
    made = comparators(X, y, volume=VOLUME, clinical=["age"], radiomics=RADIOMICS)
    assert {name: list(s.blocks) for name, s in made.items()} == {
        "volume": ["volume"],
        "clinical": ["clinical"],
        "clinical_volume": ["clinical", "volume"],
        "radiomics": ["radiomics"],
        "all": ["clinical", "volume", "radiomics"],
    }
    assert not any(hasattr(s, "models_") for s in made.values())


def test_without_clinical_columns(cohort):
    made = comparators(*cohort, volume=VOLUME, clinical=[], radiomics=RADIOMICS)
    assert list(made) == ["volume", "radiomics", "all"]


def test_the_volume_enters_as_its_logarithm(cohort):
    X, y = cohort
    made = comparators(X, y, volume=VOLUME, clinical=["age"], radiomics=RADIOMICS)
    one = made["volume"].fit(X, y)
    by_hand = CoxSignature({"v": Block(["log"])}).fit(X.assign(log=np.log(X[VOLUME])), y)
    assert one.coefficients_["coefficient"][0] == pytest.approx(
        by_hand.coefficients_["coefficient"][0]
    )


def test_a_volume_among_the_radiomics_enters_once(cohort):
    X, y = cohort
    made = comparators(X, y, volume=VOLUME, clinical=["age"], radiomics=Block(["original_*"]))
    assert "volume" not in made["all"].blocks


def test_added_value_over_clinical_and_volume(cohort, other):
    X, y = cohort
    made = comparators(X, y, volume=VOLUME, clinical=["age"], radiomics=RADIOMICS)
    fitted = {name: s.fit(X, y) for name, s in made.items()}
    table = compare_models(fitted, *other).set_index("model")
    base, best = (fitted[n].predict_risk(other[0]) for n in ("clinical_volume", "all"))
    row = compare_c(other[1], base, best).iloc[0]
    assert table.loc["all", "difference"] == row["difference"] > 0
    assert table.loc["all", "difference_lower"] == row["lower"]
    assert (
        table.loc["volume", "value"]
        == harrell_c(other[1], fitted["volume"].predict_risk(other[0])).value
    )
    assert table.loc["clinical_volume", "difference"] == 0
    assert table.loc["intercept", ["value", "lower", "upper"]].tolist() == [0.5, 0.5, 0.5]


def test_the_likelihood_ratio_asks_for_information_beyond_the_baseline(other):
    y = other[1]
    base = pd.Series(
        np.log(y["duration"]) * -1 + np.random.default_rng(0).normal(size=120), index=y.index
    )
    noise = pd.Series(np.random.default_rng(1).normal(size=120), index=y.index)
    signal = base + np.random.default_rng(2).normal(size=120)
    base = base + np.random.default_rng(3).normal(size=120)
    table = compare_risks(
        y, pd.DataFrame({"b": base, "noise": noise, "signal": signal}), baseline="b"
    )
    p = table.set_index("model")["lrt_p"]
    assert p["signal"] < 1e-6 < 0.01 < p["noise"]
    assert np.isnan(p["b"])


def test_markers_are_compared_by_auc(cohort, marker):
    X, _ = cohort
    made = comparators(
        X, marker, volume=VOLUME, clinical=["age"], radiomics=Block(["original_stat_f0[0-3]"])
    )
    assert made["all"].kind == "marker"
    risks = pd.DataFrame({n: s.fit(X, marker).predict_risk(X) for n, s in made.items()})
    table = compare_risks(marker, risks).set_index("model")
    assert table.loc["radiomics", "value"] > table.loc["volume", "value"]


def test_unknown_names_are_refused(cohort):
    with pytest.raises(InputError, match="no column"):
        comparators(*cohort, volume="vol", clinical=["age"], radiomics=RADIOMICS)
    with pytest.raises(InputError, match="no model"):
        compare_risks(cohort[1], pd.DataFrame({"a": np.zeros(120)}, index=cohort[1].index))


def test_added_value_with_a_bootstrap_over_patients(other, marker):
    X, y = other
    risks = pd.DataFrame(
        {"clinical_volume": X["original_morph_volume"], "all": X["original_stat_f01"]}
    )
    patients = pd.Series([f"p{i // 2}" for i in range(len(y))], index=y.index)
    row = compare_risks(y, risks, patients, interval="bootstrap").iloc[1]
    by_hand = bootstrap_c_difference(y, risks["clinical_volume"], risks["all"], patients)
    assert row["difference"] == pytest.approx(by_hand.value, abs=1e-12)
    assert [row["difference_lower"], row["difference_upper"]] == [by_hand.lower, by_hand.upper]
    assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(by_hand.value / by_hand.se)))
    with pytest.raises(InputError, match="interval must be"):
        compare_risks(y, risks, interval="guess")


def test_markers_with_a_bootstrap(cohort, marker):
    X, _ = cohort
    risks = pd.DataFrame(
        {"clinical_volume": X["original_morph_volume"], "all": X["original_stat_f01"]}
    )
    row = compare_risks(marker, risks, interval="bootstrap").iloc[1]
    cases = pd.Series(marker.index, index=marker.index)
    by_hand = bootstrap_auc_difference(marker, risks["clinical_volume"], risks["all"], cases)
    assert [row["difference_lower"], row["difference_upper"]] == [by_hand.lower, by_hand.upper]
