from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats

from radtool.pipelines.population import baseline_rows, exclusions
from radtool.table import Failure


def test_every_excluded_case_is_named_under_its_reason() -> None:
    made = exclusions(
        [Failure("c", "io", "no mask"), Failure("a", "io", "no mask"), Failure("b", "io", "empty")]
    )
    assert [(item.reason, item.n, item.cases) for item in made] == [
        ("no mask", 2, ("a", "c")),
        ("empty", 1, ("b",)),
    ]


def test_numbers_are_medians_and_few_levels_are_counts() -> None:
    table = pd.DataFrame(
        {"age": [50.5, 60.5, 70.5, 41.0, 42.5, None], "sex": ["m", "f", "m", "f", "f", "f"],
         "t_stage": [1, 2, 3, 1, 1, None]}
    )  # fmt: skip
    cohort = pd.Series(["A", "A", "A", "B", "B", "B"])
    rows = baseline_rows(table, cohort, ["A", "B"])
    assert [(row.variable, row.level) for row in rows] == [
        ("age", "median (IQR)"),
        ("sex", "f"), ("sex", "m"),
        ("t_stage", "1"), ("t_stage", "2"), ("t_stage", "3"), ("t_stage", "not known"),
    ]  # fmt: skip
    assert rows[0].values == ("60.5 (55.5–65.5)", "41.8 (41.4–42.1), 1 missing")
    assert rows[1].values == ("1 (33 %)", "3 (100 %)")
    # 2x2 table [[1, 3], [2, 0]]: only the observed table and its mirror are as unlikely -> 0.4
    assert rows[1].p == pytest.approx(0.4)
    assert rows[2].p is None


def test_three_cohorts_are_tested_together() -> None:
    values = pd.DataFrame({"age": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]})
    cohort = pd.Series(list("AAABBBCCC"))
    (row,) = baseline_rows(values, cohort, ["A", "B", "C"])
    assert row.test == "Kruskal-Wallis"
    assert row.p == pytest.approx(stats.chi2.sf(7.2, 2))  # H = 7.2 for full separation, 3×3
