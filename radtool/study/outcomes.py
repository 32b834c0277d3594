"""The outcome table of a study, and a look at it before hours of work depend on it."""

from __future__ import annotations

import pandas as pd

from radtool.errors import TableError, did_you_mean
from radtool.study.config import StudySettings
from radtool.table import join, read_table

__all__ = ["check_outcomes", "outcome_table"]


def outcome_table(settings: StudySettings) -> pd.DataFrame:
    """Read the outcome table with the study file's own names and its words for "not known"."""
    data = settings.data
    return read_table(str(data.outcomes), rename=data.columns, missing=data.missing)


def check_outcomes(settings: StudySettings, cases: pd.DataFrame | None = None) -> None:
    """Refuse an outcome table that could not be joined later.

    Parameters
    ----------
    settings : StudySettings
        The study.
    cases : DataFrame, optional
        Whoever is known to have an image (``patient_id``): then their values are read as well.

    Raises
    ------
    TableError
        A column is missing, or a value of these patients is not understood.
    """
    if not settings.endpoints:
        return
    people = outcome_table(settings)
    predictors = settings.predictors
    clinical = list(dict.fromkeys((*predictors.clinical, *predictors.semantic)))
    present = list(map(str, people.columns))
    for endpoint in settings.endpoints:
        for column in ("patient_id", *endpoint.columns, *clinical):
            if column not in present:
                raise TableError(
                    f"outcome table has no column {column!r}{did_you_mean(column, present)};"
                    " other names are given in data.columns"
                )
        if cases is not None:
            table = cases[["patient_id"]].drop_duplicates().assign(original_stat_mean=0.0)
            join(table, people, endpoint=endpoint, covariates=clinical)
