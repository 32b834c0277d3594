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


def split_at_events(X, y, change):
    """Rows between event times, with every column times the function of time beside it."""
    times = np.unique(y["duration"][y["event"]])
    rows = []
    for i in range(len(y)):
        start = 0.0
        for time in times[times <= y["duration"].iloc[i]]:
            died = bool(y["event"].iloc[i]) and time == y["duration"].iloc[i]
            rows.append([i, start, time, died, change(time)])
            start = time
    frame = pd.DataFrame(rows, columns=["case", "entry", "duration", "event", "g"])
    wide = X.iloc[frame["case"]].reset_index(drop=True)
    crossed = wide.mul(frame["g"], axis=0).add_prefix("g_")
    return pd.concat([wide, crossed], axis=1), frame


@pytest.mark.parametrize(("scale", "change"), [("identity", lambda t: t), ("log", np.log)])
def test_rotterdam_is_the_score_test_of_time_dependent_columns(scale, change, inputs):
    # R's published figures (32.811 in all) are of the whole follow-up of up to 20 years; the table
    # at hand ends at five, so the definition itself is the witness: at the fitted coefficients the
    # score of column times g(t) in a Cox model of rows split at every event time.
    frame = inputs("rotterdam_gbsg/rott5.csv").iloc[::15]
    y = pd.DataFrame({"event": frame["rfs"] == 1, "duration": frame["ryear"]})
    X = frame[["nodes2", "nodes3"]].assign(large=frame["csize"] == ">50").astype(float)
    fit = fit_cox(X, y)
    wide, rows = split_at_events(X, y, change)
    offset = wide[X.columns].to_numpy() @ fit.coefficients
    by_definition = fit_cox(wide, rows, offset=offset).score
    found = proportional_hazards(fit, X, y, scale=scale)
    assert found["chisq"].iloc[-1] == pytest.approx(by_definition, rel=1e-6)


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


def test_two_cases_are_too_few_for_a_change_over_time():
    y = pd.DataFrame({"event": [True, True, True], "duration": [1.0, 2.0, 3.0]})
    X = pd.DataFrame({"x": [1.0, 0.0, 0.0]})
    with pytest.raises(InputError, match="hardly vary among those at risk"):
        proportional_hazards(fit_cox(X, y, ridge=1.0), X.assign(x=0.0), y)
