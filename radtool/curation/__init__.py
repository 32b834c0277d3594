"""From a hospital's DICOM dump to checked images, masks and a documented manifest."""

from radtool.curation.checks import Checks, Rule, load_checks
from radtool.curation.contours import contour_anomaly, contour_traits
from radtool.curation.corrections import (
    AcceptedReview,
    Correction,
    Review,
    accept_review,
    read_review,
)
from radtool.curation.curate import curate
from radtool.curation.deidentify import Deidentified, deidentify
from radtool.curation.previews import ContactSheet, contact_sheet
from radtool.curation.result import CurationResult, FlowStep
from radtool.curation.review import ReviewPage, write_review

__all__ = [
    "AcceptedReview",
    "Checks",
    "ContactSheet",
    "Correction",
    "CurationResult",
    "Deidentified",
    "FlowStep",
    "Review",
    "ReviewPage",
    "Rule",
    "accept_review",
    "contact_sheet",
    "contour_anomaly",
    "contour_traits",
    "curate",
    "deidentify",
    "load_checks",
    "read_review",
    "write_review",
]
