"""Count pairs of grey levels (GLCM)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels.compiling import kernel

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
    counts = np.zeros((steps.size, n_levels + 1, n_levels + 1), dtype=np.int64)
    for v in range(voxels.size):
        here = voxels[v]
        level = flat[here]
        for s in range(steps.size):
            counts[s, level, flat[here + steps[s]]] += 1
    return counts
