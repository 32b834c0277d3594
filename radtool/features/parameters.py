"""What a parameter file may say: every key, every default, hashed into every output."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.features.glcm import AGGREGATIONS
from radtool.features.pyradiomics.parameters import (
    PyradiomicsParameters,
    is_pyradiomics_file,
    parse_pyradiomics,
)
from radtool.features.volume_histogram import VolumeHistogram
from radtool.files import hash_of
from radtool.preprocessing.discretise import Discretise
from radtool.preprocessing.resample import Resample
from radtool.preprocessing.resegment import Resegment
from radtool.settings import parse_settings, read_yaml

__all__ = ["FAMILY_ORDER", "ZONE_AGGREGATIONS", "Aggregation", "Parameters", "load_params"]

FAMILY_ORDER = (
    "morph", "loc", "stat", "ih", "ivh", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm",
)  # fmt: skip
ZONE_AGGREGATIONS = ("2d", "25d", "3d")


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
        for key, allowed in (("pairs", AGGREGATIONS), ("zones", ZONE_AGGREGATIONS)):
            for name in getattr(self, key):
                if name not in allowed:
                    raise ParameterError(
                        f"[aggregation] {key}: {name!r}{did_you_mean(name, allowed)}"
                    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """How to extract features (IBSI convention).

    Parameters
    ----------
    convention : {"ibsi"}
        Names and definitions.
    resample, resegment, volume_histogram, aggregation
        See their classes.
    discretise : tuple of Discretise
        One or more ways to make grey levels; each gives its own texture features.
    families : tuple of str
        Which feature families: morph, loc, stat, ih, ivh, glcm, glrlm, glszm, gldzm, ngtdm, ngldm.
    minimum_voxels : int, default 8
        Regions with fewer voxels after resampling and re-segmentation are refused.
    """

    convention: Literal["ibsi"] = "ibsi"
    resample: Resample = field(default_factory=Resample)
    resegment: Resegment = field(default_factory=Resegment)
    discretise: tuple[Discretise, ...] = ()
    volume_histogram: VolumeHistogram = field(default_factory=VolumeHistogram)
    aggregation: Aggregation = field(default_factory=Aggregation)
    families: tuple[str, ...] = FAMILY_ORDER
    minimum_voxels: int = 8

    def __post_init__(self) -> None:
        for name in self.families:
            if name not in FAMILY_ORDER:
                raise ParameterError(f"families: {name!r}{did_you_mean(name, FAMILY_ORDER)}")
        textured = set(self.families) - {"morph", "loc", "stat", "ivh"}
        if textured and not self.discretise:
            raise ParameterError(f"families {sorted(textured)} need [discretise]")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, defaults included."""
        return dataclasses.asdict(self)

    @property
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
        ``"ct_ibsi"`` (shipped), a path to a YAML file, or the plain values themselves. A
        pyradiomics parameter file (YAML or JSON) is recognised by its sections.

    Raises
    ------
    InputError
        There is no such file and no shipped one of that name.
    ParameterError
        A key is unknown (the near name is suggested) or a value is wrong.
    """
    if isinstance(source, Mapping):
        content, name = source, "parameters"
    else:
        path = _found(source)
        content, name = read_yaml(path), path.name
    if is_pyradiomics_file(content):
        return parse_pyradiomics(content)
    return parse_settings(Parameters, content, name)


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
