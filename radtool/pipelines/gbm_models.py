"""The seven models of the glioblastoma study, fitted, and refitted on identical folds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from radtool.errors import InputError, RadtoolError, RadtoolWarning
from radtool.evaluation import calibration_slope, grouped_folds, harrell_c
from radtool.models import Block, CoxSignature, CrossValidation, Log, combine_indices
from radtool.pipelines.gbm_tables import BLOCKS, AssembledCohort, GbmSettings
from radtool.selection import (
    BackwardElimination,
    CorrelationFilter,
    Standardize,
    UnivariateCoxFilter,
)
from radtool.table import Study

__all__ = ["LABELS", "MODELS", "cross_validate_models", "fit_models", "planned_blocks"]

MODELS: dict[str, tuple[str, ...]] = {
    "M1": ("semantic",),
    "M2": ("radiomics",),
    "M3": ("clinical",),
    "M4": ("semantic", "radiomics"),
    "M5": ("semantic", "clinical"),
    "M6": ("radiomics", "clinical"),
    "M7": BLOCKS,
    "volume": ("volume",),
    "clinical_volume": ("clinical", "volume"),
}
"""Model -> its blocks; the last two are comparators, made when the volume is known."""

LABELS = {
    **{
        name: f"Model {name[1:]}: {' + '.join(blocks)}"
        for name, blocks in MODELS.items()
        if name.startswith("M")
    },
    "M7": "Model 7: all three",
    "volume": "log volume",
    "clinical_volume": "clinical + volume",
}


def planned_blocks(cohort: AssembledCohort, settings: GbmSettings) -> dict[str, Block]:
    """Build the blocks with their steps, not fitted.

    The number of radiomics candidates follows from the events among the patients with radiomics.
    """
    events = int(cohort.part(["radiomics"]).y["event"].sum())
    most = max(int(events / settings.events_per_candidate), 1)
    elimination = BackwardElimination(settings.elimination_alpha)
    blocks = {
        "semantic": Block(
            cohort.columns["semantic"], [UnivariateCoxFilter(settings.semantic_alpha), elimination]
        ),
        "radiomics": Block(
            cohort.columns["radiomics"],
            [
                Standardize(),
                CorrelationFilter(settings.redundancy, settings.redundancy_keep),
                UnivariateCoxFilter(settings.radiomics_alpha, top=most),
                elimination,
            ],
        ),
        "clinical": Block(cohort.columns["clinical"]),
    }
    if settings.volume is not None:
        blocks["volume"] = Block([settings.volume], [Log()])
    return blocks


def fit_models(blocks: Mapping[str, Block], parts: Mapping[str, Study]) -> dict[str, CoxSignature]:
    """Fit Models 1-3 on everyone who has their predictors, and Models 4-7 on their indices.

    Parameters
    ----------
    blocks : mapping of str to Block
        See `planned_blocks`.
    parts : mapping of str to Study
        Model -> its training patients.

    Returns
    -------
    dict of str to CoxSignature
        In the order of `MODELS`; comparators only with a block "volume".
    """
    fitted: dict[str, CoxSignature] = {}
    for name, chosen in MODELS.items():
        if not set(chosen) <= set(blocks):
            continue
        part = parts[name]
        if len(chosen) > 1 and name.startswith("M"):
            own = [fitted[_single(block)] for block in chosen]
            fitted[name] = combine_indices(own, part.X, part.y, part.patients)
        else:
            signature = CoxSignature({block: blocks[block] for block in chosen}).unfitted()
            fitted[name] = signature.fit(part.X, part.y, part.patients)
    return fitted


def _single(block: str) -> str:
    return next(name for name, blocks in MODELS.items() if blocks == (block,))


def cross_validate_models(
    blocks: Mapping[str, Block], study: Study, settings: GbmSettings
) -> dict[str, CrossValidation]:
    """Refit every model on identical folds of the same patients, and score the part left out.

    Parameters
    ----------
    blocks : mapping of str to Block
        See `planned_blocks`.
    study : Study
        Patients with every kind of predictor.
    settings : GbmSettings
        Folds, repeats, seed and jobs.

    Returns
    -------
    dict of str to CrossValidation
        Model -> its folds; out-of-fold indices are standardised by their training part.

    Raises
    ------
    InputError
        A model could not be fitted in any fold.
    """
    tasks = []
    for repeat in range(settings.repeats):
        fold = grouped_folds(study.y, study.patients, settings.folds, settings.seed + repeat)
        tasks += [(repeat, k, fold == k) for k in range(settings.folds)]
    done = Parallel(n_jobs=settings.jobs)(
        delayed(_one_fold)(dict(blocks), study, task) for task in tasks
    )
    names = [name for name in MODELS if set(MODELS[name]) <= set(blocks)]
    return {name: _gathered(name, study, tasks, [one[name] for one in done]) for name in names}


Task = tuple[int, int, np.ndarray]
Scored = tuple[dict[str, object], np.ndarray | None, list[str]]


def _one_fold(blocks: dict[str, Block], study: Study, task: Task) -> dict[str, Scored]:
    _, _, test = task
    train = study.take(~test)
    names = [name for name in MODELS if set(MODELS[name]) <= set(blocks)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RadtoolWarning)
            fitted = fit_models(blocks, dict.fromkeys(names, train))
    except RadtoolError as error:
        row = {"score": float("nan"), "slope": float("nan"), "features": 0, "note": str(error)}
        return {name: (row, None, []) for name in names}
    return {name: _scored(fitted[name], train, study.take(test)) for name in names}


def _scored(signature: CoxSignature, train: Study, test: Study) -> Scored:
    own, risk = signature.predict_risk(train.X), signature.predict_risk(test.X)
    used = [f for f in signature.coefficients_["feature"] if f not in BLOCKS]
    row: dict[str, object] = {
        "score": harrell_c(test.y, risk).value,
        "slope": _slope(test.y, risk),
        "features": len(used),
        "note": "",
    }
    spread = max(float(own.std(ddof=0)), 1e-12)
    return row, ((risk - own.mean()) / spread).to_numpy(), used


def _slope(y: pd.DataFrame, risk: pd.Series) -> float:
    try:
        return calibration_slope(y, risk).value
    except InputError:
        return float("nan")


def _gathered(
    name: str, study: Study, tasks: Sequence[Task], scored: Sequence[Scored]
) -> CrossValidation:
    rows, used = [], []
    risks = pd.DataFrame(np.nan, index=study.X.index, columns=sorted({t[0] for t in tasks}))
    for (repeat, fold, test), (row, risk, features) in zip(tasks, scored, strict=True):
        counts = {
            "n_train": int((~test).sum()),
            "n_test": int(test.sum()),
            "events_test": int(study.y["event"][test].sum()),
        }
        rows.append({"repeat": repeat, "fold": fold, **counts, **row})
        used += features
        if risk is not None:
            risks.loc[test, repeat] = risk
    table = pd.DataFrame(rows)
    if table["score"].isna().all():
        raise InputError(f"{LABELS[name]} could not be fitted in any fold: {table['note'].iloc[0]}")
    often = pd.Series(used, dtype=object).value_counts() / len(tasks)
    selected = often.rename_axis("feature").reset_index(name="frequency")
    selected = selected.sort_values(["frequency", "feature"], ascending=[False, True])
    return CrossValidation(table, risks, selected.reset_index(drop=True), study.y)
