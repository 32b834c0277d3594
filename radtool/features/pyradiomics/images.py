"""The image types of pyradiomics, each cut to the region's box."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator

import numpy as np

from radtool.features.pyradiomics.parameters import PyradiomicsSettings
from radtool.features.pyradiomics.preparing import Prepared
from radtool.filters import (
    Exponential,
    Filter,
    Gradient,
    LocalBinaryPattern2D,
    LocalBinaryPattern3D,
    Logarithm,
    Square,
    SquareRoot,
)
from radtool.filters.recursive import recursive_laplacian
from radtool.filters.stationary import bands_one_by_one, stationary_bands
from radtool.image import Geometry, Image

__all__ = ["derived_images", "left_out_images"]

logger = logging.getLogger(__name__)
Named = Iterator[tuple[str, Callable[[], np.ndarray]]]
Maker = Callable[[Prepared, PyradiomicsSettings], Named]


def derived_images(kind: str, prepared: Prepared, settings: PyradiomicsSettings) -> Named:
    """Yield the images of one image type, with pyradiomics' names.

    Parameters
    ----------
    kind : str
        "Original", "LoG", "Wavelet", ….
    prepared : Prepared
        Image and region.
    settings : PyradiomicsSettings
        With the overrides of this image type.

    Yields
    ------
    name : str
        "original", "log-sigma-3-0-mm-3D", "wavelet-LLH", ….
    made : callable
        Returns the intensities in the region's box, an ndarray.
    """
    yield from _MAKERS[kind](prepared, settings)


def left_out_images(kind: str, prepared: Prepared, settings: PyradiomicsSettings) -> list[str]:
    """Images of one type that pyradiomics leaves out because of the image's size, with why."""
    if kind != "LoG":
        return []
    return [
        f"{_log_name(sigma)} left out: the image is too small for this filter"
        for sigma in settings.sigma
        if _is_too_small(prepared, sigma)
    ]


def _original(prepared: Prepared, settings: PyradiomicsSettings) -> Named:
    yield "original", _cut(prepared.image.array, prepared)


def _laplacians(prepared: Prepared, settings: PyradiomicsSettings) -> Named:
    image = prepared.image
    for sigma in settings.sigma:
        if _is_too_small(prepared, sigma):
            logger.warning("LoG with sigma %s mm left out: the image is too small", sigma)
            continue
        settled = (image.array, sigma, image.geometry.spacing, prepared.box)
        yield _log_name(sigma), functools.partial(recursive_laplacian, *settled)


def _log_name(sigma: float) -> str:
    return f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"


def _is_too_small(prepared: Prepared, sigma: float) -> bool:
    needed = np.maximum(np.ceil(sigma / np.array(prepared.image.geometry.spacing)) + 1, 4)
    return bool((np.array(prepared.image.array.shape) < needed).any())


def _wavelets(prepared: Prepared, settings: PyradiomicsSettings) -> Named:
    axes = tuple(axis for axis in (2, 1, 0) if axis != settings.flat_axis)
    lowest = "L" * len(axes)
    data = prepared.image.array
    for _ in range(settings.start_level):
        data = stationary_bands(data, settings.wavelet, axes)[lowest]
    for number in range(1, settings.level + 1):
        prefix = "wavelet" if number == 1 else f"wavelet{number}"
        for band, response in bands_one_by_one(data, settings.wavelet, axes):
            if band == lowest:
                approximation = response
            else:
                yield f"{prefix}-{band}", _cut(response, prepared)
        data = approximation
    yield f"{prefix}-{lowest}", _cut(data, prepared)


def _pointwise(maker: type[Square | SquareRoot | Logarithm | Exponential]) -> Maker:
    def make(prepared: Prepared, settings: PyradiomicsSettings) -> Named:
        array = prepared.image.array
        peak = max(abs(float(array.min())), abs(float(array.max())))
        part = Image(array[prepared.box], _box_geometry(prepared))
        yield maker.kind, functools.partial(maker(peak=peak).response, part)

    return make


def _gradient(prepared: Prepared, settings: PyradiomicsSettings) -> Named:
    gradient = Gradient(per_mm=settings.gradient_use_spacing)
    yield "gradient", functools.partial(_response, gradient, prepared)


def _patterns_2d(prepared: Prepared, settings: PyradiomicsSettings) -> Named:
    pattern = LocalBinaryPattern2D(
        radius_voxels=settings.lbp_2d_radius,
        samples=settings.lbp_2d_samples,
        method=settings.lbp_2d_method,  # type: ignore[arg-type]
        axis=settings.force_2d_dimension,
    )
    yield "lbp-2D", functools.partial(_response, pattern, prepared)


def _patterns_3d(prepared: Prepared, settings: PyradiomicsSettings) -> Named:
    pattern = LocalBinaryPattern3D(
        levels=settings.lbp_3d_levels,
        radius_voxels=settings.lbp_3d_icosphere_radius,
        subdivision=settings.lbp_3d_icosphere_subdivision,
    )
    values = pattern.values_at(prepared.image.array, prepared.inside)
    inside = prepared.inside[prepared.box]
    for column in range(values.shape[1]):
        response = np.zeros(inside.shape)
        response[inside] = values[:, column]
        is_last = column == settings.lbp_3d_levels
        name = "lbp-3D-k" if is_last else f"lbp-3D-m{column + 1}"
        yield name, functools.partial(np.asarray, response)


def _cut(array: np.ndarray, prepared: Prepared) -> Callable[[], np.ndarray]:
    return functools.partial(array.__getitem__, prepared.box)


def _response(filtering: Filter, prepared: Prepared) -> np.ndarray:
    return filtering.response(prepared.image)[prepared.box]


def _box_geometry(prepared: Prepared) -> Geometry:
    z, y, x = prepared.box
    shape = (z.stop - z.start, y.stop - y.start, x.stop - x.start)
    return prepared.image.geometry.crop((z.start, y.start, x.start), shape)


_MAKERS: dict[str, Maker] = {
    "Original": _original,
    "LoG": _laplacians,
    "Wavelet": _wavelets,
    "Square": _pointwise(Square),
    "SquareRoot": _pointwise(SquareRoot),
    "Logarithm": _pointwise(Logarithm),
    "Exponential": _pointwise(Exponential),
    "Gradient": _gradient,
    "LBP2D": _patterns_2d,
    "LBP3D": _patterns_3d,
}
