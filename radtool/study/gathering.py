"""From the parts of a run to the one record that the report is made from."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from radtool.files import hash_of
from radtool.pipelines.population import flow_box
from radtool.pipelines.question import Answer
from radtool.provenance import provenance, timestamp
from radtool.report.results import (
    CaseFailure,
    ControlCases,
    EndpointResults,
    Evidence,
    Extraction,
    FlowBox,
    MaskOrigin,
    Population,
    StudyResults,
    TruthRow,
)
from radtool.study.config import EvidenceSettings, StudySettings
from radtool.study.features import MadeFeatures
from radtool.study.truth import endpoint_truth, study_truth
from radtool.table import FAMILIES, Failure, feature_columns

__all__ = ["gather"]


def gather(
    settings: StudySettings,
    made: MadeFeatures,
    answers: Sequence[Answer],
    folder: Path,
) -> StudyResults:
    """Put together what `results.json` holds; the time stamp is the only thing that may differ."""
    inputs = [folder / "features.parquet"]
    if settings.data.outcomes is not None:
        inputs.append(settings.data.outcomes)
    if settings.data.manifest is not None:
        inputs.append(settings.data.manifest)
    inputs += [fact.file for fact in settings.evidence if fact.file is not None]
    return StudyResults(
        title=settings.title,
        description=settings.description,
        synthetic=settings.synthetic,
        endpoints=tuple(_with_truth(answer.results, settings) for answer in answers),
        harmonization=next((a.harmonization for a in answers if a.harmonization), None),
        population=Population(flow=_flow(made)),
        extraction=_extraction(settings, made),
        controls=_controls(made),
        findings=tuple(made.cases.findings) if made.cases else (),
        masks=_masks(made),
        truth=_truth(settings, made),
        evidence=tuple(_evidence(fact) for fact in settings.evidence),
        answers=settings.answers,
        provenance=provenance(settings.to_dict(), inputs, root=folder),
        generated=timestamp(),
    )


def _evidence(fact: EvidenceSettings) -> Evidence:
    places = (fact.file.name if fact.file else "", fact.link)
    source = ", ".join(place for place in places if place)
    return Evidence(topic=fact.topic, text=fact.text, source=source)


def _with_truth(endpoint: EndpointResults, settings: StudySettings) -> EndpointResults:
    if settings.data.truth is None:
        return endpoint
    return dataclasses.replace(endpoint, truth=endpoint_truth(settings.data.truth, endpoint))


def _truth(settings: StudySettings, made: MadeFeatures) -> tuple[TruthRow, ...]:
    if settings.data.truth is None:
        return ()
    return study_truth(settings.data.truth, made.table, made.failures, settings.predictors.volume)


def _flow(made: MadeFeatures) -> tuple[FlowBox, ...]:
    if made.cases is None:
        return (flow_box("in the feature table", len(made.table)),)
    stages: dict[str, list[Failure]] = {}
    for failure in made.failures:
        stages.setdefault(failure.stage, []).append(failure)
    extraction = stages.pop("extraction", [])
    before = [failure for group in stages.values() for failure in group]
    return (
        flow_box("found", made.cases.found),
        flow_box("with an image and a mask", len(made.cases.manifest), before),
        flow_box("with features", len(made.table), extraction),
    )


def _extraction(settings: StudySettings, made: MadeFeatures) -> Extraction:
    features = feature_columns(made.table)
    chosen = settings.extraction.parameters
    name = chosen if isinstance(chosen, str) else ", ".join(sorted(set(chosen.values())))
    by_lesion = (settings.extraction.labels, settings.extraction.lesions)
    if any(by_lesion):
        name += f" (lesions: {', '.join(choice for choice in by_lesion if choice)})"
    return Extraction(
        n_cases=len(made.table),
        n_features=len(features),
        parameters=name if made.parameters is not None else "given as a table",
        sha256=hash_of(made.parameters) if made.parameters is not None else "",
        settings=made.parameters or {},
        families=dict(sorted(Counter(map(_family, features)).items())),
        failures=_failures(made.failures),
    )


def _failures(failures: Sequence[Failure]) -> tuple[CaseFailure, ...]:
    return tuple(
        CaseFailure(
            case=failure.case_id,
            stage=failure.stage,
            reason=failure.reason,
            path=Path(failure.path).name,
        )
        for failure in failures
    )


def _controls(made: MadeFeatures) -> tuple[ControlCases, ...]:
    return tuple(
        ControlCases(
            name=control.name,
            n_cases=0 if control.table is None else len(control.table),
            failures=_failures(control.failures),
        )
        for control in made.controls
    )


def _family(feature: str) -> str:
    parts = feature.split("_")
    return next(part for part in parts if part in FAMILIES)


def _masks(made: MadeFeatures) -> tuple[MaskOrigin, ...]:
    if made.cases is None or "mask_origin" not in made.cases.manifest:
        return ()
    manifest: pd.DataFrame = made.cases.manifest
    return tuple(
        MaskOrigin(
            case=str(case),
            origin="automatic" if str(origin).startswith("model") else "manual",
            detail=str(origin),
        )
        for case, origin in zip(manifest["case_id"], manifest["mask_origin"], strict=True)
    )
