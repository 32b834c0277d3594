"""Who was studied: the flow of cases and the table of cohorts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from radtool.report.results import BaselineRow, Exclusion, FlowBox
from radtool.table import Failure

__all__ = ["baseline_rows", "exclusions", "flow_box"]

_MOST_LEVELS = 8


def exclusions(failures: Sequence[Failure]) -> tuple[Exclusion, ...]:
    """Group failures by reason, most frequent first; every case is named."""
    reasons: dict[str, list[str]] = {}
    for failure in failures:
        reasons.setdefault(failure.reason, []).append(failure.case_id)
    ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        Exclusion(reason=reason, n=len(cases), cases=tuple(sorted(cases)))
        for reason, cases in ordered
    )


def flow_box(label: str, n: int, failures: Sequence[Failure] = (), unit: str = "cases") -> FlowBox:
    """One box of the flow diagram with everyone who left before it."""
    counted = unit.removesuffix("s") if n == 1 else unit
    return FlowBox(label=label, n=n, excluded=exclusions(failures), unit=counted)


def baseline_rows(
    table: pd.DataFrame, cohort: pd.Series, names: Sequence[str]
) -> tuple[BaselineRow, ...]:
    """Describe each variable in each cohort, with a test of the difference.

    Parameters
    ----------
    table : DataFrame
        One row a patient, one column a variable.
    cohort : Series
        Cohort of each row, same index.
    names : sequence of str
        Cohorts, in the order of the cells.

    Returns
    -------
    tuple of BaselineRow
        Numbers as median (interquartile range) with Mann-Whitney or Kruskal-Wallis; categories
        and numbers of few levels as count (per cent) with Fisher's exact test (2×2) or chi-square.
    """
    rows: list[BaselineRow] = []
    for variable in table.columns:
        values = {name: table.loc[cohort == name, variable] for name in names}
        rows += (
            _categories(str(variable), values)
            if _is_category(table[variable])
            else [_number(str(variable), values)]
        )
    return tuple(rows)


def _is_category(values: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return True
    known = values.dropna()
    return known.nunique() <= _MOST_LEVELS and bool((known == known.round()).all())


def _number(variable: str, values: Mapping[str, pd.Series]) -> BaselineRow:
    known = [series.dropna().to_numpy(dtype=float) for series in values.values()]
    p, test = None, ""
    if len(known) == 2 and min(map(len, known)) > 0:
        p = float(stats.mannwhitneyu(*known, alternative="two-sided").pvalue)
        test = "Mann-Whitney"
    elif len(known) > 2 and min(map(len, known)) > 0 and np.ptp(np.concatenate(known)) > 0:
        p, test = float(stats.kruskal(*known).pvalue), "Kruskal-Wallis"
    cells = tuple(_median(series) for series in values.values())
    return BaselineRow(variable=variable, level="median (IQR)", values=cells, p=p, test=test)


def _median(values: pd.Series) -> str:
    known = values.dropna().to_numpy(dtype=float)
    if not len(known):
        return "not known"
    low, middle, high = np.percentile(known, [25, 50, 75])
    missing = f", {len(values) - len(known)} missing" if len(known) < len(values) else ""
    return f"{_short(middle)} ({_short(low)}–{_short(high)}){missing}"


def _short(number: float) -> str:
    """Three digits, or the whole number from 1000.

    >>> _short(0.12345), _short(61.55), _short(6690.4)
    ('0.123', '61.5', '6690')
    """
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def _categories(variable: str, values: Mapping[str, pd.Series]) -> list[BaselineRow]:
    texts = {name: series.map(_level) for name, series in values.items()}
    levels = sorted({level for series in texts.values() for level in series}, key=_natural)
    counts = np.array([[int((s == level).sum()) for s in texts.values()] for level in levels])
    p, test = _difference(counts[[level != "not known" for level in levels]])
    totals = counts.sum(axis=0)
    return [
        BaselineRow(
            variable=variable,
            level=level,
            values=tuple(
                f"{n} ({100.0 * n / total:.0f} %)" if total else "0"
                for n, total in zip(counts[row], totals, strict=True)
            ),
            p=p if row == 0 else None,
            test=test if row == 0 else "",
        )
        for row, level in enumerate(levels)
    ]


def _level(value: object) -> str:
    if pd.isna(value):
        return "not known"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _natural(level: str) -> tuple[bool, float, str]:
    number = float(level) if level.lstrip("-").isdigit() else 0.0
    return level == "not known", number, level


def _difference(counts: np.ndarray) -> tuple[float | None, str]:
    counts = counts[counts.sum(axis=1) > 0]
    if counts.shape[0] < 2 or counts.shape[1] < 2 or (counts.sum(axis=0) == 0).any():
        return None, ""
    if counts.shape == (2, 2):
        return float(stats.fisher_exact(counts).pvalue), "Fisher exact"
    return float(stats.chi2_contingency(counts).pvalue), "chi-square"
