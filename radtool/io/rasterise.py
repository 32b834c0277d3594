"""Contours filled on a voxel grid.

How this works. A contour is a polygon in a plane; a voxel belongs to the ROI when its centre lies
inside. Inside is the even-odd rule over all contours of one plane together: an inner contour cuts
a hole (XOR, PS3.3 C.8.8.6.3), a keyhole's channel is crossed twice and vanishes, separate islands
add up. Each contour plane stands for a slab that reaches half-way to its neighbours, so a slice
between two contour planes takes the nearer one, and nothing is lost when contours lie between
slices. Contours parallel to the slices are filled by scan lines in index coordinates; all others
by a point-in-polygon test of the voxel centres projected on the contour planes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from skimage.measure import points_in_poly

from radtool.errors import GeometryError
from radtool.image import Geometry, Mask

__all__ = ["contour_volume_ml", "fraction_inside", "rasterise"]

PLANE_TOLERANCE_MM = 0.05
"""Contour points this near to a plane lie in it; planes this near are one."""
PLANARITY_MM = 0.5
"""A contour with points farther than this from its own plane is refused."""
LARGEST_STEP_MM = 10.0
"""Contour planes farther apart than this are separate lesions, not one slab."""


def rasterise(
    contours: Sequence[np.ndarray],
    geometry: Geometry,
    roi: str = "roi",
    *,
    step: float | None = None,
) -> Mask:
    """Fill closed planar contours on a voxel grid.

    Parameters
    ----------
    contours : sequence of ndarray of shape (n_points, 3)
        Closed polygons; patient coordinates (x, y, z), LPS, mm.
    geometry : Geometry
        The grid; may be oblique, and need not be parallel to the contours.
    roi : str, default "roi"
        Name of the mask.
    step : float, optional
        Distance in mm between contour planes; found from the contours when not given.

    Returns
    -------
    Mask
        A voxel is inside when its centre is inside an odd number of contours of its slab; a
        centre exactly on an edge belongs to the side of the larger index. Contours that are
        given twice count once. Parts outside the grid are cut off: see `fraction_inside`.

    Raises
    ------
    GeometryError
        No contour, a contour that is not planar, contours in planes that are not parallel, or
        none that reaches the grid.

    Examples
    --------
    >>> square = np.array([[0.5, 0.5, 1.0], [2.5, 0.5, 1.0], [2.5, 2.5, 1.0], [0.5, 2.5, 1.0]])
    >>> int(rasterise([square], Geometry((3, 4, 4))).array.sum())
    4
    """
    polygons = _distinct([_checked(contour, roi) for contour in contours])
    if not polygons:
        raise GeometryError(f"ROI {roi!r} has no closed contour; nothing to fill")
    normal, heights = _planes(polygons, roi)
    slice_normal = geometry.direction_matrix[:, 2]
    along = float(np.dot(normal, slice_normal))
    reach = max(np.ptp(polygon @ slice_normal) for polygon in polygons)
    if abs(along) > 0.99 and reach <= PLANE_TOLERANCE_MM:
        heights = np.array([np.median(polygon @ slice_normal) for polygon in polygons])
        heights -= np.dot(geometry.origin, slice_normal)
        array = _fill_parallel(polygons, heights, geometry, step)
    else:
        array = _fill_crossing(polygons, heights, normal, geometry, step)
    if not array.any() and fraction_inside(polygons, geometry) == 0:
        low = np.min([polygon.min(axis=0) for polygon in polygons], axis=0)
        high = np.max([polygon.max(axis=0) for polygon in polygons], axis=0)
        raise GeometryError(
            f"ROI {roi!r} lies outside the image: contours from {_point(low)} to {_point(high)} mm,"
            f" image from {_point(geometry.corners().min(axis=0))} to"
            f" {_point(geometry.corners().max(axis=0))} mm (x, y, z)"
        )
    return Mask(array, geometry, roi, "RTSTRUCT")


def _point(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:.0f}" for value in values) + ")"


def fraction_inside(contours: Sequence[np.ndarray], geometry: Geometry) -> float:
    """Return the share of contour points that lie within the grid's voxels, 0 to 1."""
    if not len(contours):
        return 0.0
    index = geometry.to_index(np.concatenate(list(contours)))
    # Half a slice more: contours drawn on the border of the first or last voxel are inside.
    inside = (index >= -1.0) & (index <= np.array(geometry.shape))
    return float(inside.all(axis=1).mean())


def contour_volume_ml(contours: Sequence[np.ndarray], *, step: float | None = None) -> float:
    """Return the volume that contours enclose by themselves, without any grid, in mL.

    The area of each plane (outer minus inner contours) times the distance between planes.

    Parameters
    ----------
    contours : sequence of ndarray of shape (n_points, 3)
        Closed polygons; patient coordinates, mm.
    step : float, optional
        Distance between contour planes in mm; found from the contours when not given, and
        needed when there is a single plane.
    """
    polygons = _distinct([_checked(contour, "roi") for contour in contours])
    if not polygons:
        return 0.0
    normal, heights = _planes(polygons, "roi")
    levels = _levels(heights)
    thickness = _thickness(levels, step, 0.0)
    u, v = _plane_axes(normal)
    area = 0.0
    for level in levels:
        here = [
            np.stack([polygon @ u, polygon @ v], axis=1)
            for polygon, height in zip(polygons, heights, strict=True)
            if abs(height - level) <= PLANE_TOLERANCE_MM
        ]
        for i, polygon in enumerate(here):
            others = [other for j, other in enumerate(here) if j != i]
            depth = sum(bool(points_in_poly(polygon[:1], other)[0]) for other in others)
            area += _area(polygon) * (-1) ** depth
    return area * thickness / 1000.0


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _checked(contour: np.ndarray, roi: str) -> np.ndarray:
    points = np.asarray(contour, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 3:
        raise GeometryError(f"ROI {roi!r}: a contour needs shape (n >= 3, 3), got {points.shape}")
    if not np.isfinite(points).all():
        raise GeometryError(f"ROI {roi!r}: a contour has points that are not finite")
    return points


def _distinct(polygons: list[np.ndarray]) -> list[np.ndarray]:
    """Drop repeated contours, which the even-odd rule would turn into holes."""
    seen = set()
    kept = []
    for polygon in polygons:
        rounded = np.round(polygon, 3) + 0.0
        key = rounded[np.lexsort(rounded.T)].tobytes()
        if key not in seen:
            seen.add(key)
            kept.append(polygon)
    return kept


def _planes(polygons: list[np.ndarray], roi: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the common normal and each contour's height along it."""
    largest = max(polygons, key=_spread)
    normal = _normal(largest)
    heights = np.empty(len(polygons))
    for i, polygon in enumerate(polygons):
        along = polygon @ normal
        heights[i] = np.median(along)
        off = float(np.abs(along - heights[i]).max())
        if off > PLANARITY_MM:
            why = "is not planar" if polygon is largest else "is not parallel to the others"
            raise GeometryError(f"ROI {roi!r}: contour {i + 1} {why}: a point is {off:.1f} mm off")
    return normal, heights


def _spread(polygon: np.ndarray) -> float:
    """Second-largest extent: how well a contour fixes its plane."""
    values = np.linalg.svd(polygon - polygon.mean(axis=0), compute_uv=False)
    return float(values[1])


def _normal(polygon: np.ndarray) -> np.ndarray:
    axes = np.linalg.svd(polygon - polygon.mean(axis=0), full_matrices=True)[2]
    normal = axes[2]
    nearest = np.rint(normal)
    if np.abs(normal - nearest).max() < 1e-6:
        normal = nearest
    return normal if normal[np.argmax(np.abs(normal))] > 0 else -normal


def _levels(heights: np.ndarray) -> np.ndarray:
    """Return the distinct plane heights, in order."""
    levels: list[float] = []
    for height in np.sort(heights):
        if not levels or height - levels[-1] > PLANE_TOLERANCE_MM:
            levels.append(float(height))
    return np.array(levels)


def _thickness(levels: np.ndarray, step: float | None, fallback: float) -> float:
    """Return the slab that one contour plane stands for, in mm."""
    if step is not None:
        return step
    if len(levels) < 2:
        return fallback
    steps = np.diff(levels)
    # Planes of one slice may differ by rounding: such steps are not the contour spacing.
    nearest = float(steps[steps >= np.median(steps) / 4].min())
    return nearest if nearest <= LARGEST_STEP_MM else fallback


def _owners(levels: np.ndarray, positions: np.ndarray, thickness: float) -> np.ndarray:
    """Return for each position the index of the contour plane whose slab holds it, else -1.

    A position exactly half-way belongs to the plane above, so equal slabs never overlap.
    """
    half = thickness / 2
    nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, positions + 1e-6, side="right")
    away = positions - levels[nearest]
    return np.where((away >= -half - 1e-6) & (away < half - 1e-6), nearest, -1)


def _fill_parallel(
    polygons: list[np.ndarray], heights: np.ndarray, geometry: Geometry, step: float | None
) -> np.ndarray:
    array = np.zeros(geometry.shape, dtype=bool)
    levels = _levels(heights)
    thickness = _thickness(levels, step, geometry.spacing[0])
    thickness = max(thickness, geometry.spacing[0])
    positions = np.arange(geometry.shape[0]) * geometry.spacing[0]
    owners = _owners(levels, positions, thickness)
    filled: dict[int, np.ndarray] = {}
    for k, owner in enumerate(owners):
        if owner < 0:
            continue
        if owner not in filled:
            near = np.abs(heights - levels[owner]) <= PLANE_TOLERANCE_MM
            here = [polygon for polygon, yes in zip(polygons, near, strict=True) if yes]
            filled = {int(owner): _scan(here, geometry)}
        array[k] = filled[int(owner)]
    return array


def _scan(polygons: list[np.ndarray], geometry: Geometry) -> np.ndarray:
    """Fill polygons of one plane by the even-odd rule; shape (rows, columns)."""
    rows, columns = geometry.shape[1:]
    starts, ends = [], []
    for polygon in polygons:
        flat = np.round(geometry.to_index(polygon)[:, 1:], 9)
        starts.append(flat)
        ends.append(np.roll(flat, -1, axis=0))
    start, end = np.concatenate(starts), np.concatenate(ends)
    upward = start[:, :1] <= end[:, :1]
    low, high = np.where(upward, start, end), np.where(upward, end, start)
    # An edge crosses the rows y with low <= y < high: each corner is counted once.
    first = np.clip(np.ceil(low[:, 0]), 0, rows).astype(int)
    last = np.clip(np.ceil(high[:, 0]), 0, rows).astype(int)
    count = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    part = (row - low[edge, 0]) / (high[edge, 0] - low[edge, 0])
    crossing = low[edge, 1] + part * (high[edge, 1] - low[edge, 1])
    column = np.clip(np.ceil(np.round(crossing, 9)), 0, columns).astype(int)
    toggles = np.zeros((rows, columns + 1), dtype=np.int32)
    np.add.at(toggles, (row, column), 1)
    return (np.cumsum(toggles[:, :-1], axis=1) % 2).astype(bool)


def _plane_axes(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    u = np.cross(normal, helper)
    u /= np.linalg.norm(u)
    return u, np.cross(normal, u)


def _fill_crossing(
    polygons: list[np.ndarray],
    heights: np.ndarray,
    normal: np.ndarray,
    geometry: Geometry,
    step: float | None,
) -> np.ndarray:
    """Test every voxel centre near the contours against the plane whose slab holds it."""
    array = np.zeros(geometry.shape, dtype=bool)
    levels = _levels(heights)
    across = float(np.abs(geometry.direction_matrix.T @ normal) @ np.array(geometry.spacing_xyz))
    thickness = _thickness(levels, step, across)
    start, stop = _box(polygons, geometry, thickness)
    if min(stop - start) <= 0:
        return array
    grid = np.stack(
        np.meshgrid(*(np.arange(a, b) for a, b in zip(start, stop, strict=True)), indexing="ij"),
        axis=-1,
    ).reshape(-1, 3)
    points = geometry.to_patient(grid)
    u, v = _plane_axes(normal)
    owners = _owners(levels, points @ normal, thickness)
    inside = np.zeros(len(points), dtype=bool)
    for owner in np.unique(owners[owners >= 0]):
        here = np.flatnonzero(owners == owner)
        flat = np.stack([points[here] @ u, points[here] @ v], axis=1)
        for polygon, height in zip(polygons, heights, strict=True):
            if abs(height - levels[owner]) <= PLANE_TOLERANCE_MM:
                outline = np.stack([polygon @ u, polygon @ v], axis=1)
                inside[here] ^= points_in_poly(flat, outline)
    array[tuple(grid[inside].T)] = True
    return array


def _box(
    polygons: list[np.ndarray], geometry: Geometry, thickness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Index box (z, y, x) that holds the contours and their slabs, within the grid."""
    points = np.concatenate(polygons)
    margin = thickness / np.array(geometry.spacing) + 1
    index = geometry.to_index(points)
    start = np.clip(np.floor(index.min(axis=0) - margin), 0, geometry.shape).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0) + margin) + 1, 0, geometry.shape).astype(int)
    return start, stop
