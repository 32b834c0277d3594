"""Zip and tar files unpacked without trusting them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path
from typing import IO

from radtool.errors import InputError
from radtool.files import read_json, write_json
from radtool.io.headers import starts_like_dicom

__all__ = ["is_archive", "unpack"]

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
LARGEST_MEMBER = 4 * 2**30
LARGEST_TOTAL = 200 * 2**30
LARGEST_RATIO = 1000
SMALLEST = 65_536
"""An archive that is smaller than this is taken to be as large."""
HEAD = 132
BLOCK = 2**20


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether a file is named like an archive that is read here."""
    return os.fspath(path).lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path) -> dict[str, Path]:
    """Unpack the DICOM files of an archive, and nothing else.

    Parameters
    ----------
    archive : path
        Zip or tar, compressed or not.
    folder : path
        Where unpacked files are kept; a second call for the same archive finds them there.

    Returns
    -------
    dict from str to path
        Name in the archive -> unpacked file. Files get names of ours, so nothing in the archive
        can choose where it is written; links and devices are passed over.

    Raises
    ------
    InputError
        Damaged, encrypted, or unpacking to more than an archive can honestly hold.
    """
    stamp = archive.stat()
    key = f"{archive.resolve()}|{stamp.st_size}|{stamp.st_mtime_ns}"
    target = folder / hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    listing = target / "members.json"
    if listing.is_file():
        return {name: target / file for name, file in read_json(listing).items()}
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    members: dict[str, str] = {}
    budget = min(LARGEST_TOTAL, LARGEST_RATIO * max(stamp.st_size, SMALLEST))
    try:
        for index, (name, size, stream) in enumerate(_members(archive)):
            budget -= size
            if size > LARGEST_MEMBER or budget < 0:
                raise InputError(
                    f"{archive}: {name!r} unpacks to {size} bytes: a decompression bomb; refused"
                )
            file = f"{index:07d}.dcm"
            if _copy_dicom(stream, target / file, size):
                members[name] = file
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        if error.errno is None:
            raise InputError(f"{archive}: damaged or encrypted archive ({error})") from error
        raise InputError(f"{archive}: cannot be unpacked ({error.strerror})") from error
    except _DAMAGE as error:
        shutil.rmtree(target, ignore_errors=True)
        raise InputError(f"{archive}: damaged or encrypted archive ({error})") from error
    except InputError:
        shutil.rmtree(target, ignore_errors=True)
        raise
    write_json(listing, members)
    return {name: target / file for name, file in members.items()}


_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    LZMAError,
    EOFError,
    RuntimeError,  # encrypted zip
    NotImplementedError,
)


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yield name, promised size and stream of each plain file."""
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as file:
            for entry in file.infolist():
                if entry.is_dir() or entry.external_attr >> 28 == 0xA:
                    continue
                if entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1024):
                    raise InputError(f"{archive}: {entry.filename!r} is a decompression bomb")
                with file.open(entry) as stream:
                    yield entry.filename, entry.file_size, stream
        return
    with tarfile.open(archive, "r|*") as tape:
        for member in tape:
            content = tape.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name, member.size, content


def _copy_dicom(stream: IO[bytes], target: Path, size: int) -> bool:
    head = stream.read(HEAD)
    if not starts_like_dicom(head):
        return False
    left = size - len(head)
    with target.open("wb") as file:
        file.write(head)
        while left > 0 and (block := stream.read(min(BLOCK, left))):
            file.write(block)
            left -= len(block)
    return True
