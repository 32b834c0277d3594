"""Tables of a lesion study: cohorts compared, branches, agreement, who drove a patient's score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import (
    aggregate_lesions,
    auc,
    classify,
    compare_means,
    compare_proportions,
    driving_lesions,
)
from radtool.pipelines.marker_numbers import LabelledCohort
from radtool.report.results import BaselineRow, ResultTable
from radtool.report.wording import integer, number, percent
from radtool.selection import cohen_kappa

__all__ = [
    "agreement_table",
    "branch_table",
    "driving_table",
    "patient_scores",
    "tested_baseline",
]

_SHOWN = 15


def tested_baseline(a: pd.DataFrame, b: pd.DataFrame) -> tuple[BaselineRow, ...]:
    """Compare two cohorts: two-proportion z-test of each level, t-test of each number.

    Numbers are shown as mean ± SD; the test is Student's, or Welch's where the F-test finds the
    variances different, and says so where Shapiro-Wilk finds a group not normal. Unknown values
    are left out of the totals.

    Parameters
    ----------
    a, b : DataFrame
        One row a patient, the same columns.

    Returns
    -------
    tuple of BaselineRow
        Two cells a row.
    """
    rows: list[BaselineRow] = []
    for name in a.columns:
        pair = (a[name], b[name])
        both = pd.concat(pair).dropna()
        if pd.api.types.is_bool_dtype(both) or not pd.api.types.is_numeric_dtype(both):
            rows += _levels(str(name), pair, sorted(map(str, both.unique())))
        elif set(both.unique()) <= {0, 1}:
            rows += _levels(str(name), tuple(s.map({0: "no", 1: "yes"}) for s in pair), ["yes"])
        else:
            rows.append(_means(str(name), pair))
    return tuple(rows)


def _levels(name: str, pair: Sequence[pd.Series], levels: Sequence[str]) -> list[BaselineRow]:
    if set(levels) == {"False", "True"}:
        pair, levels = [s.map({False: "no", True: "yes"}) for s in pair], ["yes"]
    known = [s.dropna().astype(str) for s in pair]
    totals = [len(s) for s in known]
    rows = []
    for level in levels:
        counts = [int((s == level).sum()) for s in known]
        tested = min(totals) > 0 and 0 < sum(counts) < sum(totals)
        p = None
        if tested:
            test = compare_proportions((counts[0], counts[1]), (totals[0], totals[1]))
            p = float(test["p"].iloc[0])
        cells = tuple(
            f"{n} of {integer(total)} ({percent(n, total, 1)})"
            for n, total in zip(counts, totals, strict=True)
        )
        rows.append(
            BaselineRow(
                variable=name, level=level, values=cells, p=p,
                test="two-proportion z" if tested else "",
            )
        )  # fmt: skip
    return rows


def _means(name: str, pair: Sequence[pd.Series]) -> BaselineRow:
    cells = tuple(
        f"{number(float(s.mean()), 1)} ± {number(float(s.std(ddof=1)), 1)}"
        + (f", {int(s.isna().sum())} missing" if s.isna().any() else "")
        for s in pair
    )
    try:
        found = compare_means(pair[0].astype(float), pair[1].astype(float)).iloc[0]
    except InputError:
        return BaselineRow(variable=name, level="mean ± SD", values=cells)
    test = f"{found['test']}’s t" + ("" if found["normal"] else " (not normal)")
    return BaselineRow(
        variable=name, level="mean ± SD", values=cells, p=float(found["p"]), test=test
    )


def branch_table(scores: pd.DataFrame, chosen: Mapping[str, str], note: str) -> ResultTable:
    """Score of each branch (rows) by model (columns); the chosen one is marked.

    Parameters
    ----------
    scores : DataFrame
        Branch x model label, an AUC.
    chosen : mapping of str to str
        Model label -> branch.
    note : str
        On which cases, and what it means.
    """
    rows = tuple(
        (
            str(branch),
            *(
                number(scores.loc[branch, name]) + (" ←" if chosen[name] == branch else "")
                for name in scores
            ),
        )
        for branch in scores.index
    )
    return ResultTable(
        name="branches",
        caption="Pre-processing branches",
        columns=("Branch", *map(str, scores.columns)),
        rows=rows,
        note=f"← chosen. {note}",
    )


def patient_scores(cohort: LabelledCohort, score: pd.Series, cut: float) -> pd.DataFrame:
    """Highest lesion score of each patient, and the lesion that drove it.

    Parameters
    ----------
    cohort : LabelledCohort
        Lesions.
    score : Series
        Of each lesion.
    cut : float
        Of the training patients' scores.

    Returns
    -------
    DataFrame
        Index patient; ``cohort, lesions, driven_by, score, called, event``.
    """
    truth, highest = aggregate_lesions(cohort.y, score, cohort.people)
    counts = cohort.people.value_counts().reindex(highest.index)
    return pd.DataFrame(
        {
            "cohort": cohort.name,
            "lesions": counts.astype(int),
            "driven_by": driving_lesions(score, cohort.people),
            "score": highest,
            "called": highest >= cut,
            "event": truth,
        }
    ).rename_axis("patient")


def driving_table(patients: pd.DataFrame, label: str, cohort: str) -> ResultTable:
    """The patients with the highest scores and the lesion behind each."""
    top = patients.sort_values("score", ascending=False, kind="stable").head(_SHOWN)
    return ResultTable(
        name="patients",
        caption=f"The {len(top)} patients of {cohort} with the highest score of {label}",
        columns=("Patient", "Driven by lesion", "Lesions", "Score", "Called", "Event"),
        rows=tuple(
            (
                str(patient),
                str(row["driven_by"]),
                integer(row["lesions"]),
                number(row["score"]),
                "yes" if row["called"] else "no",
                "yes" if row["event"] else "no",
            )
            for patient, row in top.iterrows()
        ),
        note="A patient’s score is that of the lesion with the highest probability.",
        text_columns=2,
    )


def agreement_table(
    cohorts: Sequence[LabelledCohort],
    scores: Sequence[pd.DataFrame],
    cuts: Mapping[str, float],
    models: tuple[str, str],
    labels: Mapping[str, str],
) -> ResultTable:
    """How two models do where they call the same, and how often they do not.

    Parameters
    ----------
    cohorts : sequence of LabelledCohort
    scores : sequence of DataFrame
        Probabilities, one column a model, in the order of the cohorts.
    cuts : mapping of str to float
        Model -> cut-off of training.
    models : tuple of 2 str
        The first one's numbers are shown.
    labels : mapping of str to str
        Words.
    """
    first, second = models
    rows = []
    for cohort, table in zip(cohorts, scores, strict=True):
        calls = [table[name] >= cuts[name] for name in models]
        agree = (calls[0] == calls[1]).to_numpy()
        people = pd.Series(agree, index=cohort.people.to_numpy()).groupby(level=0).all()
        kappa = number(cohen_kappa(calls[0].to_numpy(), calls[1].to_numpy()).kappa, 2)
        for words, part in (("all lesions", np.ones_like(agree)), ("where they agree", agree)):
            rows.append(
                (
                    cohort.name,
                    words,
                    integer(int(part.sum())),
                    percent(int(part.sum()), len(part)),
                    percent(int(people.sum()), len(people)) if part is agree else "100 %",
                    kappa if part is agree else "",
                    *_judged(cohort.y[part], table.loc[part, first], cuts[first]),
                )
            )
    return ResultTable(
        name="agreement",
        caption=f"{labels[first]} where {labels[second]} calls the same lesions",
        columns=(
            "Cohort", "Lesions", "n", "Share", "Patients wholly in it", "κ", "AUC", "Balanced acc.",
            "Recall", "Precision",
        ),
        rows=tuple(rows),
        note="Calls at each model’s own cut-off of training. The subset is chosen by predictions,"
        " not by outcome; a patient is wholly in it when all its lesions are.",
        text_columns=2,
    )  # fmt: skip


def _judged(y: pd.Series, score: pd.Series, cut: float) -> tuple[str, str, str, str]:
    if y.nunique() < 2:
        return ("–", "–", "–", "–")
    row = classify(y, score, cut).iloc[0]
    return (
        number(auc(y, score).value),
        number(row["balanced_accuracy"], 2),
        number(row["sensitivity"], 2),
        number(row["ppv"], 2),
    )
