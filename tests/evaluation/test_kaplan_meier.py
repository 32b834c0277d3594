import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import fit_cox, kaplan_meier, logrank


def lung(inputs):
    frame = inputs("survival_lung")
    return frame, pd.DataFrame(
        {"event": frame["status"] == 1, "duration": frame["time"].astype(float)}
    )


def test_curve_by_hand():
    y = pd.DataFrame({"event": [1, 0, 1, 1, 0], "duration": [2.0, 3.0, 3.0, 5.0, 6.0]})
    table = kaplan_meier(y).table
    # 4/5; then 3/4 of it (the censored one at 3 is still at risk); then 1/2 of that.
    assert table["survival"].tolist() == pytest.approx([0.8, 0.6, 0.3, 0.3])
    assert table["at_risk"].tolist() == [5, 4, 2, 1]


def test_numbers_at_risk_count_those_leaving_then():
    y = pd.DataFrame({"event": [1, 0, 1], "duration": [2.0, 4.0, 4.0]})
    assert kaplan_meier(y).at_risk([0, 2, 3, 4, 5]).tolist() == [3, 3, 2, 2, 0]


def test_median_between_two_times_where_the_curve_rests_on_one_half():
    y = pd.DataFrame({"event": [1, 1, 1, 1], "duration": [1.0, 2.0, 5.0, 7.0]})
    assert kaplan_meier(y).median.value == 3.5


def test_a_median_that_is_not_reached_is_nan():
    y = pd.DataFrame({"event": [1, 0, 0, 0], "duration": [1.0, 2.0, 5.0, 7.0]})
    assert np.isnan(kaplan_meier(y).median.value)


def test_a_group_without_events_has_a_flat_curve():
    y = pd.DataFrame({"event": [0, 0], "duration": [1.0, 2.0]})
    assert kaplan_meier(y).table["survival"].tolist() == [1.0, 1.0]


def test_restricted_mean_without_censoring_is_the_mean_of_truncated_times(small):
    y, _ = small
    y = y.assign(event=True)
    assert kaplan_meier(y).restricted_mean(15).value == pytest.approx(
        np.minimum(y["duration"], 15).mean()
    )


def test_restricted_mean_beyond_follow_up_is_refused(small):
    with pytest.raises(InputError, match="not within the follow-up"):
        kaplan_meier(small[0]).restricted_mean(1e9)


def test_logrank_needs_two_groups(small):
    with pytest.raises(InputError, match="at least two groups"):
        logrank(small[0], np.zeros(60))


def test_relabelling_groups_changes_nothing(small):
    y, risk = small
    first = logrank(y, risk > 5).statistic
    assert logrank(y, np.where(risk > 5, "b", "a")).statistic == pytest.approx(first)
    assert logrank(y, np.where(risk > 5, "a", "b")).statistic == pytest.approx(first)


def test_lung_curves_of_r(inputs, expected):
    frame, y = lung(inputs)
    r = expected("survival_lung")
    for sex in (1, 2):
        curve = kaplan_meier(y[frame["sex"] == sex])
        rows = pd.DataFrame([row for row in r["km_sex"] if row["strata"] == f"sex={sex}"])
        np.testing.assert_allclose(curve.table["survival"], rows["surv"], atol=1e-12)
        np.testing.assert_array_equal(curve.table["at_risk"], rows["n.risk"])
        np.testing.assert_allclose(curve.table["se"], rows["std.err"], atol=1e-12)
        table = r["km_table_sex_loglog"][sex - 1]
        median = curve.median
        assert [median.value, median.lower, median.upper] == [
            table["median"], table["0.95LCL"], table["0.95UCL"]
        ]  # fmt: skip
        mean = curve.restricted_mean(500)
        assert mean.value == pytest.approx(r["rmst_sex_500"][sex - 1]["rmean"], abs=1e-10)
        assert mean.se == pytest.approx(r["rmst_sex_500"][sex - 1]["se(rmean)"], abs=1e-10)


@pytest.mark.parametrize(
    ("key", "columns", "rho"),
    [
        ("logrank_sex", ["sex"], 0),
        ("wilcoxon_peto_rho1_sex", ["sex"], 1),
        ("logrank_ecog", ["ph.ecog"], 0),
    ],
)
def test_lung_tests_of_r(key, columns, rho, inputs, expected):
    frame, y = lung(inputs)
    known = frame[columns].notna().all(axis=1)
    r = expected("survival_lung")[key]
    found = logrank(y[known], frame.loc[known, columns[0]], rho=rho)
    assert found.statistic == pytest.approx(r["chisq"], abs=1e-10)
    assert found.df == r["df"]
    np.testing.assert_allclose(found.table["observed"], r["obs"], atol=1e-10)
    np.testing.assert_allclose(found.table["expected"], r["exp"], atol=1e-10)


@pytest.mark.parametrize(("key", "rho"), [("logrank_cell", 0), ("logrank_cell_rho1", 1)])
def test_veteran_tests_of_r(key, rho, inputs, expected):
    frame = inputs("survival_veteran")
    y = pd.DataFrame({"event": frame["status"] == 1, "duration": frame["time"].astype(float)})
    r = expected("survival_veteran")[key]
    found = logrank(y, frame["celltype"], rho=rho)
    assert (found.statistic, found.df) == (pytest.approx(r["chisq"], abs=1e-10), r["df"])


def test_ovarian_and_pbc_of_r(inputs, expected):
    frame = inputs("survival_ovarian")
    y = pd.DataFrame({"event": frame["fustat"] == 1, "duration": frame["futime"].astype(float)})
    r = expected("survival_ovarian")
    np.testing.assert_allclose(
        kaplan_meier(y).table["survival"], [row["surv"] for row in r["km_all"]], atol=1e-12
    )
    assert logrank(y, frame["rx"]).statistic == pytest.approx(r["logrank_rx"]["chisq"], abs=1e-10)
    pbc = inputs("survival_pbc").dropna(subset=["trt"])
    y = pd.DataFrame({"event": pbc["death"] == 1, "duration": pbc["time"].astype(float)})
    r = expected("survival_pbc")["logrank_trt"]
    assert logrank(y, pbc["trt"]).statistic == pytest.approx(r["chisq"], abs=1e-10)


def test_a_case_without_group_or_stratum_is_refused(small):
    y, risk = small
    group = np.where(risk > 6, "high", "low").astype(object)
    group[3] = None
    with pytest.raises(InputError, match="group is missing for 1 of 60"):
        logrank(y, group)
    with pytest.raises(InputError, match="stratum is missing for 1 of 60"):
        logrank(y, risk > 6, strata=group)
    with pytest.raises(InputError, match="stratum is missing for 1 of 60"):
        fit_cox(pd.DataFrame({"risk": risk}), y, strata=group)
