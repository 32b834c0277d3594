"""Neighbourhood grey tone difference (IBSI IPET) and dependence features (IBSI REK0)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import count_neighbours
from radtool.features.definitions import Definition
from radtool.features.emphasis import emphasis_features
from radtool.features.levels import Levels, Norm, neighbourhood

__all__ = ["DEPENDENCE_FEATURES", "DIFFERENCE_FEATURES", "neighbourhood_features"]

DIFFERENCE_FEATURES = (
    Definition("coarseness", "QCDE"),
    Definition("contrast", "65HE"),
    Definition("busyness", "NQ30"),
    Definition("complexity", "HDEZ"),
    Definition("strength", "1X9X"),
)
DEPENDENCE_FEATURES = (
    Definition("low_dependence_emphasis", "SODN"),
    Definition("high_dependence_emphasis", "IMOQ"),
    Definition("low_grey_level_count_emphasis", "TL9H"),
    Definition("high_grey_level_count_emphasis", "OAE7"),
    Definition("low_dependence_low_grey_level_emphasis", "EQ3F"),
    Definition("low_dependence_high_grey_level_emphasis", "JA6D"),
    Definition("high_dependence_low_grey_level_emphasis", "NBZI"),
    Definition("high_dependence_high_grey_level_emphasis", "9QMG"),
    Definition("grey_level_non_uniformity", "FP8K"),
    Definition("normalised_grey_level_non_uniformity", "5SPA"),
    Definition("dependence_count_non_uniformity", "Z87G"),
    Definition("normalised_dependence_count_non_uniformity", "OKJI"),
    Definition("dependence_count_percentage", "6XV8"),
    Definition("grey_level_variance", "1PFV", "level2"),
    Definition("dependence_count_variance", "DNX2"),
    Definition("dependence_count_entropy", "FCBV", "bit"),
    Definition("dependence_count_energy", "CAS9"),
)


def neighbourhood_features(
    levels: Levels,
    aggregation: str,
    *,
    distance: int = 1,
    norm: Norm = "chebyshev",
    alpha: int = 0,
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the grey tone difference and the dependence features of a region.

    Parameters
    ----------
    levels : Levels
        Grey levels.
    aggregation : {"2d", "25d", "3d"}
        By slice and averaged, slices merged, in the volume.
    distance, norm
        Reach of the neighbourhood in voxels; `levels` is padded by at least as much.
    alpha : int, default 0
        Largest level difference of a dependent neighbour.

    Returns
    -------
    differences, dependences : dict
        Name of `DIFFERENCE_FEATURES` and `DEPENDENCE_FEATURES` -> value.
    """
    steps = levels.steps(neighbourhood(3 if aggregation == "3d" else 2, distance, norm))
    parts = [levels.voxels] if aggregation == "3d" else list(levels.slices())
    found = [count_neighbours(levels.flat, part, steps, levels.n_levels, alpha) for part in parts]
    if aggregation == "25d":
        found = [tuple(np.sum(piece, axis=0) for piece in zip(*found, strict=True))]
    tone = [_difference(occurrence, difference) for occurrence, difference, _ in found]
    depend = [_dependence(matrix) for _, _, matrix in found]
    return (
        dict(
            zip([f.name for f in DIFFERENCE_FEATURES], np.mean(tone, axis=0).tolist(), strict=True)
        ),
        dict(
            zip(
                [f.name for f in DEPENDENCE_FEATURES], np.mean(depend, axis=0).tolist(), strict=True
            )
        ),
    )


def _difference(occurrence: np.ndarray, difference: np.ndarray) -> list[float]:
    inside = np.arange(1, occurrence.shape[1])
    n = occurrence[:, 1:].sum(axis=1).astype(float)
    s = (difference[:, 1:] / inside).sum(axis=1)
    present = np.flatnonzero(n)
    if not len(present):
        return [np.nan] * 5
    i, p, s = present.astype(float), n[present] / n.sum(), s[present]
    weight, apart = p[:, None] + p[None, :], i[:, None] - i[None, :]
    moved = p @ s
    levels, spread = len(present), float(np.abs((i * p)[:, None] - (i * p)[None, :]).sum())
    pair_contrast = float((p[:, None] * p[None, :] * apart**2).sum())
    contrast = pair_contrast / (levels * (levels - 1)) * s.sum() / n.sum() if levels > 1 else 0.0
    mixed = (p * s)[:, None] + (p * s)[None, :]
    return [
        1.0 / moved if moved > 0 else 1e6,
        contrast,
        moved / spread if spread > 0 else 0.0,
        float((np.abs(apart) * mixed / weight).sum()) / n.sum(),
        float((weight * apart**2).sum()) / s.sum() if s.sum() > 0 else 0.0,
    ]


def _dependence(matrix: np.ndarray) -> list[float]:
    rows, columns = np.nonzero(matrix)
    counts = matrix[rows, columns]
    total = float(counts.sum())
    energy = float(((counts / total) ** 2).sum()) if total else np.nan
    return [*emphasis_features(rows, columns, counts, total), energy]
