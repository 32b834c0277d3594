"""Shape features as pyradiomics defines them: mesh, diameters between mesh corners, axes."""

from __future__ import annotations

import contextlib
import math

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from radtool.features.pyradiomics.contour import perimeter_and_area
from radtool.features.pyradiomics.mesh import surface_and_volume

__all__ = ["shape2d_features", "shape_features"]


def shape_features(inside: np.ndarray, spacing: tuple[float, float, float]) -> dict[str, float]:
    """All three-dimensional shape features.

    Parameters
    ----------
    inside : ndarray of bool, shape (z, y, x)
        The region, cropped or not.
    spacing : tuple of 3 float
        In mm, (z, y, x).
    """
    padded = np.pad(inside, 1)
    area, volume = surface_and_volume(padded, spacing)
    sphericity = (36 * math.pi * volume**2) ** (1 / 3) / area
    least, minor, major = _axes(inside, spacing)
    diameters = _diameters(padded, spacing)
    return {
        "Compactness1": volume / (area**1.5 * math.sqrt(math.pi)),
        "Compactness2": 36 * math.pi * volume**2 / area**3,
        "Elongation": _ratio(minor, major),
        "Flatness": _ratio(least, major),
        "LeastAxisLength": 4 * math.sqrt(least),
        "MajorAxisLength": 4 * math.sqrt(major),
        "Maximum2DDiameterColumn": diameters[1],
        "Maximum2DDiameterRow": diameters[2],
        "Maximum2DDiameterSlice": diameters[0],
        "Maximum3DDiameter": diameters[3],
        "MeshVolume": volume,
        "MinorAxisLength": 4 * math.sqrt(minor),
        "Sphericity": sphericity,
        "SphericalDisproportion": 1 / sphericity,
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume,
        "VoxelVolume": int(np.count_nonzero(inside)) * math.prod(spacing),
    }


def shape2d_features(inside: np.ndarray, spacing: tuple[float, float]) -> dict[str, float]:
    """All features of a flat region.

    Parameters
    ----------
    inside : ndarray of bool, shape (rows, columns)
        The region.
    spacing : tuple of 2 float
        In mm, along rows' and columns' axes.
    """
    padded = np.pad(inside, 1)
    perimeter, surface = perimeter_and_area(padded, spacing)
    minor, major = _axes(inside, spacing)
    sphericity = 2 * math.sqrt(math.pi * surface) / perimeter
    points = _edge_middles(padded) * np.asarray(spacing)
    return {
        "Elongation": _ratio(minor, major),
        "MajorAxisLength": 4 * math.sqrt(major),
        "MaximumDiameter": _largest_distance(points),
        "MeshSurface": surface,
        "MinorAxisLength": 4 * math.sqrt(minor),
        "Perimeter": perimeter,
        "PerimeterSurfaceRatio": perimeter / surface,
        "PixelSurface": int(np.count_nonzero(inside)) * math.prod(spacing),
        "Sphericity": sphericity,
        "SphericalDisproportion": 1 / sphericity,
    }


def _axes(inside: np.ndarray, spacing: tuple[float, ...]) -> list[float]:
    """Variances along the principal axes, rising, in mm²; population covariance."""
    points = np.argwhere(inside) * np.asarray(spacing)
    points -= points.mean(0)
    points /= math.sqrt(len(points))
    return [max(float(value), 0.0) for value in np.linalg.eigvalsh(points.T @ points)]


def _ratio(smaller: float, larger: float) -> float:
    return math.sqrt(smaller / larger) if larger else float("nan")


def _edge_middles(inside: np.ndarray) -> np.ndarray:
    """Corners of the mesh, in voxels: the middles between neighbours in and out."""
    found = []
    for axis in range(inside.ndim):
        ahead = np.diff(inside, axis=axis)
        points = np.argwhere(ahead).astype(np.float64)
        points[:, axis] += 0.5
        found.append(points)
    return np.concatenate(found)


def _diameters(padded: np.ndarray, spacing: tuple[float, float, float]) -> list[float]:
    """Largest distance of mesh corners in one slice across z, y and x, and anywhere."""
    middles = _edge_middles(padded)
    flat = []
    for axis in range(3):
        others = [i for i in range(3) if i != axis]
        planes = middles[np.argsort(middles[:, axis], kind="stable")]
        starts = np.flatnonzero(np.diff(planes[:, axis])) + 1
        flat.append(
            max(
                _largest_distance(plane[:, others] * np.asarray(spacing)[others])
                for plane in np.split(planes, starts)
            )
        )
    return [*flat, _largest_distance(middles * np.asarray(spacing))]


def _largest_distance(points: np.ndarray) -> float:
    """Largest distance between points; only corners of their hull can have it."""
    if len(points) > 3 * points.shape[1]:
        # Points in one line or plane have no hull: then all are compared.
        with contextlib.suppress(QhullError):
            points = points[ConvexHull(points).vertices]
    largest = 0.0
    for start in range(0, len(points), 512):
        gap = points[start : start + 512, None, :] - points[None, :, :]
        largest = max(largest, float(np.einsum("ijk,ijk->ij", gap, gap).max()))
    return math.sqrt(largest)
