"""Contours of a DICOM RT structure set, in patient coordinates."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from radtool.errors import DicomError, InputError, did_you_mean
from radtool.io.headers import damage, items, number, numbers, read_dataset, text

__all__ = ["Contours", "RtStruct", "read_rtstruct"]

CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """All closed contours of one ROI.

    Parameters
    ----------
    roi : str
        ROI name.
    number : int
        ROI number, unique in the structure set.
    polygons : tuple of ndarray of shape (n_points, 3)
        Closed planar contours; patient coordinates (x, y, z), LPS, mm.
    skipped : int, default 0
        Contours that enclose nothing: points, open lines, fewer than three points.
    frame_of_reference : str, default ""
        UID of the coordinate system.
    """

    roi: str
    number: int
    polygons: tuple[np.ndarray, ...]
    skipped: int = 0
    frame_of_reference: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RtStruct:
    """A structure set.

    Parameters
    ----------
    path : str
        The file.
    rois : tuple of Contours
        In the order of the file.
    frames_of_reference : tuple of str
        UIDs of the coordinate systems that are named.
    series_uids : tuple of str
        Series that the contours were drawn on.
    image_uids : frozenset of str
        SOP instance UIDs of the images that the contours were drawn on.
    patient_id, label, study_uid, date : str
        Identification; date is the structure set's, YYYYMMDD.
    """

    path: str
    rois: tuple[Contours, ...]
    frames_of_reference: tuple[str, ...] = ()
    series_uids: tuple[str, ...] = ()
    image_uids: frozenset[str] = frozenset()
    patient_id: str = ""
    label: str = ""
    study_uid: str = ""
    date: str = ""

    @property
    def roi_names(self) -> list[str]:
        """Names of all ROIs, in the order of the file."""
        return [contours.roi for contours in self.rois]

    def roi(self, name: str | None = None) -> Contours:
        """Return the contours of one ROI by its exact name.

        Parameters
        ----------
        name : str, optional
            May be left out when a single ROI has closed contours.

        Raises
        ------
        InputError
            No such ROI, or several and none is named.
        DicomError
            Two ROIs have this name, or it has no closed contour.
        """
        drawn = [contours for contours in self.rois if contours.polygons]
        if name is None:
            if len(drawn) == 1:
                return drawn[0]
            listed = ", ".join(f"{c.roi!r} ({len(c.polygons)} contours)" for c in drawn)
            raise InputError(
                f"{self.path}: {len(drawn)} ROIs with contours, name one with roi=: {listed}"
            )
        found = [contours for contours in self.rois if contours.roi == name]
        if not found:
            raise InputError(f"{self.path}: no ROI {name!r}{did_you_mean(name, self.roi_names)}")
        found = [contours for contours in found if contours.polygons] or found
        if len(found) > 1:
            raise DicomError(f"{self.path}: {len(found)} ROIs are called {name!r}")
        if not found[0].polygons:
            raise DicomError(f"{self.path}: ROI {name!r} has no closed contour; nothing to fill")
        return found[0]


def read_rtstruct(path: str | os.PathLike[str]) -> RtStruct:
    """Read a DICOM RTSTRUCT.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    RtStruct
        ROI names and contours; nothing is matched or filled yet.

    Raises
    ------
    DicomError
        Not an RTSTRUCT, damaged, or contour data that are not triples of finite numbers.
    """
    dataset = read_dataset(path)
    with damage(path):
        if text(dataset, "Modality") != "RTSTRUCT":
            found = text(dataset, "Modality") or "without a modality"
            raise DicomError(f"{path}: is {found}, not an RTSTRUCT")
        names = _names(dataset)
        contours: dict[int, Contours] = {
            key: Contours(name, key, (), 0, frame) for key, (name, frame) in names.items()
        }
        for item in items(dataset, "ROIContourSequence"):
            key = int(number(item, "ReferencedROINumber") or 0)
            name, frame = names.get(key, (f"ROI {key}", ""))
            polygons, skipped = _polygons(item, f"{path}: ROI {name!r}")
            contours[key] = Contours(name, key, polygons, skipped, frame)
        frames, series, images = _references(dataset)
        return RtStruct(
            os.fspath(path),
            tuple(contours.values()),
            tuple(sorted(frames | {c.frame_of_reference for c in contours.values()} - {""})),
            tuple(sorted(series)),
            frozenset(images),
            text(dataset, "PatientID"),
            text(dataset, "StructureSetLabel"),
            text(dataset, "StudyInstanceUID"),
            text(dataset, "StructureSetDate") or text(dataset, "SeriesDate"),
        )


def _names(dataset: Dataset) -> dict[int, tuple[str, str]]:
    found = {}
    for item in items(dataset, "StructureSetROISequence"):
        key = int(number(item, "ROINumber") or 0)
        name = text(item, "ROIName") or f"ROI {key}"
        found[key] = (name, text(item, "ReferencedFrameOfReferenceUID"))
    return found


def _polygons(item: Dataset, name: str) -> tuple[tuple[np.ndarray, ...], int]:
    polygons = []
    skipped = 0
    for contour in items(item, "ContourSequence"):
        values = numbers(contour, "ContourData") or ()
        points = np.array(values, dtype=float)
        if len(points) % 3 or not np.isfinite(points).all():
            raise DicomError(f"{name}: ContourData are not triples of finite numbers")
        kind = text(contour, "ContourGeometricType") or "CLOSED_PLANAR"
        if kind not in CLOSED or len(points) < 9:
            skipped += 1
            continue
        polygon = points.reshape(-1, 3)
        polygon.flags.writeable = False
        polygons.append(polygon)
    return tuple(polygons), skipped


def _references(dataset: Dataset) -> tuple[set[str], set[str], set[str]]:
    frames, series, images = set(), set(), set()
    for frame in items(dataset, "ReferencedFrameOfReferenceSequence"):
        frames.add(text(frame, "FrameOfReferenceUID"))
        for study in items(frame, "RTReferencedStudySequence"):
            for one in items(study, "RTReferencedSeriesSequence"):
                series.add(text(one, "SeriesInstanceUID"))
                images |= _image_uids(one)
    for roi in items(dataset, "ROIContourSequence"):
        for contour in items(roi, "ContourSequence"):
            images |= _image_uids(contour)
    return frames - {""}, series - {""}, images - {""}


def _image_uids(item: Dataset) -> set[str]:
    return {
        text(image, "ReferencedSOPInstanceUID") for image in items(item, "ContourImageSequence")
    }
