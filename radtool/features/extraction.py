"""Image and mask to one row of features."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from radtool.compiling import telling
from radtool.errors import InputError
from radtool.features.catalogue import FAMILY_FEATURES
from radtool.features.deep import deep_features
from radtool.features.histogram import histogram_features
from radtool.features.morphology import morphology_features
from radtool.features.parameters import ImageType, Parameters
from radtool.features.peaks import peak_features
from radtool.features.pyradiomics import PyradiomicsParameters, measure_pyradiomics
from radtool.features.region import Region, cropped, prepare
from radtool.features.statistics import statistics
from radtool.features.texture import texture_features
from radtool.features.threads import results_of
from radtool.features.volume_histogram import volume_histogram_features
from radtool.filters import apply_filter
from radtool.image import Image, Mask
from radtool.preprocessing.discretise import Discretise, discretise_values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Extraction", "extract", "levels_of", "measure"]

_MOST_LEVELS = 2048
# What is left out of a column's name: volume as a whole, directions merged.
_PLAIN = ("3d_merge", "3d")


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """Features of one region, and what one must know about them.

    Parameters
    ----------
    features : Series of float64
        By column name.
    diagnostics : dict
        ``voxels`` (of the intensity mask), ``voxels_morphological``, ``grey_levels`` (the largest,
        over all discretisations) and ``undefined``: which features are NaN, and why ("" when
        none is).
    """

    features: pd.Series
    diagnostics: dict[str, float | str]


def extract(
    image: Image, mask: Mask, params: Parameters | PyradiomicsParameters, *, threads: int = 1
) -> pd.Series:
    """Extract the features of one region.

    Parameters
    ----------
    image : Image
        Intensities.
    mask : Mask
        The region, on the same grid.
    params : Parameters or PyradiomicsParameters
        How (see `load_params`).
    threads : int, default 1
        How many images (original, filtered, …) are measured at a time. The result is the same
        to the last byte; a cohort is faster with one thread a case and several `jobs`.

    Returns
    -------
    Series of float64
        Named ``<image>_<family>_<feature>[_<aggregation>][_<discretisation>]``; the aggregation is
        left out for the volume as a whole with merged directions. NaN where a feature is not
        defined for the region. Embeddings come last, named ``deep_<model>_000``, ….

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    InputError
        The region is empty or too small, an intensity is not finite, the bins are far too many, or
        a network is missing, is not the one that was named, or takes another input.
    MissingPartError
        The parameters name a network, and ONNX Runtime is not installed.
    """
    return measure(image, mask, params, threads=threads).features


def measure(
    image: Image, mask: Mask, params: Parameters | PyradiomicsParameters, *, threads: int = 1
) -> Extraction:
    """Extract the features of one region together with diagnostics; see `extract`."""
    # Sums over threads depend on their number: one thread gives the same bytes everywhere.
    with threadpool_limits(limits=1, user_api="blas"), telling():
        return _measured(image, mask, params, threads)


def _measured(
    image: Image, mask: Mask, params: Parameters | PyradiomicsParameters, threads: int
) -> Extraction:
    if isinstance(params, PyradiomicsParameters):
        return _as_pyradiomics(image, mask, params, threads)
    region = prepare(image, mask, params)
    row = _Row()
    tasks = (
        functools.partial(_measure_image, name, region, params, settings)
        for name, settings in params.images.items()
    )
    for found in results_of(tasks, threads):
        row.values.update(found.values)
        row.grey_levels = max(row.grey_levels, found.grey_levels)
    import pandas as pd

    deep, lost = deep_features(image, mask, params.deep, params.intensity_steps)
    features = pd.Series({**_wanted(row.values, params), **deep}, dtype=np.float64)
    handcrafted = features.drop(list(deep))
    values = region.image.array[region.inside.array]
    why = _undefined(handcrafted, _peculiarity(region.mask.array, values))
    return Extraction(
        features,
        {
            "voxels": float(values.size),
            "voxels_morphological": float(np.count_nonzero(region.mask.array)),
            "grey_levels": float(row.grey_levels),
            "undefined": "; ".join(filter(None, [why, lost])),
        },
    )


def _as_pyradiomics(
    image: Image, mask: Mask, params: PyradiomicsParameters, threads: int
) -> Extraction:
    row = measure_pyradiomics(image, mask, params, threads=threads)
    why = _undefined(row.features, _peculiarity(row.inside, row.values))
    return Extraction(row.features, {"undefined": "; ".join(filter(None, [why, *row.left_out]))})


class _Row:
    """Columns as they are found."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[str, str, float]] = {}
        self.grey_levels = 0

    def put(self, image: str, family: str, found: Mapping[str, float], *tail: str) -> None:
        end = [part for part in tail if part and part not in _PLAIN]
        for name, value in found.items():
            self.values["_".join((image, family, name, *end))] = (family, name, value)


def _wanted(values: Mapping[str, tuple[str, str, float]], params: Parameters) -> dict[str, float]:
    """Columns that were asked for; what IBSI does not standardise only by name."""
    chosen = {
        family: params.features.get(
            family, tuple(feature.name for feature in features if feature.standardised)
        )
        for family, features in FAMILY_FEATURES.items()
    }
    return {
        column: value for column, (family, name, value) in values.items() if name in chosen[family]
    }


def _measure_image(name: str, region: Region, params: Parameters, settings: ImageType) -> _Row:
    row = _Row()
    made = settings.made
    response = region.image if made is None else apply_filter(region.image, made)
    families = params.families_of(settings)
    if "loc" in families:
        spacing = response.geometry.spacing
        row.put(name, "loc", peak_features(response.array, region.inside.array, spacing))
    image, part = cropped(region, response)
    values = image.array[part.inside.array]
    is_response = settings.filter is not None
    lower = None if is_response else params.resegment.lower
    if "morph" in families:
        wanted = params.features.get("morph")
        spacing = image.geometry.spacing
        masks = (part.mask.array, image.array, part.inside.array)
        row.put(name, "morph", morphology_features(*masks, spacing, wanted))
    if "stat" in families:
        row.put(name, "stat", statistics(values))
    if "ivh" in families:
        upper = None if is_response else params.resegment.upper
        limits = (-np.inf if lower is None else lower, np.inf if upper is None else upper)
        found = volume_histogram_features(values, params.volume_histogram, limits)
        row.put(name, "ivh", found, params.volume_histogram.token)
    if not set(families) - {"morph", "loc", "stat", "ivh"}:
        return row
    for way in params.discretise_of(settings):
        levels = levels_of(values, way, lower, part.mask.roi)
        row.grey_levels = max(row.grey_levels, int(levels.max()))
        if "ih" in families:
            row.put(name, "ih", histogram_features(levels), way.token)
        array = np.zeros(image.array.shape, dtype=np.int32)
        array[part.inside.array] = levels
        for family, aggregation, found in texture_features(
            array, part.mask.array, families, params.aggregation, params.neighbourhood
        ):
            row.put(name, family, found, aggregation, way.token)
    return row


def levels_of(values: np.ndarray, way: Discretise, lower: float | None, roi: str) -> np.ndarray:
    """Return grey levels, or raise when there are far too many to count.

    Raises
    ------
    InputError
        See `radtool.preprocessing.discretise_values`; or more than 2048 levels.
    """
    levels = discretise_values(values, way, lower=lower)
    if levels.max() > _MOST_LEVELS:
        raise InputError(
            f"[discretise] {way.token or 'none'} gives {levels.max()} grey levels in mask {roi!r}"
            f" ({values.min():g} to {values.max():g}), more than {_MOST_LEVELS}; choose wider bins,"
            " or check that the intensities have the unit that the bins were made for"
        )
    return levels


def _peculiarity(inside: np.ndarray, values: np.ndarray) -> str:
    """What about a region leaves features undefined."""
    said = []
    if values.size == 1:
        said.append("the region is a single voxel")
    elif values.min() == values.max():
        said.append(f"all intensities are {values[0] + 0.0:g}")
    elif float(values.max()) - float(values.min()) < 1:
        said.append(f"all intensities lie between {values.min():g} and {values.max():g}")
    sizes = [int(np.ptp(where)) + 1 for where in np.nonzero(inside)]
    if 1 in sizes and values.size > 1:
        said.append("the region is one voxel thin")
    return " and ".join(said) or "a denominator is 0"


def _undefined(features: pd.Series, why: str) -> str:
    missing = list(features.index[features.isna()])
    if not missing:
        return ""
    shown = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
    return f"{shown}: {why}" if why else shown
