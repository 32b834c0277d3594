"""What made a result: versions, settings and the hashes of what went in."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from radtool.files import encode, hash_of, sha256

__all__ = ["VERSIONED", "provenance", "sidecar_path", "timestamp", "versions"]

VERSIONED = (
    "radtool",
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "scikit-learn",
    "xgboost-cpu",
    "xgboost",
    "lifelines",
    "statsmodels",
    "pydicom",
    "highdicom",
    "SimpleITK",
    "PyWavelets",
    "onnxruntime",
)


def versions(packages: Iterable[str] = VERSIONED) -> dict[str, str]:
    """Return the installed versions of the packages that shape numbers, and of Python.

    Packages that are not installed are left out; nothing is imported to find out.
    """
    found = {package: _version(package) for package in packages}
    installed = {package: version for package, version in found.items() if version is not None}
    return {"python": platform.python_version(), **installed}


@functools.cache
def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def provenance(
    settings: Mapping[str, Any],
    inputs: Iterable[str | os.PathLike[str]] = (),
    *,
    root: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Describe how a result was made; holds no time stamp, so equal runs give equal bytes.

    Parameters
    ----------
    settings : mapping
        Everything that was chosen.
    inputs : iterable of path-like
        Files that were read; each is hashed. Of a folder (a DICOM series) all files count.
    root : path-like, optional
        Input paths are written relative to this folder when they lie below it.

    Returns
    -------
    dict
        ``settings``, ``settings_sha256``, ``versions`` and ``inputs`` (path -> SHA-256).
    """
    return {
        "settings": encode(settings),
        "settings_sha256": hash_of(settings),
        "versions": versions(),
        "inputs": dict(sorted((_shown(Path(path), root), _hash(Path(path))) for path in inputs)),
    }


def _hash(path: Path) -> str:
    if not path.is_dir():
        return sha256(path)
    return hash_of([sha256(item) for item in sorted(path.rglob("*")) if item.is_file()])


def _shown(path: Path, root: str | os.PathLike[str] | None) -> str:
    if root is not None:
        base = Path(root).resolve()
        if path.resolve().is_relative_to(base):
            return path.resolve().relative_to(base).as_posix()
    return path.name


def timestamp() -> str:
    """Give the declared time stamp of reports and logs, ISO 8601, UTC, whole seconds.

    The environment variable ``SOURCE_DATE_EPOCH`` (seconds since 1970) fixes it, so that equal runs
    can give equal bytes (reproducible-builds.org).
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    utc = datetime.UTC
    now = datetime.datetime.fromtimestamp(int(epoch), utc) if epoch else datetime.datetime.now(utc)
    return now.isoformat(timespec="seconds")


def sidecar_path(path: str | os.PathLike[str]) -> Path:
    """Return where the provenance of an output lies: ``features.parquet`` -> ``….provenance.json``.

    Examples
    --------
    >>> sidecar_path("out/features.parquet").as_posix()
    'out/features.parquet.provenance.json'
    """
    final = Path(path)
    return final.with_name(final.name + ".provenance.json")
