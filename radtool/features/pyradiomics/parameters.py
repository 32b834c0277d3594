"""pyradiomics parameter files: recognised, checked and kept under pyradiomics' own meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pywt

from radtool.errors import ParameterError, did_you_mean
from radtool.features.pyradiomics.names import CLASSES, DEPRECATED, SILENT
from radtool.files import hash_of

__all__ = [
    "IMAGE_TYPES",
    "PyradiomicsParameters",
    "PyradiomicsSettings",
    "is_pyradiomics_file",
    "parse_pyradiomics",
]

_SECTIONS = ("setting", "voxelSetting", "imageType", "featureClass")
_VOXEL_KEYS = ("kernelRadius", "maskedKernel", "initValue", "voxelBatch")
IMAGE_TYPES = (
    "Exponential", "Gradient", "LBP2D", "LBP3D", "LoG", "Logarithm", "Original", "Square",
    "SquareRoot", "Wavelet",
)  # fmt: skip
INTERPOLATORS = (
    "sitkNearestNeighbor", "sitkLinear", "sitkBSpline", "sitkGaussian", "sitkLabelGaussian",
    "sitkHammingWindowedSinc", "sitkCosineWindowedSinc", "sitkWelchWindowedSinc",
    "sitkLanczosWindowedSinc", "sitkBlackmanWindowedSinc",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class PyradiomicsSettings:
    """The settings of pyradiomics 3.0.1, its defaults, in snake case.

    docs/pyradiomics.md says what each does; `_KEYS` gives the key of the parameter file.
    """

    minimum_roi_dimensions: int = 2
    minimum_roi_size: int | None = None
    geometry_tolerance: float | None = None
    correct_mask: bool = False
    additional_info: bool = True
    label: int = 1
    label_channel: int = 0
    bin_width: float = 25
    bin_count: int | None = None
    normalize: bool = False
    normalize_scale: float = 1
    remove_outliers: float | None = None
    resampled_pixel_spacing: tuple[float, ...] | None = None
    interpolator: str | None = "sitkBSpline"
    pad_distance: int = 5
    distances: tuple[int, ...] = (1,)
    force_2d: bool = False
    force_2d_dimension: int = 0
    resegment_range: tuple[float, ...] | None = None
    resegment_mode: str = "absolute"
    resegment_shape: bool = False
    pre_crop: bool = False
    sigma: tuple[float, ...] = ()
    start_level: int = 0
    level: int = 1
    wavelet: str = "coif1"
    gradient_use_spacing: bool = True
    lbp_2d_radius: float = 1
    lbp_2d_samples: int = 8
    lbp_2d_method: str = "uniform"
    lbp_3d_levels: int = 2
    lbp_3d_icosphere_radius: float = 1
    lbp_3d_icosphere_subdivision: int = 1
    voxel_array_shift: float = 0
    symmetrical_glcm: bool = True
    weighting_norm: str | None = None
    gldm_a: int = 0

    @property
    def flat_axis(self) -> int | None:
        """Array axis (0 is z) that texture does not cross, or None in 3D."""
        return self.force_2d_dimension if self.force_2d else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PyradiomicsParameters:
    """What a pyradiomics parameter file asks for.

    Parameters
    ----------
    settings : PyradiomicsSettings
        General settings.
    image_types : mapping
        Image type -> the settings with that type's own overrides, in the file's order.
    features : mapping
        Class -> names of features in the file's order; all of the class where it names none.
    raw : mapping
        The file's content, as hashed into outputs.
    """

    settings: PyradiomicsSettings
    image_types: Mapping[str, PyradiomicsSettings]
    features: Mapping[str, tuple[str, ...]]
    raw: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Hash of the file's content."""
        return hash_of(self.raw)

    def to_dict(self) -> dict[str, Any]:
        """Return the file's content, marked with its convention; `parse_pyradiomics` reads it."""
        return {"convention": "pyradiomics", **self.raw}

    @property
    def label(self) -> int:
        """Value of the region in a mask file."""
        return self.settings.label


def is_pyradiomics_file(mapping: Mapping[str, Any]) -> bool:
    """Whether a parameter file's content is pyradiomics': it has one of its sections.

    Examples
    --------
    >>> is_pyradiomics_file({"setting": {"binWidth": 25}})
    True
    """
    named = mapping.get("convention") == "pyradiomics"
    return named or any(section in mapping for section in _SECTIONS)


def parse_pyradiomics(mapping: Mapping[str, Any]) -> PyradiomicsParameters:
    """Read the content of a pyradiomics parameter file; nothing in it is ignored.

    Parameters
    ----------
    mapping : mapping
        Sections ``setting``, ``voxelSetting``, ``imageType`` and ``featureClass``.

    Raises
    ------
    ParameterError
        A section, key, value, image type, class or feature that pyradiomics does not have; the
        nearest name is given.
    """
    mapping = {key: value for key, value in mapping.items() if key != "convention"}
    for section in mapping:
        if section not in _SECTIONS:
            raise ParameterError(
                f"pyradiomics parameters have no section {section!r}"
                f"{did_you_mean(section, _SECTIONS)}"
            )
    for key in _section(mapping, "voxelSetting"):
        if key not in _VOXEL_KEYS:
            raise ParameterError(f"voxelSetting has no key {key!r}{did_you_mean(key, _VOXEL_KEYS)}")
    general = _updated(PyradiomicsSettings(), _section(mapping, "setting"), "setting")
    wanted = _section(mapping, "imageType") or {"Original": {}}
    images = {}
    for name, own in wanted.items():
        if name not in IMAGE_TYPES:
            raise ParameterError(
                f"there is no image type {name!r}{did_you_mean(name, IMAGE_TYPES)}"
            )
        images[name] = _updated(general, own or {}, f"imageType {name}")
    classes = _section(mapping, "featureClass") or dict.fromkeys(CLASSES)
    features = {name: _features(name, names) for name, names in classes.items()}
    return PyradiomicsParameters(
        settings=general, image_types=images, features=features, raw=mapping
    )


def _section(mapping: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    content = mapping.get(name) or {}
    if not isinstance(content, Mapping):
        raise ParameterError(f"section {name!r} must hold keys and values, got {content!r}")
    return content


def _features(name: str, names: Any) -> tuple[str, ...]:
    if name not in CLASSES:
        raise ParameterError(f"there is no feature class {name!r}{did_you_mean(name, CLASSES)}")
    if not names:
        return CLASSES[name]
    if not isinstance(names, list | tuple):
        raise ParameterError(f"featureClass {name} must be a list of features, got {names!r}")
    given = CLASSES[name] + DEPRECATED.get(name, ())
    silent = SILENT.get(name, ())
    for feature in names:
        if feature not in given + silent:
            raise ParameterError(
                f"featureClass {name} has no feature {feature!r}{did_you_mean(feature, given)}"
            )
    return tuple(dict.fromkeys(feature for feature in names if feature not in silent))


def _updated(
    settings: PyradiomicsSettings, mapping: Mapping[str, Any], where: str
) -> PyradiomicsSettings:
    changes: dict[str, Any] = {}
    for key, value in mapping.items():
        if key not in _KEYS:
            raise ParameterError(f"{where} has no key {key!r}{did_you_mean(key, _KEYS)}")
        field, check = _KEYS[key]
        if value is None:
            changes[field] = None if field in _MAY_BE_NONE else getattr(_DEFAULTS, field)
            continue
        try:
            changes[field] = check(value)
        except (TypeError, ValueError) as error:
            raise ParameterError(f"{where}: {key} cannot be {value!r}: {error}") from error
    return dataclasses.replace(settings, **changes)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it must be true or false")
    return value


def _number(minimum: float = float("-inf"), *, above: bool = False) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError("it must be a number")
        if value < minimum or (above and value == minimum):
            raise ValueError(f"it must be {'above' if above else 'at least'} {minimum:g}")
        return value

    return check


def _whole(minimum: float = float("-inf"), maximum: float = float("inf")) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError("it must be a whole number")
        if not minimum <= value <= maximum:
            raise ValueError(f"it must be {minimum:g} to {maximum:g}")
        return value

    return check


def _several(check: Callable[[Any], Any], *lengths: int) -> Callable[[Any], tuple[Any, ...]]:
    def check_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise TypeError("it must be a list")
        if lengths and len(value) not in lengths:
            raise ValueError(f"it must have {' or '.join(map(str, lengths))} numbers")
        return tuple(check(item) for item in value)

    return check_all


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"unknown{did_you_mean(str(value), allowed)}")
        return value

    return check


def _interpolator(value: Any) -> str:
    """A name, or its number in ITK's list (1 is the nearest neighbour)."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10:
        return INTERPOLATORS[value - 1]
    return _one_of(*INTERPOLATORS)(value)


_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "minimumROIDimensions": ("minimum_roi_dimensions", _whole(1, 3)),
    "minimumROISize": ("minimum_roi_size", _whole(1)),
    "geometryTolerance": ("geometry_tolerance", _number(0, above=True)),
    "correctMask": ("correct_mask", _boolean),
    "additionalInfo": ("additional_info", _boolean),
    "label": ("label", _whole(1)),
    "label_channel": ("label_channel", _whole(0)),
    "binWidth": ("bin_width", _number(0, above=True)),
    "binCount": ("bin_count", _whole(1)),
    "normalize": ("normalize", _boolean),
    "normalizeScale": ("normalize_scale", _number(0, above=True)),
    "removeOutliers": ("remove_outliers", _number(0, above=True)),
    "resampledPixelSpacing": ("resampled_pixel_spacing", _several(_number(0), 3)),
    "interpolator": ("interpolator", _interpolator),
    "padDistance": ("pad_distance", _whole(0)),
    "distances": ("distances", _several(_whole(1))),
    "force2D": ("force_2d", _boolean),
    "force2Ddimension": ("force_2d_dimension", _whole(0, 2)),
    "resegmentRange": ("resegment_range", _several(_number(), 1, 2)),
    "resegmentMode": ("resegment_mode", _one_of("absolute", "relative", "sigma")),
    "resegmentShape": ("resegment_shape", _boolean),
    "preCrop": ("pre_crop", _boolean),
    "sigma": ("sigma", _several(_number(0, above=True))),
    "start_level": ("start_level", _whole(0)),
    "level": ("level", _whole(1)),
    "wavelet": ("wavelet", _one_of(*pywt.wavelist(kind="discrete"))),
    "gradientUseSpacing": ("gradient_use_spacing", _boolean),
    "lbp2DRadius": ("lbp_2d_radius", _number(0, above=True)),
    "lbp2DSamples": ("lbp_2d_samples", _whole(1)),
    "lbp2DMethod": ("lbp_2d_method", _one_of("default", "ror", "uniform", "var")),
    "lbp3DLevels": ("lbp_3d_levels", _whole(1)),
    "lbp3DIcosphereRadius": ("lbp_3d_icosphere_radius", _number(0, above=True)),
    "lbp3DIcosphereSubdivision": ("lbp_3d_icosphere_subdivision", _whole(0)),
    "voxelArrayShift": ("voxel_array_shift", _number()),
    "symmetricalGLCM": ("symmetrical_glcm", _boolean),
    "weightingNorm": (
        "weighting_norm",
        _one_of("euclidean", "manhattan", "infinity", "no_weighting"),
    ),
    "gldm_a": ("gldm_a", _whole(0)),
}
_DEFAULTS = PyradiomicsSettings()
_MAY_BE_NONE = {
    "minimum_roi_size", "geometry_tolerance", "bin_count", "remove_outliers",
    "resampled_pixel_spacing", "interpolator", "resegment_range", "weighting_norm",
}  # fmt: skip
