"""A Cox model of 2,982 patients from Rotterdam, judged on 686 of the German GBSG trial."""

import numpy as np
import pandas as pd
import pytest

from radtool.evaluation import (
    auc_at,
    baseline_hazard,
    brier_at,
    calibration_slope,
    decision_curve,
    explained_variation,
    fit_cox,
    harrell_c,
    ipa_at,
    logrank,
    misspecification_test,
    observed_over_expected,
    pair_counts,
    poisson_calibration,
    royston_d,
    slope_test,
    smooth_calibration,
    uno_c,
)


class Cohort:
    def __init__(self, frame):
        self.X = pd.DataFrame(
            {
                "csize20-50": frame["csize"] == "20-50",
                "csize>50": frame["csize"] == ">50",
                "nodes2": frame["nodes2"],
                "nodes3": frame["nodes3"],
                "grade33": frame["grade3"].astype(str) == "3",
            }
        ).astype(float)
        self.y = pd.DataFrame({"event": frame["rfs"] == 1, "duration": frame["ryear"]})


@pytest.fixture(scope="module")
def study(inputs, expected):
    train = Cohort(inputs("rotterdam_gbsg/rott5.csv"))
    val = Cohort(inputs("rotterdam_gbsg/gbsg5.csv"))
    fit = fit_cox(train.X, train.y)
    base = baseline_hazard(train.X.to_numpy() @ fit.coefficients, train.y)
    for cohort in (train, val):
        cohort.index = cohort.X.to_numpy() @ fit.coefficients
        cohort.risk = lambda t, c=cohort: (
            -np.expm1(-base["hazard"][base["time"] <= t].iloc[-1] * np.exp(c.index))
        )
    return {"fit": fit, "base": base, "dev": train, "val": val, "r": expected("rotterdam_gbsg")}


def test_development(study):
    r, fit = study["r"]["base"], study["fit"]
    assert fit.coefficients == pytest.approx(list(r["coef"].values()), abs=1e-8)
    assert fit.coefficients == pytest.approx(
        [0.34184, 0.57355, 0.30397, -0.81117, 0.36171], abs=6e-6
    )
    assert fit.standard_errors == pytest.approx(list(r["se"].values()), abs=1e-8)
    assert fit.log_likelihood == pytest.approx(r["loglik"][1], abs=1e-8)
    assert np.exp(-study["base"]["hazard"].iloc[-1]) == pytest.approx(
        r["S0_5_uncentered"], abs=1e-9
    )


def test_breslow_ties(study):
    dev = study["dev"]
    fit = fit_cox(dev.X, dev.y, ties="breslow")
    r = study["r"]["base_breslow_ties_coef"]
    assert fit.coefficients == pytest.approx(list(r.values()), abs=1e-8)


@pytest.mark.parametrize("which", ["dev", "val"])
def test_discrimination(study, which):
    cohort, r = study[which], study["r"]["base"][which]
    for measure, key in ((harrell_c, "harrell"), (uno_c, "uno")):
        found = measure(cohort.y, cohort.index)
        assert [found.value, found.se] == pytest.approx(r[key], abs=1e-10)
    assert list(pair_counts(cohort.y, cohort.index).values()) == list(r["counts"].values())
    for row in r["auc_1234"]:
        found = auc_at(cohort.y, cohort.index, row["times"])
        assert found.value == pytest.approx(row["AUC"], abs=1e-12)
    found = auc_at(cohort.y, cohort.index, 4.99)
    value, se, lower, upper = r["auc_riskRegression"]
    assert found.value == pytest.approx(value, abs=1e-12)
    assert [found.se, found.lower, found.upper] == pytest.approx([se, lower, upper], abs=1e-9)


@pytest.mark.parametrize("which", ["dev", "val"])
def test_overall_performance(study, which):
    cohort, r = study[which], study["r"]["base"][which]
    for row in r["brier_1234"]:
        p = cohort.risk(row["times"])
        assert brier_at(cohort.y, p, row["times"]).value == pytest.approx(row["Brier"], abs=1e-9)
        assert ipa_at(cohort.y, p, row["times"]).value == pytest.approx(row["IPA"], abs=1e-9)
    found = brier_at(cohort.y, cohort.risk(4.99), 4.99)
    assert [found.value, found.se, found.lower, found.upper] == pytest.approx(r["brier"], abs=1e-9)
    assert ipa_at(cohort.y, cohort.risk(4.99), 4.99).value == pytest.approx(r["ipa"], abs=1e-9)
    separation = royston_d(cohort.y, cohort.index)
    assert separation.se == pytest.approx(r["royston"]["se(D)"], abs=1e-8)
    table = explained_variation(cohort.y, cohort.index)["value"]
    keys = ["D", "R.D", "R.KO", "C.GH"]
    assert table.tolist() == pytest.approx([r["royston"][k] for k in keys], abs=1e-8)


@pytest.mark.parametrize("which", ["dev", "val"])
def test_calibration(study, which):
    cohort, r = study[which], study["r"]["base"][which]
    ratio = observed_over_expected(cohort.y, cohort.risk(5), 5)
    assert [ratio.value, ratio.lower, ratio.upper] == pytest.approx(r["OE"], abs=1e-8)
    slope = calibration_slope(cohort.y, cohort.index)
    assert [slope.value, slope.se] == pytest.approx(r["slope_cox"], abs=1e-8)
    smooth = smooth_calibration(cohort.y, cohort.risk(4.99), 4.99)
    for key in ("ici", "e50", "e90", "emax"):
        assert smooth[key] == pytest.approx(r[f"{key}_coxph"], abs=5e-9)
        # rms::cph stops a little before the maximum, hence its own figures.
        assert smooth[key] == pytest.approx(r[key], abs=2e-4)
    assert smooth.coefficients == pytest.approx(r["cal_coef_coxph"], abs=1e-7)
    hazard = np.concatenate([[0], study["base"]["hazard"]])
    lived = np.searchsorted(study["base"]["time"], cohort.y["duration"], side="right")
    means = np.array(list(study["r"]["base"]["means"].values()))
    centred = cohort.index - means @ study["fit"].coefficients
    table = poisson_calibration(cohort.y, centred, hazard[lived] * np.exp(cohort.index))
    table = table.set_index("measure")
    row = table.loc["observed_expected", ["value", "lower", "upper"]]
    # R's glm leaves its iterations at a relative change of 1e-8 in deviance.
    assert row.tolist() == pytest.approx(r["citl_poisson_ratio"], abs=1e-6)
    assert table.loc["log_ratio", ["value", "se"]].tolist() == pytest.approx(
        r["citl_poisson_logratio"], abs=1e-6
    )
    assert table.loc["slope", ["value", "se"]].tolist() == pytest.approx(
        r["slope_poisson"], abs=1e-6
    )
    assert table.loc["intercept", ["value", "se"]].tolist() == pytest.approx(
        r["slope_poisson_intercept"], abs=1e-6
    )


@pytest.mark.parametrize("which", ["dev", "val"])
def test_net_benefit(study, which):
    cohort, rows = study[which], study["r"]["base"][which]["net_benefit"]
    curve = decision_curve(
        cohort.y, {"pred": cohort.risk(5)}, time=5, thresholds=[row["threshold"] for row in rows]
    )
    for name in ("all", "none", "pred"):
        found = curve.loc[curve["model"] == name, "net_benefit"]
        assert found.tolist() == pytest.approx([row[name] for row in rows], abs=1e-12)


def test_fit_in_new_patients(study):
    val, r = study["val"], study["r"]["base"]["val"]
    table, fit = misspecification_test(val.X, val.y, val.index)
    assert table.iloc[0].tolist() == pytest.approx(r["offset_refit_lrt"], abs=1e-6)
    assert fit.coefficients == pytest.approx(list(r["offset_refit_coef"].values()), abs=1e-7)
    row = slope_test(val.y, val.index).iloc[0]
    assert [row["chisq"], row["p"]] == pytest.approx(
        [r["slope_lr_chisq"], r["slope_lr_p"]], abs=1e-8
    )


@pytest.mark.parametrize(("level", "key"), [(0.75, "p75"), (0.5, "p50")])
def test_risk_groups_cut_in_training(study, level, key):
    cut = np.quantile(study["dev"].index, level)
    high = study["val"].index > cut
    r = study["r"]["base"]["val"][key]
    assert [int((~high).sum()), int(high.sum())] == [r["n"]["0"], r["n"]["1"]]
    assert logrank(study["val"].y, high).statistic == pytest.approx(r["chisq"], abs=1e-8)


def test_the_headline_of_the_published_comparison(study):
    val = study["val"]
    p = val.risk(4.99)
    found = [
        harrell_c(val.y, val.index).value,
        uno_c(val.y, val.index).value,
        auc_at(val.y, p, 4.99).value,
        observed_over_expected(val.y, p, 4.99).value,
        calibration_slope(val.y, val.index).value,
        smooth_calibration(val.y, p, 4.99)["ici"],
        brier_at(val.y, p, 4.99).value,
        ipa_at(val.y, p, 4.99).value,
    ]
    published = [0.6524, 0.6354, 0.6775, 1.0174, 1.0562, 0.0302, 0.2248, 0.1006]
    assert found == pytest.approx(published, abs=1e-4)
