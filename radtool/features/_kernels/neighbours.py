"""Count what surrounds each voxel (NGTDM and NGLDM in one pass)."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["count_neighbours"]


@kernel
def count_neighbours(flat, voxels, steps, n_levels, alpha):
    """Compare every voxel with its neighbours inside the region.

    Voxels that follow each other in a row are handled together, neighbour by neighbour: those
    loops run over memory in order and are compiled to vector instructions.

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
    row_of = 256
    inside = np.empty(row_of, dtype=np.int32)
    total = np.empty(row_of, dtype=np.int32)
    dependent = np.empty(row_of, dtype=np.int32)
    v = 0
    while v < voxels.size:
        start = voxels[v]
        n = 1
        while n < row_of and v + n < voxels.size and voxels[v + n] == start + n:
            n += 1
        row = flat[start : start + n]
        inside[:n] = 0
        total[:n] = 0
        dependent[:n] = 1
        for s in range(steps.size):
            other = flat[start + steps[s] : start + steps[s] + n]
            for i in range(n):
                counts = np.int32(other[i] > 0)
                apart = other[i] - row[i]
                inside[i] += counts
                total[i] += other[i]
                dependent[i] += counts & np.int32(apart <= alpha) & np.int32(apart >= -alpha)
        for i in range(n):
            level = row[i]
            occurrence[level, inside[i]] += 1
            difference[level, inside[i]] += abs(level * inside[i] - total[i])
            dependence[level, dependent[i]] += 1
        v += n
    return occurrence, difference, dependence
