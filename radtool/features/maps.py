"""Feature maps: a feature of the small neighbourhood of every voxel, as an image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.features._kernels.compiling import telling
from radtool.features.catalogue import FAMILY_FEATURES, aggregations_of
from radtool.features.extraction import levels_of
from radtool.features.histogram import histogram_features
from radtool.features.levels import Box
from radtool.features.parameters import Aggregation, Neighbourhood, Parameters
from radtool.features.region import Region, prepare
from radtool.features.statistics import statistics
from radtool.features.texture import texture_features
from radtool.filters import apply_filter
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing.discretise import Discretise
from radtool.preprocessing.resample import resample_image

__all__ = ["feature_maps"]

_MAPPED = tuple(family for family in FAMILY_FEATURES if family not in ("morph", "loc", "ivh"))


@dataclasses.dataclass(frozen=True, slots=True)
class _Wanted:
    """One column, taken apart."""

    column: str
    image: str
    family: str
    feature: str
    aggregation: str
    way: Discretise


def feature_maps(
    image: Image,
    mask: Mask,
    params: Parameters,
    columns: Sequence[str],
    *,
    radius: int = 1,
    masked: bool = True,
) -> dict[str, Image]:
    """Compute features in the neighbourhood of every voxel of a region.

    Image and mask are processed as for `extract`; grey levels are made once for the whole region,
    so that they mean the same everywhere.

    Parameters
    ----------
    image, mask : Image, Mask
        On the same grid.
    params : Parameters
        How to process, and which images, aggregations and discretisations there are.
    columns : sequence of str
        Feature columns as `extract` names them, of the families stat, ih, glcm, glrlm, glszm,
        gldzm, ngtdm and ngldm.
    radius : int, default 1
        The neighbourhood is a cube of 2 radius + 1 voxels of the grid of extraction.
    masked : bool, default True
        Only voxels of the region count in a neighbourhood; else those around it count too.

    Returns
    -------
    dict of str to Image
        A map for each column on the grid of `image`; NaN outside the region and where the feature
        is not defined. From a resampled grid the nearest value is taken.

    Raises
    ------
    ParameterError
        A column is not one that these parameters give.
    GeometryError, InputError
        See `radtool.features.extract`; grey levels of voxels around the region cannot be made.
    """
    if not 1 <= radius <= 10:
        raise ParameterError(f"radius must be 1 to 10 voxels, got {radius}")
    wanted = [_taken_apart(column, params) for column in columns]
    with telling():
        region = prepare(image, mask, params)
        maps = {
            column: np.full(region.image.array.shape, np.nan) for column in dict.fromkeys(columns)
        }
        for group in _groups(wanted):
            _fill(maps, group, region, params, radius=radius, masked=masked)
    return {
        column: _on_grid(values, region.image, mask, image.geometry)
        for column, values in maps.items()
    }


def _taken_apart(column: str, params: Parameters) -> _Wanted:
    known: dict[str, _Wanted] = {}
    for name, settings in params.images.items():
        for family in _MAPPED:
            ways = (Discretise(),) if family == "stat" else params.discretise_of(settings)
            for way in ways:
                for aggregation in aggregations_of(family):
                    plain = "" if aggregation in ("3d_merge", "3d") else aggregation
                    for feature in FAMILY_FEATURES[family]:
                        parts = (name, family, feature.name, plain, way.token)
                        whole = "_".join(part for part in parts if part)
                        known[whole] = _Wanted(whole, name, family, feature.name, aggregation, way)
    if column not in known:
        raise ParameterError(f"no map of {column!r}{did_you_mean(column, known)}")
    return known[column]


def _groups(wanted: Sequence[_Wanted]) -> Iterator[list[_Wanted]]:
    """Columns that the same calls give."""
    found: dict[tuple[str, str, str, Discretise], list[_Wanted]] = {}
    for one in wanted:
        found.setdefault((one.image, one.family, one.aggregation, one.way), []).append(one)
    yield from found.values()


def _fill(
    maps: dict[str, np.ndarray],
    group: list[_Wanted],
    region: Region,
    params: Parameters,
    *,
    radius: int,
    masked: bool,
) -> None:
    one = group[0]
    made = params.images[one.image].made
    response = region.image if made is None else apply_filter(region.image, made)
    inside = region.inside.array
    counted = inside if masked else np.ones(inside.shape, dtype=bool)
    values = np.where(counted, response.array, 0.0)
    if one.family != "stat":
        values = _levels(response.array, inside, counted, one.way, made is None, params)
    for place, box in _boxes(inside, radius):
        found = _features(values[box], counted[box], one, params.neighbourhood)
        for entry in group:
            maps[entry.column][place] = found[entry.feature]


def _levels(
    array: np.ndarray,
    inside: np.ndarray,
    counted: np.ndarray,
    way: Discretise,
    is_original: bool,  # noqa: FBT001 - as in extraction
    params: Parameters,
) -> np.ndarray:
    """Grey levels of the region; voxels around it fall into the region's first or last bin."""
    lower = params.resegment.lower if is_original else None
    own = array[inside]
    values = np.clip(array[counted], own.min(), own.max())
    if way.method == "none" and not np.array_equal(values, array[counted]):
        raise InputError("intensities around the region are no grey levels; use masked=True")
    levels = np.zeros(array.shape, dtype=np.int32)
    levels[counted] = levels_of(values, way, lower, "around the region")
    return levels


def _boxes(inside: np.ndarray, radius: int) -> Iterator[tuple[tuple[int, int, int], Box]]:
    for z, y, x in np.argwhere(inside).tolist():
        yield (
            (z, y, x),
            (
                slice(max(z - radius, 0), z + radius + 1),
                slice(max(y - radius, 0), y + radius + 1),
                slice(max(x - radius, 0), x + radius + 1),
            ),
        )


def _features(
    values: np.ndarray, counted: np.ndarray, one: _Wanted, neighbourhood: Neighbourhood
) -> dict[str, float]:
    if one.family == "stat":
        return statistics(values[counted])
    if one.family == "ih":
        return histogram_features(values[counted])
    pairs = one.family in ("glcm", "glrlm")
    aggregation = Aggregation(
        pairs=(one.aggregation,) if pairs else (), zones=() if pairs else (one.aggregation,)
    )
    return texture_features(values, counted, (one.family,), aggregation, neighbourhood)[0][2]


def _on_grid(values: np.ndarray, grid: Image, mask: Mask, like: Geometry) -> Image:
    """Put a map on the image's own grid; NaN outside the region as given."""
    found = Image(values, grid.geometry)
    if grid.geometry != like:
        found = resample_image(found, like, interpolation="nearest")
        found = found.with_array(np.where(mask.array, found.array, np.nan))
    return found
