"""ROC, calibration and decision curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from radtool.report.results import Calibration, DecisionCurve, PrecisionRecall, RocCurve
from radtool.report.wording import estimate
from radtool.svg import (
    MUTED,
    PALETTE,
    Frame,
    axes,
    band,
    circle,
    drawing,
    legend,
    line_style,
    nice_ticks,
    polyline,
    segment,
    shortened,
    words,
)

__all__ = ["draw_calibration", "draw_decision", "draw_precision_recall", "draw_roc"]

WIDTH = 420.0
LEFT, RIGHT = 62.0, 408.0


def draw_roc(curves: Sequence[RocCurve], labels: Mapping[str, str], *, alt: str) -> Markup:
    """Draw ROC curves of several models in one cohort.

    Parameters
    ----------
    curves : sequence of RocCurve
        Of the same cohort and horizon.
    labels : mapping of str to str
        Model name -> words.
    alt : str
        Alternative text.
    """
    top = 18.0 + 15 * len(curves)
    frame = Frame(left=LEFT, right=RIGHT, top=top, bottom=top + 300, x_range=(0.0, 1.0))
    ticks = nice_ticks(0, 1)
    parts = axes(
        frame,
        x_ticks=ticks,
        y_ticks=ticks,
        x_label="False positive rate (1 − specificity)",
        y_label="True positive rate (sensitivity)",
    )
    chance = (frame.x(0), frame.y(0)), (frame.x(1), frame.y(1))
    parts.append(segment(*chance, colour=MUTED, dash="2 4"))
    entries = []
    for i, curve in enumerate(curves):
        label = shortened(labels.get(curve.model, curve.model), 34)
        area = f", AUC {estimate(curve.auc, curve.lower, curve.upper, 2)}" if curve.auc else ""
        entries.append((label + area, *line_style(i)))
        colour, dash = line_style(i)
        points = frame.points(curve.false_positive_rate, curve.true_positive_rate)
        parts.append(polyline(points, colour=colour, dash=dash))
    parts += legend(LEFT, 14, entries)
    return drawing(WIDTH, frame.bottom + 40, parts, alt=alt)


def draw_precision_recall(
    curves: Sequence[PrecisionRecall], labels: Mapping[str, str], *, alt: str
) -> Markup:
    """Draw precision against recall of several models in one cohort.

    Parameters
    ----------
    curves : sequence of PrecisionRecall
        Of the same cases; the dotted line is the prevalence of the first.
    labels : mapping of str to str
        Model name -> words.
    alt : str
        Alternative text.
    """
    top = 18.0 + 15 * len(curves)
    high = max((y for curve in curves for y in curve.precision), default=1.0)
    high = 1.0 if high > 0.5 else max(0.05, 1.2 * high)
    frame = Frame(
        left=LEFT, right=RIGHT, top=top, bottom=top + 260, x_range=(0.0, 1.0), y_range=(0.0, high)
    )
    parts = axes(
        frame,
        x_ticks=nice_ticks(0, 1),
        y_ticks=nice_ticks(0, high),
        x_label="Recall (sensitivity)",
        y_label="Precision (positive predictive value)",
    )
    if curves and curves[0].prevalence is not None:
        level = frame.y(curves[0].prevalence)
        parts.append(segment((LEFT, level), (RIGHT, level), colour=MUTED, dash="2 4"))
    entries = []
    for i, curve in enumerate(curves):
        label = shortened(labels.get(curve.model, curve.model), 34)
        area = f", {estimate(curve.area, curve.lower, curve.upper, 2)}" if curve.area else ""
        colour, dash = line_style(i)
        entries.append((label + area, colour, dash))
        parts.append(
            polyline(frame.points(curve.recall, curve.precision), colour=colour, dash=dash)
        )
    parts += legend(LEFT, 14, entries)
    return drawing(WIDTH, frame.bottom + 40, parts, alt=alt)


def draw_calibration(curve: Calibration, *, alt: str, event: str = "risk") -> Markup:
    """Draw observed against predicted risk: groups with limits, smooth curve, diagonal.

    Parameters
    ----------
    curve : Calibration
        Risks in [0, 1].
    alt : str
        Alternative text.
    event : str
        What the risk is of, for the axes.
    """
    smooth = (*curve.smooth_predicted, *curve.smooth_observed, *curve.smooth_upper)
    shown = (*curve.predicted, *curve.observed, *curve.upper, *smooth)
    high = min(1.0, max(0.1, max(shown, default=1.0) * 1.04))
    high = 1.0 if high > 0.8 else high
    frame = Frame(
        left=LEFT, right=RIGHT, top=14, bottom=294, x_range=(0.0, high), y_range=(0.0, high)
    )
    ticks = nice_ticks(0, high)
    parts = axes(
        frame,
        x_ticks=ticks,
        y_ticks=ticks,
        x_label=f"Predicted {event}",
        y_label=f"Observed {event}",
    )
    ideal = (frame.x(0), frame.y(0)), (frame.x(high), frame.y(high))
    parts.append(segment(*ideal, colour=MUTED, dash="2 4"))
    end = frame.x(high) - 6, frame.y(high) + 22
    parts.append(words(end[0] - 12, end[1], "ideal", anchor="end", colour=MUTED, size=10))
    parts += _smooth(frame, curve)
    for i, (x, y) in enumerate(zip(curve.predicted, curve.observed, strict=True)):
        at = frame.x(x), frame.y(y)
        if curve.lower and curve.upper:
            limits = (at[0], frame.y(curve.lower[i])), (at[0], frame.y(curve.upper[i]))
            parts.append(segment(*limits, colour=PALETTE[1], width=1.3))
        parts.append(circle(at, colour=PALETTE[1], radius=4))
    return drawing(WIDTH, frame.bottom + 40, parts, alt=alt)


def _smooth(frame: Frame, curve: Calibration) -> list[str]:
    parts = []
    if curve.smooth_lower and curve.smooth_upper:
        lower = frame.points(curve.smooth_predicted, curve.smooth_lower)
        upper = frame.points(curve.smooth_predicted, curve.smooth_upper)
        parts.append(band(lower, upper, colour=PALETTE[0]))
    if curve.smooth_predicted:
        points = frame.points(curve.smooth_predicted, curve.smooth_observed)
        parts.append(polyline(points, colour=PALETTE[0], width=2))
    return parts


def draw_decision(curve: DecisionCurve, *, alt: str) -> Markup:
    """Draw net benefit against threshold probability, with treat all and treat none.

    Parameters
    ----------
    curve : DecisionCurve
        Net benefit per strategy.
    alt : str
        Alternative text.
    """
    values = [v for s in curve.strategies if not _is_all(s.label) for v in s.net_benefit]
    every = [s.net_benefit[0] for s in curve.strategies if s.net_benefit]
    high = max([*values, *every, 0.01]) * 1.08
    low = max(min([*values, 0.0]) * 1.1, -0.4 * high) if values else -0.05
    top = 18.0 + 15 * (len(curve.strategies) + 1)
    frame = Frame(
        left=LEFT,
        right=RIGHT,
        top=top,
        bottom=top + 230,
        x_range=(min(curve.thresholds), max(curve.thresholds)),
        y_range=(min(low, -0.08 * high), high),
    )
    parts = axes(
        frame,
        x_ticks=nice_ticks(*frame.x_range),
        y_ticks=nice_ticks(*frame.y_range),
        x_label="Threshold probability",
        y_label="Net benefit",
    )
    entries = []
    for i, strategy in enumerate(curve.strategies):
        colour, dash = (MUTED, "") if _is_all(strategy.label) else line_style(i)
        entries.append((strategy.label, colour, dash))
        pairs = [
            (x, y)
            for x, y in zip(curve.thresholds, strategy.net_benefit, strict=True)
            if y >= frame.y_range[0]
        ]
        points = [(frame.x(x), frame.y(y)) for x, y in pairs]
        parts.append(polyline(points, colour=colour, dash=dash))
    zero = (frame.left, frame.y(0)), (frame.right, frame.y(0))
    parts.append(segment(*zero, colour="#000000", width=1.2))
    parts += legend(LEFT, 14, [*entries, ("treat none", "#000000", "")])
    return drawing(WIDTH, frame.bottom + 40, parts, alt=alt)


def _is_all(label: str) -> bool:
    return label.strip().lower() in ("treat all", "all", "treat-all")
