"""Results -> sections: which parts a report has, and in which order."""

from __future__ import annotations

from collections.abc import Callable

from radtool.report.blocks import Section
from radtool.report.results import EndpointResults, StudyResults
from radtool.report.sections.checklists import checklist_section
from radtool.report.sections.closing import (
    methods_section,
    provenance_section,
    signature_section,
    truth_section,
)
from radtool.report.sections.cohort import (
    baseline_section,
    extraction_section,
    findings_section,
    flow_section,
    masks_section,
)
from radtool.report.sections.controls import controls_section
from radtool.report.sections.curves import (
    calibration_section,
    decision_section,
    roc_section,
    survival_section,
)
from radtool.report.sections.harmonization import harmonization_section
from radtool.report.sections.models import models_section, selection_section
from radtool.report.sections.performance import (
    comparison_section,
    performance_section,
    subgroup_section,
)
from radtool.report.sections.summary import summary_section
from radtool.report.sections.supplement import precision_recall_section, supplement_section

__all__ = ["AFTER", "BEFORE", "ENDPOINT", "EndpointPart", "StudyPart"]

StudyPart = tuple[str, Callable[[StudyResults], Section | None]]
EndpointPart = tuple[str, Callable[[EndpointResults], Section | None]]

BEFORE: tuple[StudyPart, ...] = (
    ("Summary", summary_section),
    ("Flow of cases", flow_section),
    ("Cohort table", baseline_section),
    ("Data curation", findings_section),
    ("Segmentation", masks_section),
    ("Feature extraction", extraction_section),
    ("Batch effects", harmonization_section),
)
ENDPOINT: tuple[EndpointPart, ...] = (
    ("Performance", performance_section),
    ("Added value", comparison_section),
    ("Negative controls", controls_section),
    ("Feature selection", selection_section),
    ("Models", models_section),
    ("Risk groups", survival_section),
    ("ROC", roc_section),
    ("Precision–recall", precision_recall_section),
    ("Calibration", calibration_section),
    ("Decision curves", decision_section),
    ("Subgroups", subgroup_section),
    ("In detail", supplement_section),
    ("Signatures", signature_section),
)
AFTER: tuple[StudyPart, ...] = (
    ("Truth and what was recovered", truth_section),
    ("Reporting checklists", checklist_section),
    ("Methods paragraph", methods_section),
    ("Provenance", provenance_section),
)
