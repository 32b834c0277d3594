"""Masks back to a planning system: DICOM RTSTRUCT and SEG that refer to their image series."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    RTStructureSetStorage,
    generate_uid,
)
from skimage.measure import find_contours

from radtool.errors import GeometryError, InputError
from radtool.files import atomic_path, hash_of
from radtool.image import Geometry, Mask
from radtool.io.headers import text
from radtool.io.planes import slices_of
from radtool.io.series import Files, image_datasets
from radtool.io.stacking import Slice, stack_slices
from radtool.provenance import versions

if TYPE_CHECKING:
    import highdicom

__all__ = ["mask_contours", "write_rtstruct", "write_seg"]

COLOURS = (
    (255, 59, 48), (52, 199, 89), (0, 122, 255), (255, 204, 0), (175, 82, 222), (90, 200, 250),
)  # fmt: skip
PATIENT = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
    "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """The image series that masks are written for."""

    datasets: dict[str, Dataset]
    slices: tuple[Slice, ...]
    geometry: Geometry

    @property
    def first(self) -> Dataset:
        return self.datasets[self.slices[0].file]


def write_rtstruct(
    masks: Sequence[Mask],
    series: Files,
    path: str | os.PathLike[str],
    *,
    label: str = "radtool",
    algorithm: str | None = None,
) -> None:
    """Write masks as a DICOM RTSTRUCT on the series that they belong to.

    Parameters
    ----------
    masks : sequence of Mask
        On the grid of the series; each becomes one ROI.
    series : path-like or iterable of path-like
        The DICOM image series: folder or files.
    path : path-like
        The file, written whole or not at all.
    label : str, default "radtool"
        Label of the structure set.
    algorithm : str, optional
        Name of the segmenter; without it the ROIs are marked as manual.

    Raises
    ------
    GeometryError
        A mask is not on the grid of the series.
    InputError
        No mask, an empty one, two of one name, or the file cannot be written.
    DicomError
        The series is not a volume.

    Notes
    -----
    Contours run half-way between inner and outer voxel centres, a hole is a contour of its own
    (even-odd rule), so `read_mask` gives back the same voxels. The same masks give the same
    bytes: UIDs are derived from the content and the structure set carries no date.
    """
    source = _source(series, masks)
    plan = _header(source, RTStructureSetStorage, _content(masks, source, label))
    plan.Modality = "RTSTRUCT"
    plan.StructureSetLabel = label[:16]
    plan.StructureSetDate = plan.StructureSetTime = ""
    plan.ReferencedFrameOfReferenceSequence = [_referenced_frame(source)]
    plan.StructureSetROISequence = []
    plan.ROIContourSequence = []
    plan.RTROIObservationsSequence = []
    for number, mask in enumerate(masks, start=1):
        plan.StructureSetROISequence.append(
            _item(
                ROINumber=number,
                ReferencedFrameOfReferenceUID=source.first.FrameOfReferenceUID,
                ROIName=mask.roi,
                ROIGenerationAlgorithm="AUTOMATIC" if algorithm else "MANUAL",
                ROIGenerationDescription=algorithm or "",
            )
        )
        plan.ROIContourSequence.append(_roi_contours(number, mask, source))
        plan.RTROIObservationsSequence.append(
            _item(
                ObservationNumber=number,
                ReferencedROINumber=number,
                RTROIInterpretedType="",
                ROIInterpreter="",
            )
        )
    _save(plan, path)


def write_seg(
    masks: Sequence[Mask],
    series: Files,
    path: str | os.PathLike[str],
    *,
    label: str = "radtool",
    algorithm: str | None = None,
) -> None:
    """Write masks as a binary DICOM SEG on the series that they belong to.

    Parameters
    ----------
    masks, series, path, label, algorithm
        As for `write_rtstruct`; masks may overlap.

    Raises
    ------
    GeometryError, InputError, DicomError
        As for `write_rtstruct`.
    """
    import highdicom  # takes a second to import; most runs write no SEG

    source = _source(series, masks)
    content = _content(masks, source, label)
    images = [source.datasets[file] for file in dict.fromkeys(s.file for s in source.slices)]
    for image in images:
        for keyword in PATIENT:
            if keyword not in image:  # required by the standard, missing in many exports
                setattr(image, keyword, "")
    order = _stored_order(source)
    voxels = np.stack([mask.array for mask in masks], axis=-1)[order].astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seg = highdicom.seg.Segmentation(
            source_images=images,
            pixel_array=voxels,
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[
                _segment(number, mask, algorithm) for number, mask in enumerate(masks, start=1)
            ],
            series_instance_uid=generate_uid(entropy_srcs=[content, "series"]),
            series_number=900,
            sop_instance_uid=generate_uid(entropy_srcs=[content, "instance"]),
            instance_number=1,
            manufacturer="radtool",
            manufacturer_model_name="radtool",
            software_versions=versions(["radtool"])["radtool"],
            device_serial_number="0",
            content_label=_code_text(label),
        )
    _without_time_of_writing(seg, source, content)
    _save(seg, path)


def _without_time_of_writing(seg: Dataset, source: _Source, content: str) -> None:
    """Put the study's date and derived UIDs in place of the clock and of chance."""
    date = text(source.first, "StudyDate") or "19000101"
    time = text(source.first, "StudyTime") or "000000"
    dimensions = generate_uid(entropy_srcs=[content, "dimensions"])
    found = {
        "ContentDate": date,
        "ContentTime": time,
        "InstanceCreationDate": date,
        "InstanceCreationTime": time,
        "ContributionDateTime": date + time,
        "DimensionOrganizationUID": dimensions,
    }
    for element in seg.iterall():
        if element.keyword in found:
            element.value = found[element.keyword]


def mask_contours(mask: Mask) -> list[tuple[int, np.ndarray]]:
    """Outline a mask slice by slice.

    Parameters
    ----------
    mask : Mask
        What to outline.

    Returns
    -------
    list of (int, ndarray of shape (n_points, 3))
        Slice index and closed polygon in patient coordinates (x, y, z), mm; holes are polygons
        of their own. Filling them by the even-odd rule gives the mask back.
    """
    found = []
    for k in np.flatnonzero(mask.array.any(axis=(1, 2))):
        padded = np.pad(mask.array[k], 1).astype(float)
        for outline in find_contours(padded, 0.5, fully_connected="high"):
            corners = _without_straight_points(outline[:-1] - 1)
            index = np.column_stack([np.full(len(corners), float(k)), corners])
            found.append((int(k), mask.geometry.to_patient(index)))
    return found


def _without_straight_points(outline: np.ndarray) -> np.ndarray:
    before = outline - np.roll(outline, 1, axis=0)
    after = np.roll(outline, -1, axis=0) - outline
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    kept = outline[np.abs(turn) > 1e-9]
    return kept if len(kept) >= 3 else outline


def _source(series: Files, masks: Sequence[Mask]) -> _Source:
    if not masks:
        raise InputError("no mask to write")
    names = [mask.roi for mask in masks]
    if len(set(names)) < len(names):
        raise InputError(f"two masks have the same name: {names}; rename one")
    datasets = image_datasets(series)
    planes = [one for path, dataset in datasets.items() for one in slices_of(dataset, path)]
    stack = stack_slices(planes)
    geometry = stack.checked_geometry(text(next(iter(datasets.values())), "SeriesInstanceUID"))
    for mask in masks:
        if mask.is_empty:
            raise InputError(f"mask {mask.roi!r} is empty; nothing to write")
        if not mask.geometry.matches(geometry):
            raise GeometryError(
                f"mask {mask.roi!r} is not on the grid of the series: corners differ by"
                f" {mask.geometry.corner_distance(geometry):.3g} mm, shapes"
                f" {mask.geometry.shape} and {geometry.shape}"
            )
    return _Source(datasets, stack.slices, geometry)


def _content(masks: Iterable[Mask], source: _Source, label: str) -> str:
    """Hash of everything that is written; equal content has equal UIDs."""
    packed = [[mask.roi, mask.origin, np.packbits(mask.array).tobytes().hex()] for mask in masks]
    return hash_of([label, text(source.first, "SeriesInstanceUID"), packed])


def _header(source: _Source, kind: UID, content: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[content, "instance"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    header.SOPClassUID = kind
    header.SOPInstanceUID = generate_uid(entropy_srcs=[content, "instance"])
    for keyword in PATIENT:
        setattr(header, keyword, source.first.get(keyword, ""))
    if "SpecificCharacterSet" in source.first:
        header.SpecificCharacterSet = source.first.SpecificCharacterSet
    header.SeriesInstanceUID = generate_uid(entropy_srcs=[content, "series"])
    header.SeriesNumber, header.InstanceNumber = 901, 1
    header.Manufacturer = "radtool"
    header.SoftwareVersions = versions(["radtool"])["radtool"]
    header.FrameOfReferenceUID = source.first.FrameOfReferenceUID
    header.PositionReferenceIndicator = ""
    header.OperatorsName = ""
    header.ApprovalStatus = "UNAPPROVED"
    return header


def _item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _image_item(source: _Source, one: Slice) -> Dataset:
    item = _item(
        ReferencedSOPClassUID=source.datasets[one.file].SOPClassUID,
        ReferencedSOPInstanceUID=one.uid,
    )
    if "NumberOfFrames" in source.datasets[one.file]:
        item.ReferencedFrameNumber = one.frame + 1
    return item


def _referenced_frame(source: _Source) -> Dataset:
    series = _item(
        SeriesInstanceUID=source.first.SeriesInstanceUID,
        ContourImageSequence=[_image_item(source, one) for one in source.slices],
    )
    study = _item(
        ReferencedSOPClassUID=DETACHED_STUDY,
        ReferencedSOPInstanceUID=source.first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return _item(
        FrameOfReferenceUID=source.first.FrameOfReferenceUID, RTReferencedStudySequence=[study]
    )


def _roi_contours(number: int, mask: Mask, source: _Source) -> Dataset:
    contours = [
        _item(
            ContourImageSequence=[_image_item(source, source.slices[k])],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=len(polygon),
            ContourData=[f"{value:.4f}" for value in polygon.ravel()],
        )
        for k, polygon in mask_contours(mask)
    ]
    return _item(
        ReferencedROINumber=number,
        ROIDisplayColor=list(COLOURS[(number - 1) % len(COLOURS)]),
        ContourSequence=contours,
    )


def _stored_order(source: _Source) -> np.ndarray:
    """Return which slice of the grid belongs to each frame, as highdicom expects them."""
    if "NumberOfFrames" not in source.first:
        return np.arange(len(source.slices))
    return np.argsort([one.frame for one in source.slices])


def _segment(number: int, mask: Mask, algorithm: str | None) -> highdicom.seg.SegmentDescription:
    import highdicom
    from highdicom.sr.coding import CodedConcept

    tissue = CodedConcept("85756007", "SCT", "Tissue")
    kind = highdicom.seg.SegmentAlgorithmTypeValues
    identification = None
    if algorithm:
        identification = highdicom.AlgorithmIdentificationSequence(
            name=algorithm,
            version=versions(["radtool"])["radtool"],
            family=CodedConcept("123109", "DCM", "Artificial Intelligence"),
        )
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=mask.roi[:64],
        segmented_property_category=tissue,
        segmented_property_type=tissue,
        algorithm_type=kind.AUTOMATIC if algorithm else kind.MANUAL,
        algorithm_identification=identification,
    )


def _code_text(label: str) -> str:
    """Content label: capitals, digits and underscore, 16 characters."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in label.upper())
    return plain[:16] or "RADTOOL"


def _save(dataset: Dataset, path: str | os.PathLike[str]) -> None:
    target = Path(path)
    try:
        with atomic_path(target) as part:
            pydicom.dcmwrite(part, dataset, enforce_file_format=True)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror or error})") from error
