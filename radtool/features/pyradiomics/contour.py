"""Perimeter and area of a flat region by marching squares."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["perimeter_and_area"]


def perimeter_and_area(inside: np.ndarray, spacing: tuple[float, float]) -> tuple[float, float]:
    """Length of the contour through the middles between neighbours, and the area in it.

    Parameters
    ----------
    inside : ndarray of bool, shape (rows, columns)
        False along every edge.
    spacing : tuple of 2 float
        In mm.

    Returns
    -------
    perimeter, area : float
        In mm and mm². Two pixels that touch at a corner are not joined there.
    """
    step_y, step_x = spacing
    corners = [inside[:-1, :-1], inside[:-1, 1:], inside[1:, 1:], inside[1:, :-1]]
    case = np.zeros(corners[0].shape, dtype=np.int64)
    for bit, corner in enumerate(corners):
        case += corner.astype(np.int64) << bit
    found = np.bincount(case.ravel(), minlength=16)
    diagonal = math.hypot(step_y, step_x) / 2
    length = np.zeros(16)
    area = np.zeros(16)
    for bits in range(16):
        ones = bin(bits).count("1")
        if ones in (1, 3):
            length[bits] = diagonal
            area[bits] = 0.125 if ones == 1 else 0.875
        elif bits in (0b0011, 0b1100):
            length[bits], area[bits] = step_x, 0.5
        elif bits in (0b0110, 0b1001):
            length[bits], area[bits] = step_y, 0.5
        elif ones == 2:
            length[bits], area[bits] = 2 * diagonal, 0.25
        elif ones == 4:
            area[bits] = 1.0
    return float(found @ length), float(found @ area) * step_y * step_x
