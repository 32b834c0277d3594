"""Kaplan-Meier curves with limits, numbers at risk and what the model predicted."""

from __future__ import annotations

from markupsafe import Markup

from radtool.report.results import KaplanMeier, SurvivalGroup
from radtool.report.wording import counted, integer, p_value
from radtool.svg import (
    INK,
    MUTED,
    Frame,
    axes,
    band,
    drawing,
    legend,
    line_style,
    nice_ticks,
    polyline,
    segment,
    staircase,
    tick_text,
    words,
)

__all__ = ["draw_survival"]

WIDTH = 420.0
LEFT, RIGHT = 62.0, 408.0


def draw_survival(curve: KaplanMeier, *, unit: str, alt: str, event: str = "") -> Markup:
    """Draw observed survival, or cumulative incidence, of the risk groups over time.

    Parameters
    ----------
    curve : KaplanMeier
        Groups in the order of the legend.
    unit : str
        Unit of time, for the axis.
    alt : str
        Alternative text.
    event : str
        What is survived, for the axis: "overall survival".

    Returns
    -------
    markupsafe.Markup
        SVG; the numbers at risk stand below the axis.
    """
    groups = curve.groups
    predicted = any(group.predicted for group in groups)
    tested = curve.log_rank_p is not None
    top = 16.0 + 15 * (len(groups) + predicted + tested)
    high = _highest(curve)
    frame = Frame(
        left=LEFT,
        right=RIGHT,
        top=top,
        bottom=top + 210,
        x_range=(0.0, _end(curve)),
        y_range=(0.0, high),
    )
    grid = curve.grid or tuple(nice_ticks(*frame.x_range))
    axis = f"Time ({unit})" if unit else "Time"
    parts = axes(
        frame,
        x_ticks=[t for t in grid if t <= frame.x_range[1]],
        y_ticks=nice_ticks(0, high),
        x_label=axis,
        y_label=_y_label(curve, event),
    )
    entries = [
        (f"{g.label} (n = {integer(g.n)}, {counted(g.events, 'events')})", *line_style(i))
        for i, g in enumerate(groups)
    ]
    parts += legend(LEFT, 14, entries)
    if predicted:
        parts.append(_predicted_key(14 + 15 * len(entries)))
    for i, group in enumerate(groups):
        parts += _group(frame, group, *line_style(i), start=_start(curve))
    if tested:
        parts.append(words(LEFT, top - 9, _log_rank(curve), weight="600"))
    parts += _at_risk(frame, curve)
    rows = len(groups) if any(group.at_risk for group in groups) else 0
    return drawing(WIDTH, frame.bottom + 40 + (18 + 15 * rows if rows else 0), parts, alt=alt)


def _start(curve: KaplanMeier) -> float:
    return 0.0 if curve.quantity == "incidence" else 1.0


def _highest(curve: KaplanMeier) -> float:
    """Return the end of the axis: 1 for survival, above the highest limit for incidence."""
    if curve.quantity == "survival":
        return 1.0
    tops = [v for g in curve.groups for v in (*g.survival, *g.upper, *g.predicted)]
    return min(1.0, 1.05 * max(tops, default=1.0))


def _y_label(curve: KaplanMeier, event: str) -> str:
    if curve.quantity == "incidence":
        return f"Cumulative incidence: {event}" if event else "Cumulative incidence"
    return event or "Survival probability"


def _predicted_key(y: float) -> str:
    line = segment((LEFT, y), (LEFT + 22, y), colour=MUTED)
    return line + words(LEFT + 28, y + 3.8, "thin: mean predicted by the model", colour=MUTED)


def _end(curve: KaplanMeier) -> float:
    if curve.grid:
        return max(curve.grid)
    return max((t for g in curve.groups for t in (*g.times, *g.censor_times)), default=1.0)


def _log_rank(curve: KaplanMeier) -> str:
    p = p_value(curve.log_rank_p)
    name = "Gray’s test" if curve.quantity == "incidence" else "log-rank"
    return f"{name} p {p}" if p.startswith(("<", ">")) else f"{name} p = {p}"


def _group(
    frame: Frame, group: SurvivalGroup, colour: str, dash: str, *, start: float
) -> list[str]:
    end = frame.x_range[1]
    last = min(end, max((*group.times, *group.censor_times), default=0.0))
    parts = []
    if group.lower and group.upper:
        sides = (group.lower, group.upper)
        edges = [staircase(group.times, side, last, start=start) for side in sides]
        lower, upper = ([(frame.x(x), frame.y(y)) for x, y in edge] for edge in edges)
        parts.append(band(lower, upper, colour=colour))
    stairs = staircase(group.times, group.survival, last, start=start)
    parts.append(
        polyline([(frame.x(x), frame.y(y)) for x, y in stairs], colour=colour, dash=dash, width=2)
    )
    for time in group.censor_times:
        if time <= end:
            x, y = frame.x(time), frame.y(_level(group, time, start))
            parts.append(segment((x, y - 3), (x, y + 3), colour=colour))
    if group.predicted:
        inside = [
            (t, s) for t, s in zip(group.predicted_times, group.predicted, strict=True) if t <= end
        ]
        line = [(frame.x(t), frame.y(s)) for t, s in inside]
        parts.append(polyline(line, colour=colour, width=1, opacity=0.9))
    return parts


def _level(group: SurvivalGroup, time: float, level: float) -> float:
    for step, value in zip(group.times, group.survival, strict=True):
        if step > time:
            break
        level = value
    return level


def _at_risk(frame: Frame, curve: KaplanMeier) -> list[str]:
    if not any(group.at_risk for group in curve.groups):
        return []
    top = frame.bottom + 52
    parts = [words(4, top, "Number at risk", colour=INK, size=10.5, weight="600")]
    for i, group in enumerate(curve.groups):
        y = top + 15 * (i + 1)
        colour, dash = line_style(i)
        parts.append(segment((4, y - 3.5), (24, y - 3.5), colour=colour, width=2.2, dash=dash))
        for time, count in zip(curve.grid, group.at_risk, strict=False):
            parts.append(words(frame.x(time), y, tick_text(count), anchor="middle", size=10.5))
    return parts
