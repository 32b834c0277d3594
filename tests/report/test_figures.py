from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest

from radtool.report.figures import (
    ForestRow,
    draw_batches,
    draw_calibration,
    draw_decision,
    draw_forest,
    draw_roc,
    draw_survival,
)
from radtool.report.results import (
    Calibration,
    DecisionCurve,
    DecisionStrategy,
    KaplanMeier,
    RocCurve,
    SurvivalGroup,
    ViewPoint,
)
from radtool.svg import (
    Frame,
    log_ticks,
    nice_ticks,
    staircase,
    tick_text,
    words,
)

SVG = "{http://www.w3.org/2000/svg}"
GROUP = SurvivalGroup(
    label="low <risk>", n=4, events=2, times=(2.0, 5.0), survival=(0.75, 0.375),
    lower=(0.3, 0.1), upper=(1.0, 0.8), censor_times=(3.0,), at_risk=(4, 2),
)  # fmt: skip
CURVE = KaplanMeier(model="m", cohort="c", groups=(GROUP,), grid=(0.0, 4.0), log_rank_p=0.03)


def tree(svg) -> ET.Element:
    return ET.fromstring(str(svg))


def texts(svg) -> list[str]:
    return [node.text or "" for node in tree(svg).iter(f"{SVG}text")]


def test_frame_maps_values_to_places():
    frame = Frame(left=10, right=110, top=0, bottom=50, x_range=(0, 10), y_range=(0, 1))
    assert (frame.x(5), frame.y(0.5)) == (60, 25)
    assert (frame.x(99), frame.y(-3)) == (110, 50)


def test_logarithmic_frame_halves_at_the_geometric_mean():
    frame = Frame(left=0, right=100, top=0, bottom=1, x_range=(0.1, 10), log_x=True)
    assert frame.x(1.0) == pytest.approx(50)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 60, [0, 20, 40, 60]),
        (0.48, 0.71, [0.5, 0.55, 0.6, 0.65, 0.7]),
        (-3, 3, [-2, 0, 2]),
        (1, 1, [1]),
    ],
)
def test_ticks_are_round_and_inside(low, high, ticks):
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_logarithmic_ticks():
    assert log_ticks(0.4, 2.5) == [0.5, 1, 2]


def test_tick_texts_are_short():
    assert [tick_text(v) for v in (0.5, -2.0, 12.0)] == ["0.5", "−2", "12"]


def test_staircase_stops_at_the_end_of_the_axis():
    assert staircase([2.0, 5.0], [0.75, 0.375], 4.0) == [
        (0.0, 1.0), (2.0, 1.0), (2.0, 0.75), (4.0, 0.75),
    ]  # fmt: skip


def test_text_is_escaped():
    assert "<b>" not in words(0, 0, "<b>")


def test_survival_shows_groups_numbers_at_risk_and_the_test():
    svg = draw_survival(CURVE, unit="months", alt="two groups", event="Overall survival")
    found = texts(svg)
    assert "low <risk> (n = 4, 2 events)" in found
    assert "Number at risk" in found
    assert found[-2:] == ["4", "2"]
    assert "log-rank p = 0.030" in found
    assert tree(svg).get("aria-label") == "two groups"


def test_survival_curve_passes_through_its_estimate():
    # Plot area 62..408 wide for 0..4 months, 210 high: S = 0.75 lies 52.5 below the top.
    svg = draw_survival(CURVE, unit="months", alt="x")
    line = tree(svg).find(f"{SVG}polyline")
    assert line is not None
    points = [tuple(map(float, p.split(","))) for p in line.get("points", "").split()]
    assert points == [(62, 46), (235, 46), (235, 98.5), (408, 98.5)]


def test_survival_without_limits_or_risk_table_is_drawn():
    bare = dataclasses.replace(GROUP, lower=(), upper=(), at_risk=())
    svg = draw_survival(KaplanMeier(model="m", cohort="c", groups=(bare,)), unit="", alt="x")
    assert "Number at risk" not in texts(svg)
    assert tree(svg).find(f"{SVG}polygon") is None


def test_limits_that_are_not_known_end_the_band():
    group = dataclasses.replace(GROUP, lower=(0.3, float("nan")), upper=(1.0, float("nan")))
    svg = draw_survival(dataclasses.replace(CURVE, groups=(group,)), unit="d", alt="x")
    assert "nan" not in str(svg)


def test_roc_names_the_area():
    curve = RocCurve(
        model="m", cohort="c", false_positive_rate=(0, 0.5, 1), true_positive_rate=(0, 0.8, 1),
        auc=0.65, lower=0.6, upper=0.7,
    )  # fmt: skip
    found = [text.replace("\u00a0", " ") for text in texts(draw_roc([curve], {"m": "M"}, alt="x"))]
    assert "M, AUC 0.65 (0.60 to 0.70)" in found


def test_calibration_dots_of_a_perfect_model_lie_on_the_diagonal():
    curve = Calibration(model="m", cohort="c", predicted=(0.25, 0.9), observed=(0.25, 0.9))
    dots = tree(draw_calibration(curve, alt="x")).findall(f"{SVG}circle")
    for dot in dots:
        share_x = (float(dot.get("cx", 0)) - 62) / (408 - 62)
        share_y = (294 - float(dot.get("cy", 0))) / (294 - 14)
        assert share_x == pytest.approx(share_y, abs=1e-3)


def test_decision_curve_draws_treat_none_at_zero():
    strategies = (
        DecisionStrategy(label="treat all", net_benefit=(0.3, -2.0)),
        DecisionStrategy(label="model", net_benefit=(0.35, 0.1)),
    )
    curve = DecisionCurve(cohort="c", thresholds=(0.1, 0.5), strategies=strategies)
    assert {"treat all", "treat none", "model"} <= set(texts(draw_decision(curve, alt="x")))


def test_forest_marks_limits_beyond_the_axis():
    rows = [ForestRow(label="a", value=1.5, lower=1.1, upper=400.0)]
    assert "›" in texts(draw_forest(rows, label="HR", alt="x", reference=1.0, log=True))


def test_forest_cuts_long_labels():
    rows = [ForestRow(label="x" * 80, value=1.0)]
    assert max(map(len, texts(draw_forest(rows, label="C", alt="x")))) < 40


def test_forest_of_nothing_but_headings_is_drawn():
    tree(draw_forest([ForestRow(label="Sex", bold=True)], label="C", alt="x", reference=0.5))


def test_batches_share_one_scale_and_differ_in_shape():
    points = [
        ViewPoint(batch="a", before=(0, 0), after=(1, 1)),
        ViewPoint(batch="b", before=(9, 9), after=(1, 1)),
    ]
    root = tree(draw_batches(points, alt="x"))
    assert len(root.findall(f"{SVG}circle")) == 3
    assert len(root.findall(f"{SVG}rect")) == 3


def test_numbers_in_figures_have_one_decimal_at_most(study):
    curve = study.endpoints[0].kaplan_meier[0]
    svg = str(draw_survival(curve, unit="months", alt="x"))
    assert not re.search(r"points=\"[^\"]*\.\d\d", svg)
