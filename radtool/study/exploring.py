"""A feature table, with or without an outcome, as one page to look at."""

from __future__ import annotations

import os

import pandas as pd

from radtool.errors import TableError, did_you_mean
from radtool.files import write_text
from radtool.pipelines.feature_exploration import explore_to_html
from radtool.table import Endpoint, check_features, feature_columns, join, read_table

__all__ = ["explore_table"]

Path = str | os.PathLike[str]


def explore_table(
    features: Path,
    out: Path,
    *,
    outcomes: Path | None = None,
    target: str | tuple[str, str] | None = None,
    volume: str | None = None,
) -> int:
    """Write the exploration page of a feature table.

    Parameters
    ----------
    features : path
        Feature table.
    out : path
        HTML page.
    outcomes : path, optional
        One row a patient.
    target : str or (duration, event), optional
        Column of a label with two or more classes, or the two columns of a survival outcome.
    volume : str, optional
        Feature that the others are compared with; ``original_morph_volume`` when it is there.

    Returns
    -------
    int
        How many features were explored.

    Raises
    ------
    RadtoolError
        A table or column is missing, or nobody matches.
    """
    table = check_features(read_table(features), str(features))
    size = volume or ("original_morph_volume" if "original_morph_volume" in table else None)
    X, y, patients = table.set_index("case_id"), None, table.set_index("case_id")["patient_id"]
    if isinstance(target, tuple):
        endpoint = Endpoint(name="outcome", duration=target[0], event=target[1])
        study = join(table, str(outcomes), endpoint=endpoint)
        X, y, patients = study.X, study.y, study.patients
    elif target is not None and outcomes is not None:
        y = _labels(table, read_table(outcomes), target)
        X, patients = X.loc[y.index], patients[y.index]
    names = feature_columns(X)
    page = explore_to_html(
        X, y, features=names, volume=size, patients=patients, title="Feature exploration"
    )
    write_text(out, page)
    return len(names)


def _labels(table: pd.DataFrame, people: pd.DataFrame, target: str) -> pd.Series:
    for column in ("patient_id", target):
        if column not in people.columns:
            near = did_you_mean(column, map(str, people.columns))
            raise TableError(f"outcome table has no column {column!r}{near}")
    known = people.dropna(subset=[target]).drop_duplicates("patient_id")
    by_patient = known.set_index(known["patient_id"].map(lambda value: str(value).strip()))[target]
    labels = table.set_index("case_id")["patient_id"].map(by_patient).dropna()
    if labels.empty:
        raise TableError("no patient_id is in both tables")
    return labels.map(str).rename(target)
