"""The whole of a study's numbers: what ``results.json`` holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from radtool.errors import InputError
from radtool.files import read_json
from radtool.report.results.cohort import Extraction, Finding, MaskOrigin, Population, Question
from radtool.report.results.controls import Control, ControlCases
from radtool.report.results.curves import (
    Calibration,
    DecisionCurve,
    KaplanMeier,
    RocCurve,
    SubgroupRow,
)
from radtool.report.results.exploration import Distribution
from radtool.report.results.models import (
    Comparison,
    Headline,
    Look,
    Methods,
    ModelResult,
    PerformanceRow,
    SignatureCard,
    TruthRow,
)
from radtool.report.results.record import Record
from radtool.report.results.supplement import PrecisionRecall, ResultTable

__all__ = [
    "SCHEMA",
    "Answer",
    "EndpointResults",
    "Evidence",
    "Harmonization",
    "StudyResults",
    "ViewPoint",
    "read_results",
]

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPoint(Record):
    """A case in a two-dimensional view of the features, before and after harmonization.

    Parameters
    ----------
    batch : str
        Its batch.
    before, after : tuple of float of length 2
        Coordinates (first two principal components of the scaled features).
    """

    batch: str
    before: tuple[float, ...]
    after: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonization(Record):
    """Evidence of batch effects before and after harmonization.

    Parameters
    ----------
    batch : str
        Batch column.
    method : str
        "ComBat, parametric"; "none" when only looked at.
    sizes : mapping of str to int
        Batch -> training cases.
    tested : int, optional
        Features tested for a difference between batches.
    significant_before, significant_after : int, optional
        How many differ (multiplicity-corrected).
    variance_before, variance_after : float, optional
        Median fraction of a feature's variance that the batch explains, in [0, 1].
    silhouette_before, silhouette_after : float, optional
        Silhouette width of the batches, in [-1, 1]; 0 = mixed.
    points : tuple of ViewPoint
        For the figure.
    notes : tuple of str
        Warnings: small batches, confounding with the outcome.
    """

    batch: str
    method: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    tested: int | None = None
    significant_before: int | None = None
    significant_after: int | None = None
    variance_before: float | None = None
    variance_after: float | None = None
    silhouette_before: float | None = None
    silhouette_after: float | None = None
    points: tuple[ViewPoint, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Record):
    """A fact for the checklists that the rest of the results does not hold.

    Parameters
    ----------
    topic : str
        A key of `radtool.report.checklists.TOPICS`: "phantom", "test_retest",
        "multiple_segmentations", ….
    text : str
        What was done, with its number.
    source : str
        File that proves it.
    """

    topic: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Record):
    """The user's own answer to a checklist item; only these are final.

    Parameters
    ----------
    checklist : {"rqs1", "rqs2", "metrics", "clear", "tripod_ai", "ibsi"}
        Which checklist.
    item : str
        Item number as printed: "5a".
    answer : {"yes", "no", "n/a"}
        The answer.
    text : str
        Why, or the page of the manuscript.
    points : float, optional
        Of an item that gives more than one.
    """

    checklist: Literal["rqs1", "rqs2", "metrics", "clear", "tripod_ai", "ibsi"]
    item: str
    answer: Literal["yes", "no", "n/a"]
    text: str = ""
    points: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointResults(Record):
    """Everything about one endpoint; what a thin study lacks is left empty.

    Parameters
    ----------
    question : Question
        What is predicted, in whom.
    headline : Headline, optional
        The plain answer.
    population : Population, optional
        Flow and cohort table when they differ from the study's.
    models : tuple of ModelResult
        Comparators and signatures, in the order of the tables.
    performance : tuple of PerformanceRow
        Every number, tidy.
    comparisons : tuple of Comparison
        Differences between models.
    controls : tuple of Control
        The models with radiomics on features of images that lost something.
    kaplan_meier, roc, calibration, decision : tuple
        Curves.
    precision_recall : tuple of PrecisionRecall
        Of markers with few positive cases, where the ROC flatters.
    subgroups : tuple of SubgroupRow
        Forest plot.
    tables : tuple of ResultTable
        What this kind of study shows beside the shared parts.
    distributions : tuple of Distribution
        Histograms of features by class.
    truth : tuple of TruthRow
        Synthetic data only.
    signatures : tuple of SignatureCard
        Frozen models.
    looks : tuple of Look
        Evaluation log of the external cohorts, oldest first.
    methods : Methods, optional
        For the methods paragraph.
    """

    question: Question
    headline: Headline | None = None
    population: Population | None = None
    models: tuple[ModelResult, ...] = ()
    performance: tuple[PerformanceRow, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    controls: tuple[Control, ...] = ()
    kaplan_meier: tuple[KaplanMeier, ...] = ()
    roc: tuple[RocCurve, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    decision: tuple[DecisionCurve, ...] = ()
    precision_recall: tuple[PrecisionRecall, ...] = ()
    subgroups: tuple[SubgroupRow, ...] = ()
    tables: tuple[ResultTable, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    truth: tuple[TruthRow, ...] = ()
    signatures: tuple[SignatureCard, ...] = ()
    looks: tuple[Look, ...] = ()
    methods: Methods | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResults(Record):
    """What ``results.json`` holds: the one input of the report.

    Parameters
    ----------
    title : str
        Of the study.
    endpoints : tuple of EndpointResults
        One for each endpoint of the study file.
    description : str
        One or two sentences on what the study asks.
    synthetic : bool, default False
        Whether the data were generated: the report says so in its head.
    warnings : tuple of str
        What makes the numbers untrustworthy; printed first and loudly.
    population : Population, optional
        Flow diagram and cohort table.
    extraction : Extraction, optional
        How features were made, and failures.
    controls : tuple of ControlCases
        How the features of negative controls were made.
    findings : tuple of Finding
        Of curation.
    masks : tuple of MaskOrigin
        Manual or automatic regions.
    harmonization : Harmonization, optional
        Batch effects before and after.
    truth : tuple of TruthRow
        Study-wide truth of synthetic data (volumes, batch effects).
    evidence : tuple of Evidence
        For the checklists.
    answers : tuple of Answer
        The user's own checklist answers.
    provenance : mapping
        As `radtool.provenance.provenance` gives it.
    generated : str
        Declared time stamp; empty: left out, so that equal runs give equal bytes.
    schema : int
        Version of this structure.
    """

    title: str
    endpoints: tuple[EndpointResults, ...] = ()
    description: str = ""
    synthetic: bool = False
    warnings: tuple[str, ...] = ()
    population: Population | None = None
    extraction: Extraction | None = None
    controls: tuple[ControlCases, ...] = ()
    findings: tuple[Finding, ...] = ()
    masks: tuple[MaskOrigin, ...] = ()
    harmonization: Harmonization | None = None
    truth: tuple[TruthRow, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answers: tuple[Answer, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    generated: str = ""
    schema: int = SCHEMA


def read_results(path: str | os.PathLike[str]) -> StudyResults:
    """Read a ``results.json`` written with ``write_json(path, results.to_dict())``.

    Raises
    ------
    InputError
        Not JSON, of a newer schema, or with a key or value that does not belong; names the place.
    """
    data = read_json(path)
    schema = data.get("schema") if isinstance(data, Mapping) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise InputError(
            f"{path}: results of schema {schema}, this radtool reads up to {SCHEMA}; update radtool"
        )
    return StudyResults.from_dict(data, where=str(path))
