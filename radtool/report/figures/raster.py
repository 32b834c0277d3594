"""Correlation matrices: too many cells for SVG elements, so one small embedded PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from radtool.svg import INK, MUTED, drawing, segment, words

__all__ = ["draw_matrix", "encode_png"]

WIDTH, LEFT, TOP, SIDE = 420.0, 8.0, 12.0, 350.0
MOST = 400
LOW, MIDDLE, HIGH = (0, 90, 160), (247, 247, 247), (200, 80, 0)


def encode_png(rgb: np.ndarray) -> bytes:
    """Encode an image as PNG.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (rows, columns, 3)
        First row on top.

    References
    ----------
    Portable Network Graphics, W3C Recommendation, 2003: colour type 2, filter 0.
    """
    rows, columns, _ = rgb.shape
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), rgb.reshape(rows, -1)], axis=1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    pieces = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in pieces)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def draw_matrix(matrix: Sequence[Sequence[float]], *, alt: str) -> Markup:
    """Draw a correlation matrix from -1 (blue) over 0 (white) to 1 (orange); NaN is grey.

    Above 400 features neighbours share a cell, which shows the strongest of them.

    Parameters
    ----------
    matrix : sequence of sequence of float, m x m
        Correlations in the order to be drawn.
    alt : str
        Alternative text.
    """
    values = _reduced(np.array(matrix, dtype=float))
    data = base64.b64encode(encode_png(_colours(values))).decode("ascii")
    image = (
        f'<image x="{LEFT:g}" y="{TOP:g}" width="{SIDE:g}" height="{SIDE:g}"'
        f' preserveAspectRatio="none" style="image-rendering:pixelated"'
        f' href="data:image/png;base64,{data}"/>'
    )
    scale = np.linspace(1, -1, 101)[:, None]
    bar = base64.b64encode(encode_png(_colours(scale))).decode("ascii")
    left = LEFT + SIDE + 12
    parts = [
        image,
        f'<image x="{left:g}" y="{TOP:g}" width="14" height="{SIDE:g}"'
        f' preserveAspectRatio="none" href="data:image/png;base64,{bar}"/>',
    ]
    for value in (-1, -0.5, 0, 0.5, 1):
        y = TOP + SIDE * (1 - value) / 2
        parts.append(segment((left + 14, y), (left + 18, y), colour=MUTED))
        text = f"{value:g}".replace("-", "−")
        parts.append(words(left + 21, y + 3.5, text, colour=INK, size=10))
    return drawing(WIDTH, TOP + SIDE + 8, parts, alt=alt)


def _reduced(values: np.ndarray) -> np.ndarray:
    """Let neighbours share a cell until the matrix is small enough; the strongest is shown."""
    step = -(-len(values) // MOST)
    if step <= 1:
        return values
    size = -(-len(values) // step)
    padded = np.full((size * step, size * step), np.nan)
    padded[: len(values), : len(values)] = values
    blocks = padded.reshape(size, step, size, step).transpose(0, 2, 1, 3).reshape(size, size, -1)
    strongest = np.argmax(np.abs(np.nan_to_num(blocks, nan=0.0)), axis=2)
    return np.take_along_axis(blocks, strongest[:, :, None], axis=2)[:, :, 0]


def _colours(values: np.ndarray) -> np.ndarray:
    share = np.clip(np.nan_to_num(values), -1, 1)[:, :, None]
    low, middle, high = (np.array(colour, dtype=float) for colour in (LOW, MIDDLE, HIGH))
    end = np.where(share < 0, low, high)
    mixed = middle + np.abs(share) * (end - middle)
    mixed[np.isnan(values)] = 190
    return np.round(mixed).astype(np.uint8)
