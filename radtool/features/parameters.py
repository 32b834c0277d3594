"""What a parameter file may say: every key, every default, hashed into every output."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.features.catalogue import FAMILY_FEATURES, PAIR_AGGREGATIONS, ZONE_AGGREGATIONS
from radtool.features.deep import DeepModel, placed
from radtool.features.levels import Norm
from radtool.features.pyradiomics.parameters import (
    PyradiomicsParameters,
    is_pyradiomics_file,
    parse_pyradiomics,
)
from radtool.features.volume_histogram import VolumeHistogram
from radtool.files import hash_of, read_json
from radtool.filters import Filter, parse_filter
from radtool.preprocessing.discretise import Discretise
from radtool.preprocessing.intensity_step import IntensityStep, intensity_step_from_dict
from radtool.preprocessing.resample import Resample
from radtool.preprocessing.resegment import Resegment
from radtool.settings import parse_settings, read_yaml

__all__ = ["Aggregation", "ImageType", "Neighbourhood", "Parameters", "load_params"]

_DISCRETISED = ("ih", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
_ORIGINAL_ONLY = ("morph", "loc")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """How texture matrices of slices and directions become one value.

    Parameters
    ----------
    pairs : tuple of str
        For GLCM and GLRLM: 2d_avg, 2d_merge, 25d_avg, 25d_merge, 3d_avg, 3d_merge.
    zones : tuple of str
        For GLSZM, GLDZM, NGTDM and NGLDM: 2d, 25d, 3d.
    """

    pairs: tuple[str, ...] = ("3d_merge",)
    zones: tuple[str, ...] = ("3d",)

    def __post_init__(self) -> None:
        _check_known("[aggregation] pairs", self.pairs, PAIR_AGGREGATIONS)
        _check_known("[aggregation] zones", self.zones, ZONE_AGGREGATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """Which voxels count as neighbours.

    Parameters
    ----------
    pair_distance : int, default 1
        Distance of GLCM pairs in voxels.
    distance : int, default 1
        Reach of the NGTDM and NGLDM neighbourhood in voxels.
    norm : {"chebyshev", "euclidean", "manhattan"}, default "chebyshev"
        How both are measured.
    weighting : {"chebyshev", "euclidean", "manhattan"}, optional
        Weigh merged GLCM and GLRLM directions by exp(-d²), d their length in this norm in voxels.
    dependence_difference : int, default 0
        Largest level difference of a dependent neighbour (IBSI's coarseness alpha of the NGLDM).
    """

    pair_distance: int = 1
    distance: int = 1
    norm: Norm = "chebyshev"
    weighting: Norm | None = None
    dependence_difference: int = 0

    def __post_init__(self) -> None:
        for key in ("pair_distance", "distance"):
            if not 1 <= getattr(self, key) <= 10:
                raise ParameterError(
                    f"[neighbourhood] {key} must be 1 to 10 voxels, got {getattr(self, key)}"
                )
        if self.dependence_difference < 0:
            raise ParameterError(
                "[neighbourhood] dependence_difference must be 0 or more,"
                f" got {self.dependence_difference}"
            )


@dataclass(frozen=True, kw_only=True)
class ImageType:
    """One image that features are taken from: the resampled one, or a filter's response to it.

    Parameters
    ----------
    filter : dict, optional
        ``kind`` (see `radtool.filters.FILTERS`) and that filter's keys; None: no filter.
    families : tuple of str, optional
        Which feature families; None: the general ones, without morph and loc for a response.
    discretise : tuple of Discretise, optional
        Other grey levels for this image; None: the general ones. A bin of a fixed size starts at
        the region's minimum in a response.
    """

    filter: dict[str, Any] | None = None
    families: tuple[str, ...] | None = None
    discretise: tuple[Discretise, ...] | None = None

    def __post_init__(self) -> None:
        _check_known("[images] families", self.families or (), FAMILY_FEATURES)
        wrong = sorted(set(self.families or ()) & set(_ORIGINAL_ONLY))
        if wrong and self.filter is not None:
            raise ParameterError(f"[images] families {wrong} are of the unfiltered image only")
        assert self.made is None or isinstance(self.made, Filter)

    @cached_property
    def made(self) -> Filter | None:
        """The filter's settings."""
        if self.filter is None:
            return None
        if "kind" not in self.filter:
            raise ParameterError("[images] filter needs the key 'kind'")
        rest = {key: value for key, value in self.filter.items() if key != "kind"}
        return parse_filter(str(self.filter["kind"]), rest)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How to extract features (IBSI convention).

    Parameters
    ----------
    convention : {"ibsi"}
        Names and definitions.
    normalise : tuple of dict
        Intensity steps on the whole image before anything else: ``step`` (see
        `radtool.preprocessing`) and its keys.
    resample, resegment, volume_histogram, aggregation, neighbourhood
        See their classes.
    discretise : tuple of Discretise
        One or more ways to make grey levels; each gives its own texture features.
    images : dict of str to ImageType
        What features are taken from, by the first part of their names.
    families : tuple of str
        Which feature families: morph, loc, stat, ih, ivh, glcm, glrlm, glszm, gldzm, ngtdm, ngldm.
    features : dict of str to tuple of str
        For a family, the only features wanted; a family that is not named gives all of its own.
    minimum_voxels : int, default 8
        Regions with fewer voxels after resampling and re-segmentation are refused.
    deep : tuple of DeepModel
        Networks whose embeddings become columns beside the features.
    """

    convention: Literal["ibsi"] = "ibsi"
    normalise: tuple[dict[str, Any], ...] = ()
    resample: Resample = field(default_factory=Resample)
    resegment: Resegment = field(default_factory=Resegment)
    discretise: tuple[Discretise, ...] = ()
    volume_histogram: VolumeHistogram = field(default_factory=VolumeHistogram)
    aggregation: Aggregation = field(default_factory=Aggregation)
    neighbourhood: Neighbourhood = field(default_factory=Neighbourhood)
    images: dict[str, ImageType] = field(default_factory=lambda: {"original": ImageType()})
    families: tuple[str, ...] = tuple(FAMILY_FEATURES)
    features: dict[str, tuple[str, ...]] = field(default_factory=dict)
    minimum_voxels: int = 8
    deep: tuple[DeepModel, ...] = ()

    def __post_init__(self) -> None:
        _check_known("families", self.families, FAMILY_FEATURES)
        _check_known("features", tuple(self.features), FAMILY_FEATURES)
        for family, names in self.features.items():
            known = [definition.name for definition in FAMILY_FEATURES[family]]
            _check_known(f"[features] {family}", names, known)
        for name, image in self.images.items():
            if not _IDENTIFIER.fullmatch(name):
                raise ParameterError(
                    f"[images] {name!r} must be letters, digits and underscores: it becomes part"
                    " of column names"
                )
            levelled = set(self.families_of(image)) & set(_DISCRETISED)
            if levelled and not self.discretise_of(image):
                raise ParameterError(f"families {sorted(levelled)} of {name!r} need [discretise]")
        twice = {m.name for m in self.deep if [n.name for n in self.deep].count(m.name) > 1}
        if twice:
            raise ParameterError(f"[deep] two models have the same name: {sorted(twice)}")
        assert all(isinstance(step, IntensityStep) for step in self.intensity_steps)

    @cached_property
    def intensity_steps(self) -> tuple[IntensityStep, ...]:
        """The steps of `normalise`."""
        return tuple(intensity_step_from_dict(step) for step in self.normalise)

    def families_of(self, image: ImageType) -> tuple[str, ...]:
        """Families taken from one image."""
        if image.families is not None:
            return image.families
        left_out = _ORIGINAL_ONLY if image.filter is not None else ()
        return tuple(family for family in self.families if family not in left_out)

    def discretise_of(self, image: ImageType) -> tuple[Discretise, ...]:
        """Ways to make grey levels of one image."""
        return self.discretise if image.discretise is None else image.discretise

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, defaults included.

        A model is its file's name and SHA-256, wherever the file lies; without models there is no
        key ``deep``.
        """
        values = dataclasses.asdict(self)
        models = [{**model, "model": Path(model["model"]).name} for model in values.pop("deep")]
        return {**values, "deep": models} if models else values

    @cached_property
    def sha256(self) -> str:
        """Hash of every setting."""
        return hash_of(self.to_dict())


def load_params(
    source: str | os.PathLike[str] | Mapping[str, Any],
) -> Parameters | PyradiomicsParameters:
    """Read a parameter file, or one that radtool ships, by name.

    Parameters
    ----------
    source : str, path or mapping
        ``"ct_ibsi"`` (shipped), a path to a YAML or JSON file, or the plain values themselves
        (`Parameters.to_dict`). A pyradiomics parameter file is recognised and keeps its meaning.

    Raises
    ------
    InputError
        There is no such file and no shipped one of that name.
    ParameterError
        A key is unknown (the near name is suggested) or a value is wrong.
    """
    if isinstance(source, Mapping):
        return _parsed(source, "parameters")
    path = _found(source)
    content = read_json(path) if path.suffix == ".json" else read_yaml(path)
    if isinstance(content, Mapping) and "deep" in content:
        content = {**content, "deep": placed(content["deep"], path.resolve().parent)}
    return _parsed(content, path.name)


def _parsed(content: Mapping[str, Any], where: str) -> Parameters | PyradiomicsParameters:
    if is_pyradiomics_file(content):
        return parse_pyradiomics(content)
    return parse_settings(Parameters, content, where)


def _found(source: str | os.PathLike[str]) -> Path:
    path = Path(source)
    if path.suffix in (".yaml", ".yml", ".json") or path.exists():
        return path
    shipped = _shipped()
    if path.name not in shipped:
        raise InputError(f"no parameter file {path}{did_you_mean(path.name, shipped)}")
    return shipped[path.name]


def _shipped() -> dict[str, Path]:
    """Parameter files by name: of the checkout, else of the installed package."""
    checkout = Path(__file__).resolve().parents[2] / "params"
    folder = checkout if checkout.is_dir() else Path(str(resources.files("radtool"))) / "params"
    return {file.stem: file for file in sorted(folder.glob("*.yaml")) if file.stem[:7] != "checks_"}


def _check_known(where: str, names: tuple[str, ...], known: Mapping[str, Any] | list[str]) -> None:
    for name in names:
        if name not in known:
            raise ParameterError(f"{where}: {name!r} is unknown{did_you_mean(name, known)}")
