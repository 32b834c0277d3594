"""ComBat on feature tables as files: fitted once, applied with frozen estimates."""

from __future__ import annotations

import os

import pandas as pd

from radtool.errors import InputError, TableError, did_you_mean
from radtool.files import read_json, write_json
from radtool.harmonization import ComBat
from radtool.provenance import provenance
from radtool.table import check_features, feature_columns, read_table, step_from_dict, write_table

__all__ = ["apply_combat", "fit_combat"]


def fit_combat(
    features: str | os.PathLike[str], step: ComBat, out: str | os.PathLike[str]
) -> ComBat:
    """Fit ComBat on a feature table and write the estimates as JSON.

    Raises
    ------
    RadtoolError
        A column is missing, or there is nothing to estimate (see `ComBat.fit`).
    """
    table = check_features(read_table(features), str(features))
    fitted = step.fit(_needed(table, step, str(features)))
    write_json(out, fitted.to_dict() | {"provenance": provenance({}, [features])})
    return fitted


def apply_combat(
    estimates: str | os.PathLike[str],
    features: str | os.PathLike[str],
    out: str | os.PathLike[str],
) -> pd.DataFrame:
    """Harmonize a feature table with frozen estimates and write it; other columns stay.

    Raises
    ------
    RadtoolError
        The file holds no ComBat estimates, or the table lacks features or batches (see
        `ComBat.transform`).
    """
    document = read_json(estimates)
    step = step_from_dict(document) if isinstance(document, dict) else None
    if not isinstance(step, ComBat):
        raise InputError(f"{estimates}: these are not estimates of radtool harmonize fit")
    table = check_features(read_table(features), str(features))
    changed = step.transform(_needed(table, step, str(features)))
    table[feature_columns(changed)] = changed[feature_columns(changed)]
    write_table(table, out, provenance({"step": "ComBat"}, [estimates, features]))
    return table


def _needed(table: pd.DataFrame, step: ComBat, name: str) -> pd.DataFrame:
    """Features with the batch and covariate columns, nothing else."""
    batch = [step.batch] if isinstance(step.batch, str) else list(step.batch or ())
    named = [*batch, *step.covariates]
    for column in named:
        if column not in table.columns:
            raise TableError(
                f"{name} has no column {column!r}{did_you_mean(column, map(str, table.columns))}"
            )
    return table[[*feature_columns(table), *named]]
