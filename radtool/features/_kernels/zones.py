"""Find zones: connected voxels of one grey level (GLSZM, GLDZM)."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["find_zones"]


@kernel
def find_zones(flat, voxels, steps, distance):
    """Return level, size and smallest border distance of every zone.

    How it works: each voxel joins the zones of its equal neighbours that were seen before
    (union-find, the earlier root stays root), so a root's index is never above its members'. A
    second pass in the same order finds the root of each voxel one link away and adds it up.

    Parameters
    ----------
    flat : ndarray of int32
        Padded grey levels, 0 outside.
    voxels : ndarray of int64
        Flat indices of the region in rising order.
    steps : ndarray of int64, shape (n,)
        Flat distances to half of the neighbours, all above 0 (they are looked for behind).
    distance : ndarray of int32, shape of flat
        Distance of every voxel to the border, from 1.

    Returns
    -------
    levels, sizes, nearest : ndarray of int64, shape (zones,)
        In the order in which the zones begin.
    """
    parent = np.empty(flat.size, dtype=np.int32)
    n_zones = 0
    for v in range(voxels.size):
        here = voxels[v]
        level = flat[here]
        root = here
        parent[here] = here
        n_zones += 1
        for s in range(steps.size):
            other = here - steps[s]
            if flat[other] != level:
                continue
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = parent[other]
            if other == root:
                continue
            n_zones -= 1
            if other < root:
                parent[root] = other
                root = other
            else:
                parent[other] = root
    levels = np.empty(n_zones, dtype=np.int64)
    sizes = np.zeros(n_zones, dtype=np.int64)
    nearest = np.empty(n_zones, dtype=np.int64)
    number = np.empty(flat.size, dtype=np.int32)
    found = 0
    for v in range(voxels.size):
        here = voxels[v]
        if parent[here] == here:
            number[here] = found
            levels[found] = flat[here]
            nearest[found] = distance[here]
            found += 1
        else:
            parent[here] = parent[parent[here]]
            number[here] = number[parent[here]]
        zone = number[here]
        sizes[zone] += 1
        nearest[zone] = min(nearest[zone], distance[here])
    return levels, sizes, nearest
