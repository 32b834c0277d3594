"""ITK's cubic B-spline and nearest-neighbour resampling between grids along the same axes."""

from __future__ import annotations

import numpy as np

from radtool.features._kernels.splines import spline_coefficients, spline_values
from radtool.image import Geometry

__all__ = ["index_of", "nearest_along", "places_along", "point_of", "spline_along"]

_SHORTEST = 4


def places_along(source: Geometry, target: Geometry) -> list[np.ndarray] | None:
    """Index in the source of every index of the target, axis by axis; to ITK's last bit.

    Parameters
    ----------
    source, target : Geometry
        The grids.

    Returns
    -------
    list of 3 ndarray of float64, or None
        Along z, y and x; None when the axes are not those of the source, or the target reaches
        outside it: then the axes cannot be taken one by one.
    """

    def there(z: np.ndarray | int, y: np.ndarray | int, x: np.ndarray | int) -> np.ndarray:
        index = np.stack(np.broadcast_arrays(x, y, z), axis=-1)
        return index_of(source, point_of(target, index))

    nz, ny, nx = target.shape
    first, last = there(0, 0, 0), there(0, 0, nx)
    places = [
        there(np.arange(nz), 0, 0)[:, 2],
        there(0, np.arange(ny), 0)[:, 1],
        # ITK divides each line of the target between its first voxel and the one after its last.
        first[0] + np.arange(nx) / float(nx) * (last[0] - first[0]),
    ]
    far = there(nz - 1, ny - 1, nx)
    near = there(nz - 1, ny - 1, 0)
    if not np.array_equal(far, [last[0], places[1][-1], places[0][-1]]):
        return None
    if not np.array_equal(near, [first[0], places[1][-1], places[0][-1]]):
        return None
    for place, size in zip(places, source.shape, strict=True):
        if place.min() < -0.5 or place.max() >= size - 0.5:
            return None
    return places


def point_of(geometry: Geometry, index: np.ndarray) -> np.ndarray:
    """Patient coordinates of voxels, with ITK's rounding.

    Parameters
    ----------
    geometry : Geometry
        The grid.
    index : ndarray of int or float, shape (..., 3)
        Indices (x, y, z). ITK adds up in another order for continuous ones.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        Patient coordinates (x, y, z) in mm.
    """
    x, y, z = (index[..., axis, None] * step for axis, step in enumerate(_steps(geometry).T))
    origin = np.array(geometry.origin)
    return ((origin + x) + y) + z if index.dtype.kind in "iu" else ((x + y) + z) + origin


def index_of(geometry: Geometry, points: np.ndarray) -> np.ndarray:
    """Continuous indices (x, y, z) of patient coordinates, shape (..., 3), with ITK's rounding."""
    steps = _steps(geometry)
    if np.array_equal(steps, np.diag(np.diag(steps))):
        return (points - np.array(geometry.origin)) * (1.0 / np.diag(steps))
    import SimpleITK as sitk  # turned axes: ITK inverts its matrix by a decomposition

    grid = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    grid.SetSpacing(geometry.spacing_xyz)
    grid.SetOrigin(geometry.origin)
    grid.SetDirection(geometry.direction)
    found = map(grid.TransformPhysicalPointToContinuousIndex, points.reshape(-1, 3).tolist())
    return np.array(list(found)).reshape(points.shape)


def _steps(geometry: Geometry) -> np.ndarray:
    """Patient vectors from a voxel to the next along x, y and z, as columns."""
    return geometry.direction_matrix * np.array(geometry.spacing_xyz)


def nearest_along(array: np.ndarray, places: list[np.ndarray]) -> np.ndarray:
    """Nearest values at places of `places_along`; half-way goes up."""
    z, y, x = (np.floor(place + 0.5).astype(np.intp) for place in places)
    return array[z[:, None, None], y[:, None], x]


def spline_along(array: np.ndarray, places: list[np.ndarray]) -> np.ndarray | None:
    """Values of the cubic B-spline through an array at places of `places_along`.

    Returns
    -------
    ndarray or None
        In the type of the array: ITK cuts off the fraction for integers. None when an axis is too
        short.
    """
    if min(array.shape) < _SHORTEST:
        return None
    found = [_weights(place, size) for place, size in zip(places, array.shape, strict=True)]
    first = [indices.min() for indices, _ in found]
    values = spline_values(
        _coefficients(array, [indices for indices, _ in found]),
        np.concatenate([indices - i for i, (indices, _) in zip(first, found, strict=True)]),
        np.concatenate([weights for _, weights in found]),
        np.array([place.size for place in places]),
    )
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        np.clip(values, limits.min, limits.max, out=values)
    return values.astype(array.dtype)


def _coefficients(array: np.ndarray, needed: list[np.ndarray]) -> np.ndarray:
    """Coefficients of the spline from the least to the greatest index needed along each axis.

    All of a line goes into its coefficients, but those that nobody asks for are dropped before
    the next axis; slice by slice, so that nothing as large as the image is held in float64.
    """
    z, y, x = (slice(indices.min(), indices.max() + 1) for indices in needed)
    kept = np.empty((array.shape[0], y.stop - y.start, x.stop - x.start))
    for plane, target in zip(array, kept, strict=True):
        lines = np.ascontiguousarray(plane.T, dtype=np.float64)
        spline_coefficients(lines[None])
        lines = np.ascontiguousarray(lines[x].T)
        spline_coefficients(lines[None])
        target[...] = lines[y]
    spline_coefficients(kept.reshape(1, array.shape[0], -1))
    return kept[z]


def _weights(place: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the four coefficients around each place, mirrored at the ends; their weights."""
    first = np.floor(place.astype(np.float32)).astype(np.int64) - 1
    w = place - (first + 1)
    last = (1.0 / 6.0) * w * w * w
    zeroth = (1.0 / 6.0) + 0.5 * w * (w - 1.0) - last
    second = w + zeroth - 2.0 * last
    weights = np.column_stack([zeroth, 1.0 - zeroth - second - last, second, last])
    indices = np.abs(first[:, None] + np.arange(4))
    return np.where(indices >= size - 1, 2 * (size - 1) - indices, indices), weights
