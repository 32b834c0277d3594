import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import (
    aggregate_lesions,
    bootstrap_interval,
    compare_proportions,
    explained_variation,
    fit_cox,
    harrell_c,
    likelihood_ratio_test,
    royston_d,
    smooth_calibration,
)


def test_likelihood_ratio_of_nested_models(inputs, expected):
    frame = inputs("survival_lung").dropna(subset=["ph.ecog"])
    y = pd.DataFrame({"event": frame["status"] == 1, "duration": frame["time"].astype(float)})
    small = fit_cox(frame[["age", "sex"]].astype(float), y)
    large = fit_cox(frame[["age", "sex", "ph.ecog"]].astype(float), y)
    row = likelihood_ratio_test(small, large).iloc[0]
    r = expected("survival_lung")["age_sex_ecog"]["loglik"][1]
    assert row["chisq"] == pytest.approx(2 * (r - small.log_likelihood), abs=1e-7)
    assert row["df"] == 1


def test_models_that_are_not_nested_are_refused(small):
    y, risk = small
    a = fit_cox(pd.DataFrame({"a": risk}), y)
    b = fit_cox(pd.DataFrame({"b": risk, "c": np.arange(60.0)}), y)
    with pytest.raises(InputError, match="must be some of"):
        likelihood_ratio_test(a, b)


def test_bootstrap_interval_is_near_the_jackknife(small):
    y, risk = small
    found = bootstrap_interval(
        lambda rows: harrell_c(y.iloc[rows].reset_index(drop=True), risk[rows]).value,
        np.arange(60),
        n=400,
    )
    assert found.se == pytest.approx(harrell_c(y, risk).se, rel=0.15)
    assert found.lower < found.value < found.upper


def test_lesions_become_patients():
    patients = pd.Series(["b", "a", "a"], index=[1, 2, 3])
    y = pd.Series([False, False, True], index=[1, 2, 3])
    score = pd.Series([0.2, 0.9, 0.1], index=[1, 2, 3])
    marker, merged = aggregate_lesions(y, score, patients)
    assert marker.to_dict() == {"a": True, "b": False}
    assert merged.to_dict() == {"a": 0.9, "b": 0.2}
    assert aggregate_lesions(y, score, patients, how="mean")[1]["a"] == 0.5


def test_lesions_of_a_patient_with_two_outcomes_are_refused():
    patients = pd.Series(["a", "a"])
    y = pd.DataFrame({"event": [True, True], "duration": [1.0, 2.0]})
    with pytest.raises(InputError, match=r"\['a'\].*different outcomes"):
        aggregate_lesions(y, pd.Series([0.1, 0.2]), patients)


def test_royston_d_depends_on_ranks_only(small):
    y, risk = small
    assert royston_d(y, np.exp(risk)).value == pytest.approx(royston_d(y, risk).value, abs=1e-12)
    assert np.isnan(royston_d(y, np.zeros(60)).value)


def mayo(inputs, columns=None):
    frame = inputs("survival_pbc").dropna()
    y = pd.DataFrame({"event": frame["death"] == 1, "duration": frame["time"].astype(float)})
    logged = frame.assign(bili=np.log(frame["bili"]), sex=frame["sex"] == "f").astype(float)
    X = logged.drop(columns=["id", "time", "status", "death"])
    X = X if columns is None else X[columns]
    return X, y, fit_cox(X, y, ties="breslow")


REDUCED = ["age", "edema", "albumin", "stage", "copper", "bili"]


@pytest.mark.parametrize(("key", "columns"), [("full", None), ("reduced", REDUCED)])
def test_royston_of_the_mayo_models(key, columns, inputs, expected):
    X, y, fit = mayo(inputs, columns)
    index = X.to_numpy() @ fit.coefficients
    r = expected("survival_pbc")["royston"]
    plain = r["full_breslow" if key == "full" else "reduced8"]
    found = royston_d(y, index)
    assert [found.value, found.se] == pytest.approx([plain["D"], plain["se(D)"]], abs=1e-7)
    table = explained_variation(y, index, ties="breslow")["value"]
    assert table.tolist() == pytest.approx(
        [plain[k] for k in ("D", "R.D", "R.KO", "C.GH")], abs=1e-7
    )
    adjusted = royston_d(y, index, coefficients=len(fit.columns))
    r_adj = r[f"{key}_adj"]
    assert [adjusted.value, adjusted.se] == pytest.approx([r_adj["D"], r_adj["se(D)"]], abs=1e-7)
    # R prints the adjusted R² with 1, not pi² / 6, as the variance of a single event time.
    explained = adjusted.value**2 * np.pi / 8
    assert explained / (1 + explained) == pytest.approx(r_adj["R.D"], abs=1e-7)
    if key == "reduced":
        coefficients = expected("survival_pbc")["reduced_breslow"]["coef"]
        names = [name.removeprefix("log(").removesuffix(")") for name in coefficients]
        own = dict(zip(fit.columns, fit.coefficients, strict=True))
        assert [own[n] for n in names] == pytest.approx(list(coefficients.values()), abs=1e-7)


def test_more_coefficients_than_events_cannot_be_adjusted_for(small):
    y, risk = small
    with pytest.raises(InputError, match="99 coefficients were fitted to"):
        royston_d(y, risk, coefficients=99)


def test_a_straight_line_is_used_for_few_different_risks(small):
    y, risk = small
    found = smooth_calibration(y, np.where(risk > 6, 0.6, 0.3), 10)
    assert len(found.coefficients) == 1


def test_equal_risks_have_no_curve(small):
    with pytest.raises(InputError, match="equal"):
        smooth_calibration(small[0], np.full(60, 0.4), 10)


def test_proportions_of_the_published_cohort_table(inputs):
    # Keek et al. 2022, table 1: nine comparisons of UCSF and USZ.
    table = inputs("thesis_tables/ch4_table1_two_proportion.csv")
    assert len(table) == 9
    for row in table.itertuples():
        found = compare_proportions((row.count_UCSF, row.count_USZ), (row.n_UCSF, row.n_USZ))
        assert found["p"][0] == pytest.approx(row.z_test_p, abs=1e-12)
        assert found["p"][0] == pytest.approx(row.published_p, abs=0.0051)


def test_impossible_counts_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        compare_proportions((5, 1), (4, 4))
