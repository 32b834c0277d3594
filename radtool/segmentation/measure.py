"""Size of a lesion from its mask: RECIST longest axial diameter and volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull

from radtool.errors import GeometryError
from radtool.image import Mask

__all__ = ["Recist", "enclosing_circle", "recist"]


@dataclass(frozen=True, slots=True)
class Recist:
    """Longest axial diameter of a lesion and where it was found.

    Parameters
    ----------
    diameter : float
        Diameter in mm of the circle; 0 for an empty mask.
    slice_index : int or None
        First slice (array z) with the largest circle; None for an empty mask.
    center : tuple of 3 float or None
        Centre of the circle in patient coordinates (x, y, z), LPS, mm.
    volume_ml : float
        Volume in mL by counting voxels.
    """

    diameter: float
    slice_index: int | None
    center: tuple[float, float, float] | None
    volume_ml: float


def recist(mask: Mask) -> Recist:
    """Longest axial diameter as the largest minimum enclosing circle of any slice.

    The contour is taken where pixels inside meet pixels outside, so that one pixel of 1 mm has a
    diameter of 1 mm. Distances are physical, also with unequal pixel edges. All components of a
    slice lie in one circle: pass one lesion at a time.

    Parameters
    ----------
    mask : Mask
        One lesion; slices are the first array axis.

    Returns
    -------
    Recist

    Raises
    ------
    GeometryError
        Slices are not axial (the first axis is more than 45 degrees from head-feet).
    """
    if abs(mask.geometry.direction[8]) < np.sqrt(0.5):
        raise GeometryError(
            f"slices of mask {mask.roi!r} are not axial: the first array axis points along"
            f" {mask.geometry.direction[2::3]} (x, y, z); resample the mask to axial slices"
        )
    best = Recist(0.0, None, None, mask.volume_ml)
    _, dy, dx = mask.geometry.spacing
    for z in np.flatnonzero(mask.array.any(axis=(1, 2))):
        points = _edge_points(mask.array[z]) * (dy, dx)
        (y, x), radius = enclosing_circle(points)
        if 2 * radius > best.diameter * (1 + 1e-9):
            center = mask.geometry.to_patient(np.array([z, y / dy, x / dx]))
            best = Recist(2 * radius, int(z), tuple(center.tolist()), best.volume_ml)
    return best


def enclosing_circle(points: np.ndarray) -> tuple[tuple[float, float], float]:
    """Smallest circle that holds all points of a plane.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        At least one point.

    Returns
    -------
    center : tuple of 2 float
        In the order of the columns.
    radius : float

    References
    ----------
    E. Welzl, Smallest enclosing disks (balls and ellipsoids), LNCS 555:359-370, 1991.
    """
    hull = _hull(np.asarray(points, dtype=float))
    slack = 1e-9 * max(float(np.ptp(hull, axis=0).max()), 1e-12)
    # In the complex plane the distance of two points is abs(p - q).
    plane = [complex(*point) for point in hull]
    center, radius = plane[0], 0.0
    for i, p in enumerate(plane):
        if abs(p - center) <= radius + slack:
            continue
        center, radius = p, 0.0
        for j, q in enumerate(plane[:i]):
            if abs(q - center) <= radius + slack:
                continue
            center, radius = (p + q) / 2, abs(p - q) / 2
            for r in plane[:j]:
                if abs(r - center) > radius + slack:
                    center = _equidistant(p, q, r)
                    radius = abs(center - p)
    return (center.real, center.imag), radius


def _hull(points: np.ndarray) -> np.ndarray:
    unique = np.unique(points, axis=0)
    if len(unique) < 3 or np.linalg.matrix_rank(unique - unique[0]) < 2:
        return unique
    return unique[ConvexHull(unique).vertices]


def _equidistant(p: complex, q: complex, r: complex) -> complex:
    """Centre of the circle through three points that are not on a line."""
    a, b = q - p, r - p
    across = a.conjugate() * b - a * b.conjugate()
    return p + (b * abs(a) ** 2 - a * abs(b) ** 2) / across


def _edge_points(pixels: np.ndarray) -> np.ndarray:
    """Midpoints (y, x) of the edges between inside and outside pixels, in pixel units."""
    padded = np.pad(pixels, 1)
    rows = np.argwhere(padded[1:] != padded[:-1]) - (0.5, 1.0)
    columns = np.argwhere(padded[:, 1:] != padded[:, :-1]) - (1.0, 0.5)
    return np.concatenate([rows, columns])
