"""Count runs of equal grey level (GLRLM)."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["count_runs"]

_ROW = 256


@kernel
def count_runs(flat, voxels, steps, n_levels, longest):
    """Count, for each direction, the runs of each level and length.

    Every voxel's run so far is one more than that of the voxel behind it, if that has the same
    level. Counting the voxels by their run so far counts the runs at least that long, and the
    difference of neighbouring lengths the runs of exactly that length: no look ahead, no branch.
    Voxels that follow each other in a row are handled together, direction by direction, so that
    these loops are compiled to vector instructions. The steps must be positive: the voxel behind
    has then been seen already, at most the largest step ago, which is all that is remembered.

    Parameters
    ----------
    flat : ndarray of int32
        Padded grey levels, 0 outside.
    voxels : ndarray of int64
        Flat indices of the region in rising order.
    steps : ndarray of int64, shape (n,)
        Flat distance ahead, above 0, in each direction.
    n_levels : int
        Largest grey level.
    longest : int
        Largest number of voxels in a line; below 65536.

    Returns
    -------
    ndarray of int64, shape (n, n_levels + 1, longest + 1)
        Counts by level and length; row and column 0 are empty.
    """
    n = steps.size
    reached = np.zeros((n_levels + 1, longest + 2, n), dtype=np.int32)
    reach = steps.max()
    runs = np.zeros((n, 2 * reach + 4 * _ROW), dtype=np.uint16)
    base = voxels[0] - reach
    v = 0
    while v < voxels.size:
        start = voxels[v]
        w = 1
        while w < _ROW and v + w < voxels.size and voxels[v + w] == start + w:
            w += 1
        if start + w - base > runs.shape[1]:
            _forget(runs, start - reach - base)
            base = start - reach
        row = flat[start : start + w]
        for s in range(n):
            _extend(row, flat[start - steps[s] :], runs[s, start - base - steps[s] :], steps[s])
        here = runs[:, start - base : start - base + w]
        for i in range(w):
            own = np.uint64(row[i])
            for s in range(n):
                direction = np.uint64(s)
                reached[own, np.uint64(here[direction, np.uint64(i)]), direction] += 1
        v += w
    counts = np.zeros((n, n_levels + 1, longest + 1), dtype=np.int64)
    for s in range(n):
        for level in range(n_levels + 1):
            for run in range(1, longest + 1):
                counts[s, level, run] = reached[level, run, s] - reached[level, run + 1, s]
    return counts


@kernel
def _extend(row, behind, runs, step):
    """Runs of a row from those one step behind, where `behind` and `runs` begin."""
    ahead = runs[step : step + row.size]
    if step >= row.size:
        for i in range(row.size):
            ahead[i] = 1 + np.uint16(behind[i] == row[i]) * runs[i]
    else:
        for i in range(row.size):
            ahead[i] = 1 + (behind[i] == row[i]) * runs[i]


@kernel
def _forget(runs, by):
    """Move what is still needed to the front."""
    kept = max(runs.shape[1] - by, 0)
    for s in range(runs.shape[0]):
        for i in range(kept):
            runs[s, i] = runs[s, by + i]
