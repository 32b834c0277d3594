"""What is read from a DICOM header before any pixel: planes, modality, names of things."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radtool.errors import DicomError, InputError
from radtool.io.stacking import Slice

__all__ = [
    "is_dicom",
    "number",
    "numbers",
    "read_dataset",
    "slices_of",
    "starts_like_dicom",
    "text",
]

IMAGE_MODALITIES = ("CT", "MR", "PT", "NM", "CR", "DX", "US", "MG", "XA", "RF", "OT")
_TEXT_KINDS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI")
# Everything that pydicom is known to raise on damaged bytes; none of them is our own bug.
_DAMAGE = (
    BytesLengthException,
    InvalidDicomError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    LookupError,
)


@contextmanager
def damage(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever pydicom raises inside the block into a `DicomError` that names the file.

    pydicom parses values when they are asked for, so damage shows anywhere; its warnings about
    non-conformant values are silenced because our own checks say what matters.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except OSError as error:
        raise DicomError(f"{path}: cannot be read ({error.strerror or error})") from error
    except _DAMAGE as error:
        words = " ".join(str(error).split())[:200]
        raise DicomError(
            f"{path}: damaged or not DICOM ({type(error).__name__}: {words})"
        ) from error


def is_dicom(path: str | os.PathLike[str]) -> bool:
    """Whether a file starts like DICOM, whatever its name.

    Either preamble and ``DICM``, or (old exports without them) an element of group 0008.
    """
    with damage(path), Path(path).open("rb") as file:
        return starts_like_dicom(file.read(132))


def starts_like_dicom(start: bytes) -> bool:
    """Whether the first 132 bytes of a file are those of DICOM; see `is_dicom`."""
    return start[128:132] == b"DICM" or _is_bare(start)


def _is_bare(start: bytes) -> bool:
    """Whether bytes start with an element of group 0008, as a file without preamble does."""
    if len(start) < 132 or start[:2] != b"\x08\x00" or start[3] != 0:
        return False
    explicit = start[4:6] in (b"UL", b"CS", b"UI", b"LO", b"SH")
    implicit = int.from_bytes(start[4:8], "little") <= 256
    return start[2] <= 0x18 and (explicit or implicit)


def read_dataset(
    path: str | os.PathLike[str], *, pixels: bool = True, tags: Iterable[int] | None = None
) -> Dataset:
    """Read a DICOM file.

    Parameters
    ----------
    path : path-like
        The file.
    pixels : bool, default True
        Whether to read on into the pixel data.
    tags : iterable of int, optional
        Tags of the only elements wanted.

    Raises
    ------
    DicomError
        Not DICOM, truncated, or damaged.
    """
    wanted = None if tags is None else list(tags)
    with damage(path):
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=not pixels, specific_tags=wanted)
        except InvalidDicomError:
            if not is_dicom(path):
                raise DicomError(f"{path}: not a DICOM file") from None
            dataset = pydicom.dcmread(
                path, force=True, stop_before_pixels=not pixels, specific_tags=wanted
            )
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit = dataset.original_encoding[0]
            dataset.file_meta.TransferSyntaxUID = (
                ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            )
        return dataset


@lru_cache(maxsize=1024)
def _element(keyword: str) -> tuple[int, str]:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag, dictionary_VR(tag)


def _plain(dataset: Dataset, keyword: str) -> str | None:
    """Return the undecoded text of an element when it is plain ASCII: no object is made of it.

    Most headers are read for a few texts and decimal strings; this halves the time.
    """
    tag, kind = _element(keyword)
    if kind not in _TEXT_KINDS:
        return None
    try:
        element = dataset.get_item(tag) if tag in dataset else None
    except _DAMAGE:
        return None
    value = getattr(element, "value", None)
    if not isinstance(element, RawDataElement) or not isinstance(value, bytes):
        return None
    return value.decode("ascii") if value.isascii() and b"\x1b" not in value else None


def _value(dataset: Dataset, keyword: str) -> Any:
    """Return an element's value; one that pydicom cannot make sense of is one that is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dataset.get(keyword)
    except _DAMAGE:
        return None


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; none when it is absent, empty or damaged."""
    value = _value(dataset, keyword)
    return list(value) if isinstance(value, pydicom.Sequence) else []


def text(dataset: Dataset, keyword: str) -> str:
    """Return an element as clean text, "" when absent; several values joined by a backslash."""
    plain = _plain(dataset, keyword)
    if plain is not None:
        return "\\".join(part.strip(" \x00\r\n\t") for part in plain.split("\\"))
    value = _value(dataset, keyword)
    if value is None:
        return ""
    if isinstance(value, MultiValue | list | tuple):
        return "\\".join(str(item).strip() for item in value)
    return str(value).replace("\x00", "").strip()


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...] | None:
    """Return a multi-valued element as floats, None when absent, empty or not numbers."""
    plain = _plain(dataset, keyword)
    if plain is not None:
        values: Any = [part.strip(" \x00") for part in plain.split("\\")]
        if values == [""]:
            return None
    else:
        value = _value(dataset, keyword)
        if value is None or value == "":
            return None
        values = value if isinstance(value, MultiValue | list | tuple) else [value]
    try:
        return tuple(float(item) for item in values)
    except (TypeError, ValueError):
        return None


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return an element's first value as a float, None when absent or not a number."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def slices_of(dataset: Dataset, path: str | os.PathLike[str]) -> list[Slice]:
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


def _frames(dataset: Dataset, path: str) -> list[Slice]:
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    return [
        _plane(dataset, [frame, *shared], path, index)
        for index, frame in enumerate(items(dataset, "PerFrameFunctionalGroupsSequence"))
    ]


def _plane(dataset: Dataset, groups: list[Dataset], path: str, frame: int) -> Slice:
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
    )


def functional(groups: list[Dataset], sequence: str) -> Dataset | None:
    """Return the first item of a functional group, looked for per frame, then shared."""
    for group in groups:
        found = items(group, sequence)
        if found:
            return found[0]
    return None


def _from(
    groups: list[Dataset], sequence: str, keyword: str, length: int, path: str
) -> tuple[float, ...]:
    item = functional(groups, sequence) or groups[0]
    values = numbers(item, keyword)
    if values is None or len(values) != length or any(abs(v) > 1e9 or v != v for v in values):
        found = "missing" if values is None else f"{values}, not {length} finite numbers"
        raise DicomError(f"{path}: {keyword} is {found}; the slice has no place in the patient")
    return values


def _thickness(groups: list[Dataset]) -> float | None:
    item = functional(groups, "PixelMeasuresSequence") or groups[0]
    thickness = number(item, "SliceThickness")
    return thickness if thickness is not None and 0 < thickness < 1e6 else None
