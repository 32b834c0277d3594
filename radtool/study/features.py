"""The feature table of a study: read, or made from images by way of curation and extraction."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.errors import RadtoolWarning, quoted
from radtool.features import load_params
from radtool.provenance import provenance
from radtool.study.config import StudySettings
from radtool.study.controls import MadeControl, make_controls
from radtool.study.extraction import extract_to, lesion_settings
from radtool.study.images import Cases, find_cases
from radtool.study.outcomes import check_outcomes
from radtool.table import (
    KEYS,
    Failure,
    check_features,
    feature_columns,
    read_table,
    write_table,
)

__all__ = ["MadeFeatures", "make_features"]

PARAMETERS_HASH = "params_sha256"
"""Tables that radtool made have it; what else is in them is known not to be a feature."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class MadeFeatures:
    """A feature table and how it came about.

    Parameters
    ----------
    table : DataFrame
        Feature table.
    failures : list of Failure
        Cases without a row.
    cases : Cases or None
        The images it was made from; None when the table was given.
    parameters : dict or None
        Extraction parameters, by modality when there are several; ``lesions`` beside them says
        what became of lesions.
    controls : list of MadeControl
        The same cases under the study's negative controls.
    """

    table: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)
    cases: Cases | None = None
    parameters: dict[str, Any] | None = None
    controls: list[MadeControl] = field(default_factory=list)


def make_features(
    settings: StudySettings,
    folder: Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> MadeFeatures:
    """Make or read the feature table and store it as ``features.parquet`` in the folder.

    ``failures.csv`` beside it names every case without a row, whichever stage it failed at.
    """
    target = folder / "features.parquet"
    if settings.data.features is not None:
        table = _given(settings, settings.data.features)
        write_table(table, target, provenance({}, [settings.data.features]))
        return MadeFeatures(table)
    cases = find_cases(settings, folder / "curated", jobs=jobs, progress=progress)
    if settings.data.manifest is None:  # the patients of a manifest were looked up before
        check_outcomes(settings, cases.manifest)
    result = extract_to(
        cases.manifest,
        settings.extraction.parameters,
        target,
        earlier=cases.failures,
        labels=settings.extraction.labels,
        lesions=settings.extraction.lesions,
        jobs=jobs,
        scheduler=scheduler,
        progress=progress,
    )
    controls = make_controls(
        settings,
        cases.manifest,
        folder,
        failed=result.failures,
        jobs=jobs,
        scheduler=scheduler,
        progress=progress,
    )
    return MadeFeatures(result.table, result.failures, cases, _parameters(settings), controls)


def _parameters(settings: StudySettings) -> dict[str, Any]:
    extraction = settings.extraction
    by_lesion = lesion_settings(extraction.labels, extraction.lesions)
    chosen = extraction.parameters
    if isinstance(chosen, str):
        return {**load_params(chosen).to_dict(), **by_lesion}
    named = {modality: load_params(name).to_dict() for modality, name in sorted(chosen.items())}
    return {**named, **by_lesion}


def _given(settings: StudySettings, source: Path) -> pd.DataFrame:
    given = read_table(source, rename=settings.data.columns)
    features = feature_columns(given)
    if source == settings.data.outcomes:
        # Everything else in the one table is read as outcomes, and only what is named predicts.
        given = given[[column for column in given.columns if column in {*KEYS, *features}]]
    table = check_features(given, source.name)
    others = given.select_dtypes("number").columns.difference([*KEYS, *features], sort=False)
    if len(others) and PARAMETERS_HASH not in given.columns:
        warnings.warn(
            f"{source.name}: {len(others)} column(s) of numbers are left out, because they are not"
            f" named as features: {quoted(others)}. A feature is called"
            " <image>_<family>_<feature>, such as original_glcm_contrast; data.columns gives other"
            " names",
            RadtoolWarning,
            stacklevel=3,
        )
    return table
