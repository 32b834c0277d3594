"""A study from its file to its report: resumable, parallel, with provenance beside every output."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.files import sha256, write_json, write_text
from radtool.pipelines.endpoint import LABELS, Plan
from radtool.pipelines.question import Answer, answer, slug
from radtool.provenance import versions
from radtool.report import render
from radtool.report.results import EndpointResults, StudyResults, read_results
from radtool.study.config import StudySettings, read_study
from radtool.study.features import MadeFeatures, make_features
from radtool.study.gathering import gather
from radtool.study.outcomes import check_outcomes, check_volume, outcome_table
from radtool.study.stages import once
from radtool.table import Endpoint, Failure, join, make_step, read_manifest

__all__ = ["Done", "run_study", "write_report"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """What a run made.

    Parameters
    ----------
    out : Path
        Folder with everything.
    results : StudyResults
        The numbers.
    failures : list of Failure
        Cases that gave no features.
    """

    out: Path
    results: StudyResults
    failures: list[Failure]

    def summary(self) -> dict[str, Any]:
        """Return the essentials for a machine."""
        extraction = self.results.extraction
        return {
            "report": (self.out / "report.html").name,
            "cases": extraction.n_cases if extraction else 0,
            "features": extraction.n_features if extraction else 0,
            "failures": [[f.case_id, f.stage, f.reason] for f in self.failures],
            "endpoints": {
                endpoint.question.name: [
                    row.to_dict() for row in endpoint.performance if row.design != "apparent"
                ]
                for endpoint in self.results.endpoints
            },
        }

    def lines(self) -> list[str]:
        """Return the essentials for a person."""
        extraction = self.results.extraction
        cases, features = (extraction.n_cases, extraction.n_features) if extraction else (0, 0)
        return [
            f"{self.out / 'features.parquet'}: {cases} case(s), {features} features,"
            f" {len(self.failures)} failure(s)",
            *(_answer_line(endpoint) for endpoint in self.results.endpoints),
            f"{self.out / 'report.html'}",
        ]


def _answer_line(endpoint: EndpointResults) -> str:
    name = endpoint.question.name
    found = endpoint.headline.comparison if endpoint.headline else None
    if found is None or found.difference is None:
        return f"{name}: no comparison"
    measure = "C" if found.measure == "harrell_c" else "AUC"
    limits = "no interval"
    if found.lower is not None and found.upper is not None:
        limits = f"{found.lower:+.3f} to {found.upper:+.3f}"
    better, base = (LABELS.get(model, model) for model in (found.model_a, found.model_b))
    return (
        f"{name}: {better}, compared with {base}, in {found.cohort} ({found.design}):"
        f" {measure} {found.difference:+.3f} ({limits})"
    )


def run_study(  # noqa: PLR0913 - the front door: every choice by name
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    resume: bool = True,
    external: bool = True,
    progress: Progress | None = None,
) -> Done:
    """Run a study file.

    Parameters
    ----------
    path : path-like
        The study file (see `radtool.study.config.StudySettings`).
    out : path-like
        Folder for everything that the run makes; made if needed.
    jobs : int, default 1
        Processes; -1: all cores. Results do not depend on it.
    scheduler : str, optional
        Address of a Dask scheduler.
    resume : bool, default True
        Go on where an earlier run in `out` stopped; False starts over. The evaluation log stays in
        any case: a look at an external cohort cannot be undone.
    external : bool, default True
        False develops the signatures and never looks at the external cohort.
    progress : callable, optional
        Called with (done, total, label).

    Returns
    -------
    Done
        Numbers and failures; ``report.html``, ``results.json``, ``features.parquet``,
        ``failures.csv`` and ``*.signature.json`` lie in `out`.

    Raises
    ------
    RadtoolError
        The study file or a table is wrong, or nothing is left to work with.
    """
    settings = read_study(path)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in ("stages", "cache", "controls", "curated"):
            shutil.rmtree(folder / name, ignore_errors=True)
    plans = {endpoint.name: _plan(settings, endpoint, jobs) for endpoint in settings.endpoints}
    manifest = settings.data.manifest
    check_outcomes(settings, None if manifest is None else read_manifest(manifest))
    check_volume(settings)
    made = make_features(settings, folder, jobs=jobs, scheduler=scheduler, progress=progress)
    check_volume(settings, made.table)
    run = _Run(settings, folder, made, external, progress)
    answers = [
        Answer.from_dict(
            once(
                folder / "stages" / f"{slug(endpoint.name)}.json",
                run.ingredients(endpoint),
                partial(run.answer, endpoint, plans[endpoint.name]),
                resume=resume,
            )
        )
        for endpoint in settings.endpoints
    ]
    results = gather(settings, made, answers, folder)
    write_json(folder / "results.json", results.to_dict())
    write_report(folder)
    return Done(folder, results, made.failures)


def _plan(settings: StudySettings, endpoint: Endpoint, jobs: int) -> Plan:
    """Make every step before the first one runs, so that a wrong setting stops the run at once."""
    kind = "survival" if endpoint.is_survival else "marker"
    steps = []
    for number, entry in enumerate(settings.steps, start=1):
        own = {key: value for key, value in entry.items() if key != "only"}
        step = make_step(own, f"[steps] {number}")
        if entry.get("only", kind) == kind:
            steps.append(step)
    return Plan(
        clinical=(*settings.predictors.clinical, *settings.predictors.semantic),
        volume=settings.predictors.volume,
        steps=tuple(steps),
        batch=settings.batch,
        marker_model=settings.marker_model,
        survival_model=settings.survival_model,
        risk_groups=settings.risk_groups,
        subgroups=settings.subgroups,
        folds=settings.validation.folds,
        repeats=settings.validation.repeats,
        bootstrap=settings.validation.bootstrap,
        permutations=settings.validation.permutations,
        seed=settings.validation.seed,
        jobs=jobs,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """What every endpoint of a run shares."""

    settings: StudySettings
    folder: Path
    made: MadeFeatures
    external: bool
    progress: Progress | None

    def ingredients(self, endpoint: Endpoint) -> dict[str, Any]:
        """Everything that the answer to one endpoint depends on."""
        outcomes = self.settings.data.outcomes
        return {
            "study": self.settings.computed(),
            "endpoint": endpoint.name,
            "external": self.external,
            "features": sha256(self.folder / "features.parquet"),
            "outcomes": sha256(outcomes) if outcomes else "",
            "controls": {
                name: sha256(self.folder / "controls" / name / "features.parquet")
                for name in self._controls()
            },
            "versions": versions(),
        }

    def answer(self, endpoint: Endpoint, plan: Plan) -> dict[str, Any]:
        """Join, develop, validate; returns EndpointResults as JSON values."""
        people, who = outcome_table(self.settings), self.settings.cohorts
        told = [name for name in (who.column, plan.batch) if name and name in people.columns]
        asked = [n for n in (*plan.subgroups, *told) if n not in self.made.table.columns]
        study = join(
            self.made.table,
            people,
            endpoint=endpoint,
            covariates=list(dict.fromkeys((*plan.clinical, *asked))),
        )
        cohorts = dataclasses.replace(who, is_sealed=who.is_sealed or not self.external)
        found = answer(
            study,
            cohorts,
            plan,
            self.folder,
            extraction=self.made.parameters,
            controls=self._controls(),
            progress=self.progress,
        )
        return found.to_dict()

    def _controls(self) -> dict[str, pd.DataFrame]:
        return {made.name: made.table for made in self.made.controls if made.table is not None}


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Rebuild ``report.html`` from ``results.json``; nothing is computed again."""
    target = Path(folder) / "report.html"
    write_text(target, render(read_results(Path(folder) / "results.json")))
    return target
