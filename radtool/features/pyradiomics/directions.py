"""Directions to neighbours, and how they are weighted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

__all__ = ["directions", "weights"]


def directions(shape: Sequence[int], distances: Sequence[int], flat_axis: int | None) -> np.ndarray:
    """Half of the offsets whose largest component is one of `distances`.

    Parameters
    ----------
    shape : sequence of 3 int
        Box of the region; offsets that leave it along an axis are left out.
    distances : sequence of int
        In voxels, Chebyshev.
    flat_axis : int or None
        Axis that is not crossed (``force2D``).

    Returns
    -------
    ndarray of int64, shape (n, 3)
        First component that is not 0 is positive.
    """
    found = []
    for distance in distances:
        steps = range(distance, -distance - 1, -1)
        for offset in itertools.product(steps, repeat=3):
            if max(map(abs, offset)) != distance or offset < (0, 0, 0):
                continue
            if flat_axis is not None and offset[flat_axis]:
                continue
            if all(abs(step) < size for step, size in zip(offset, shape, strict=True)):
                found.append(offset)
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def weights(
    offsets: np.ndarray,
    norm: str,
    spacing: tuple[float, float, float],
    use: Literal["pairs", "runs"],
) -> np.ndarray:
    """Weight of each direction: exp(-d²) for pairs of voxels, d for runs; d in mm."""
    lengths = np.abs(offsets) * np.asarray(spacing)
    if norm == "no_weighting":
        return np.ones(len(offsets))
    distance = {
        "infinity": lengths.max(1),
        "euclidean": np.sqrt((lengths**2).sum(1)),
        "manhattan": lengths.sum(1),
    }[norm]
    return np.exp(-(distance**2)) if use == "pairs" else distance
