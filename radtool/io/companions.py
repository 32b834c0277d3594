"""What a header says and ITK passes over: voxels in another file, sizes that are not in mm."""

from __future__ import annotations

import os
import re
from pathlib import Path

from radtool.errors import InputError

__all__ = ["check_units", "files_of"]

HEAD = 2**20
META = re.compile(rb"^[ \t]*ElementDataFile[ \t]*[=:][ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
NRRD = re.compile(rb"^[ \t]*data ?file[ \t]*:=?[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE)
NRRD_END = re.compile(rb"\r?\n\r?\n")
UNITS = re.compile(rb"^space units:(.*)$|^[ \t]*DistanceUnits[ \t]*=(.*)$", re.MULTILINE | re.I)
MILLIMETRES = {"mm", "millimeter", "millimeters", "millimetre", "millimetres", "", "???"}
PAIR = re.compile(r"(?i)\.(hdr|img)(\.gz)?$")
PAIRED = (".hdr", ".img", ".hdr.gz", ".img.gz")


def files_of(path: str | os.PathLike[str]) -> list[Path]:
    """Return every file that the image at a path is made of, the path first.

    Parameters
    ----------
    path : path-like
        A file; or a folder (a DICOM series), of which all files count, in the order of their names.

    Returns
    -------
    list of Path
        One for most formats; two for a MetaImage or NRRD header with detached voxels and for an
        Analyze or NIfTI pair.

    Raises
    ------
    InputError
        No such file; or the header sends its reader out of its own folder, or to several files.
    """
    source = Path(path)
    if source.is_dir():
        return sorted(item for item in source.rglob("*") if item.is_file())
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    name = source.name.lower()
    if name.endswith((".mhd", ".mha")):
        return [source, *_detached(source, META.findall(_head(source)), b"LOCAL")]
    if name.endswith((".nhdr", ".nrrd")):
        head = NRRD_END.split(_head(source), maxsplit=1)[0]
        return [source, *_detached(source, NRRD.findall(head), b"")]
    if PAIR.search(name):
        stem = PAIR.sub("", source.name)
        pair = [source.with_name(stem + suffix) for suffix in PAIRED]
        return [source, *(other for other in pair if other != source and other.is_file())]
    return [source]


def check_units(source: Path) -> None:
    """Refuse a NRRD or MetaImage header that gives its sizes in another unit than millimetres.

    Raises
    ------
    InputError
        It names another unit, which ITK would read as millimetres.
    """
    if not source.name.lower().endswith((".mhd", ".mha", ".nhdr", ".nrrd")):
        return
    head = NRRD_END.split(_head(source), maxsplit=1)[0]
    for parts in UNITS.findall(head):
        words = b"".join(parts).decode("utf-8", "replace").replace('"', " ").split()
        foreign = [word for word in words if word.lower() not in MILLIMETRES]
        if foreign:
            raise InputError(
                f"{source}: its sizes are in {', '.join(dict.fromkeys(foreign))}, not mm; save it"
                " with sizes in millimetres"
            )


def _head(source: Path) -> bytes:
    with source.open("rb") as file:
        return file.read(HEAD)


def _detached(source: Path, named: list[bytes], here: bytes) -> list[Path]:
    """The file that a header names, unless the voxels follow the header itself."""
    if not named or named == [here]:
        return []
    words = named[0].decode("utf-8", "replace")
    if len(named) > 1 or re.match(r"LIST\b|.*%\d*d", words):
        raise InputError(f"{source}: its voxels lie in several files; save it as one file")
    folder = os.path.normpath(source.parent)
    place = Path(os.path.normpath(source.parent / words))
    if Path(words).is_absolute() or "\\" in words or not place.is_relative_to(folder):
        raise InputError(
            f"{source}: its header sends the reader to {words!r}, out of its own folder; put the"
            " voxels beside the header, or save it as one file"
        )
    if not place.is_file():
        raise InputError(f"{source}: its voxels should be in {place}, which is not there")
    return [place]
