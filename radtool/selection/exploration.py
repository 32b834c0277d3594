"""Numbers to look at before modelling: features alone, together, with volume and an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import TableError, did_you_mean, quoted
from radtool.selection._base import survival_target
from radtool.selection._learners import Target
from radtool.selection._screens import cox_score, harrell, rank_area, unit_ranks
from radtool.selection.clusters import clustered_order
from radtool.selection.multiplicity import adjust_p
from radtool.table import feature_columns

__all__ = ["FeatureExploration", "explore"]

_Z = 1.959963984540054
Kind = Literal["", "marker", "classes", "survival"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureExploration:
    """What `explore` found.

    Parameters
    ----------
    summary : DataFrame
        Index feature, in table order. ``n, missing, mean, sd, median, lower_quartile,
        upper_quartile, minimum, maximum, p_normal`` (Shapiro-Wilk); with an outcome ``p, p_fdr,
        p_bonferroni, strength, lower, upper``; with a volume ``rho_volume``; with both
        ``rho_outcome, rho_outcome_given_volume`` (Spearman, and partial).
    kind : {"", "marker", "classes", "survival"}
        What the outcome is.
    test : str
        "Mann-Whitney", "Kruskal-Wallis", "Cox score test" or empty.
    measure : str
        What ``strength`` is: "auc" (exact; above 0.5: higher in the second class) or "harrell_c"
        (above 0.5: higher, sooner event), with 95 % limits; empty for more than two classes.
    classes : Series
        Class -> cases; events and censored for survival.
    correlation : DataFrame
        Spearman correlation, like features side by side; NaN for constant features.
    distributions : DataFrame
        ``feature, group, left, right, count``: histograms over bins that the groups share.
    notes : tuple of str
        Constant features, features without a value, small classes, several rows of one patient.
    """

    summary: pd.DataFrame
    kind: Kind
    test: str
    measure: str
    classes: pd.Series
    correlation: pd.DataFrame
    distributions: pd.DataFrame
    notes: tuple[str, ...]


def explore(
    X: pd.DataFrame,
    y: pd.DataFrame | pd.Series | None = None,
    *,
    features: Sequence[str] | None = None,
    volume: str | None = None,
    patients: pd.Series | None = None,
    bins: int = 20,
) -> FeatureExploration:
    """Describe features, and hold each against an outcome and the volume.

    For looking, not for choosing: what is chosen by these numbers was chosen on all cases.
    Selection belongs inside the training folds.

    Parameters
    ----------
    X : DataFrame
        One row a case.
    y : DataFrame or Series, optional
        ``event`` and ``duration``, a marker, or classes; same index. Cases with an unknown class
        are left out of tests.
    features : sequence of str, optional
        Default: columns named as features, else all numeric ones.
    volume : str, optional
        Column with the volume.
    patients : Series, optional
        Patient of each case, to say when rows repeat.
    bins : int, default 20
        Of the histograms.

    Raises
    ------
    TableError
        No feature, an unknown column, other cases in y, or one class only.

    Notes
    -----
    p-values are corrected over all features (FDR and Bonferroni). The AUC is computed from ranks; a
    scan over equally spaced thresholds is wrong on skewed features. Intervals are DeLong's and the
    infinitesimal jackknife's.
    """
    names = _names(X, features, volume)
    if y is not None and not y.index.equals(X.index):
        raise TableError("explore: X and y have different cases or another order (index)")
    values = X[names].to_numpy(float)
    values[np.isinf(values)] = np.nan
    summary = _basic(values, names)
    kind, groups, target = _outcome(y)
    test, measure = "", ""
    if kind:
        test, measure, found = _against(values, kind, groups, target)
        summary = summary.join(found.set_axis(summary.index))
    if volume is not None:
        size = X[volume].to_numpy(float)
        summary["rho_volume"] = [_spearman(column, size) for column in values.T]
        if target is not None:
            summary = summary.join(_partial(values, size, target.residual).set_axis(summary.index))
    return FeatureExploration(
        summary=summary,
        kind=kind,
        test=test,
        measure=measure,
        classes=pd.Series(groups, dtype=object).value_counts().sort_index(),
        correlation=_correlation(values, names),
        distributions=_distributions(values, names, groups, bins),
        notes=_notes(summary, groups, patients),
    )


def _names(X: pd.DataFrame, features: Sequence[str] | None, volume: str | None) -> list[str]:
    names = list(features) if features is not None else feature_columns(X)
    names = names or [str(c) for c in X.select_dtypes("number").columns]
    for name in (*names, *([volume] if volume is not None else [])):
        if name not in X.columns:
            raise TableError(
                f"explore: no column {name!r}{did_you_mean(name, map(str, X.columns))}"
            )
        if not pd.api.types.is_numeric_dtype(X[name]):
            raise TableError(f"explore: column {name!r} is not numeric")
    if not names:
        raise TableError(f"explore: no numeric column among {quoted(X.columns)}")
    return names


def _basic(values: np.ndarray, names: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=names)
    return pd.DataFrame(
        {
            "n": frame.notna().sum(),
            "missing": frame.isna().sum(),
            "mean": frame.mean(),
            "sd": frame.std(),
            "median": frame.median(),
            "lower_quartile": frame.quantile(0.25),
            "upper_quartile": frame.quantile(0.75),
            "minimum": frame.min(),
            "maximum": frame.max(),
            "p_normal": [_shapiro(column) for column in values.T],
        }
    ).rename_axis("feature")


def _shapiro(column: np.ndarray) -> float:
    known = column[np.isfinite(column)]
    if not 3 <= known.size <= 5000 or np.ptp(known) == 0:
        return np.nan
    return float(stats.shapiro(known).pvalue)


def _outcome(y: Any) -> tuple[Kind, np.ndarray, Target | None]:
    """What the outcome is, the class of each case (None where unknown), and its arrays."""
    if y is None:
        return "", np.zeros(0, dtype=object), None
    if isinstance(y, pd.DataFrame):
        event, duration = survival_target(y, len(y), "explore")
        return "survival", np.where(event, "event", "censored"), Target(event, duration)
    groups = np.array([None if pd.isna(v) else str(v) for v in y], dtype=object)
    levels = sorted({g for g in groups if g is not None})
    if len(levels) < 2:
        raise TableError(f"explore: the outcome has one class only ({quoted(levels)})")
    if len(levels) > 2:
        return "classes", groups, None
    marker = Target(groups == levels[1], None) if None not in set(groups) else None
    return "marker", groups, marker


def _against(
    values: np.ndarray, kind: Kind, groups: np.ndarray, target: Target | None
) -> tuple[str, str, pd.DataFrame]:
    if kind == "survival" and target is not None and target.duration is not None:
        event, duration = target.event, target.duration
        rows = [_survival_row(column, event, duration) for column in values.T]
        test, measure = "Cox score test", "harrell_c"
    else:
        levels = sorted({g for g in groups if g is not None})
        rows = [_class_row(column, groups, levels) for column in values.T]
        two = len(levels) == 2
        test, measure = ("Mann-Whitney", "auc") if two else ("Kruskal-Wallis", "")
    found = pd.DataFrame(rows, columns=["p", "strength", "lower", "upper"])
    found.insert(1, "p_fdr", adjust_p(found["p"].to_numpy(), "fdr"))
    found.insert(2, "p_bonferroni", adjust_p(found["p"].to_numpy(), "bonferroni"))
    return test, measure, found


def _survival_row(column: np.ndarray, event: np.ndarray, duration: np.ndarray) -> list[float]:
    known = np.isfinite(column)
    x, event, duration = column[known], event[known], duration[known]
    if x.size < 3 or np.ptp(x) == 0 or not event.any():
        return [np.nan] * 4
    p = 2 * stats.norm.sf(abs(cox_score(x[:, None], event, duration)[0]))
    c = float(harrell(x[:, None], event, duration)[0])
    half = _Z * _jackknife_se(x, event, duration, c)
    return [float(p), c, max(c - half, 0.0), min(c + half, 1.0)]


def _jackknife_se(x: np.ndarray, event: np.ndarray, duration: np.ndarray, c: float) -> float:
    """Infinitesimal-jackknife standard error of Harrell's C of one feature."""
    later = duration[None, :] > duration[:, None]
    later |= (duration[None, :] == duration[:, None]) & ~event[None, :]
    pair = (later & event[:, None]).astype(float)
    worth = (x[:, None] > x[None, :]) + 0.5 * (x[:, None] == x[None, :])
    surplus = pair * (worth - c)
    own = surplus.sum(axis=0) + surplus.sum(axis=1)
    return float(np.sqrt((own**2).sum()) / pair.sum())


def _class_row(column: np.ndarray, groups: np.ndarray, levels: list[str]) -> list[float]:
    known = np.isfinite(column)
    parts = [column[known & (groups == level)] for level in levels]
    used = np.concatenate(parts)
    if min(part.size for part in parts) == 0 or np.ptp(used) == 0:
        return [np.nan] * 4
    if len(parts) > 2:
        return [float(stats.kruskal(*parts).pvalue), np.nan, np.nan, np.nan]
    p = float(stats.mannwhitneyu(*parts, alternative="two-sided").pvalue)
    marker = np.repeat([False, True], [part.size for part in parts])
    area = float(rank_area(used[:, None], marker)[0])
    half = _Z * _delong_se(parts[1], parts[0])
    return [p, area, max(area - half, 0.0), min(area + half, 1.0)]


def _delong_se(positive: np.ndarray, negative: np.ndarray) -> float:
    """DeLong's standard error of the AUC of one feature."""
    m, n = positive.size, negative.size
    if m < 2 or n < 2:
        return float("nan")
    both = stats.rankdata(np.concatenate([positive, negative]))
    placed = (both[:m] - stats.rankdata(positive)) / n
    others = 1 - (both[m:] - stats.rankdata(negative)) / m
    return float(np.sqrt(placed.var(ddof=1) / m + others.var(ddof=1) / n))


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3 or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return np.nan
    ranks = unit_ranks(np.column_stack([a[known], b[known]]))
    return float(np.clip(ranks[:, 0] @ ranks[:, 1], -1, 1))


def _partial(values: np.ndarray, size: np.ndarray, outcome: np.ndarray) -> pd.DataFrame:
    """Spearman with the outcome, plain and with the volume held."""
    rows = []
    for column in values.T:
        known = np.isfinite(column) & np.isfinite(size)
        x, v, y = column[known], size[known], outcome[known]
        xy, xv, vy = _spearman(x, y), _spearman(x, v), _spearman(v, y)
        left = (1 - xv**2) * (1 - vy**2)
        rows.append([xy, (xy - xv * vy) / np.sqrt(left) if left > 1e-12 else np.nan])
    return pd.DataFrame(rows, columns=["rho_outcome", "rho_outcome_given_volume"])


def _correlation(values: np.ndarray, names: list[str]) -> pd.DataFrame:
    rho = pd.DataFrame(values, columns=names).corr(method="spearman").to_numpy()
    order = clustered_order(np.nan_to_num(rho, nan=0.0))
    ordered = [names[i] for i in order]
    return pd.DataFrame(rho[np.ix_(order, order)], index=ordered, columns=ordered)


def _distributions(
    values: np.ndarray, names: list[str], groups: np.ndarray, bins: int
) -> pd.DataFrame:
    groups = groups if groups.size else np.full(len(values), "all", dtype=object)
    levels = sorted({g for g in groups if g is not None})
    rows: list[list[Any]] = []
    for name, column in zip(names, values.T, strict=True):
        known = np.isfinite(column)
        if not known.any():
            continue
        edges = np.histogram_bin_edges(column[known], bins)
        for level in levels:
            counts, _ = np.histogram(column[known & (groups == level)], edges)
            rows += [
                [name, level, edges[i], edges[i + 1], int(counts[i])] for i in range(len(counts))
            ]
    return pd.DataFrame(rows, columns=["feature", "group", "left", "right", "count"])


def _notes(
    summary: pd.DataFrame, groups: np.ndarray, patients: pd.Series | None
) -> tuple[str, ...]:
    notes = []
    empty = summary.index[summary["n"] == 0]
    flat = summary.index[(summary["n"] > 0) & (summary["minimum"] == summary["maximum"])]
    if len(empty):
        notes.append(f"{len(empty)} feature(s) have no value: {quoted(empty)}")
    if len(flat):
        notes.append(f"{len(flat)} feature(s) are constant: {quoted(flat)}")
    counts = pd.Series([g for g in groups if g is not None], dtype=object).value_counts()
    for level, count in counts.items():
        if count < 10:
            notes.append(f"class {level!r} has {count} cases; its tests and intervals are rough")
    unknown = sum(g is None for g in groups)
    if unknown:
        notes.append(f"{unknown} case(s) have an unknown outcome and are left out of tests")
    if patients is not None and patients.duplicated().any():
        extra = int(patients.duplicated().sum())
        notes.append(
            f"{len(patients)} rows are {patients.nunique()} patients: {extra} row(s) repeat a"
            " patient, and tests take them for independent"
        )
    return tuple(notes)
