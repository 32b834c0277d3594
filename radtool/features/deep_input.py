"""What a network sees of a region: a crop around it, on a grid and a scale of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.features.levels import bounding_box
from radtool.image import Geometry, Image, Mask, check_same_grid
from radtool.preprocessing.intensity_step import (
    IntensityStep,
    apply_steps,
    intensity_step_from_dict,
)
from radtool.preprocessing.resample import (
    INTERPOLATIONS,
    Interpolation,
    resample_image,
    resample_mask,
)

__all__ = ["DeepInput", "tensor_of"]

View = Literal["slices", "planes", "volume"]
_MOST_VOXELS = 2**27


@dataclass(frozen=True, kw_only=True)
class DeepInput:
    """The crop of an image around a region that a network takes.

    The image is first turned to the patient's axes (z towards the head, y towards the back, x
    towards the left; without interpolation), so that the way it is stored changes nothing.

    Parameters
    ----------
    size : tuple of 3 int
        Voxels of the crop, (z, y, x).
    view : {"slices", "planes", "volume"}, default "volume"
        "slices": the slice in which the region is largest (the lowest of equals) and its
        neighbours, z of them in all, as the channels of a picture (y, x): one is 2D, three are
        2.5D. "planes": the axial, coronal and sagittal plane through the middle of a cubic crop
        (voxel n // 2 of n), as three channels. "volume": the crop itself (z, y, x).
    spacing_mm : tuple of 3 (float or None), optional
        Voxel size of the crop in mm, (z, y, x). None in a place, or for all: the image's own, and
        then also its own voxels, not moved by a fraction.
    fit_margin_mm : float, optional
        Choose the voxel size instead, the same on all axes, so that the box around the region with
        this margin just fits; in "slices" the distance of the slices stays.
    interpolation : {"nearest", "linear", "cubic"}, default "linear"
        How the image is resampled; beyond the image its edge value is repeated.
    normalise : tuple of dict, optional
        Intensity steps on the whole image first; None: those of the extraction parameters.
    outside : float, optional
        Intensity that voxels outside the region get; None keeps the surroundings.
    window : tuple of 2 float, optional
        Intensities are cut off here and mapped onto 0 to 1.
    channels : int, optional
        How often the only channel is repeated: 3 for a network that was trained on colour. None:
        as many as the view makes.
    mean, sd : tuple of float, default (0,) and (1,)
        Subtracted and divided by last; one number, or one a channel.
    """

    size: tuple[int, int, int]
    view: View = "volume"
    spacing_mm: tuple[float | None, float | None, float | None] | None = None
    fit_margin_mm: float | None = None
    interpolation: Interpolation = "linear"
    normalise: tuple[dict[str, Any], ...] | None = None
    outside: float | None = None
    window: tuple[float, float] | None = None
    channels: int | None = None
    mean: tuple[float, ...] = (0.0,)
    sd: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        self._check_names()
        self._check_grid()
        self._check_scale()
        assert all(isinstance(step, IntensityStep) for step in self.steps or ())

    def _check_names(self) -> None:
        for key, options in (("view", get_args(View)), ("interpolation", INTERPOLATIONS)):
            value = getattr(self, key)
            if value not in options:
                raise ParameterError(f"[deep] {key}: {value!r}{did_you_mean(str(value), options)}")

    def _check_grid(self) -> None:
        if len(self.size) != 3 or min(self.size) < 1 or np.prod(self.size) > _MOST_VOXELS:
            raise ParameterError(
                f"[deep] size is three numbers of voxels (z, y, x), at least 1 each and 2^27 in"
                f" all, got {tuple(self.size)}"
            )
        if self.view == "planes" and len(set(self.size)) > 1:
            raise ParameterError(f"[deep] view 'planes' needs a cubic size, got {self.size}")
        spacing = self.spacing_mm
        if spacing is not None and (
            len(spacing) != 3 or any(edge is not None and not edge > 0 for edge in spacing)
        ):
            raise ParameterError(
                f"[deep] spacing_mm is three sizes above 0 (z, y, x), got {spacing}"
            )
        if self.fit_margin_mm is not None:
            if spacing is not None:
                raise ParameterError("[deep] give either spacing_mm or fit_margin_mm, not both")
            if not self.fit_margin_mm >= 0:
                raise ParameterError(
                    f"[deep] fit_margin_mm must be 0 or more, got {self.fit_margin_mm}"
                )

    def _check_scale(self) -> None:
        made = self._made_channels
        if self.channels is not None and self.channels != made and (made > 1 or self.channels < 1):
            raise ParameterError(
                f"[deep] channels is {self.channels}, but view {self.view!r} makes {made};"
                " only a single channel can be repeated"
            )
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ParameterError(f"[deep] window must rise, got {self.window}")
        for key in ("mean", "sd"):
            values = getattr(self, key)
            if len(values) not in (1, self.shape[1]) or not np.all(np.isfinite(values)):
                raise ParameterError(
                    f"[deep] {key} needs one number or {self.shape[1]}, one a channel; got {values}"
                )
        if not min(self.sd) > 0:
            raise ParameterError(f"[deep] sd must be above 0, got {self.sd}")

    @cached_property
    def steps(self) -> tuple[IntensityStep, ...] | None:
        """The steps of `normalise`; None: those of the extraction parameters."""
        if self.normalise is None:
            return None
        return tuple(intensity_step_from_dict(step) for step in self.normalise)

    @property
    def _made_channels(self) -> int:
        return {"slices": self.size[0], "planes": 3, "volume": 1}[self.view]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor: (1, channels, y, x), or (1, channels, z, y, x) for a volume."""
        channels = self._made_channels if self.channels is None else self.channels
        places = self.size if self.view == "volume" else self.size[1:]
        return (1, channels, *places)


def tensor_of(
    image: Image, mask: Mask, settings: DeepInput, steps: Sequence[IntensityStep] = ()
) -> np.ndarray:
    """Make what a network takes of an image and a region.

    Parameters
    ----------
    image, mask : Image, Mask
        On the same grid.
    settings : DeepInput
        How.
    steps : sequence of IntensityStep
        Used where the settings name none of their own.

    Returns
    -------
    ndarray of float32
        Of ``settings.shape``.

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    InputError
        The region is empty, or the crop holds NaN or infinite intensities.
    """
    check_same_grid(image, mask)
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty")
    image = apply_steps(steps if settings.steps is None else settings.steps, image)
    array, grid = _in_patient_axes(image.array, image.geometry)
    turned = Image(array, grid, image.unit)
    region = Mask(_in_patient_axes(mask.array, mask.geometry)[0], grid, mask.roi)
    crop = _crop_grid(region, settings)
    parts = [_sampled(turned, region, part, settings) for part in _parts(crop, settings)]
    if settings.view == "planes":
        return _scaled(np.stack([part.reshape(settings.size[1:]) for part in parts]), settings)
    return _scaled(parts[0][None] if settings.view == "volume" else parts[0], settings)


def _in_patient_axes(array: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, Geometry]:
    """Reorder and flip the axes of a grid to those of the patient, as near as they come."""
    # rows: patient z, y, x; columns: index z, y, x
    along = geometry.direction_matrix[::-1, ::-1]
    order = max(
        itertools.permutations(range(3)),
        key=lambda axes: sum(abs(along[p, axis]) for p, axis in enumerate(axes)),
    )
    against = [bool(along[p, axis] < 0) for p, axis in enumerate(order)]
    turned = np.flip(array.transpose(order), tuple(p for p in range(3) if against[p]))
    first, direction = np.zeros(3), np.empty((3, 3))
    for p, axis in enumerate(order):
        first[axis] = geometry.shape[axis] - 1 if against[p] else 0
        column = geometry.direction_matrix[:, 2 - axis]
        direction[:, 2 - p] = -column if against[p] else column
    z, y, x = order
    return turned, Geometry(
        (geometry.shape[z], geometry.shape[y], geometry.shape[x]),
        (geometry.spacing[z], geometry.spacing[y], geometry.spacing[x]),
        tuple(geometry.to_patient(first).tolist()),
        tuple(direction.ravel().tolist()),
    )


def _crop_grid(region: Mask, settings: DeepInput) -> Geometry:
    """Grid of the crop around the region."""
    array, grid = region.array, region.geometry
    if settings.view == "slices":
        largest = int(np.argmax(np.count_nonzero(array, axis=(1, 2))))
        inside = bounding_box(array[largest : largest + 1])
        low = np.array([largest, *(part.start for part in inside[1:])], dtype=float)
        high = np.array([largest + 1, *(part.stop for part in inside[1:])], dtype=float)
    else:
        box = bounding_box(array)
        low = np.array([part.start for part in box], dtype=float)
        high = np.array([part.stop for part in box], dtype=float)
    old, size = np.array(grid.spacing), np.array(settings.size)
    new = _spacing(settings, old, (high - low) * old, size)
    first = (low + high - 1) / 2 - new / old * (size - 1) / 2
    # an axis that keeps its spacing keeps its voxels
    first = np.where(new == old, np.floor(first + 0.5), first)
    origin = tuple(grid.to_patient(first).tolist())
    return Geometry(settings.size, tuple(new.tolist()), origin, grid.direction)


def _spacing(
    settings: DeepInput, old: np.ndarray, extent_mm: np.ndarray, size: np.ndarray
) -> np.ndarray:
    if settings.fit_margin_mm is not None:
        fitted = (extent_mm + 2 * settings.fit_margin_mm) / size
        if settings.view == "slices":
            return np.array([old[0], *[fitted[1:].max()] * 2])
        return np.full(3, fitted.max())
    wanted = settings.spacing_mm or (None, None, None)
    return np.array([o if n is None else n for n, o in zip(wanted, old, strict=True)])


def _parts(crop: Geometry, settings: DeepInput) -> list[Geometry]:
    """Boxes of the crop that are sampled: all of it, or its three middle planes."""
    if settings.view != "planes":
        return [crop]
    edge = settings.size[0]
    parts = []
    for axis in range(3):
        start, shape = [0, 0, 0], [edge, edge, edge]
        start[axis], shape[axis] = edge // 2, 1
        parts.append(crop.crop((start[0], start[1], start[2]), (shape[0], shape[1], shape[2])))
    return parts


def _sampled(image: Image, region: Mask, grid: Geometry, settings: DeepInput) -> np.ndarray:
    values = resample_image(image, grid, interpolation=settings.interpolation).array
    values = values.astype(np.float64)
    if settings.outside is not None:
        values[~resample_mask(region, grid).array] = settings.outside
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise InputError(
            f"{bad} of {values.size} voxel(s) around mask {region.roi!r} that the network would"
            " see are NaN or infinite; repair the image"
        )
    return values


def _scaled(values: np.ndarray, settings: DeepInput) -> np.ndarray:
    if settings.window is not None:
        low, high = settings.window
        values = (np.clip(values, low, high) - low) / (high - low)
    tensor = np.broadcast_to(values[None], settings.shape)
    per_channel = (1, -1, *[1] * (len(settings.shape) - 2))
    mean, sd = (np.reshape(of, per_channel) for of in (settings.mean, settings.sd))
    return np.ascontiguousarray((tensor - mean) / sd, dtype=np.float32)
