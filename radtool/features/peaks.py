"""Local intensity features: mean over 1 cm³ spheres (IBSI 9ST6)."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels import sphere_sums
from radtool.features.definitions import Definition
from radtool.features.levels import bounding_box

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

    Returns
    -------
    dict
        Name of `FEATURES` -> value; where several voxels are brightest, the highest of their means.
    """
    means = _sphere_means(image, inside, spacing)
    values = image[inside]
    return {
        "local_intensity_peak": float(means[values == values.max()].max()),
        "global_intensity_peak": float(means.max()),
    }


def _sphere_means(image: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Mean intensity within the sphere around each voxel inside, cut off at the image's border."""
    rows = _rows(spacing, image.shape)
    reach = np.abs(rows).max(axis=0)
    box = bounding_box(inside)
    low = np.array([part.start for part in box])
    high = np.array([part.stop for part in box])
    size = np.array(image.shape)
    # Only the part within reach; zeros where the sphere leaves the image.
    start, stop = np.maximum(low - reach, 0), np.minimum(high + reach, size)
    window = tuple(slice(a, b) for a, b in zip(start.tolist(), stop.tolist(), strict=True))
    pad = np.stack([reach - (low - start), reach - (stop - high)], axis=1)
    corner, end = reach, reach + high - low
    sums = sphere_sums(_cumulative(image[window], pad), rows, corner, end)[inside[box]]
    if not pad.any():
        return sums / float((2 * rows[:, 2] + 1).sum())
    present = np.ones(tuple((stop - start).tolist()))
    return sums / sphere_sums(_cumulative(present, pad), rows, corner, end)[inside[box]]


def _cumulative(image: np.ndarray, pad: np.ndarray) -> np.ndarray:
    padded = np.pad(image.astype(np.float64), pad)
    return np.pad(np.cumsum(padded, axis=2), ((0, 0), (0, 0), (1, 0)))


def _rows(spacing: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Rows of the sphere along x: offset in z, offset in y, half length in x (voxels).

    Nothing of the sphere that lies outside the image wherever its centre is.
    """
    reach = [
        min(int(RADIUS_MM / step), size - 1) for step, size in zip(spacing, shape, strict=True)
    ]
    rows = []
    for z in range(-reach[0], reach[0] + 1):
        for y in range(-reach[1], reach[1] + 1):
            left = RADIUS_MM**2 - (z * spacing[0]) ** 2 - (y * spacing[1]) ** 2
            if left >= 0:
                rows.append((z, y, min(int(np.sqrt(left) / spacing[2] + 1e-9), shape[2] - 1)))
    return np.array(rows, dtype=np.int64)
