import json

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import auc_at, harrell_c, logrank
from radtool.models import (
    Block,
    CoxSignature,
    MarkerSignature,
    load_signature,
    published_signature,
    read_log,
    validate,
)


def test_measures_are_those_of_the_frozen_signature(fitted, other):
    X, y = other
    found = validate(fitted, X, y, horizon=0.5)
    risk = fitted.predict_risk(X)
    assert found["harrell_c"].value == harrell_c(y, risk).value
    assert found["auc_at_horizon"].lower == auc_at(y, risk, 0.5).lower
    assert found["logrank_p_p75"].value == logrank(y, fitted.risk_groups(X, cut="p75")).p
    assert found.notes == []
    assert {"calibration", "decision", "kaplan_meier", "predicted"} <= set(found.curves)
    assert found.scores.index.equals(X.index)
    with pytest.raises(KeyError):
        found["fortune"]


def test_the_signature_is_not_changed(fitted, other, tmp_path):
    before = fitted.save(tmp_path / "a.json")
    validate(fitted, *other)
    assert fitted.save(tmp_path / "b.json") == before


def test_a_case_is_scored_alike_in_any_cohort(fitted, other):
    X, y = other
    half = np.arange(len(X)) < 60
    whole = validate(fitted, X, y).scores
    pd.testing.assert_frame_equal(validate(fitted, X[half], y[half]).scores, whole[half])


def test_patients_of_the_training_cohort_are_refused(fitted, cohort, other):
    X = pd.concat([other[0], cohort[0].iloc[:3]])
    y = pd.concat([other[1], cohort[1].iloc[:3]])
    with pytest.raises(InputError, match=r"3 patient\(s\) were in the training cohort.*'p000'"):
        validate(fitted, X, y)


def test_they_are_refused_by_a_loaded_signature_too(fitted, cohort, tmp_path):
    fitted.save(tmp_path / "a.json")
    with pytest.raises(InputError, match="were in the training cohort"):
        validate(load_signature(tmp_path / "a.json"), *cohort)


def test_every_look_is_logged(fitted, other, tmp_path):
    log = tmp_path / "looks.jsonl"
    first, second = (validate(fitted, *other, log=log) for _ in range(2))
    X, y = other
    part = validate(fitted, X.iloc[:80], y.iloc[:80], log=log)
    assert [first.look, second.look, part.look] == [1, 2, 1]
    entries = read_log(log)
    assert len(entries) == 3
    assert entries[0]["signature_sha256"] == entries[2]["signature_sha256"]
    assert entries[1]["measures"]["harrell_c"][0] == pytest.approx(first["harrell_c"].value)


def test_a_changed_log_is_noticed(fitted, other, tmp_path):
    log = tmp_path / "looks.jsonl"
    for _ in range(3):
        validate(fitted, *other, log=log)
    lines = log.read_text().splitlines()
    log.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(InputError, match="line 2: the evaluation log was changed"):
        validate(fitted, *other, log=log)
    entry = json.loads(lines[1])
    entry["measures"]["harrell_c"][0] = 0.99
    log.write_text("\n".join([lines[0], json.dumps(entry), lines[2]]) + "\n")
    with pytest.raises(InputError, match="line 2"):
        read_log(log)


def test_a_constant_index_is_reported_not_crashed_on(cohort, other):
    X, y = cohort
    signature = CoxSignature({"c": Block(["original_stat_f00"])}).fit(X, y)
    new = other[0].assign(original_stat_f00=1.0)
    found = validate(signature, new, other[1])
    assert found["harrell_c"].value == 0.5
    assert np.isnan(found["calibration_slope"].value)
    assert any("one risk group" in note for note in found.notes)
    assert any("calibration curve" in note for note in found.notes)


def test_a_horizon_that_nobody_reaches_is_a_note(fitted, other):
    found = validate(fitted, *other, horizon=1e6)
    assert any("followed beyond" in note for note in found.notes)
    assert found["harrell_c"].value > 0.5


@pytest.mark.parametrize(
    "change",
    [
        lambda X, y: (X, y.assign(event=np.arange(len(y)) == 3)),
        lambda X, y: (X, y.assign(duration=1.0, event=True)),
        lambda X, y: (X.iloc[:1], y.iloc[:1].assign(event=True)),
        lambda X, y: (X.assign(original_morph_volume=1e300), y),
        lambda X, y: (X.assign(age=np.nan), y),
    ],
    ids=["one event", "one time", "one case", "huge values", "a column without values"],
)
def test_strange_cohorts_give_numbers_and_notes(change, fitted, other):
    found = validate(fitted, *change(*other))
    assert len(found.measures) + len(found.notes) > 15
    undefined = found.measures.loc[found.measures["value"].isna(), "measure"]
    assert set(undefined) <= {
        "calibration_slope",
        "royston_d",
        "median_survival_low",
        "median_survival_high",
    }


def test_ranks_without_a_baseline(other):
    signature = published_signature({"original_morph_volume": 1.0}, log=["original_morph_volume"])
    found = validate(signature, *other)
    assert found["harrell_c"].n == 120
    assert any("no baseline survival" in note for note in found.notes)


def test_markers(cohort, marker, other):
    signature = MarkerSignature({"r": Block(["original_stat_f0[0-3]"])}, model="logistic")
    signature.fit(cohort[0], marker)
    y = other[1]["duration"] < other[1]["duration"].median()
    found = validate(signature, other[0], y)
    assert found["auc"].lower < found["auc"].value < found["auc"].upper
    assert {"sensitivity_youden", "specificity_sensitivity_90", "ici", "calibration_slope"} <= set(
        found.measures["measure"]
    )
    assert found.scores["predicted"].dtype == bool
    with pytest.raises(InputError, match="same marker value"):
        validate(signature, other[0], pd.Series(True, index=other[0].index))


def test_cases_must_match(fitted, other):
    with pytest.raises(InputError, match="same cases"):
        validate(fitted, other[0], other[1].iloc[::-1])


def test_strange_values_are_flagged(fitted, other):
    X = other[0].copy()
    X.loc[X.index[0], "age"] = 150.0
    found = validate(fitted, X, other[1])
    assert (found.flags["value"] == 150).any()


def test_a_validation_with_flags_prints_itself(fitted, other):
    X, y = other
    found = validate(fitted, X.assign(original_stat_f01=1e6), y)
    assert set(found.flags["case"]) == set(X.index)
    assert f"{len(X)} case(s)" in repr(found)


def test_two_patients_give_notes(fitted, other):
    X, y = other
    assert validate(fitted, X[:2], y[:2].assign(event=True)).notes


def test_a_predictor_that_a_cohort_does_not_have_is_named(fitted, other):
    X, y = other
    notes = validate(fitted, X.assign(age=np.nan), y).notes
    assert any("'age' is missing for all 120 case(s)" in note for note in notes)
