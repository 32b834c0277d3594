import lifelines
import pandas as pd
import pytest
import statsmodels.api as sm

from radtool.demo import (
    MARKER_COEFFICIENTS,
    SURVIVAL_COEFFICIENTS,
    covariates,
    draw_population,
)
from radtool.demo.population import ATTENUATION
from radtool.errors import ParameterError
from radtool.evaluation import harrell_c


@pytest.fixture(scope="module")
def crowd() -> pd.DataFrame:
    return draw_population(6000, 4)


def _c(people: pd.DataFrame, score: pd.Series) -> float:
    y = people[["os_event", "os_duration"]].set_axis(["event", "duration"], axis=1)
    return harrell_c(y.astype({"event": bool}), score).value


def test_a_cox_fit_on_the_true_covariates_recovers_the_coefficients(crowd):
    table = covariates(crowd).join(crowd[["os_duration", "os_event"]])
    # Four intervals that hold together with 95 % (Bonferroni).
    fit = lifelines.CoxPHFitter(alpha=0.05 / 4).fit(table, "os_duration", "os_event")
    limits = fit.confidence_intervals_
    for name, truth in SURVIVAL_COEFFICIENTS.items():
        lower, upper = limits.loc[name]
        assert lower < truth < upper, name
        assert upper - lower < 0.2


def test_a_logistic_fit_recovers_the_marker_coefficients(crowd):
    design = pd.DataFrame(
        {
            "intercept": 1.0,
            "attenuation_z": ATTENUATION.standardise(crowd["attenuation_hu"]),
            "female": (crowd["sex"] == "F").astype(float),
        }
    )
    fit = sm.Logit((crowd["egfr"] == "mutant").astype(float), design).fit(disp=False)
    limits = fit.conf_int(alpha=0.05 / 3)
    for name, truth in MARKER_COEFFICIENTS.items():
        assert limits.loc[name, 0] < truth < limits.loc[name, 1], name


def test_the_signal_is_modest_and_texture_adds_to_volume_and_clinic(crowd):
    design, weights = covariates(crowd), pd.Series(SURVIVAL_COEFFICIENTS)
    known = ["log_volume_z", "age_decades", "n_stage"]
    oracle = _c(crowd, crowd["linear_predictor"])
    volume = _c(crowd, design["log_volume_z"])
    without_texture = _c(crowd, design[known] @ weights[known])
    assert 0.70 < oracle < 0.75
    assert 0.60 < volume < 0.65
    assert without_texture < oracle - 0.03


def test_sites_do_not_differ_in_their_patients(crowd):
    means = crowd.groupby("site")["linear_predictor"].mean()
    assert means.max() - means.min() < 0.1


def test_equal_seeds_give_equal_patients_and_others_do_not():
    pd.testing.assert_frame_equal(draw_population(30, 1), draw_population(30, 1))
    assert not draw_population(30, 1).equals(draw_population(30, 2))


def test_too_few_patients_are_refused():
    with pytest.raises(ParameterError, match="at least 15"):
        draw_population(14, 0)
