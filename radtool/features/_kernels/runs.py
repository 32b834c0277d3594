"""Count runs of equal grey level (GLRLM)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels.compiling import kernel

__all__ = ["count_runs"]


@kernel
def count_runs(flat, voxels, steps, n_levels, longest):
    """Count, for each direction, the runs of each level and length.

    Every voxel's run so far is one more than that of the voxel behind it, if that has the same
    level; the run is counted where the voxel ahead has another level. The steps must be positive:
    the voxel behind has then been seen already.

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
    counts = np.zeros((steps.size, n_levels + 1, longest + 1), dtype=np.int64)
    length = np.zeros(flat.size, dtype=np.int32)
    for s in range(steps.size):
        step = steps[s]
        for v in range(voxels.size):
            here = voxels[v]
            level = flat[here]
            run = 1
            if flat[here - step] == level:
                run += length[here - step]
            length[here] = run
            if flat[here + step] != level:
                counts[s, level, run] += 1
    return counts
