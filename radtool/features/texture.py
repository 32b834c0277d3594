"""All texture families of one set of grey levels, counted once for several aggregations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from radtool.features.glcm import count_cooccurrence, glcm_features
from radtool.features.levels import Levels, Norm, half_neighbourhood, offset_lengths
from radtool.features.neighbourhoods import neighbourhood_features
from radtool.features.parameters import Aggregation, Neighbourhood
from radtool.features.runs import count_run_lengths, glrlm_features
from radtool.features.zones import border_distance, zone_features

__all__ = ["texture_features"]

Named = tuple[str, str, dict[str, float]]


def texture_features(
    array: np.ndarray,
    region: np.ndarray,
    families: Iterable[str],
    aggregation: Aggregation,
    neighbourhood: Neighbourhood,
) -> list[Named]:
    """Return the texture features of a region.

    Parameters
    ----------
    array : ndarray of int32, shape (z, y, x)
        Grey levels from 1; 0 outside the intensity mask.
    region : ndarray of bool, shape (z, y, x)
        Morphological mask; grey-level distance zones are measured from its border.
    families : iterable of str
        Any of glcm, glrlm, glszm, gldzm, ngtdm, ngldm; others are passed over.
    aggregation, neighbourhood
        See their classes.

    Returns
    -------
    list of (family, aggregation, features)
        Aggregations outermost, then families.
    """
    wanted = set(families)
    levels = Levels(
        np.ascontiguousarray(array), max(neighbourhood.pair_distance, neighbourhood.distance)
    )
    found = _pairs(levels, wanted, aggregation.pairs, neighbourhood)
    return found + _zones(levels, region, wanted, aggregation.zones, neighbourhood)


def _pairs(
    levels: Levels, wanted: set[str], aggregations: tuple[str, ...], settings: Neighbourhood
) -> list[Named]:
    distance, norm = settings.pair_distance, settings.norm

    @cache
    def pairs(dimensions: int) -> np.ndarray:
        return count_cooccurrence(levels, dimensions, distance=distance, norm=norm)

    @cache
    def runs(dimensions: int) -> tuple[np.ndarray, np.ndarray]:
        return count_run_lengths(levels, dimensions)

    found: list[Named] = []
    for name in aggregations:
        dimensions = 3 if name.startswith("3d") else 2
        if "glcm" in wanted:
            weights = _weights(half_neighbourhood(dimensions, distance, norm), settings.weighting)
            found.append(("glcm", name, glcm_features(pairs(dimensions), name, weights)))
        if "glrlm" in wanted:
            weights = _weights(half_neighbourhood(dimensions), settings.weighting)
            found.append(("glrlm", name, glrlm_features(*runs(dimensions), name, weights)))
    return found


def _weights(offsets: np.ndarray, norm: Norm | None) -> np.ndarray | None:
    return None if norm is None else np.exp(-(offset_lengths(offsets, norm) ** 2))


def _zones(
    levels: Levels,
    region: np.ndarray,
    wanted: set[str],
    aggregations: tuple[str, ...],
    settings: Neighbourhood,
) -> list[Named]:
    found: list[Named] = []
    for name in aggregations:
        if wanted & {"glszm", "gldzm"}:
            if "gldzm" in wanted:
                distance = border_distance(region, 3 if name == "3d" else 2)
            else:
                distance = np.ones(region.shape, dtype=np.int32)
            sizes, distances = zone_features(levels, distance, name)
            found += [("glszm", name, sizes), ("gldzm", name, distances)]
        if wanted & {"ngtdm", "ngldm"}:
            tones, dependences = neighbourhood_features(
                levels,
                name,
                distance=settings.distance,
                norm=settings.norm,
                alpha=settings.dependence_difference,
            )
            found += [("ngtdm", name, tones), ("ngldm", name, dependences)]
    return [entry for entry in found if entry[0] in wanted]
