"""Feature tables of a study: extracted by modality, joined by case, written with provenance."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radtool.errors import ParameterError
from radtool.features import (
    CohortResult,
    Parameters,
    combine_lesions,
    extract_cohort,
    load_params,
    split_lesions,
)
from radtool.features.lesions import Together
from radtool.features.pyradiomics import PyradiomicsParameters
from radtool.io.lesions import Split
from radtool.preprocessing import NegativeControl
from radtool.provenance import provenance
from radtool.study.workers import workers
from radtool.table import KEYS, Failure, check_manifest, feature_columns, read_manifest, write_table

__all__ = ["extract_to", "lesion_settings", "parameters_from", "single_case", "split_and_combined"]

Engine = Literal["radtool", "pyradiomics"]
Progress = Callable[[int, int, str], None]
_LESIONS = "lesions"


def single_case(
    image: Path, mask: Path, roi: str | None = None, label: int | None = None
) -> pd.DataFrame:
    """Return the manifest of one image and its mask; the case is called after the image."""
    name = image.name.split(".")[0]
    columns: dict[str, list[Any]] = {
        "case_id": [name],
        "patient_id": [name],
        "roi": [roi or ""],
        "image": [str(image.resolve())],
        "mask": [str(mask.resolve())],
    }
    if label is not None:
        columns["label"] = [label]
    return check_manifest(pd.DataFrame(columns))


def parameters_from(stored: dict[str, Any]) -> Parameters | PyradiomicsParameters:
    """Rebuild extraction parameters from what a signature holds.

    Raises
    ------
    ParameterError
        The signature was made from several modalities: their images have to be extracted by study.
    """
    settings = {key: value for key, value in stored.items() if key != _LESIONS}
    if "convention" not in settings:
        raise ParameterError(
            f"the signature uses the modalities {sorted(settings)}; extract them with a study file"
            " and give the feature table"
        )
    return load_params(settings)


def lesion_settings(labels: Split | None, lesions: Together | None) -> dict[str, Any]:
    """Return what becomes of lesions as it stands beside parameters; empty where nothing does."""
    if labels is None and lesions is None:
        return {}
    return {_LESIONS: {"labels": labels or "", "combined": lesions or ""}}


def split_and_combined(stored: dict[str, Any]) -> tuple[Split | None, Together | None]:
    """Return the two choices of `lesion_settings` from what a signature holds."""
    said = stored.get(_LESIONS, {})
    return said.get("labels") or None, said.get("combined") or None


def extract_to(  # noqa: PLR0913 - the front door: every choice by name
    source: pd.DataFrame | str | os.PathLike[str],
    params: str | dict[str, Any],
    out: str | os.PathLike[str],
    *,
    earlier: Sequence[Failure] = (),
    labels: Split | None = None,
    lesions: Together | None = None,
    engine: Engine = "radtool",
    control: NegativeControl | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> CohortResult:
    """Extract a manifest into a feature table on disk; an interrupted run resumes.

    Parameters
    ----------
    source : DataFrame or path
        Manifest.
    params : str or dict
        A parameter file or shipped name; or one for each modality of the manifest; or a
        ``*.signature.json``, whose own parameters and lesion choices are taken. With several
        modalities the columns get the modality as prefix and a patient's images share a row.
    out : path
        ``.parquet`` or ``.csv``; ``failures.csv`` and the cache of single cases lie beside it.
    earlier : sequence of Failure
        Cases that failed before extraction; they head the failures.
    labels : {"all", "union", "components"}, optional
        A row for every lesion of a mask file (see `radtool.io.read_masks`).
    lesions : {"largest", "volume_weighted_mean", "sum", "max"}, optional
        One row a patient again (see `radtool.features.combine_lesions`).
    engine : {"radtool", "pyradiomics"}
        Who computes.
    control : NegativeControl, optional
        Take something away from every case first.
    jobs, scheduler
        See `radtool.study.workers.workers`.
    progress : callable, optional
        Called with (done, total, label).

    Returns
    -------
    CohortResult
        The table as written, and the failures.

    Raises
    ------
    ParameterError
        No parameters fit; or connected parts are asked for in several modalities, whose masks may
        number them differently.
    """
    if isinstance(params, str) and params.endswith(".signature.json"):
        params, labels, lesions = _of_signature(params)
    if labels == "components" and not (isinstance(params, str) or "convention" in params):
        raise ParameterError(
            "labels: components numbers the parts of every mask by size, so those of two modalities"
            " need not be the same lesion; number the lesions in the masks and use labels: all"
        )
    manifest = source if isinstance(source, pd.DataFrame) else read_manifest(source)
    target = Path(out)
    tables: dict[str, pd.DataFrame] = {}
    failures = list(earlier)
    if labels is not None:
        with workers(jobs, scheduler):
            manifest, unread = split_lesions(manifest, labels)
        failures += unread
    chosen = _by_modality(manifest, params, failures)
    with workers(jobs, scheduler):
        for modality, (rows, parameters) in chosen.items():
            result = extract_cohort(
                rows,
                parameters,
                jobs=jobs,
                cache=target.parent / "cache",
                engine=engine,
                control=control,
                progress=_labelled(progress, control.kind if control else "", modality),
            )
            tables[modality] = result.table
            failures += result.failures
    table = _one_row_a_case(tables)
    settings: dict[str, Any] = {
        "extraction": {modality: used.to_dict() for modality, (_, used) in chosen.items()}
    }
    if lesions is not None:
        table = combine_lesions(table, lesions)
    settings |= lesion_settings(labels, lesions)
    if control is not None:
        settings["control"] = dataclasses.asdict(control)
    write_table(table, target, provenance(settings))
    _write_failures(failures, target.parent / "failures.csv")
    return CohortResult(table, failures)


def _of_signature(path: str) -> tuple[dict[str, Any], Split | None, Together | None]:
    """Extraction parameters of a signature file, and what becomes of lesions."""
    from radtool.models import load_signature  # most extractions need no model

    stored = load_signature(path).extraction_
    if not stored:
        raise ParameterError(f"{path} does not hold its extraction parameters; ask who made it")
    settings = {key: value for key, value in stored.items() if key != _LESIONS}
    return settings, *split_and_combined(dict(stored))


def _by_modality(
    manifest: pd.DataFrame, params: str | dict[str, Any], failures: list[Failure]
) -> dict[str, tuple[pd.DataFrame, Parameters | PyradiomicsParameters]]:
    if isinstance(params, str) or "convention" in params:
        return {"": (manifest, load_params(params))}
    chosen = {}
    for modality, rows in manifest.groupby("modality", sort=True):
        if modality in params:
            chosen[str(modality)] = (rows, load_params(params[str(modality)]))
        else:
            reason = f"no parameters for modality {modality!r}; there are {sorted(params)}"
            failures += [Failure(case, "extraction", reason) for case in rows["case_id"]]
    if not chosen:
        raise ParameterError(f"parameters for {sorted(params)} fit no modality of the manifest")
    return chosen


def _labelled(progress: Progress | None, *which: str) -> Progress | None:
    if progress is None:
        return None
    stage = " ".join(("features", *filter(None, which)))
    return lambda done, total, case: progress(done, total, f"{stage}: {case}")


def _one_row_a_case(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the modalities of a patient, ROI and time point; a single one stays as it is."""
    if len(tables) == 1:
        return next(iter(tables.values()))
    keys = ["patient_id", "site", "roi", "timepoint"]
    joined: pd.DataFrame | None = None
    for modality, table in tables.items():
        prefix = modality.lower()
        features = feature_columns(table)
        own = table[[*keys, *features]].rename(columns={f: f"{prefix}_{f}" for f in features})
        joined = own if joined is None else joined.merge(own, on=keys, how="outer", validate="1:1")
    assert joined is not None
    names = joined[["patient_id", "roi", "timepoint"]].agg("_".join, axis=1)
    joined.insert(0, "case_id", names.str.strip("_"))
    return joined[[*KEYS, *feature_columns(joined)]]


def _write_failures(failures: list[Failure], path: Path) -> None:
    columns = ["case_id", "stage", "reason", "path"]
    rows = [[getattr(failure, column) for column in columns] for failure in failures]
    write_table(pd.DataFrame(rows, columns=columns), path)
