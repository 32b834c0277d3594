from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import (
    calibration_in_the_large,
    calibration_slope,
    harrell_c,
    logistic_slope,
    observed_over_expected,
    poisson_calibration,
)
from radtool.models import (
    Block,
    CoxSignature,
    MarkerSignature,
    load_signature,
    recalibrate,
    validate,
)


def people(n: int, seed: int, *, level: float = 1.0, effect: float = 1.0):
    """Two predictors; `level` times the hazard, `effect` times the log hazard ratios."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        rng.normal(size=(n, 2)), columns=["a", "b"], index=[f"{seed}-{i}" for i in range(n)]
    )
    index = effect * (0.8 * X["a"] - 0.5 * X["b"])
    time = rng.exponential(np.exp(-index) / level)
    limit = rng.uniform(0.5, 4.0, n)
    y = pd.DataFrame({"event": time <= limit, "duration": np.minimum(time, limit)}, index=X.index)
    odds = np.exp(np.log(level) + index)
    marker = pd.Series(rng.random(n) < odds / (1 + odds), index=X.index)
    return X, y, marker


BLOCKS = {"clinical": Block(["a", "b"])}


@pytest.fixture(scope="module")
def frozen() -> CoxSignature:
    X, y, _ = people(400, 0)
    return CoxSignature(BLOCKS).fit(X, y)


@pytest.fixture(scope="module")
def elsewhere():
    return people(400, 1, level=2.5, effect=0.5)


def test_intercept_makes_expected_events_the_observed_ones(frozen, elsewhere) -> None:
    X, y, _ = elsewhere
    new = recalibrate(frozen, X, y, how="intercept")
    risk = new.predict_risk(X)
    pd.testing.assert_series_equal(risk, frozen.predict_risk(X))
    expected = new.cumulative_baseline(y["duration"].to_numpy()) * np.exp(risk)
    table = poisson_calibration(y, risk, expected).set_index("measure")
    assert table.loc["observed_expected", "value"] == pytest.approx(1.0, abs=1e-6)


def test_slope_becomes_one_and_ranks_stay(frozen, elsewhere) -> None:
    X, y, _ = elsewhere
    new = recalibrate(frozen, X, y, how="slope")
    assert calibration_slope(y, frozen.predict_risk(X)).value < 0.8
    assert calibration_slope(y, new.predict_risk(X)).value == pytest.approx(1.0, abs=1e-6)
    assert harrell_c(y, new.predict_risk(X)).value == harrell_c(y, frozen.predict_risk(X)).value
    pd.testing.assert_series_equal(new.risk_groups(X), frozen.risk_groups(X))


def test_a_new_baseline_predicts_the_observed_risk(frozen, elsewhere) -> None:
    X, y, _ = elsewhere
    for how, far in (("slope", 0.05), ("baseline", 0.15)):
        new = recalibrate(frozen, X, y, how=how)
        p = 1 - new.predict_survival(X, [1.0])[1.0]
        assert observed_over_expected(y, p, 1.0).value == pytest.approx(1.0, abs=far)
    before = 1 - frozen.predict_survival(X, [1.0])[1.0]
    assert observed_over_expected(y, before, 1.0).value > 1.3


@pytest.mark.parametrize("how", ["intercept", "slope"])
def test_markers(how: str, elsewhere) -> None:
    X, _, marker = people(400, 0)
    signature = MarkerSignature(BLOCKS, model="logistic").fit(X, marker)
    other, _, truth = elsewhere
    new = recalibrate(signature, other, truth, how=how)
    p = new.predict_probability(other)
    assert calibration_in_the_large(truth, p).value == pytest.approx(0.0, abs=1e-6)
    if how == "slope":
        assert logistic_slope(truth, p)["value"].iloc[1] == pytest.approx(1.0, abs=1e-6)
    pd.testing.assert_series_equal(new.predict(other), signature.predict(other))


def test_the_file_keeps_it_and_again_means_on_top(frozen, elsewhere, tmp_path: Path) -> None:
    X, y, _ = elsewhere
    new = recalibrate(frozen, X, y, how="slope")
    new.save(tmp_path / "again.signature.json")
    back = load_signature(tmp_path / "again.signature.json")
    third, y3, _ = people(300, 2)
    pd.testing.assert_frame_equal(
        back.predict_survival(third, [1.0]), new.predict_survival(third, [1.0]), rtol=0
    )
    twice = recalibrate(back, third, y3, how="slope")
    assert calibration_slope(y3, twice.predict_risk(third)).value == pytest.approx(1, abs=1e-6)
    assert '"kind": "recalibrated survival"' in (tmp_path / "again.signature.json").read_text()


def test_its_patients_are_no_longer_new(frozen, elsewhere) -> None:
    X, y, _ = elsewhere
    new = recalibrate(frozen, X, y, how="intercept")
    with pytest.raises(InputError, match="400 patient"):
        validate(new, X, y)
    with pytest.raises(InputError, match="were in the training cohort"):
        recalibrate(new, X, y, how="slope")
    assert frozen.recalibration_ is None


def test_what_cannot_be_recalibrated_is_refused(frozen, elsewhere) -> None:
    X, y, marker = elsewhere
    with pytest.raises(InputError, match="how must be one of"):
        recalibrate(frozen, X, y, how="everything")
    rare = y.assign(event=np.arange(len(y)) < 5)
    with pytest.raises(InputError, match="5 events are too few"):
        recalibrate(frozen, X, rare, how="intercept")
    with pytest.raises(InputError, match="turn the ranks round"):
        recalibrate(frozen, -X, y, how="slope")
    signature = MarkerSignature(BLOCKS, model="logistic").fit(*people(200, 5)[::2])
    with pytest.raises(InputError, match="a marker has no baseline"):
        recalibrate(signature, X, marker, how="baseline")
