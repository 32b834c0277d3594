"""ICC, concordance, limits of agreement and kappa against R, published tables and by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from radtool.selection import (
    ICC_FORMS,
    bland_altman,
    ccc,
    ccc_many,
    cohen_kappa,
    delineation_table,
    fleiss_kappa,
    icc,
    icc_many,
    occc,
    repeatability,
    stability_table,
)

# Shrout and Fleiss 1979, table 2
RATINGS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def test_icc_equals_the_published_table():
    published = {
        "ICC1": 0.17, "ICC2": 0.29, "ICC3": 0.71, "ICC1k": 0.44, "ICC2k": 0.62, "ICC3k": 0.91,
    }  # fmt: skip
    assert icc(RATINGS)["icc"].round(2).to_dict() == published


def test_icc_equals_psych_and_irr(shared):
    expected = json.loads((shared / "oracles/icc_shrout_fleiss/expected.json").read_text())
    table = icc(RATINGS)
    for row in expected["psych"]:
        ours = table.loc[row["type"], ["icc", "lower", "upper", "f", "df1", "df2", "p"]]
        theirs = [row[k] for k in ("ICC", "lower bound", "upper bound", "F", "df1", "df2", "p")]
        np.testing.assert_allclose(ours.astype(float), theirs, rtol=1e-8)
    ours = icc(RATINGS, interval="mcgraw_wong").loc["ICC2k", ["icc", "lower", "upper"]]
    theirs = expected["irr"]["twoway_agreement_average"]
    np.testing.assert_allclose(
        ours.astype(float), [theirs["value"], theirs["lb"], theirs["ub"]], rtol=1e-8
    )


def test_icc_and_kappa_equal_irr(shared):
    folder = shared / "oracles/icc_kappa_irr"
    expected = json.loads((folder / "expected.json").read_text())
    anxiety, diagnoses = (pd.read_csv(folder / f"{n}.csv") for n in ("anxiety", "diagnoses"))
    ours = icc(anxiety).loc["ICC2", ["icc", "lower", "upper"]].astype(float)
    theirs = expected["icc_anxiety_twoway_agreement"]
    np.testing.assert_allclose(ours, [theirs[k] for k in ("value", "lb", "ub")], rtol=1e-8)
    kappas = {
        "fleiss_kappa": fleiss_kappa(diagnoses),
        "cohen_kappa_23": cohen_kappa(diagnoses["rater2"], diagnoses["rater3"]),
        "weighted_sq_anxiety12": cohen_kappa(
            anxiety["rater1"], anxiety["rater2"], weights="squared"
        ),
    }
    for name, ours in kappas.items():
        assert ours.kappa == pytest.approx(expected[name]["kappa"], rel=1e-10)
        assert ours.z == pytest.approx(expected[name]["z"], rel=1e-10)


def test_concordance_and_limits_equal_epir(shared):
    folder = shared / "oracles/ccc_bland_altman_pefr"
    expected = json.loads((folder / "expected.json").read_text())
    data = pd.read_csv(folder / "inputs.csv")
    for other in ("m1", "w2"):
        ours, theirs = ccc(data["w1"], data[other]), expected[f"w1_{other}"]
        z = theirs["z_transform"][0]
        np.testing.assert_allclose(
            [ours.ccc, ours.lower, ours.upper, ours.r],
            [z["est"], z["lower"], z["upper"], theirs["manual"]["r"]],
            rtol=1e-10,
        )
    ours, theirs = ccc(data["w1"], data["m1"]), expected["w1_m1"]
    np.testing.assert_allclose(
        [ours.bias_correction, ours.scale_shift, ours.location_shift],
        [theirs["Cb"], theirs["scale_shift"], theirs["location_shift"]],
        rtol=1e-10,
    )
    low = theirs["asymptotic"][0]["lower"]
    assert ours.ccc - 1.959963984540054 * ours.se == pytest.approx(low, rel=1e-10)
    two, usual = bland_altman(data["w1"], data["m1"], multiple=2), expected["loa"]
    assert [two.mean, two.sd, two.lower, two.upper] == pytest.approx(
        [usual[k] for k in ("mean", "sd", "lower", "upper")], rel=1e-12
    )
    limits = bland_altman(data["w1"], data["m1"])
    assert [limits.lower, limits.upper] == pytest.approx([usual["lower196"], usual["upper196"]])
    again, theirs = repeatability(data["w1"], data["w2"]), expected["repeatability"]
    assert again.within_sd == pytest.approx(theirs["wright_within_sd"], rel=1e-12)
    assert again.british_standard == pytest.approx(theirs["wright_CR"], rel=1e-12)
    assert again.coefficient == pytest.approx(theirs["wright_RC_1.96"], rel=1e-12)
    assert again.within_cv == pytest.approx(theirs["wright_wCV_rms"], rel=1e-12)


def test_overall_concordance_equals_epir(shared):
    expected = json.loads((shared / "oracles/icc_shrout_fleiss/expected.json").read_text())["occc"]
    ours = occc(RATINGS)
    assert [ours.occc, ours.precision, ours.accuracy] == pytest.approx(
        [expected[k] for k in ("occc", "oprec", "oaccu")], rel=1e-10
    )


def test_stability_of_two_extractions_equals_the_reference(shared):
    folder = shared / "oracles/lung1_two_extractions"
    first, second = (
        pd.read_csv(folder / f"extraction_{name}.csv", index_col="PatientID")
        for name in ("pmt", "ssm")
    )
    expected = pd.read_csv(folder / "expected_agreement.csv", index_col="feature")
    two = stability_table({"pmt": first, "ssm": second}, features=list(expected.index))
    three = stability_table([first, second], form="ICC3", features=list(expected.index))
    ours = two[["ccc", "ccc_lower", "ccc_upper", "icc"]].assign(icc31=three["icc"])
    theirs = expected[["ccc", "ccc_lo", "ccc_hi", "icc21", "icc31"]]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    counts = json.loads((folder / "expected.json").read_text())
    assert (two["ccc"] >= 0.9).sum() == counts["ccc_ge_0_9"]
    assert (two["icc"] >= 0.75).sum() == counts["icc21_ge_0_75"]
    assert (three["icc"] >= 0.9).sum() == counts["icc31_ge_0_9"]


def test_constant_feature_is_nan_and_never_1():
    flat = np.full((5, 2), 0.1)
    assert icc(flat)["icc"].isna().all()
    assert np.isnan(ccc(flat[:, 0], flat[:, 1]).ccc)
    assert np.isnan(occc(flat).occc)
    one_flat = ccc_many(np.full((5, 1), 2.0), np.arange(5.0)[:, None])
    assert one_flat.isna().all(axis=None)


def test_equal_ratings_are_1_with_a_certain_interval():
    same = np.tile(np.array([0.1, 0.4, 0.9, 1.7])[:, None], 3)
    np.testing.assert_array_equal(icc(same)[["icc", "lower", "upper"]], 1.0)
    perfect = ccc(same[:, 0], same[:, 1])
    assert (perfect.ccc, perfect.lower, perfect.upper) == (1.0, 1.0, 1.0)


def test_shift_lowers_agreement_and_not_consistency(rng):
    first = rng.normal(size=30)
    shifted = np.column_stack([first, first + 1])
    table = icc(shifted)["icc"]
    assert table["ICC3"] == 1.0
    assert table["ICC2"] < 0.8
    scaled = icc(shifted * 1e9 + 1e6)["icc"]
    np.testing.assert_allclose(scaled, table, rtol=1e-9)


def test_many_features_at_once_equal_one_by_one(rng):
    ratings = rng.normal(size=(12, 3, 5)) + rng.normal(size=(12, 1, 5))
    for form in ICC_FORMS:
        many = icc_many(ratings, form)["icc"]
        single = [icc(ratings[:, :, i]).loc[form, "icc"] for i in range(5)]
        np.testing.assert_allclose(many, single)
    np.testing.assert_array_equal(icc_many(ratings, "ICC(A,1)"), icc_many(ratings, "ICC2"))


def test_interval_of_icc_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(4)
    cases = rng.normal(0, np.sqrt(3), (20, 1, 2000))
    table = icc_many(cases + rng.normal(size=(20, 2, 2000)), "ICC3")
    covered = ((table["lower"] < 0.75) & (table["upper"] > 0.75)).mean()
    assert covered == pytest.approx(0.95, abs=0.015)


def test_cohen_kappa_by_hand():
    # 2x2 table 20, 5, 10, 15 of 50: observed 0.7, expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa 0.4
    first = np.repeat(["yes", "yes", "no", "no"], [20, 5, 10, 15])
    second = np.repeat(["yes", "no", "yes", "no"], [20, 5, 10, 15])
    assert cohen_kappa(first, second).kappa == pytest.approx(0.4)
    assert cohen_kappa(first, second, weights="linear").kappa == pytest.approx(0.4)


def test_kappa_of_one_category_is_not_defined():
    ones = np.ones(5)
    assert np.isnan(cohen_kappa(ones, ones).kappa)
    assert np.isnan(fleiss_kappa(np.ones((5, 3))).kappa)


def test_gaps_leave_out_cases_of_that_feature_only(rng):
    first = pd.DataFrame(rng.normal(size=(10, 2)), columns=["a", "b"])
    second = first + rng.normal(0, 0.1, (10, 2))
    holed = second.copy()
    holed.loc[3, "a"] = np.nan
    table = stability_table([first, holed])
    assert table["n"].to_dict() == {"a": 9, "b": 10}
    without = stability_table([first.drop(index=3), second.drop(index=3)])
    np.testing.assert_allclose(table.loc["a"], without.loc["a"])
    np.testing.assert_allclose(table.loc["b"], stability_table([first, second]).loc["b"])
    holed["a"] = np.nan
    assert np.isnan(stability_table([first, holed]).loc["a", "icc"])


def test_rows_are_matched_by_case_not_by_place(rng):
    first = pd.DataFrame(rng.normal(size=(10, 1)), columns=["a"])
    mixed = first.sample(frac=1, random_state=1)
    assert stability_table([first, mixed]).loc["a", "icc"] == 1.0


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([[1, 2, 3]], "two tables"),
        ([[1, 2, 3], [1, 2, 3, 4]], "other cases than the first: '3'"),
    ],
)
def test_unlike_tables_are_refused(tables, message):
    with pytest.raises(ValueError, match=message):
        stability_table([pd.DataFrame({"a": map(float, t)}) for t in tables])


def test_repeated_case_and_missing_column_are_refused():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=["x", "x", "y"])
    with pytest.raises(ValueError, match="more than one row for case.s. 'x'"):
        stability_table([table, table])
    table.index = ["x", "y", "z"]
    with pytest.raises(ValueError, match="has no column.s. 'a'"):
        stability_table([table, table.rename(columns={"a": "b"})])


def test_wrong_calls_are_refused_in_words():
    with pytest.raises(ValueError, match="unknown ICC form 'ICC9'"):
        icc_many(np.zeros((4, 2, 1)), "ICC9")
    with pytest.raises(ValueError, match="2 cases and 2 ratings"):
        icc(np.ones((5, 1)))
    with pytest.raises(ValueError, match="3 cases"):
        ccc(np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="weights cannot be"):
        cohen_kappa(np.ones(3), np.ones(3), weights="cubic")
    with pytest.raises(ValueError, match="multiple"):
        bland_altman(np.arange(5), np.arange(5), multiple=0)


def test_delineations_of_one_case_by_hand():
    # a: SD 1 about 2, population SD 4: 1 - 1/16; b: SD 10 of a population SD 5: nothing left.
    readings = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 10.0, 20.0], "c": 1.0})
    population = pd.DataFrame({"a": [0.0, 4.0, 8.0], "b": [0.0, 5.0, 10.0], "c": 1.0})
    table = delineation_table(readings, population)
    np.testing.assert_allclose(table["cv"], [0.5, 1.0, 0.0])
    np.testing.assert_allclose(table["icc"], [0.9375, 0.0, np.nan])
    assert "icc" not in delineation_table(readings)
    with pytest.raises(ValueError, match="3 delineations"):
        delineation_table(readings.iloc[:2])
    with pytest.raises(ValueError, match="no column.s. 'b', 'c'"):
        delineation_table(readings, population[["a"]])
