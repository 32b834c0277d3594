"""ITK's cubic B-spline and nearest-neighbour resampling between grids along the same axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from radtool.features._kernels.splines import spline_coefficients, spline_values
from radtool.image import Geometry

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["frame_of", "nearest_along", "places_along", "spline_along"]

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
    volume, grid = frame_of(source), frame_of(target)

    def there(z: int, y: int, x: int) -> np.ndarray:
        point = grid.TransformIndexToPhysicalPoint((x, y, z))
        return np.array(volume.TransformPhysicalPointToContinuousIndex(point)[::-1])

    nz, ny, nx = target.shape
    first, last = there(0, 0, 0), there(0, 0, nx)
    places = [
        np.array([there(z, 0, 0)[0] for z in range(nz)]),
        np.array([there(0, y, 0)[1] for y in range(ny)]),
        # ITK divides each line of the target between its first voxel and the one after its last.
        first[2] + np.arange(nx) / float(nx) * (last[2] - first[2]),
    ]
    far = there(nz - 1, ny - 1, nx)
    near = there(nz - 1, ny - 1, 0)
    if not np.array_equal(far, [places[0][-1], places[1][-1], last[2]]):
        return None
    if not np.array_equal(near, [places[0][-1], places[1][-1], first[2]]):
        return None
    for place, size in zip(places, source.shape, strict=True):
        if place.min() < -0.5 or place.max() >= size - 0.5:
            return None
    return places


def frame_of(geometry: Geometry) -> sitk.Image:
    """Make an image of one voxel that knows where the others would be."""
    import SimpleITK as sitk

    volume = sitk.Image([1, 1, 1], sitk.sitkUInt8)
    volume.SetSpacing(geometry.spacing_xyz)
    volume.SetOrigin(geometry.origin)
    volume.SetDirection(geometry.direction)
    return volume


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
    nz, ny, nx = array.shape
    coefficients = np.ascontiguousarray(array.transpose(0, 2, 1), dtype=np.float64)
    spline_coefficients(coefficients)
    coefficients = np.ascontiguousarray(coefficients.transpose(0, 2, 1))
    spline_coefficients(coefficients)
    spline_coefficients(coefficients.reshape(1, nz, ny * nx))
    found = [_weights(place, size) for place, size in zip(places, array.shape, strict=True)]
    values = spline_values(
        coefficients,
        np.concatenate([indices for indices, _ in found]),
        np.concatenate([weights for _, weights in found]),
        np.array([place.size for place in places]),
    )
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        np.clip(values, limits.min, limits.max, out=values)
    return values.astype(array.dtype)


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
