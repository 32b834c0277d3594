"""Burned-in text: letters that are part of the pixels."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

__all__ = ["burned_in_text"]

CORNER = (0.25, 0.4)
"""Height and width of a corner that is searched for text, as shares of the image."""
SAMPLED_SLICES = 9
LEAST_LETTERS = 3
LETTER_PIXELS = (5, 48)
"""Height of a letter or digit."""


def burned_in_text(slices: np.ndarray) -> str:
    """Search the corners of the slices for letters that are part of the picture.

    Parameters
    ----------
    slices : ndarray of shape (n, rows, columns)
        All slices of a series, or some of them.

    Returns
    -------
    str
        "no" when none were found, else "yes: " and where. Text differs from a patient in that it is
        of one bright value, the same on all slices, and in pieces of one height on one line; three
        such pieces are a finding. Dark letters, and letters in the middle of the picture, are
        not found.
    """
    depth, height, width = slices.shape
    if depth < 2:
        return "no"
    chosen = np.unique(np.linspace(0, depth - 1, SAMPLED_SLICES).round().astype(int))
    tall, wide = int(height * CORNER[0]), int(width * CORNER[1])
    median = float(np.median(slices[chosen[:: max(1, len(chosen) // 3)]]))
    for rows, vertical in ((slice(0, tall), "upper"), (slice(height - tall, height), "lower")):
        for columns, side in ((slice(0, wide), "left"), (slice(width - wide, width), "right")):
            value, letters = _letters(slices[chosen, rows, columns], median)
            if letters >= LEAST_LETTERS:
                return (
                    f"yes: {letters} letter-like shapes of value {value:.5g} in the {vertical}"
                    f" {side} corner, the same on all slices"
                )
    return "no"


def _letters(corner: np.ndarray, median: float) -> tuple[float, int]:
    """Value and number of the letter-like pieces of the brightest constant value of a corner."""
    first = corner[0]
    same = (corner == first).all(axis=0) & (first > median)
    if not same.any():
        return 0.0, 0
    value = float(first[same].max())
    labels, _ = ndimage.label(same & (first == value), np.ones((3, 3), dtype=bool))
    lines: list[tuple[int, int]] = []
    for place, box in enumerate(ndimage.find_objects(labels), start=1):
        high, broad = (part.stop - part.start for part in box)
        filled = float((labels[box] == place).mean())
        if LETTER_PIXELS[0] <= high <= LETTER_PIXELS[1] and broad <= 1.5 * high and filled > 0.15:
            lines.append((box[0].start, box[0].stop))
    return value, max((_in_line(lines, one) for one in lines), default=0)


def _in_line(lines: list[tuple[int, int]], one: tuple[int, int]) -> int:
    """How many pieces stand on the line of one and are about as high."""
    high = one[1] - one[0]
    return sum(
        abs(other[1] - one[1]) <= 0.2 * high and abs(other[1] - other[0] - high) <= 0.25 * high
        for other in lines
    )
