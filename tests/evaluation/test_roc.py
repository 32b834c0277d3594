import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import (
    Threshold,
    auc,
    average_precision,
    brier,
    calibration_in_the_large,
    classify,
    compare_auc,
    logistic_slope,
    partial_auc,
    precision_recall_curve,
    roc_curve,
    sensitivity_threshold,
    youden_threshold,
)


@pytest.fixture
def marker():
    rng = np.random.default_rng(2)
    y = pd.Series(rng.random(80) < 0.4, index=[f"p{i}" for i in range(80)])
    return y, pd.Series(np.round(rng.normal(size=80) + y, 1), index=y.index)


def test_auc_is_the_share_of_pairs_in_order(marker):
    y, s = marker
    difference = s[y].to_numpy()[:, None] - s[~y].to_numpy()
    assert auc(y, s).value == pytest.approx((np.sign(difference) / 2 + 0.5).mean(), abs=1e-14)


def test_area_under_the_curve_is_the_auc(marker):
    curve = roc_curve(*marker)
    area = np.trapezoid(curve["sensitivity"], 1 - curve["specificity"])
    assert area == pytest.approx(auc(*marker).value, abs=1e-14)


def test_average_precision_equals_scikit_learn(marker):
    from sklearn.metrics import average_precision_score

    assert average_precision(*marker) == pytest.approx(average_precision_score(*marker), abs=1e-14)
    assert precision_recall_curve(*marker)["recall"].iloc[-1] == 1.0


def test_a_threshold_is_not_judged_on_the_cases_that_it_was_chosen_on(marker):
    y, s = marker
    cut = youden_threshold(y[:40], s[:40])
    with pytest.raises(InputError, match="chosen on 40 of these cases"):
        classify(y, s, cut)
    row = classify(y[40:], s[40:], cut).iloc[0]
    assert row["tp"] + row["fp"] + row["fn"] + row["tn"] == 40


def test_fixed_sensitivity_is_reached(marker):
    y, s = marker
    cut = sensitivity_threshold(y, s, sensitivity=0.9)
    assert classify(y, s, cut.value)["sensitivity"][0] >= 0.9
    higher = s[s > cut.value].min() + 1e-9
    assert classify(y, s, Threshold(float(higher), "next"))["sensitivity"][0] < 0.9


def test_counts_by_hand():
    y, s = np.array([1, 1, 0, 0, 1]) == 1, np.array([0.9, 0.4, 0.6, 0.1, 0.7])
    row = classify(pd.Series(y), s, 0.5).iloc[0]
    assert [row[k] for k in ("tp", "fp", "fn", "tn")] == [2, 1, 1, 1]
    assert row["f1"] == pytest.approx(2 / 3)
    assert row["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0, 1, 2, 0], "3 classes"),
        ([0, 0, 0, 0], "same marker value"),
        ([0, 1, np.nan, 0], "missing for 1"),
        (["wild", "mutant", "wild", "wild"], "give False and True"),
    ],
)
def test_bad_markers_are_refused(y, words):
    with pytest.raises(InputError, match=words):
        auc(pd.Series(y), np.arange(4.0))


def test_separated_classes_have_no_slope():
    with pytest.raises(InputError, match="perfectly separated"):
        logistic_slope(np.array([0, 0, 1, 1]) == 1, np.array([0.1, 0.2, 0.8, 0.9]))


@pytest.mark.parametrize("score", ["s100b", "wfns", "ndka"])
def test_proc(score, inputs, expected):
    frame, r = inputs("roc_aSAH"), expected("roc_aSAH")[score]
    y, s = frame["y"] == 1, frame[score].astype(float)
    found = auc(y, s)
    assert found.value == pytest.approx(r["auc"], abs=1e-12)
    assert found.se**2 == pytest.approx(r["var_delong"], abs=1e-14)
    assert [found.lower, found.upper] == pytest.approx(r["ci_delong"], abs=1e-12)
    cut, best = youden_threshold(y, s).value, r["youden_best"][0]
    assert cut == pytest.approx(best["threshold"], abs=1e-9)
    row = classify(y, s, cut).iloc[0]
    for key in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
        assert row[key] == pytest.approx(best[key], abs=1e-12)
    part = partial_auc(y, s, specificity=0.9).iloc[0]
    assert part["partial_auc"] == pytest.approx(r["pauc_spec_1_0.9"], abs=1e-12)
    assert part["corrected"] == pytest.approx(r["pauc_spec_corrected"], abs=1e-12)


@pytest.mark.parametrize("pair", ["wfns_s100b", "wfns_ndka", "ndka_s100b"])
def test_paired_delong(pair, inputs, expected):
    frame, r = inputs("roc_aSAH"), expected("roc_aSAH")["paired"][pair]
    first, second = pair.split("_")
    row = compare_auc(frame["y"] == 1, frame[second].astype(float), frame[first].astype(float))
    assert row["z"][0] == pytest.approx(r["stat"], abs=1e-10)
    assert row["p"][0] == pytest.approx(r["p"], abs=1e-10)


def test_binary_calibration_of_r(inputs, expected):
    frame, r = inputs("roc_aSAH"), expected("roc_aSAH")
    y, p = frame["y"] == 1, frame["p_distorted"]
    assert brier(y, p).value == pytest.approx(r["val_prob_distorted"]["Brier"], abs=1e-12)
    large = calibration_in_the_large(y, p)
    assert [large.value, large.se] == pytest.approx(r["distorted_citl"], abs=1e-5)
    terms = logistic_slope(y, p)
    assert terms["value"].tolist() == pytest.approx(r["distorted_intercept_slope"], abs=1e-7)
    assert terms["se"][1] == pytest.approx(r["distorted_slope_se"], abs=2e-5)


def test_a_difference_without_standard_error_has_no_p_value():
    # One positive case: DeLong's variance over positives is not defined (pROC: NA).
    y = np.arange(10) == 3
    row = compare_auc(y, np.arange(10.0), -np.arange(10.0)).iloc[0]
    assert row["difference"] == pytest.approx(1 - 2 * 3 / 9)
    assert np.isnan(row["p"])
    assert np.isnan(row["z"])
    assert compare_auc(y, np.arange(10.0), np.arange(10.0))["p"][0] == 1
