"""Grey-level run length features (IBSI TP0I)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import count_runs
from radtool.features.definitions import Definition
from radtool.features.emphasis import emphasis_features
from radtool.features.glcm import merged
from radtool.features.levels import Levels, half_neighbourhood

__all__ = ["FAMILY", "FEATURES", "count_run_lengths", "glrlm_features"]

FAMILY = "glrlm"
FEATURES = (
    Definition("short_runs_emphasis", "22OV"),
    Definition("long_runs_emphasis", "W4KF"),
    Definition("low_grey_level_run_emphasis", "V3SW"),
    Definition("high_grey_level_run_emphasis", "G3QZ"),
    Definition("short_run_low_grey_level_emphasis", "HTZT"),
    Definition("short_run_high_grey_level_emphasis", "GD3A"),
    Definition("long_run_low_grey_level_emphasis", "IVPO"),
    Definition("long_run_high_grey_level_emphasis", "3KUM"),
    Definition("grey_level_non_uniformity", "R5YN"),
    Definition("normalised_grey_level_non_uniformity", "OVBL"),
    Definition("run_length_non_uniformity", "W92Y"),
    Definition("normalised_run_length_non_uniformity", "IC23"),
    Definition("run_percentage", "9ZK5"),
    Definition("grey_level_variance", "8CE5", "level2"),
    Definition("run_length_variance", "SXLW"),
    Definition("run_entropy", "HJ9O", "bit"),
)


def count_run_lengths(levels: Levels, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Count runs of each level and length.

    Parameters
    ----------
    levels : Levels
        Grey levels.
    dimensions : {2, 3}
        2: within axial slices; 3: in the volume.

    Returns
    -------
    counted : ndarray of int64, shape (slices, directions, n_levels + 1, longest + 1)
        In 3 dimensions the volume is one "slice".
    sizes : ndarray of int64, shape (slices,)
        Voxels of each slice.
    """
    steps = levels.steps(half_neighbourhood(dimensions))
    parts = list(levels.slices()) if dimensions == 2 else [levels.voxels]
    counted = np.stack(
        [count_runs(levels.flat, part, steps, levels.n_levels, levels.longest) for part in parts]
    )
    return counted, np.array([len(part) for part in parts])


def glrlm_features(
    counted: np.ndarray, sizes: np.ndarray, aggregation: str, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Return the 16 run length features of a region.

    Parameters
    ----------
    counted, sizes : ndarray
        Of `count_run_lengths`.
    aggregation, weights
        As for `radtool.features.glcm.glcm_features`.

    Returns
    -------
    dict
        Name of `FEATURES` -> value. Where directions are merged the run percentage counts every
        voxel once for each direction.
    """
    matrices = merged(counted, aggregation, weights)
    directions = counted.shape[1]
    per_matrix = {
        "2d_avg": np.repeat(sizes, directions),
        "2d_merge": sizes * directions,
        "25d_merge": sizes.sum(keepdims=True) * directions,
        "3d_merge": sizes.sum(keepdims=True) * directions,
    }.get(aggregation, np.repeat(sizes.sum(), directions))
    rows = [emphasis_of(*pair) for pair in zip(matrices, per_matrix.tolist(), strict=True)]
    return dict(zip([f.name for f in FEATURES], np.mean(rows, axis=0).tolist(), strict=True))


def emphasis_of(matrix: np.ndarray, n_voxels: float) -> list[float]:
    """Return the 16 common features of a dense matrix of counts by level (row) and size."""
    rows, columns = np.nonzero(matrix)
    return emphasis_features(rows, columns, matrix[rows, columns], n_voxels)
