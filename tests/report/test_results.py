from __future__ import annotations

import json

import numpy as np
import pytest

from radtool.errors import InputError
from radtool.files import write_json
from radtool.report.results import (
    SCHEMA,
    Coefficient,
    DecisionCurve,
    Distribution,
    EndpointResults,
    Harmonization,
    KaplanMeier,
    ModelResult,
    PerformanceRow,
    Question,
    SignatureCard,
    StudyResults,
    SurvivalGroup,
    read_results,
)


def thin(**changes: object) -> StudyResults:
    question = Question(name="os", kind="survival", unit="months")
    row = PerformanceRow(
        model="volume", cohort="east", design="external", measure="harrell_c", value=0.62
    )
    endpoint = EndpointResults(question=question, performance=(row,), **changes)
    return StudyResults(title="Study", endpoints=(endpoint,))


def test_results_survive_the_way_through_a_file(tmp_path):
    group = SurvivalGroup(label="low", n=2, events=0, times=(), survival=())
    curve = KaplanMeier(model="volume", cohort="east", groups=(group,), grid=(0.0, 12.0))
    model = ModelResult(
        name="volume",
        coefficients=(Coefficient(feature="v", ratio=1.1, lower=0.0, upper=float("inf")),),
        settings={"alpha": 0.1, "nested": {"a": [1, 2]}},
    )
    before = thin(kaplan_meier=(curve,), models=(model,))
    path = tmp_path / "results.json"
    write_json(path, before.to_dict())
    assert read_results(path) == before


def test_arrays_and_numpy_numbers_are_stored_as_plain_json():
    group = SurvivalGroup(
        label="low", n=np.int64(2), events=1, times=np.array([1.5]), survival=np.array([0.5])
    )
    plain = group.to_dict()
    assert json.loads(json.dumps(plain)) == {
        "label": "low",
        "n": 2,
        "events": 1,
        "times": [1.5],
        "survival": [0.5],
    }


def test_nan_means_not_known():
    row = PerformanceRow(model="m", cohort="c", design="d", measure="auc", value=float("nan"))
    assert PerformanceRow.from_dict(row.to_dict()).value is None


def test_infinite_limits_are_kept():
    row = Coefficient.from_dict(Coefficient(feature="f", upper=float("inf")).to_dict())
    assert row.upper == float("inf")


def test_an_unknown_number_inside_a_row_comes_back_as_nan_and_an_infinite_cut_off_as_one():
    curve = SurvivalGroup(label="low", n=2, events=1, times=(1.0, 2.0), survival=(0.5, np.nan))
    back = SurvivalGroup.from_dict(curve.to_dict()).survival
    np.testing.assert_array_equal(back, [0.5, np.nan])
    card = SignatureCard(name="os", cutoffs={"median": float("inf")})
    assert SignatureCard.from_dict(card.to_dict()) == card


def test_what_is_empty_is_not_written_but_the_schema_is():
    assert StudyResults(title="Study").to_dict() == {
        "title": "Study",
        "synthetic": False,
        "schema": SCHEMA,
    }


def test_unknown_key_is_refused_with_its_place_and_a_suggestion():
    data = thin().to_dict()
    data["endpoints"][0]["performances"] = []
    with pytest.raises(InputError, match=r"results endpoints\[0\]: .*did you mean 'performance'"):
        StudyResults.from_dict(data)


def test_missing_key_is_refused_with_its_place():
    with pytest.raises(InputError, match=r"results endpoints\[0\]: needs the key 'question'"):
        StudyResults.from_dict({"title": "t", "endpoints": [{}]})


@pytest.mark.parametrize(
    ("record", "data", "words"),
    [
        (Question, {"name": "os", "kind": "time"}, "kind: 'time' is not allowed"),
        (PerformanceRow, {"model": 1}, "model: expected str"),
        (PerformanceRow, {"n": True}, "n: expected int"),
        (PerformanceRow, {"value": "high"}, "value: expected float"),
        (PerformanceRow, {"value": [1]}, "value: expected float"),
        (StudyResults, {"title": "t", "endpoints": {}}, "endpoints: expected a list"),
        (Harmonization, [], "expected keys and values"),
    ],
)
def test_values_of_another_kind_are_refused(record, data, words):
    with pytest.raises(InputError, match=words):
        record.from_dict(data)


@pytest.mark.parametrize(
    ("record", "data", "words"),
    [
        (
            SurvivalGroup,
            {"label": "a", "n": 1, "events": 1, "times": [1, 2], "survival": [0.5]},
            "results: SurvivalGroup: lengths differ: times 2, survival 1",
        ),
        (
            DecisionCurve,
            {
                "cohort": "c",
                "thresholds": [0.1],
                "strategies": [{"label": "all", "net_benefit": []}],
            },
            "'all' has 0 net benefits for 1 thresholds",
        ),
        (
            Distribution,
            {"feature": "f", "edges": [0, 1], "groups": [{"label": "a", "counts": [1, 2]}]},
            "'f': 2 counts for 2 bin edges",
        ),
    ],
)
def test_curves_whose_parts_do_not_match_are_refused(record, data, words):
    with pytest.raises(InputError, match=words):
        record.from_dict(data)


def test_results_of_a_newer_schema_are_refused(tmp_path):
    path = tmp_path / "results.json"
    write_json(path, {"title": "t", "schema": SCHEMA + 1})
    with pytest.raises(InputError, match="update radtool"):
        read_results(path)
