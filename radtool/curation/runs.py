"""Masks as run lengths, and hashes that tell whether two masks or grids are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from radtool.errors import InputError
from radtool.files import hash_of
from radtool.image import Geometry, Mask

__all__ = ["decode_runs", "encode_runs", "grid_hash", "mask_hash"]

DIGITS = 5
"""Places (mm) that count in a grid's hash: far below a voxel, far above rounding."""


def encode_runs(inside: np.ndarray) -> list[int]:
    """Return the lengths of the runs of voxels, outside and inside in turn.

    Parameters
    ----------
    inside : ndarray of bool
        Any shape; read in C order.

    Returns
    -------
    list of int
        The first run is outside (0 where the first voxel is inside); the sum is the number of
        voxels.

    Examples
    --------
    >>> encode_runs(np.array([False, False, True, False]))
    [2, 1, 1]
    >>> encode_runs(np.array([True, True]))
    [0, 2]
    """
    flat = np.asarray(inside, dtype=bool).ravel()
    edges = (np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist()
    runs = [after - before for before, after in pairwise([0, *edges, flat.size])]
    return [0, *runs] if flat.size and flat[0] else runs


def decode_runs(runs: Sequence[int], shape: tuple[int, ...]) -> np.ndarray:
    """Undo `encode_runs`.

    Parameters
    ----------
    runs : sequence of int
        Lengths, outside first.
    shape : tuple of int
        Shape of the array.

    Raises
    ------
    InputError
        The runs are no whole numbers from 0, or do not fill the shape.
    """
    if not all(type(run) is int and run >= 0 for run in runs):
        raise InputError("run lengths are whole numbers from 0 on")
    size = int(np.prod(shape, dtype=np.int64))
    if sum(runs) != size:
        raise InputError(f"the run lengths add up to {sum(runs)} voxels; {shape} has {size}")
    states = np.arange(len(runs)) % 2 == 1
    return np.repeat(states, np.array(runs, dtype=np.int64)).reshape(shape)


def grid_hash(geometry: Geometry) -> str:
    """Return a SHA-256 of where the voxels lie, to 0.00001 mm."""
    places = {
        name: [round(value, DIGITS) + 0.0 for value in getattr(geometry, name)]
        for name in ("spacing", "origin", "direction")
    }
    return hash_of({"shape": geometry.shape, **places})


def mask_hash(mask: Mask) -> str:
    """Return a SHA-256 of which voxels are inside; the file's format and compression do not count.

    See `grid_hash` for where they lie.
    """
    digest = hashlib.sha256(repr(mask.array.shape).encode())
    digest.update(np.packbits(mask.array).tobytes())
    return digest.hexdigest()
