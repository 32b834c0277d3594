"""Local intensity features: mean over 1 cm³ spheres (IBSI 9ST6)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import sphere_means
from radtool.features.definitions import Definition

__all__ = ["FAMILY", "FEATURES", "peak_features"]

FAMILY = "loc"
FEATURES = (
    Definition("local_intensity_peak", "VJGA", "intensity"),
    Definition("global_intensity_peak", "0F91", "intensity"),
)
RADIUS_MM = (3.0 / (4.0 * np.pi)) ** (1 / 3) * 10.0


def peak_features(
    image: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]
) -> dict[str, float]:
    """Return the mean around the brightest voxel, and the largest such mean of all voxels.

    Parameters
    ----------
    image : ndarray of shape (z, y, x)
        Intensities, also outside the region: the sphere's voxels need not lie in it.
    inside : ndarray of bool, shape (z, y, x)
        Intensity mask; spheres are centred in it.
    spacing : tuple of 3 float
        Voxel size in mm, (z, y, x).
    """
    centres = np.argwhere(inside)
    if not len(centres):
        return {feature.name: np.nan for feature in FEATURES}
    cumulative = np.zeros((*image.shape[:2], image.shape[2] + 1))
    np.cumsum(image, axis=2, dtype=np.float64, out=cumulative[:, :, 1:])
    means = sphere_means(cumulative, centres, _rows(spacing))
    values = image[inside]
    return {
        "local_intensity_peak": float(means[values == values.max()].max()),
        "global_intensity_peak": float(means.max()),
    }


def _rows(spacing: tuple[float, ...]) -> np.ndarray:
    reach = [int(RADIUS_MM / step) for step in spacing]
    rows = []
    for z in range(-reach[0], reach[0] + 1):
        for y in range(-reach[1], reach[1] + 1):
            left = RADIUS_MM**2 - (z * spacing[0]) ** 2 - (y * spacing[1]) ** 2
            if left >= 0:
                rows.append((z, y, int(np.sqrt(left) / spacing[2] + 1e-9)))
    return np.array(rows, dtype=np.int64)
