"""What a study file may say. Every key, every default, and nowhere else."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.features.lesions import Together
from radtool.files import hash_of
from radtool.io.lesions import Split
from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.question import slug
from radtool.preprocessing.controls import ControlKind
from radtool.report import checklists
from radtool.report.results import Answer
from radtool.settings import parse_settings, read_yaml
from radtool.table import Endpoint

__all__ = [
    "ControlSettings",
    "DataSettings",
    "EvidenceSettings",
    "ExtractionSettings",
    "PredictorSettings",
    "SegmentationSettings",
    "StudySettings",
    "ValidationSettings",
    "read_study",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Where the data are; paths are relative to the study file.

    Parameters
    ----------
    dicom : Path, optional
        A folder, zip or tar of DICOM files to curate.
    manifest : Path, optional
        A table of images and masks, instead of `dicom`.
    features : Path, optional
        A ready feature table, instead of both.
    outcomes : Path, optional
        One row a patient. Without it the run ends with the feature table.
    rois : dict, optional
        ROI name -> patterns that are this ROI (``{"GTV": ["GTV*", "gtv-1"]}``); all others are
        left out. Without it every ROI found is a case.
    columns : dict, optional
        A column of the feature or outcome table -> the name that radtool uses
        (``{PatientID: patient_id}``).
    missing : tuple of str
        What the outcome table writes for "not known" beside an empty cell and NA
        (``[unknown, "-", 999]``).
    modalities : tuple of str
        DICOM modalities that the study is about (``[CT]``); others become named failures.
    checks : str, optional
        File of quality checks; the modality's own set by default.
    truth : Path, optional
        What was built into synthetic data, to be printed beside what was recovered.
    """

    dicom: Path | None = None
    manifest: Path | None = None
    features: Path | None = None
    outcomes: Path | None = None
    rois: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    checks: str | None = None
    truth: Path | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("dicom", "manifest", "features") if getattr(self, name)]
        if len(given) != 1:
            raise ParameterError(
                f"[data] needs exactly one of dicom, manifest and features, got {given or 'none'}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionSettings:
    """How features are made.

    Parameters
    ----------
    parameters : str or dict
        One parameter file or shipped name, or one a modality.
    labels : {"all", "union", "components"}, optional
        What the lesions of a mask file are; each is measured on its own. Without it a mask is one
        region.
    lesions : {"largest", "volume_weighted_mean", "sum", "max"}, optional
        What becomes of a patient's lesions in the one row that a patient gets.
    """

    parameters: str | dict[str, str] = "ct_ibsi"
    labels: Split | None = None
    lesions: Together | None = None

    @property
    def is_by_lesion(self) -> bool:
        """Whether the table has several rows a patient."""
        return self.labels in ("all", "components") and self.lesions is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationSettings:
    """How cases without a mask get one.

    Parameters
    ----------
    model : str, default "lung"
        The bundled model, or an ``.onnx`` file.
    device : {"auto", "cpu", "cuda"}
        Where it runs.
    search : {"lungs", "whole"}
        Within the isolated lungs, or the whole field of view as it is.
    """

    model: str = "lung"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    search: Literal["lungs", "whole"] = "lungs"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorSettings:
    """Which outcome-table columns may predict, and which feature is the volume."""

    clinical: tuple[str, ...] = ()
    semantic: tuple[str, ...] = ()
    volume: str = "original_morph_volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationSettings:
    """Internal validation: nested repeated cross-validation and bootstrap optimism.

    Parameters
    ----------
    folds, repeats, bootstrap, seed : int
        Design; bootstrap 0: none.
    permutations : int, default 0
        How often the outcomes are dealt to other patients and the whole pipeline with all blocks is
        cross-validated again: what it finds where there is nothing to find.
    """

    folds: int = 5
    repeats: int = 10
    bootstrap: int = 200
    seed: int = 0
    permutations: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2 or self.repeats < 1 or min(self.bootstrap, self.permutations) < 0:
            raise ParameterError(
                "[validation] needs folds >= 2, repeats >= 1, bootstrap and permutations >= 0"
                " (0: none)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Negative controls: what is left of the prediction when the images lose something.

    Parameters
    ----------
    kinds : tuple of str
        Of `radtool.preprocessing.CONTROLS`: ``shuffled_voxels``, ``randomised_voxels``,
        ``shuffled_surroundings``, ``moved_region``. Each costs an extraction of all cases and
        two cross-validations an endpoint.
    within : {"tissue", "body", "image"}
        Where a moved region may lie: what is bright in the body, the body with its lungs, or
        anywhere in the image.
    """

    kinds: tuple[ControlKind, ...] = ()
    within: Literal["tissue", "body", "image"] = "tissue"

    def __post_init__(self) -> None:
        if len(set(self.kinds)) < len(self.kinds):
            raise ParameterError(f"[controls] kinds: named twice in {list(self.kinds)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSettings:
    """A fact for the checklists that the run itself cannot know.

    Parameters
    ----------
    topic : str
        A key of `radtool.report.checklists.TOPICS`.
    text : str
        What was done, with its number; never empty.
    file : Path, optional
        What proves it, beside the study file; its hash goes into the provenance.
    link : str, optional
        What proves it elsewhere: a DOI, a registration.
    """

    topic: str
    text: str
    file: Path | None = None
    link: str = ""

    def __post_init__(self) -> None:
        if self.topic not in checklists.TOPICS:
            near = did_you_mean(self.topic, checklists.TOPICS)
            raise ParameterError(f"[evidence] has no topic {self.topic!r}{near}")
        if not self.text.strip():
            raise ParameterError(f"[evidence] {self.topic}: say in `text` what was done")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySettings:
    """A whole study file.

    Parameters
    ----------
    title : str
        Heads the report.
    description : str
        One or two sentences on what the study asks.
    synthetic : bool
        The data were generated; the report says so in its head.
    data, extraction, cohorts, predictors, validation, controls
        See their classes.
    segmentation : SegmentationSettings, optional
        Makes masks for the cases that have none; without it they are named failures.
    endpoints : tuple of Endpoint
        The questions; none: the run ends with the feature table.
    steps : tuple of dict
        The steps of the radiomics block in order: ``step`` names a radtool.table.FeatureStep, the
        other keys are its settings; ``only: survival`` or ``only: marker`` limits it.
    batch : str, optional
        The column whose levels harmonization aligns, for the evidence before and after.
    risk_groups : {"median", "tertiles", "p75"}
        Cut-offs, always from the development cohort.
    marker_model : {"xgboost", "logistic", "random_forest", "elastic_net"}
        What predicts binary markers.
    survival_model : {"cox", "elastic_net", "xgboost"}
        What learns from radiomics for survival endpoints; comparators without it are always Cox.
    subgroups : tuple of str
        Columns whose groups get a performance of their own; numbers are cut at the development
        cohort's median. They need not be predictors.
    evidence : tuple of EvidenceSettings
        Facts for the checklists that the run cannot know.
    answers : tuple of Answer
        The authors' own, final answers to checklist items; nothing else is ever final.
    """

    title: str
    data: DataSettings
    description: str = ""
    synthetic: bool = False
    segmentation: SegmentationSettings | None = None
    extraction: ExtractionSettings = field(default_factory=ExtractionSettings)
    cohorts: Cohorts = field(default_factory=Cohorts)
    endpoints: tuple[Endpoint, ...] = ()
    predictors: PredictorSettings = field(default_factory=PredictorSettings)
    steps: tuple[dict[str, Any], ...] = ()
    batch: str | None = None
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    controls: ControlSettings = field(default_factory=ControlSettings)
    risk_groups: Literal["median", "tertiles", "p75"] = "median"
    marker_model: Literal["xgboost", "logistic", "random_forest", "elastic_net"] = "xgboost"
    survival_model: Literal["cox", "elastic_net", "xgboost"] = "cox"
    subgroups: tuple[str, ...] = ()
    evidence: tuple[EvidenceSettings, ...] = ()
    answers: tuple[Answer, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; paths by name only, so that a moved study has the same hash."""
        plain = dataclasses.asdict(self)
        plain["data"] = {
            key: value.name if isinstance(value, Path) else value
            for key, value in plain["data"].items()
        }
        chosen = plain["extraction"]["parameters"]
        plain["extraction"]["parameters"] = (
            Path(chosen).name
            if isinstance(chosen, str)
            else {modality: Path(name).name for modality, name in chosen.items()}
        )
        for fact in plain["evidence"]:
            fact["file"] = fact["file"].name if fact["file"] else None
        return plain

    def computed(self) -> dict[str, Any]:
        """Return what numbers depend on: words and checklist answers may change without a rerun."""
        words = ("title", "description", "evidence", "answers")
        return {key: value for key, value in self.to_dict().items() if key not in words}

    @property
    def sha256(self) -> str:
        """Hash of everything that was chosen."""
        return hash_of(self.to_dict())


def read_study(path: str | os.PathLike[str]) -> StudySettings:
    """Read a study file; paths in it come back absolute.

    Raises
    ------
    ParameterError
        A key is unknown or missing, or a value is wrong; the message names the place.
    InputError
        A file that it names does not exist.
    """
    source = Path(path)
    study = parse_settings(StudySettings, _with_words(read_yaml(source)), source.name)
    folder = source.resolve().parent
    absolute = {
        name: folder / getattr(study.data, name)
        for name in ("dicom", "manifest", "features", "outcomes", "truth")
        if getattr(study.data, name) is not None
    }
    for name, place in absolute.items():
        if not place.exists():
            raise ParameterError(f"{source.name} [data] {name}: {place} does not exist")
    if study.controls.kinds and study.data.features is not None:
        raise ParameterError(
            f"{source.name} [controls]: controls are made from images; a ready feature table has"
            " none"
        )
    if study.endpoints and study.data.outcomes is None:
        raise ParameterError(f"{source.name}: endpoints need [data] outcomes")
    if study.endpoints and study.extraction.is_by_lesion:
        raise ParameterError(
            f"{source.name} [extraction] labels: outcomes are known a patient, not a lesion; say in"
            " `lesions` how a patient's lesions become one row (largest, volume_weighted_mean, sum,"
            " max)"
        )
    names = [slug(endpoint.name) for endpoint in study.endpoints]
    if len(set(names)) < len(names) or "" in names:
        raise ParameterError(
            f"{source.name}: two endpoints have the same name, or names whose files would be the"
            f" same, or one has no letter: {[endpoint.name for endpoint in study.endpoints]}"
        )
    try:
        checklists.check_answers(study.answers)
    except InputError as error:
        raise ParameterError(f"{source.name} [answers]: {error}") from error
    return dataclasses.replace(
        study,
        evidence=tuple(_with_file(fact, folder, source.name) for fact in study.evidence),
        data=dataclasses.replace(study.data, **absolute),
        extraction=dataclasses.replace(
            study.extraction, parameters=_beside(study.extraction.parameters, folder)
        ),
    )


def _with_words(document: dict[str, Any]) -> dict[str, Any]:
    """Give back the words yes and no, which YAML reads as true and false, to the answers."""
    answers = document.get("answers")
    if not isinstance(answers, list):
        return document
    words = {True: "yes", False: "no"}
    plain = [
        {**entry, "answer": words[entry["answer"]]}
        if isinstance(entry, dict) and isinstance(entry.get("answer"), bool)
        else entry
        for entry in answers
    ]
    return {**document, "answers": plain}


def _with_file(fact: EvidenceSettings, folder: Path, name: str) -> EvidenceSettings:
    """Make the file of a fact absolute; a file that is not there proves nothing."""
    if fact.file is None:
        return fact
    place = folder / fact.file
    if not place.is_file():
        raise ParameterError(f"{name} [evidence] {fact.topic}: {place} does not exist")
    return dataclasses.replace(fact, file=place)


def _beside(chosen: str | dict[str, str], folder: Path) -> str | dict[str, str]:
    """Make parameter files that lie beside the study file absolute; shipped names stay names."""
    if isinstance(chosen, str):
        return str(folder / chosen) if (folder / chosen).is_file() else chosen
    return {modality: str(_beside(name, folder)) for modality, name in chosen.items()}
