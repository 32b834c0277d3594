"""Sum of intensities in a sphere around each voxel (local and global intensity peak)."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["sphere_sums"]


@kernel
def sphere_sums(cumulative, rows, start, stop):
    """Return the sum of the voxels within a sphere around each voxel of a box.

    The sphere is a stack of rows along x; a row's sum is a difference of cumulative sums, added to
    a whole line of centres at once. Nothing is checked at the borders: the caller pads with zeros.

    Parameters
    ----------
    cumulative : ndarray of float64, shape (z, y, x + 1)
        Cumulative sums of the image along x, 0 first.
    rows : ndarray of int64, shape (m, 3)
        Rows of the sphere: offset in z, offset in y, half length in x.
    start, stop : ndarray of int64, shape (3,)
        Box of centres (z, y, x), further from the border than the sphere reaches.

    Returns
    -------
    ndarray of float64, shape stop - start
    """
    nz, ny, nx = stop[0] - start[0], stop[1] - start[1], stop[2] - start[2]
    sums = np.zeros((nz, ny, nx), dtype=np.float64)
    for z in range(nz):
        for y in range(ny):
            line = sums[z, y]
            for r in range(rows.shape[0]):
                values = cumulative[start[0] + z + rows[r, 0], start[1] + y + rows[r, 1]]
                first = start[2] - rows[r, 2]
                last = start[2] + rows[r, 2] + 1
                ahead = values[last : last + nx]
                behind = values[first : first + nx]
                for x in range(nx):
                    line[x] += ahead[x] - behind[x]
    return sums
