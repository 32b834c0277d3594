"""Survival in glioblastoma from readings, radiomics and clinical data: seven models, validated.

The survival part of Verduin, Primakov and others (2021), step by step: semantic features by
univariate Cox and fast backward elimination (Model 1); radiomics of pooled sequences, scaled by
training values, less redundant ones, by the same elimination (Model 2); clinical predictors as they
are (Model 3); Cox models of the prognostic indices (Models 4-7); external validation by calibration
slope, misspecification and concordance; risk groups by a training cut-off; confounding by volume.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.errors import InputError, RadtoolWarning
from radtool.files import hash_of
from radtool.models import CoxSignature, CrossValidation, save_signature, validate
from radtool.pipelines.endpoint import new_words
from radtool.pipelines.gbm_measures import (
    associations,
    patients_per_model,
    royston_altman,
    same_patients,
    volume_confounding,
)
from radtool.pipelines.gbm_models import (
    LABELS,
    MODELS,
    cross_validate_models,
    fit_models,
    planned_blocks,
)
from radtool.pipelines.gbm_records import GbmRun, endpoint_results
from radtool.pipelines.gbm_report import population
from radtool.pipelines.gbm_tables import (
    BLOCKS,
    AssembledCohort,
    GbmCohort,
    GbmSettings,
    assemble,
)
from radtool.pipelines.reported import Reported
from radtool.provenance import provenance
from radtool.report.results import Evidence, StudyResults
from radtool.settings import parse_settings
from radtool.table import write_table

__all__ = ["GbmCohort", "GbmPrognosis", "GbmSettings", "gbm_prognosis"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GbmPrognosis(Reported):
    """What `gbm_prognosis` found.

    Parameters
    ----------
    models : dict of str to CoxSignature
        "M1" … "M7", fitted; with a volume also "volume" and "clinical_volume".
    tables : dict of str to DataFrame
        "patients" (behind each model), "validation" (Royston and Altman), "same patients, nested
        CV" and "same patients, external", "volume" (confounding), "associations".
    folds : dict of str to CrossValidation
        All models on identical folds of the development patients who have every predictor.
    results : StudyResults
        What the report renders.
    """

    models: dict[str, CoxSignature]
    tables: dict[str, pd.DataFrame]
    folds: dict[str, CrossValidation]
    results: StudyResults

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``report.html``, ``results.json``, the tables as CSV and every signature."""
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        for name, signature in self.models.items():
            save_signature(signature, out / f"{name}.signature.json", name=LABELS[name])
        for name, table in self.tables.items():
            write_table(table, out / f"{name.replace(', ', '_').replace(' ', '_')}.csv")
        self._save_report(out)


def gbm_prognosis(  # noqa: PLR0913 - two cohorts, settings, and what a report says of a run
    development: GbmCohort,
    external: GbmCohort,
    settings: GbmSettings | Mapping[str, Any] | None = None,
    *,
    title: str = "Prognosis in glioblastoma",
    synthetic: bool = False,
    evidence: Sequence[Evidence] = (),
    out: str | os.PathLike[str] | None = None,
) -> GbmPrognosis:
    """Develop Models 1-7 in one cohort, freeze them, and validate them in another.

    Parameters
    ----------
    development, external : GbmCohort
        No patient may be in both.
    settings : GbmSettings or mapping, optional
        Options; a mapping is read strictly, unknown keys are refused.
    title : str
        Heads the report.
    synthetic : bool, default False
        The data were generated; the report says so.
    evidence : sequence of Evidence
        Facts for the checklists that the tables do not hold.
    out : path-like, optional
        Folder for everything that `GbmPrognosis.save` writes, and for ``evaluation_log.jsonl``, the
        append-only log of every look at the external cohort with Model 7.

    Returns
    -------
    GbmPrognosis

    Raises
    ------
    TableError
        A table breaks its contract, or the cohorts have different columns.
    InputError
        A patient is in both cohorts, or a model cannot be fitted.
    ParameterError
        An option is unknown or out of range.

    References
    ----------
    Verduin, Primakov, Compter and others, Prognostic and predictive value of integrated
    qualitative and quantitative magnetic resonance imaging analysis in glioblastoma, Cancers 2021.
    Royston and Altman, External validation of a Cox prognostic model, BMC Med Res Methodol 2013.
    """
    chosen = parse_settings(GbmSettings, settings, "gbm_prognosis settings")
    inner, outer = assemble(development, chosen), assemble(external, chosen)
    both = sorted(set(inner.study.X.index) & set(outer.study.X.index))
    if both:
        raise InputError(f"patient(s) {both[:5]} are in the development and the external cohort")
    log = None if out is None else Path(out) / "evaluation_log.jsonl"
    run = _run(inner, outer, chosen, log)
    tables = {
        "patients": patients_per_model(run.models, {inner.name: inner, outer.name: outer}),
        "validation": royston_altman(run.models, run.inside, run.outside, chosen.cut),
        **{
            f"same patients, {design}": table
            for design, table in same_patients(run.models, outer.part(BLOCKS), run.folds).items()
        },
        "volume": volume_confounding(inner, run.models, chosen),
        "associations": associations(inner, run.models["M7"]),
    }
    results = StudyResults(
        title=title,
        description=f"Overall survival of {len(inner.study.X)} patients ({inner.name}) and"
        f" {len(outer.study.X)} others ({outer.name}): semantic readings, radiomics and clinical"
        " predictors, alone and combined.",
        synthetic=synthetic,
        endpoints=(endpoint_results(run, tables, log),),
        population=population(inner, outer),
        evidence=tuple(evidence),
        provenance=_provenance(chosen, inner, outer),
    )
    found = GbmPrognosis(models=run.models, tables=tables, folds=run.folds, results=results)
    if out is not None:
        found.save(out)
    return found


def _run(
    inner: AssembledCohort,
    outer: AssembledCohort,
    settings: GbmSettings,
    log: Path | None,
) -> GbmRun:
    blocks = planned_blocks(inner, settings)
    wanted = {name: chosen for name, chosen in MODELS.items() if set(chosen) <= set(blocks)}
    inside = {name: inner.part(chosen) for name, chosen in wanted.items()}
    outside = {name: outer.part(chosen) for name, chosen in wanted.items()}
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always", RadtoolWarning)
        models = fit_models(blocks, inside)
        folds = cross_validate_models(blocks, inner.part(BLOCKS), settings)
        middle = outer.study.y.loc[outer.study.y["event"], "duration"].median()
        horizon = settings.horizon or float(f"{middle:.2g}")
        found = {
            name: validate(
                signature,
                outside[name].X,
                outside[name].y,
                horizon=horizon,
                log=log if name == "M7" else None,
            )
            for name, signature in models.items()
        }
    notes += new_words(met, notes)
    notes += [f"{LABELS[name]}: {note}" for name, one in found.items() for note in one.notes]
    return GbmRun(settings, inner, outer, models, inside, outside, folds, found, notes)


def _provenance(
    settings: GbmSettings, inner: AssembledCohort, outer: AssembledCohort
) -> dict[str, Any]:
    plain = {**dataclasses.asdict(settings), "jobs": None}
    tables = {
        f"table of {cohort.name}": hash_of(
            [list(cohort.study.X.columns), cohort.study.X.to_numpy(), list(cohort.study.X.index)]
        )
        for cohort in (inner, outer)
    }
    return provenance(plain) | {"inputs": tables}
