"""Find the lungs in a thorax CT, and where in and around them a tumour may lie.

How it works. Tissue is what is denser than -320 HU; its largest piece, after an opening that cuts
off the couch, is the body. Air inside the body, in pieces too large for bowel and not as empty as
gas, is lung. A collapsed or consolidated lung is not air: the lung mask is therefore mirrored over
the axis of the spine and joined with itself, so that a lung on one side vouches for the place of
the other, then closed, filled and widened to take in the pleura and the hilum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from radtool.errors import InputError
from radtool.image import Image, Mask
from radtool.segmentation.grid import WORKING_SPACING, to_input_grid, to_working_grid
from radtool.segmentation.posture import check_posture

__all__ = ["AIR_BELOW", "LungRegion", "find_lungs", "isolate_lungs"]

AIR_BELOW = -320.0  # HU
GAS_BELOW = -960.0  # HU; a piece of air that is mostly this empty is bowel or free gas
LEAST_LUNG_ML = 400.0
LEAST_PIECE_ML = 60.0
CLOSING = 12.0  # mm
MARGIN = 10.0  # mm


@dataclass(frozen=True, slots=True, eq=False)
class LungRegion:
    """Lungs and the region searched for tumour.

    Parameters
    ----------
    air : Mask
        Aerated lung with the airways.
    search : Mask
        Lung of both sides, mirrored and widened.
    right : Mask
        The part of `search` on the patient's right of the spine axis.
    is_cut_off : bool
        Whether the scan shows only part of the lungs: more than a tenth of their largest section
        lies in the first or last slice, or lung reaches the side of the image.
    """

    air: Mask
    search: Mask
    right: Mask
    is_cut_off: bool


def isolate_lungs(image: Image) -> LungRegion:
    """Find the lungs of a thorax CT.

    Parameters
    ----------
    image : Image
        Thorax CT in HU, any orientation; patient directions must be right (the spine is looked for
        on the posterior side).

    Returns
    -------
    LungRegion
        Masks on the grid of `image`.

    Raises
    ------
    InputError
        No lung was found, or the directions of the file are wrong (`check_posture`).
    """
    working = to_working_grid(image)
    region = find_lungs(working)

    def back(mask: Mask) -> Mask:
        inside = to_input_grid(mask.array, working.geometry, image.geometry) > 0.5
        return Mask(inside, image.geometry, mask.roi, mask.origin)

    return LungRegion(back(region.air), back(region.search), back(region.right), region.is_cut_off)


def find_lungs(working: Image) -> LungRegion:
    """Do the work of `isolate_lungs` on an image that is already on the working grid."""
    hu = working.array
    body = _body(hu)
    air = _lung_air(hu, body)
    volume = float(np.count_nonzero(air)) * WORKING_SPACING**3 / 1000
    if volume < LEAST_LUNG_ML:
        raise InputError(
            f"no lung found: {volume:.0f} mL of aerated lung inside the body, at least"
            f" {LEAST_LUNG_ML:.0f} mL are needed; is this a thorax CT in HU? For a cropped field of"
            " view use search='whole'"
        )
    axis = spine_axis(hu, body)
    check_posture(hu, body, air, axis)
    both = air | _mirrored(air, axis)
    search = _widened(both) & ndimage.binary_dilation(body, iterations=2)
    sections = air.sum(axis=(1, 2))
    at_ends = max(sections[0], sections[-1]) > 0.1 * sections.max()
    at_sides = air[:, :, [0, -1]].any() or air[:, [0, -1]].any()
    right = search & (np.arange(hu.shape[2]) < axis[:, None, None])  # LPS: x grows to the left
    origin = "lung isolation"
    return LungRegion(
        Mask(air, working.geometry, "lungs", origin),
        Mask(search, working.geometry, "search", origin),
        Mask(right, working.geometry, "right", origin),
        bool(at_ends or at_sides),
    )


def spine_axis(hu: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Column (x index, real) of the spine in each axial slice.

    The spine is the densest part of the posterior half of the body near its middle: the axis is a
    straight line through the medians of its bone. Without bone it is the middle of the body.
    """
    n_z, _, n_x = hu.shape
    middle = np.full(n_z, np.nan)
    axis = np.full(n_z, np.nan)
    columns = np.arange(n_x)
    for z in range(n_z):
        rows = np.flatnonzero(body[z].any(axis=1))
        used = np.flatnonzero(body[z].any(axis=0))
        if rows.size == 0:
            continue
        middle[z] = (used[0] + used[-1]) / 2
        half = (rows[0] + rows[-1]) // 2
        near = np.abs(columns - middle[z]) <= (used[-1] - used[0]) / 5
        bone = (hu[z, half:] > 180) & body[z, half:] & near
        counts = bone.sum(axis=0)
        if counts.sum() >= 20:
            axis[z] = np.searchsorted(np.cumsum(counts), counts.sum() / 2)
    return _straight(axis if np.isfinite(axis).sum() >= 10 else middle)


def _straight(places: np.ndarray) -> np.ndarray:
    """Line through the places, outliers left out (Theil and Sen); NaN are bridged."""
    known = np.flatnonzero(np.isfinite(places))
    if known.size == 0:
        return np.full(places.size, (places.size - 1) / 2)
    values = places[known]
    if known.size < 3:
        return np.full(places.size, float(np.median(values)))
    apart = max(known.size // 3, 1)
    slope = float(np.median((values[apart:] - values[:-apart]) / (known[apart:] - known[:-apart])))
    offset = float(np.median(values - slope * known))
    return slope * np.arange(places.size) + offset


def _body(hu: np.ndarray) -> np.ndarray:
    """Largest piece of tissue, freed of the couch, with every slice filled."""
    tissue = hu > AIR_BELOW
    opened = ndimage.binary_opening(tissue, np.ones((1, 5, 5), dtype=bool))
    # The opening also cuts a chest wall thinner than 10 mm: it grows back along the tissue.
    steps = ndimage.generate_binary_structure(3, 1)
    body = ndimage.binary_dilation(_largest(opened), steps, iterations=7, mask=tissue)
    return np.stack([_fill(section) for section in body])


def _fill(section: np.ndarray) -> np.ndarray:
    """Fill holes of a slice; a gap of the skin at the side of the image counts as closed."""
    filled = ndimage.binary_fill_holes(section)
    rows = np.flatnonzero(section.any(axis=1))
    if rows.size and (section[:, 0].any() or section[:, -1].any()):
        walled = np.pad(section, ((0, 0), (1, 1)))
        walled[rows[0] : rows[-1] + 1, [0, -1]] = True
        filled = ndimage.binary_fill_holes(walled)[:, 1:-1]
    return filled


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))


def _lung_air(hu: np.ndarray, body: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label((hu < AIR_BELOW) & body)
    if count == 0:
        return np.zeros(hu.shape, dtype=bool)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    empty = np.bincount(labels[hu < GAS_BELOW], minlength=count + 1)
    volumes = sizes * WORKING_SPACING**3 / 1000
    keep = (volumes >= LEAST_PIECE_ML) & (empty < 0.6 * sizes)
    keep[0] = False
    return keep[labels]


def _mirrored(mask: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Reflect each slice over its axis column."""
    columns = np.arange(mask.shape[2])
    source = np.rint(2 * axis[:, None] - columns).astype(int)
    inside = (source >= 0) & (source < mask.shape[2])
    source = np.clip(source, 0, mask.shape[2] - 1)
    return np.take_along_axis(mask, source[:, None, :], axis=2) & inside[:, None, :]


def _widened(mask: np.ndarray) -> np.ndarray:
    """Close gaps up to `CLOSING`, fill slices and widen by `MARGIN`."""
    pad = int(np.ceil((CLOSING + MARGIN) / WORKING_SPACING)) + 1
    whole = np.zeros(np.add(mask.shape, 2 * pad), dtype=bool)
    box = tuple(slice(int(used.min()), int(used.max()) + 1 + 2 * pad) for used in np.nonzero(mask))
    padded = np.pad(mask, pad)[box]
    closed = ~_within(~_within(padded, CLOSING), CLOSING)
    filled = np.stack([ndimage.binary_fill_holes(section) for section in closed | padded])
    whole[box] = _within(filled, MARGIN)
    return whole[(slice(pad, -pad),) * 3]


def _within(mask: np.ndarray, distance: float) -> np.ndarray:
    """Voxels not farther than `distance` mm from the mask, their own included."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    squared = sitk.SignedMaurerDistanceMap(image, squaredDistance=True, useImageSpacing=False)
    return sitk.GetArrayViewFromImage(squared) <= (distance / WORKING_SPACING) ** 2
