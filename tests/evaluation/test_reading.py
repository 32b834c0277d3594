"""Reading studies against binomial sums and small tables counted by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
from radtool.evaluation import reading_grades, reading_preference, unblind

KEY = pd.DataFrame(
    {
        "page": "p",
        "case_id": ["a", "b", "c", "d"],
        "left": ["auto", "manual", "auto", "manual"],
        "right": ["manual", "auto", "manual", "auto"],
    }
)


def choices(reader, preference, left, right, page="p"):
    return pd.DataFrame(
        {
            "page": page,
            "reader": reader,
            "case_id": ["a", "b", "c", "d"],
            "preference": preference,
            "grade_left": left,
            "grade_right": right,
        }
    )


ONE = choices("R1", ["left", "left", "right", "equal"], [4, 3, 2, 1], [1, 2, 3, 4])


def test_sides_become_sources():
    found = unblind(ONE, KEY)
    assert found["preferred"].tolist() == ["auto", "manual", "manual", "equal"]
    assert found["grade auto"].tolist() == [4, 2, 2, 4]
    assert found["grade manual"].tolist() == [1, 3, 3, 1]


def test_preference_is_the_exact_binomial_test():
    wins = ["left"] * 59 + ["right"] * 41 + ["equal"] * 7
    cases = [f"c{k}" for k in range(len(wins))]
    key = pd.DataFrame({"page": "p", "case_id": cases, "left": "auto", "right": "manual"})
    table = key[["page", "case_id"]].assign(
        reader="R1", preference=wins, grade_left=4, grade_right=4
    )
    (row,) = reading_preference(unblind(table, key)).to_dict("records")
    assert (row["source"], row["cases"], row["equal"]) == ("auto", 107, 7)
    assert (row["preferred"], row["against"], row["share"]) == (59, 41, 0.59)
    # Sum of the probabilities of all outcomes that are not likelier than 59 of 100.
    every = [math.comb(100, k) for k in range(101)]
    p = sum(n for n in every if n <= every[59]) / 2**100
    np.testing.assert_allclose(row["p"], p, rtol=1e-12)
    # At the limits of Clopper and Pearson, 59 or more (or fewer) have a probability of 2.5 %.
    for limit, ks in ((row["lower"], range(59, 101)), (row["upper"], range(60))):
        tail = sum(every[k] * limit**k * (1 - limit) ** (100 - k) for k in ks)
        np.testing.assert_allclose(tail, 0.025, rtol=1e-9)


def test_several_readers_count_a_case_once():
    two = choices("R2", ["left", "right", "left", None], [4] * 4, [4] * 4)
    three = choices("R3", ["left", "right", "left", None], [4] * 4, [4] * 4)
    table = reading_preference(unblind(pd.concat([ONE, two, three]), KEY)).set_index("reader")
    # auto: a by all three; b by R2 and R3; c by R2 and R3. d: only "equal".
    assert table.loc["all readers", ["cases", "preferred", "against", "equal"]].tolist() == [
        4, 3, 0, 1,
    ]  # fmt: skip
    assert table.loc["all readers", "p"] == 0.25  # 2 / 2**3
    assert table.loc["R2", "cases"] == 3


def test_nobody_prefers_either():
    table = unblind(choices("R1", ["equal"] * 4, [4] * 4, [4] * 4), KEY)
    (row,) = reading_preference(table).to_dict("records")
    assert row["equal"] == 4
    assert np.isnan(row["p"])


def test_grades_are_counted():
    table = reading_grades(unblind(ONE, KEY)).set_index("source")
    assert table.loc["auto", ["4", "3", "2", "1"]].tolist() == [2, 0, 2, 0]
    assert table.loc["manual", ["4", "3", "2", "1"]].tolist() == [0, 2, 0, 2]
    assert table.loc["manual", "acceptable"] == 0.5
    assert table.loc["auto", "median"] == 3.0


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        (choices("R1", "left", 1, 1, page="other"), KEY, "page other do not belong"),
        (pd.concat([ONE, ONE]), KEY, "'R1' judged case 'a' twice"),
        (ONE, KEY[KEY["case_id"] != "c"], "case 'c' of the choices is not in the key"),
        (ONE.assign(preference="up"), KEY, "preference is up; allowed: left, right, equal"),
        (ONE.assign(grade_left=5), KEY, "grade_left is 5; allowed: 4, 3, 2, 1"),
        (ONE.drop(columns="reader"), KEY, "choices: column 'reader' is missing"),
    ],
)
def test_wrong_tables_are_refused(table, key, words):
    with pytest.raises(TableError, match=words):
        unblind(table, key)
