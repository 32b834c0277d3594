"""A small canvas: SVG elements as text, with coordinates rounded so that bytes never differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = [
    "DASHES",
    "INK",
    "MUTED",
    "PALETTE",
    "Frame",
    "axes",
    "band",
    "circle",
    "drawing",
    "legend",
    "line_style",
    "log_ticks",
    "nice_ticks",
    "polyline",
    "rectangle",
    "segment",
    "shortened",
    "square",
    "staircase",
    "tick_text",
    "words",
]

# Okabe and Ito, Color Universal Design, 2008; dashes tell the lines apart without colour.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2", "12 4")
INK = "#1a1a1a"
MUTED = "#5f6670"
GRID = "#e6e8eb"

Point = tuple[float, float]


def _c(value: float) -> str:
    text = f"{value:.1f}"
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Plot area: pixels of the drawing and the range of values they stand for.

    Parameters
    ----------
    left, top, right, bottom : float
        Edges of the plot area in drawing units (y grows downwards).
    x_range, y_range : tuple of float
        Smallest and largest value shown.
    log_x : bool, default False
        Whether x is drawn on a logarithmic scale.
    """

    left: float
    top: float
    right: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float] = (0.0, 1.0)
    log_x: bool = False

    def x(self, value: float) -> float:
        """Return the horizontal place of a value, held inside the plot area."""
        low, high = self.x_range
        if self.log_x:
            low, high, value = math.log(low), math.log(high), math.log(max(value, 1e-300))
        share = (value - low) / (high - low) if high > low else 0.5
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return the vertical place of a value, held inside the plot area."""
        low, high = self.y_range
        share = (value - low) / (high - low) if high > low else 0.5
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - self.top)

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> list[Point]:
        """Return places of pairs, leaving out what is not finite."""
        return [
            (self.x(x), self.y(y))
            for x, y in zip(xs, ys, strict=True)
            if math.isfinite(x) and math.isfinite(y)
        ]


def words(  # noqa: PLR0913
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = INK,
    size: float = 11,
    weight: str = "",
    turn: float = 0,
) -> str:
    """Return a line of text; the text is escaped."""
    extra = f' font-weight="{weight}"' if weight else ""
    if turn:
        extra += f' transform="rotate({_c(turn)} {_c(x)} {_c(y)})"'
    return (
        f'<text x="{_c(x)}" y="{_c(y)}" text-anchor="{anchor}" fill="{colour}"'
        f' font-size="{_c(size)}"{extra}>{escape(text)}</text>'
    )


def segment(a: Point, b: Point, *, colour: str = INK, width: float = 1, dash: str = "") -> str:
    """Return a straight line."""
    extra = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{_c(a[0])}" y1="{_c(a[1])}" x2="{_c(b[0])}" y2="{_c(b[1])}"'
        f' stroke="{colour}" stroke-width="{_c(width)}"{extra}/>'
    )


def polyline(
    points: Iterable[Point], *, colour: str, width: float = 1.8, dash: str = "", opacity: float = 1
) -> str:
    """Return a line through points."""
    path = " ".join(f"{_c(x)},{_c(y)}" for x, y in points)
    extra = f' stroke-dasharray="{dash}"' if dash else ""
    extra += f' stroke-opacity="{_c(opacity)}"' if opacity < 1 else ""
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{_c(width)}"'
        f' stroke-linejoin="round"{extra}/>'
    )


def band(lower: Sequence[Point], upper: Sequence[Point], *, colour: str) -> str:
    """Return a pale area between two lines."""
    path = " ".join(f"{_c(x)},{_c(y)}" for x, y in [*upper, *reversed(lower)])
    return f'<polygon points="{path}" fill="{colour}" fill-opacity="0.14"/>'


def circle(at: Point, *, colour: str, radius: float = 3, opacity: float = 1) -> str:
    """Return a filled dot."""
    return f'<circle cx="{_c(at[0])}" cy="{_c(at[1])}" r="{_c(radius)}" fill="{colour}"' + (
        f' fill-opacity="{_c(opacity)}"/>' if opacity < 1 else "/>"
    )


def square(at: Point, *, colour: str, size: float) -> str:
    """Return a filled square around a point."""
    half = size / 2
    return (
        f'<rect x="{_c(at[0] - half)}" y="{_c(at[1] - half)}" width="{_c(size)}"'
        f' height="{_c(size)}" fill="{colour}"/>'
    )


def rectangle(corner: Point, width: float, height: float, *, colour: str) -> str:
    """Return a filled rectangle by its upper left corner."""
    return (
        f'<rect x="{_c(corner[0])}" y="{_c(corner[1])}" width="{_c(width)}"'
        f' height="{_c(height)}" fill="{colour}"/>'
    )


def staircase(
    times: Sequence[float], values: Sequence[float], end: float, *, start: float = 1.0
) -> list[Point]:
    """Return the corners of a right-continuous step function that is `start` at time 0.

    Examples
    --------
    >>> staircase([2.0], [0.5], 3.0)
    [(0.0, 1.0), (2.0, 1.0), (2.0, 0.5), (3.0, 0.5)]
    """
    corners: list[Point] = [(0.0, start)]
    level = start
    for time, value in zip(times, values, strict=True):
        if time > end or not math.isfinite(value):
            break
        corners += [(time, level), (time, value)]
        level = value
    if corners[-1][0] < end:
        corners.append((end, level))
    return corners


def line_style(i: int) -> tuple[str, str]:
    """Colour and dashes of the i-th line of a figure."""
    return PALETTE[i % len(PALETTE)], DASHES[i % len(DASHES)]


def nice_ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Return round numbers inside a range.

    Examples
    --------
    >>> nice_ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1-2-5 numbers inside a positive range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = [m * 10.0**k for k in range(first, last + 1) for m in (1, 2, 5)]
    inside = [round(t, 12) for t in every if low * 0.999 <= t <= high * 1.001]
    if len(inside) <= 6:
        return inside
    return [t for t in inside if math.isclose(math.log10(t) % 1, 0, abs_tol=1e-9)] or inside[::2]


def tick_text(value: float) -> str:
    """Write a tick as shortly as it goes."""
    return f"{value:g}".replace("-", "−")


def axes(
    frame: Frame,
    *,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float] = (),
    x_label: str = "",
    y_label: str = "",
) -> list[str]:
    """Return grid lines, axis lines, ticks and labels."""
    parts: list[str] = []
    for tick in y_ticks:
        y = frame.y(tick)
        parts.append(segment((frame.left, y), (frame.right, y), colour=GRID))
        parts.append(
            words(frame.left - 6, y + 3.5, tick_text(tick), anchor="end", colour=MUTED, size=10)
        )
    base = (frame.left, frame.bottom), (frame.right, frame.bottom)
    parts.append(segment(*base, colour=MUTED))
    for tick in x_ticks:
        x = frame.x(tick)
        parts.append(segment((x, frame.bottom), (x, frame.bottom + 4), colour=MUTED))
        parts.append(
            words(x, frame.bottom + 15, tick_text(tick), anchor="middle", colour=MUTED, size=10)
        )
    if x_label:
        middle = (frame.left + frame.right) / 2
        parts.append(words(middle, frame.bottom + 31, x_label, anchor="middle"))
    if y_label:
        middle = (frame.top + frame.bottom) / 2
        parts.append(words(frame.left - 34, middle, y_label, anchor="middle", turn=-90))
    return parts


def shortened(text: str, most: int) -> str:
    """Cut a text that would not fit; the table beside the figure has it in full.

    Examples
    --------
    >>> shortened("clinical + volume", 10)
    'clinical …'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def legend(
    x: float, y: float, entries: Sequence[tuple[str, str, str]], *, row: float = 15
) -> list[str]:
    """Return one line per entry: (label, colour, dash)."""
    parts: list[str] = []
    for i, (label, colour, dash) in enumerate(entries):
        middle = y + i * row
        parts.append(segment((x, middle), (x + 22, middle), colour=colour, width=2.2, dash=dash))
        parts.append(words(x + 28, middle + 3.8, shortened(label, 58)))
    return parts


def drawing(width: float, height: float, parts: Iterable[str], *, alt: str) -> Markup:
    """Return the whole SVG element, scaled by the page, with its alternative text."""
    body = "".join(parts)
    return Markup(
        f'<svg viewBox="0 0 {_c(width)} {_c(height)}" role="img" aria-label="{escape(alt)}"'
        f' xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )
