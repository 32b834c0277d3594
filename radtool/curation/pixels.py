"""What only the pixels of a CT tell: values that are no HU, couch and things beside the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radtool.image import Image

__all__ = ["Surroundings", "not_hounsfield", "surroundings"]

TISSUE_HU = -300.0
COARSE_MM = 4.0
BOARD_MM = 20.0
"""Boards and sheets up to this thickness are cut from the body that lies on them."""
LEAST_OBJECT_ML = 5.0
COUCH_WIDTH_MM = 150.0
COUCH_THICK_MM = 20.0
COUCH_RUN = 0.75
"""A narrow sheet that runs through so many of the slices is a couch too."""
CUT_SHARE = 0.25
"""An image with more tissue than this along its sides shows only part of the body."""


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
    Works on a grid of about 4 mm: tissue above -300 HU, holes filled, cut where it is thinner than
    20 mm in plane; its largest piece, grown back by 12 mm, is the body. What is left in pieces of
    at least 5 mL, wholly before or behind the middle of the body, is couch where it is at least
    150 mm wide (a head rest too), or a sheet of at most 20 mm that runs through three quarters of
    the slices behind the body (a narrow couch, rails), or lies behind the front of such a piece
    (what is inside the couch). All else is object. Of a couch that the body lies on, what is
    within 12 mm of the body counts as body.
    """
    steps = [max(1, int(COARSE_MM / spacing)) for spacing in image.geometry.spacing]
    tissue = image.array[:: steps[0], :: steps[1], :: steps[2]] > TISSUE_HU
    size = [step * s for step, s in zip(steps, image.geometry.spacing, strict=True)]
    voxel_ml = float(np.prod(size)) / 1000
    sides = np.concatenate([tissue[:, [0, -1]].ravel(), tissue[:, :, [0, -1]].ravel()])
    if sides.mean() > CUT_SHARE:
        return None
    body = _body(tissue, max(3, round(BOARD_MM / max(size[1:]))))
    middle = float(np.argwhere(body)[:, 1].mean()) if body.any() else 0.0
    pieces = _pieces(tissue, body, LEAST_OBJECT_ML / voxel_ml)
    is_couch = [_is_couch(piece, middle, len(tissue), size) for piece in pieces]
    behind = [
        p for p, is_one in zip(pieces, is_couch, strict=True) if is_one and p[1].min() > middle
    ]
    front = _front(behind, tissue.shape)
    couch = objects = 0
    for (_, y, x), is_one in zip(pieces, is_couch, strict=True):
        if is_one or (y.min() > middle and np.mean(y >= front[x]) > 0.5):
            couch += y.size
        else:
            objects += y.size
    return Surroundings(float(body.sum()) * voxel_ml, couch * voxel_ml, objects * voxel_ml)


def _body(tissue: np.ndarray, board: int) -> np.ndarray:
    """Largest piece of tissue; `board` is the thickness in voxels of what is cut from it."""
    # Holes are sought with walls one voxel thicker, so that a thin chest wall does not leak.
    near = np.ones((1, 3, 3), dtype=bool)
    walls = ndimage.binary_dilation(tissue, near)
    holes = np.stack([ndimage.binary_fill_holes(section) for section in walls]) & ~walls
    solid = tissue | ndimage.binary_dilation(holes, near)
    opened = ndimage.binary_opening(solid, np.ones((1, board, board), dtype=bool))
    labels, count = ndimage.label(opened)
    if not count:
        return np.zeros_like(tissue)
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    grown = ndimage.binary_dilation(
        largest, ndimage.generate_binary_structure(3, 1), iterations=3, mask=solid
    )
    return np.stack([ndimage.binary_fill_holes(section) for section in grown])


def _pieces(tissue: np.ndarray, body: np.ndarray, least: float) -> list[np.ndarray]:
    """Voxels (z, y, x; one row each) of every piece beside the body of `least` voxels or more."""
    rest = tissue & ~ndimage.binary_dilation(body, np.ones((1, 3, 3), dtype=bool))
    # A couch is a thin shell, here in splinters: pieces within two voxels belong together.
    near = np.ones((3, 3, 3), dtype=bool)
    labels, count = ndimage.label(ndimage.binary_dilation(rest, near), near)
    places = np.stack(np.nonzero(rest))
    belongs = labels[rest]
    order = np.argsort(belongs, kind="stable")
    ends = np.cumsum(np.bincount(belongs, minlength=count + 1))
    split = np.split(places[:, order], ends[:-1], axis=1)
    return [piece for piece in split if piece.shape[1] >= max(1.0, least)]


def _front(couch: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """First row of the couch in each column, less one; the last row where there is no couch."""
    front = np.full(shape[2], np.inf)
    for _, y, x in couch:
        np.minimum.at(front, x, y)
    known = np.flatnonzero(np.isfinite(front))
    if not known.size:
        return np.full(shape[2], shape[1])
    return np.interp(np.arange(shape[2]), known, front[known] - 1, left=shape[1], right=shape[1])


def _is_couch(piece: np.ndarray, middle: float, slices: int, size: list[float]) -> bool:
    z, y, x = piece
    if y.min() <= middle <= y.max():
        return False
    if (np.ptp(x) + 1) * size[2] >= COUCH_WIDTH_MM:
        return True
    columns = np.unique(piece[[0, 2]], axis=1).shape[1]
    is_sheet = y.size / columns * size[1] <= COUCH_THICK_MM
    return bool(y.min() > middle and is_sheet and np.unique(z).size >= COUCH_RUN * slices)
