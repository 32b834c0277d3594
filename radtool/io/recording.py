"""Headers of DICOM files read into records, by the quick scan or by pydicom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from radtool.errors import DicomError
from radtool.io.headers import (
    Elements,
    damage,
    items,
    number,
    numbers,
    read_dataset,
    starts_like_dicom,
    text,
)
from radtool.io.marks import MARK_TAGS
from radtool.io.planes import slices_of
from radtool.io.records import Record, RoiRecord
from radtool.io.rtstruct import read_rtstruct
from radtool.io.scan import Wanted, scan_header

__all__ = ["ATTRIBUTES", "IMAGE_KINDS", "TAGS", "read_record", "read_stamped"]

IMAGE_KINDS = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.2.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.128.1": "PT",
    "1.2.840.10008.5.1.4.1.1.130": "PT",
}
"""SOP classes whose files are cross-sectional image planes."""

# column of series.csv -> DICOM keyword; columns that end in a unit are numbers.
ATTRIBUTES = {
    "study_date": "StudyDate",
    "series_number": "SeriesNumber",
    "description": "SeriesDescription",
    "body_part": "BodyPartExamined",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "institution": "InstitutionName",
    "image_type": "ImageType",
    "kernel": "ConvolutionKernel",
    "sequence": "SequenceName",
    "scanning_sequence": "ScanningSequence",
    "contrast": "ContrastBolusAgent",
    "kvp": "KVP",
    "tube_current_ma": "XRayTubeCurrent",
    "exposure_mas": "Exposure",
    "tr_ms": "RepetitionTime",
    "te_ms": "EchoTime",
    "flip_angle_deg": "FlipAngle",
    "field_strength_t": "MagneticFieldStrength",
    "rescale_slope": "RescaleSlope",
    "rescale_intercept": "RescaleIntercept",
    "lossy": "LossyImageCompression",
    "units": "Units",
    "decay_correction": "DecayCorrection",
    "weight_kg": "PatientWeight",
    "burned_in": "BurnedInAnnotation",
    "deidentified": "PatientIdentityRemoved",
}
_NUMBERS = {
    "kvp", "tube_current_ma", "exposure_mas", "tr_ms", "te_ms", "flip_angle_deg",
    "field_strength_t", "weight_kg", "series_number", "rescale_slope", "rescale_intercept",
}  # fmt: skip
_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "Modality", "PatientID", "PatientBirthDate",
    "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns",
    "PixelSpacing", "SliceThickness", "ImagePositionPatient", "ImageOrientationPatient",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "RadiopharmaceuticalInformationSequence", "SegmentSequence", "ReferencedSeriesSequence",
    "StructureSetDate", "SeriesDate", "ContentDate", "StructureSetTime", "SeriesTime",
    "ContentTime", *ATTRIBUTES.values(),
)  # fmt: skip
TAGS = tuple(Tag(keyword) for keyword in (*_KEYWORDS, *MARK_TAGS))
# Files with these are left to pydicom: frames and segments lie deep in sequences.
_FOREIGN = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "SegmentSequence")
_NESTED = ("RadionuclideTotalDose", "Radiopharmaceutical")
_SCANNED = Wanted(
    {
        int(tag): b"" if tag.is_private else dictionary_VR(tag).encode()
        for tag in (*TAGS, *map(Tag, _NESTED))
        if tag not in map(Tag, (*_FOREIGN, "ReferencedSeriesSequence"))
    },
    frozenset(int(Tag(keyword)) for keyword in _FOREIGN),
)
FIRST_READ = 16_384
SAMPLED_POINTS = 60
LARGEST_MM = 1e9


def read_record(path: str, shown: str) -> Record | None:
    """Read the header of one file; damage becomes the record's `problem`.

    Parameters
    ----------
    path : str
        The file.
    shown : str
        How findings call it.

    Returns
    -------
    Record or None
        None when the file does not start like DICOM.

    Raises
    ------
    DicomError
        The file cannot be opened.
    """
    with damage(path), open(path, "rb", buffering=0) as file:  # noqa: PTH123 - twice as fast
        start = file.read(FIRST_READ)
        if not starts_like_dicom(start[:132]):
            return None
        dataset: Elements | None = scan_header(file, start, _SCANNED)
    return record_of(dataset if dataset else None, path, shown)


def read_stamped(files: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Read the headers of some files for the header cache.

    Parameters
    ----------
    files : iterable of (path, shown name, stamp)
        What to read. It lies here, not in curation, so that a worker process has little to load.

    Returns
    -------
    list of (path, stamp, text)
        The record as JSON; "" for a file that is not DICOM; ``{"unreadable": reason}`` for one
        that cannot be opened.
    """
    found = []
    for path, shown, stamp in files:
        try:
            record = read_record(path, shown)
            value = "" if record is None else json.dumps(record.to_dict())
        except DicomError as error:
            value = json.dumps({"unreadable": _without_path(error, path)})
        found.append((path, stamp, value))
    return found


def record_of(dataset: Elements | None, path: str, shown: str) -> Record:
    """Return the record of a header; pydicom reads it when it is not given."""
    if dataset is None:
        try:
            dataset = read_dataset(path, pixels=False, tags=TAGS)
        except DicomError as error:
            return Record(path, shown, problem=_without_path(error, path))
    sop_class = text(dataset, "SOPClassUID")
    kind = IMAGE_KINDS.get(sop_class, text(dataset, "Modality"))
    if not kind:
        return Record(path, shown, problem="header without SOPClassUID and Modality (truncated?)")
    known: dict[str, Any] = {
        "kind": kind,
        "patient_id": text(dataset, "PatientID"),
        "birth_date": text(dataset, "PatientBirthDate"),
        "study_uid": text(dataset, "StudyInstanceUID"),
        "series_uid": text(dataset, "SeriesInstanceUID"),
        "instance_uid": text(dataset, "SOPInstanceUID"),
        "frame_of_reference": text(dataset, "FrameOfReferenceUID"),
        "date": _date(dataset) if kind in ("RTSTRUCT", "SEG") else "",
    }
    if sop_class not in IMAGE_KINDS and kind in ("CT", "MR", "PT"):
        known["kind"] = f"{kind} (not an image)"
    try:
        with damage(path):
            known["attributes"] = _attributes(dataset)
        if known["kind"] in ("CT", "MR", "PT"):
            known["slices"] = tuple(slices_of(dataset, path))
        elif kind == "RTSTRUCT":
            known |= _structure_set(path)
        elif kind == "SEG":
            with damage(path):
                known |= _segmentation(read_dataset(path, pixels=False, tags=TAGS))
    except DicomError as error:
        known["problem"] = _without_path(error, path)
    return Record(path, shown, **known)


def _without_path(error: DicomError, path: str) -> str:
    return str(error).removeprefix(f"{path}: ")


def _date(dataset: Elements) -> str:
    for start in ("StructureSet", "Content", "Series"):
        if value := text(dataset, f"{start}Date"):
            return f"{value} {text(dataset, f'{start}Time')}".strip()
    return text(dataset, "StudyDate")


def _attributes(dataset: Elements) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    scaling = _scaling(dataset)
    for column, keyword in ATTRIBUTES.items():
        source = scaling if column.startswith("rescale") else dataset
        value = number(source, keyword) if column in _NUMBERS else text(source, keyword)
        if value not in (None, ""):
            found[column] = value
    drug = items(dataset, "RadiopharmaceuticalInformationSequence")
    if drug:
        dose = number(drug[0], "RadionuclideTotalDose")
        if dose is not None:
            found["dose_mbq"] = dose / 1e6
        if tracer := text(drug[0], "Radiopharmaceutical"):
            found["tracer"] = tracer
    return found


def _scaling(dataset: Elements) -> Elements:
    """Where the rescale values stand: in the file itself or in its functional groups."""
    groups = (
        *items(dataset, "SharedFunctionalGroupsSequence"),
        *items(dataset, "PerFrameFunctionalGroupsSequence")[:1],
    )
    for group in groups:
        if found := items(group, "PixelValueTransformationSequence"):
            return found[0]
    return dataset


def _structure_set(path: str) -> dict[str, Any]:
    plan = read_rtstruct(path)
    rois = []
    for contours in plan.rois:
        rois.append(
            RoiRecord(
                contours.roi,
                contours.number,
                len(contours.polygons),
                contours.skipped,
                _sample_of_all(contours.polygons),
            )
        )
    frames = plan.frames_of_reference
    return {
        "rois": tuple(rois),
        "series_uids": plan.series_uids,
        "image_uids": tuple(sorted(plan.image_uids)),
        "frame_of_reference": frames[0] if len(frames) == 1 else "",
    }


def _segmentation(dataset: Dataset) -> dict[str, Any]:
    places = []
    for frame in items(dataset, "PerFrameFunctionalGroupsSequence"):
        plane = (frame.get("PlanePositionSequence") or [Dataset()])[0]
        values = numbers(plane, "ImagePositionPatient")
        if values is not None and len(values) == 3 and max(map(abs, values)) < LARGEST_MM:
            places.append(values)
    points = _sample(np.array(places).reshape(-1, 3))
    rois = tuple(
        RoiRecord(
            text(item, "SegmentLabel") or f"segment {text(item, 'SegmentNumber')}",
            int(number(item, "SegmentNumber") or 0),
            1,
            0,
            points,
        )
        for item in items(dataset, "SegmentSequence")
        if int(number(item, "SegmentNumber") or 0) > 0
    )
    series = [
        text(item, "SeriesInstanceUID") for item in items(dataset, "ReferencedSeriesSequence")
    ]
    images = {
        text(image, "ReferencedSOPInstanceUID")
        for item in items(dataset, "ReferencedSeriesSequence")
        for image in items(item, "ReferencedInstanceSequence")
    }
    return {
        "rois": rois,
        "series_uids": tuple(sorted(set(series) - {""})),
        "image_uids": tuple(sorted(images - {""})),
    }


def _sample_of_all(polygons: Sequence[np.ndarray]) -> tuple[tuple[float, float, float], ...]:
    """Some points of an ROI, among them one of every contour: each says on which slice it lies."""
    if not polygons:
        return ()
    return _sample(np.concatenate(polygons)) + tuple(
        point for polygon in polygons for point in _sample(polygon[:1])
    )


def _sample(points: np.ndarray) -> tuple[tuple[float, float, float], ...]:
    chosen = points[:: max(1, len(points) // SAMPLED_POINTS)]
    return tuple((float(x), float(y), float(z)) for x, y, z in np.round(chosen, 3))
