"""The marker prediction as it was published, with its leaks, so that they can be measured.

What leaks: redundancy (which looks at the label) and scaling see every development case before the
split, and the part that chooses among a thousand models is the part whose AUC is reported.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radtool.errors import InputError, RadtoolWarning
from radtool.evaluation import grouped_split
from radtool.models import Block, Predictor
from radtool.models.block import FittedBlock
from radtool.models.model_search import draw_candidates, held_out_auc
from radtool.pipelines.marker_numbers import LabelledCohort
from radtool.pipelines.marker_settings import FULL, MarkerPredictors, MarkerSettings

__all__ = ["LEAKAGE", "PublishedRun", "run_as_published"]

LEAKAGE = (
    "Leakage: in this mode redundancy and scaling saw all development cases, labels included, and"
    " the cases that chose among the models are the cases that score them. The AUC of that part is"
    " optimistic (pure noise scores about 0.64 so) and is no test. It is shown to be compared with"
    " mode='nested', and with cohorts that had no part in it."
)


@dataclass(frozen=True, slots=True, eq=False)
class PublishedBlock:
    """What the published procedure chose for one block.

    Parameters
    ----------
    prepared : FittedBlock
        Redundancy and scaling, fitted on all development cases.
    features : list of str
        Columns that the model takes, by importance in the training part.
    model : Predictor
        Fitted on the training part.
    searched : DataFrame
        ``kind, settings, first_split, mean_of_resplits, sd_of_resplits`` of every draw.
    """

    prepared: FittedBlock
    features: list[str]
    model: Predictor
    searched: pd.DataFrame

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Probability of True, shape (n_cases,)."""
        return self.model.predict(self.prepared.transform(X)[self.features])


@dataclass(frozen=True, slots=True, eq=False)
class PublishedRun:
    """The published procedure, run.

    Parameters
    ----------
    blocks : dict of PublishedBlock
    held_out : ndarray of bool, shape (n_cases,)
        The part that chose the models.
    scores : DataFrame
        Probabilities of the held-out part, one column a block, and their mean.
    """

    blocks: dict[str, PublishedBlock]
    held_out: np.ndarray
    scores: pd.DataFrame

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Probabilities of other cases, one column a block, and their mean."""
        return _with_mean({name: one.predict(X) for name, one in self.blocks.items()}, X.index)


def run_as_published(
    cohort: LabelledCohort, predictors: MarkerPredictors, settings: MarkerSettings
) -> PublishedRun:
    """Run the original's steps in the original's order.

    Parameters
    ----------
    cohort : LabelledCohort
        Development, markers known.
    predictors : MarkerPredictors
    settings : MarkerSettings

    Returns
    -------
    PublishedRun
        A `RadtoolWarning` says what leaks.
    """
    warnings.warn(LEAKAGE, RadtoolWarning, stacklevel=3)
    held_out = grouped_split(cohort.y, cohort.people, share=settings.test_share, seed=settings.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RadtoolWarning)
        blocks = {
            name: _block(cohort, Block(columns, settings.early_steps), settings, held_out)
            for name, columns in predictors.blocks.items()
        }
    rows = cohort.X[held_out]
    own = {name: one.predict(rows) for name, one in blocks.items()}
    return PublishedRun(blocks, held_out, _with_mean(own, rows.index))


def _block(
    cohort: LabelledCohort, block: Block, settings: MarkerSettings, held_out: np.ndarray
) -> PublishedBlock:
    prepared, design = FittedBlock.fit(block, cohort.X, cohort.y, "predictors")
    importance = settings.importance.fit(design[~held_out], cohort.y[~held_out])
    chosen = importance.transform(design)
    truth = cohort.y.to_numpy()
    models = draw_candidates(settings.kinds, settings.draws, settings.seed)
    first = np.array([held_out_auc(model, chosen, truth, held_out) for model in models])
    order = np.argsort(-np.nan_to_num(np.round(first, 12), nan=-1.0), kind="stable")
    if np.isnan(first).all():
        raise InputError("none of the drawn models could be fitted and scored")
    parts = [
        grouped_split(cohort.y, cohort.people, share=settings.test_share, seed=settings.seed + k)
        for k in range(1, settings.resplits + 1)
    ]
    again = np.full((len(models), len(parts)), np.nan)
    for i in order[: settings.best]:
        again[i] = [held_out_auc(models[i], chosen, truth, part) for part in parts]
    winner = models[order[0]].fit(chosen[~held_out], cohort.y[~held_out])
    searched = pd.DataFrame(
        {
            "kind": [type(model).__name__ for model in models],
            "settings": [model.get_params(deep=False) for model in models],
            "first_split": first,
            "mean_of_resplits": again.mean(axis=1),
            "sd_of_resplits": again.std(axis=1),
        }
    )
    return PublishedBlock(prepared, list(chosen), winner, searched)


def _with_mean(own: dict[str, np.ndarray], index: pd.Index) -> pd.DataFrame:
    scores = pd.DataFrame(own, index=index)
    return (
        scores.assign(**{FULL: scores.mean(axis=1)})
        if len(own) > 1
        else scores.set_axis([FULL], axis=1)
    )
