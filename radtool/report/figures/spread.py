"""Histograms and clouds of features."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from radtool.report.results import Distribution
from radtool.svg import (
    MUTED,
    PALETTE,
    Frame,
    axes,
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

__all__ = ["draw_bars", "draw_cloud", "draw_distribution"]

WIDTH, LEFT, RIGHT = 420.0, 62.0, 408.0


def draw_distribution(found: Distribution, *, alt: str) -> Markup:
    """Draw the histogram of each class as an outline over the same bins, as shares of the class.

    Parameters
    ----------
    found : Distribution
        Edges and counts.
    alt : str
        Alternative text.
    """
    shares = []
    for group in found.groups:
        total = sum(group.counts)
        shares.append([count / total if total else 0.0 for count in group.counts])
    high = max((share for row in shares for share in row), default=0.0) * 1.05 or 1.0
    top = 18.0 + 15 * len(found.groups)
    low, far = min(found.edges), max(found.edges)
    frame = Frame(
        left=LEFT, right=RIGHT, top=top, bottom=top + 130, x_range=(low, far), y_range=(0.0, high)
    )
    parts = axes(
        frame,
        x_ticks=nice_ticks(low, far, about=4),
        y_ticks=nice_ticks(0, high, about=3),
        x_label=shortened(found.feature, 60),
        y_label="Share of class",
    )
    entries = []
    for i, (group, row) in enumerate(zip(found.groups, shares, strict=True)):
        colour, dash = line_style(i)
        entries.append((f"{group.label} (n = {sum(group.counts)})", colour, dash))
        corners = [(found.edges[0], 0.0)]
        for k, share in enumerate(row):
            corners += [(found.edges[k], share), (found.edges[k + 1], share)]
        corners.append((found.edges[-1], 0.0))
        points = [(frame.x(x), frame.y(y)) for x, y in corners]
        parts.append(polyline(points, colour=colour, dash=dash))
    return drawing(WIDTH, frame.bottom + 40, [*parts, *legend(LEFT, 14, entries)], alt=alt)


def draw_cloud(
    points: Sequence[tuple[float, float, bool]],
    *,
    x_label: str,
    y_label: str,
    alt: str,
    reference: float | None = None,
) -> Markup:
    """Draw features as dots; those that pass a criterion stand out.

    Parameters
    ----------
    points : sequence of (x, y, passes)
        One for each feature.
    x_label, y_label : str
        Of the axes.
    alt : str
        Alternative text.
    reference : float, optional
        Vertical line of no effect.
    """
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    low, high = min(xs, default=0.0), max(xs, default=1.0)
    if reference is not None:
        reach = max(abs(low - reference), abs(high - reference), 1e-6) * 1.06
        low, high = reference - reach, reference + reach
    frame = Frame(
        left=LEFT,
        right=RIGHT,
        top=14,
        bottom=244,
        x_range=(low, high),
        y_range=(0.0, max(ys, default=1.0) * 1.05 or 1.0),
    )
    parts = axes(
        frame,
        x_ticks=nice_ticks(low, high),
        y_ticks=nice_ticks(*frame.y_range, about=4),
        x_label=x_label,
        y_label=y_label,
    )
    if reference is not None:
        line = (frame.x(reference), frame.top), (frame.x(reference), frame.bottom)
        parts.append(segment(*line, colour=MUTED, dash="2 4"))
    for x, y, passes in sorted(points, key=lambda point: point[2]):
        colour = PALETTE[1] if passes else "#9aa3ad"
        parts.append(circle((frame.x(x), frame.y(y)), colour=colour, radius=2.4, opacity=0.8))
    return drawing(WIDTH, frame.bottom + 40, parts, alt=alt)


def draw_bars(
    counts: Sequence[int], edges: Sequence[float], *, label: str, alt: str, mark: float
) -> Markup:
    """Draw a histogram of features; bars beyond `mark` stand out.

    Parameters
    ----------
    counts : sequence of int of length k
        Features per bin.
    edges : sequence of float of length k + 1
        Bin edges.
    label, alt : str
        Of the axis, and alternative text.
    mark : float
        Threshold, drawn as a line.
    """
    frame = Frame(
        left=LEFT,
        right=RIGHT,
        top=14,
        bottom=244,
        x_range=(edges[0], edges[-1]),
        y_range=(0.0, max(max(counts, default=0), 1) * 1.05),
    )
    parts = axes(
        frame,
        x_ticks=nice_ticks(*frame.x_range),
        y_ticks=nice_ticks(*frame.y_range, about=4),
        x_label=label,
        y_label="Features",
    )
    for k, count in enumerate(counts):
        left, right, y = frame.x(edges[k]), frame.x(edges[k + 1]), frame.y(count)
        colour = PALETTE[1] if edges[k] >= mark - 1e-9 else PALETTE[0]
        parts.append(
            f'<rect x="{left + 0.5:.1f}" y="{y:.1f}" width="{right - left - 1:.1f}"'
            f' height="{frame.bottom - y:.1f}" fill="{colour}" fill-opacity="0.85"/>'
        )
    line = (frame.x(mark), frame.top), (frame.x(mark), frame.bottom)
    parts.append(segment(*line, colour=MUTED, dash="2 4"))
    parts.append(words(frame.x(mark) - 4, 22, f"{mark:g}", anchor="end", colour=MUTED, size=10))
    return drawing(WIDTH, frame.bottom + 40, parts, alt=alt)
