"""Every DICOM file below a folder, whatever it is called: headers read once, in parallel."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import joblib

from radtool.curation.archives import is_archive, unpack
from radtool.errors import InputError
from radtool.io.recording import read_stamped
from radtool.io.records import Record

__all__ = ["Crawl", "crawl"]

logger = logging.getLogger(__name__)

CACHE_VERSION = "6"
CHUNK = 256
WORTH_WORKERS = 8192
"""From so many files on, processes save more time than they take to start."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Crawl:
    """What was found in a folder.

    Parameters
    ----------
    records : list of Record
        One a DICOM file, in the order of their names.
    other : int
        Files that are not DICOM.
    unreadable : list of (name, reason)
        Files or archives that could not be opened.
    reused : int
        Headers taken from the cache.
    """

    records: list[Record]
    other: int
    unreadable: list[tuple[str, str]]
    reused: int = 0


def crawl(
    folder: str | os.PathLike[str],
    work: str | os.PathLike[str],
    *,
    skip: Iterable[Path] = (),
    jobs: int = 1,
    progress: Progress | None = None,
) -> Crawl:
    """Read the headers of all DICOM files of a folder or archive.

    Parameters
    ----------
    folder : path-like
        A folder (all levels, hidden files too, links to folders not followed), a zip or a tar.
    work : path-like
        Folder for the header cache and for unpacked archives. A file whose size and time have
        not changed is not read again.
    skip : iterable of Path
        Folders that are not entered: our own output.
    jobs : int, default 1
        Processes; -1 is all cores. A few thousand files are read in one, which is quicker.
    progress : callable, optional
        Called with (files read, files found, "headers").

    Returns
    -------
    Crawl
        Records in a fixed order, whatever `jobs` is.

    Raises
    ------
    InputError
        `folder` does not exist.
    """
    source = Path(folder)
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    workplace = Path(work)
    unreadable: list[tuple[str, str]] = []
    files = list(_files(source, workplace, {os.path.realpath(path) for path in skip}, unreadable))
    with contextlib.closing(_Cache(workplace / "headers.sqlite")) as cache:
        fresh = [one for one in files if cache.missing(*one)]
        reused = len(files) - len(fresh)
        chunks = [fresh[i : i + CHUNK] for i in range(0, len(fresh), CHUNK)]
        tasks = (joblib.delayed(read_stamped)(chunk) for chunk in chunks)
        workers = jobs if len(fresh) >= WORTH_WORKERS else 1
        done = 0
        for found in joblib.Parallel(n_jobs=workers, return_as="generator")(tasks):
            cache.store(found)
            done += len(found)
            if progress is not None:
                progress(reused + done, len(files), "headers")
        records, other = [], 0
        for path, shown, _ in files:
            record, problem = cache.get(path, shown)
            if record is not None and record.kind:
                records.append(record)
            elif record is not None:
                unreadable.append((shown, record.problem))
            elif problem:
                unreadable.append((shown, problem))
            else:
                other += 1
    return Crawl(records, other, unreadable, reused)


def _files(
    source: Path, work: Path, skip: set[str], unreadable: list[tuple[str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield path, shown name and stamp of every file, archives opened, in a fixed order."""
    if source.is_file():
        found: Iterable[tuple[str, str, os.stat_result]] = [
            (str(source), source.name, source.stat())
        ]
    else:
        found = _walk(str(source), "", skip, unreadable)
    for path, shown, state in found:
        if not is_archive(path):
            yield path, shown, f"{state.st_size}|{state.st_mtime_ns}"
            continue
        try:
            for name, file in sorted(unpack(Path(path), work / "unpacked").items()):
                inner = file.stat()
                yield str(file), f"{shown}/{name}", f"{inner.st_size}|{inner.st_mtime_ns}"
        except InputError as error:
            unreadable.append((shown, str(error).removeprefix(f"{path}: ")))
        except OSError as error:
            unreadable.append((shown, error.strerror or str(error)))


def _walk(
    folder: str, shown: str, skip: set[str], unreadable: list[tuple[str, str]]
) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield path, shown name and state of every file: those of a folder before its sub-folders."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        unreadable.append((shown or folder, error.strerror or str(error)))
        return
    below = []
    for entry in found:
        name = f"{shown}/{entry.name}" if shown else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                below.append((entry.path, name))
            elif entry.is_file():
                yield entry.path, name, entry.stat()
            elif entry.is_symlink() and not entry.is_dir():
                unreadable.append((name, "a link that leads nowhere"))
        except OSError as error:
            unreadable.append((name, error.strerror or str(error)))
    for path, name in below:
        if os.path.realpath(path) not in skip:
            yield from _walk(path, name, skip, unreadable)


class _Cache:
    """Records on disk by path and stamp, so that memory stays flat and a second run is quick."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known: dict[Any, Any] = {}
        try:
            self._base = self._opened(path)
        except sqlite3.DatabaseError:
            logger.warning("%s is damaged; all headers are read again", path.name)
            path.unlink(missing_ok=True)
            self._base = self._opened(path)

    @staticmethod
    def _opened(path: Path) -> sqlite3.Connection:
        base = sqlite3.connect(path)
        base.execute("PRAGMA synchronous=OFF")
        base.execute(
            "CREATE TABLE IF NOT EXISTS files"
            " (path TEXT PRIMARY KEY, stamp TEXT, record TEXT) WITHOUT ROWID"
        )
        return base

    def missing(self, path: str, _shown: str, stamp: str) -> bool:
        """Whether a file was not read yet, or has changed."""
        wanted = "SELECT stamp FROM files WHERE path = ?"
        row = self._base.execute(wanted, (_key(path),)).fetchone()
        return row is None or row[0] != f"{CACHE_VERSION}|{stamp}"

    def store(self, found: Iterable[tuple[str, str, str]]) -> None:
        """Keep what was read."""
        rows = iter(
            (_key(path), f"{CACHE_VERSION}|{stamp}", record) for path, stamp, record in found
        )
        try:
            while batch := list(islice(rows, 1000)):
                with self._base:
                    self._base.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", batch)
        except sqlite3.OperationalError as error:
            raise InputError(f"the header cache cannot be written ({error})") from error

    def get(self, path: str, shown: str) -> tuple[Record | None, str]:
        """Return the record, or None and why it is unreadable ("": not DICOM)."""
        row = self._base.execute(
            "SELECT record FROM files WHERE path = ?", (_key(path),)
        ).fetchone()
        if not row or not row[0]:
            return None, ""
        values = json.loads(row[0])
        if "unreadable" in values:
            return None, values["unreadable"]
        return Record.from_dict(values | {"shown": shown}, self._known), ""

    def close(self) -> None:
        """Close the file."""
        self._base.close()


def _key(path: str) -> str | bytes:
    """Return a path as sqlite takes it: one that is not UTF-8, as old archives have, as bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path
