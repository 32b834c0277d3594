import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import fit_cox, proportional_hazards

SCALES = ["km", "rank", "identity", "log"]


def check(found, rows):
    assert found["chisq"].tolist() == pytest.approx([row["chisq"] for row in rows], abs=1e-6)
    assert found["p"].tolist() == pytest.approx([row["p"] for row in rows], abs=1e-7)
    assert found["df"].tolist() == [row["df"] for row in rows]


@pytest.mark.parametrize("scale", SCALES)
def test_lung_of_r(scale, inputs, expected):
    frame = inputs("survival_lung").dropna(subset=["ph.ecog"])
    y = pd.DataFrame({"event": frame["status"] == 1, "duration": frame["time"].astype(float)})
    X = frame[["age", "sex", "ph.ecog"]].astype(float)
    found = proportional_hazards(fit_cox(X, y), X, y, scale=scale)
    check(found, expected("survival_lung")["zph_age_sex_ecog"][scale])


@pytest.mark.parametrize("scale", SCALES)
def test_ovarian_of_r(scale, inputs, expected):
    frame = inputs("survival_ovarian")
    y = pd.DataFrame({"event": frame["fustat"] == 1, "duration": frame["futime"].astype(float)})
    X = frame[["age", "ecog.ps"]].astype(float)
    found = proportional_hazards(fit_cox(X, y), X, y, scale=scale)
    check(found, expected("survival_ovarian")["zph_age_ecog"][scale])


@pytest.mark.parametrize("scale", SCALES)
def test_pbc_of_r(scale, inputs, expected):
    frame = inputs("survival_pbc").dropna(subset=["protime"])
    y = pd.DataFrame({"event": frame["death"] == 1, "duration": frame["time"].astype(float)})
    X = pd.DataFrame(
        {
            "age": frame["age"],
            "bili": np.log(frame["bili"]),
            "protime": np.log(frame["protime"]),
            "edema": frame["edema"],
            "albumin": np.log(frame["albumin"]),
        }
    )
    rows = expected("survival_pbc")["zph"][scale]
    order = ["age", "log(bili)", "log(protime)", "edema", "log(albumin)", "GLOBAL"]
    assert [row["_row"] for row in rows] == order
    check(proportional_hazards(fit_cox(X, y), X, y, scale=scale), rows)


def test_factors_are_tested_as_one_term(inputs, expected):
    frame = inputs("survival_veteran")
    y = pd.DataFrame({"event": frame["status"] == 1, "duration": frame["time"].astype(float)})
    cells = ("smallcell", "adeno", "large")
    X = frame[["trt"]].assign(**{k: frame["celltype"] == k for k in cells})
    X = X.join(frame[["karno", "age"]]).astype(float)
    terms = {"trt": ["trt"], "celltype": list(cells), "karno": ["karno"], "age": ["age"]}
    found = proportional_hazards(fit_cox(X, y), X, y, terms=terms)
    check(found, expected("survival_veteran")["zph_trt_cell_karno_age_terms_km"])


def test_a_hazard_ratio_that_turns_round_is_noticed():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 400).astype(float)
    # Group 1 dies early or very late, group 0 in between.
    late = rng.random(400) < 0.5
    time = np.where(x == 0, 5 + rng.random(400), np.where(late, 20, 1) + rng.random(400))
    y = pd.DataFrame({"event": True, "duration": time})
    X = pd.DataFrame({"x": x})
    assert proportional_hazards(fit_cox(X, y), X, y)["p"].iloc[-1] < 1e-6


def test_an_unknown_scale_is_refused(small):
    y, risk = small
    X = pd.DataFrame({"x": risk})
    with pytest.raises(InputError, match="scale must be"):
        proportional_hazards(fit_cox(X, y), X, y, scale="sqrt")


def test_events_at_one_time_only_are_refused(small):
    y, risk = small
    X = pd.DataFrame({"x": risk})
    y = y.assign(duration=np.where(y["event"], 5.0, y["duration"] + 6))
    with pytest.raises(InputError, match="all events are at one time"):
        proportional_hazards(fit_cox(X, y), X, y)
