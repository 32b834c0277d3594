"""DICOM copies without identities: PS3.15 Basic Profile, with what radiomics needs kept."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from radtool.curation.crawl import crawl
from radtool.curation.identity import Pseudonyms
from radtool.curation.lettering import burned_in_text
from radtool.errors import DicomError, InputError, MissingPartError, RadtoolError
from radtool.files import atomic_path
from radtool.io.headers import damage, items, read_dataset, text
from radtool.io.pixels import decode
from radtool.io.records import Record
from radtool.table import Failure, write_table

__all__ = ["Deidentified", "deidentify"]

Progress = Callable[[int, int, str], None]
Action = Callable[[Dataset, tuple[int, int]], None]
SEARCHED = 9
"""Slices of a series that are searched for letters."""
KEPT_KINDS = ("CT", "MR", "PT", "RTSTRUCT", "SEG")
KEPT = ("PatientWeight", "PatientSize", "PatientSex", "ROIName", "SegmentLabel")
SAFE_PRIVATE = {
    # PS3.15, table E.3.10-1: what SUV and MR scaling need
    (0x7053, 0x00): "Philips PET Private Group",
    (0x7053, 0x09): "Philips PET Private Group",
    (0x2005, 0x0D): "Philips MR Imaging DD 001",
    (0x2005, 0x0E): "Philips MR Imaging DD 001",
}
METHOD = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ("113108", "Retain Patient Characteristics Option"),
    ("113111", "Retain Safe Private Option"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Deidentified:
    """De-identified copies.

    Parameters
    ----------
    files : DataFrame
        One row a copy: ``patient_id`` (pseudonym), ``modality``, ``file``, and ``risk``: why text
        may be burned into its pixels, "" when nothing hints at it.
    failures : list of Failure
        Files that were not copied, and why.
    """

    files: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)


def deidentify(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    key: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Deidentified:
    """Write copies of CT, MR, PET, RTSTRUCT and SEG files without identities.

    Parameters
    ----------
    folder : path-like
        DICOM files, as for `curate`; archives are opened.
    out : path-like
        Gets ``<pseudonym>/<series>/<number>.dcm`` and ``files.csv``.
    key : path-like, optional
        The key file: secret, patient ids, pseudonyms and days added to dates, readable by the
        owner only. An earlier key gives the same pseudonyms again. By default
        ``<out>.private/key.csv``, which `curate` with pseudonyms into the same `out` uses too.
    progress : callable, optional
        Called with (done, total, what is being done).

    Returns
    -------
    Deidentified
        Copies, and files that were left out (reports, secondary captures, damaged files).

    Raises
    ------
    MissingPartError
        The package dicom-anonymizer is not installed.
    InputError
        `folder` does not exist, `out` cannot be written, or the key would lie inside `out`.

    Notes
    -----
    Every element of the Basic Profile's table is removed, emptied or replaced, in nested sequences
    too; private elements are removed. Kept for radiomics, as options of the profile: dates moved
    by one number of days a patient and times of day, weight, size and sex, the private elements
    that scale Philips images, and the names of ROIs. UIDs are derived from the key, so references
    between files hold. Pixels are not changed: look at files with a `risk`, which header or letters
    in the pixels of a series give.

    References
    ----------
    DICOM PS3.15, annex E; the table is that of the package dicom-anonymizer.
    """
    actions = _profile()
    target = Path(out)
    key_file = Path(key) if key else target.with_name(f"{target.name}.private") / "key.csv"
    if key_file.resolve().is_relative_to(target.resolve()):
        raise InputError(f"{key_file}: the key must not lie in {target}, which is given away")
    who = Pseudonyms.at(key_file)
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Readable by the owner only: headers and unpacked archives name the patients.
        work = tempfile.TemporaryDirectory(prefix=".radtool-", dir=target.parent)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror or error})") from error
    with work as scratch:
        found = crawl(folder, scratch, skip=(target, Path(scratch)), progress=progress)
        who.save(key_file)
        rows, failures = _copy_all(found.records, target, who, actions, progress)
        who.save(key_file)
    _search_pixels(rows, target)
    for name, reason in found.unreadable:
        failures.append(Failure(who.files((name,))[0], "de-identification", reason))
    files = pd.DataFrame(rows, columns=["patient_id", "modality", "file", "risk"])
    write_table(files, target / "files.csv")
    return Deidentified(files, failures)


def _copy_all(
    records: Sequence[Record],
    target: Path,
    who: Pseudonyms,
    actions: dict[Any, Action],
    progress: Progress | None,
) -> tuple[list[dict[str, str]], list[Failure]]:
    rows, failures = [], []
    for number, record in enumerate(records):
        patient = who.patient(record.patient_id)
        try:
            rows.append(_copy(record, number, target, who, actions))
        except RadtoolError as error:
            reason = who.words(str(error).replace(record.path, "…"), record.patient_id)
            failures.append(Failure(patient, "de-identification", reason))
        if progress is not None:
            progress(number + 1, len(records), "copies")
    return rows, failures


def _profile() -> dict[tuple[int, int], Action]:
    try:
        import dicomanonymizer
    except ImportError as error:
        raise MissingPartError(
            "de-identified DICOM needs the package dicom-anonymizer: pip install radtool[deid]"
        ) from error
    return {tag: act for tag, act in dicomanonymizer.initialize_actions().items() if len(tag) == 2}


def _copy(
    record: Record, number: int, target: Path, who: Pseudonyms, actions: dict[Any, Action]
) -> dict[str, str]:
    if record.kind not in KEPT_KINDS:
        raise DicomError(f"{record.kind or 'unknown kind'} is not copied: it may hold free text")
    dataset = read_dataset(record.path)
    with damage(record.path):
        risk = _burned_in(dataset)
        _clean(dataset, record.patient_id, who, actions)
        _say_how(dataset, record.patient_id, who)
        series = hashlib.sha256(text(dataset, "SeriesInstanceUID").encode()).hexdigest()[:10]
        name = f"{who.patient(record.patient_id)}/{record.kind}-{series}/{number:06d}.dcm"
        try:
            with atomic_path(target / name) as part:
                dataset.save_as(part, enforce_file_format=True)
        except OSError as error:
            raise InputError(f"{name}: cannot be written ({error.strerror or error})") from error
    return {
        "patient_id": who.patient(record.patient_id),
        "modality": record.kind,
        "file": name,
        "risk": risk,
    }


def _search_pixels(rows: list[dict[str, str]], target: Path) -> None:
    """Look for letters in some slices of each series; a find is their risk."""
    series: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        if row["modality"] in ("CT", "MR", "PT"):
            series[row["file"].rpartition("/")[0]].append(row)
    for members in series.values():
        planes = [
            plane
            for row in members[:: max(1, len(members) // SEARCHED)]
            for plane in _planes(target / row["file"])
        ]
        alike = [plane for plane in planes if plane.shape == planes[0].shape]
        found = burned_in_text(np.stack(alike)) if alike else "no"
        for row in members:
            row["risk"] = row["risk"] or ("" if found == "no" else found.removeprefix("yes: "))


def _planes(path: Path) -> Iterable[np.ndarray]:
    """Planes of a file, a few of many; none when the pixels cannot be decoded."""
    try:
        frames = decode(read_dataset(path), path.name)
    except DicomError:
        return []
    return frames[:: max(1, len(frames) // SEARCHED)]


def _burned_in(dataset: Dataset) -> str:
    if text(dataset, "BurnedInAnnotation").upper() == "YES":
        return "the header says that annotations are burned in"
    kinds = text(dataset, "ImageType").upper().split("\\")
    if "SECONDARY" in kinds and "DERIVED" in kinds and not text(dataset, "Units"):
        return "derived and secondary: may be a screenshot"
    return ""


def _clean(dataset: Dataset, patient: str, who: Pseudonyms, actions: dict[Any, Action]) -> None:
    """Apply the profile to what is there, sequences included."""
    for element in list(dataset):
        tag = element.tag
        if tag.is_private:
            if not _is_safe(dataset, tag):
                del dataset[tag]
        elif tag.group & 0xFF00 in (0x5000, 0x6000):
            del dataset[tag]  # curves and overlays may spell names
        elif element.VR == "SQ" and _is_entered(element.keyword, _acts(tag, actions)):
            for item in items(dataset, element.keyword):
                _clean(item, patient, who, actions)
        elif element.keyword not in KEPT:
            _replace(dataset, tag, patient, who, actions)


def _is_entered(keyword: str, action: Action | None) -> bool:
    """Whether a sequence stays and is cleaned inside; references to images are needed."""
    return action is None or keyword.endswith("ImageSequence")


def _acts(tag: BaseTag, actions: dict[Any, Action]) -> Action | None:
    return actions.get((tag.group, tag.element))


def _is_safe(dataset: Dataset, tag: BaseTag) -> bool:
    if tag.element < 0x100:
        creator = str(dataset[tag].value).strip()
        return (tag.group, creator) in {(group, name) for (group, _), name in SAFE_PRIVATE.items()}
    owner = dataset.get((tag.group, tag.element >> 8))
    wanted = SAFE_PRIVATE.get((tag.group, tag.element & 0xFF))
    return wanted is not None and owner is not None and str(owner.value).strip() == wanted


def _replace(
    dataset: Dataset, tag: BaseTag, patient: str, who: Pseudonyms, actions: dict[Any, Action]
) -> None:
    element, action = dataset[tag], _acts(tag, actions)
    if element.keyword in ("PatientID", "PatientName"):
        element.value = who.patient(patient)
    elif element.keyword == "PatientBirthDate" or element.VR == "PN":
        element.value = ""
    elif action is None or element.VR == "TM":
        return
    elif element.VR == "UI":
        element.value = _each(element.value, who.uid)
    elif element.VR in ("DA", "DT"):
        element.value = _each(element.value, lambda moment: _moved(moment, patient, who))
    else:
        action(dataset, (tag.group, tag.element))


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, pydicom.multival.MultiValue):
        return [change(str(one)) for one in value]
    return change(str(value)) if value else value


def _moved(moment: str, patient: str, who: Pseudonyms) -> str:
    """Move the day; the time of day of a date-time stays."""
    day = who.date(patient, moment)
    return day + moment[8:] if day else ""


def _say_how(dataset: Dataset, patient: str, who: Pseudonyms) -> None:
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.DeidentificationMethod = "radtool, PS3.15 annex E"
    codes = []
    for value, meaning in METHOD:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning[:64]
        codes.append(code)
    dataset.DeidentificationMethodCodeSequence = codes
    dataset.PatientID = dataset.PatientName = who.patient(patient)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.preamble = b"\0" * 128
