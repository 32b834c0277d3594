"""What spreadsheets of outcomes hold, and that none of it becomes a wrong outcome in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.table import Endpoint, check_survival, join, read_table

IDS = ["p1", "p2", "p3", "p4"]
FEATURES = pd.DataFrame({"patient_id": IDS, "original_stat_mean": [1.0, 2.0, 3.0, 4.0]})


def joined(endpoint: Endpoint, covariates: tuple[str, ...] = (), **columns: object):
    people = pd.DataFrame({"patient_id": IDS, "days": [5, 6, 7, 8], "dead": [1, 0, 1, 0]})
    return join(FEATURES, people.assign(**columns), endpoint=endpoint, covariates=covariates)


def survival(**more: str) -> Endpoint:
    return Endpoint(name="os", duration="days", event="dead", **more)


@pytest.mark.parametrize(
    "dead",
    [["yes", "No ", "YES", "no"], ["dead", "alive", "died", "Alive"], [1.0, 0.0, 1.0, 0.0]],
)
def test_an_event_in_words_is_understood(dead: list[object]) -> None:
    assert joined(survival(), dead=dead).y["event"].tolist() == [True, False, True, False]


def test_an_event_coded_1_and_2_needs_to_be_named() -> None:
    with pytest.raises(TableError, match=r"event has values \['2'\].* with positive="):
        joined(survival(), dead=[2, 1, 2, 1])
    coded = joined(survival(positive="2"), dead=[2.0, 1.0, None, 1.0])
    assert coded.y["event"].tolist() == [True, False, False]
    assert [item.case_id for item in coded.left_out] == ["p3"]


def test_a_marker_of_numbers_with_a_gap_keeps_its_positives() -> None:
    # the gap makes 1 a 1.0, which is not the text "1"
    mutant = joined(Endpoint(name="m", marker="m", positive="1"), m=[1, None, 0, 1])
    assert mutant.y.tolist() == [True, False, True]


def test_a_positive_value_that_nobody_has_is_refused() -> None:
    with pytest.raises(TableError, match="no value 'Mutant'.*there are 'mutant', 'wildtype'"):
        joined(Endpoint(name="m", marker="m", positive="Mutant"), m=["mutant", "wildtype"] * 2)
    with pytest.raises(
        TableError, match="3 values, not two: 'mutant', 'not done', 'wildtype'; empty"
    ):
        joined(
            Endpoint(name="m", marker="m", positive="mutant"),
            m=["mutant", "wildtype", "not done", "mutant"],
        )


def test_time_is_counted_between_two_dates() -> None:
    first = pd.to_datetime(["2012-01-01", "2012-01-01", "2012-02-01", "2012-03-01"])
    last = ["2012-01-31", "2013-01-01", "2012-02-02", "2012-03-31 00:00:00"]
    # 2012 is a leap year: 366 days
    study = joined(survival(start="dx"), dx=first, days=last)
    assert study.y["duration"].tolist() == [30.0, 366.0, 1.0, 30.0]
    in_months = joined(survival(start="dx", unit="months"), dx=first, days=last)
    np.testing.assert_allclose(in_months.y["duration"], [v / 30.4375 for v in (30, 366, 1, 30)])


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (["2012-01-02"] * 4, ["2012-01-01"] * 4, "'days' is not after 'dx' for p1, p2"),
        (["01/02/2012"] * 4, ["2012-03-01"] * 4, "'dx' must hold dates .* '01/02/2012'"),
        ([2012] * 4, ["2012-03-01"] * 4, "'dx' must hold dates"),
        (["2012-01-02"] * 4, [40939] * 4, "'days' must hold dates .* '40939'"),
    ],
)
def test_dates_that_cannot_be_right_are_refused(
    first: list[object], last: list[object], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        joined(survival(start="dx"), dx=first, days=last)


def test_the_date_of_the_start_is_no_predictor_and_needs_a_unit_of_time() -> None:
    with pytest.raises(TableError, match="listed as covariates"):
        joined(survival(start="dx"), ("dx",), dx=1)
    with pytest.raises(InputError, match="in a unit of days, weeks, months, years; got unit 'm'"):
        survival(start="dx", unit="m")


def test_dates_and_timedeltas_never_become_nanoseconds() -> None:
    dates = pd.date_range("2020-01-01", periods=4)
    with pytest.raises(TableError, match="duration is a column of datetime64.*start="):
        joined(survival(), days=dates)
    y = pd.DataFrame({"event": [True, False], "duration": pd.to_timedelta([3, 4], unit="D")})
    with pytest.raises(TableError, match=r"timedelta.* take .dt.days"):
        check_survival(y)


def test_rows_without_a_patient_are_listed() -> None:
    people = pd.DataFrame(
        {"patient_id": ["p1", None, "p2", np.nan], "days": [5, 6, 7, 8], "dead": [1, 0, 1, 0]}
    )
    study = join(FEATURES[:2], people, endpoint=survival())
    assert [(item.case_id, item.reason) for item in study.left_out] == [
        ("outcome row 2", "no patient_id"),
        ("outcome row 4", "no patient_id"),
    ]


def test_lost_leading_zeros_are_named() -> None:
    features = FEATURES.assign(patient_id=["0001", "0002", "0003", "0004"])
    people = pd.DataFrame({"patient_id": [1, 2, 3, 4], "days": 5, "dead": 1})
    with pytest.raises(TableError, match="'0001', outcomes '1'; they differ in leading zeros"):
        join(features, people, endpoint=survival())


def test_a_word_among_numbers_is_not_made_a_category_each() -> None:
    with pytest.raises(TableError, match="'age' holds numbers, but also 'unknown' for p2; empty"):
        joined(survival(), ("age",), age=[61, "unknown", 63, 64])
    # stages are categories, though some of them look like numbers
    stages = joined(survival(), ("stage",), stage=["1", "1a", "2", "3"])
    assert stages.X["stage"].tolist() == ["1", "1a", "2", "3"]


def test_words_for_not_known_are_emptied(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text(
        "patient_id,age,egfr,when\n999,61,mutant,x\n0002,Unknown,-,y\n0003,999,wildtype,x\n"
    )
    table = read_table(path, missing=["unknown", "-", "999"])
    assert table["patient_id"].tolist() == ["999", "0002", "0003"]
    assert table["age"].tolist()[0] == 61
    assert table["age"].isna().tolist() == [False, True, True]
    assert table["egfr"].isna().tolist() == [False, True, False]


def test_an_excel_file_gives_numbers_dates_and_whole_ids(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.xlsx"
    pd.DataFrame(
        {
            "MRN": ["007", "008"],
            "age": ["61", "62"],
            "stage": ["1a", "2"],
            "seen": pd.to_datetime(["2015-03-28", None]),
        }
    ).to_excel(path, index=False)
    table = read_table(path, rename={"MRN": "patient_id"})
    assert table["patient_id"].tolist() == ["007", "008"]
    assert table["age"].tolist() == [61, 62]
    assert table["stage"].tolist() == ["1a", "2"]
    assert table["seen"].dtype.kind == "M"


def test_a_european_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text("patient_id;months;sex\n007;12,5;m\n008;3;f\n", encoding="utf-8-sig")
    table = read_table(path)
    assert table["patient_id"].tolist() == ["007", "008"]
    assert table["months"].tolist() == [12.5, 3.0]
    path.write_bytes("patient_id,Größe\n1,2\n".encode("cp1252"))
    with pytest.raises(TableError, match="not UTF-8 text .*CSV UTF-8"):
        read_table(path)
