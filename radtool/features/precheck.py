"""Before an extraction: how many bins each region will fill, and what memory a case needs."""

from __future__ import annotations

import functools
import math

import numpy as np
import pandas as pd

from radtool.errors import InputError, RadtoolError
from radtool.features.cohort import mask_of
from radtool.features.deep import check_models
from radtool.features.levels import bounding_box
from radtool.features.parameters import Parameters
from radtool.features.pyradiomics import PyradiomicsParameters
from radtool.features.region import needed_voxels
from radtool.features.workers import Case, Outcome, outcomes_of
from radtool.image import Image, Mask
from radtool.io import read_image
from radtool.preprocessing.intensity_step import apply_steps
from radtool.preprocessing.resegment import resegmentation_limits
from radtool.table import Failure, check_manifest

__all__ = ["FEWEST_BINS", "MOST_BINS", "preflight"]

FEWEST_BINS, MOST_BINS = 16, 128
"""Fewer blur texture, more leave most voxels a level of their own; IBSI prescribes no number."""
# Measured: an interpreter with its libraries, and arrays of the crop that exist at the same time.
_LIBRARIES_MB = 320.0
_ARRAYS = 12


def preflight(
    manifest: pd.DataFrame,
    params: Parameters | PyradiomicsParameters,
    *,
    jobs: int | None = None,
) -> tuple[pd.DataFrame, list[Failure]]:
    """Look at every case before it is extracted.

    Parameters
    ----------
    manifest : DataFrame
        See `radtool.features.extract_cohort`.
    params : Parameters or PyradiomicsParameters
        How features will be extracted.
    jobs : int, optional
        Processes at a time.

    Returns
    -------
    table : DataFrame
        One row a case: ``case_id``, ``voxels`` and ``volume_ml`` of the mask as drawn, ``minimum``
        and ``maximum`` intensity in the re-segmentation range, ``bins`` (of the unfiltered image,
        the first discretisation; from the intensities as stored, so that interpolation may still
        move it by a few), ``memory_mb`` (rough, of one process) and ``warning`` ("" or what to
        look at).
    failures : list of Failure
        Cases that cannot be read.

    Raises
    ------
    InputError, MissingPartError
        A network of the parameters cannot be opened.
    """
    if isinstance(params, Parameters):
        check_models(params.deep)
    rows, failures = [], []
    run = functools.partial(_looked_at, params=params)
    for case, outcome in outcomes_of(check_manifest(manifest).to_dict("records"), jobs, run):
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            rows.append({"case_id": case["case_id"], **outcome})
    return pd.DataFrame(rows), failures


def _looked_at(case: Case, params: Parameters | PyradiomicsParameters) -> Outcome:
    try:
        image = read_image(case["image"])
        if not str(case["mask"]):
            raise InputError(f"case {case['case_id']!r} has no mask in the manifest")
        mask = mask_of(case, params, image.geometry)
        values = _values(image, mask, params)
    except RadtoolError as error:
        return Failure.of(str(case["case_id"]), "preflight", error, str(case["image"]))
    low, high = float(values.min()), float(values.max())
    bins = _bins(low, high, params)
    return {
        "voxels": int(np.count_nonzero(mask.array)),
        "volume_ml": mask.volume_ml,
        "minimum": low,
        "maximum": high,
        "bins": bins,
        "memory_mb": _memory_mb(image, mask, params),
        "warning": _warning(bins, low, high),
    }


def _values(image: Image, mask: Mask, params: Parameters | PyradiomicsParameters) -> np.ndarray:
    """Intensities of the region that will be binned."""
    if isinstance(params, Parameters):
        values = apply_steps(params.intensity_steps, image).array[mask.array].astype(np.float64)
        low, high = resegmentation_limits(values, params.resegment)
    else:
        values = image.array[mask.array].astype(np.float64)
        settings, (low, high) = params.settings, (-math.inf, math.inf)
        if settings.normalize:
            whole = image.array
            values = (values - whole.mean()) / whole.std(ddof=1) * settings.normalize_scale
        if settings.resegment_range is not None and settings.resegment_mode == "absolute":
            low, high = min(settings.resegment_range), max(settings.resegment_range)
    if not np.isfinite(values).all():
        raise InputError(f"mask {mask.roi!r} holds intensities that are NaN or infinite")
    kept = values[(values >= low) & (values <= high)]
    if kept.size == 0:
        raise InputError(
            f"mask {mask.roi!r} has no intensity from {low:g} to {high:g}, the range to keep"
        )
    return kept


def _bins(low: float, high: float, params: Parameters | PyradiomicsParameters) -> int:
    """Bins from the lowest to the highest that occurs."""
    if isinstance(params, PyradiomicsParameters):
        if params.settings.bin_count is not None:
            return params.settings.bin_count
        width, start = float(params.settings.bin_width), 0.0
    else:
        way = next(iter(params.discretise), None)
        if way is None or way.method == "none":
            return int(high - low) + 1
        if way.bin_number is not None:
            return way.bin_number
        assert way.bin_width is not None
        width = way.bin_width
        lower = way.lower if way.lower is not None else params.resegment.lower
        start = low if lower is None else lower
    return math.floor((high - start) / width) - math.floor((low - start) / width) + 1


def _warning(bins: int, low: float, high: float) -> str:
    if FEWEST_BINS <= bins <= MOST_BINS:
        return ""
    if low == high:
        return f"all intensities are {low:g}"
    few = bins < FEWEST_BINS
    return (
        f"{bins} bins between {low:g} and {high:g}; {'narrower' if few else 'wider'} bins would"
        f" give {FEWEST_BINS} to {MOST_BINS}"
    )


def _memory_mb(image: Image, mask: Mask, params: Parameters | PyradiomicsParameters) -> float:
    if isinstance(params, Parameters):
        voxels = needed_voxels(image.geometry, mask, params)
    else:
        settings = params.settings
        box = bounding_box(mask.array)
        sizes = np.array([part.stop - part.start for part in box], dtype=float)
        if settings.resampled_pixel_spacing is not None:
            wanted = np.array(settings.resampled_pixel_spacing[::-1], dtype=float)
            spacing = np.array(image.geometry.spacing)
            sizes *= spacing / np.where(wanted == 0, spacing, wanted)
        elif not settings.pre_crop:
            sizes = np.array(image.array.shape, dtype=float)
        voxels = int(np.prod(sizes + 2 * settings.pad_distance))
    return _LIBRARIES_MB + (image.array.nbytes + mask.array.nbytes + _ARRAYS * 8 * voxels) / 1e6
