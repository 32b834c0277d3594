"""Cases in two dimensions, coloured by batch: before beside after."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from radtool.report.results import ViewPoint
from radtool.svg import (
    INK,
    MUTED,
    PALETTE,
    Frame,
    circle,
    drawing,
    segment,
    shortened,
    square,
    words,
)

__all__ = ["draw_batches"]

WIDTH, SIDE = 420.0, 178.0


def draw_batches(points: Sequence[ViewPoint], *, alt: str) -> Markup:
    """Draw cases in the view before harmonization and, when given, after it.

    Parameters
    ----------
    points : sequence of ViewPoint
        One per case; both panels share one scale.
    alt : str
        Alternative text.
    """
    batches = list(dict.fromkeys(point.batch for point in points))
    parts, top = _legend(batches)
    xs = [p[0] for point in points for p in (point.before, point.after) if p]
    ys = [p[1] for point in points for p in (point.before, point.after) if p]
    for k, title in enumerate(("before", "after")):
        left = 8 + k * (SIDE + 46)
        frame = Frame(
            left=left,
            right=left + SIDE,
            top=top + 14,
            bottom=top + 14 + SIDE,
            x_range=_padded(xs),
            y_range=_padded(ys),
        )
        parts += _panel(frame, title)
        for point in points:
            at = point.after if k else point.before
            if at:
                place = frame.x(at[0]), frame.y(at[1])
                parts.append(_dot(place, batches.index(point.batch)))
    return drawing(WIDTH, top + SIDE + 34, parts, alt=alt)


def _legend(batches: Sequence[str]) -> tuple[list[str], float]:
    parts: list[str] = []
    x, y = 14.0, 14.0
    for i, batch in enumerate(batches):
        wide = 30.0 + 6.2 * min(len(batch), 40)
        if x > 14 and x + wide > WIDTH:
            x, y = 14.0, y + 15
        parts += [_dot((x, y), i), words(x + 9, y + 3.8, shortened(batch, 40))]
        x += wide
    return parts, y + 16


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = 0.05 * (high - low) or 1.0
    return low - pad, high + pad


def _dot(at: tuple[float, float], i: int) -> str:
    colour = PALETTE[i % len(PALETTE)]
    if i % 2:
        return square(at, colour=colour, size=4.6)
    return circle(at, colour=colour, radius=2.6, opacity=0.85)


def _panel(frame: Frame, title: str) -> list[str]:
    corners = [
        (frame.left, frame.top),
        (frame.right, frame.top),
        (frame.right, frame.bottom),
        (frame.left, frame.bottom),
    ]
    edges = [segment(corners[i], corners[(i + 1) % 4], colour="#c9ced4") for i in range(4)]
    label = words(frame.left, frame.top - 5, title, colour=INK, weight="600")
    axis = words(
        (frame.left + frame.right) / 2,
        frame.bottom + 14,
        "1st component",
        anchor="middle",
        colour=MUTED,
        size=10,
    )
    return [*edges, label, axis]
