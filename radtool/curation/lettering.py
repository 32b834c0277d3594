"""Burned-in text: letters that are part of the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

__all__ = ["burned_in_text"]

SAMPLED_SLICES = 9
LEAST_SLICES = 4
"""From so many slices on, what is the same on all of them is a sign."""
LEAST_LETTERS = 3
LEAST_SMEARED = 4
"""Letters of a line that only stands out on all slices, without being of one value."""
LEAST_ALONE = 6
"""Letters of a line that is on one slice only."""
LEAST_CONTRAST = 0.1
"""Difference of a letter from what is around it, as a share of the image's range."""
NEARBY = 15
"""Side in pixels of the square that a pixel is compared with; as high as small letters."""
LETTER_PIXELS = (5, 64)
"""Height of a letter or digit."""
MOST_VALUES = 6
"""How many of the values that stay the same are looked at, the most frequent ones."""
MOST_PIECES = 1500
ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of letter-like pieces: how many, their value, its centre as shares of the image."""

    letters: int
    value: float
    y: float
    x: float

    def told(self, where: str) -> str:
        place = f"{ROWS[min(2, int(3 * self.y))]} {COLUMNS[min(2, int(3 * self.x))]}"
        return (
            f"yes: {self.letters} letter-like shapes of value {self.value:.5g} in a line,"
            f" {place}, {where}"
        )


def burned_in_text(slices: np.ndarray) -> str:
    """Search slices for letters that are part of the picture.

    Parameters
    ----------
    slices : ndarray of shape (n, rows, columns)
        All slices of a series, or some of them.

    Returns
    -------
    str
        "no" when none were found, else "yes: " and where.

    Notes
    -----
    Of four slices or more (nine at most are looked at) text differs from a patient in that its
    pixels have one value, which does not change from slice to slice, and lie in pieces of one
    height on one line with gaps like those between letters: three such pieces are a finding,
    bright or dark, anywhere in the picture. Smooth, half-transparent and lossily compressed letters
    have no one value: pieces that stand out from what is around them by a tenth of the image's
    range, on all slices and in the same direction, count too, from four in a line on (six when
    fewer than nine slices are looked at). On a single slice (a screenshot, text on one slice only,
    text whose value changes with the slice) the pieces must have the slice's highest or lowest
    value, and six are needed. Letters are 5 to 64 pixels high.
    """
    depth = len(slices)
    chosen = np.unique(np.linspace(0, depth - 1, SAMPLED_SLICES).round().astype(int))
    planes = np.asarray(slices[chosen])
    if len(planes) >= LEAST_SLICES:
        ground = planes.mean(axis=0, dtype=np.float64)
        line = _best(_repeated(planes), ground, LEAST_LETTERS)
        if line is None:
            # Neighbouring slices of a thin stack share bones and vessels: a longer line is needed.
            is_thick = len(planes) == SAMPLED_SLICES
            line = _best(_smeared(planes), ground, LEAST_SMEARED if is_thick else LEAST_ALONE)
        if line is not None:
            return line.told("the same on all slices")
    for number, plane in zip(chosen, planes, strict=True):
        line = _best(_extreme(plane), plane.astype(np.float64), LEAST_ALONE)
        if line is not None:
            return line.told(f"on slice {number + 1}")
    return "no"


def _best(
    drawn: Iterator[tuple[float, np.ndarray]], ground: np.ndarray, least: int
) -> _Line | None:
    """The longest line of at least so many letters in what may be text of one value."""
    low, high = np.percentile(ground, [1, 99])
    contrast = LEAST_CONTRAST * (high - low if high > low else np.ptp(ground))
    lines = []
    for value, inside in drawn:
        boxes = _letters(inside)
        around = _around(boxes, inside, ground)
        lines.append(_longest(boxes[np.abs(around - value) >= contrast], value, inside.shape))
    return max(
        (line for line in lines if line is not None and line.letters >= least),
        key=lambda line: line.letters,
        default=None,
    )


def _repeated(planes: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Give the pixels of each frequent value that are the same on all slices."""
    same = (planes == planes[0]).all(axis=0)
    values, counts = np.unique(planes[0][same], return_counts=True)
    for value in values[np.argsort(-counts, kind="stable")[:MOST_VALUES]]:
        yield float(value), same & (planes[0] == value)
    yield from _smooth(planes, same, values)


def _smeared(planes: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Give small and smeared letters: on all slices brighter, or darker, than around them."""
    sample = planes[:, ::2, ::2]
    low, high = np.percentile(sample, [1, 99])
    least = LEAST_CONTRAST * (high - low if high > low else np.ptp(planes))
    above = planes - ndimage.uniform_filter(planes.astype(np.float32), (0, NEARBY, NEARBY))
    for contrast in (above.min(axis=0), (-above).min(axis=0)):
        if not (contrast > least).any():
            continue
        # Letters that touch by their pale edges come apart at half of what they have inside.
        half = float(np.percentile(contrast[contrast > least], 90)) / 2
        for level in (least, max(least, half)):
            inside = contrast > level
            yield float(np.median(planes[:, inside])), inside


def _smooth(
    planes: np.ndarray, same: np.ndarray, values: np.ndarray
) -> Iterator[tuple[float, np.ndarray]]:
    """Give letters with smooth edges: on all slices nearer to their value than to the image.

    Every piece must hold a pixel that has just the highest or lowest of the values that stay the
    same; bright letters are brighter than the image, dark ones lie on its brighter half.
    """
    if not values.size:
        return
    middle, high = np.percentile(planes, [50, 99])
    bright = planes[planes > middle]
    levels = [(values[-1], high), (values[0], float(np.median(bright)) if bright.size else middle)]
    for value, level in levels:
        half = (float(value) + level) / 2
        inside = (planes > half).all(axis=0) if value > level else (planes < half).all(axis=0)
        labels, count = ndimage.label(inside, np.ones((3, 3), dtype=bool))
        has_core = np.zeros(count + 1, dtype=bool)
        has_core[labels[same & (planes[0] == value)]] = True
        has_core[0] = False
        yield float(value), has_core[labels]


def _extreme(plane: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Give the pixels of the highest and of the lowest value."""
    for value in (plane.max(), plane.min()):
        yield float(value), plane == value


def _longest(boxes: np.ndarray, value: float, shape: tuple[int, ...]) -> _Line | None:
    """The longest line of letters among pieces."""
    best = 0
    line: _Line | None = None
    for top, bottom, _, _ in boxes:
        high = bottom - top
        alike = boxes[
            (np.abs(boxes[:, 1] - bottom) <= 0.2 * high)
            & (np.abs(boxes[:, 1] - boxes[:, 0] - high) <= 0.25 * high)
        ]
        if len(alike) <= best:
            continue
        alike = alike[np.argsort(alike[:, 2], kind="stable")]
        gaps = alike[1:, 2] - alike[:-1, 3]
        for word in np.split(alike, np.flatnonzero((gaps > 2 * high) | (gaps < 0)) + 1):
            if len(word) > best:
                best = len(word)
                line = _Line(
                    best,
                    value,
                    float((word[:, 0].min() + word[:, 1].max()) / 2 / shape[0]),
                    float((word[0, 2] + word[-1, 3]) / 2 / shape[1]),
                )
    return line


def _letters(inside: np.ndarray) -> np.ndarray:
    """Boxes (top, bottom, left, right) of the connected pieces that could be letters."""
    labels, count = ndimage.label(inside, np.ones((3, 3), dtype=bool))
    boxes = np.array(
        [(y.start, y.stop, x.start, x.stop) for y, x in ndimage.find_objects(labels)], dtype=int
    ).reshape(-1, 4)
    pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    high, wide = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    boxes = boxes[
        (high >= LETTER_PIXELS[0])
        & (high <= LETTER_PIXELS[1])
        & (wide <= 1.5 * high)
        & (pixels > 0.15 * high * wide)
    ]
    return boxes if len(boxes) <= MOST_PIECES else boxes[:0]


def _around(boxes: np.ndarray, inside: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Mean of the other pixels in each box and one pixel beyond it."""
    top, bottom, left, right = np.clip(boxes + np.array([-1, 1, -1, 1]), 0, None).T
    sums = []
    for plane in (np.where(inside, 0.0, ground), (~inside).astype(float)):
        total = np.pad(plane, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
        low, wide = (
            np.minimum(end, size) for end, size in zip((bottom, right), inside.shape, strict=True)
        )
        sums.append(total[low, wide] - total[top, wide] - total[low, left] + total[top, left])
    return sums[0] / np.maximum(1, sums[1])
