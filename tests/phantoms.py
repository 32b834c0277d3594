"""Small DICOM series, structure sets and polygons, written from arrays for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "RTSTRUCT": "1.2.840.10008.5.1.4.1.1.481.3",
}
ROOT = "1.2.826.0.1.3680043.10.1400"


def uid(*parts: object) -> str:
    """A UID that is the same for the same words."""
    number = int.from_bytes("|".join(map(str, parts)).encode(), "big") % 10**24
    return f"{ROOT}.{number}"


def header(kind: str, instance: str, patient: str = "P1") -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = CLASSES[kind]
    dataset.file_meta.MediaStorageSOPInstanceUID = instance
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CLASSES[kind]
    dataset.SOPInstanceUID = instance
    dataset.Modality = kind
    dataset.PatientID = patient
    dataset.PatientName = patient
    dataset.StudyInstanceUID = uid(patient, "study")
    dataset.StudyDate = "20200102"
    return dataset


def series(
    folder: Path,
    array: np.ndarray,
    *,
    kind: str = "CT",
    patient: str = "P1",
    name: str = "series",
    spacing: tuple[float, float, float] = (3.0, 1.0, 1.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    direction: np.ndarray | None = None,
    change=None,
) -> list[Path]:
    """Write stored values (z, y, x) as one file a slice; `change(dataset, k)` may edit or drop.

    CT has slope 1 and intercept -1024.
    """
    folder.mkdir(parents=True, exist_ok=True)
    axes = np.eye(3) if direction is None else np.asarray(direction, dtype=float)
    paths = []
    for k, plane in enumerate(array):
        dataset = header(kind, uid(patient, name, k), patient)
        dataset.SeriesInstanceUID = uid(patient, name)
        dataset.FrameOfReferenceUID = uid(patient, "frame")
        dataset.SeriesNumber = 1
        dataset.InstanceNumber = k + 1
        dataset.Rows, dataset.Columns = plane.shape
        dataset.PixelSpacing = [spacing[1], spacing[2]]
        dataset.SliceThickness = spacing[0]
        position = np.asarray(origin) + axes[:, 2] * spacing[0] * k
        dataset.ImagePositionPatient = [f"{value:.10g}" for value in position]
        cosines = [*axes[:, 0], *axes[:, 1]]
        dataset.ImageOrientationPatient = [f"{value:.10g}" for value in cosines]
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit = 15
        dataset.PixelRepresentation = 0
        if kind == "CT":
            dataset.RescaleSlope, dataset.RescaleIntercept = "1", "-1024"
            dataset.Manufacturer, dataset.KVP = "ACME", "120"
            dataset.ConvolutionKernel = "B30f"
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.PixelData = plane.astype("<u2").tobytes()
        if change is not None:
            dataset = change(dataset, k)
        if dataset is not None:
            path = folder / f"{name}-{(k * 7) % 101:03d}"
            pydicom.dcmwrite(path, dataset, enforce_file_format=True)
            paths.append(path)
    return paths


def rtstruct(
    path: Path,
    rois: dict[str, list[np.ndarray]],
    *,
    patient: str = "P1",
    name: str = "series",
    change=None,
) -> Path:
    """Write a structure set that refers to a `series` of the same patient and name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = header("RTSTRUCT", uid(patient, name, "rs", path.name), patient)
    dataset.SeriesInstanceUID = uid(patient, name, "rs", path.name, "series")
    dataset.StructureSetLabel = "test"
    one = Dataset()
    one.SeriesInstanceUID = uid(patient, name)
    one.ContourImageSequence = []
    study = Dataset()
    study.RTReferencedSeriesSequence = [one]
    frame = Dataset()
    frame.FrameOfReferenceUID = uid(patient, "frame")
    frame.RTReferencedStudySequence = [study]
    dataset.ReferencedFrameOfReferenceSequence = [frame]
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (roi, polygons) in enumerate(rois.items(), start=1):
        item = Dataset()
        item.ROINumber, item.ROIName = number, roi
        item.ReferencedFrameOfReferenceUID = uid(patient, "frame")
        dataset.StructureSetROISequence.append(item)
        drawn = Dataset()
        drawn.ReferencedROINumber = number
        drawn.ContourSequence = []
        for polygon in polygons:
            contour = Dataset()
            contour.ContourGeometricType = "CLOSED_PLANAR"
            contour.NumberOfContourPoints = len(polygon)
            contour.ContourData = [f"{value:.10g}" for value in np.ravel(polygon)]
            drawn.ContourSequence.append(contour)
        dataset.ROIContourSequence.append(drawn)
    if change is not None:
        change(dataset)
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def circle(centre: tuple[float, float, float], radius: float, points: int = 90) -> np.ndarray:
    """An axial circle, shape (points, 3), patient coordinates."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    x, y, z = centre
    return np.stack(
        [x + radius * np.cos(angle), y + radius * np.sin(angle), np.full(points, z)], axis=1
    )


def square(low: tuple[float, float], high: tuple[float, float], z: float) -> np.ndarray:
    """An axial rectangle between two corners (x, y)."""
    (x0, y0), (x1, y1) = low, high
    return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], dtype=float)
