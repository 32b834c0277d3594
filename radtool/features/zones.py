"""Grey-level size zone (IBSI 9SAK) and distance zone features (IBSI VMDZ)."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from radtool.features._kernels import find_zones
from radtool.features.definitions import Definition
from radtool.features.emphasis import emphasis_features
from radtool.features.levels import Levels, half_neighbourhood

__all__ = ["DISTANCE_FEATURES", "SIZE_FEATURES", "border_distance", "zone_features"]

SIZE_FEATURES = (
    Definition("small_zone_emphasis", "5QRC"),
    Definition("large_zone_emphasis", "48P8"),
    Definition("low_grey_level_zone_emphasis", "XMSY"),
    Definition("high_grey_level_zone_emphasis", "5GN9"),
    Definition("small_zone_low_grey_level_emphasis", "5RAI"),
    Definition("small_zone_high_grey_level_emphasis", "HW1V"),
    Definition("large_zone_low_grey_level_emphasis", "YH51"),
    Definition("large_zone_high_grey_level_emphasis", "J17V"),
    Definition("grey_level_non_uniformity", "JNSA"),
    Definition("normalised_grey_level_non_uniformity", "Y1RO"),
    Definition("zone_size_non_uniformity", "4JP3"),
    Definition("normalised_zone_size_non_uniformity", "VB3A"),
    Definition("zone_percentage", "P30P"),
    Definition("grey_level_variance", "BYLV", "level2"),
    Definition("zone_size_variance", "3NSA"),
    Definition("zone_size_entropy", "GU8N", "bit"),
)
DISTANCE_FEATURES = (
    Definition("small_distance_emphasis", "0GBI"),
    Definition("large_distance_emphasis", "MB4I"),
    Definition("low_grey_level_zone_emphasis", "S1RA"),
    Definition("high_grey_level_zone_emphasis", "K26C"),
    Definition("small_distance_low_grey_level_emphasis", "RUVG"),
    Definition("small_distance_high_grey_level_emphasis", "DKNJ"),
    Definition("large_distance_low_grey_level_emphasis", "A7WM"),
    Definition("large_distance_high_grey_level_emphasis", "KLTH"),
    Definition("grey_level_non_uniformity", "VFT7"),
    Definition("normalised_grey_level_non_uniformity", "7HP3"),
    Definition("zone_distance_non_uniformity", "V294"),
    Definition("normalised_zone_distance_non_uniformity", "IATH"),
    Definition("zone_percentage", "VIWW"),
    Definition("grey_level_variance", "QK93", "level2"),
    Definition("zone_distance_variance", "7WT1"),
    Definition("zone_distance_entropy", "GBDU", "bit"),
)


def zone_features(
    levels: Levels, distance: np.ndarray, aggregation: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the size zone and the distance zone features of a region.

    Parameters
    ----------
    levels : Levels
        Grey levels.
    distance : ndarray of int32, shape (z, y, x)
        Distance of every voxel to the border of the morphological mask (see `border_distance`).
    aggregation : {"2d", "25d", "3d"}
        By slice and averaged (IBSI 8QNN), slices merged (62GR), in the volume (KOBO).

    Returns
    -------
    sizes, distances : dict
        Name of `SIZE_FEATURES` and `DISTANCE_FEATURES` -> value.
    """
    steps = levels.steps(half_neighbourhood(3 if aggregation == "3d" else 2))
    padded = np.pad(distance.astype(np.int32), levels.pad).reshape(-1)
    parts = [levels.voxels] if aggregation == "3d" else list(levels.slices())
    found = [find_zones(levels.flat, part, steps, padded) for part in parts]
    counts = [len(part) for part in parts]
    if aggregation == "25d":
        found = [tuple(np.concatenate(piece) for piece in zip(*found, strict=True))]
        counts = [sum(counts)]
    sizes = [_emphasis(level, size, n) for (level, size, _), n in zip(found, counts, strict=True)]
    near = [_emphasis(level, far, n) for (level, _, far), n in zip(found, counts, strict=True)]
    return (
        dict(zip([f.name for f in SIZE_FEATURES], np.mean(sizes, axis=0).tolist(), strict=True)),
        dict(zip([f.name for f in DISTANCE_FEATURES], np.mean(near, axis=0).tolist(), strict=True)),
    )


def _emphasis(level: np.ndarray, size: np.ndarray, voxels: int) -> list[float]:
    width = int(size.max()) + 1
    pairs, counts = np.unique(level * width + size, return_counts=True)
    return emphasis_features(pairs // width, pairs % width, counts, float(voxels))


def border_distance(mask: np.ndarray, dimensions: int) -> np.ndarray:
    """Return how many steps over faces each voxel lies from outside the mask, 1 at its border.

    The image's edge is a border. With 2 dimensions, steps stay in the axial slice.
    """
    if dimensions == 3:
        inside = np.pad(mask, 1)
        steps = ndimage.distance_transform_cdt(inside, metric="taxicab")
        return steps[1:-1, 1:-1, 1:-1].astype(np.int32)
    return np.stack([_slice_distance(piece) for piece in mask])


def _slice_distance(mask: np.ndarray) -> np.ndarray:
    steps = ndimage.distance_transform_cdt(np.pad(mask, 1), metric="taxicab")
    return steps[1:-1, 1:-1].astype(np.int32)
