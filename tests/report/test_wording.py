from __future__ import annotations

import pytest

from radtool.report.results import Comparison, ModelResult
from radtool.report.wording import (
    MEASURES,
    counted,
    estimate,
    headline_sentence,
    integer,
    measure_of,
    number,
    p_value,
    percent,
    signed,
)

MODELS = (
    ModelResult(name="all", label="all predictors", blocks=("clinical", "volume", "radiomics")),
    ModelResult(name="clinical_volume", label="clinical + volume", blocks=("clinical", "volume")),
    ModelResult(name="radiomics", label="radiomics", blocks=("radiomics",)),
)


def gain(difference, lower, upper, **changes) -> Comparison:
    parts = {"model_a": "all", "model_b": "clinical_volume", "measure": "harrell_c", **changes}
    return Comparison(cohort="east", difference=difference, lower=lower, upper=upper, **parts)


@pytest.mark.parametrize(
    ("comparison", "sentence"),
    [
        (
            gain(0.004, -0.03, 0.04),
            "Radiomics added nothing that could be shown over clinical + volume:"
            " ΔC +0.004 (−0.030 to 0.040).",
        ),
        (
            gain(0.05, 0.01, 0.09),
            "Radiomics improved on clinical + volume: ΔC +0.050 (0.010 to 0.090).",
        ),
        (
            gain(-0.05, -0.09, -0.01),
            "Radiomics did worse than clinical + volume: ΔC −0.050 (−0.090 to −0.010).",
        ),
        (
            gain(0.05, None, None),
            "Radiomics over clinical + volume: ΔC +0.050, without an interval; nothing can be"
            " concluded.",
        ),
        (
            gain(-0.02, -0.03, -0.01, measure="brier"),
            "Radiomics improved on clinical + volume: ΔBrier −0.020 (−0.030 to −0.010).",
        ),
        (
            gain(0.02, 0.01, 0.03, measure="brier"),
            "Radiomics did worse than clinical + volume: ΔBrier +0.020 (0.010 to 0.030).",
        ),
        (
            gain(0.0, -0.1, 0.1, model_a="radiomics"),
            "Radiomics added nothing that could be shown over clinical + volume:"
            " ΔC 0.000 (−0.100 to 0.100).",
        ),
    ],
)
def test_headline_claims_only_what_the_interval_allows(comparison, sentence):
    assert headline_sentence(comparison, MODELS).replace("\u00a0", " ") == sentence


def test_an_interval_that_touches_zero_is_no_gain():
    assert "added nothing" in headline_sentence(gain(0.02, 0.0, 0.04), MODELS)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.65249, 3, "0.652"),
        (-0.0004, 3, "0.000"),
        (-0.5, 1, "−0.5"),
        (None, 2, "–"),
        (float("nan"), 2, "–"),
        (float("-inf"), 2, "−∞"),
        (1234567.0, 2, "1.2e+06"),
    ],
)
def test_numbers(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "<0.001"), (0.001, "0.001"), (0.0456, "0.046"), (0.0996, "0.10"), (0.1, "0.10"),
        (0.9899, "0.99"), (0.9901, ">0.99"), (1.0, ">0.99"), (None, "–"),
    ],
)  # fmt: skip
def test_p_values(p, text):
    assert p_value(p) == text


def test_estimates_and_counts():
    assert estimate(1.5, 1.0, 2.0, 1).replace("\u00a0", " ") == "1.5 (1.0 to 2.0)"
    assert estimate(1.5, None, None, 1) == "1.5"
    assert estimate(None, None, None) == "–"
    assert signed(-0.0001) == "0.000"
    assert integer(1234567) == "1\u202f234\u202f567"
    assert percent(1, 8, 1) == "12.5 %"
    assert percent(1, 0) == "–"


def test_measures_have_symbols_of_their_own():
    symbols = [measure.symbol for measure in MEASURES.values()]
    assert len(symbols) == len(set(symbols))


def test_an_unknown_measure_is_called_by_its_name():
    assert measure_of("gini").label == "gini"


def test_one_of_a_thing_is_not_in_the_plural():
    assert counted(1, "patients") == "1 patient"
    assert counted(2, "events") == "2 events"
    assert counted(0, "events") == "0 events"
