"""What is read from a DICOM header before any pixel: planes, modality, names of things."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
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
from radtool.io.scan import Header

__all__ = [
    "Elements",
    "damage",
    "functional",
    "is_dicom",
    "items",
    "number",
    "numbers",
    "private_number",
    "read_dataset",
    "starts_like_dicom",
    "text",
]

Elements = Dataset | Header
"""A header: pydicom's, or what a scan kept of one."""
IMAGE_MODALITIES = ("CT", "MR", "PT", "NM", "CR", "DX", "US", "MG", "XA", "RF", "OT")
_BINARY_KINDS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
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


def _plain(dataset: Elements, keyword: str) -> str | None:
    """Return the undecoded text of an element when it is plain ASCII: no object is made of it.

    Most headers are read for a few texts and decimal strings; this halves the time.
    """
    tag, kind = _element(keyword)
    if kind not in _TEXT_KINDS:
        return None
    if isinstance(dataset, Header):
        scanned = dataset.get(tag)
        return None if scanned is None else scanned.decode("ascii")
    try:
        element = dataset.get_item(tag) if tag in dataset else None
    except _DAMAGE:
        return None
    value = getattr(element, "value", None)
    if not isinstance(element, RawDataElement) or not isinstance(value, bytes):
        return None
    return value.decode("ascii") if value.isascii() and b"\x1b" not in value else None


def _value(dataset: Elements, keyword: str) -> Any:
    """Return an element's value; one that pydicom cannot make sense of is one that is missing."""
    if isinstance(dataset, Header):
        tag, kind = _element(keyword)
        return _unpacked(dataset[tag], kind) if tag in dataset else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dataset.get(keyword)
    except _DAMAGE:
        return None


def _unpacked(value: bytes, kind: str) -> list[float] | None:
    """Return the numbers of a binary value, None when its length is wrong."""
    code = _BINARY_KINDS.get(kind)
    if code is None or not value or len(value) % struct.calcsize(code):
        return None
    return [number for (number,) in struct.iter_unpack(f"<{code}", value)]


def items(dataset: Elements, keyword: str) -> list[Any]:
    """Return the items of a sequence; none when it is absent, empty or damaged."""
    if isinstance(dataset, Header):
        return dataset.sequences.get(_element(keyword)[0], [])
    value = _value(dataset, keyword)
    return list(value) if isinstance(value, pydicom.Sequence) else []


def text(dataset: Elements, keyword: str) -> str:
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


def numbers(dataset: Elements, keyword: str) -> tuple[float, ...] | None:
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


def number(dataset: Elements, keyword: str) -> float | None:
    """Return an element's first value as a float, None when absent or not a number."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def private_number(dataset: Elements, creator: str, tag: tuple[int, int]) -> float | None:
    """Return the first number of a private element, None unless its creator is the one meant.

    Parameters
    ----------
    dataset : Dataset or Header
        What holds the element in the block that starts at ``10xx``.
    creator : str
        How the name of the private creator starts, in capitals.
    tag : tuple of 2 int
        Group and element, ``(0x2001, 0x1003)``.
    """
    group, element = tag
    name = _bytes_or_value(dataset, (group << 16) | 0x10)
    value = _bytes_or_value(dataset, (group << 16) | element)
    words = name.decode("ascii", "ignore") if isinstance(name, bytes) else str(name or "")
    if value is None or not words.strip("\x00 ").upper().startswith(creator):
        return None
    try:
        if isinstance(value, bytes):
            first = value.split(b"\\")[0].strip(b"\x00 ")
            if len(value) == 4 and not first.replace(b".", b"").isdigit():
                return float(struct.unpack("<f", value)[0])
            return float(first)
        return float(value[0] if isinstance(value, MultiValue | list | tuple) else value)
    except (TypeError, ValueError, IndexError):
        return None


def _bytes_or_value(dataset: Elements, tag: int) -> Any:
    if isinstance(dataset, Header):
        return dataset.get(tag)
    try:
        return dataset.get_item(tag).value if tag in dataset else None
    except _DAMAGE:
        return None


def functional(groups: Sequence[Elements], sequence: str) -> Any:
    """Return the first item of a functional group, looked for per frame, then shared."""
    for group in groups:
        found = items(group, sequence)
        if found:
            return found[0]
    return None
