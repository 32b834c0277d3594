"""Refuse a thorax whose file says that front is back or head is feet."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from radtool.errors import InputError
from radtool.segmentation.grid import WORKING_SPACING

__all__ = ["check_posture"]

BONE_ABOVE = 180.0  # HU
LEAST_BONE = 20  # working voxels of a slice
TUBE_BELOW = -700.0  # HU
TUBE_AREA = (50.0, 800.0)  # mm2, the section of a trachea
DOUBT = 0.2  # share of slices by which bone in front may exceed bone at the back
LOW_TUBE = 0.4  # share of slices by which tubes below may exceed tubes above


def check_posture(hu: np.ndarray, body: np.ndarray, air: np.ndarray, axis: np.ndarray) -> None:
    """Raise when spine and trachea lie where they cannot.

    The spine runs through the posterior third of nearly every slice; the sternum, and a heart
    filled with contrast medium, through the anterior third of fewer. The trachea runs beside the
    upper fifth of the lungs; at their lower fifth no such tube is near the spine axis.

    Parameters
    ----------
    hu : ndarray of shape (z, y, x)
        On the working grid; z rises to the head, y to the back.
    body, air : ndarray of bool, same shape
    axis : ndarray of shape (z,)
        Column of the spine in each slice; see `spine_axis`.

    Raises
    ------
    InputError
        Front and back, or head and feet, are exchanged in the directions of the file. Doubtful
        cases pass.
    """
    front, back = _bone_shares(hu, body)
    if front - back > DOUBT:
        raise InputError(
            "the spine lies at the front: the directions in the file exchange front and back;"
            " correct them (a prone patient with right directions is no problem)"
        )
    upper, lower = _tube_shares(hu, body, air, axis)
    if lower - upper > LOW_TUBE:
        raise InputError(
            "the trachea lies at the lower end of the lungs: the directions in the file exchange"
            " head and feet; correct them (a scan feet first with right directions is no problem)"
        )


def _bone_shares(hu: np.ndarray, body: np.ndarray) -> tuple[float, float]:
    """Share of slices with bone near the middle of the anterior and of the posterior third."""
    found = []
    for z in range(hu.shape[0]):
        rows, columns = np.flatnonzero(body[z].any(axis=1)), np.flatnonzero(body[z].any(axis=0))
        if rows.size == 0:
            continue
        middle, reach = (columns[0] + columns[-1]) / 2, (columns[-1] - columns[0]) / 6
        near = np.abs(np.arange(hu.shape[2]) - middle) <= reach
        bone = ((hu[z] > BONE_ABOVE) & body[z])[:, near].sum(axis=1)
        third = (rows[-1] - rows[0]) // 3
        parts = bone[rows[0] : rows[0] + third], bone[rows[-1] - third : rows[-1] + 1]
        found.append([part.sum() >= LEAST_BONE for part in parts])
    front, back = np.mean(found, axis=0) if found else (0.0, 0.0)
    return float(front), float(back)


def _tube_shares(
    hu: np.ndarray, body: np.ndarray, air: np.ndarray, axis: np.ndarray
) -> tuple[float, float]:
    """Share of slices with a tube of air before the spine: upper, lower fifth of the lungs."""
    sections = air.sum(axis=(1, 2))
    used = np.flatnonzero(sections > 0.02 * sections.max())
    tubes = [_has_tube((hu[z] < TUBE_BELOW) & body[z], body[z], axis[z]) for z in used]
    fifth = max(1, len(tubes) // 5)
    return float(np.mean(tubes[-fifth:])), float(np.mean(tubes[:fifth]))


def _has_tube(empty: np.ndarray, body: np.ndarray, column: float) -> bool:
    rows = np.flatnonzero(body.any(axis=1))
    if rows.size == 0:
        return False
    window = np.abs(np.arange(empty.shape[1]) - column)[None, :] <= 24 / WORKING_SPACING
    window = np.repeat(window, empty.shape[0], axis=0)
    window[: rows[0] + (rows[-1] - rows[0]) // 4] = False
    labels, count = ndimage.label(empty)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    within = np.bincount(labels[window], minlength=count + 1)[1:]
    areas = sizes * WORKING_SPACING**2
    return bool(((areas >= TUBE_AREA[0]) & (areas <= TUBE_AREA[1]) & (within > 0.9 * sizes)).any())
