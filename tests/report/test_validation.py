from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.models import Validation
from radtool.report import calibration_record, decision_record, performance_rows
from radtool.report.wording import MEASURES


def measures(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["measure", "value", "lower", "upper", "n"])


def decision(benefit: tuple[float, ...], every: tuple[float, ...]) -> pd.DataFrame:
    thresholds = np.linspace(0.1, 0.9, len(every))
    parts = {"all": every, "none": (0.0,) * len(every), "signature": benefit}
    return pd.concat(
        pd.DataFrame({"model": name, "threshold": thresholds, "net_benefit": values})
        for name, values in parts.items()
    )


@pytest.fixture
def found() -> Validation:
    groups = pd.DataFrame(
        {"predicted": [0.2, 0.6], "observed": [0.3, 0.5], "lower": [0.1, 0.3], "upper": [0.5, 0.7],
         "n": [10, 11]}
    )  # fmt: skip
    return Validation(
        measures=measures(
            ("harrell_c", 0.65, 0.6, 0.7, 21),
            ("slope_test_p", 0.01, None, None, 21),
            ("poisson_observed_expected", 1.1, 0.9, 1.3, 21),
            ("horizon", 24.0, None, None, 21),
            ("observed_over_expected", 1.2, 0.9, 1.6, 21),
            ("brier_at_horizon", float("nan"), None, None, 21),
            ("sensitivity_sensitivity_90", 0.9, None, None, 21),
            ("specificity_youden", 0.7, None, None, 21),
        ),
        curves={
            "calibration": pd.DataFrame({"predicted": [0.1, 0.9], "observed": [0.2, 0.8]}),
            "calibration_groups": groups,
            "decision": decision((0.4, 0.3, 0.2, 0.1, -0.1), (0.4, 0.2, 0.0, -0.5, -1.0)),
        },
        scores=pd.DataFrame(),
        flags=pd.DataFrame(),
    )


def test_rows_carry_names_times_and_limits_of_the_report(found):
    rows = performance_rows(found, model="all", cohort="east", events=9)
    assert [(r.measure, r.value, r.horizon, r.note) for r in rows] == [
        ("harrell_c", 0.65, None, ""),
        ("oe_ratio", 1.1, None, ""),
        ("oe_ratio", 1.2, 24.0, ""),
        ("sensitivity", 0.9, None, "cut-off for 90 % sensitivity"),
        ("specificity", 0.7, None, "Youden cut-off of training"),
    ]
    assert (rows[0].lower, rows[0].upper, rows[0].n, rows[0].events) == (0.6, 0.7, 21, 9)
    assert all(row.measure in MEASURES for row in rows)


def test_calibration_has_groups_and_smooth_curve(found):
    record = calibration_record(found, model="all", cohort="east")
    assert record is not None
    assert record.predicted == (0.2, 0.6)
    assert record.n == (10, 11)
    assert record.smooth_observed == (0.2, 0.8)
    assert record.horizon == 24.0


def test_decision_curves_of_models_share_treat_all(found):
    curve = decision_record({"clinical": found, "all": found}, cohort="east")
    assert curve is not None
    assert [s.label for s in curve.strategies] == ["treat all", "clinical", "all"]
    # At 0.9 nobody has a benefit any more; 0.7 is the last threshold shown.
    assert curve.thresholds == pytest.approx((0.1, 0.3, 0.5, 0.7))
    assert curve.strategies[1].net_benefit == pytest.approx((0.4, 0.3, 0.2, 0.1))


def test_decision_curves_of_different_cases_are_refused(found):
    other = dataclasses.replace(
        found, curves={"decision": decision((0.1,) * 5, (0.3, 0.1, -0.1, -0.5, -1.0))}
    )
    with pytest.raises(InputError, match="same cohort"):
        decision_record({"clinical": found, "all": other}, cohort="east")


def test_a_validation_without_curves_gives_none(found):
    bare = dataclasses.replace(found, curves={})
    assert calibration_record(bare, model="all", cohort="east") is None
    assert decision_record({"all": bare}, cohort="east") is None
