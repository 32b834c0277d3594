"""The few header elements that a crawl needs, read without building a dataset.

How this works. A file in little-endian encoding, explicit or implicit, is a run of elements: tag,
(VR,) length, value. The scanner walks over them up to the pixels, keeps the bytes of the wanted
ones and skips the rest. At anything out of the ordinary (another encoding, no preamble, tags out
of order, an unknown VR, a value beyond the end of the file, text that is not ASCII) it gives up
and says so, and pydicom reads the file: it is quicker than pydicom, never cleverer.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import BinaryIO

from pydicom.datadict import dictionary_VR

__all__ = ["Header", "Wanted", "scan_header"]

MORE = 65_536
LARGEST_HEADER = 4 * 2**20
DEEPEST = 16
UNDEFINED = 0xFFFFFFFF
TRANSFER_SYNTAX = 0x00020010
DELIMITERS, ITEM, ITEM_END, SEQUENCE_END = 0xFFFE, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = (b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.5")
COMPRESSED = b"1.2.840.10008.1.2.4."

SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
TEXT = frozenset(b"AE AS CS DA DS DT IS LO SH TM UI".split())

_short = Struct("<HH2sH").unpack_from
_long = Struct("<I").unpack_from
_implicit = Struct("<HHI").unpack_from


class Header(dict[int, bytes]):
    """Wanted elements of a file, undecoded, by tag; the items of sequences in `sequences`."""

    __slots__ = ("sequences",)

    def __init__(self) -> None:
        super().__init__()
        self.sequences: dict[int, list[Header]] = {}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a scan is after.

    Parameters
    ----------
    kinds : mapping from int to bytes
        Wanted tags and their VR; ``b""`` where any VR will do (private elements). Sequences
        (``b"SQ"``) are kept with the wanted tags of their items.
    foreign : container of int
        Tags whose presence means that pydicom must read the file.
    """

    kinds: Mapping[int, bytes]
    foreign: Container[int] = ()


def scan_header(file: BinaryIO, start: bytes, wanted: Wanted) -> Header | None:
    """Return the wanted elements of a DICOM file, or None when pydicom must read it.

    Parameters
    ----------
    file : binary file
        Positioned behind `start`.
    start : bytes
        The first bytes of the file.
    wanted : Wanted
        What to keep.
    """
    if start[128:132] != b"DICM":
        return None
    try:
        return _Scan(file, start, wanted).header()
    except _GiveUpError:
        return None


class _GiveUpError(Exception):
    """The file is left to pydicom."""


class _Scan:
    def __init__(self, file: BinaryIO, start: bytes, wanted: Wanted) -> None:
        self._file, self._data = file, start
        self._kinds, self._foreign = wanted.kinds, wanted.foreign

    def header(self) -> Header:
        meta, place = self._meta()
        syntax = meta.rstrip(b"\0 ")
        implicit = syntax == IMPLICIT
        if not (implicit or syntax in EXPLICIT or syntax.startswith(COMPRESSED)):
            raise _GiveUpError
        found = Header()
        first = self._upto(place + 8)[place + 4 : place + 6]
        if implicit and first.isalpha() and first.isupper():
            raise _GiveUpError
        self._elements(found, place, implicit=implicit, depth=0)
        return found

    def _upto(self, place: int) -> bytes:
        """Return the file's bytes, at least up to a place; all of them when it ends before."""
        if place > len(self._data):
            if place > LARGEST_HEADER:
                raise _GiveUpError
            self._data += self._file.read(place - len(self._data) + MORE)
        return self._data

    def _meta(self) -> tuple[bytes, int]:
        """Return the transfer syntax and where the file's own elements start."""
        place, syntax = 132, b""
        while True:
            data = self._upto(place + 12)
            if place + 12 > len(data):
                raise _GiveUpError
            group, element, kind, length = _short(data, place)
            if group != 2:
                return syntax, place
            start = place + 8
            if kind in LONG:
                length, start = _long(data, start)[0], place + 12
            elif kind not in SHORT:
                raise _GiveUpError
            place = start + length
            if element == TRANSFER_SYNTAX & 0xFFFF:
                syntax = self._upto(place)[start:place]

    def _elements(  # noqa: C901 - one loop over some hundred elements of every file: no calls in it
        self, found: Header, place: int, *, implicit: bool, depth: int, end: int | None = None
    ) -> int:
        """Read elements up to the pixels, `end`, or the end of an item; return where that is."""
        kinds, previous, data = self._kinds, -1, self._data
        while end is None or place < end:
            if place + 12 > len(data):
                data = self._upto(place + 12)
                if place == len(data) and end is None and not depth:
                    return place
                if place + 8 > len(data):
                    raise _GiveUpError
            if implicit:
                group, element, length = _implicit(data, place)
                kind, start = b"", place + 8
            else:
                group, element, kind, length = _short(data, place)
                start = place + 8
                if kind in LONG and place + 12 <= len(data):
                    length, start = _long(data, start)[0], place + 12
                elif kind not in SHORT and group != DELIMITERS:
                    raise _GiveUpError
            tag = group << 16 | element
            if tag <= previous or tag in self._foreign:
                raise _GiveUpError
            if group >= 0x7FE0:
                if not depth and tag in PIXELS:
                    return place
                if group == DELIMITERS:
                    if depth and end is None and tag == ITEM_END:
                        return place + 8
                    raise _GiveUpError
            previous = tag
            if length == UNDEFINED or kinds.get(tag) == b"SQ":
                place = self._sequence(
                    found, tag, kind, start, length, implicit=implicit, depth=depth
                )
                data = self._data
                continue
            place = start + length
            if tag in kinds:
                data = self._upto(place)
                found[tag] = self._value(data[start:place], length, kind, kinds[tag])
        if place != end:
            raise _GiveUpError
        return place

    def _sequence(  # noqa: PLR0913 - one place of the file
        self,
        found: Header,
        tag: int,
        kind: bytes,
        start: int,
        length: int,
        *,
        implicit: bool,
        depth: int,
    ) -> int:
        """Read the items of a sequence, kept when it is wanted; return where it ends."""
        if depth >= DEEPEST or not (kind == b"SQ" or (implicit and _is_sequence(tag))):
            raise _GiveUpError
        items: list[Header] = []
        place, end = start, None if length == UNDEFINED else start + length
        while end is None or place < end:
            data = self._upto(place + 8)
            if place + 8 > len(data):
                raise _GiveUpError
            group, element, size = _implicit(data, place)
            place += 8
            mark = group << 16 | element
            if mark == SEQUENCE_END and end is None:
                end = place
                break
            if mark != ITEM:
                raise _GiveUpError
            one = Header()
            stop = None if size == UNDEFINED else place + size
            if stop is not None and stop > len(self._upto(stop)):
                raise _GiveUpError
            place = self._elements(one, place, implicit=implicit, depth=depth + 1, end=stop)
            items.append(one)
        if place != end:
            raise _GiveUpError
        if self._kinds.get(tag) == b"SQ":
            found.sequences[tag] = items
        return place

    @staticmethod
    def _value(value: bytes, length: int, kind: bytes, expected: bytes) -> bytes:
        if len(value) != length or (kind and expected and kind != expected):
            raise _GiveUpError
        if expected in TEXT and (not value.isascii() or b"\x1b" in value):
            raise _GiveUpError
        return value


@lru_cache(maxsize=256)
def _is_sequence(tag: int) -> bool:
    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False
