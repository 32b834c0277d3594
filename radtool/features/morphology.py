"""Morphological features (IBSI HCUG)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy import spatial
from skimage import measure

from radtool.features.autocorrelation import moran_geary
from radtool.features.definitions import Definition
from radtool.features.shapes import ellipsoid_area, enclosing_ellipsoid, smallest_box

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
    Definition("volume_density_ombb", "ZH1A", standardised=False),
    Definition("area_density_ombb", "IQYR", standardised=False),
    Definition("volume_density_aee", "6BDE"),
    Definition("area_density_aee", "RDD2"),
    Definition("volume_density_mvee", "SWZ1", standardised=False),
    Definition("area_density_mvee", "BRI8", standardised=False),
    Definition("volume_density_convex_hull", "R3ER"),
    Definition("area_density_convex_hull", "7T7F"),
    Definition("integrated_intensity", "99N0", "intensity mm3"),
    Definition("moran_i", "N365"),
    Definition("geary_c", "NPT7"),
)


def morphology_features(
    mask: np.ndarray,
    image: np.ndarray,
    inside: np.ndarray,
    spacing: tuple[float, float, float],
    wanted: Iterable[str] | None = None,
) -> dict[str, float]:
    """Return the morphological features of a region.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        Morphological mask: as segmented, not re-segmented. A crop to its box is enough.
    image : ndarray of shape (z, y, x)
        Intensities.
    inside : ndarray of bool, shape (z, y, x)
        Intensity mask: re-segmented.
    spacing : tuple of 3 float
        Voxel size in mm, (z, y, x).
    wanted : iterable of str, optional
        Names of `FEATURES`; None: all that IBSI gives reference values for. What costs much and
        is not wanted is left out.

    Returns
    -------
    dict
        Name of `FEATURES` -> value. Axes, densities and hull features are NaN where the region has
        too few voxels or lies in one plane.
    """
    chosen = {definition.name for definition in FEATURES if definition.standardised}
    chosen = chosen if wanted is None else set(wanted)
    size = np.array(spacing)
    vertices, faces = _mesh(mask, size)
    volume, area = _volume(vertices, faces), _area(vertices, faces)
    points = np.argwhere(mask) * size
    values = image[inside].astype(np.float64)
    found = {
        "volume": volume,
        "volume_voxel_counting": len(points) * float(np.prod(size)),
        "surface_area": area,
        **_compactness(volume, area),
        "centre_of_mass_shift": _shift(points, np.argwhere(inside) * size, values),
        "integrated_intensity": float(values.mean()) * volume,
        **_hull(vertices, volume, area, chosen),
        **_axes(points, volume, area),
    }
    if chosen & {"moran_i", "geary_c"}:
        autocorrelation = moran_geary(image, inside, spacing)
        found |= dict(zip(("moran_i", "geary_c"), autocorrelation, strict=True))
    return {name.name: found[name.name] for name in FEATURES if name.name in chosen}


def _mesh(mask: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (mm) and triangles of the surface half-way between inside and outside."""
    padded = np.pad(mask, 1).astype(np.float32)
    vertices, faces, _, _ = measure.marching_cubes(padded, level=0.5, allow_degenerate=False)
    return vertices.astype(np.float64) * spacing, faces


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Volume enclosed by a mesh: the sum of signed tetrahedra to the origin."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return abs(float(np.einsum("ij,ij->", a, np.cross(b, c)))) / 6.0


def _area(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2.0


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
    if total == 0.0:
        return np.nan
    return float(np.linalg.norm(points.mean(axis=0) - values @ inside / total))


def _hull(vertices: np.ndarray, volume: float, area: float, chosen: set[str]) -> dict[str, float]:
    hull = spatial.ConvexHull(vertices)
    outer = vertices[hull.vertices]
    found = {
        "maximum_3d_diameter": float(spatial.distance.pdist(outer).max()),
        **_densities("aabb", volume, area, *_box(np.ptp(vertices, axis=0))),
        **_densities("convex_hull", volume, area, float(hull.volume), float(hull.area)),
    }
    if chosen & {"volume_density_ombb", "area_density_ombb"}:
        sides = smallest_box(outer, hull.equations[:, :3])
        found |= _densities("ombb", volume, area, *_box(sides))
    if chosen & {"volume_density_mvee", "area_density_mvee"}:
        found |= _densities("mvee", volume, area, *_ellipsoid(enclosing_ellipsoid(outer)))
    return found


def _densities(
    name: str, volume: float, area: float, of_volume: float, of_area: float
) -> dict[str, float]:
    return {
        f"volume_density_{name}": volume / of_volume,
        f"area_density_{name}": area / of_area,
    }


def _box(sides: np.ndarray) -> tuple[float, float]:
    a, b, c = sides.tolist()
    return a * b * c, 2.0 * (a * b + b * c + a * c)


def _ellipsoid(semi_axes: np.ndarray) -> tuple[float, float]:
    return 4.0 / 3.0 * np.pi * float(np.prod(semi_axes)), ellipsoid_area(semi_axes)


def _axes(points: np.ndarray, volume: float, area: float) -> dict[str, float]:
    axes = np.full(3, np.nan)
    if len(points) > 1:
        axes = 4.0 * np.sqrt(np.linalg.eigvalsh(np.cov(points.T))[::-1].clip(min=0.0))
    major, minor, least = axes.tolist()
    # One plane or line: the other axes are rounding errors, and the ellipsoid has no volume.
    minor, least = (0.0 if axis <= 1e-7 * major else axis for axis in (minor, least))
    solid = least > 0.0
    ellipsoid = _ellipsoid(axes / 2.0) if solid else (np.nan, np.nan)
    return {
        "major_axis_length": major,
        "minor_axis_length": minor,
        "least_axis_length": least,
        "elongation": minor / major,
        "flatness": least / major,
        **_densities("aee", volume, area, *ellipsoid),
    }
