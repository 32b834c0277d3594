import numpy as np
import pytest

from radtool.errors import InputError
from radtool.evaluation import auc, hosmer_lemeshow, marker_calibration

KEYS = {
    "ici": "Eavg", "e90": "E90", "emax": "Emax", "r2": "R2", "brier": "Brier", "d": "D", "u": "U",
    "q": "Q", "spiegelhalter_z": "S:z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "key"), [("p_fit", "val_prob_apparent"), ("p_distorted", "val_prob_distorted")]
)
def test_val_prob_of_rms(column, key, inputs, expected):
    frame, r = inputs("roc_aSAH"), expected("roc_aSAH")[key]
    found = marker_calibration(frame["y"] == 1, frame[column])
    for own, theirs in KEYS.items():
        assert found[own] == pytest.approx(r[theirs], abs=1e-7), own


def test_glow_of_hosmer_and_lemeshow(inputs, expected):
    frame, r = inputs("calibration_hosmer/glow500.csv"), expected("calibration_hosmer")["glow"]
    y, p = frame["fracture"] == 1, frame["p_fit"]
    found = marker_calibration(y, p)
    for own, theirs in KEYS.items():
        assert found[own] == pytest.approx(r["val_prob"][theirs], abs=1e-7), own
    row = hosmer_lemeshow(y, p).iloc[0]
    assert [row["chisq"], row["df"], row["p"]] == pytest.approx(
        [r["HL"]["chisq"], r["HL"]["df"], r["HL"]["p"]], abs=1e-9
    )
    assert auc(y, p).value == pytest.approx(r["auc"], abs=1e-12)


def test_chd_of_hosmer_and_lemeshow(inputs, expected):
    frame, r = inputs("calibration_hosmer/chdage.csv"), expected("calibration_hosmer")["chdage"]
    row = hosmer_lemeshow(frame["chd"] == 1, frame["p_fit"]).iloc[0]
    assert row["chisq"] == pytest.approx(r["HL"]["chisq"], abs=1e-9)


def test_predictions_that_hold_have_a_small_error():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, 20_000)
    y = rng.random(20_000) < p
    assert marker_calibration(y, p)["ici"] < 0.01
    assert marker_calibration(y, p**2)["ici"] > 0.1


def test_equal_predictions_have_no_curve():
    with pytest.raises(InputError, match="equal"):
        marker_calibration(np.array([True, False]), np.array([0.5, 0.5]))
