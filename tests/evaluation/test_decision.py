import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import decision_curve

GRID = np.arange(100) / 100


def test_net_benefit_by_hand():
    y = pd.Series([True, True, False, False, False])
    p = np.array([0.9, 0.3, 0.6, 0.1, 0.1])
    row = decision_curve(y, {"model": p}, thresholds=[0.25]).set_index("model").loc["model"]
    # Two true and one false positive of five; odds 1/3.
    assert row["net_benefit"] == pytest.approx(2 / 5 - (1 / 5) / 3)


def test_treating_none_is_worth_nothing_and_all_the_prevalence_at_zero():
    y = pd.Series([True, False, False, False])
    table = decision_curve(y, {}, thresholds=[0.0, 0.5])
    assert table.loc[table["model"] == "none", "net_benefit"].tolist() == [0, 0]
    assert table.loc[table["model"] == "all", "net_benefit"].tolist() == [0.25, -0.5]


def test_prevalence_of_the_population_counts(inputs):
    y = pd.Series([True, True, False, False])
    p = np.array([0.9, 0.2, 0.8, 0.1])
    row = decision_curve(y, {"m": p}, thresholds=[0.5], prevalence=0.1).set_index("model").loc["m"]
    assert row["net_benefit"] == pytest.approx(0.5 * 0.1 - 0.5 * 0.9)


def test_bad_input_is_refused(small):
    y, risk = small
    with pytest.raises(InputError, match="needs time="):
        decision_curve(y, {"m": risk / 12})
    with pytest.raises(InputError, match="one probability per case"):
        decision_curve(y, {"m": risk}, time=5)
    with pytest.raises(InputError, match="below 1"):
        decision_curve(y, {"m": risk / 12}, time=5, thresholds=[1.0])


def check(found, reference):
    assert len(reference) >= 36
    reference = reference.assign(threshold=reference["threshold"].round(6))
    both = found.assign(threshold=found["threshold"].round(6)).merge(
        reference, left_on=["model", "threshold"], right_on=["variable", "threshold"]
    )
    both = both[both["net_benefit_y"].notna()]
    assert len(both) == reference["net_benefit"].notna().sum()
    np.testing.assert_allclose(both["net_benefit_x"], both["net_benefit_y"], atol=1e-9)
    np.testing.assert_allclose(both["tp_rate_x"], both["tp_rate_y"], atol=1e-9)
    if "net_intervention_avoided" in both:
        kept = both["net_intervention_avoided"].notna() & both["avoided"].notna()
        np.testing.assert_allclose(
            both["avoided"][kept], both["net_intervention_avoided"][kept], atol=1e-9
        )


@pytest.mark.parametrize("name", ["r_dca_famhistory.csv", "r_case1_results.csv"])
def test_marker_curves_of_dcurves(name, inputs):
    frame = inputs("dca_dcurves/df_binary.csv")
    found = decision_curve(frame["cancer"], {"famhistory": frame["famhistory"]}, thresholds=GRID)
    check(found, inputs(f"dca_dcurves/{name}"))


@pytest.mark.parametrize(
    ("name", "column", "time"),
    [
        ("r_case2_results.csv", "cancerpredmarker", 1),
        ("r_simple_surv_dca_result_df.csv", "famhistory", 1.5),
    ],
)
def test_survival_curves_of_dcurves(name, column, time, inputs):
    frame = inputs("dca_dcurves/df_surv.csv")
    y = pd.DataFrame({"event": frame["cancer"], "duration": frame["ttcancer"]})
    found = decision_curve(y, {column: frame[column]}, time=time, thresholds=GRID)
    check(found, inputs(f"dca_dcurves/{name}"))


def test_cox_prediction_of_dcurves(inputs):
    frame = inputs("dca_dcurves/df_surv.csv")
    y = pd.DataFrame({"event": frame["cancer"], "duration": frame["ttcancer"]})
    p = inputs("dca_dcurves/dca_tut_coxph_pr_failure18_vals.csv")["pr_failure18"]
    found = decision_curve(y, {"pr_failure18": p}, time=1.5, thresholds=GRID)
    check(found, inputs("dca_dcurves/dca_tut_r_stdca_coxph_df.csv"))


@pytest.mark.parametrize(
    ("name", "column", "harm"),
    [
        ("r_simple_binary_dca_result_df.csv", "age", None),
        ("r_case3_results.csv", "marker", {"marker": 0.0333}),
    ],
)
def test_markers_turned_into_probabilities(name, column, harm, inputs):
    from radtool.models import Logistic

    frame = inputs("dca_dcurves/df_binary.csv")
    p = Logistic().fit(frame[[column]], frame["cancer"]).predict(frame[[column]])
    found = decision_curve(frame["cancer"], {column: p}, thresholds=GRID, harm=harm)
    check(found, inputs(f"dca_dcurves/{name}"))


def test_competing_risks_treat_all_at_the_aalen_johansen_risk(small):
    from radtool.evaluation import incidence_at

    y, risk = small
    status = np.where(y["event"], 1 + (risk > 6), 0)
    competing = pd.DataFrame({"status": status, "duration": y["duration"]})
    table = decision_curve(competing, {"m": risk / 12}, time=10, thresholds=[0.2])
    overall = incidence_at(competing, 10).value
    first = table.iloc[0]
    assert first["net_benefit"] == pytest.approx(overall - (1 - overall) * 0.25, abs=1e-12)
