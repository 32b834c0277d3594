"""What one kind of study shows beside the parts that all studies share."""

from __future__ import annotations

from dataclasses import dataclass

from radtool.errors import InputError
from radtool.report.results.record import Record

__all__ = ["PrecisionRecall", "ResultTable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRecall(Record):
    """One precision-recall curve; curves of the same cohort and design share a figure.

    Parameters
    ----------
    model, cohort : str
        Names as in the performance rows.
    recall, precision : tuple of float, same length
        Recall ascending.
    area, lower, upper : float, optional
        Average precision and its 95 % limits.
    prevalence : float, optional
        Share of positive cases: the precision of chance.
    design : str
        As in `PerformanceRow`.
    """

    PARALLEL = (("recall", "precision"),)

    model: str
    cohort: str
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    area: float | None = None
    lower: float | None = None
    upper: float | None = None
    prevalence: float | None = None
    design: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultTable(Record):
    """A table of results that has no record of its own, already in words.

    Parameters
    ----------
    name : str
        File name of the download without ending; unique among the endpoint's tables.
    caption : str
        Above the table.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of str
        Cells as shown.
    note : str
        Below the table.
    text_columns : int, default 1
        The first so many columns are text, the others numbers.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    text_columns: int = 1

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise InputError(
                    f"table {self.name!r}: a row of {len(row)} cells under"
                    f" {len(self.columns)} headings"
                )
