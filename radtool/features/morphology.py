"""Morphological features (IBSI HCUG)."""

from __future__ import annotations

import numpy as np
from scipy import spatial
from scipy.special import eval_legendre
from skimage import measure

from radtool.features.autocorrelation import geary, moran
from radtool.features.definitions import Definition

__all__ = ["FAMILY", "FEATURES", "morphology_features"]

FAMILY = "morph"
FEATURES = (
    Definition("volume", "RNU0", "mm3"),
    Definition("volume_voxel_counting", "YEKZ", "mm3"),
    Definition("surface_area", "C0JK", "mm2"),
    Definition("surface_to_volume_ratio", "2PR5", "mm-1"),
    Definition("compactness_1", "SKGS"),
    Definition("compactness_2", "BQWJ"),
    Definition("spherical_disproportion", "KRCK"),
    Definition("sphericity", "QCFX"),
    Definition("asphericity", "25C7"),
    Definition("centre_of_mass_shift", "KLMA", "mm"),
    Definition("maximum_3d_diameter", "L0JK", "mm"),
    Definition("major_axis_length", "TDIC", "mm"),
    Definition("minor_axis_length", "P9VJ", "mm"),
    Definition("least_axis_length", "7J51", "mm"),
    Definition("elongation", "Q3CK"),
    Definition("flatness", "N17B"),
    Definition("volume_density_aabb", "PBX1"),
    Definition("area_density_aabb", "R59B"),
    Definition("volume_density_aee", "6BDE"),
    Definition("area_density_aee", "RDD2"),
    Definition("volume_density_convex_hull", "R3ER"),
    Definition("area_density_convex_hull", "7T7F"),
    Definition("integrated_intensity", "99N0", "intensity mm3"),
    Definition("moran_i", "N365"),
    Definition("geary_c", "NPT7"),
)


def morphology_features(
    mask: np.ndarray, intensities: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]
) -> dict[str, float]:
    """Return the morphological features of a region.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        Morphological mask: as segmented, not re-segmented.
    intensities : ndarray of shape (z, y, x)
        The image.
    inside : ndarray of bool, shape (z, y, x)
        Intensity mask: re-segmented.
    spacing : tuple of 3 float
        Voxel size in mm, (z, y, x).

    Returns
    -------
    dict
        Name of `FEATURES` -> value. Axes, densities and hull features are NaN where the region has
        too few voxels or lies in one plane.
    """
    vertices, faces, _, _ = measure.marching_cubes(
        np.pad(mask.astype(np.float32), 1), level=0.5, spacing=spacing, allow_degenerate=False
    )
    vertices = vertices.astype(np.float64)
    volume, area = _volume(vertices, faces), float(measure.mesh_surface_area(vertices, faces))
    points = np.argwhere(mask) * np.array(spacing)
    values = intensities[inside].astype(np.float64)
    return {
        "volume": volume,
        "volume_voxel_counting": len(points) * float(np.prod(spacing)),
        "surface_area": area,
        **_compactness(volume, area),
        "centre_of_mass_shift": _shift(points, np.argwhere(inside) * np.array(spacing), values),
        **_hull(vertices, volume, area),
        **_axes(points, volume, area),
        "integrated_intensity": float(values.mean()) * volume if len(values) else np.nan,
        "moran_i": moran(intensities, inside, spacing),
        "geary_c": geary(intensities, inside, spacing),
    }


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume enclosed by a mesh: the sum of signed tetrahedra to the origin."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return abs(float(np.einsum("ij,ij->", a, np.cross(b, c)))) / 6.0


def _compactness(volume: float, area: float) -> dict[str, float]:
    sphericity = (36.0 * np.pi * volume**2) ** (1 / 3) / area
    return {
        "surface_to_volume_ratio": area / volume,
        "compactness_1": volume / (np.sqrt(np.pi) * area**1.5),
        "compactness_2": 36.0 * np.pi * volume**2 / area**3,
        "spherical_disproportion": 1.0 / sphericity,
        "sphericity": sphericity,
        "asphericity": 1.0 / sphericity - 1.0,
    }


def _shift(points: np.ndarray, inside: np.ndarray, values: np.ndarray) -> float:
    total = float(values.sum())
    if not len(values) or total == 0.0:
        return np.nan
    weighted = values @ inside / total
    return float(np.linalg.norm(points.mean(axis=0) - weighted))


def _hull(vertices: np.ndarray, volume: float, area: float) -> dict[str, float]:
    hull = spatial.ConvexHull(vertices)
    outer = vertices[hull.vertices]
    sides = np.ptp(vertices, axis=0)
    box_area = 2.0 * float(sides[0] * sides[1] + sides[0] * sides[2] + sides[1] * sides[2])
    return {
        "maximum_3d_diameter": float(spatial.distance.pdist(outer).max()),
        "volume_density_aabb": volume / float(np.prod(sides)),
        "area_density_aabb": area / box_area,
        "volume_density_convex_hull": volume / float(hull.volume),
        "area_density_convex_hull": area / float(hull.area),
    }


def _axes(points: np.ndarray, volume: float, area: float) -> dict[str, float]:
    names = (
        "major_axis_length", "minor_axis_length", "least_axis_length", "elongation", "flatness",
        "volume_density_aee", "area_density_aee",
    )  # fmt: skip
    if len(points) < 2:
        return dict.fromkeys(names, np.nan)
    spread = np.linalg.eigvalsh(np.cov(points.T))[::-1].clip(min=0.0)
    major, minor, least = 4.0 * np.sqrt(spread)
    flat = least <= 1e-9 * major
    ellipsoid = np.pi / 6.0 * major * minor * least
    return {
        "major_axis_length": float(major),
        "minor_axis_length": float(minor),
        "least_axis_length": float(least),
        "elongation": float(minor / major),
        "flatness": float(least / major),
        "volume_density_aee": np.nan if flat else volume / float(ellipsoid),
        "area_density_aee": np.nan if flat else area / _ellipsoid_area(major, minor, least),
    }


def _ellipsoid_area(major: float, minor: float, least: float) -> float:
    """Surface of an ellipsoid by the Legendre series up to degree 20, as IBSI asks."""
    a, b, c = major / 2.0, minor / 2.0, least / 2.0
    alpha, beta = np.sqrt(1.0 - (b / a) ** 2), np.sqrt(1.0 - (c / a) ** 2)
    if alpha * beta == 0.0:
        return float(_spheroid_area(a, c))
    argument = (alpha**2 + beta**2) / (2.0 * alpha * beta)
    degree = np.arange(21)
    terms = (alpha * beta) ** degree / (1.0 - 4.0 * degree**2) * eval_legendre(degree, argument)
    return float(4.0 * np.pi * a * b * terms.sum())


def _spheroid_area(a: float, c: float) -> float:
    if a == c:
        return 4.0 * np.pi * a**2
    e = np.sqrt(1.0 - (c / a) ** 2)
    return 2.0 * np.pi * a**2 * (1.0 + (1.0 - e**2) / e * np.arctanh(e))
