"""Count runs of equal grey level (GLRLM)."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["count_runs"]


@kernel
def count_runs(flat, voxels, steps, n_levels, longest):
    """Count, for each direction, the runs of each level and length.

    Every voxel's run so far is one more than that of the voxel behind it, if that has the same
    level. Counting the voxels by their run so far counts the runs at least that long, and the
    difference of neighbouring lengths the runs of exactly that length: no look ahead, no branch.
    The steps must be positive: the voxel behind has then been seen already, at most the largest
    step ago, which is all that the ring of runs remembers.

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
        Largest number of voxels in a line.

    Returns
    -------
    ndarray of int64, shape (n, n_levels + 1, longest + 1)
        Counts by level and length; row and column 0 are empty.
    """
    n = steps.size
    reached = np.zeros((n_levels + 1, longest + 2, n), dtype=np.int32)
    size = 1
    while size <= steps.max():
        size *= 2
    last = np.uint64(size - 1)
    ring = np.zeros((size, n), dtype=np.int32)
    back = steps.astype(np.uint64)
    for v in range(voxels.size):
        here = np.uint64(voxels[v])
        level = flat[here]
        for s in range(n):
            direction = np.uint64(s)
            behind = here - back[direction]
            run = 1 + (flat[behind] == level) * ring[behind & last, direction]
            ring[here & last, direction] = run
            reached[np.uint64(level), np.uint64(run), direction] += 1
    counts = np.zeros((n, n_levels + 1, longest + 1), dtype=np.int64)
    for s in range(n):
        for level in range(n_levels + 1):
            for run in range(1, longest + 1):
                counts[s, level, run] = reached[level, run, s] - reached[level, run + 1, s]
    return counts
