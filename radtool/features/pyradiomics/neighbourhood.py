"""NGTDM features as pyradiomics defines them, and the count that GLDM shares with them."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import count_neighbours
from radtool.features.pyradiomics.binning import Binned
from radtool.features.pyradiomics.directions import directions
from radtool.features.pyradiomics.parameters import PyradiomicsSettings

__all__ = ["neighbour_counts", "ngtdm_features"]


def neighbour_counts(
    binned: Binned, settings: PyradiomicsSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Occurrence, difference and dependence of `count_neighbours` for the settings' distances."""
    half = directions(binned.array.shape, settings.distances, settings.flat_axis)
    levels = binned.levels(max(settings.distances))
    steps = levels.steps(half)
    both = np.concatenate([steps, -steps])
    return count_neighbours(levels.flat, levels.voxels, both, levels.n_levels, settings.gldm_a)


def ngtdm_features(
    binned: Binned, occurrence: np.ndarray, difference: np.ndarray
) -> dict[str, float]:
    """All neighbourhood grey-tone difference features.

    A voxel without neighbours counts, with difference 0; IBSI drops it.

    Parameters
    ----------
    binned : Binned
        Grey levels of the region.
    occurrence, difference : ndarray of int64
        Of `neighbour_counts`.
    """
    neighbours = np.maximum(np.arange(occurrence.shape[1]), 1)
    s = (difference / neighbours).sum(1)[binned.occupied]
    n = occurrence.sum(1)[binned.occupied].astype(np.float64)
    i = binned.occupied.astype(np.float64)
    p = n / n.sum()
    levels = len(i)
    weighted = float(p @ s)
    gap = i[:, None] - i[None, :]
    pairs = levels * (levels - 1)
    busy = float(np.abs((i * p)[:, None] - (i * p)[None, :]).sum())
    both = p[:, None] + p[None, :]
    contrast = float((p[:, None] * p[None, :] * gap**2).sum()) * s.sum() / n.sum()
    part = (p * s)[:, None] + (p * s)[None, :]
    return {
        "Busyness": weighted / busy if busy else 0.0,
        "Coarseness": 1 / weighted if weighted else 1e6,
        "Complexity": float((np.abs(gap) * part / both).sum() / n.sum()),
        "Contrast": float(contrast / pairs) if pairs else 0.0,
        "Strength": float((both * gap**2).sum() / s.sum()) if s.sum() else 0.0,
    }
