"""What only the pixels tell: values that are no HU, things beside the body, burned-in text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radtool.image import Image

__all__ = ["Surroundings", "burned_in_text", "not_hounsfield", "surroundings"]

TISSUE_HU = -300.0
COARSE_MM = 4.0
LEAST_OBJECT_ML = 5.0
COUCH_WIDTH_MM = 150.0
CUT_SHARE = 0.25
"""An image with more tissue than this along its sides shows only part of the body."""
CORNER = (0.25, 0.4)
"""Height and width of a corner that is searched for text, as shares of the image."""
SAMPLED_SLICES = 9
LEAST_LETTERS = 3
LETTER_PIXELS = (5, 48)
"""Height of a letter or digit."""


def not_hounsfield(image: Image) -> str:
    """Say why the values of a CT cannot be Hounsfield units.

    Parameters
    ----------
    image : Image
        A CT.

    Returns
    -------
    str
        "no" when they can be, else "yes: " and the reason.
    """
    step = max(1, round((image.array.size / 2_000_000) ** (1 / 3)))
    sample = image.array[::step, ::step, ::step]
    low, high = (float(value) for value in np.percentile(sample, [1, 99]))
    if high - low < 20:
        return f"yes: nearly all values lie between {low:.4g} and {high:.4g}"
    if low > -150:
        return (
            f"yes: 99 % of the values are {low:.4g} or more, and air is near -1000 HU; was the"
            " rescale intercept lost?"
        )
    if high < -500 or high > 4000 or low < -5000:
        return f"yes: most values lie between {low:.4g} and {high:.4g}"
    soft = float(np.mean((sample > -150) & (sample < 250)))
    if soft < 0.01:
        return f"yes: only {100 * soft:.1f} % of the voxels are soft tissue (-150 to 250 HU)"
    return "no"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies beside the body in a CT.

    Parameters
    ----------
    body_ml : float
        Volume of the body: the largest piece of tissue, holes filled.
    couch_ml : float
        Volume of what is wide and lies before or behind the body.
    objects_ml : float
        Volume of all else beside the body, pieces of 5 mL or more: arms, boards, tubes, a phantom.
    """

    body_ml: float
    couch_ml: float
    objects_ml: float


def surroundings(image: Image) -> Surroundings | None:
    """Find couch and objects outside the body.

    Parameters
    ----------
    image : Image
        Axial CT in HU.

    Returns
    -------
    Surroundings or None
        None when the sides of the image cut through the body, so that inside and outside are not
        to be told apart.

    Notes
    -----
    Works on a grid of about 4 mm: tissue above -300 HU, cut where it is thinner than 12 mm in
    plane; its largest piece, grown back, is the body. What is left in pieces of at least 5 mL is
    couch where it is at least 150 mm wide and lies wholly before or behind the middle of the body
    (a head rest too), and object otherwise.
    """
    steps = [max(1, int(COARSE_MM / spacing)) for spacing in image.geometry.spacing]
    tissue = image.array[:: steps[0], :: steps[1], :: steps[2]] > TISSUE_HU
    size = [step * s for step, s in zip(steps, image.geometry.spacing, strict=True)]
    voxel_ml = float(np.prod(size)) / 1000
    sides = np.concatenate([tissue[:, [0, -1]].ravel(), tissue[:, :, [0, -1]].ravel()])
    if sides.mean() > CUT_SHARE:
        return None
    body = _body(tissue)
    near = np.ones((1, 3, 3), dtype=bool)
    rest = tissue & ~ndimage.binary_dilation(body, near)
    # A couch is a thin shell, here in splinters: pieces within two voxels belong together.
    labels, count = ndimage.label(ndimage.binary_dilation(rest, near), np.ones((3, 3, 3)))
    volumes = np.bincount(labels[rest], minlength=count + 1)[1:] * voxel_ml
    middle = float(np.argwhere(body)[:, 1].mean()) if body.any() else 0.0
    couch = objects = 0.0
    for box, volume in zip(ndimage.find_objects(labels), volumes, strict=True):
        if volume < LEAST_OBJECT_ML:
            continue
        _, y, x = box
        is_wide = (x.stop - x.start) * size[2] >= COUCH_WIDTH_MM
        if is_wide and (y.start > middle or y.stop <= middle):
            couch += float(volume)
        else:
            objects += float(volume)
    return Surroundings(float(body.sum()) * voxel_ml, couch, objects)


def _body(tissue: np.ndarray) -> np.ndarray:
    opened = ndimage.binary_opening(tissue, np.ones((1, 3, 3), dtype=bool))
    labels, count = ndimage.label(opened)
    if not count:
        return np.zeros_like(tissue)
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    grown = ndimage.binary_dilation(
        largest, ndimage.generate_binary_structure(3, 1), iterations=3, mask=tissue
    )
    return np.stack([ndimage.binary_fill_holes(section) for section in grown])


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
