"""A manifest to a feature table: one row or one named failure a case, in parallel, resumable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from radtool.errors import InputError, RadtoolError, TableError
from radtool.features.extraction import extract
from radtool.features.parameters import Parameters, load_params
from radtool.features.pyradiomics.parameters import PyradiomicsParameters
from radtool.files import decode, encode, hash_of, read_json, sha256, write_json
from radtool.io import read_image, read_mask
from radtool.table import KEYS, MANIFEST_COLUMNS, Failure, read_manifest

__all__ = ["ENGINE", "CohortResult", "extract_cohort"]

# Part of the cache key: raise it whenever a feature value may change.
ENGINE = "radtool-1"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class CohortResult:
    """Features of a cohort.

    Parameters
    ----------
    table : DataFrame
        One row a case: keys, acquisition columns of the manifest, ``image_sha256``,
        ``mask_sha256``, ``params_sha256``, then features.
    failures : list of Failure
        Every case that has no row.
    """

    table: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)


def extract_cohort(
    manifest: pd.DataFrame | str | os.PathLike[str],
    params: Parameters | PyradiomicsParameters | str,
    *,
    jobs: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> CohortResult:
    """Extract every case of a manifest.

    Parameters
    ----------
    manifest : DataFrame or path
        Manifest (see `radtool.table.check_manifest`), paths absolute.
    params : Parameters, PyradiomicsParameters or str
        How, or the name of a parameter file.
    jobs : int, optional
        Processes at a time, -1 for all cores; default joblib's own setting (1, or what an
        enclosing ``joblib.parallel_config`` says, for example a Dask cluster). Neither number nor
        order changes the result.
    cache : Path, optional
        Folder for finished cases, keyed by the bytes of image and mask, the parameters and the
        engine; an interrupted run goes on there.
    progress : callable, optional
        Called with (done, total, case_id).

    Returns
    -------
    CohortResult
        Rows in the order of the manifest.

    Raises
    ------
    TableError
        Not a single case could be extracted; the message gives the first reasons.
    """
    table = manifest if isinstance(manifest, pd.DataFrame) else read_manifest(manifest)
    settings = load_params(params) if isinstance(params, str) else params
    cases = table.to_dict("records")
    tasks = (joblib.delayed(_one_case)(case, settings, cache) for case in cases)
    rows: list[dict[str, Any]] = []
    failures: list[Failure] = []
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
    for done, (case, outcome) in enumerate(zip(cases, parallel(tasks), strict=True), start=1):
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            rows.append({**_kept(case), **outcome})
        if progress is not None:
            progress(done, len(cases), str(case["case_id"]))
    if not rows:
        reasons = "; ".join(sorted({failure.reason for failure in failures})[:3])
        raise TableError(f"none of {len(cases)} case(s) could be extracted: {reasons}")
    return CohortResult(pd.DataFrame(rows), failures)


def _kept(case: Mapping[str, Any]) -> dict[str, Any]:
    """Keys and acquisition columns of a manifest row."""
    paths = set(MANIFEST_COLUMNS) - set(KEYS) - {"modality"}
    made = {"image_sha256", "mask_sha256", "params_sha256", "preview"}
    return {key: value for key, value in case.items() if key not in paths | made}


def _one_case(
    case: Mapping[str, Any], params: Parameters | PyradiomicsParameters, cache: Path | None
) -> dict[str, Any] | Failure:
    try:
        return _cached_case(case, params, cache)
    except RadtoolError as error:
        return Failure.of(str(case["case_id"]), "extraction", error, str(case["image"]))


def _cached_case(
    case: Mapping[str, Any], params: Parameters | PyradiomicsParameters, cache: Path | None
) -> dict[str, Any]:
    hashes = {
        "image_sha256": _hash(case["image"]),
        "mask_sha256": _hash(case["mask"]),
        "params_sha256": params.sha256,
    }
    stored = None
    if cache is not None:
        key = hash_of({**hashes, "roi": str(case["roi"]), "engine": ENGINE})
        stored = cache / key[:2] / f"{key}.json"
        known = _stored(stored)
        if known is not None:
            return {**hashes, **known}
    features = _extracted(case, params)
    if stored is not None:
        write_json(stored, {"names": list(features.index), "values": features.to_numpy()})
    return {**hashes, **features.to_dict()}


def _stored(path: Path) -> dict[str, float] | None:
    if not path.is_file():
        return None
    try:
        document = decode(read_json(path))
        return dict(zip(document["names"], document["values"].tolist(), strict=True))
    except (InputError, KeyError, ValueError, AttributeError):  # half a cache is no cache
        return None


def _extracted(case: Mapping[str, Any], params: Parameters | PyradiomicsParameters) -> pd.Series:
    image = read_image(case["image"])
    roi = str(case["roi"]) or None
    name = str(case["mask"]).lower()
    named = name.endswith(".dcm")
    label = params.label if isinstance(params, PyradiomicsParameters) and not named else None
    mask = read_mask(case["mask"], roi=roi if named else None, label=label)
    with np.errstate(over="raise", invalid="ignore"):
        return extract(image, mask, params)


def _hash(path: Any) -> str:
    """SHA-256 of a file, or of all files of a folder (a DICOM series)."""
    source = Path(str(path))
    if source.is_dir():
        files = sorted(item for item in source.rglob("*") if item.is_file())
        return hash_of(encode([sha256(item) for item in files]))
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    return sha256(source)
