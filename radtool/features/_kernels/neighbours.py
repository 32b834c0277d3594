"""Count what surrounds each voxel (NGTDM and NGLDM in one pass)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels.compiling import kernel

__all__ = ["count_neighbours"]


@kernel
def count_neighbours(flat, voxels, steps, n_levels, alpha):
    """Compare every voxel with its neighbours inside the region.

    Parameters
    ----------
    flat : ndarray of int32
        Padded grey levels, 0 outside.
    voxels : ndarray of int64
        Flat indices of the region.
    steps : ndarray of int64, shape (n,)
        Flat distances to all neighbours, both ways.
    n_levels : int
        Largest grey level.
    alpha : int
        Largest level difference of a dependent neighbour.

    Returns
    -------
    occurrence : ndarray of int64, shape (n_levels + 1, n + 1)
        Voxels of each level by their number of neighbours inside.
    difference : ndarray of int64, same shape
        Sum of ``|level × neighbours − sum of their levels|`` over those voxels.
    dependence : ndarray of int64, shape (n_levels + 1, n + 2)
        Voxels of each level by their dependence: 1 + the number of dependent neighbours.
    """
    occurrence = np.zeros((n_levels + 1, steps.size + 1), dtype=np.int64)
    difference = np.zeros((n_levels + 1, steps.size + 1), dtype=np.int64)
    dependence = np.zeros((n_levels + 1, steps.size + 2), dtype=np.int64)
    for v in range(voxels.size):
        here = voxels[v]
        level = flat[here]
        inside = 0
        total = 0
        dependent = 1
        for s in range(steps.size):
            other = flat[here + steps[s]]
            if other > 0:
                inside += 1
                total += other
                if abs(other - level) <= alpha:
                    dependent += 1
        occurrence[level, inside] += 1
        difference[level, inside] += abs(level * inside - total)
        dependence[level, dependent] += 1
    return occurrence, difference, dependence
