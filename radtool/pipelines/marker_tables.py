"""Tables of a marker prediction: features one by one, outer folds, random search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from radtool.models import MarkerSignature
from radtool.models.model_search import RandomSearch
from radtool.pipelines.feature_exploration import exploration_results
from radtool.pipelines.marker_folds import OutOfFold
from radtool.pipelines.marker_numbers import LabelledCohort
from radtool.pipelines.marker_published import PublishedRun
from radtool.report.results import Distribution, ResultTable
from radtool.report.wording import estimate, integer, number, p_value, percent
from radtool.selection import FeatureExploration, explore

__all__ = [
    "feature_histograms",
    "feature_table",
    "fold_table",
    "published_table",
    "search_table",
    "tested_features",
]

_KINDS = {
    "XGBoostMarker": "XGBoost",
    "RandomForest": "random forest",
    "Logistic": "logistic regression",
}


def tested_features(cohort: LabelledCohort, design: pd.DataFrame) -> FeatureExploration:
    """Mann-Whitney test with Bonferroni's correction of each selected feature in one cohort.

    Parameters
    ----------
    cohort : LabelledCohort
        Marker known for all.
    design : DataFrame
        Selected columns of the same cases; a column of the raw table is taken as it is there.
    """
    raw = [
        name
        for name in design
        if name in cohort.X and pd.api.types.is_numeric_dtype(cohort.X[name])
    ]
    table = pd.concat([cohort.X[raw], design.drop(columns=raw)], axis=1)[list(design)]
    return explore(table.astype(float), cohort.y, features=list(design), patients=cohort.people)


def feature_table(
    found: Mapping[str, FeatureExploration], blocks: Mapping[str, str], shares: pd.Series | None
) -> ResultTable:
    """Every selected feature: how often chosen, AUC and corrected p in each cohort.

    Parameters
    ----------
    found : mapping of str to FeatureExploration
        Cohort -> tests; the first is the development cohort.
    blocks : mapping of str to str
        Feature -> block.
    shares : Series, optional
        Feature -> share of outer folds that used it.
    """
    heads = ["Feature", "Block", *(["In folds"] if shares is not None else [])]
    for cohort in found:
        heads += [f"AUC, {cohort}", "p", "Bonferroni"]
    first = next(iter(found.values())).summary
    rows = []
    for name in first.sort_values("p", kind="stable").index:
        row = [str(name), blocks.get(str(name), "")]
        if shares is not None:
            row.append(percent(float(shares.get(name, 0.0)), 1.0))
        for one in found.values():
            if name not in one.summary.index:
                row += ["–", "–", "–"]
                continue
            r = one.summary.loc[name]
            row.append(estimate(r["strength"], r["lower"], r["upper"], 2))
            row += [p_value(r["p"]), p_value(r["p_bonferroni"])]
        rows.append(tuple(row))
    return ResultTable(
        name="features",
        caption=f"Selected features, one by one (Mann–Whitney, Bonferroni over {len(first)})",
        columns=tuple(heads),
        rows=tuple(rows),
        note="In the development cohort these features were chosen by the same labels: their p"
        " there describes, it does not test. Another cohort tests.",
        text_columns=2,
    )


def feature_histograms(
    found: FeatureExploration, labels: tuple[str, str], shown: int
) -> tuple[Distribution, ...]:
    """Histograms by class of the features with the smallest p."""
    record = exploration_results(found, title="", shown=shown)
    words = {"False": labels[0], "True": labels[1]}
    return tuple(
        Distribution(
            feature=one.feature,
            edges=one.edges,
            groups=tuple(
                type(group)(label=words.get(group.label, group.label), counts=group.counts)
                for group in one.groups
            ),
        )
        for one in record.distributions
    )


def fold_table(found: OutOfFold, labels: Mapping[str, str]) -> ResultTable:
    """AUC of every model in every outer fold."""
    names = [name for name in labels if name in found.folds]
    repeated = found.folds["repeat"].nunique() > 1
    rows = []
    for row in found.folds.to_dict("records"):
        label = f"{row['repeat'] + 1}.{row['fold'] + 1}" if repeated else str(row["fold"] + 1)
        sizes = (integer(row["n_train"]), integer(row["n_test"]), integer(row["positive_test"]))
        rows.append((label, *sizes, *(number(row[name]) for name in names)))
    mean, spread = found.folds[names].mean(), found.folds[names].std()
    blank = ("", "", "")
    rows.append(("mean", *blank, *(number(mean[name]) for name in names)))
    rows.append(("SD of folds", *blank, *(number(spread[name]) for name in names)))
    return ResultTable(
        name="folds",
        caption="AUC in each outer fold",
        columns=("Fold", "n training", "n", "Positive", *(labels[name] for name in names)),
        rows=tuple(rows),
        note="Redundancy, scaling, importance, search and cut-off were made again in the training"
        " part of each fold. The SD of folds is not a standard error.",
    )


def search_table(signature: MarkerSignature) -> ResultTable:
    """What the random search of the frozen ensemble tried, best first."""
    parts = {
        block: model.searched_
        for block, model in signature.models_.items()
        if isinstance(model, RandomSearch)
    }
    return _searched(
        parts,
        ("kind", "first_split", "mean_of_resplits"),
        "Inner splits of training cases, after feature selection on the same cases: they compare"
        " candidates and estimate nothing.",
    )


def published_table(run: PublishedRun) -> ResultTable:
    """What the published search tried, best first."""
    return _searched(
        {block: one.searched for block, one in run.blocks.items()},
        ("kind", "first_split", "mean_of_resplits", "sd_of_resplits"),
        "The first split chose the model and scores it: optimistic. Features were selected before"
        " every split, so that the fresh splits are optimistic too.",
    )


_HEADS = {
    "kind": "Model",
    "first_split": "AUC, first split",
    "mean_of_resplits": "Mean of fresh splits",
    "sd_of_resplits": "SD",
}


def _searched(parts: Mapping[str, pd.DataFrame], columns: Sequence[str], note: str) -> ResultTable:
    rows = []
    for block, table in parts.items():
        scored = table.dropna(subset=["mean_of_resplits"])
        for row in scored.sort_values("first_split", ascending=False, kind="stable").to_dict(
            "records"
        ):
            cells = [_KINDS.get(row["kind"], row["kind"])]
            cells += [number(row[name]) for name in columns[1:]]
            rows.append((block, cells[0], settings_words(row["settings"]), *cells[1:]))
    drawn = sum(len(table) for table in parts.values())
    return ResultTable(
        name="search",
        caption=f"Random search: the best of {integer(drawn)} models drawn",
        columns=("Block", "Model", "Settings", *(_HEADS[name] for name in columns[1:])),
        rows=tuple(rows),
        note=note,
        text_columns=3,
    )


def settings_words(settings: Mapping[str, Any]) -> str:
    """Write hyper-parameters in one line, the seed left out."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in settings.items()
        if name not in ("seed", "balanced")
    )
