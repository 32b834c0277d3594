"""Resample an image or a mask onto another voxel grid, the IBSI way.

Notes
-----
Grids are aligned by their centres (IBSI 3WE3), the last voxel is kept by rounding the size up
(026Q), and beyond the image its edge value is repeated. Interpolation is separable: one axis after
the other, each target voxel a weighted sum of 1 (nearest), 2 (linear) or 4 (cubic B-spline)
source voxels. Weights are rounded to 1e-8 of a voxel so that a cropped and an uncropped image give
the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from radtool.errors import ParameterError, did_you_mean
from radtool.image import Geometry, Image, Mask

__all__ = [
    "INTERPOLATIONS",
    "Resample",
    "covered_voxels",
    "resample_image",
    "resample_mask",
    "resampled_geometry",
]

Interpolation = Literal["nearest", "linear", "cubic"]
INTERPOLATIONS = ("nearest", "linear", "cubic")

# The cubic B-spline prefilter decays by 0.268 a voxel: 0.268**24 is below one part in 1e13.
_SPLINE_REACH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Resample:
    """How image and mask are brought to a common voxel size.

    Parameters
    ----------
    spacing_mm : tuple of 3 (float or None), optional
        New voxel size in mm, (z, y, x); None in a place keeps that axis. None: no resampling.
    image_interpolation : {"nearest", "linear", "cubic"}, default "linear"
        Cubic is a cubic B-spline.
    mask_interpolation : {"nearest", "linear"}, default "linear"
        How the mask is interpolated before `mask_threshold` decides.
    mask_threshold : float, default 0.5
        A voxel is inside when at least this fraction is (IBSI E8H9).
    round_intensities : bool, default False
        Round to whole numbers after interpolation, as for HU (IBSI 68QD).
    """

    spacing_mm: tuple[float | None, float | None, float | None] | None = None
    image_interpolation: Interpolation = "linear"
    mask_interpolation: Interpolation = "linear"
    mask_threshold: float = 0.5
    round_intensities: bool = False

    def __post_init__(self) -> None:
        if self.spacing_mm is not None:
            spacing = tuple(None if size is None else float(size) for size in self.spacing_mm)
            if len(spacing) != 3 or any(size is not None and not size > 0 for size in spacing):
                raise ParameterError(
                    f"[resample] spacing_mm is three sizes above 0 (z, y, x), got {spacing}"
                )
            object.__setattr__(self, "spacing_mm", spacing)
        _check_interpolation(self.image_interpolation, "image_interpolation")
        _check_interpolation(self.mask_interpolation, "mask_interpolation")
        if self.mask_interpolation == "cubic":
            raise ParameterError("[resample] mask_interpolation is nearest or linear, not cubic")
        if not 0 < self.mask_threshold <= 1:
            raise ParameterError(
                f"[resample] mask_threshold must be in (0, 1], got {self.mask_threshold}"
            )


def resampled_geometry(
    geometry: Geometry, spacing: tuple[float | None, float | None, float | None]
) -> Geometry:
    """Return the grid of a new voxel size around the same centre (IBSI 3WE3, 026Q, QCY4).

    Parameters
    ----------
    geometry : Geometry
        The grid to cover.
    spacing : tuple of 3 (float or None)
        New voxel size in mm, (z, y, x); None keeps an axis.

    Returns
    -------
    Geometry
        Size is the old extent over the new spacing, rounded up.

    Examples
    --------
    >>> resampled_geometry(Geometry((60, 201, 204), (3.0, 0.977, 0.977)), (2.0, 2.0, 2.0)).shape
    (90, 99, 100)
    """
    old = np.array(geometry.spacing)
    new = np.array([o if n is None else n for n, o in zip(spacing, old, strict=True)])
    size_old = np.array(geometry.shape)
    # 204 × 0.5 / 1.0 style products must not gain a voxel by float error.
    size_new = np.ceil(np.round(size_old * old / new, 6)).astype(int)
    first = (size_old - 1 - (new / old) * (size_new - 1)) / 2
    origin = geometry.to_patient(first)
    return Geometry(
        tuple(size_new.tolist()), tuple(new.tolist()), tuple(origin.tolist()), geometry.direction
    )


def resample_image(
    image: Image, like: Geometry, *, interpolation: Interpolation = "linear"
) -> Image:
    """Interpolate an image on another grid; outside the image its edge value is repeated.

    Parameters
    ----------
    image : Image
        Intensities.
    like : Geometry
        The target grid, of any size and orientation.
    interpolation : {"nearest", "linear", "cubic"}, default "linear"
        Cubic is a cubic B-spline through the voxel values.

    Returns
    -------
    Image
        float64 intensities (the input's dtype for "nearest") on `like`.
    """
    _check_interpolation(interpolation, "image_interpolation")
    return Image(_interpolate(image.array, image.geometry, like, interpolation), like, image.unit)


def resample_mask(
    mask: Mask,
    like: Geometry,
    *,
    interpolation: Interpolation = "linear",
    threshold: float = 0.5,
) -> Mask:
    """Interpolate a mask on another grid and keep voxels that are at least `threshold` inside.

    Parameters
    ----------
    mask : Mask
        The region.
    like : Geometry
        The target grid, usually the image's.
    interpolation : {"nearest", "linear"}, default "linear"
        IBSI asks for linear.
    threshold : float, default 0.5
        Smallest fraction inside that counts (IBSI E8H9).

    Returns
    -------
    Mask
        The region on `like`; voxels of `like` outside the mask's own grid are never inside.
    """
    _check_interpolation(interpolation, "mask_interpolation")
    inside = np.zeros(like.shape, dtype=bool)
    where = _reach(mask, like)
    if where is None:
        return Mask(inside, like, mask.roi, mask.origin)
    box = like.crop(tuple(part.start for part in where), tuple(p.stop - p.start for p in where))
    values = _interpolate(mask.array, mask.geometry, box, interpolation)
    if interpolation == "nearest":
        inside[where] = values
    else:
        # 0.4999999 is a half that float arithmetic missed.
        inside[where] = np.round(values, 6) >= threshold
    inside[where] &= covered_voxels(mask.geometry, box)
    return Mask(inside, like, mask.roi, mask.origin)


def _check_interpolation(name: str, key: str) -> None:
    if name not in INTERPOLATIONS:
        raise ParameterError(
            f"[resample] {key} is {name!r}{did_you_mean(str(name), INTERPOLATIONS)}"
        )


def _interpolate(
    array: np.ndarray, source: Geometry, target: Geometry, interpolation: Interpolation
) -> np.ndarray:
    if source == target:
        return array if interpolation == "nearest" else array.astype(np.float64)
    if not np.allclose(source.direction, target.direction, rtol=0, atol=1e-6):
        return _interpolate_oblique(array, source, target, interpolation)
    first = source.to_index(target.to_patient(np.zeros(3)))
    steps = np.array(target.spacing) / np.array(source.spacing)
    positions = [
        np.round(first[axis] + steps[axis] * np.arange(target.shape[axis]), 8) for axis in range(3)
    ]
    array, positions = _window(array, positions, interpolation)
    # The axis that loses most voxels goes first; the order must not depend on a crop.
    order = sorted(range(3), key=lambda axis: -steps[axis])
    weigh = _WEIGHTS[interpolation]
    for axis in order:
        if interpolation == "cubic":
            array = _cubic(array, positions[axis], axis)
        else:
            array = _weighted(array, positions[axis], axis, weigh)
    return array


def _window(
    array: np.ndarray, positions: list[np.ndarray], interpolation: Interpolation
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cut off what no target voxel depends on; a view."""
    reach = _SPLINE_REACH + 2 if interpolation == "cubic" else 2
    parts, moved = [], []
    for position, size in zip(positions, array.shape, strict=True):
        start = int(np.clip(np.floor(position[0]) - reach, 0, size - 1))
        stop = int(np.clip(np.floor(position[-1]) + reach + 1, start + 1, size))
        parts.append(slice(start, stop))
        moved.append(position - start)
    return array[tuple(parts)], moved


def _weighted(
    array: np.ndarray, position: np.ndarray, axis: int, weigh: Callable[..., list]
) -> np.ndarray:
    """Sum of neighbours along one axis, weights from `weigh`, edge value outside."""
    last = array.shape[axis] - 1
    result: np.ndarray | None = None
    shape = [1, 1, 1]
    shape[axis] = -1
    for index, weight in weigh(position):
        taken = np.take(array, np.clip(index, 0, last), axis=axis)
        if weight is None:
            return taken
        if not weight.any():
            continue
        term = taken * weight.reshape(shape)
        result = term if result is None else np.add(result, term, out=result)
    assert result is not None
    return result


def _nearest_weights(position: np.ndarray) -> list[tuple[np.ndarray, None]]:
    # Half-way goes up, on every axis and platform.
    return [(np.floor(position + 0.5).astype(np.intp), None)]


def _linear_weights(position: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    low = np.floor(position)
    part = np.round(position - low, 8)
    index = low.astype(np.intp)
    return [(index, 1.0 - part), (index + 1, part)]


def _cubic_weights(position: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    low = np.floor(position)
    t = np.round(position - low, 8)
    index = low.astype(np.intp)
    return [
        (index - 1, (1 - t) ** 3 / 6),
        (index, (3 * t**3 - 6 * t**2 + 4) / 6),
        (index + 1, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6),
        (index + 2, t**3 / 6),
    ]


_WEIGHTS: dict[str, Callable[..., list]] = {
    "nearest": _nearest_weights,
    "linear": _linear_weights,
    "cubic": _cubic_weights,
}


def _cubic(array: np.ndarray, position: np.ndarray, axis: int) -> np.ndarray:
    """Cubic B-spline along one axis, the edge value repeated before the prefilter."""
    low = int(np.floor(position[0])) - _SPLINE_REACH
    high = int(np.floor(position[-1])) + _SPLINE_REACH + 2
    index = np.clip(np.arange(low, high + 1), 0, array.shape[axis] - 1)
    padded = np.take(array, index, axis=axis).astype(np.float64)
    coefficients = ndimage.spline_filter1d(padded, 3, axis=axis, mode="mirror")
    return _weighted(coefficients, position - low, axis, _cubic_weights)


def _interpolate_oblique(
    array: np.ndarray, source: Geometry, target: Geometry, interpolation: Interpolation
) -> np.ndarray:
    """Interpolate between grids that are turned against each other, slice by slice."""
    order = {"nearest": 0, "linear": 1, "cubic": 3}[interpolation]
    values = array if interpolation == "nearest" else array.astype(np.float64)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    coefficients = values
    if interpolation == "cubic":
        coefficients = ndimage.spline_filter(
            np.pad(values, _SPLINE_REACH, mode="edge"), 3, mode="mirror"
        )
    result = np.empty(target.shape, dtype=values.dtype)
    rows, columns = np.meshgrid(*map(np.arange, target.shape[1:]), indexing="ij")
    last = np.array(source.shape) - 1
    for z in range(target.shape[0]):
        index = np.stack([np.full(rows.shape, z), rows, columns], axis=-1)
        found = np.clip(np.round(source.to_index(target.to_patient(index)), 8), 0, last)
        if interpolation == "cubic":
            found = found + _SPLINE_REACH
        result[z] = ndimage.map_coordinates(
            coefficients, np.moveaxis(found, -1, 0), order=order, prefilter=False, mode="nearest"
        )
    return result.astype(array.dtype) if interpolation == "nearest" else result


def _reach(mask: Mask, like: Geometry) -> tuple[slice, slice, slice] | None:
    """Box of `like` that can touch the region; None when it cannot."""
    boxes = ndimage.find_objects(mask.array.astype(np.uint8))
    if not boxes or boxes[0] is None:
        return None
    ends = np.array([[part.start - 1.0, part.stop] for part in boxes[0]])
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    found = like.to_index(mask.geometry.to_patient(corners))
    low = np.clip(np.floor(found.min(axis=0)), 0, like.shape).astype(int)
    high = np.clip(np.ceil(found.max(axis=0)) + 1, 0, like.shape).astype(int)
    if np.any(low >= high):
        return None
    return tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))  # type: ignore[return-value]  # three axes


def covered_voxels(source: Geometry, target: Geometry) -> np.ndarray:
    """Say which voxel centres of a grid lie within the voxels of another.

    Parameters
    ----------
    source, target : Geometry
        Voxels of `source` cover, those of `target` are covered.

    Returns
    -------
    ndarray of bool, shape ``target.shape``
    """
    last = np.array(source.shape) - 0.5
    if np.allclose(source.direction, target.direction, rtol=0, atol=1e-6):
        first = source.to_index(target.to_patient(np.zeros(3)))
        steps = np.array(target.spacing) / np.array(source.spacing)
        inside = []
        for axis in range(3):
            position = first[axis] + steps[axis] * np.arange(target.shape[axis])
            # A grid rounded up to whole voxels may reach half a new voxel beyond the old one.
            slack = 1e-6 + max(0.0, (steps[axis] - 1) / 2)
            inside.append((position >= -0.5 - slack) & (position <= last[axis] + slack))
        return inside[0][:, None, None] & inside[1][None, :, None] & inside[2][None, None, :]
    index = np.stack(np.meshgrid(*map(np.arange, target.shape), indexing="ij"), axis=-1)
    found = source.to_index(target.to_patient(index))
    return np.all((found >= -0.5 - 1e-6) & (found <= last + 1e-6), axis=-1)
