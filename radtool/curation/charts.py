"""How header values are spread: bars of what was written, a histogram of what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from radtool.svg import (
    MUTED,
    PALETTE,
    Frame,
    axes,
    drawing,
    nice_ticks,
    rectangle,
    shortened,
    tick_text,
    words,
)

__all__ = ["draw_counts", "draw_values", "spread"]

WIDTH = 260.0
ROW = 17.0
LABEL = 130.0
MOST_ROWS = 8
MISSING = "not in the header"
GREY = "#b9c0c8"


def spread(title: str, values: Sequence[object]) -> Markup | None:
    """Draw how one column is spread; None when no value is known.

    Parameters
    ----------
    title : str
        For readers who do not see the drawing.
    values : sequence
        Texts or numbers; None, NaN and "" are missing.
    """
    known = [value for value in values if not is_absent(value)]
    if not known:
        return None
    missing = len(values) - len(known)
    numbers = [float(v) for v in known if isinstance(v, int | float | np.number)]
    if len(numbers) == len(known) and len(set(numbers)) > MOST_ROWS:
        return draw_values(title, numbers, missing)
    if len(numbers) == len(known):
        pairs = [(f"{value:g}", numbers.count(value)) for value in sorted(set(numbers))]
        return draw_counts(title, pairs, missing)
    texts = [f"{v:g}" if isinstance(v, float) else str(v) for v in known]
    counts = {text: texts.count(text) for text in sorted(set(texts))}
    return draw_counts(title, sorted(counts.items(), key=lambda pair: -pair[1]), missing)


def is_absent(value: object) -> bool:
    """Whether a cell holds nothing."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def draw_counts(title: str, pairs: Sequence[tuple[str, int]], missing: int = 0) -> Markup:
    """Draw one bar a value; the rarest share one when there are many.

    Parameters
    ----------
    title : str
        For readers who do not see the drawing.
    pairs : sequence of (value, count)
        In the order of the bars.
    missing : int, default 0
        Series without the value, drawn in grey.
    """
    rows = [(label, count, PALETTE[0]) for label, count in pairs[:MOST_ROWS]]
    if rest := pairs[MOST_ROWS:]:
        others = sum(count for _, count in rest)
        rows.append((f"{len(rest)} other values", others, PALETTE[5]))
    if missing:
        rows.append((MISSING, missing, GREY))
    most = max(count for _, count, _ in rows)
    room = WIDTH - LABEL - 30
    parts = []
    for place, (label, count, colour) in enumerate(rows):
        top = place * ROW
        ink = MUTED if colour == GREY else "#1a1a1a"
        parts.append(words(0, top + 12, shortened(label, 20), colour=ink, size=10))
        parts.append(rectangle((LABEL, top + 3), room * count / most, 11, colour=colour))
        end = LABEL + room * count / most
        parts.append(words(end + 5, top + 12, str(count), colour=MUTED, size=10))
    told = ", ".join(f"{label} {count}" for label, count, _ in rows)
    return drawing(WIDTH, len(rows) * ROW + 2, parts, alt=f"{title}: {told}")


def draw_values(title: str, values: Sequence[float], missing: int = 0) -> Markup:
    """Draw a histogram of numbers.

    Parameters
    ----------
    title : str
        For readers who do not see the drawing.
    values : sequence of float
        Finite.
    missing : int, default 0
        Series without the value, said below.
    """
    array = np.asarray(values, dtype=float)
    low, high = float(array.min()), float(array.max())
    if high <= low:
        return draw_counts(title, [(tick_text(low), len(values))], missing)
    edges = _edges(low, high)
    counts, _ = np.histogram(array, edges)
    top = int(counts.max())
    frame = Frame(
        left=26, top=8, right=WIDTH - 8, bottom=92, x_range=(edges[0], edges[-1]), y_range=(0, top)
    )
    y_ticks = sorted({0, top} if top < 4 else {0, round(top / 2), top})
    parts = axes(frame, x_ticks=nice_ticks(edges[0], edges[-1], about=5), y_ticks=y_ticks)
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            corner = (frame.x(left) + 0.5, frame.y(float(count)))
            width = frame.x(right) - frame.x(left) - 1
            parts.append(rectangle(corner, width, frame.bottom - corner[1], colour=PALETTE[0]))
    height = 112.0
    if missing:
        parts.append(words(frame.left, 126, f"{missing} {MISSING}", colour=MUTED, size=10))
        height = 132.0
    middle = float(np.median(array))
    told = f"{title}: {len(values)} values from {low:g} to {high:g}, median {middle:g}"
    return drawing(WIDTH, height, parts, alt=told + (f", {missing} {MISSING}" if missing else ""))


def _edges(low: float, high: float) -> list[float]:
    """About a dozen bins with round edges."""
    ticks = nice_ticks(low, high, about=12)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, max(last, first + 1) + 1)]
