"""Several images of a patient as one: brought onto one grid and one scale, then fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pywt
from scipy import ndimage

from radtool.errors import GeometryError, InputError, did_you_mean
from radtool.image import Geometry, Image, Mask, check_same_grid
from radtool.preprocessing.fusion_settings import Fusion, FusionImage
from radtool.preprocessing.resample import (
    Interpolation,
    covered_voxels,
    resample_image,
    resample_mask,
)

__all__ = ["fuse"]

# Full width at half maximum of a Gaussian, in standard deviations.
_FWHM = 2.3548200450309493
_SUPPORT = 4
# Voxels around a crop that a cubic spline still feels.
_SPLINE = 26


def fuse(images: Mapping[str, Image], settings: Fusion, region: Mask | None = None) -> Image:
    """Fuse registered images of one patient.

    Nothing is registered here: the images must lie right in patient coordinates.

    Parameters
    ----------
    images : mapping of str to Image
        By modality; each on its own grid.
    settings : Fusion
        Which of them, in which order, and how.
    region : Mask, optional
        On the grid of the reference. Every image must cover it; needed for statistics of the
        region and for a margin around it.

    Returns
    -------
    Image
        float64, "a.u.", on the reference's grid, or on the part of it around the region; 0 to 1,
        or slightly beyond with wavelets. What an image does not cover gets nothing from it.

    Raises
    ------
    InputError
        An image is missing, flat, not finite, or below 0 where a root is taken; the region is
        empty or missing.
    GeometryError
        Two images do not overlap (the message says how far apart they are), one does not cover
        the region, or the region is not on the reference's grid.

    References
    ----------
    M. Vallières et al., A radiomics model from joint FDG-PET and MRI texture features for the
    prediction of lung metastases in soft-tissue sarcomas of the extremities, Physics in Medicine
    and Biology, 2015 (wavelet fusion; docs/preprocessing.md says what differs).

    Examples
    --------
    >>> ct = Image(np.array([[[0.0, 50.0, 100.0]]]), Geometry((1, 1, 3)), "HU")
    >>> pet = Image(np.array([[[8.0, 0.0, 8.0]]]), Geometry((1, 1, 3)), "SUVbw")
    >>> parts = (FusionImage(modality="CT"), FusionImage(modality="PET", weight=3.0))
    >>> fuse({"CT": ct, "PET": pet}, Fusion(images=parts)).array.tolist()
    [[[0.75, 0.125, 1.0]]]
    """
    given = [_given(images, one.modality) for one in settings.images]
    grid, box = given[0].geometry, region
    if region is not None:
        check_same_grid(given[0], region)
        if region.is_empty:
            raise InputError(f"mask {region.roi!r} is empty")
        grid = _around(region, settings.margin_mm)
        box = resample_mask(region, grid)
    elif settings.needs_region:
        raise InputError(
            "the fusion needs a mask on the reference: statistics are of the region, or margin_mm"
            " is given"
        )
    covers = [covered_voxels(one.geometry, grid) for one in given]
    for image, modality, cover in zip(given, settings.images, covers, strict=True):
        _check_cover(given[0], image, (settings, modality), cover, box)
    common = np.logical_and.reduce(covers)
    if settings.statistics == "region" and box is not None:
        common &= box.array
    if not common.any():
        raise GeometryError(
            f"no voxel is covered by all of {[one.modality for one in settings.images]}; register"
            " the images first"
        )
    scaled = [
        np.where(cover, _scaled(image, grid, one, settings.interpolation, common), 0.0)
        for image, one, cover in zip(given, settings.images, covers, strict=True)
    ]
    weights = _shares([one.weight for one in settings.images])
    if settings.method == "weighted" or max(grid.shape) == 1:
        return Image(_sum(scaled, weights), grid)
    return Image(_wavelet_fused(scaled, weights, settings), grid)


def _given(images: Mapping[str, Image], modality: str) -> Image:
    if modality not in images:
        raise InputError(f"there is no image {modality!r} to fuse{did_you_mean(modality, images)}")
    return images[modality]


def _around(region: Mask, margin_mm: float | None) -> Geometry:
    """Part of the grid that is fused."""
    grid = region.geometry
    if margin_mm is None:
        return grid
    reach = np.ceil(margin_mm / np.array(grid.spacing) - 1e-6).astype(int)
    places = np.argwhere(region.array)
    low = np.maximum(places.min(axis=0) - reach, 0)
    high = np.minimum(places.max(axis=0) + reach + 1, grid.shape)
    start, size = low.tolist(), (high - low).tolist()
    return grid.crop((start[0], start[1], start[2]), (size[0], size[1], size[2]))


def _check_cover(
    reference: Image,
    image: Image,
    wanted: tuple[Fusion, FusionImage],
    cover: np.ndarray,
    region: Mask | None,
) -> None:
    settings, one = wanted
    first = settings.images[0].modality
    if not cover.any():
        gap = _gap_mm(reference.geometry, image.geometry)
        raise GeometryError(
            f"images {first!r} and {one.modality!r} do not overlap where they are fused: their"
            f" boxes are {gap:.3g} mm apart in patient coordinates; register them first, or check"
            " that both are of the same patient and position"
        )
    if region is None:
        return
    inside = int(np.count_nonzero(region.array))
    found = int(np.count_nonzero(region.array & cover))
    if found < settings.minimum_cover * inside:
        voxel = region.geometry.voxel_volume / 1000
        raise GeometryError(
            f"image {one.modality!r} covers {found / inside:.1%} of mask {region.roi!r}"
            f" ({found * voxel:.3g} of {inside * voxel:.3g} mL), minimum_cover is"
            f" {settings.minimum_cover:.0%}; register the images, or leave the case out"
        )


def _gap_mm(one: Geometry, other: Geometry) -> float:
    """Distance between the boxes of two grids along the patient's axes; 0 when they touch."""
    ends = []
    for grid in (one, other):
        outer = np.stack(np.meshgrid(*[(-0.5, n - 0.5) for n in grid.shape]), axis=-1)
        corners = grid.to_patient(outer.reshape(-1, 3))
        ends.append((corners.min(axis=0), corners.max(axis=0)))
    apart = np.maximum(ends[0][0] - ends[1][1], ends[1][0] - ends[0][1])
    return float(np.linalg.norm(np.maximum(apart, 0)))


def _scaled(
    image: Image, grid: Geometry, one: FusionImage, how: Interpolation, where: np.ndarray
) -> np.ndarray:
    """Resample an image onto the grid and map its window onto 0 to 1."""
    values = _brought(image, grid, how)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise InputError(f"{bad} voxel(s) of image {one.modality!r} are NaN or infinite; repair it")
    low, high = one.window or np.percentile(values[where], one.percentiles).tolist()
    if not high > low:
        raise InputError(
            f"image {one.modality!r} is {low:g} {image.unit} all over; there is nothing to fuse"
        )
    values = np.clip(values, low, high)
    if one.transform == "sqrt":
        if low < 0:
            raise InputError(
                f"transform 'sqrt' of image {one.modality!r} needs intensities of 0 or more, they"
                f" begin at {low:g} {image.unit}; give a window, or leave the transform out"
            )
        values, low, high = np.sqrt(values), np.sqrt(low), np.sqrt(high)
    scaled = (values - low) / (high - low)
    return 1.0 - scaled if one.invert else scaled


def _brought(image: Image, grid: Geometry, how: Interpolation) -> np.ndarray:
    """Values on another grid; a coarser grid gets smoothed values, which do not alias."""
    source = image.geometry
    if source.matches(grid):
        return image.array.astype(np.float64)
    turn = np.abs(source.direction_matrix.T @ grid.direction_matrix)[::-1, ::-1]
    step, own = turn @ np.array(grid.spacing), np.array(source.spacing)
    # a thousandth of a voxel coarser is the same voxel
    sigma = np.sqrt(np.where(step > 1.001 * own, step**2 - own**2, 0.0)) / _FWHM / own
    part = _near(image, grid, np.ceil(_SUPPORT * sigma).astype(int) + 2)
    if sigma.any():
        smooth = ndimage.gaussian_filter(
            part.array.astype(np.float64), sigma.tolist(), mode="nearest", truncate=_SUPPORT
        )
        part = part.with_array(smooth)
    return resample_image(part, grid, interpolation=how).array.astype(np.float64)


def _near(image: Image, grid: Geometry, margin: np.ndarray) -> Image:
    """Part of an image that a grid needs."""
    found = image.geometry.to_index(grid.corners())
    last = np.array(image.array.shape)
    low = np.clip(np.floor(found.min(axis=0)).astype(int) - margin - _SPLINE, 0, last - 1)
    high = np.clip(np.ceil(found.max(axis=0)).astype(int) + margin + _SPLINE + 1, low + 1, last)
    start, stop = low.tolist(), high.tolist()
    window = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    size = (high - low).tolist()
    part = image.geometry.crop((start[0], start[1], start[2]), (size[0], size[1], size[2]))
    return Image(image.array[window], part, image.unit)


def _shares(weights: Sequence[float]) -> np.ndarray:
    return np.array(weights) / np.sum(weights)


def _sum(arrays: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    total = weights[0] * arrays[0]
    for weight, array in zip(weights[1:], arrays[1:], strict=True):
        total += weight * array
    return total


def _wavelet_fused(
    arrays: Sequence[np.ndarray], weights: np.ndarray, settings: Fusion
) -> np.ndarray:
    """Fuse wavelet coefficients; axes with a single voxel are not decomposed."""
    axes = [axis for axis, size in enumerate(arrays[0].shape) if size > 1]
    shapes, details = [], []
    parts = list(arrays)
    for _ in range(settings.levels):
        shapes.append(parts[0].shape)
        bands = [pywt.dwtn(part, settings.wavelet, mode="symmetric", axes=axes) for part in parts]
        rest = "a" * len(axes)
        parts = [band.pop(rest) for band in bands]
        details.append(
            {key: _fused_band([b[key] for b in bands], settings) for key in sorted(bands[0])}
        )
    fused = _sum(_tamed(parts, settings.outlier_sigma), weights)
    for shape, bands_of_level in zip(reversed(shapes), reversed(details), strict=True):
        found = pywt.idwtn(
            {**bands_of_level, rest: fused}, settings.wavelet, mode="symmetric", axes=axes
        )
        fused = found[tuple(slice(size) for size in shape)]
    return fused


def _fused_band(bands: Sequence[np.ndarray], settings: Fusion) -> np.ndarray:
    bands = _tamed(bands, settings.outlier_sigma)
    weights = _shares(settings.detail_weights)
    if settings.details == "weighted":
        return _sum(bands, weights)
    stacked = np.stack(bands)
    sizes = np.abs(stacked) * weights[:, None, None, None]
    return np.take_along_axis(stacked, sizes.argmax(axis=0)[None], axis=0)[0]


def _tamed(bands: Sequence[np.ndarray], sigma: float | None) -> list[np.ndarray]:
    """Replace coefficients that stand out of their band by those of the reference."""
    if sigma is None:
        return list(bands)
    kept = [bands[0]]
    for band in bands[1:]:
        odd = np.abs(band - band.mean()) > sigma * band.std()
        kept.append(np.where(odd, bands[0], band))
    return kept
