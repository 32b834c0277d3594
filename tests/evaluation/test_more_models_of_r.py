"""The R results that the other files leave: further models, curves and predictions of each data."""

import numpy as np
import pandas as pd
import pytest

from radtool.evaluation import (
    aalen_johansen,
    auc,
    auc_at,
    baseline_hazard,
    brier_at,
    cause_specific,
    fine_gray,
    fit_cox,
    kaplan_meier,
    logrank,
    martingale_residuals,
    proportional_hazards,
    smooth_calibration,
    uno_c,
)
from radtool.evaluation.spline import knots_of, spline_basis


def outcome(frame, time="time", event="status"):
    return pd.DataFrame({"event": frame[event] == 1, "duration": frame[time].astype(float)})


def check_model(fit, r):
    np.testing.assert_allclose(fit.coefficients, list(r["coef"].values()), atol=1e-6)
    se = r["se"] if isinstance(r["se"], list) else list(r["se"].values())
    np.testing.assert_allclose(fit.standard_errors, se, atol=1e-6)
    assert [fit.log_likelihood_null, fit.log_likelihood] == pytest.approx(r["loglik"], abs=1e-8)
    assert fit.likelihood_ratio == pytest.approx(r["lrt"][0], abs=1e-7)


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_the_first_data_set_of_the_book(ties, inputs, expected):
    frame = inputs("cox_tiny_TG").dropna()
    r, y = expected("cox_tiny_TG")[ties], outcome(frame)
    fit = fit_cox(frame[["x"]].astype(float), y, ties=ties)
    assert fit.coefficients[0] == pytest.approx(r["coef"], abs=1e-9)
    # R stops within 1e-9 of the likelihood, so its variance is good to about 1e-7 only.
    assert fit.covariance[0, 0] == pytest.approx(r["var"][0][0], abs=1e-7)
    index = fit.coefficients[0] * frame["x"].to_numpy()
    np.testing.assert_allclose(martingale_residuals(index, y, ties=ties), r["mart"], atol=1e-7)


def test_a_transplant_counts_from_the_day_it_is_made(inputs, expected):
    frame = inputs("immortal_time_heart/inputs_startstop.csv")
    y = outcome(frame, "stop", "event").assign(entry=frame["start"])
    fit = fit_cox(frame[["age", "year", "surgery", "transplant"]].astype(float), y)
    check_model(fit, expected("immortal_time_heart")["timedep_full"])


def test_mayo_model_of_the_trial_alone(inputs, expected):
    frame = inputs("survival_pbc").dropna(subset=["protime"])
    frame = frame[frame["id"] <= 312]
    X = pd.DataFrame(
        {"age": frame["age"], "edema": frame["edema"]}
        | {k: np.log(frame[k]) for k in ("bili", "protime", "albumin")}
    )
    r = expected("survival_pbc")["mayo5_first312"]
    check_model(fit_cox(X, outcome(frame, event="death")), r)


def test_ovarian_with_breslow_ties(inputs, expected):
    frame = inputs("survival_ovarian")
    fit = fit_cox(
        frame[["age", "resid.ds", "rx", "ecog.ps"]].astype(float),
        outcome(frame, "futime", "fustat"), ties="breslow",
    )  # fmt: skip
    check_model(fit, expected("survival_ovarian")["all4_breslow"])


def veteran(inputs, columns):
    frame = inputs("survival_veteran")
    cell = {k: (frame["celltype"] == k).astype(float) for k in ("smallcell", "adeno", "large")}
    return frame.assign(**cell)[columns].astype(float), outcome(frame)


CELLS = ["trt", "smallcell", "adeno", "large", "karno"]


def test_veteran_of_four_columns(inputs, expected):
    X, y = veteran(inputs, [*CELLS, "age"])
    check_model(fit_cox(X, y), expected("survival_veteran")["trt_cell_karno_age"])


@pytest.mark.parametrize("scale", ["km", "rank", "identity", "log"])
def test_proportional_hazards_of_all_veteran_columns(scale, inputs, expected):
    X, y = veteran(inputs, [*CELLS, "diagtime", "age", "prior"])
    found = proportional_hazards(fit_cox(X, y), X, y, scale=scale)
    rows = expected("survival_veteran")["zph_full"][scale]
    assert found["chisq"].tolist() == pytest.approx([row["chisq"] for row in rows], abs=1e-6)
    assert found["p"].tolist() == pytest.approx([row["p"] for row in rows], abs=1e-7)


def test_lung_of_a_fitted_model(inputs, expected):
    frame = inputs("survival_lung")
    X, y = frame[["age", "sex"]].astype(float), outcome(frame)
    fit, r = fit_cox(X, y), expected("survival_lung")
    found = uno_c(y, X.to_numpy() @ fit.coefficients)
    assert [found.value, found.se] == pytest.approx(
        [r["uno_fit"]["C"], r["uno_fit"]["se"]], abs=1e-10
    )


@pytest.mark.parametrize(
    ("name", "key", "column", "time", "event"),
    [
        ("survival_lung", "km_table_sex", "sex", "time", "status"),
        ("survival_ovarian", "km_table_rx", "rx", "futime", "fustat"),
        ("survival_veteran", "km_table_trt", "trt", "time", "status"),
        ("survival_veteran", "km_table_cell", "celltype", "time", "status"),
    ],
)
def test_medians_of_groups(name, key, column, time, event, inputs, expected):
    frame = inputs(name)
    y = outcome(frame, time, event)
    for row in expected(name)[key]:
        level = row["_row"].split("=")[1].strip()
        curve = kaplan_meier(y[frame[column].astype(str) == level])
        assert int(curve.table["events"].sum()) == row["events"]
        # R's default limits are of the log survival, ours of its log-log: only medians are equal.
        median = curve.median.value
        assert np.isnan(median) if row["median"] is None else median == row["median"]


def test_logrank_within_hospitals(inputs, expected):
    frame = inputs("survival_lung").dropna(subset=["pat.karno", "inst"])
    found = logrank(outcome(frame), frame["pat.karno"], strata=frame["inst"])
    r = expected("survival_lung")["logrank_strat"]
    assert found.statistic == pytest.approx(r["chisq"], abs=1e-9)
    assert found.df == r["df"]
    np.testing.assert_allclose(found.table["expected"], r["exp"], atol=1e-10)


@pytest.mark.parametrize(("cause", "key"), [(1, "pcm"), (2, "death")])
def test_cause_specific_models_of_mgus(cause, key, inputs, expected):
    frame = inputs("competing_risks_mgus2")
    y = pd.DataFrame({"status": frame["event"], "duration": frame["etime"].astype(float)})
    X = pd.DataFrame({"age": frame["age"].astype(float), "sexM": (frame["sex"] == "M") * 1.0})
    check_model(cause_specific(X, y, cause=cause), expected("competing_risks_mgus2")[f"cs_{key}"])


def test_mgus_by_sex_and_its_incidence_as_cmprsk_has_it(inputs, expected):
    frame, r = inputs("competing_risks_mgus2"), expected("competing_risks_mgus2")
    y = pd.DataFrame({"status": frame["event"], "duration": frame["etime"].astype(float)})
    X = pd.DataFrame({"sexM": (frame["sex"] == "M") * 1.0})
    check_model(fine_gray(X, y).fit, r["fg_sex"])
    table = aalen_johansen(y)
    rows = table.iloc[np.searchsorted(table["time"], r["aj_times"], side="right") - 1]
    found = rows[["incidence_1", "incidence_2"]].to_numpy().T
    np.testing.assert_allclose(found, r["cuminc_est"], atol=1e-12)
    delta = aalen_johansen(y, variance="delta").iloc[rows.index]
    np.testing.assert_allclose(delta[["se_1", "se_2"]].T ** 2, r["cuminc_var"], rtol=1e-11)
    # survfit's jackknife is another estimator of the same; the two agree to some per cent.
    np.testing.assert_allclose(rows[["se_1", "se_2"]].T ** 2, r["cuminc_var"], rtol=0.12)


def test_unpaired_difference_of_two_areas(inputs, expected):
    frame, r = inputs("roc_aSAH"), expected("roc_aSAH")["unpaired"]["wfns_s100b"]
    first, second = (auc(frame["y"] == 1, frame[k].astype(float)) for k in ("wfns", "s100b"))
    assert (first.value - second.value) / np.hypot(first.se, second.se) == pytest.approx(
        r["stat"], abs=1e-9
    )


def test_interval_of_the_area_in_glow(inputs, expected):
    frame, r = inputs("calibration_hosmer/glow500.csv"), expected("calibration_hosmer")["glow"]
    found = auc(frame["fracture"] == 1, frame["p_fit"])
    assert [found.lower, found.upper] == pytest.approx(r["auc_ci_delong"], abs=1e-9)


@pytest.fixture(scope="module")
def rotterdam(inputs, expected):
    def columns(frame):
        sizes = {k: frame["csize"] == k.removeprefix("csize") for k in ("csize20-50", "csize>50")}
        third = frame["grade3"].astype(str) == "3"
        X = pd.DataFrame(sizes).assign(
            nodes2=frame["nodes2"], nodes3=frame["nodes3"], grade33=third
        )
        return X.astype(float), outcome(frame, "ryear", "rfs")

    X, y = columns(inputs("rotterdam_gbsg/rott5.csv"))
    fit = fit_cox(X, y)
    table = inputs("rotterdam_gbsg/gbsg5.csv")
    other, seen = columns(table)
    index = other.to_numpy() @ fit.coefficients
    base = baseline_hazard(X.to_numpy() @ fit.coefficients, y)
    return index, seen, base, expected("rotterdam_gbsg")["base"], table["pid"]


def test_each_prediction_for_the_trial(rotterdam, inputs):
    index, y, base, r, pid = rotterdam
    rows = inputs("rotterdam_gbsg/expected_predictions_val_base.csv")
    assert rows["pid"].tolist() == pid.tolist()
    means = np.array(list(r["means"].values())) @ np.array(list(r["coef"].values()))
    np.testing.assert_allclose(index - means, rows["lp_centered"], atol=1e-7)
    assert base["hazard"].iloc[-1] == pytest.approx(r["H0_5_uncentered"], abs=1e-9)
    risk = -np.expm1(-base["hazard"].iloc[-1] * np.exp(index))
    np.testing.assert_allclose(risk, rows["risk5"], atol=1e-8)
    lived = np.searchsorted(base["time"], y["duration"], side="right")
    hazard = np.concatenate([[0.0], base["hazard"]])[lived]
    np.testing.assert_allclose(hazard * np.exp(index), rows["expected"], atol=1e-7)
    assert risk.mean() == pytest.approx(r["val"]["mean_pred"], abs=1e-8)
    smooth = smooth_calibration(y, risk, 5)
    # rms::cph stops when a step changes the log likelihood by less than a part in 10,000: here at
    # the third. With its coefficients the curve is the same; at the maximum it lies 1.7e-4 away.
    link = np.log(-np.log1p(-risk))
    design = spline_basis(link, knots_of(link))
    early = np.array(r["val"]["cal_coef"])
    np.testing.assert_allclose(newton_steps(design, y, 3), early, atol=1e-8)
    np.testing.assert_allclose(curve(design @ early, y), rows["obs5_cal"], atol=5e-9)
    np.testing.assert_allclose(curve(design @ smooth.coefficients, y), smooth.observed, atol=1e-12)
    np.testing.assert_allclose(smooth.observed, rows["obs5_cal"], atol=1.7e-4)


def curve(index, y):
    hazard = baseline_hazard(index, y)
    return -np.expm1(-hazard["hazard"][hazard["time"] <= 5].iloc[-1] * np.exp(index))


def newton_steps(design, y, steps):
    """Cox's likelihood with Efron's ties, climbed from zero without a check of convergence."""
    event, time = y["event"].to_numpy(), y["duration"].to_numpy()
    beta = np.zeros(design.shape[1])
    for _ in range(steps):
        relative = np.exp(design @ beta)
        gradient, information = design[event].sum(axis=0), np.zeros((len(beta),) * 2)
        for moment in np.unique(time[event]):
            tied = np.flatnonzero((time == moment) & event)
            for earlier in range(len(tied)):
                weight = relative * (time >= moment)
                weight[tied] *= 1 - earlier / len(tied)
                weight /= weight.sum()
                mean = weight @ design
                gradient = gradient - mean
                information += design.T @ (design * weight[:, None]) - np.outer(mean, mean)
        beta = beta + np.linalg.solve(information, gradient)
    return beta


def test_further_figures_of_the_trial(rotterdam):
    index, y, _, r, _ = rotterdam
    val = r["val"]
    assert kaplan_meier(y).at([5.0])["survival"].iloc[0] == pytest.approx(val["km5"], abs=1e-12)
    null = np.full(len(y), 1 - kaplan_meier(y).at([4.99])["survival"].iloc[0])
    assert brier_at(y, null, 4.99).value == pytest.approx(val["brier_null"], abs=1e-9)
    areas = [auc_at(y, index, time).value for time in (1, 2, 3, 4)]
    assert areas == pytest.approx(val["auc_timeROC_1234"], abs=1e-12)
    assert auc_at(y, index, 4.99).value == pytest.approx(val["auc_timeROC"][0], abs=1e-12)
