import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.evaluation import (
    aalen_johansen,
    auc_at,
    brier_at,
    cause_specific,
    competing_auc,
    competing_brier,
    competing_observed_over_expected,
    expand_fine_gray,
    fine_gray,
    fit_cox,
    gray_test,
    incidence_at,
    kaplan_meier,
    pseudo_values,
    robust_covariance,
    smooth_calibration,
)
from radtool.evaluation.spline import spline_basis


def mgus(inputs):
    frame = inputs("competing_risks_mgus2")
    y = pd.DataFrame({"status": frame["event"], "duration": frame["etime"].astype(float)})
    X = pd.DataFrame({"age": frame["age"].astype(float), "sexM": (frame["sex"] == "M") * 1.0})
    return X, y


def test_incidences_and_survival_add_up_to_one(small):
    y, risk = small
    status = np.where(y["event"], 1 + (risk > 6), 0)
    table = aalen_johansen(pd.DataFrame({"status": status, "duration": y["duration"]}))
    total = table[["survival", "incidence_1", "incidence_2"]].sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-12)


def test_with_one_cause_everything_is_the_plain_thing(small):
    y, risk = small
    one = pd.DataFrame({"status": y["event"].astype(int), "duration": y["duration"]})
    km = kaplan_meier(y)
    assert incidence_at(one, 10).value == pytest.approx(1 - km.at([10])["survival"][0], abs=1e-12)
    X = pd.DataFrame({"x": risk})
    plain = fit_cox(X, y)
    assert fine_gray(X, one).fit.coefficients == pytest.approx(plain.coefficients, abs=1e-9)
    assert cause_specific(X, one).coefficients == pytest.approx(plain.coefficients, abs=1e-12)
    assert competing_auc(one, risk, 10) == pytest.approx(auc_at(y, risk, 10).value, abs=1e-12)
    brier = competing_brier(one, risk / 12, 10)["value"][0]
    assert brier == pytest.approx(brier_at(y, risk / 12, 10).value, abs=1e-12)


def test_pseudo_values_without_censoring_are_the_events(small):
    y, _ = small
    y = pd.DataFrame({"status": 1, "duration": y["duration"]})
    np.testing.assert_allclose(pseudo_values(y, 10), y["duration"] <= 10, atol=1e-12)


def test_doubling_the_rows_of_a_patient_leaves_the_robust_error(small):
    y, risk = small
    twice = np.repeat(np.arange(60), 2)
    X = pd.DataFrame({"x": risk})
    fit = fit_cox(X, y, ties="breslow")
    double = fit_cox(X.iloc[twice], y.iloc[twice], ties="breslow")
    first = robust_covariance(fit, X, y, np.arange(60), ties="breslow")
    again = robust_covariance(double, X.iloc[twice], y.iloc[twice], twice, ties="breslow")
    np.testing.assert_allclose(again, first, rtol=1e-9)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (pd.DataFrame({"event": [1], "duration": [1.0]}), "status and duration"),
        (pd.DataFrame({"status": [-1, 1], "duration": [1.0, 2.0]}), "status must be"),
        (pd.DataFrame({"status": [2, 1], "duration": [0.0, 2.0]}), "above 0"),
        (pd.DataFrame({"status": [2, 0], "duration": [1.0, 2.0]}), "event of interest"),
    ],
)
def test_bad_outcomes_are_refused(y, words):
    with pytest.raises(TableError, match=words):
        aalen_johansen(y)


def test_a_horizon_after_everything_is_refused(small):
    y, risk = small
    one = pd.DataFrame({"status": y["event"].astype(int), "duration": y["duration"]})
    with pytest.raises(InputError, match="followed beyond"):
        competing_auc(one, risk, 1e6)


def test_tiny_of_r(inputs, expected):
    frame, r = inputs("competing_risks_tiny"), expected("competing_risks_tiny")
    y = pd.DataFrame({"status": frame["status"], "duration": frame["time"].astype(float)})
    table = aalen_johansen(y)
    np.testing.assert_allclose(
        table[["survival", "incidence_1", "incidence_2"]], r["pstate"], atol=1e-12
    )
    rows = inputs("competing_risks_tiny/finegray_expanded.csv").sort_values(["id", "fgstart"])
    own = expand_fine_gray(y).sort_values(["case", "entry"])
    np.testing.assert_allclose(own[["entry", "duration"]], rows[["fgstart", "fgstop"]])
    np.testing.assert_allclose(own["weight"], rows["fgwt"], atol=1e-12)
    np.testing.assert_array_equal(own["event"], rows["fgstatus"] == 1)
    fit = fine_gray(frame[["x"]], y, ties="breslow").fit
    assert fit.coefficients[0] == pytest.approx(r["finegray_cox_breslow"], abs=1e-9)


def test_mgus_curves_of_r(inputs, expected):
    _, y = mgus(inputs)
    r = expected("competing_risks_mgus2")
    table = aalen_johansen(y)
    rows = table.iloc[np.searchsorted(table["time"], r["aj_times"], side="right") - 1]
    np.testing.assert_allclose(
        rows[["survival", "incidence_1", "incidence_2"]], r["aj_pstate"], atol=1e-12
    )
    np.testing.assert_allclose(rows[["se_1", "se_2"]], np.array(r["aj_se"])[:, 1:], atol=1e-12)


@pytest.mark.parametrize(("cause", "key"), [(1, "pcm"), (2, "death")])
def test_mgus_models_of_r(cause, key, inputs, expected):
    X, y = mgus(inputs)
    r = expected("competing_risks_mgus2")
    fit = cause_specific(X, y, cause=cause)
    assert fit.coefficients == pytest.approx(list(r[f"cs_{key}"]["coef"].values()), abs=1e-7)
    assert fit.standard_errors == pytest.approx(list(r[f"cs_{key}"]["se"].values()), abs=1e-7)
    grey = fine_gray(X, y, cause=cause)
    r_fit = r["fg_finegray_efron" if cause == 1 else "fg_death"]
    assert grey.fit.coefficients == pytest.approx(list(r_fit["coef"].values()), abs=1e-7)
    assert grey.fit.standard_errors == pytest.approx(list(r_fit["se"].values()), abs=1e-7)
    assert grey.fit.log_likelihood == pytest.approx(r_fit["loglik"][1], abs=1e-6)
    assert grey.fit.n == r_fit["n"]
    if cause == 1:
        rows = expand_fine_gray(y)
        design = X.iloc[rows["case"]].reset_index(drop=True)
        naive = robust_covariance(grey.fit, design, rows, np.arange(len(rows)))
        assert np.sqrt(np.diag(naive)) == pytest.approx(r["fg_finegray_robust_se"], abs=1e-8)
        # crr treats ties and weights a little otherwise; its errors cluster by patient as ours.
        assert grey.fit.coefficients == pytest.approx(list(r["crr_pcm"]["coef"].values()), abs=5e-4)
        assert np.sqrt(np.diag(grey.robust)) == pytest.approx(r["crr_pcm"]["se"], abs=1e-3)


def test_pseudo_values_of_r(inputs):
    frame = inputs("competing_risks_stratos/vdata.csv")
    r = inputs("competing_risks_stratos/pseudovalues_val.csv")
    y = pd.DataFrame({"status": frame["status_num"], "duration": frame["time"]})
    # Patient numbers differ between the two files, so the values are compared in order.
    np.testing.assert_allclose(np.sort(pseudo_values(y, 5)), np.sort(r["pseudovalue"]), atol=1e-9)
    ratio = competing_observed_over_expected(y, frame["risk5"], 5)
    assert ratio.value == pytest.approx(incidence_at(y, 5).value / frame["risk5"].mean(), abs=1e-12)


@pytest.mark.parametrize("cause", [1, 2])
def test_gray_test_of_cmprsk(cause, inputs, expected):
    _, y = mgus(inputs)
    r = expected("competing_risks_mgus2")["gray_test"][cause - 1]
    row = gray_test(y, inputs("competing_risks_mgus2")["sex"], cause=cause).iloc[0]
    assert [row["chisq"], row["df"], row["p"]] == pytest.approx(
        [r["stat"], r["df"], r["pv"]], abs=1e-9
    )


def test_gray_test_does_not_depend_on_the_order_of_groups():
    rng = np.random.default_rng(0)
    y = pd.DataFrame(
        {"status": rng.integers(0, 3, 90), "duration": np.ceil(rng.exponential(10, 90))}
    )
    group = rng.integers(0, 3, 90)
    first = gray_test(y, group)["chisq"][0]
    assert gray_test(y, np.array(["z", "a", "m"])[group])["chisq"][0] == pytest.approx(first)
    with pytest.raises(InputError, match="at least two groups"):
        gray_test(y, np.zeros(90))


def test_gray_test_keeps_its_level():
    rng = np.random.default_rng(1)
    p = []
    for _ in range(200):
        time, cause = rng.exponential(size=60), 1 + (rng.random(60) < 0.4)
        censored = rng.exponential(3, 60)
        status = np.where(time <= censored, cause, 0)
        y = pd.DataFrame({"status": status, "duration": np.minimum(time, censored)})
        p.append(gray_test(y, np.arange(60) % 2)["p"][0])
    # Under the null, about one in twenty is below 0.05 (binomial: 2 to 19 of 200 with 99.9 %).
    assert 2 <= np.sum(np.array(p) < 0.05) <= 21


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_calibration_of_the_published_validation(ties, inputs):
    # van Geloven, Giardiello, … Validation of prediction models in the presence of competing risks
    # (BMJ 2022), the supplement's figures: ICI, E50, E90 of a spline with five inner knots.
    frame = inputs("competing_risks_stratos/vdata.csv")
    y = pd.DataFrame({"status": frame["status_num"], "duration": frame["time"]})
    p = frame["risk5"].to_numpy()
    link = np.log(-np.log1p(-p))
    knots = np.quantile(link, np.arange(7) / 6)
    design = pd.DataFrame(spline_basis(link, knots)).add_prefix("s")
    gap = np.abs(p - fine_gray(design, y, ties=ties).incidence(design, 5))
    found = [gap.mean(), np.median(gap), np.quantile(gap, 0.9), np.sqrt((gap**2).mean())]
    assert found == pytest.approx([0.0274, 0.0305, 0.0346, 0.0292], abs=5e-5)
    # Three knots, as Austin advises: the same, but for the wiggle at the upper end.
    smooth = smooth_calibration(y, p, 5, ties=ties)
    assert [smooth[k] for k in ("ici", "e50", "e90")] == pytest.approx(found[:3], abs=3e-3)
    assert smooth["emax"] < gap.max()


def test_calibration_of_the_published_fine_gray_model(inputs):
    def parts(name):
        frame = inputs(f"competing_risks_stratos/{name}.csv")
        X = pd.DataFrame(
            {
                "age": frame["age"].astype(float),
                "size": frame["size"].astype(float),
                "positive": (frame["ncat"] == "positive") * 1.0,
                "negative": (frame["hr_status"] != "ER and/or PR +") * 1.0,
            }
        )
        return X, pd.DataFrame({"status": frame["status_num"], "duration": frame["time"]})

    (X, y), (other, seen) = parts("rdata"), parts("vdata")
    smooth = smooth_calibration(seen, fine_gray(X, y).incidence(other, 5), 5)
    # The same supplement, three knots, to the two digits that it prints.
    found = [smooth[name] for name in ("ici", "e50", "e90", "emax")]
    assert np.round(found, 2).tolist() == [0.02, 0.03, 0.04, 0.04]


def test_calibration_without_rivals_is_cox_s(small):
    y, risk = small
    p = 1 / (1 + np.exp(-(risk - 6) / 4))
    plain = smooth_calibration(y, p, 10)
    grey = smooth_calibration(y.assign(status=y["event"].astype(int)), p, 10)
    np.testing.assert_allclose(grey.observed, plain.observed, atol=1e-9)
