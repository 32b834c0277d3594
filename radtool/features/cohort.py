"""A manifest to a feature table: one row or one named failure a case, in parallel, resumable."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radtool.errors import InputError, ParameterError, RadtoolError, TableError, did_you_mean
from radtool.features.deep import check_models
from radtool.features.extraction import Extraction, measure
from radtool.features.parameters import Parameters, load_params
from radtool.features.pyradiomics import PyradiomicsParameters
from radtool.features.pyradiomics.reference import extract_with_pyradiomics, import_pyradiomics
from radtool.features.workers import Case, Outcome, outcomes_of
from radtool.files import decode, hash_of, read_json, sha256, write_json
from radtool.image import Geometry, Mask
from radtool.io import files_of, read_image, read_mask, read_masks
from radtool.preprocessing.controls import NegativeControl
from radtool.processes import follow_parent
from radtool.table import (
    KEYS,
    MANIFEST_COLUMNS,
    Failure,
    failures_in_words,
    feature_columns,
    read_manifest,
)

__all__ = ["ENGINE", "CohortResult", "extract_cohort", "image_hash", "mask_of"]

# Part of the cache key: raise it whenever a feature value may change.
ENGINE = "radtool-2"

Engine = Literal["radtool", "pyradiomics"]
Progress = Callable[[int, int, str], None]
AnyParameters = Parameters | PyradiomicsParameters


@dataclass(frozen=True, slots=True, eq=False)
class CohortResult:
    """Features of a cohort.

    Parameters
    ----------
    table : DataFrame
        One row a case: keys, acquisition columns of the manifest, ``image_sha256``,
        ``mask_sha256``, ``params_sha256``, ``diagnostics_…`` (see `Extraction`), then features.
    failures : list of Failure
        Every case that has no row.
    """

    table: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)

    def __repr__(self) -> str:
        features = len(feature_columns(self.table))
        head = f"{len(self.table)} case(s) × {features} features; {len(self.failures)} failure(s)"
        return "\n".join([head, *failures_in_words(self.failures)])


def extract_cohort(  # noqa: PLR0913 - the front door: every choice by name
    manifest: pd.DataFrame | str | os.PathLike[str],
    params: Parameters | PyradiomicsParameters | str,
    *,
    jobs: int | None = None,
    cache: Path | None = None,
    engine: Engine = "radtool",
    control: NegativeControl | None = None,
    progress: Progress | None = None,
) -> CohortResult:
    """Extract every case of a manifest.

    Parameters
    ----------
    manifest : DataFrame or path
        Manifest (see `radtool.table.check_manifest`), paths absolute. A column ``label`` says
        which value of a label image is meant where it has several; `split_lesions` makes a row
        for each lesion.
    params : Parameters, PyradiomicsParameters or str
        How, or the name of a parameter file.
    jobs : int, optional
        Processes at a time, -1 for all cores; default joblib's own setting (1, or what an
        enclosing ``joblib.parallel_config`` says, for example a Dask cluster). Neither number nor
        order changes the result.
    cache : Path, optional
        Folder for finished cases, keyed by the bytes of image and mask, the parameters and the
        engine; an interrupted run goes on there.
    engine : {"radtool", "pyradiomics"}, default "radtool"
        Who computes; pyradiomics itself needs a pyradiomics parameter file.
    control : NegativeControl, optional
        Take something away from every case before it is measured; a case of which there is no such
        control is a failure.
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
    ParameterError, MissingPartError
        The engine is pyradiomics and the parameters are not, or it is not installed.
    InputError, MissingPartError
        A network of the parameters cannot be opened, or ONNX Runtime is not installed.
    """
    table = manifest if isinstance(manifest, pd.DataFrame) else read_manifest(manifest)
    settings = load_params(params) if isinstance(params, str) else params
    _check_engine(engine, settings)
    if isinstance(settings, Parameters):
        check_models(settings.deep)
    cases = table.to_dict("records")
    rows: list[dict[str, Any]] = []
    failures: list[Failure] = []
    run = functools.partial(_one_case, params=settings, cache=cache, engine=engine, control=control)
    for done, (case, outcome) in enumerate(outcomes_of(cases, jobs, run), start=1):
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            # One text a name for all rows: every worker and cache entry brings its own copies.
            rows.append({sys.intern(name): v for name, v in {**_kept(case), **outcome}.items()})
        if progress is not None:
            progress(done, len(cases), str(case["case_id"]))
    if not rows:
        reasons = "; ".join(sorted({failure.reason for failure in failures})[:3])
        raise TableError(f"none of {len(cases)} case(s) could be extracted: {reasons}")
    return CohortResult(_in_order(rows), failures)


def _in_order(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make a table whose columns do not depend on which case came first."""
    longest = max(rows, key=len)
    table = pd.DataFrame(rows)
    return table[[*longest, *(column for column in table.columns if column not in longest)]]


def _kept(case: Mapping[str, Any]) -> dict[str, Any]:
    """Keys and acquisition columns of a manifest row."""
    paths = (set(MANIFEST_COLUMNS) - set(KEYS) - {"modality"}) | {"roi_in_file"}
    made = {"image_sha256", "mask_sha256", "params_sha256", "preview"}
    return {key: value for key, value in case.items() if key not in paths | made}


def _check_engine(engine: Engine, params: AnyParameters) -> None:
    if engine == "radtool":
        return
    if engine != "pyradiomics":
        raise ParameterError(f"engine {engine!r}{did_you_mean(engine, ('radtool', 'pyradiomics'))}")
    if not isinstance(params, PyradiomicsParameters):
        raise ParameterError(
            "engine 'pyradiomics' needs a pyradiomics parameter file, such as pyradiomics_ct"
        )
    import_pyradiomics()


def _one_case(
    case: Case,
    params: AnyParameters,
    cache: Path | None,
    engine: Engine,
    control: NegativeControl | None,
) -> Outcome:
    follow_parent()
    try:
        return _cached_case(case, params, cache, engine, control)
    except RadtoolError as error:
        return Failure.of(str(case["case_id"]), "extraction", error, str(case["image"]))
    except MemoryError as error:
        reason = f"not enough memory ({error}); fewer jobs, larger voxels or less padding need less"
        return Failure(str(case["case_id"]), "extraction", reason, str(case["image"]))


def _cached_case(
    case: Case,
    params: AnyParameters,
    cache: Path | None,
    engine: Engine,
    control: NegativeControl | None,
) -> dict[str, Any]:
    _check_named(case, "image", "mask")
    hashes = {
        "image_sha256": image_hash(case["image"]),
        "mask_sha256": image_hash(case["mask"]),
        "params_sha256": params.sha256,
    }
    stored = None
    if cache is not None:
        chosen: dict[str, Any] = {"roi": str(case.get("roi", "")), "label": _label(case, params)}
        if "lesion" in case:
            chosen |= {"labels": str(case["labels"]), "lesion": int(case["lesion"])}
        if control is not None:
            chosen |= {"control": dataclasses.asdict(control), "case_id": str(case["case_id"])}
        key = hash_of({**hashes, **chosen, "engine": ENGINE if engine == "radtool" else engine})
        stored = cache / key[:2] / f"{key}.json"
        known = _stored(stored)
        if known is not None:
            return {**hashes, **known}
    found = _extracted(case, params, engine, control)
    row = {f"diagnostics_{name}": value for name, value in found.diagnostics.items()}
    if stored is not None:
        names, values = list(found.features.index), found.features.to_numpy()
        write_json(stored, {"diagnostics": row, "names": names, "values": values})
    return {**hashes, **row, **found.features.to_dict()}


def _stored(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        document = decode(read_json(path))
        features = dict(zip(document["names"], document["values"].tolist(), strict=True))
        return {**document["diagnostics"], **features}
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return None  # half a cache is no cache


def _extracted(
    case: Case, params: AnyParameters, engine: Engine, control: NegativeControl | None
) -> Extraction:
    image = read_image(case["image"])
    mask = mask_of(case, params, image.geometry)
    if control is not None:
        image, mask = control.apply(image, mask, str(case["case_id"]))
    if engine == "pyradiomics":
        assert isinstance(params, PyradiomicsParameters)
        return Extraction(extract_with_pyradiomics(image, mask, params), {})
    return measure(image, mask, params)


def mask_of(case: Case, params: AnyParameters | None, like: Geometry) -> Mask:
    """Read the mask that a row of a manifest means: its ROI, label or lesion.

    Raises
    ------
    InputError
        See `radtool.io.read_mask`; or there is no mask, or no such lesion.
    """
    _check_named(case, "mask")
    roi = str(case.get("roi_in_file", case.get("roi", ""))) or None
    if "lesion" not in case:
        return read_mask(case["mask"], roi=roi, label=_label(case, params), like=like)
    found = read_masks(case["mask"], labels=case["labels"], roi=roi, like=like)
    number = int(case["lesion"])
    if number not in found:
        raise InputError(f"{case['mask']}: no lesion {number}; there are {sorted(found)}")
    return found[number]


def _check_named(case: Case, *columns: str) -> None:
    """Refuse a case without a path; an empty one would mean the working folder."""
    for column in columns:
        if pd.isna(case[column]) or not str(case[column]).strip():
            raise InputError(f"case {case['case_id']!r} has no {column} in the manifest")


def _label(case: Case, params: AnyParameters | None) -> int | None:
    """Which value of a label image is meant: the manifest's, else a pyradiomics file's own."""
    given = case.get("label")
    if given is not None and given == given and str(given).strip():
        try:
            return int(float(str(given)))
        except ValueError as error:
            raise InputError(f"label {given!r} is not a whole number") from error
    is_dicom = str(case["mask"]).lower().endswith(".dcm")
    return params.label if isinstance(params, PyradiomicsParameters) and not is_dicom else None


def image_hash(path: Any) -> str:
    """SHA-256 of a file, or of all files that an image is made of (see `radtool.io.files_of`)."""
    source = Path(str(path))
    hashes = [sha256(file) for file in files_of(source)]
    return hash_of(hashes) if len(hashes) > 1 or source.is_dir() else hashes[0]
