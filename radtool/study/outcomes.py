"""The outcome table of a study, and a look at it before hours of work depend on it."""

from __future__ import annotations

import pandas as pd

from radtool.errors import TableError
from radtool.features import load_params
from radtool.features.pyradiomics import PyradiomicsParameters
from radtool.study.config import StudySettings
from radtool.table import feature_columns, join, read_table
from radtool.table.contracts import no_column

__all__ = ["check_outcomes", "check_volume", "outcome_table"]


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
                    no_column("outcome table", column, present)
                    + "; other names are given in data.columns"
                )
        if cases is not None:
            table = cases[["patient_id"]].drop_duplicates().assign(original_stat_mean=0.0)
            join(table, people, endpoint=endpoint, covariates=clinical)


def check_volume(settings: StudySettings, table: pd.DataFrame | None = None) -> None:
    """Refuse a study whose volume is no feature; without a table only what the parameters tell.

    Raises
    ------
    TableError
        The volume is not in the table, or has the name of the other convention.
    """
    volume, chosen = settings.predictors.volume, settings.extraction.parameters
    if not settings.endpoints:
        return
    if table is None:
        if settings.data.features is not None or not isinstance(chosen, str):
            return
        theirs = isinstance(load_params(chosen), PyradiomicsParameters)
        near = ["original_shape_MeshVolume"] if theirs else ["original_morph_volume"]
        known = "_shape_" not in volume if not theirs else "_morph_" not in volume
    else:
        near = [name for name in feature_columns(table) if "volume" in name.lower()][:3]
        known = volume in table.columns
    if not known:
        raise TableError(
            f"no feature {volume!r}, which is to be the volume; name it in predictors.volume"
            + (f", for example {', '.join(near)}" if near else "")
        )
