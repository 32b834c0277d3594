"""From a hospital's DICOM dump to checked images, masks and a documented manifest."""

from radtool.curation.checks import Checks, Rule, load_checks
from radtool.curation.curate import curate
from radtool.curation.deidentify import Deidentified, deidentify
from radtool.curation.previews import ContactSheet, contact_sheet
from radtool.curation.result import CurationResult, FlowStep

__all__ = [
    "Checks",
    "ContactSheet",
    "CurationResult",
    "Deidentified",
    "FlowStep",
    "Rule",
    "contact_sheet",
    "curate",
    "deidentify",
    "load_checks",
]
