"""Quality checks as rules of a YAML file, each giving a named finding."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from radtool.curation.naming import fits
from radtool.errors import ParameterError, did_you_mean
from radtool.files import encode
from radtool.io import Finding, Repair
from radtool.settings import read_yaml

__all__ = ["Checks", "Rule", "checks_by_modality", "load_checks"]

Value = str | float | int | None

SECTIONS: dict[str, tuple[str, ...]] = {
    "series": (
        "modality", "image_type", "description", "body_part", "manufacturer", "model",
        "institution", "kernel", "sequence", "scanning_sequence", "contrast", "kvp",
        "tube_current_ma", "exposure_mas", "tr_ms", "te_ms", "flip_angle_deg", "field_strength_t",
        "units", "decay_correction", "weight_kg", "tracer", "dose_mbq", "burned_in",
        "deidentified", "slices", "rows", "columns", "pixel_spacing_mm", "slice_spacing_mm",
        "slice_thickness_mm", "thicknesses", "overlap_mm", "gap_mm", "plane", "oblique_deg",
        "rescale_slope", "rescale_intercept", "lossy", "study_date",
    ),
    "image": (
        "minimum", "maximum", "range", "mean", "percentile_01", "percentile_99", "metal_ml",
        "not_hu", "couch_ml", "objects_ml", "text_in_pixels",
    ),
    "mask": (
        "present", "volume_ml", "voxels", "slices", "slice_gaps", "slice_share", "components",
        "inside_image", "touches_border", "volume_error", "metal_ml", "metal_near_percent",
        "air_percent", "mean",
    ),
    "cohort": ("anomaly",),
}  # fmt: skip
"""Which columns a rule of each section may look at."""

SETTINGS = ("volume", "structure_sets")
"""Sections that hold settings instead of rules."""
POLICIES = ("newest", "refuse")

KEYS = ("allowed", "refused", "min", "max", "required", "action")
MEANINGS = {
    "present": "no mask of a wanted ROI was drawn on this series",
    "components": "the mask is in several pieces",
    "touches_border": "the mask reaches the border of the image",
    "inside_image": "contours reach outside the image; share of points inside",
    "volume_error": "mask and contours differ in volume; relative difference",
    "slice_gaps": "empty slices between the first and the last slice of the mask",
    "slice_share": "the mask covers nearly all slices; share",
    "metal_ml": "metal, mL at 3000 HU or more",
    "metal_near_percent": "metal near the mask, % of the voxels within 20 mm in plane",
    "air_percent": "the mask holds air below -950 HU, %",
    "voxels": "few voxels",
    "not_hu": "the values are no Hounsfield units",
    "objects_ml": "arms or objects beside the body, mL",
    "text_in_pixels": "text in the picture",
    "burned_in": "patient data may be burned into the pixels",
    "thicknesses": "different slice thicknesses in one series",
    "overlap_mm": "slices overlap, mm",
    "gap_mm": "slices leave out tissue between them, mm",
    "oblique_deg": "slices are oblique to the patient, degrees",
    "plane": "slices are not axial",
    "rescale_slope": "RescaleSlope, which turns stored values into HU, is needed",
    "lossy": "lossy compression has changed the values",
    "percentile_01": "the 1st percentile is implausible",
    "percentile_99": "the 99th percentile is implausible",
}
"""What a broken rule means, where the column's name does not say it."""
DEFAULT_FILES = {"CT": "checks_ct.yaml", "MR": "checks_mr.yaml", "PT": "checks_pet.yaml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one column may hold.

    Parameters
    ----------
    column : str
        The column looked at; the name of its findings.
    allowed, refused : tuple of str
        Patterns; a text must fit one of `allowed` (when there are any) and none of `refused`.
    minimum, maximum : float, optional
        Limits of a number, both allowed.
    required : bool, default False
        Whether the value must be there.
    action : {"exclude", "warn"}
        What follows when the rule is broken.
    """

    column: str
    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    action: Literal["exclude", "warn"] = "warn"

    def check(self, value: Value) -> Finding:
        """Return what the rule says about a value: "info" when it holds."""
        problem = self._problem(value)
        if problem is None:
            return Finding(self.column, "info", f"{_shown(value)}")
        severity: Literal["error", "warning"] = "error" if self.action == "exclude" else "warning"
        return Finding(self.column, severity, self._told(value, problem))

    def _told(self, value: Value, problem: str) -> str:
        meaning = MEANINGS.get(self.column)
        if meaning is None:
            return problem
        words = str(value)
        if words.casefold() in ("yes", "no") or (words == "01" and self.column == "lossy"):
            return meaning
        reason = words.removeprefix("yes: ")
        return f"{meaning}: {problem if reason == words else reason}"

    def _problem(self, value: Value) -> str | None:
        if value is None or value == "" or value != value:
            return "not in the header" if self.required else None
        if self.minimum is not None or self.maximum is not None:
            return self._outside(value)
        words = str(value)
        refused = next((one for one in self.refused if fits(words, one)), None)
        if refused is not None:
            return words if refused.casefold() == words.casefold() else f"{words} ({refused})"
        if self.allowed and not any(fits(words, one) for one in self.allowed):
            return f"{words}, allowed: {', '.join(self.allowed)}"
        return None

    def _outside(self, value: Value) -> str | None:
        if not isinstance(value, int | float):
            return f"{value!r} is not a number"
        if self.minimum is not None and value < self.minimum:
            return f"{_shown(value)}, at least {self.minimum:g} is expected"
        if self.maximum is not None and value > self.maximum:
            return f"{_shown(value)}, at most {self.maximum:g} is expected"
        return None


def _shown(value: Value) -> str:
    if value is None or value == "":
        return "not in the header"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Checks:
    """Rules by section.

    Parameters
    ----------
    series, image, mask : tuple of Rule
        Rules about the header, the intensities and each mask.
    cohort : tuple of Rule
        Rules about each mask beside the others of its ROI; these only warn.
    volume : Repair
        What may be done to slices that are not a volume; by default nothing.
    several : {"newest", "refuse"}
        Which of several structure sets or SEGs that hold one ROI of a series is used: the newest
        that is not empty (by date, time, then name), or none.
    """

    series: tuple[Rule, ...] = ()
    image: tuple[Rule, ...] = ()
    mask: tuple[Rule, ...] = ()
    cohort: tuple[Rule, ...] = ()
    volume: Repair = Repair()  # noqa: RUF009 - frozen
    several: Literal["newest", "refuse"] = "newest"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the hash of the settings."""
        return {
            name: [
                encode({key: getattr(rule, key) for key in Rule.__dataclass_fields__})
                for rule in getattr(self, name)
            ]
            for name in SECTIONS
        } | {"volume": asdict(self.volume), "structure_sets": {"several": self.several}}


def load_checks(checks: Mapping[str, Any] | str | os.PathLike[str]) -> Checks:
    """Read quality checks.

    Parameters
    ----------
    checks : mapping or path-like
        Sections "series", "image", "mask", "cohort" of rules by column, "volume" with the keys of
        `Repair`, and "structure_sets" with the key "several"; or a YAML file of them; or the name
        of a file that comes with radtool: "checks_ct", "checks_mr", "checks_pet".

    Raises
    ------
    InputError
        No such file.
    ParameterError
        Not YAML; an unknown section, column or key, or a value of the wrong kind.
    """
    if isinstance(checks, Mapping):
        return _parsed(checks, "checks")
    path = Path(checks)
    shipped = shipped_folder() / path.with_suffix(".yaml").name
    if not path.is_file() and path.parent == Path() and shipped.is_file():
        path = shipped
    return _parsed(read_yaml(path), str(path))


def checks_by_modality(checks: Checks | None) -> Callable[[str], Checks]:
    """Return which checks hold for a modality: those given, or the file that comes with radtool."""
    if checks is not None:
        return lambda _: checks
    return lambda modality: _default_checks().get(modality, Checks())


@functools.cache
def _default_checks() -> dict[str, Checks]:
    return {kind: load_checks(name) for kind, name in DEFAULT_FILES.items()}


def shipped_folder() -> Path:
    """Folder of the settings files that come with radtool."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "params"
    return installed if installed.is_dir() else package.parent / "params"


def _parsed(document: Mapping[str, Any], name: str) -> Checks:
    rules: dict[str, Any] = {}
    for section, columns in document.items():
        if section not in (*SECTIONS, *SETTINGS):
            near = did_you_mean(section, (*SECTIONS, *SETTINGS))
            raise ParameterError(f"{name}: no section {section!r}{near}")
        where = f"{name}: [{section}]"
        if not isinstance(columns, Mapping):
            raise ParameterError(f"{where} needs columns with rules, got {columns!r}")
        if section == "volume":
            rules[section] = Repair.of(columns, where)
            continue
        if section == "structure_sets":
            rules["several"] = _several(columns, where)
            continue
        rules[section] = tuple(
            _rule(section, str(column), rule, where) for column, rule in columns.items()
        )
    return Checks(**rules)


def _several(settings: Mapping[str, Any], where: str) -> str:
    for key in settings:
        if key != "several":
            raise ParameterError(f"{where} has no key {key!r}{did_you_mean(str(key), ['several'])}")
    value = settings.get("several", "newest")
    if value not in POLICIES:
        raise ParameterError(f"{where}: several is {' or '.join(POLICIES)}, got {value!r}")
    return str(value)


def _rule(section: str, column: str, rule: Any, where: str) -> Rule:
    if column not in SECTIONS[section]:
        raise ParameterError(
            f"{where} has no column {column!r}{did_you_mean(column, SECTIONS[section])}"
        )
    where = f"{where} {column}"
    if not isinstance(rule, Mapping):
        raise ParameterError(f"{where} needs a rule such as {{min: 1, action: warn}}, got {rule!r}")
    for key in rule:
        if key not in KEYS:
            raise ParameterError(f"{where} has no key {key!r}{did_you_mean(str(key), KEYS)}")
    action = rule.get("action", "warn")
    if action not in ("exclude", "warn"):
        raise ParameterError(f"{where}: action is exclude or warn, got {action!r}")
    if section == "cohort" and action == "exclude":
        raise ParameterError(f"{where}: a mask is not left out for being unlike others; use warn")
    return Rule(
        column=column,
        allowed=_patterns(rule, "allowed", where),
        refused=_patterns(rule, "refused", where),
        minimum=_limit(rule, "min", where),
        maximum=_limit(rule, "max", where),
        required=_flag(rule, where),
        action=action,
    )


def _patterns(rule: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = rule.get(key) or ()
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ParameterError(f'{where}: {key} is a list of texts (quote "yes" and "no")')
    return tuple(value)


def _limit(rule: Mapping[str, Any], key: str, where: str) -> float | None:
    value = rule.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterError(f"{where}: {key} is a number, got {value!r}")
    return float(value)


def _flag(rule: Mapping[str, Any], where: str) -> bool:
    value = rule.get("required", False)
    if not isinstance(value, bool):
        raise ParameterError(f"{where}: required is true or false, got {value!r}")
    return value
