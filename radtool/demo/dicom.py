"""Write an image as a DICOM series and contours as an RTSTRUCT, same input same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    RTStructureSetStorage,
    generate_uid,
)
from scipy import ndimage

from radtool.demo.sites import Site
from radtool.image import Geometry, Image

__all__ = ["Patient", "Slice", "image_series", "structure_set", "uid"]

_COLOURS = ([255, 0, 0], [0, 255, 0], [0, 128, 255])


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What every header of a patient repeats.

    Parameters
    ----------
    patient_id, sex : str
        Identity; sex is "F" or "M".
    age : int
        Years.
    site : Site
        Where the patient was scanned.
    study_date : str
        YYYYMMDD.
    seed : int
        Seed of the cohort; part of every UID.
    """

    patient_id: str
    sex: str
    age: int
    site: Site
    study_date: str
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """One DICOM file of a series: its bytes, its SOP instance UID and its place along z."""

    data: bytes
    instance_uid: str
    position: float


def uid(patient: Patient, *what: object) -> UID:
    """Return the UID of a thing of a patient; equal input gives an equal UID."""
    return generate_uid(entropy_srcs=[str(patient.seed), patient.patient_id, *map(str, what)])


def image_series(
    image: Image, patient: Patient, *, modality: str = "CT", repeated: int | None = None
) -> list[Slice]:
    """Write an axial image as DICOM files, one a slice, from the lowest to the highest z.

    Parameters
    ----------
    image : Image
        HU, whole numbers, axes along the patient's.
    patient : Patient
        Header.
    modality : {"CT", "MR"}
        An "MR" carries the same numbers shifted to be positive, and no rescaling.
    repeated : int, optional
        A slice that is written once more at the end, under another instance UID, as another
        reconstruction would have it: sharper.

    Returns
    -------
    list of Slice
        In the order of the image's slices, then the repeated one.
    """
    template = _image_template(image.geometry, patient, modality)
    shift = 0 if patient.site.signed and modality == "CT" else 1024
    stored = (image.array + shift).astype("<i2" if shift == 0 else "<u2")
    slices = []
    planes = [(index, plane) for index, plane in enumerate(stored)]
    if repeated is not None:
        planes.append((repeated, _sharper(stored[repeated])))
    for count, (index, plane) in enumerate(planes):
        position = image.geometry.origin[2] + index * image.geometry.spacing[0]
        instance = uid(patient, "image", count)
        template.file_meta.MediaStorageSOPInstanceUID = instance
        template.SOPInstanceUID = instance
        template.InstanceNumber = index + 1
        template.ImagePositionPatient = [*map(_text, (*image.geometry.origin[:2], position))]
        template.SliceLocation = _text(position)
        template.PixelData = plane.tobytes()
        slices.append(Slice(_bytes(template), instance, position))
    return slices


def _sharper(plane: np.ndarray) -> np.ndarray:
    """What a sharper kernel would give: the plane and half of what a mean of 3 × 3 takes away."""
    exact = plane.astype(np.float64)
    limits = np.iinfo(plane.dtype)
    sharp = np.rint(1.5 * exact - 0.5 * ndimage.uniform_filter(exact, 3))
    return np.clip(sharp, limits.min, limits.max).astype(plane.dtype)


def structure_set(
    rois: Mapping[str, Sequence[Sequence[np.ndarray]]], patient: Patient, slices: Sequence[Slice]
) -> bytes:
    """Write contours as an RTSTRUCT that refers to a series.

    Parameters
    ----------
    rois : mapping from ROI name to contours
        For each slice of the series its closed polygons, arrays of shape (m, 3), (x, y, z), mm.
        A ROI without any polygon is written without contours.
    patient : Patient
        Header.
    slices : sequence of Slice
        The series that was contoured.

    Returns
    -------
    bytes
        The file.
    """
    plan = _common(patient, RTStructureSetStorage, uid(patient, "structures"))
    plan.Modality = "RTSTRUCT"
    plan.SeriesInstanceUID = uid(patient, "structure series")
    plan.SeriesNumber = 9
    plan.StructureSetLabel = "RTPLAN"
    plan.StructureSetDate, plan.StructureSetTime = patient.study_date, "120000"
    plan.ReferencedFrameOfReferenceSequence = [_referenced_frame(patient, slices)]
    plan.StructureSetROISequence = []
    plan.ROIContourSequence = []
    plan.RTROIObservationsSequence = []
    for number, (name, planes) in enumerate(rois.items(), start=1):
        plan.StructureSetROISequence.append(
            _dataset(
                ROINumber=number,
                ReferencedFrameOfReferenceUID=uid(patient, "frame"),
                ROIName=name,
                ROIGenerationAlgorithm="MANUAL",
            )
        )
        plan.ROIContourSequence.append(_roi_contour(number, planes, slices))
        plan.RTROIObservationsSequence.append(
            _dataset(
                ObservationNumber=number,
                ReferencedROINumber=number,
                RTROIInterpretedType="GTV" if number == 1 else "ORGAN",
                ROIInterpreter="",
            )
        )
    return _bytes(plan)


def _roi_contour(
    number: int, planes: Sequence[Sequence[np.ndarray]], slices: Sequence[Slice]
) -> Dataset:
    contours = [
        _dataset(
            ContourImageSequence=[
                _dataset(
                    ReferencedSOPClassUID=CTImageStorage,
                    ReferencedSOPInstanceUID=place.instance_uid,
                )
            ],
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=len(polygon),
            ContourData=[f"{value:.2f}" for value in polygon.ravel()],
        )
        for place, polygons in zip(slices, planes, strict=True)
        for polygon in polygons
    ]
    roi = _dataset(ROIDisplayColor=_COLOURS[(number - 1) % len(_COLOURS)])
    if contours:
        roi.ContourSequence = contours
    roi.ReferencedROINumber = number
    return roi


def _referenced_frame(patient: Patient, slices: Sequence[Slice]) -> Dataset:
    series = _dataset(
        SeriesInstanceUID=uid(patient, "series"),
        ContourImageSequence=[
            _dataset(
                ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=place.instance_uid
            )
            for place in slices
        ],
    )
    study = _dataset(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=uid(patient, "study"),
        RTReferencedSeriesSequence=[series],
    )
    return _dataset(FrameOfReferenceUID=uid(patient, "frame"), RTReferencedStudySequence=[study])


def _image_template(geometry: Geometry, patient: Patient, modality: str) -> FileDataset:
    site = patient.site
    kind = CTImageStorage if modality == "CT" else MRImageStorage
    image = _common(patient, kind, UID(""))
    image.Modality = modality
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if modality == "CT" else "M"]
    image.SeriesInstanceUID = uid(patient, "series")
    image.SeriesNumber = 2
    image.SeriesDescription = "THORAX" if modality == "CT" else "T2 TRA"
    image.BodyPartExamined = "CHEST"
    image.PatientPosition = "HFS"
    image.AcquisitionNumber = 1
    image.SliceThickness = _text(site.slice_spacing)
    if modality == "CT":
        image.KVP = "120"
        image.ConvolutionKernel = site.kernel
    else:
        image.ScanningSequence, image.SequenceVariant, image.ScanOptions = "SE", "NONE", ""
        image.MRAcquisitionType, image.MagneticFieldStrength = "2D", "1.5"
        image.EchoTime, image.RepetitionTime, image.EchoTrainLength = "90", "4000", 15
    image.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    image.PixelSpacing = [_text(geometry.spacing[1]), _text(geometry.spacing[2])]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = geometry.shape[1:]
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = int(site.signed and modality == "CT")
    if modality == "CT":
        image.RescaleIntercept = "0" if site.signed else "-1024"
        image.RescaleSlope, image.RescaleType = "1", "HU"
        image.WindowCenter, image.WindowWidth = "40", "400"
    return image


def _common(patient: Patient, kind: UID, instance: UID) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = generate_uid(entropy_srcs=["radtool demo"])
    meta.ImplementationVersionName = "RADTOOL_DEMO"
    header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    header.SOPClassUID, header.SOPInstanceUID = kind, instance
    header.StudyInstanceUID = uid(patient, "study")
    header.FrameOfReferenceUID, header.PositionReferenceIndicator = uid(patient, "frame"), ""
    header.PatientID, header.PatientName = patient.patient_id, f"Demo^{patient.patient_id}"
    header.PatientSex, header.PatientAge = patient.sex, f"{patient.age:03d}Y"
    header.PatientBirthDate, header.PatientIdentityRemoved = "", "YES"
    header.DeidentificationMethod = "simulated patient"
    header.StudyDate = header.SeriesDate = patient.study_date
    header.StudyTime = header.SeriesTime = "120000"
    header.StudyID, header.AccessionNumber, header.ReferringPhysicianName = "1", "", ""
    header.StudyDescription = "SIMULATED"
    header.Manufacturer = patient.site.manufacturer
    header.ManufacturerModelName = patient.site.model
    header.InstitutionName = patient.site.institution
    return header


def _dataset(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _bytes(dataset: FileDataset) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _text(value: float) -> str:
    """Decimal string of a length in mm."""
    return f"{value:.6g}"
