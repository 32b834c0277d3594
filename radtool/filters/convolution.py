"""Separable convolution with a boundary rule, rotated in all right-handed orientations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from scipy import ndimage

from radtool.filters.settings import Boundary

__all__ = [
    "SCIPY_MODES",
    "Pooling",
    "convolve",
    "orientations",
    "pad",
    "pool",
    "pool_orientations",
]

Pooling = Literal["max", "min", "average"]
AxisStep = tuple[int, bool]
# IBSI's mirror repeats the edge voxel (d c b a | a b c d | d c b a).
SCIPY_MODES = {"mirror": "reflect", "nearest": "nearest", "periodic": "wrap", "zero": "constant"}
_NUMPY_MODES = {"mirror": "symmetric", "nearest": "edge", "periodic": "wrap", "zero": "constant"}


def convolve(array: np.ndarray, kernel: np.ndarray, axis: int, boundary: Boundary) -> np.ndarray:
    """Convolve along one axis with an odd-length kernel; same shape, dtype of `array`."""
    return ndimage.convolve1d(array, kernel, axis=axis, mode=SCIPY_MODES[boundary], cval=0.0)


def pad(array: np.ndarray, width: Sequence[int], boundary: Boundary) -> np.ndarray:
    """Pad each axis on both sides by `width` voxels with the boundary rule."""
    return np.pad(array, [(int(w), int(w)) for w in width], mode=_NUMPY_MODES[boundary])  # type: ignore[call-overload]


def orientations(dimensions: int) -> list[tuple[AxisStep, ...]]:
    """Right-handed rotations by quarter turns: 4 in 2D, 24 in 3D.

    Returns
    -------
    list of tuple
        Per axis, which factor of the separable filter acts on it and whether it is flipped.
    """
    found = []
    for order in itertools.permutations(range(dimensions)):
        parity = np.linalg.det(np.eye(dimensions)[list(order)])
        for signs in itertools.product((1, -1), repeat=dimensions):
            if parity * np.prod(signs) > 0:
                found.append(tuple((i, s < 0) for i, s in zip(order, signs, strict=True)))
    return found


def pool(responses: Sequence[np.ndarray], pooling: Pooling) -> np.ndarray:
    """Combine responses voxel by voxel."""
    if pooling == "average":
        return np.mean(responses, axis=0)
    return np.max(responses, axis=0) if pooling == "max" else np.min(responses, axis=0)


def pool_orientations(
    array: np.ndarray,
    apply: Callable[[np.ndarray, int, AxisStep], np.ndarray],
    axes: Sequence[int],
    wanted: Sequence[tuple[AxisStep, ...]],
    pooling: Pooling,
) -> np.ndarray:
    """Pool the responses of a separable filter over orientations.

    The orientations form a tree (what acts on the first axis, then on the second, …), so shared
    beginnings are filtered once and only one array per axis is held.

    Parameters
    ----------
    array : ndarray of shape (z, y, x)
        Intensities.
    apply : callable
        ``apply(array, axis, (factor, is_flipped))`` filters along one axis.
    axes : sequence of int
        Array axes of the filter, in the order of an orientation's entries.
    wanted : sequence
        Orientations, of `orientations`.
    pooling : {"max", "min", "average"}
        How responses are combined.
    """
    merge = {"max": np.maximum, "min": np.minimum, "average": np.add}[pooling]
    pooled: np.ndarray | None = None

    def descend(current: np.ndarray, depth: int, below: list[tuple[AxisStep, ...]]) -> None:
        nonlocal pooled
        if depth == len(axes):
            for _ in below if pooling == "average" else below[:1]:
                pooled = current.copy() if pooled is None else merge(pooled, current, out=pooled)
            return
        for step in dict.fromkeys(orientation[depth] for orientation in below):
            rest = [orientation for orientation in below if orientation[depth] == step]
            descend(apply(current, axes[depth], step), depth + 1, rest)

    descend(array, 0, list(wanted))
    assert pooled is not None
    return pooled / len(wanted) if pooling == "average" else pooled
