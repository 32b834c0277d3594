"""Reading studies: which of two sources of masks readers prefer, and how they grade each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import TableError

__all__ = ["reading_grades", "reading_preference", "unblind"]

GRADES = (4, 3, 2, 1)
ACCEPTABLE = 2
PREFERENCES = ("left", "right", "equal")
SIDES = ("left", "right")
ALL = "all readers"


def unblind(choices: pd.DataFrame, key: pd.DataFrame) -> pd.DataFrame:
    """Put sources in place of sides.

    Parameters
    ----------
    choices : DataFrame
        As the reading page saves them, of one or more readers: ``page, reader, case_id,
        preference`` (left, right or equal; empty: not judged), ``grade_left, grade_right`` (4
        excellent to 1 not acceptable).
    key : DataFrame
        ``page, case_id, left, right``: the source on each side.

    Returns
    -------
    DataFrame
        ``reader, case_id, preferred`` (a source, "equal" or missing) and for each source a column
        ``grade <source>``.

    Raises
    ------
    TableError
        A column is missing, a choice is of another page or case than the key, a reader judged a
        case twice, or a value is none of those above.
    """
    for name, table, columns in (
        ("choices", choices, ("page", "reader", "case_id", "preference", "grade_left",
                              "grade_right")),
        ("key", key, ("page", "case_id", "left", "right")),
    ):  # fmt: skip
        missing = [column for column in columns if column not in table]
        if missing:
            raise TableError(f"{name}: column {missing[0]!r} is missing")
    choices = choices.assign(reader=choices["reader"].fillna("unnamed").astype(str))
    pages = sorted(set(choices["page"]) - set(key["page"]))
    if pages:
        raise TableError(f"choices of page {pages[0]} do not belong to this key")
    twice = choices.duplicated(["reader", "case_id"])
    if twice.any():
        row = choices[twice].iloc[0]
        raise TableError(f"reader {row['reader']!r} judged case {row['case_id']!r} twice")
    joined = choices.merge(key[["case_id", *SIDES]], on="case_id", how="left", validate="m:1")
    if joined["left"].isna().any():
        case = joined.loc[joined["left"].isna(), "case_id"].iloc[0]
        raise TableError(f"case {case!r} of the choices is not in the key")
    _refuse_other(joined, "preference", PREFERENCES)
    found = joined[["reader", "case_id"]].copy()
    side = joined["preference"]
    found["preferred"] = side.where(side == "equal", None)
    for one in SIDES:
        found["preferred"] = found["preferred"].where(side != one, joined[one])
    for source in sorted(set(key["left"]) | set(key["right"])):
        grade = pd.Series(np.nan, index=joined.index)
        for one in SIDES:
            _refuse_other(joined, f"grade_{one}", GRADES)
            grade = grade.where(joined[one] != source, joined[f"grade_{one}"].astype(float))
        found[f"grade {source}"] = grade
    return found


def _refuse_other(table: pd.DataFrame, column: str, allowed: tuple) -> None:
    given = table[column].dropna()
    wrong = given[~given.isin(allowed)]
    if len(wrong):
        raise TableError(f"{column} is {wrong.iloc[0]}; allowed: {', '.join(map(str, allowed))}")


def _sources(readings: pd.DataFrame) -> list[str]:
    return [
        str(column).removeprefix("grade ")
        for column in readings.columns
        if str(column).startswith("grade ")
    ]


def reading_preference(readings: pd.DataFrame) -> pd.DataFrame:
    """Test whether one of two sources is preferred (exact binomial test against one half).

    Parameters
    ----------
    readings : DataFrame
        From `unblind`.

    Returns
    -------
    DataFrame
        One row a reader, and one for all: ``reader, cases`` (judged), ``equal``, then for the
        first source by name ``preferred, against, share`` with ``lower, upper`` (Clopper and
        Pearson, 95 %) and ``p``, two-sided; NaN where nobody preferred either. "equal" is left out
        of share and test. For all readers a case counts once, for the source that more readers
        preferred.

    Raises
    ------
    TableError
        Not exactly two sources.
    """
    sources = _sources(readings)
    if len(sources) != 2:
        raise TableError(f"a preference needs two sources, got {len(sources)}")
    rows = []
    for reader, group in _by_reader(readings):
        sign = group["preferred"].map({sources[0]: 1, sources[1]: -1, "equal": 0})
        votes = sign.groupby(group["case_id"]).sum() if reader == ALL else sign
        rows.append({"reader": reader, "source": sources[0], **_binomial(np.sign(votes))})
    return pd.DataFrame(rows)


def _by_reader(readings: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each reader's judged cases, and those of all when there are several readers."""
    judged = readings[readings["preferred"].notna()]
    readers = list(judged.groupby("reader", sort=True))
    for reader, group in readers:
        yield str(reader), group
    if len(readers) > 1:
        yield ALL, judged


def _binomial(votes: pd.Series) -> dict[str, float]:
    wins, losses = int((votes > 0).sum()), int((votes < 0).sum())
    row: dict[str, float] = {
        "cases": len(votes),
        "equal": int((votes == 0).sum()),
        "preferred": wins,
        "against": losses,
    }
    if wins + losses == 0:
        return row | dict.fromkeys(("share", "lower", "upper", "p"), np.nan)
    test = stats.binomtest(wins, wins + losses)
    limits = test.proportion_ci(method="exact")
    return row | {
        "share": test.statistic,
        "lower": limits.low,
        "upper": limits.high,
        "p": test.pvalue,
    }


def reading_grades(readings: pd.DataFrame) -> pd.DataFrame:
    """Count the grades of each source.

    Parameters
    ----------
    readings : DataFrame
        From `unblind`, or with one column ``grade <source>`` a source.

    Returns
    -------
    DataFrame
        One row a reader and source: ``reader, source, graded``, counts ``4, 3, 2, 1`` (excellent,
        good, acceptable, not acceptable), ``acceptable`` (share of grade 2 or better) and
        ``median``.
    """
    rows = []
    readers = [*readings.groupby("reader", sort=True)]
    if len(readers) > 1:
        readers.append((ALL, readings))
    for reader, group in readers:
        for source in _sources(readings):
            grades = group[f"grade {source}"].dropna()
            known = len(grades) > 0
            rows.append(
                {
                    "reader": reader,
                    "source": source,
                    "graded": len(grades),
                    **{str(grade): int((grades == grade).sum()) for grade in GRADES},
                    "acceptable": float((grades >= ACCEPTABLE).mean()) if known else np.nan,
                    "median": float(grades.median()) if known else np.nan,
                }
            )
    return pd.DataFrame(rows)
