"""From a hospital's DICOM dump to checked images, masks and a documented manifest."""

from radtool.curation.checks import Checks, Rule, load_checks
from radtool.curation.contours import contour_anomaly, contour_traits
from radtool.curation.curate import curate
from radtool.curation.deidentify import Deidentified, deidentify
from radtool.curation.previews import ContactSheet, contact_sheet
from radtool.curation.result import CurationResult, FlowStep
from radtool.curation.review import ReviewPage, write_review

__all__ = [
    "Checks",
    "ContactSheet",
    "CurationResult",
    "Deidentified",
    "FlowStep",
    "ReviewPage",
    "Rule",
    "contact_sheet",
    "contour_anomaly",
    "contour_traits",
    "curate",
    "deidentify",
    "load_checks",
    "write_review",
]
