from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.evaluation import (
    aalen_johansen,
    calibration_slope,
    competing_auc,
    competing_brier,
    fine_gray,
    harrell_c,
    incidence_at,
    smooth_calibration,
    uno_c,
)
from radtool.models import (
    Block,
    CompetingSignature,
    CoxSignature,
    bootstrap_optimism,
    comparators,
    cross_validate,
    load_signature,
    validate,
)


def made(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One feature drives the event, another one what competes with it."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        rng.normal(size=(n, 3)), columns=["event", "other", "noise"],
        index=[f"{seed}-{i}" for i in range(n)],
    )  # fmt: skip
    first = rng.exponential(np.exp(-0.9 * X["event"]))
    second = rng.exponential(1.5 * np.exp(-0.9 * X["other"]))
    limit = rng.uniform(0.3, 4.0, n)
    duration = np.minimum(np.minimum(first, second), limit)
    status = np.where(duration == first, 1, np.where(duration == second, 2, 0))
    y = pd.DataFrame({"event": status == 1, "duration": duration, "status": status}, index=X.index)
    return X, y


@pytest.fixture(scope="module")
def fitted() -> CompetingSignature:
    X, y = made()
    return CompetingSignature({"clinical": Block(["event", "other", "noise"])}).fit(X, y)


def test_coefficients_are_fine_and_gray_s_with_robust_errors(fitted: CompetingSignature) -> None:
    X, y = made()
    by_hand = fine_gray(X, y)
    table = fitted.coefficients_
    np.testing.assert_allclose(table["coefficient"], by_hand.fit.coefficients, atol=1e-10)
    np.testing.assert_allclose(table["se"], np.sqrt(np.diag(by_hand.robust)), atol=1e-10)
    np.testing.assert_allclose(
        fitted.predict_incidence(X, [1.0])[1.0], by_hand.incidence(X, 1.0), atol=1e-10
    )


def test_mgus2_signature_equals_r(shared: Path) -> None:
    folder = shared / "oracles" / "competing_risks_mgus2"
    frame = pd.read_csv(folder / "inputs.csv")
    y = pd.DataFrame(
        {"event": frame["event"] == 1, "duration": frame["etime"].astype(float),
         "status": frame["event"]}
    )  # fmt: skip
    X = pd.DataFrame({"age": frame["age"].astype(float), "sexM": (frame["sex"] == "M") * 1.0})
    r = json.loads((folder / "expected.json").read_text())
    table = CompetingSignature({"clinical": Block(["age", "sexM"])}).fit(X, y).coefficients_
    np.testing.assert_allclose(
        table["coefficient"], list(r["fg_finegray_efron"]["coef"].values()), atol=1e-9
    )
    # cmprsk's crr clusters by patient as we do; it breaks ties otherwise.
    np.testing.assert_allclose(table["se"], r["crr_pcm"]["se"], rtol=0.01)


def test_mean_predicted_incidence_is_the_observed_one(fitted: CompetingSignature) -> None:
    X, y = made()
    seen = incidence_at(y, 1.0).value
    assert fitted.predict_incidence(X, [1.0])[1.0].mean() == pytest.approx(seen, abs=0.01)
    plain = CoxSignature({"clinical": Block(["event", "other", "noise"])}).fit(X, y)
    wrong = 1.0 - plain.predict_survival(X, [1.0])[1.0].mean()
    assert wrong > seen + 0.03  # taking what competes for censoring promises too many events


def test_what_competes_lowers_the_incidence_and_not_the_hazard(fitted: CompetingSignature) -> None:
    X, y = made()
    subdistribution = fitted.coefficients_.set_index("feature")["coefficient"]
    table = fitted.cause_specific(X, y).set_index(["cause", "feature"])["coefficient"]
    assert subdistribution["other"] < -0.2
    assert abs(table[1, "other"]) < 0.2
    assert table[2, "other"] == pytest.approx(0.9, abs=0.2)
    assert table[1, "event"] == pytest.approx(0.9, abs=0.2)


def test_the_file_gives_the_same_digits(fitted: CompetingSignature, tmp_path: Path) -> None:
    X, _ = made(50, seed=7)
    fitted.save(tmp_path / "s.signature.json")
    again = load_signature(tmp_path / "s.signature.json")
    assert isinstance(again, CompetingSignature)
    pd.testing.assert_frame_equal(
        again.predict_incidence(X, [0.5, 1.0]), fitted.predict_incidence(X, [0.5, 1.0]), rtol=0
    )


def test_a_validation_measures_incidence(fitted: CompetingSignature) -> None:
    X, y = made(250, seed=1)
    found = validate(fitted, X, y)
    time = found["horizon"].value
    p = fitted.predict_incidence(X, [time]).iloc[:, 0]
    assert found["auc_at_horizon"].value == competing_auc(y, p, time)
    assert found["brier_at_horizon"].value == competing_brier(y, p, time)["value"][0]
    assert found["auc_at_horizon"].lower < found["auc_at_horizon"].value
    assert found["observed_over_expected"].value == pytest.approx(
        incidence_at(y, time).value / p.mean()
    )
    assert found["calibration_slope"].value == pytest.approx(1.0, abs=0.35)
    assert {"calibration", "calibration_groups", "decision"} <= set(found.curves)
    assert found["ici"].value == smooth_calibration(y, p, time)["ici"]
    assert found["e50"].value <= found["e90"].value <= found["emax"].value
    assert found.curves["calibration_groups"]["n"].sum() == 250


def test_a_case_with_a_competing_event_never_overtakes() -> None:
    # Case a has the event at 1; b died of something else at 0.5 and stays comparable: a must rank
    # above b. With b censored the pair would be lost.
    y = pd.DataFrame({"event": [True, False], "duration": [1.0, 0.5], "status": [1, 2]})
    assert harrell_c(y, np.array([2.0, 1.0])).value == 1.0
    assert harrell_c(y, np.array([1.0, 2.0])).value == 0.0
    with pytest.raises(InputError, match="no two cases"):
        harrell_c(y.drop(columns="status"), np.array([2.0, 1.0]))
    with pytest.raises(InputError, match="use competing_auc"):
        uno_c(y, np.array([2.0, 1.0]))


def test_without_competing_events_everything_is_plain_survival() -> None:
    X, y = made()
    one = y.assign(status=y["event"].astype(int))
    block = {"clinical": Block(["event", "other"])}
    plain = CoxSignature(block).fit(X, one[["event", "duration"]])
    own = CompetingSignature(block).fit(X, one)
    np.testing.assert_allclose(own.predict_risk(X), plain.predict_risk(X), atol=1e-8)
    np.testing.assert_allclose(
        own.predict_survival(X, [1.0]), plain.predict_survival(X, [1.0]), atol=1e-8
    )
    assert calibration_slope(one, own.predict_risk(X)).value == pytest.approx(1.0, abs=1e-6)


def test_it_is_resampled_whole_and_compared_with_the_same_kind() -> None:
    X, y = made(160)
    X = X.rename(columns={"event": "original_glcm_event", "other": "original_morph_volume"})
    X["original_morph_volume"] = np.exp(X["original_morph_volume"])
    built = comparators(
        X, y, volume="original_morph_volume", clinical=["noise"],
        radiomics=Block(["original_glcm_event"]),
    )  # fmt: skip
    assert {type(one) for one in built.values()} == {CompetingSignature}
    folds = cross_validate(built["all"], X, y, folds=3, repeats=1)
    assert folds.summary()["value"].iloc[0] > 0.65
    assert bootstrap_optimism(built["all"], X, y, n=5).corrected.value > 0.65


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": None}, "has a column status"),
        ({"status": 1.5}, "status must be 0"),
        ({"event": True}, "event must be true where status is 1"),
    ],
)
def test_bad_outcomes_are_refused(change: dict[str, object], message: str) -> None:
    X, y = made(40)
    bad = y.drop(columns="status") if change == {"status": None} else y.assign(**change)
    with pytest.raises((InputError, TableError), match=message):
        CompetingSignature({"c": Block(["event"])}).fit(X, bad)


def test_risk_groups_have_the_incidence_of_their_cases(fitted: CompetingSignature) -> None:
    X, y = made()
    high = fitted.risk_groups(X) == "high"
    assert aalen_johansen(y[high])["incidence_1"].iloc[-1] > 0.6
    assert aalen_johansen(y[~high])["incidence_1"].iloc[-1] < 0.55
