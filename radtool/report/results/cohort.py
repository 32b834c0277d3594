"""Who was studied: question, flow, baseline table, findings, masks, extraction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from radtool.report.results.record import Record

__all__ = [
    "BaselineRow",
    "CaseFailure",
    "Cohort",
    "Exclusion",
    "Extraction",
    "Finding",
    "FlowBox",
    "MaskOrigin",
    "Population",
    "Question",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort(Record):
    """One group of patients that a model was developed or tested on.

    Parameters
    ----------
    name : str
        What tables and curves call it: "maastricht".
    n : int
        Patients (or lesions, see `unit`).
    events : int, optional
        Observed events, or cases with the marker.
    role : {"development", "external", "internal"}
        "internal" is a held-out part of the development cohort.
    sites : tuple of str
        Hospitals in it.
    follow_up : float, optional
        Median follow-up (reverse Kaplan-Meier), in the question's unit.
    unit : str, default "patients"
        What `n` counts.
    """

    name: str
    n: int
    events: int | None = None
    role: Literal["development", "external", "internal"] = "development"
    sites: tuple[str, ...] = ()
    follow_up: float | None = None
    unit: str = "patients"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Record):
    """What the models predict, and in whom.

    Parameters
    ----------
    name : str
        Endpoint name of the study file: "os".
    kind : {"survival", "marker"}
        Time to an event, or a yes/no label.
    label : str
        Words for headings: "overall survival"; empty: `name` is used.
    unit : str
        Unit of time of a survival endpoint: "months".
    positive : str
        What counts as yes (marker) or as the event (survival), in words.
    competing : bool, default False
        Whether other events can make the event of interest impossible.
    cohorts : tuple of Cohort
        In the order of the report.
    """

    name: str
    kind: Literal["survival", "marker"]
    label: str = ""
    unit: str = ""
    positive: str = ""
    competing: bool = False
    cohorts: tuple[Cohort, ...] = ()

    @property
    def is_defined(self) -> bool:
        """Whether `positive` says more than "yes" or "event"."""
        return self.positive.strip().lower() not in ("", "0", "1", "event", "false", "true", "yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion(Record):
    """Cases that left the study at one point, and why.

    Parameters
    ----------
    reason : str
        In words; one reason each.
    n : int
        How many.
    cases : tuple of str
        Their ids; may be fewer than `n` when ids are not to be shown.
    """

    reason: str
    n: int
    cases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowBox(Record):
    """One box of the flow diagram, from top to bottom.

    Parameters
    ----------
    label : str
        "Images with a mask".
    n : int
        How many reach this box.
    excluded : tuple of Exclusion
        Who leaves between the box above and this one.
    unit : str, default "cases"
        What `n` counts.
    """

    label: str
    n: int
    excluded: tuple[Exclusion, ...] = ()
    unit: str = "cases"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRow(Record):
    """One line of the cohort table.

    Parameters
    ----------
    variable : str
        "age_years".
    level : str
        Category, or "median (IQR)" or whatever the cells hold.
    values : tuple of str
        One cell for each of `Population.columns`.
    p : float, optional
        Of the difference between cohorts; on the first row of a variable.
    test : str
        Which test gave `p`: "Fisher exact".
    """

    variable: str
    level: str = ""
    values: tuple[str, ...] = ()
    p: float | None = None
    test: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population(Record):
    """Flow diagram and cohort table.

    Parameters
    ----------
    flow : tuple of FlowBox
        Top to bottom.
    columns : tuple of str
        Cohort names above the cells of the baseline table.
    baseline : tuple of BaselineRow
        The cohort table.
    """

    flow: tuple[FlowBox, ...] = ()
    columns: tuple[str, ...] = ()
    baseline: tuple[BaselineRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFailure(Record):
    """A case that could not be done, at which stage and why.

    Parameters
    ----------
    case, stage, reason : str
        Identity, step ("read", "extract", "join") and words for the user.
    path : str
        File concerned, relative to the study.
    """

    case: str
    stage: str
    reason: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction(Record):
    """How features were made, and from what.

    Parameters
    ----------
    n_cases : int
        Cases with a full row.
    n_features : int
        Feature columns.
    parameters : str
        Parameter file name.
    sha256 : str
        Hash of the parameters.
    engine : str
        "radtool" or "pyradiomics".
    settings : mapping
        The parameters themselves, as nested keys and values.
    families : mapping of str to int
        Feature family -> number of columns.
    failures : tuple of CaseFailure
        Everyone without a row.
    """

    n_cases: int
    n_features: int
    parameters: str = ""
    sha256: str = ""
    engine: str = "radtool"
    settings: Mapping[str, Any] = field(default_factory=dict)
    families: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[CaseFailure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Record):
    """What curation noticed about a case.

    Parameters
    ----------
    case, check, text : str
        Identity, name of the check and what was found.
    severity : {"info", "warning", "error"}
        "error" cases were left out.
    """

    case: str
    check: str
    text: str
    severity: Literal["info", "warning", "error"] = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskOrigin(Record):
    """Where the region of a case came from.

    Parameters
    ----------
    case : str
        Identity.
    origin : {"manual", "automatic", "edited", "unknown"}
        "edited" is automatic and corrected by a person.
    detail : str
        Reader, model or file.
    """

    case: str
    origin: Literal["manual", "automatic", "edited", "unknown"]
    detail: str = ""
