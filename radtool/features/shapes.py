"""Boxes and ellipsoids around a set of points."""

from __future__ import annotations

import numpy as np
from scipy import spatial
from scipy.special import eval_legendre

__all__ = ["ellipsoid_area", "enclosing_ellipsoid", "smallest_box"]


def ellipsoid_area(semi_axes: np.ndarray) -> float:
    """Return IBSI's surface of an ellipsoid: a Legendre series to degree 20 (IBSI RDD2).

    Parameters
    ----------
    semi_axes : ndarray of shape (3,)
        All above 0, in any order.

    Notes
    -----
    The series gives the true surface with eccentricities of c to a and of c to b; IBSI's formula
    has those of b to a and of c to a, and its reference values follow it. It is exact for a sphere
    and up to some 15 % off for flat or long ellipsoids.

    Examples
    --------
    >>> round(ellipsoid_area(np.array([1.0, 1.0, 1.0])) / np.pi, 6)
    4.0
    """
    c, b, a = np.sort(semi_axes)
    alpha, beta = np.sqrt(1.0 - (b / a) ** 2), np.sqrt(1.0 - (c / a) ** 2)
    degree = np.arange(21)
    if alpha * beta == 0.0:
        # a = b: the terms' limit, (αβ)^ν P_ν((α² + β²) / 2αβ) -> c_ν β^2ν with P_ν's leading c_ν.
        leading = np.cumprod(np.concatenate([[1.0], (2 * degree[1:] - 1) / degree[1:]]))
        terms = leading * (beta**2 / 2) ** degree
    else:
        terms = (alpha * beta) ** degree * eval_legendre(
            degree, (alpha**2 + beta**2) / (2.0 * alpha * beta)
        )
    return float(4.0 * np.pi * a * b * (terms / (1.0 - 4.0 * degree**2)).sum())


def smallest_box(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Return the edge lengths of the smallest box that has a side on the convex hull.

    For each hull facet, the points are seen along its normal and the smallest rectangle around
    them is found among those with a side on their convex outline.

    Parameters
    ----------
    points : ndarray of shape (n, 3)
        Vertices of the convex hull, mm.
    normals : ndarray of shape (m, 3)
        Unit normals of its facets.

    Returns
    -------
    ndarray of shape (3,)
        In mm.
    """
    best, sides = np.inf, np.full(3, np.nan)
    one_way = _one_way(normals)
    _, different = np.unique(np.round(one_way, 6), axis=0, return_index=True)
    for normal in one_way[different]:
        along = points @ normal
        height = float(np.ptp(along))
        if height <= 0:
            continue
        flat = points @ _plane(normal)
        outline = flat[spatial.ConvexHull(flat).vertices]
        edges = np.diff(outline, axis=0, append=outline[:1])
        edges /= np.linalg.norm(edges, axis=1, keepdims=True)
        width = np.ptp(outline @ edges.T, axis=0)
        depth = np.ptp(outline @ np.stack([-edges[:, 1], edges[:, 0]]), axis=0)
        place = int(np.argmin(width * depth))
        if width[place] * depth[place] * height < best:
            best = float(width[place] * depth[place] * height)
            sides = np.array([width[place], depth[place], height])
    return sides


def _one_way(normals: np.ndarray) -> np.ndarray:
    """Turn normals so that the first component that is not 0 is positive."""
    place = np.argmax(np.abs(normals) > 1e-6, axis=1)
    return normals * np.sign(np.take_along_axis(normals, place[:, None], axis=1))


def _plane(normal: np.ndarray) -> np.ndarray:
    """Two directions across a normal, as columns."""
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    first = np.cross(normal, helper)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)], axis=1)


def enclosing_ellipsoid(points: np.ndarray, *, tolerance: float = 1e-3) -> np.ndarray:
    """Return the semi-axes of the smallest ellipsoid around points (Khachiyan's algorithm).

    Parameters
    ----------
    points : ndarray of shape (n, 3)
        Vertices of the convex hull, mm; not in one plane.
    tolerance : float, default 1e-3
        The algorithm stops when the weights change by less (IBSI's value).

    Returns
    -------
    ndarray of shape (3,)
        In mm, longest first.
    """
    n, d = points.shape
    lifted = np.column_stack([points, np.ones(n)])
    weights = np.full(n, 1.0 / n)
    for _ in range(10_000):
        inverse = np.linalg.inv(lifted.T @ (lifted * weights[:, None]))
        reach = np.einsum("ij,jk,ik->i", lifted, inverse, lifted)
        far = int(np.argmax(reach))
        step = (reach[far] - d - 1) / ((d + 1) * (reach[far] - 1))
        moved = (1 - step) * weights
        moved[far] += step
        change = float(np.linalg.norm(moved - weights))
        weights = moved
        if change < tolerance:
            break
    centre = weights @ points
    scatter = (points * weights[:, None]).T @ points - np.outer(centre, centre)
    # Weights within the tolerance leave points just outside: grow until all are inside.
    inverse = np.linalg.inv(scatter) / d
    offsets = points - centre
    grow = float(np.einsum("ij,jk,ik->i", offsets, inverse, offsets).max())
    return np.sqrt(np.sort(np.linalg.eigvalsh(scatter) * d)[::-1] * max(grow, 1.0))
