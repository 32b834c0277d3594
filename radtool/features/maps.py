"""Feature maps: a feature of the small neighbourhood of every voxel, as an image."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from radtool.compiling import telling
from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.features.catalogue import FAMILY_FEATURES, aggregations_of
from radtool.features.extraction import levels_of
from radtool.features.histogram import histogram_features
from radtool.features.levels import Box, bounding_box
from radtool.features.parameters import Aggregation, Neighbourhood, Parameters
from radtool.features.region import Region, prepare
from radtool.features.statistics import statistics
from radtool.features.texture import texture_features
from radtool.filters import apply_filter
from radtool.image import Image, Mask
from radtool.preprocessing.discretise import Discretise
from radtool.preprocessing.resample import resample_image
from radtool.processes import follow_parent

__all__ = ["MapPlan", "feature_maps", "plan_maps"]

Progress = Callable[[int, int, str], None]

_MAPPED = tuple(family for family in FAMILY_FEATURES if family not in ("morph", "loc", "ivh"))
_TILE = 512
_SAMPLE = 48


@dataclasses.dataclass(frozen=True, slots=True)
class _Wanted:
    """One column, taken apart."""

    column: str
    image: str
    family: str
    feature: str
    aggregation: str
    way: Discretise


@dataclasses.dataclass(frozen=True, slots=True)
class _Kernel:
    """What one call computes in a neighbourhood."""

    group: tuple[_Wanted, ...]
    radius: int
    neighbourhood: Neighbourhood


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class MapPlan:
    """Maps that were asked for, ready to be computed; made by `plan_maps`.

    Parameters
    ----------
    columns : tuple of str
        Which features.
    region : Region
        Image and masks on the grid of extraction.
    params : Parameters
        How to process.
    mask : Mask
        The region on the grid of the image, where the maps will lie.
    radius : int
        Of the neighbourhood, in voxels.
    masked : bool
        Whether only voxels of the region count in a neighbourhood.
    """

    columns: tuple[str, ...]
    region: Region
    params: Parameters
    mask: Mask
    radius: int
    masked: bool

    @property
    def voxels(self) -> int:
        """Neighbourhoods to visit for each feature."""
        return int(np.count_nonzero(self.region.inside.array))

    def seconds(self) -> float:
        """Estimate how long `compute` takes in one process, from a few neighbourhoods."""
        total = 0.0
        places = np.argwhere(self.region.inside.array[self._box()])
        sample = places[:: -(-len(places) // _SAMPLE)]
        with telling():
            for kernel in self._kernels():
                values, counted = self._layer(kernel)
                _tile(values, counted, sample[:1], kernel)
                start = time.perf_counter()
                _tile(values, counted, sample, kernel)
                total += (time.perf_counter() - start) / len(sample) * len(places)
        return total

    def compute(
        self, *, jobs: int | None = 1, progress: Progress | None = None
    ) -> dict[str, Image]:
        """Compute the maps, tile by tile.

        Parameters
        ----------
        jobs : int, optional
            Processes at a time, -1 for all cores, None for joblib's own setting; it changes no
            value.
        progress : callable, optional
            Called with (neighbourhoods done, all, "maps: <column>") after every tile; what it
            raises ends the run.

        Returns
        -------
        dict of str to Image
            See `feature_maps`. Nothing is written.
        """
        box = self._box()
        places = np.argwhere(self.region.inside.array[box])
        tiles = [places[start : start + _TILE] for start in range(0, len(places), _TILE)]
        kernels = list(self._kernels())
        maps = {column: np.full(self.region.image.array.shape, np.nan) for column in self.columns}
        done = 0
        with telling():
            for kernel in kernels:
                for tile, found in zip(tiles, self._tiles(tiles, kernel, jobs), strict=True):
                    for one, values in zip(kernel.group, found.T, strict=True):
                        maps[one.column][box][tuple(tile.T)] = values
                    done += len(tile)
                    if progress is not None:
                        total = len(places) * len(kernels)
                        progress(done, total, f"maps: {kernel.group[0].column}")
        return {
            column: _on_grid(values, self.region.image, self.mask)
            for column, values in maps.items()
        }

    def _tiles(
        self, tiles: list[np.ndarray], kernel: _Kernel, jobs: int | None
    ) -> Iterable[np.ndarray]:
        values, counted = self._layer(kernel)
        if jobs == 1:
            return (_tile(values, counted, tile, kernel) for tile in tiles)
        import joblib

        return joblib.Parallel(n_jobs=jobs, return_as="generator")(
            joblib.delayed(_tile)(values[slab], counted[slab], moved, kernel)
            for slab, moved in (_slab(tile, self.radius) for tile in tiles)
        )

    def _kernels(self) -> Iterator[_Kernel]:
        """Columns that the same calls give."""
        found: dict[tuple[str, str, str, Discretise], list[_Wanted]] = {}
        for column in self.columns:
            one = _taken_apart(column, self.params)
            found.setdefault((one.image, one.family, one.aggregation, one.way), []).append(one)
        for group in found.values():
            yield _Kernel(tuple(group), self.radius, self.params.neighbourhood)

    def _box(self) -> Box:
        """The region and its neighbourhoods."""
        box = bounding_box(self.region.inside.array)
        grown = [slice(max(part.start - self.radius, 0), part.stop + self.radius) for part in box]
        return grown[0], grown[1], grown[2]

    def _layer(self, kernel: _Kernel) -> tuple[np.ndarray, np.ndarray]:
        """Intensities or grey levels in the box, and which voxels count."""
        one = kernel.group[0]
        made = self.params.images[one.image].made
        response = self.region.image
        if made is not None:
            response = apply_filter(response, made)
        box = self._box()
        array, inside = response.array[box], self.region.inside.array[box]
        counted = inside if self.masked else np.ones(inside.shape, dtype=bool)
        if one.family == "stat":
            return np.where(counted, array, 0.0), counted
        lower = self.params.resegment.lower if made is None else None
        return _levels(array, inside, counted, one.way, lower), counted


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
    so that they mean the same everywhere. `plan_maps` takes the same arguments, says beforehand
    how long it takes, and computes in several processes.

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
    return plan_maps(image, mask, params, columns, radius=radius, masked=masked).compute()


def plan_maps(
    image: Image,
    mask: Mask,
    params: Parameters,
    columns: Sequence[str],
    *,
    radius: int = 1,
    masked: bool = True,
) -> MapPlan:
    """Check what maps are wanted and prepare the region; see `feature_maps`.

    Returns
    -------
    MapPlan
        ``plan.voxels`` and ``plan.seconds()`` say what it costs, ``plan.compute(jobs=,
        progress=)`` gives the maps.
    """
    if not 1 <= radius <= 10:
        raise ParameterError(f"radius must be 1 to 10 voxels, got {radius}")
    for column in columns:
        _taken_apart(column, params)
    region = prepare(image, mask, params)
    mask = dataclasses.replace(mask, geometry=image.geometry)
    return MapPlan(tuple(dict.fromkeys(columns)), region, params, mask, radius, masked)


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


def _levels(
    array: np.ndarray,
    inside: np.ndarray,
    counted: np.ndarray,
    way: Discretise,
    lower: float | None,
) -> np.ndarray:
    """Grey levels of the region; voxels around it fall into the region's first or last bin."""
    own = array[inside]
    values = np.clip(array[counted], own.min(), own.max())
    if way.method == "none" and not np.array_equal(values, array[counted]):
        raise InputError("intensities around the region are no grey levels; use masked=True")
    levels = np.zeros(array.shape, dtype=np.int32)
    levels[counted] = levels_of(values, way, lower, "around the region")
    return levels


def _slab(places: np.ndarray, radius: int) -> tuple[slice, np.ndarray]:
    """Slices that some places and their neighbourhoods lie in, and the places there."""
    first = max(int(places[0, 0]) - radius, 0)
    return slice(first, int(places[-1, 0]) + radius + 1), places - [first, 0, 0]


def _tile(
    values: np.ndarray, counted: np.ndarray, places: np.ndarray, kernel: _Kernel
) -> np.ndarray:
    """Features (one column each) of the neighbourhoods of some places (one row each)."""
    follow_parent()
    radius = kernel.radius
    result = np.empty((len(places), len(kernel.group)))
    for row, (z, y, x) in enumerate(places.tolist()):
        box = (
            slice(max(z - radius, 0), z + radius + 1),
            slice(max(y - radius, 0), y + radius + 1),
            slice(max(x - radius, 0), x + radius + 1),
        )
        found = _features(values[box], counted[box], kernel.group[0], kernel.neighbourhood)
        result[row] = [found[one.feature] for one in kernel.group]
    return result


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


def _on_grid(values: np.ndarray, grid: Image, mask: Mask) -> Image:
    """Put a map on the image's own grid; NaN outside the region as given."""
    found = Image(values, grid.geometry)
    if grid.geometry != mask.geometry:
        found = resample_image(found, mask.geometry, interpolation="nearest")
        found = found.with_array(np.where(mask.array, found.array, np.nan))
    return found
