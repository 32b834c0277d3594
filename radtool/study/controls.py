"""Feature tables of negative controls: the same cases and parameters, something taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from radtool.errors import RadtoolError
from radtool.preprocessing import NegativeControl
from radtool.study.config import StudySettings
from radtool.study.extraction import extract_to
from radtool.table import Failure

__all__ = ["MadeControl", "make_controls"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class MadeControl:
    """The feature table of a control.

    Parameters
    ----------
    name : str
        "shuffled_voxels", ….
    table : DataFrame or None
        Feature table; None when not a single case has this control.
    failures : list of Failure
        Cases with real features that have none here.
    """

    name: str
    table: pd.DataFrame | None
    failures: list[Failure] = field(default_factory=list)


def make_controls(  # noqa: PLR0913 - the front door: every choice by name
    settings: StudySettings,
    manifest: pd.DataFrame,
    folder: Path,
    *,
    failed: Sequence[Failure] = (),
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> list[MadeControl]:
    """Extract the cases of a study under each of its controls.

    Parameters
    ----------
    settings : StudySettings
        The study; its seed is the controls' seed.
    manifest : DataFrame
        Images with masks.
    folder : Path
        ``controls/<name>/features.parquet`` goes here, with failures and cache of its own.
    failed : sequence of Failure
        Cases without real features; they are not tried again.
    jobs, scheduler, progress
        See `radtool.study.extraction.extract_to`.
    """
    cases = manifest[~manifest["case_id"].isin([failure.case_id for failure in failed])]
    made = []
    for kind in settings.controls.kinds:
        file = folder / "controls" / kind / "features.parquet"
        control = NegativeControl(
            kind=kind, seed=settings.validation.seed, within=settings.controls.within
        )
        try:
            result = extract_to(
                cases,
                settings.extraction.parameters,
                file,
                labels=settings.extraction.labels,
                lesions=settings.extraction.lesions,
                control=control,
                jobs=jobs,
                scheduler=scheduler,
                progress=progress,
            )
        except RadtoolError as error:  # the study itself does not hang on a control
            made.append(MadeControl(kind, None, [Failure.of("all", "control", error)]))
            continue
        made.append(MadeControl(kind, result.table, result.failures))
    return made
