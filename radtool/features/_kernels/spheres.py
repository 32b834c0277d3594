"""Mean intensity in a sphere around each voxel (local and global intensity peak)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels.compiling import kernel

__all__ = ["sphere_means"]


@kernel
def sphere_means(cumulative, centres, rows):
    """Return the mean of the voxels within a sphere around each centre, cut at the image border.

    The sphere is a stack of rows along x; a row's sum is a difference of cumulative sums.

    Parameters
    ----------
    cumulative : ndarray of float64, shape (z, y, x + 1)
        Cumulative sums of the image along x, 0 first.
    centres : ndarray of int64, shape (n, 3)
        Voxels (z, y, x).
    rows : ndarray of int64, shape (m, 3)
        Rows of the sphere: offset in z, offset in y, half length in x.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    nz, ny, nx = cumulative.shape[0], cumulative.shape[1], cumulative.shape[2] - 1
    means = np.empty(centres.shape[0], dtype=np.float64)
    for c in range(centres.shape[0]):
        total = 0.0
        voxels = 0
        for r in range(rows.shape[0]):
            z = centres[c, 0] + rows[r, 0]
            y = centres[c, 1] + rows[r, 1]
            if z < 0 or z >= nz or y < 0 or y >= ny:
                continue
            start = max(0, centres[c, 2] - rows[r, 2])
            stop = min(nx, centres[c, 2] + rows[r, 2] + 1)
            total += cumulative[z, y, stop] - cumulative[z, y, start]
            voxels += stop - start
        means[c] = total / voxels
    return means
