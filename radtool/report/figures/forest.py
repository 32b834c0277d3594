"""Forest plot: estimates with limits, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from radtool.report.wording import estimate
from radtool.svg import (
    INK,
    MUTED,
    PALETTE,
    Frame,
    axes,
    drawing,
    log_ticks,
    nice_ticks,
    segment,
    shortened,
    square,
    words,
)

__all__ = ["ForestRow", "draw_forest"]

WIDTH = 420.0
LEFT, RIGHT = 172.0, 302.0
ROW = 19.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """A line of a forest plot.

    Parameters
    ----------
    label : str
        Left of the plot.
    value, lower, upper : float, optional
        Estimate and limits; without a value the line is a heading.
    colour : int, default 0
        Index into the palette.
    bold : bool, default False
        Print the label bold.
    """

    label: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    colour: int = 0
    bold: bool = False


def draw_forest(
    rows: Sequence[ForestRow],
    *,
    label: str,
    alt: str,
    reference: float | None = None,
    log: bool = False,
    digits: int = 2,
) -> Markup:
    """Draw estimates and limits, one line each, with a reference line.

    Parameters
    ----------
    rows : sequence of ForestRow
        Top to bottom.
    label : str
        Of the axis.
    alt : str
        Alternative text.
    reference : float, optional
        Value of no effect.
    log : bool, default False
        Logarithmic axis, for ratios.
    digits : int, default 2
        Decimals of the numbers at the right.
    """
    low, high = _range(rows, reference, log=log)
    bottom = 12 + ROW * len(rows)
    frame = Frame(left=LEFT, right=RIGHT, top=8, bottom=bottom, x_range=(low, high), log_x=log)
    ticks = log_ticks(low, high) if log else nice_ticks(low, high, about=4)
    parts = axes(frame, x_ticks=ticks, x_label=label)
    if reference is not None:
        line = (frame.x(reference), frame.top), (frame.x(reference), frame.bottom)
        parts.append(segment(*line, colour=MUTED, dash="2 4"))
    for i, row in enumerate(rows):
        parts += _row(frame, row, frame.top + ROW * (i + 0.5), digits)
    return drawing(WIDTH, bottom + 40, parts, alt=alt)


def _row(frame: Frame, row: ForestRow, y: float, digits: int) -> list[str]:
    heading = row.value is None and row.bold
    weight = "600" if row.bold else ""
    parts = [
        words(2 if row.bold else 10, y + 3.8, shortened(row.label, 30), size=10.5, weight=weight)
    ]
    if heading:
        return parts
    text = estimate(row.value, row.lower, row.upper, digits)
    parts.append(words(WIDTH - 2, y + 3.8, text, anchor="end", size=10))
    if row.value is None:
        return parts
    colour = PALETTE[row.colour % len(PALETTE)]
    if row.lower is not None and row.upper is not None:
        first, last = max(row.lower, frame.x_range[0]), min(row.upper, frame.x_range[1])
        ends = (frame.x(first), y), (frame.x(last), y)
        parts.append(segment(*ends, colour=colour, width=1.6))
        if row.upper > frame.x_range[1]:
            parts.append(words(frame.right - 2, y + 3.6, "›", colour=colour, size=14))
        if row.lower < frame.x_range[0]:
            parts.append(words(frame.left - 4, y + 3.6, "‹", colour=colour, size=14))
    parts.append(square((frame.x(row.value), y), colour=colour or INK, size=7))
    return parts


def _range(rows: Sequence[ForestRow], reference: float | None, *, log: bool) -> tuple[float, float]:
    shown = [v for row in rows for v in (row.value, row.lower, row.upper) if v is not None] + (
        [] if reference is None else [reference]
    )
    if log:
        good = [v for v in shown if 0.02 <= v <= 50]
        low, high = min([*good, 0.8]), max([*good, 1.25])
        return low / 1.1, high * 1.1
    finite = [v for v in shown if abs(v) < 1e6]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    pad = 0.06 * (high - low) or 0.05
    return low - pad, high + pad
