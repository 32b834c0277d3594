import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import baseline_hazard, fit_cox, martingale_residuals

# Therneau and Grambsch, Modeling Survival Data, appendix E, data set 1 (the case without status
# left out); their printed Breslow coefficient is log((3 + sqrt(33)) / 2).
TINY = pd.DataFrame({"x": [0.0, 1, 1, 1, 0, 0]})
TINY_Y = pd.DataFrame({"event": [1, 1, 0, 1, 1, 0], "duration": [9.0, 1, 1, 6, 6, 8]})


def outcome(frame, time="time", event="status"):
    return pd.DataFrame({"event": frame[event] == 1, "duration": frame[time].astype(float)})


def test_breslow_by_hand():
    fit = fit_cox(TINY, TINY_Y, ties="breslow")
    assert fit.coefficients[0] == pytest.approx(np.log((3 + np.sqrt(33)) / 2), abs=1e-9)


def test_efron_equals_the_book():
    fit = fit_cox(TINY, TINY_Y)
    assert fit.coefficients[0] == pytest.approx(1.6768574855882, abs=1e-9)
    assert fit.log_likelihood == pytest.approx(-3.35897484026335, abs=1e-10)
    assert fit.log_likelihood_null == pytest.approx(-4.27666611901606, abs=1e-10)
    assert fit.covariance[0, 0] == pytest.approx(1.63230156074825, abs=1e-8)


@pytest.mark.parametrize(
    ("ties", "residuals"),
    [
        ("breslow", [0.6666666666666, 0.7287135538781, -0.2712864461218, -0.3333333333333]),
        ("efron", [0.7310868650873, 0.7191706793784, -0.2808293206216, -0.3655434325451]),
    ],
)
def test_martingale_residuals_of_the_book(ties, residuals):
    index = fit_cox(TINY, TINY_Y, ties=ties).coefficients[0] * TINY["x"].to_numpy()
    found = martingale_residuals(index, TINY_Y, ties=ties)
    # The book's file lists one of the two cases at time 6 otherwise than we do: compare by case.
    assert found[[1, 2]] == pytest.approx(residuals[1:3], abs=1e-8)
    assert found.sum() == pytest.approx(0, abs=1e-9)
    assert found[0] == pytest.approx(residuals[3], abs=1e-8)


def test_time_scale_and_units_of_predictors_do_not_matter(small):
    y, risk = small
    X = pd.DataFrame({"a": risk, "b": np.random.default_rng(1).normal(size=len(risk))})
    first = fit_cox(X, y)
    again = fit_cox(X * [1e8, 1e-8] + [1e10, 0], y.assign(duration=y["duration"] * 30))
    np.testing.assert_allclose(again.coefficients * [1e8, 1e-8], first.coefficients, rtol=1e-5)
    assert again.log_likelihood == pytest.approx(first.log_likelihood, abs=1e-6)


def test_a_stratum_has_its_own_baseline(small):
    y, risk = small
    X, half = pd.DataFrame({"a": risk}), np.arange(len(risk)) % 2
    # Moving one stratum's clock changes nothing when it is never compared with the other.
    moved = y.assign(duration=y["duration"] + 1000 * half)
    one, two = fit_cox(X, y, strata=half), fit_cox(X, moved, strata=half)
    assert one.coefficients[0] == pytest.approx(two.coefficients[0], abs=1e-9)


def test_an_offset_of_the_fit_leaves_nothing(small):
    y, risk = small
    X = pd.DataFrame({"a": risk})
    own = fit_cox(X, y)
    rest = fit_cox(X, y, offset=own.coefficients[0] * risk)
    assert rest.coefficients[0] == pytest.approx(0, abs=1e-9)


def test_a_case_of_weight_two_is_two_cases_with_breslow(small):
    y, risk = small
    weight = np.where(np.arange(len(risk)) < 20, 2.0, 1.0)
    twice = np.r_[np.arange(len(risk)), np.arange(20)]
    X = pd.DataFrame({"a": risk})
    weighted = fit_cox(X, y.assign(weight=weight), ties="breslow")
    doubled = fit_cox(X.iloc[twice], y.iloc[twice], ties="breslow")
    assert weighted.coefficients[0] == pytest.approx(doubled.coefficients[0], abs=1e-9)


def test_ridge_shrinks(small):
    y, risk = small
    X = pd.DataFrame({"a": risk})
    sizes = [abs(fit_cox(X, y, ridge=r).coefficients[0]) for r in (0, 1, 10, 100)]
    assert sizes == sorted(sizes, reverse=True)


def test_perfect_separation_is_named():
    X = pd.DataFrame({"marker": [1.0, 1, 1, 0, 0, 0]})
    y = pd.DataFrame({"event": [1, 1, 1, 0, 0, 0], "duration": [1.0, 2, 3, 4, 5, 6]})
    with pytest.raises(InputError, match=r"marker.*runs to infinity"):
        fit_cox(X, y)
    assert np.isfinite(fit_cox(X, y, ridge=1.0).coefficients[0])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (pd.DataFrame({"a": [1.0, 2, 3, 4, 5, np.nan]}), "missing"),
        (pd.DataFrame({"a": [1.0] * 6}), "constant"),
        (pd.DataFrame({"a": list("xyzxyz")}), "not numbers"),
        (pd.DataFrame(np.random.default_rng(0).normal(size=(6, 4))), "4 predictors for 4 events"),
        (
            pd.DataFrame({"a": [0.0, 1, 1, 2, 0, 0], "b": [1.0, 3, 3, 5, 1, 1]}),
            "linear combination",
        ),
    ],
)
def test_bad_predictors_are_refused(X, words):
    with pytest.raises(InputError, match=words):
        fit_cox(X.set_axis(map(str, X.columns), axis=1), TINY_Y)


def test_entry_after_exit_is_refused():
    with pytest.raises(InputError, match="entry is not before duration"):
        fit_cox(TINY, TINY_Y.assign(entry=10.0))


@pytest.mark.parametrize(
    ("name", "key", "columns"),
    [
        ("survival_lung", "age_sex", ["age", "sex"]),
        ("survival_lung", "age_sex_ecog", ["age", "sex", "ph.ecog"]),
        ("survival_ovarian", "age", ["age"]),
        ("survival_ovarian", "age_rx_ecog", ["age", "rx", "ecog.ps"]),
        ("survival_ovarian", "all4", ["age", "resid.ds", "rx", "ecog.ps"]),
    ],
)
def test_models_of_r(name, key, columns, inputs, expected):
    frame = inputs(name).dropna(subset=columns)
    y = outcome(frame, *(("futime", "fustat") if "ovarian" in name else ("time", "status")))
    check_model(fit_cox(frame[columns].astype(float), y), expected(name)[key])


def check_model(fit, r):
    np.testing.assert_allclose(fit.coefficients, list(r["coef"].values()), atol=1e-6)
    se = r["se"] if isinstance(r["se"], list) else list(r["se"].values())
    np.testing.assert_allclose(fit.standard_errors, se, atol=1e-6)
    assert [fit.log_likelihood_null, fit.log_likelihood] == pytest.approx(r["loglik"], abs=1e-8)
    assert fit.score == pytest.approx(r["score"][0], abs=1e-6)
    assert fit.likelihood_ratio == pytest.approx(r["lrt"][0], abs=1e-7)
    assert fit.wald == pytest.approx(r["wald"][0], abs=1e-4)


def test_strata_of_r(inputs, expected):
    frame = inputs("survival_ovarian")
    fit = fit_cox(frame[["age"]], outcome(frame, "futime", "fustat"), strata=frame["rx"].to_numpy())
    check_model(fit, expected("survival_ovarian")["age_strata_rx"])


@pytest.mark.parametrize(("key", "ties"), [("full", "efron"), ("full_breslow", "breslow")])
def test_veteran(key, ties, inputs, expected):
    frame = inputs("survival_veteran")
    cell = {
        f"cell{k}": (frame["celltype"] == k).astype(float) for k in ("smallcell", "adeno", "large")
    }
    X = frame[["trt"]].assign(**cell).join(frame[["karno", "diagtime", "age", "prior"]])
    check_model(
        fit_cox(X.astype(float), outcome(frame), ties=ties), expected("survival_veteran")[key]
    )


def test_mayo_model_of_pbc(inputs, expected):
    frame = inputs("survival_pbc").dropna(subset=["protime"])
    X = pd.DataFrame(
        {
            "age": frame["age"],
            "bili": np.log(frame["bili"]),
            "protime": np.log(frame["protime"]),
            "edema": frame["edema"],
            "albumin": np.log(frame["albumin"]),
        }
    )
    fit = fit_cox(X, outcome(frame, event="death"))
    check_model(fit, expected("survival_pbc")["mayo5"])


def test_immortal_time(inputs, expected):
    frame = inputs("immortal_time_heart/inputs_startstop.csv")
    y = pd.DataFrame(
        {"event": frame["event"] == 1, "duration": frame["stop"], "entry": frame["start"]}
    )
    r = expected("immortal_time_heart")
    check_model(fit_cox(frame[["age", "surgery", "transplant"]], y), r["timedep"])
    wide = inputs("immortal_time_heart/inputs_wide.csv")
    # Taken as known at the start, transplantation looks protective; followed in time it does not.
    naive = fit_cox(
        wide[["age", "surgery", "transplant"]],
        pd.DataFrame({"event": wide["fustat"] == 1, "duration": wide["futime"].clip(lower=0.5)}),
    )
    assert naive.coefficients[2] == pytest.approx(r["naive_fixed"]["coef"]["transplant"], abs=0.05)


def test_baseline_of_no_predictors_is_nelson_aalen():
    y = pd.DataFrame({"event": [1, 1, 0, 1], "duration": [1.0, 2, 3, 4]})
    base = baseline_hazard(np.zeros(4), y)
    assert base["hazard"].tolist() == pytest.approx([1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3 + 1])


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"weight": np.nan}, "weights must be numbers"),
        ({"weight": -1.0}, "weights must be numbers"),
        ({"weight": 0.0}, "not all 0 among the events"),
        ({"entry": np.nan}, "entry is missing for"),
    ],
)
def test_weights_and_entries_that_are_none(column, words, small):
    y, risk = small
    with pytest.raises(InputError, match=words):
        fit_cox(pd.DataFrame({"risk": risk}), y.assign(**column))


def test_predictors_of_cases_in_another_order_are_refused(small):
    y, risk = small
    with pytest.raises(InputError, match="not of the same cases in the same order"):
        fit_cox(pd.DataFrame({"risk": risk}, index=y.index[::-1]), y)
