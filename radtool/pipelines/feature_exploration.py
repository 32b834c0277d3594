"""A feature table, looked at: numbers of `radtool.selection.explore` on one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from radtool.report import render_exploration
from radtool.report.results.exploration import (
    Distribution,
    DistributionGroup,
    Exploration,
    FeatureSummary,
    GroupSize,
)
from radtool.selection import FeatureExploration, explore

__all__ = ["exploration_results", "explore_to_html"]

_SUMMARY = (
    "mean", "sd", "median", "lower_quartile", "upper_quartile", "minimum", "maximum", "p_normal",
    "p", "p_fdr", "p_bonferroni", "strength", "lower", "upper", "rho_volume",
)  # fmt: skip


def explore_to_html(
    X: pd.DataFrame,
    y: pd.DataFrame | pd.Series | None = None,
    *,
    features: Sequence[str] | None = None,
    volume: str | None = None,
    patients: pd.Series | None = None,
    title: str = "Feature exploration",
) -> str:
    """Explore a feature table and write it as one self-contained HTML document.

    Parameters
    ----------
    X, y, features, volume, patients
        See `radtool.selection.explore`.
    title : str
        Of the page.

    Returns
    -------
    str
        HTML5 without external links; equal input gives equal text.
    """
    found = explore(X, y, features=features, volume=volume, patients=patients)
    target = "" if y is None else str(getattr(y, "name", None) or "outcome")
    return render_exploration(exploration_results(found, title=title, target=target))


def exploration_results(
    found: FeatureExploration, *, title: str, target: str = "", shown: int = 12
) -> Exploration:
    """Turn what `explore` found into the record that the report renders.

    Parameters
    ----------
    found : FeatureExploration
    title, target : str
        Of the page; name of the outcome.
    shown : int, default 12
        Histograms of so many features: those with the smallest p, else the first.
    """
    order = found.summary.sort_values("p", kind="stable") if found.kind else found.summary
    chosen = [str(name) for name in order.index[:shown]]
    return Exploration(
        title=title,
        n_cases=int((found.summary["n"] + found.summary["missing"]).max()),
        n_features=len(found.summary),
        target=target if found.kind else "",
        kind=found.kind,
        classes=tuple(GroupSize(label=str(k), n=int(n)) for k, n in found.classes.items()),
        test=found.test,
        measure=found.measure or "auc",
        features=tuple(_feature(name, row) for name, row in found.summary.iterrows()),
        order=tuple(map(str, found.correlation.index)),
        correlation=tuple(tuple(map(float, row)) for row in found.correlation.to_numpy()),
        distributions=tuple(_distribution(found, name) for name in chosen if _drawn(found, name)),
        notes=found.notes,
    )


def _feature(name: Any, row: pd.Series) -> FeatureSummary:
    numbers = {
        key: None if not np.isfinite(row[key]) else float(row[key])
        for key in _SUMMARY
        if key in row.index
    }
    return FeatureSummary(
        feature=str(name), n=int(row["n"]), missing=int(row["missing"]), **numbers
    )


def _drawn(found: FeatureExploration, name: str) -> bool:
    return bool((found.distributions["feature"] == name).any())


def _distribution(found: FeatureExploration, name: str) -> Distribution:
    rows = found.distributions[found.distributions["feature"] == name]
    groups = {str(label): part for label, part in rows.groupby("group", sort=True)}
    first = next(iter(groups.values()))
    return Distribution(
        feature=name,
        edges=tuple(map(float, [*first["left"], first["right"].iloc[-1]])),
        groups=tuple(
            DistributionGroup(label=label, counts=tuple(map(int, part["count"])))
            for label, part in groups.items()
        ),
    )
