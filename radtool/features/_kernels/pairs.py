"""Count pairs of grey levels (GLCM)."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["count_pairs"]


@kernel
def count_pairs(flat, voxels, steps, n_levels):
    """Count, for each step, how often level i has level j one step on.

    Parameters
    ----------
    flat : ndarray of int32
        Padded grey levels, 0 outside.
    voxels : ndarray of int64
        Flat indices of the region.
    steps : ndarray of int64, shape (n,)
        Flat distance to the neighbour in each direction.
    n_levels : int
        Largest grey level.

    Returns
    -------
    ndarray of int64, shape (n, n_levels + 1, n_levels + 1)
        One-sided counts; row and column 0 hold pairs with the outside, to be dropped.
    """
    # Direction last: the counts that one voxel touches lie together. Unsigned indices save numba
    # the test for negative ones.
    counts = np.zeros((n_levels + 1, n_levels + 1, steps.size), dtype=np.int32)
    ahead = steps.astype(np.uint64)
    for v in range(voxels.size):
        here = np.uint64(voxels[v])
        level = np.uint64(flat[here])
        for s in range(ahead.size):
            direction = np.uint64(s)
            counts[level, np.uint64(flat[here + ahead[direction]]), direction] += 1
    return counts.transpose(2, 0, 1).astype(np.int64)
