from __future__ import annotations

import pandas as pd
import pytest

from radtool.errors import InputError, RadtoolWarning, TableError
from radtool.table import Endpoint, join

OS = Endpoint(name="os", duration="days", event="dead")


def features() -> pd.DataFrame:
    return pd.DataFrame(
        {"patient_id": ["P1", "P12", "P3"], "site": "x", "original_stat_mean": [1.0, 2.0, 3.0]}
    )


def outcomes() -> pd.DataFrame:
    return pd.DataFrame(
        {"patient_id": ["P12", "P1", "P4", "P3"], "days": [12, 1, 4, None], "dead": [1, 0, 1, 0],
         "age": [50, 60, 70, 80], "egfr": ["Mutant", "wildtype", None, "mutant"]}
    )  # fmt: skip


def test_keys_are_matched_whole_not_by_substring() -> None:
    # "P1" is a substring of "P12"; a known predecessor gave P1's outcome to P12
    study = join(features(), outcomes(), endpoint=OS, covariates=["age"])
    assert study.y["duration"].to_dict() == {"P1": 1.0, "P12": 12.0}
    assert study.X["age"].to_dict() == {"P1": 60, "P12": 50}
    assert study.X.index.equals(study.y.index)


def test_nobody_is_left_out_in_silence() -> None:
    study = join(features(), outcomes(), endpoint=OS)
    assert {(item.case_id, item.reason) for item in study.left_out} == {
        ("P4", "no features for this patient"),
        ("P3", "outcome 'os' is not known"),
    }


def test_no_outcome_column_reaches_the_predictors() -> None:
    study = join(features(), outcomes(), endpoint=OS, covariates=["age"])
    assert study.X.columns.tolist() == ["site", "original_stat_mean", "age"]


def test_marker_words_are_understood() -> None:
    study = join(features(), outcomes(), endpoint=Endpoint(name="egfr", marker="egfr"))
    assert study.y.to_dict() == {"P1": False, "P12": True, "P3": True}


def test_strange_marker_words_are_asked_about() -> None:
    table = outcomes().assign(egfr=["exon 19", "none", "none", "exon 19"])
    with pytest.raises(TableError, match="name the one that counts with positive="):
        join(features(), table, endpoint=Endpoint(name="egfr", marker="egfr"))
    named = Endpoint(name="egfr", marker="egfr", positive="exon 19")
    assert join(features(), table, endpoint=named).y.sum() == 2


@pytest.mark.parametrize(
    ("people", "covariates", "message"),
    [
        (outcomes().rename(columns={"dead": "died"}), [], "no column 'dead'; did you mean 'died'"),
        (
            pd.concat([outcomes(), outcomes()[:1]]),
            [],
            "more than one row for patient",
        ),
        (outcomes(), ["days"], "listed as covariates"),
        (outcomes().assign(site="x"), ["site"], "in the feature and the outcome table"),
        (outcomes().assign(patient_id=list("abcd")), [], "no patient_id is in both tables"),
        (outcomes().assign(dead=0), [], "no events"),
    ],
)
def test_joins_that_cannot_be_right_are_refused(
    people: pd.DataFrame, covariates: list[str], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        join(features(), people, endpoint=OS, covariates=covariates)


def test_outcome_column_in_the_feature_table_is_refused() -> None:
    leaking = features().assign(days=[1, 2, 3])
    with pytest.raises(TableError, match="must never be a predictor"):
        join(leaking, outcomes(), endpoint=OS)


def test_endpoint_is_survival_or_marker() -> None:
    for parts in (
        {"duration": "days"},
        {"event": "dead"},
        {"duration": "days", "event": "dead", "marker": "egfr"},
        {"duration": "days", "event": "dead", "status": "cause"},
    ):
        with pytest.raises(InputError, match="either duration and event .*, or marker, not both"):
            Endpoint(name="os", **parts)


def test_keys_of_other_types_are_the_same_keys() -> None:
    whole = join(features(), outcomes(), endpoint=OS).y
    for kind in ("category", "string[pyarrow]"):
        table = features().astype({"patient_id": kind, "site": kind})
        found = join(table, outcomes().astype({"patient_id": kind}), endpoint=OS)
        pd.testing.assert_frame_equal(found.y, whole)


@pytest.mark.parametrize(
    ("ages", "message"),
    [
        (["60,5", "61", "70,1", "50"], "decimal comma .'60,5' for"),
        (pd.date_range("1950", periods=4), "holds dates; make a number of it"),
        (pd.array(["60", "?", "70", "50"], dtype="string[pyarrow]"), "holds numbers, but also"),
    ],
)
def test_numbers_that_would_become_categories_are_refused(ages: object, message: str) -> None:
    with pytest.raises(TableError, match=message):
        join(features(), outcomes().assign(age=ages), endpoint=OS, covariates=["age"])


def test_numbers_stored_as_text_are_numbers() -> None:
    people = outcomes().assign(age=["60.5", "61", None, "50"])
    found = join(features(), people, endpoint=OS, covariates=["age", "age"]).X["age"]
    assert found.dtype == float
    assert found.max() == 61


def test_categories_that_differ_in_capitals_are_named() -> None:
    people = outcomes().assign(sex=["male", "Male", "female", "female"])
    with pytest.warns(RadtoolWarning, match="differ in capitals only .*: 'Male', 'male'"):
        join(features(), people, endpoint=OS, covariates=["sex"])


def test_an_outcome_that_nobody_has_is_refused() -> None:
    with pytest.raises(TableError, match="outcome 'egfr' is known for none of 3"):
        join(features(), outcomes().assign(egfr=None), endpoint="egfr")


def test_tables_that_are_none_are_refused_in_words() -> None:
    twice = pd.concat([outcomes(), outcomes()[["dead"]]], axis=1)
    with pytest.raises(TableError, match="outcome table: column named twice: dead"):
        join(features(), twice, endpoint=OS)
    with pytest.raises(TableError, match="feature table has no rows"):
        join(features()[:0], outcomes(), endpoint=OS)


def test_dates_with_and_without_a_time_zone_are_of_the_same_calendar() -> None:
    people = outcomes().assign(
        first=pd.date_range("2020-01-01", periods=4, tz="Europe/Amsterdam"),
        last=pd.date_range("2020-01-31", periods=4),
    )
    question = Endpoint(name="os", start="first", duration="last", event="dead")
    assert join(features(), people, endpoint=question).y["duration"].unique().tolist() == [30.0]
