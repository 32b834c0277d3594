"""Find zones: connected voxels of one grey level (GLSZM, GLDZM)."""

from __future__ import annotations

import numpy as np

from radtool.compiling import kernel

__all__ = ["find_zones"]

_ROW = 256


@kernel
def find_zones(flat, voxels, steps, distance):
    """Return level, size and smallest border distance of every zone.

    How it works: each voxel takes the label of an equal neighbour that was seen before, or a new
    one; where equal neighbours have different labels, these are joined (union-find, the earlier
    label stays). Sizes and distances are kept by label and added up at the end, so there is one
    pass over the voxels. Equal neighbours that touch each other were joined before, so that of
    them one is asked, most often one of all. Which neighbours are equal is found for a row at a
    time, in loops that are compiled to vector instructions.

    Parameters
    ----------
    flat : ndarray of int32
        Padded grey levels, 0 outside.
    voxels : ndarray of int64
        Flat indices of the region in rising order.
    steps : ndarray of int64, shape (n,)
        Flat distances to half of the neighbours, all above 0 (they are looked for behind); at
        most 31.
    distance : ndarray of int32, shape of flat
        Distance of every voxel to the border, from 1.

    Returns
    -------
    levels, sizes, nearest : ndarray of int64, shape (zones,)
        In the order in which the zones begin.
    """
    steps, touching = _by_reach(steps)
    label = np.empty(flat.size, dtype=np.int32)
    parent = np.empty(voxels.size, dtype=np.int32)
    found = np.empty((3, voxels.size), dtype=np.int32)
    equal = np.empty(_ROW, dtype=np.int32)
    n_labels = 0
    v = 0
    while v < voxels.size:
        start = voxels[v]
        w = 1
        while w < _ROW and v + w < voxels.size and voxels[v + w] == start + w:
            w += 1
        _compare(flat, start, w, steps, equal)
        for i in range(w):
            here = start + i
            root = n_labels
            left = equal[i]
            s = 0
            while left:
                while not left >> s & 1:
                    s += 1
                root = _join(parent, root, label[here - steps[s]], n_labels)
                left &= ~touching[s]
            label[here] = root
            if root == n_labels:
                parent[root] = root
                found[0, root] = flat[here]
                found[1, root] = 0
                found[2, root] = distance[here]
                n_labels += 1
            found[1, root] += 1
            found[2, root] = min(found[2, root], distance[here])
        v += w
    return _summed(parent, found, n_labels)


@kernel
def _by_reach(steps):
    """Order the steps, those whose neighbours touch most others first; bit t: s and t touch."""
    n = steps.size
    touches = np.zeros((n, n), dtype=np.bool_)
    for s in range(n):
        for t in range(n):
            touches[s, t] = s == t or (steps == abs(steps[s] - steps[t])).any()
    order = np.argsort(-touches.sum(axis=1), kind="mergesort")
    bits = np.zeros(n, dtype=np.int32)
    for s in range(n):
        for t in range(n):
            bits[s] |= np.int32(touches[order[s], order[t]]) << t
    return steps[order], bits


@kernel
def _compare(flat, start, w, steps, equal):
    """Set bit s of `equal` where the voxel one step s behind has the same level."""
    row = flat[start : start + w]
    equal[:w] = 0
    for s in range(steps.size):
        behind = flat[start - steps[s] : start - steps[s] + w]
        bit = np.int32(1 << s)
        for i in range(w):
            equal[i] |= np.int32(behind[i] == row[i]) * bit


@kernel
def _join(parent, root, other, new):
    """Join the labels `root` and `other`; `root` is a root, or the label `new` of nobody yet."""
    while parent[other] != other:
        parent[other] = parent[parent[other]]
        other = parent[other]
    if root == new or other == root:
        return other
    if other < root:
        parent[root] = other
        return other
    parent[other] = root
    return root


@kernel
def _summed(parent, found, n_labels):
    """Add up labels of one zone; a zone's root comes before its other labels."""
    zone = np.empty(n_labels, dtype=np.int64)
    n_zones = 0
    for label in range(n_labels):
        if parent[label] == label:
            zone[label] = n_zones
            n_zones += 1
        else:
            zone[label] = zone[parent[label]]
    levels = np.empty(n_zones, dtype=np.int64)
    sizes = np.zeros(n_zones, dtype=np.int64)
    nearest = np.empty(n_zones, dtype=np.int64)
    for label in range(n_labels):
        z = zone[label]
        if parent[label] == label:
            levels[z] = found[0, label]
            nearest[z] = found[2, label]
        sizes[z] += found[1, label]
        nearest[z] = min(nearest[z], found[2, label])
    return levels, sizes, nearest
