"""All filters by name: settings from a file, response images, crops that change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.filters.gabor import Gabor
from radtool.filters.gradient import Gradient
from radtool.filters.intensity import Exponential, Logarithm, Square, SquareRoot
from radtool.filters.itk import RecursiveLaplacian
from radtool.filters.laplacian import LaplacianOfGaussian
from radtool.filters.laws import Laws
from radtool.filters.local_binary import LocalBinaryPattern2D, LocalBinaryPattern3D
from radtool.filters.mean import Mean
from radtool.filters.settings import Filter, make_filter
from radtool.filters.spectral import Riesz, Simoncelli
from radtool.filters.stationary import StationaryWavelet
from radtool.filters.wavelet import SeparableWavelet
from radtool.image import Image, Mask, check_same_grid

__all__ = ["FILTERS", "apply_filter", "crop_to_support", "parse_filter"]

FILTERS: dict[str, type[Filter]] = {
    kind.kind: kind
    for kind in (
        Mean,
        LaplacianOfGaussian,
        Laws,
        Gabor,
        SeparableWavelet,
        Simoncelli,
        Riesz,
        Square,
        SquareRoot,
        Logarithm,
        Exponential,
        Gradient,
        LocalBinaryPattern2D,
        LocalBinaryPattern3D,
        RecursiveLaplacian,
        StationaryWavelet,
    )
}


def parse_filter(name: str, mapping: Mapping[str, Any] | None = None) -> Filter:
    """Make filter settings from a name and plain values.

    Parameters
    ----------
    name : str
        A key of `FILTERS`.
    mapping : mapping, optional
        Keys of that filter's settings; what is left out has its default.

    Raises
    ------
    ParameterError
        The filter or a key is unknown (the nearest name is given), a key is missing, or a value
        is not allowed.

    Examples
    --------
    >>> parse_filter("log", {"sigma_mm": 3}).identifier
    'log_sigma_3_mm'
    """
    if name not in FILTERS:
        raise ParameterError(f"there is no filter {name!r}{did_you_mean(name, FILTERS)}")
    return make_filter(FILTERS[name], mapping or {})


def apply_filter(image: Image, settings: Filter) -> Image:
    """Filter an image; the response has the same grid and no physical unit.

    Parameters
    ----------
    image : Image
        Any real intensities; not clipped, not rescaled.
    settings : Filter
        Of `parse_filter` or made directly.

    Returns
    -------
    Image
        Real response; float64 except where a filter's own definition says otherwise.

    Raises
    ------
    InputError
        The image holds NaN or infinite intensities, which a filter would spread.
    """
    kind = image.array.dtype.kind
    if kind not in "buif":
        raise InputError(f"filter {settings.kind!r}: intensities must be real, got {kind!r}")
    if kind == "f" and not np.isfinite(image.array).all():
        bad = int(np.count_nonzero(~np.isfinite(image.array)))
        raise InputError(
            f"filter {settings.kind!r}: {bad} voxel(s) of the image are NaN or infinite and would"
            " spread over their neighbours; repair or mask the image first"
        )
    return Image(settings.response(image), image.geometry)


def crop_to_support(image: Image, mask: Mask, filters: Iterable[Filter] = ()) -> tuple[Image, Mask]:
    """Crop image and mask to the region and the widest support of the filters.

    Inside the mask, every filter gives on the crop what it gives on the whole image.

    Parameters
    ----------
    image, mask : Image, Mask
        On the same grid; the mask is not empty.
    filters : iterable of Filter
        What will be applied.

    Returns
    -------
    Image, Mask
        The inputs themselves when a filter needs the whole image, or when a periodic boundary
        would be reached.

    Raises
    ------
    InputError
        The mask is empty.
    """
    check_same_grid(image, mask)
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty")
    box = [_extent(mask.array, axis) for axis in range(3)]
    start, stop = [low for low, _ in box], [high for _, high in box]
    for settings in filters:
        support = settings.support(image.geometry.spacing)
        if support is None:
            return image, mask
        for axis, (low, high) in enumerate(box):
            size = image.array.shape[axis]
            outside = low - support[axis] < 0 or high + support[axis] > size
            if outside and support[axis] and getattr(settings, "boundary", "") == "periodic":
                return image, mask
            start[axis] = min(start[axis], max(low - support[axis], 0))
            stop[axis] = max(stop[axis], min(high + support[axis], size))
    window = tuple(slice(low, high) for low, high in zip(start, stop, strict=True))
    shape = (stop[0] - start[0], stop[1] - start[1], stop[2] - start[2])
    geometry = image.geometry.crop((start[0], start[1], start[2]), shape)
    return (
        Image(image.array[window], geometry, image.unit),
        Mask(mask.array[window], geometry, mask.roi, mask.origin),
    )


def _extent(inside: np.ndarray, axis: int) -> tuple[int, int]:
    """First index inside and one past the last, along an axis."""
    others = tuple(i for i in range(3) if i != axis)
    found = np.flatnonzero(inside.any(axis=others))
    return int(found[0]), int(found[-1]) + 1
