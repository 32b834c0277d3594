"""Marker models refitted in outer folds, and frozen once for other cohorts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from radtool.errors import RadtoolWarning
from radtool.evaluation import auc, grouped_folds, youden_threshold
from radtool.models import Block, Log, MarkerSignature
from radtool.pipelines.marker_numbers import LabelledCohort
from radtool.pipelines.marker_settings import FULL, MarkerPredictors, MarkerSettings

__all__ = ["Frozen", "OutOfFold", "freeze", "out_of_fold", "planned"]


def planned(predictors: MarkerPredictors, settings: MarkerSettings) -> dict[str, MarkerSignature]:
    """Build the ensemble and its comparators, not fitted."""
    built: dict[str, MarkerSignature] = {}
    blocks: dict[str, Block] = {}
    if predictors.volume is not None:
        blocks["volume"] = Block([predictors.volume], [Log()])
        built["volume"] = MarkerSignature({"volume": blocks["volume"]}, model="logistic")
    if predictors.clinical:
        clinical = {"clinical": Block(predictors.clinical)}
        built["clinical"] = MarkerSignature(clinical, model="logistic")
        if blocks:
            built["clinical_volume"] = MarkerSignature({**clinical, **blocks}, model="logistic")
    steps = [*settings.early_steps, settings.importance]
    built[FULL] = MarkerSignature(
        {name: Block(columns, steps) for name, columns in predictors.blocks.items()},
        model=settings.search,
        combine="average",
        seed=settings.seed,
    )
    return built


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFold:
    """Predictions of cases by models that never saw them.

    Parameters
    ----------
    scores, cuts : DataFrame
        Per case and model: probability, and Youden cut-off of the training cases (means over
        repeats).
    folds : DataFrame
        ``repeat, fold, n_train, n_test, positive_test`` and the AUC of each model.
    selected : Series
        Feature -> share of the outer folds whose models used it.
    """

    scores: pd.DataFrame
    cuts: pd.DataFrame
    folds: pd.DataFrame
    selected: pd.Series


def out_of_fold(
    models: Mapping[str, MarkerSignature], cohort: LabelledCohort, settings: MarkerSettings
) -> OutOfFold:
    """Refit every step of every model in outer folds that keep patients whole."""
    tasks = [
        (repeat, fold, plan == fold)
        for repeat in range(settings.repeats)
        for plan in [grouped_folds(cohort.y, cohort.people, settings.folds, settings.seed + repeat)]
        for fold in range(settings.folds)
    ]
    found = Parallel(n_jobs=settings.jobs)(
        delayed(_one_fold)(models, cohort, held_out) for _, _, held_out in tasks
    )
    rows = []
    for (repeat, fold, held_out), one in zip(tasks, found, strict=True):
        truth = cohort.y[held_out]
        areas = {name: auc(truth, one.scores[name]).value for name in one.scores}
        rows.append(
            {"repeat": repeat, "fold": fold, "n_train": int((~held_out).sum()),
             "n_test": int(held_out.sum()), "positive_test": int(truth.sum()), **areas}
        )  # fmt: skip
    used = pd.Series([f for one in found for f in one.features], dtype=object).value_counts()

    def mean(parts: list[pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(parts).groupby(level=0, sort=False).mean().loc[cohort.X.index]

    return OutOfFold(
        mean([one.scores for one in found]),
        mean([one.cuts for one in found]),
        pd.DataFrame(rows),
        (used / len(tasks)).rename("share"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """Models fitted on some cases, and what they say of others.

    Parameters
    ----------
    signatures : dict
        Ensemble and comparators.
    cuts : dict
        Model -> Youden cut-off of the training cases.
    """

    signatures: dict[str, MarkerSignature]
    cuts: dict[str, float]

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Probability of True by every model, the ensemble's parts among them."""
        full = self.signatures[FULL]
        scores = {name: s.predict_probability(X) for name, s in self.signatures.items()}
        if len(full.blocks_) > 1:
            scores |= dict(full.block_predictions(X).items())
        return pd.DataFrame(scores, index=X.index)


def freeze(
    models: Mapping[str, MarkerSignature], cohort: LabelledCohort, rows: np.ndarray | None = None
) -> Frozen:
    """Fit every model on the cohort, or on some rows of it."""
    chosen = np.ones(len(cohort.X), dtype=bool) if rows is None else rows
    X, y, people = cohort.X[chosen], cohort.y[chosen], cohort.people[chosen]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RadtoolWarning)
        fitted = {name: model.unfitted().fit(X, y, people) for name, model in models.items()}
    cuts = {name: float(s.cutoffs_["youden"]) for name, s in fitted.items()}
    full = fitted[FULL]
    if len(full.blocks_) > 1:
        parts = full.block_predictions(X)
        cuts |= {str(name): youden_threshold(y, parts[name]).value for name in parts}
    return Frozen(fitted, cuts)


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    scores: pd.DataFrame
    cuts: pd.DataFrame
    features: list[str]


def _one_fold(
    models: Mapping[str, MarkerSignature], cohort: LabelledCohort, held_out: np.ndarray
) -> _Fold:
    frozen = freeze(models, cohort, ~held_out)
    scores = frozen.predict(cohort.X[held_out])
    cuts = pd.DataFrame(frozen.cuts, index=scores.index)[list(scores)]
    return _Fold(scores, cuts, frozen.signatures[FULL]._used())
