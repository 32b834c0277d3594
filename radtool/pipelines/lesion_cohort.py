"""Lesions nested in patients: several feature branches, deep features, clinical variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from radtool.errors import TableError
from radtool.pipelines.marker_numbers import LabelledCohort

__all__ = ["LesionCohort"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LesionCohort:
    """One cohort of lesions.

    Parameters
    ----------
    name : str
        What tables and curves call it.
    branches : mapping of str to DataFrame
        Pre-processing branch -> radiomics features, one row a lesion; the branches have the same
        lesions and columns.
    y : Series
        Whether the lesion had the event; missing where unknown; same index as the branches.
    patients : Series
        Patient of each lesion, same index.
    clinical : DataFrame, optional
        One row a patient (index); gaps and text allowed.
    deep : DataFrame, optional
        Deep features, one row a lesion.
    volume : str, optional
        Column of the branches that is the lesion's volume.

    Raises
    ------
    TableError
        The tables are not of the same lesions, a patient has no clinical row, or a column is in
        two tables.
    """

    name: str
    branches: Mapping[str, pd.DataFrame]
    y: pd.Series
    patients: pd.Series
    clinical: pd.DataFrame | None = None
    deep: pd.DataFrame | None = None
    volume: str | None = None

    def __post_init__(self) -> None:
        if not self.branches:
            raise TableError(f"{self.name}: no branch of features")
        first = next(iter(self.branches.values()))
        tables = {**self.branches, "y": self.y, "patients": self.patients}
        if self.deep is not None:
            tables["deep"] = self.deep
        for name, table in tables.items():
            if not table.index.equals(first.index):
                raise TableError(f"{self.name}: {name} is not of the same lesions, in order")
        for name, table in self.branches.items():
            if list(table.columns) != list(first.columns):
                raise TableError(f"{self.name}: branch {name!r} has other features than the first")
        self._check_people()
        columns = [c for names in self.columns.values() for c in names]
        twice = sorted({c for c in columns if columns.count(c) > 1})
        if twice:
            raise TableError(f"{self.name}: column(s) {twice[:5]} are in two tables; rename one")

    def _check_people(self) -> None:
        if self.clinical is None:
            return
        if self.clinical.index.has_duplicates:
            raise TableError(f"{self.name}: a patient has two clinical rows")
        without = sorted(set(self.patients) - set(self.clinical.index))
        if without:
            raise TableError(f"{self.name}: no clinical row for patient(s) {without[:5]}")

    @property
    def columns(self) -> dict[str, list[str]]:
        """Kind of predictor ("radiomics", "deep", "clinical") -> its columns."""
        found = {"radiomics": list(map(str, next(iter(self.branches.values())).columns))}
        if self.deep is not None:
            found["deep"] = list(map(str, self.deep.columns))
        if self.clinical is not None:
            found["clinical"] = list(map(str, self.clinical.columns))
        return found

    def labelled(self, branch: str, clinical: Sequence[str]) -> LabelledCohort:
        """Return one table of a branch, deep features and some clinical columns, labels known.

        Parameters
        ----------
        branch : str
            Which features.
        clinical : sequence of str
            Clinical columns that both cohorts have.
        """
        parts = [self.branches[branch]]
        if self.deep is not None:
            parts.append(self.deep)
        if self.clinical is not None and clinical:
            rows = self.clinical.loc[self.patients, list(clinical)]
            parts.append(rows.set_axis(self.y.index))
        table = pd.concat(parts, axis=1)
        return LabelledCohort(name=self.name, X=table, y=self.y, patients=self.patients).known()

    def of_patients(self) -> pd.DataFrame:
        """One row a patient: clinical columns, number of lesions, whether any had the event."""
        people = self.patients.to_numpy()
        lesions = self.y.groupby(people).size().rename("lesions")
        event = (self.y == 1).groupby(people).any().rename("any event")
        parts = [lesions, event]
        if self.clinical is not None:
            parts.insert(0, self.clinical.loc[lesions.index])
        return pd.concat(parts, axis=1)
