"""Events of lesions nested in patients, from radiomics, deep features and clinical variables.

The steps of the brain-metastasis study of Keek, Beuque, Primakov and others (2022): a 70/30 split,
three pre-processing branches, variance, redundancy, z-score, recursive elimination with XGBoost,
XGBoost by grid search, one-hot encoding and MissForest for clinical columns, deep features,
Youden's threshold of training, intervals from resampled patients, the highest lesion as the
patient, and lesions on which two models agree. Here every split keeps a patient whole, which the
original does not say of itself, and the branch is chosen inside the training part.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.errors import InputError, RadtoolWarning
from radtool.evaluation import grouped_split
from radtool.files import write_text
from radtool.models import MarkerSignature
from radtool.pipelines.are_measure import measure_lesions
from radtool.pipelines.are_report import are_results
from radtool.pipelines.are_run import AreRun, choose_and_fit
from radtool.pipelines.are_settings import (
    AreSettings,
)
from radtool.pipelines.lesion_cohort import LesionCohort
from radtool.pipelines.marker_numbers import (
    check_cohorts,
)
from radtool.pipelines.reported import Reported
from radtool.report.results import (
    Question,
    StudyResults,
)
from radtool.settings import parse_settings

__all__ = ["ArePrediction", "AreSettings", "LesionCohort", "are_prediction"]

BRANCH_LEAKAGE = (
    "Leakage: in this mode the branch of each model was the one with the best AUC on the held-out"
    " part, so that this part is no test: its numbers are optimistic. Only cohorts that had no"
    " part in the choice test."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArePrediction(Reported):
    """What the pipeline found.

    Parameters
    ----------
    results : StudyResults
        Everything that the report shows; ``results.to_dict()`` is ``results.json``.
    settings : AreSettings
        What was decided beforehand.
    branches : dict of str to str
        Model -> branch whose features it takes.
    signatures : dict of MarkerSignature
        Fitted on the training part.
    patients : DataFrame
        One row a patient of the parts that were not trained on: ``cohort, lesions, driven_by,
        score, called, event``, by the radiomics model.
    """

    results: StudyResults
    settings: AreSettings
    branches: dict[str, str]
    signatures: dict[str, MarkerSignature]
    patients: pd.DataFrame

    def auc(self, model: str, cohort: str) -> float:
        """Return the AUC of a model in a cohort, as the report calls it."""
        for row in self.results.endpoints[0].performance:
            if (row.measure, row.model, row.cohort) == ("auc", model, cohort):
                return float("nan") if row.value is None else row.value
        raise InputError(f"no AUC of {model!r} in {cohort!r} in these results")

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``report.html``, ``results.json`` and ``patients.csv`` into a folder."""
        out = Path(folder)
        self._save_report(out)
        write_text(out / "patients.csv", self.patients.to_csv())


def are_prediction(
    development: LesionCohort,
    external: LesionCohort,
    question: Question,
    settings: AreSettings | Mapping[str, Any] | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    synthetic: bool = False,
) -> ArePrediction:
    """Predict which lesions have the event, test on held-out patients and in another cohort.

    Parameters
    ----------
    development, external : LesionCohort
        Lesions of unknown outcome are left out and counted. Clinical columns that only one has
        are not used.
    question : Question
        Name and words of the event; its cohorts are filled in.
    settings : AreSettings or mapping, optional
        An unknown key of a mapping is refused.
    out : path-like, optional
        Folder for ``report.html``, ``results.json``, ``patients.csv``, signatures and the log of
        every look at the external cohort.
    synthetic : bool, default False
        Whether the data are made up; the report says so.

    Returns
    -------
    ArePrediction

    Raises
    ------
    InputError
        A patient is in both cohorts, or too few have the event.
    TableError
        The cohorts' branches or features differ.
    """
    plan = parse_settings(AreSettings, settings, "are_prediction")
    shared = _shared_columns(development, external)
    folder = Path(out) if out is not None else None
    run = AreRun(question, development, external, plan, shared, folder)
    first = next(iter(development.branches))
    whole = development.labelled(first, run.clinical)
    check_cohorts([whole, external.labelled(first, run.clinical)])
    held_out = pd.Series(
        grouped_split(whole.y, whole.people, share=plan.test_share, seed=plan.seed), whole.y.index
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RadtoolWarning)
        choose_and_fit(run, held_out)
        measure_lesions(run, held_out)
    if plan.mode == "as_published":
        warnings.warn(BRANCH_LEAKAGE, RadtoolWarning, stacklevel=2)
    results = are_results(run, synthetic=synthetic, leaks=BRANCH_LEAKAGE)
    found = ArePrediction(
        results=results,
        settings=plan,
        branches=run.branches,
        signatures=run.signatures,
        patients=pd.concat(run.patients),
    )
    if out is not None:
        found.save(out)
    return found


def _shared_columns(a: LesionCohort, b: LesionCohort) -> tuple[str, ...]:
    for name, table in a.branches.items():
        other = b.branches.get(name)
        if other is None or list(other.columns) != list(table.columns):
            raise InputError(f"branch {name!r} of {b.name} is missing or has other features")
    if a.clinical is None or b.clinical is None:
        return ()
    return tuple(str(c) for c in a.clinical.columns if c in b.clinical.columns)
