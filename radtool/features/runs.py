"""Grey-level run length features (IBSI TP0I)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import count_runs
from radtool.features.definitions import Definition
from radtool.features.emphasis import emphasis_features
from radtool.features.levels import Levels, half_neighbourhood

__all__ = ["FAMILY", "FEATURES", "glrlm_features"]

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


def glrlm_features(levels: Levels, aggregation: str) -> dict[str, float]:
    """Return the 16 run length features; aggregations as for `glcm_features`."""
    flat = aggregation[:2] != "3d"
    steps = levels.steps(half_neighbourhood(2 if flat else 3))
    parts = list(levels.slices()) if flat else [levels.voxels]
    counted = np.stack(
        [count_runs(levels.flat, part, steps, levels.n_levels, levels.longest) for part in parts]
    )
    sizes = [len(part) for part in parts]
    rows = [emphasis_of(matrix, voxels) for matrix, voxels in _merged(counted, sizes, aggregation)]
    return dict(zip([f.name for f in FEATURES], np.mean(rows, axis=0).tolist(), strict=True))


def _merged(
    counted: np.ndarray, sizes: list[int], aggregation: str
) -> list[tuple[np.ndarray, float]]:
    """Matrices with the number of voxels behind each; counted is (slices, directions, i, j)."""
    directions, everyone = counted.shape[1], float(sum(sizes))
    if aggregation == "2d_merge":
        return [(m.sum(axis=0), n * directions) for m, n in zip(counted, sizes, strict=True)]
    if aggregation in ("25d_avg", "3d_avg"):
        return [(matrix, everyone) for matrix in counted.sum(axis=0)]
    if aggregation in ("25d_merge", "3d_merge"):
        return [(counted.sum(axis=(0, 1)), everyone * directions)]
    return [(m, float(n)) for part, n in zip(counted, sizes, strict=True) for m in part]


def emphasis_of(matrix: np.ndarray, n_voxels: float) -> list[float]:
    """Return the 16 common features of a dense matrix of counts by level (row) and size."""
    rows, columns = np.nonzero(matrix)
    return emphasis_features(rows, columns, matrix[rows, columns], n_voxels)
