"""One lesion study while it runs: which branch each model takes, and the fits."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from radtool.errors import RadtoolWarning
from radtool.evaluation import auc
from radtool.models import MarkerSignature, cross_validate
from radtool.pipelines.are_settings import (
    LABELS,
    AreSettings,
    branch_probe,
    planned_lesion_models,
)
from radtool.pipelines.are_tables import branch_table
from radtool.pipelines.lesion_cohort import LesionCohort
from radtool.pipelines.marker_numbers import LabelledCohort, MarkerNumbers
from radtool.report.results import (
    Comparison,
    DecisionCurve,
    Look,
    Question,
    ResultTable,
    SignatureCard,
)

__all__ = ["AreRun", "choose_and_fit", "rows_of"]


@dataclass(slots=True, eq=False)
class AreRun:
    """What one call works on, filled as it goes.

    Parameters
    ----------
    question : Question
    development, external : LesionCohort
    settings : AreSettings
    clinical : tuple of str
        Columns that both cohorts have.
    """

    question: Question
    development: LesionCohort
    external: LesionCohort
    settings: AreSettings
    clinical: tuple[str, ...]
    out: Path | None = None
    branches: dict[str, str] = field(default_factory=dict)
    signatures: dict[str, MarkerSignature] = field(default_factory=dict)
    numbers: MarkerNumbers = field(default_factory=MarkerNumbers)
    comparisons: list[Comparison] = field(default_factory=list)
    decisions: list[DecisionCurve] = field(default_factory=list)
    tables: list[ResultTable] = field(default_factory=list)
    patients: list[pd.DataFrame] = field(default_factory=list)
    cards: list[SignatureCard] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    parts: list[tuple[str, LabelledCohort]] = field(default_factory=list)
    training: LabelledCohort | None = None

    @property
    def columns(self) -> dict[str, list[str]]:
        """Kind of predictor -> columns that both cohorts have."""
        there = self.external.columns
        own = {k: v for k, v in self.development.columns.items() if k in there}
        return {**own, "clinical": list(self.clinical)}

    @property
    def samples(self) -> tuple[int, int]:
        """Bootstrap samples and seed."""
        return self.settings.bootstraps, self.settings.seed


def choose_and_fit(run: AreRun, held_out: pd.Series) -> None:
    """Choose the branch of each model and fit it on the training part."""
    plan = run.settings
    models = planned_lesion_models(run.columns, run.development.volume, plan)
    branches = list(run.development.branches)
    tables = {name: run.development.labelled(name, run.clinical) for name in branches}
    if plan.mode == "as_published":
        _by_held_out(run, models, tables, held_out)
        return
    chosen = branches[0]
    if len(branches) > 1:
        probe = branch_probe(run.columns["radiomics"], plan)

        def score(name: str) -> float:
            X, y, people = rows_of(tables[name], ~held_out)
            done = cross_validate(
                probe, X, y, people, folds=plan.folds, repeats=1, seed=plan.seed, jobs=plan.jobs
            )
            return float(done.folds["score"].mean())

        scores = pd.DataFrame({"AUC of the folds": {name: score(name) for name in branches}})
        chosen = str(scores.iloc[:, 0].round(12).idxmax())
        note = (
            f"Mean AUC of {plan.folds} folds of the training patients, filters and XGBoost"
            " refitted in each. The held-out patients had no part in the choice."
        )
        run.tables.append(branch_table(scores, {"AUC of the folds": chosen}, note))
    X, y, people = rows_of(tables[chosen], ~held_out)
    fitted = Parallel(n_jobs=plan.jobs)(
        delayed(_fit)(model, X, y, people) for model in models.values()
    )
    run.signatures = dict(zip(models, fitted, strict=True))
    run.branches = dict.fromkeys(models, chosen)


def _by_held_out(
    run: AreRun,
    models: Mapping[str, MarkerSignature],
    tables: Mapping[str, LabelledCohort],
    held_out: pd.Series,
) -> None:
    """As published: every model on every branch, the best on the held-out part wins."""
    found = {}
    for branch, table in tables.items():
        X, y, people = rows_of(table, ~held_out)
        fitted = Parallel(n_jobs=run.settings.jobs)(
            delayed(_fit)(model, X, y, people) for model in models.values()
        )
        found[branch] = dict(zip(models, fitted, strict=True))
    rows = {
        branch: {
            LABELS[name]: auc(rows_of(tables[branch], held_out)[1],
                              one.predict_risk(rows_of(tables[branch], held_out)[0])).value
            for name, one in fitted.items()
        }
        for branch, fitted in found.items()
    }  # fmt: skip
    scores = pd.DataFrame(rows).T
    run.branches = {name: str(scores[LABELS[name]].round(12).idxmax()) for name in models}
    run.signatures = {name: found[run.branches[name]][name] for name in models}
    chosen = {LABELS[name]: branch for name, branch in run.branches.items()}
    run.tables.append(branch_table(scores, chosen, "AUC on the held-out part, which chose."))


def _fit(
    model: MarkerSignature, X: pd.DataFrame, y: pd.Series, people: pd.Series
) -> MarkerSignature:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RadtoolWarning)
        return model.unfitted().fit(X, y, people)


def rows_of(table: LabelledCohort, rows: pd.Series) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Predictors, outcome and patients of some lesions (a mask by lesion)."""
    return table.X[rows], table.y[rows], table.people[rows]
