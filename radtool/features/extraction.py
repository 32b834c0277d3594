"""Image and mask to one row of features (IBSI convention)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.features.glcm import glcm_features
from radtool.features.histogram import histogram_features
from radtool.features.levels import Levels
from radtool.features.morphology import morphology_features
from radtool.features.neighbourhoods import neighbourhood_features
from radtool.features.parameters import Parameters
from radtool.features.peaks import peak_features
from radtool.features.pyradiomics.engine import extract_pyradiomics
from radtool.features.pyradiomics.parameters import PyradiomicsParameters
from radtool.features.runs import glrlm_features
from radtool.features.statistics import statistics
from radtool.features.volume_histogram import volume_histogram_features
from radtool.features.zones import border_distance, zone_features
from radtool.image import Image, Mask, check_same_grid
from radtool.preprocessing.discretise import discretise
from radtool.preprocessing.resample import resample_image, resample_mask, resampled_geometry
from radtool.preprocessing.resegment import resegment, resegmentation_limits

__all__ = ["extract"]

# Spheres of 1 cm³ (radius 6.2 mm) around the region's voxels must find the image around it.
_MARGIN_MM = 7.0
_MOST_LEVELS = 5000


def extract(image: Image, mask: Mask, params: Parameters | PyradiomicsParameters) -> pd.Series:
    """Extract the features of one region.

    Parameters
    ----------
    image : Image
        Intensities.
    mask : Mask
        The region, on the same grid.
    params : Parameters or PyradiomicsParameters
        How, and in which convention (see `load_params`).

    Returns
    -------
    Series of float64
        Named ``original_<family>_<feature>[_<aggregation>][_<discretisation>]``; the aggregation is
        left out for the volume as a whole with merged directions. NaN where a feature is not
        defined for the region. In the pyradiomics convention, see `extract_pyradiomics`.

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    InputError
        The region is empty or too small, an intensity is not finite, or the bins are far too many.
    """
    if isinstance(params, PyradiomicsParameters):
        return extract_pyradiomics(image, mask, params)
    check_same_grid(image, mask)
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty")
    image, region = _on_common_grid(image, mask, params)
    values = image.array[region.array]
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise InputError(f"{bad} voxel(s) in mask {mask.roi!r} are not finite (NaN or infinite)")
    inside = resegment(image, region, params.resegment)
    _check_size(region, inside, params)
    found: dict[str, float] = {}
    _whole_region(found, image, region, inside, params)
    for settings in params.discretise:
        limits = resegmentation_limits(values, params.resegment)
        lower = limits[0] if params.resegment.lower is not None else None
        levels = discretise(image, inside, settings, lower=lower)
        if levels.max() > _MOST_LEVELS:
            raise InputError(
                f"[discretise] {settings.token} gives {levels.max()} grey levels in mask"
                f" {mask.roi!r} ({values.min():g} to {values.max():g}); choose wider bins"
            )
        _texture(found, levels, region.array, params, settings.token)
    return pd.Series(found, dtype=np.float64)


def _on_common_grid(image: Image, mask: Mask, params: Parameters) -> tuple[Image, Mask]:
    """Resample what lies around the region; the same voxels as if everything were resampled."""
    spacing = params.resample.spacing_mm
    whole = image.geometry if spacing is None else resampled_geometry(image.geometry, spacing)
    corners = np.array([[k.min(), k.max()] for k in np.nonzero(mask.array)], dtype=float).T
    points = mask.geometry.to_patient(corners)
    ends = np.sort(whole.to_index(points), axis=0)
    edge = np.array(image.geometry.spacing) + _MARGIN_MM
    reach = np.ceil(edge / np.array(whole.spacing))
    start = np.clip(np.floor(ends[0] - reach), 0, None).astype(int)
    stop = np.minimum(np.ceil(ends[1] + reach).astype(int) + 1, whole.shape)
    grid = whole.crop(tuple(start.tolist()), tuple((stop - start).tolist()))
    if spacing is None:
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        return (
            Image(image.array[box].astype(np.float64), grid, image.unit),
            Mask(mask.array[box], grid, mask.roi, mask.origin),
        )
    moved = resample_image(image, grid, interpolation=params.resample.image_interpolation)
    if params.resample.round_intensities:
        moved = moved.with_array(np.rint(moved.array))
    return moved, resample_mask(
        mask,
        grid,
        interpolation=params.resample.mask_interpolation,
        threshold=params.resample.mask_threshold,
    )


def _check_size(region: Mask, inside: Mask, params: Parameters) -> None:
    needed = params.minimum_voxels
    for what, mask in (("after resampling", region), ("within the re-segmentation range", inside)):
        n = int(np.count_nonzero(mask.array))
        if n < needed:
            raise InputError(
                f"mask {region.roi!r} has {n} voxel(s) ({mask.volume_ml:.3g} mL) {what};"
                f" {needed} are needed"
            )


def _whole_region(
    found: dict[str, float], image: Image, region: Mask, inside: Mask, params: Parameters
) -> None:
    spacing = image.geometry.spacing
    values = image.array[inside.array]
    families = params.families
    if "morph" in families:
        _put(found, "morph", morphology_features(region.array, image.array, inside.array, spacing))
    if "loc" in families:
        _put(found, "loc", peak_features(image.array, inside.array, spacing))
    if "stat" in families:
        _put(found, "stat", statistics(values))
    if "ivh" in families:
        settings = params.resegment
        limits = (
            -np.inf if settings.lower is None else settings.lower,
            np.inf if settings.upper is None else settings.upper,
        )
        _put(found, "ivh", volume_histogram_features(values, params.volume_histogram, limits))


def _texture(
    found: dict[str, float], array: np.ndarray, region: np.ndarray, params: Parameters, token: str
) -> None:
    families = params.families
    box = tuple(slice(int(k.min()), int(k.max()) + 1) for k in np.nonzero(region))
    levels, region = Levels(np.ascontiguousarray(array[box])), region[box]
    if "ih" in families:
        _put(found, "ih", histogram_features(levels.array[levels.array > 0]), token)
    for aggregation in params.aggregation.pairs:
        tail = _tail("" if aggregation == "3d_merge" else aggregation, token)
        if "glcm" in families:
            _put(found, "glcm", glcm_features(levels, aggregation), tail)
        if "glrlm" in families:
            _put(found, "glrlm", glrlm_features(levels, aggregation), tail)
    for aggregation in params.aggregation.zones:
        tail = _tail("" if aggregation == "3d" else aggregation, token)
        if {"glszm", "gldzm"} & set(families):
            distance = border_distance(region, 3 if aggregation == "3d" else 2)
            sizes, distances = zone_features(levels, distance, aggregation)
            _put(found, "glszm", sizes, tail, wanted=families)
            _put(found, "gldzm", distances, tail, wanted=families)
        if {"ngtdm", "ngldm"} & set(families):
            tones, dependences = neighbourhood_features(levels, aggregation)
            _put(found, "ngtdm", tones, tail, wanted=families)
            _put(found, "ngldm", dependences, tail, wanted=families)


def _tail(aggregation: str, token: str) -> str:
    return "_".join(part for part in (aggregation, token) if part)


def _put(
    found: dict[str, float],
    family: str,
    values: dict[str, float],
    tail: str = "",
    *,
    wanted: tuple[str, ...] | None = None,
) -> None:
    if wanted is not None and family not in wanted:
        return
    for name, value in values.items():
        found["_".join(part for part in ("original", family, name, tail) if part)] = value
