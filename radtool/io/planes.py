"""Where the image planes of a DICOM file lie, frame by frame."""

from __future__ import annotations

import os
from collections.abc import Sequence

from radtool.errors import DicomError
from radtool.io.headers import Elements, damage, functional, items, number, numbers, text
from radtool.io.marks import marks_of
from radtool.io.stacking import Slice

__all__ = ["slices_of"]


def slices_of(dataset: Elements, path: str | os.PathLike[str]) -> list[Slice]:
    """Return the image planes of a file: one, or one per frame.

    Raises
    ------
    DicomError
        Position, orientation, pixel spacing or matrix size is missing or not finite.
    """
    with damage(path):
        if items(dataset, "PerFrameFunctionalGroupsSequence"):
            return _frames(dataset, str(path))
        return [_plane(dataset, [dataset], str(path), 0)]


def _frames(dataset: Elements, path: str) -> list[Slice]:
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    return [
        _plane(dataset, [frame, *shared], path, index)
        for index, frame in enumerate(items(dataset, "PerFrameFunctionalGroupsSequence"))
    ]


def _plane(dataset: Elements, groups: Sequence[Elements], path: str, frame: int) -> Slice:
    position = _from(groups, "PlanePositionSequence", "ImagePositionPatient", 3, path)
    orientation = _from(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6, path)
    spacing = _from(groups, "PixelMeasuresSequence", "PixelSpacing", 2, path)
    rows, columns = number(dataset, "Rows"), number(dataset, "Columns")
    if not rows or not columns:
        raise DicomError(f"{path}: Rows or Columns is missing; not an image")
    return Slice(
        path,
        frame,
        text(dataset, "SOPInstanceUID"),
        (int(rows), int(columns)),
        (spacing[0], spacing[1]),
        (position[0], position[1], position[2]),
        orientation,
        _thickness(groups),
        marks_of(dataset, groups),
    )


def _from(
    groups: Sequence[Elements], sequence: str, keyword: str, length: int, path: str
) -> tuple[float, ...]:
    item = functional(groups, sequence) or groups[0]
    values = numbers(item, keyword)
    if values is None or len(values) != length or any(abs(v) > 1e9 or v != v for v in values):
        found = "missing" if values is None else f"{values}, not {length} finite numbers"
        raise DicomError(f"{path}: {keyword} is {found}; the slice has no place in the patient")
    return values


def _thickness(groups: Sequence[Elements]) -> float | None:
    item = functional(groups, "PixelMeasuresSequence") or groups[0]
    thickness = number(item, "SliceThickness")
    return thickness if thickness is not None and 0 < thickness < 1e6 else None
