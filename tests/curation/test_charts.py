"""Bars and histograms of header values."""

import math

from radtool.curation.charts import draw_values, is_absent, spread


def test_texts_are_counted_with_the_most_frequent_first():
    drawn = spread("Kernel", ["B30f", "LUNG", "LUNG", "", None])
    assert 'aria-label="Kernel: LUNG 2, B30f 1, not in the header 2"' in drawn


def test_few_numbers_are_bars_in_their_order():
    drawn = spread("Slices", [44, 36, 36, math.nan])
    assert 'aria-label="Slices: 36 2, 44 1, not in the header 1"' in drawn


def test_many_numbers_are_a_histogram_that_holds_all():
    drawn = spread("Dose", [float(v) for v in range(100, 200)])
    assert "100 values from 100 to 199, median 149.5" in drawn
    assert drawn.count("<rect") == 10  # bins of 10 from 100 to 200


def test_many_texts_end_in_one_bar():
    drawn = spread("Model", [f"model {k}" for k in range(12)])
    assert "4 other values 4" in drawn


def test_names_are_escaped():
    assert "<i>" not in spread("Kernel", ["<i>&"])


def test_nothing_known_is_nothing_drawn():
    assert spread("Kernel", [None, "", math.nan]) is None
    assert [is_absent(value) for value in (0, "0", "", None, math.nan)] == [
        False, False, True, True, True,
    ]  # fmt: skip


def test_equal_values_are_one_bar():
    assert "120 9" in draw_values("kV", [120.0] * 9)
