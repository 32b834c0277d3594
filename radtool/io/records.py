"""What is remembered of one DICOM file: enough to sort, describe and match, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from radtool.io.stacking import Slice

__all__ = ["Record", "RoiRecord"]


@dataclass(frozen=True, slots=True)
class RoiRecord:
    """One ROI of a structure set or one segment of a SEG.

    Parameters
    ----------
    name : str
        As the file says.
    number : int
        ROI or segment number.
    contours : int
        Closed contours; 1 for a segment.
    skipped : int
        Contours that enclose nothing.
    points : tuple of (x, y, z)
        Some of its points, spread over all contours; patient coordinates, mm.
    """

    name: str
    number: int
    contours: int
    skipped: int = 0
    points: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One DICOM file.

    Parameters
    ----------
    path : str
        Where it is read from.
    shown : str
        How it is called: relative to the crawled folder, archive members as ``a.zip/b``.
    kind : str
        "CT", "MR" or "PT" for image planes; "RTSTRUCT", "SEG"; else the file's own modality.
    patient_id, birth_date, study_uid, series_uid, instance_uid, frame_of_reference : str
        Identification.
    attributes : mapping
        Columns of `ATTRIBUTES`, tracer and dose, those that are there.
    slices : tuple of Slice
        Image planes.
    rois : tuple of RoiRecord
        Regions of a structure set or SEG.
    series_uids, image_uids : tuple of str
        What a structure set or SEG refers to.
    date : str
        Date and time of a structure set or SEG, "YYYYMMDD HHMMSS".
    problem : str
        Why the file cannot be used, "" when it can.
    """

    path: str
    shown: str
    kind: str = ""
    patient_id: str = ""
    birth_date: str = ""
    study_uid: str = ""
    series_uid: str = ""
    instance_uid: str = ""
    frame_of_reference: str = ""
    attributes: Mapping[str, str | float] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()
    rois: tuple[RoiRecord, ...] = ()
    series_uids: tuple[str, ...] = ()
    image_uids: tuple[str, ...] = ()
    date: str = ""
    problem: str = ""

    @property
    def is_image(self) -> bool:
        """Whether the file holds cross-sectional image planes."""
        return self.kind in ("CT", "MR", "PT")

    @property
    def is_mask(self) -> bool:
        """Whether the file holds contours or segments."""
        return self.kind in ("RTSTRUCT", "SEG")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the header cache; the slices' own path is that of the record."""
        return {
            "path": self.path,
            "shown": self.shown,
            "kind": self.kind,
            "patient_id": self.patient_id,
            "birth_date": self.birth_date,
            "study_uid": self.study_uid,
            "series_uid": self.series_uid,
            "instance_uid": self.instance_uid,
            "frame_of_reference": self.frame_of_reference,
            "attributes": self.attributes,
            "slices": [
                (s.frame, s.shape, s.spacing, s.position, s.orientation, s.thickness, s.marks)
                for s in self.slices
            ],
            "rois": [(r.name, r.number, r.contours, r.skipped, r.points) for r in self.rois],
            "series_uids": self.series_uids,
            "image_uids": self.image_uids,
            "date": self.date,
            "problem": self.problem,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], known: dict[Any, Any] | None = None) -> Record:
        """Rebuild a record from `to_dict`, through JSON or not.

        Values that `known` holds already are taken from there and others are kept in it: the slices
        of a series have most in common, and share it in memory.
        """
        path, uid = values["path"], values["instance_uid"]
        pool = {} if known is None else known

        def shared(kind: str, value: Any, key: Any = None) -> Any:
            return pool.setdefault((kind, value if key is None else key), value)

        planes = tuple(
            Slice(
                path,
                frame,
                uid,
                shared("shape", tuple(shape)),
                shared("spacing", tuple(spacing)),
                tuple(position),
                shared("orientation", tuple(orientation)),
                thickness,
                shared("marks", tuple((name, value) for name, value in marks)),
            )
            for frame, shape, spacing, position, orientation, thickness, marks in values["slices"]
        )
        rois = tuple(
            RoiRecord(name, number, contours, skipped, tuple(map(tuple, points)))
            for name, number, contours, skipped, points in values["rois"]
        )
        attributes = values["attributes"]
        found = dict(values) | {
            "slices": planes,
            "rois": rois,
            "attributes": shared("attributes", attributes, tuple(attributes.items())),
            "series_uids": tuple(values["series_uids"]),
            "image_uids": tuple(values["image_uids"]),
        }
        for name in ("patient_id", "study_uid", "series_uid", "frame_of_reference", "kind"):
            found[name] = shared("text", values[name])
        return cls(**found)
