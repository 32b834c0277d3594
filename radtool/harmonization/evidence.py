"""How far the batch shows in the features, before and after harmonization."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import silhouette_score

from radtool.errors import RadtoolWarning, TableError, did_you_mean, quoted
from radtool.harmonization._inputs import batch_labels
from radtool.harmonization.anova import count_differing, one_way
from radtool.harmonization.confounding import Association, associate

__all__ = ["BatchEvidence", "batch_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchEvidence:
    """What the batch explains, before and after.

    Parameters
    ----------
    batch : str
        The batch column.
    sizes : dict
        Batch -> cases.
    features : DataFrame
        Index feature; ``eta2_before, p_before, fdr_before, kruskal_before`` (p) and the same after.
    variance : DataFrame
        Index the batch and each covariate; median share of a feature's variance that it explains,
        ``before`` and ``after``: batch should fall, covariates should not.
    tested : int
        Features with variance.
    significant_before, significant_after : int
        Features that differ between batches (ANOVA, FDR 5 %).
    silhouette_before, silhouette_after : float
        Silhouette width of the batches on standardised features; 0: mixed, 1: apart.
    view : DataFrame
        Index case; ``batch, x_before, y_before, x_after, y_after``: the first two principal
        components of the standardised features before; the same axes after.
    explained : (float, float)
        Share of variance on the two axes, before.
    associations : tuple of Association
        The batch against the outcome and each covariate.
    notes : tuple of str
        What to say loudly.
    """

    batch: str
    sizes: dict[str, int]
    features: pd.DataFrame
    variance: pd.DataFrame
    tested: int
    significant_before: int
    significant_after: int
    silhouette_before: float
    silhouette_after: float
    view: pd.DataFrame
    explained: tuple[float, float]
    associations: tuple[Association, ...]
    notes: tuple[str, ...]


def batch_evidence(
    before: pd.DataFrame,
    after: pd.DataFrame | None = None,
    *,
    batch: str,
    covariates: Sequence[str] = (),
    y: pd.DataFrame | pd.Series | None = None,
) -> BatchEvidence:
    """Show how far the batch explains the features, before and after harmonization.

    Parameters
    ----------
    before : DataFrame
        Features, the batch column and the covariates; index the case.
    after : DataFrame, optional
        The harmonized features of the same cases (`ComBat.transform`); default: `before` again.
    batch : str
        The batch column of `before`.
    covariates : sequence of str
        Columns of `before` whose effect should outlast harmonization.
    y : DataFrame or Series, optional
        The outcome, same index; only held against the batch.

    Returns
    -------
    BatchEvidence

    Raises
    ------
    TableError
        A column is missing, cases differ, or there is one batch only.

    Warns
    -----
    RadtoolWarning
        The batch is confounded with the outcome or with a covariate.

    Notes
    -----
    Look at training cases only: to harmonize by what test cases show is to look at them.
    """
    after = before if after is None else after
    _check(before, after, batch, covariates)
    labels = batch_labels(before, batch)
    levels, codes = np.unique(labels, return_inverse=True)
    if levels.size < 2:
        raise TableError(f"batch_evidence: one batch only ({batch} = {str(levels[0])!r})")
    names = _features(before, after, {batch, *covariates})
    values = {"before": before[names].to_numpy(float), "after": after[names].to_numpy(float)}
    features = pd.concat([_tests(values[k], codes, k) for k in values], axis=1)
    features.index = pd.Index(names, name="feature")
    groups = {batch: labels, **{name: before[name] for name in covariates}}
    variance = pd.DataFrame(
        {
            k: {name: _median_share(values[k], group) for name, group in groups.items()}
            for k in values
        }
    )
    scaled, moved = _standardised(values["before"], values["after"])
    view, explained = _view(scaled, moved)
    view.index = before.index
    view.insert(0, "batch", labels)
    others = {name: before[name] for name in covariates}
    associations = [associate(labels, column, name) for name, column in others.items()]
    if y is not None:
        associations.insert(0, associate(labels, y, "the outcome"))
    notes = tuple(_note(batch, found) for found in associations if found.confounded)
    for note in notes:
        warnings.warn(note, RadtoolWarning, stacklevel=2)
    return BatchEvidence(
        batch=batch,
        sizes={str(level): int((codes == i).sum()) for i, level in enumerate(levels)},
        features=features,
        variance=variance,
        tested=int(features["p_before"].notna().sum()),
        significant_before=count_differing(features["p_before"].to_numpy()),
        significant_after=count_differing(features["p_after"].to_numpy()),
        silhouette_before=_silhouette(scaled, codes),
        silhouette_after=_silhouette(_standardised(values["after"], values["after"])[0], codes),
        view=view,
        explained=explained,
        associations=tuple(associations),
        notes=notes,
    )


def _check(
    before: pd.DataFrame, after: pd.DataFrame, batch: str, covariates: Sequence[str]
) -> None:
    for name in (batch, *covariates):
        if name not in before.columns:
            raise TableError(
                f"batch_evidence: no column {name!r}{did_you_mean(name, map(str, before.columns))}"
            )
    if not before.index.equals(after.index):
        raise TableError("batch_evidence: before and after have other cases, or another order")


def _features(before: pd.DataFrame, after: pd.DataFrame, special: set[str]) -> list[str]:
    numeric = before.select_dtypes("number").columns
    names = [str(c) for c in numeric if c not in special and c in after.columns]
    if not names:
        raise TableError(
            f"batch_evidence: no numeric feature in both tables ({quoted(before.columns)})"
        )
    return names


def _tests(values: np.ndarray, codes: np.ndarray, when: str) -> pd.DataFrame:
    _, p, eta2 = one_way(values, codes)
    known = np.isfinite(p)
    fdr = np.full(p.shape, np.nan)
    if known.any():
        fdr[known] = stats.false_discovery_control(p[known])
    kruskal = [_kruskal(column, codes) for column in values.T]
    return pd.DataFrame(
        {
            f"eta2_{when}": eta2,
            f"p_{when}": p,
            f"fdr_{when}": fdr,
            f"kruskal_{when}": kruskal,
        }
    )


def _kruskal(column: np.ndarray, codes: np.ndarray) -> float:
    known = np.isfinite(column)
    groups = [column[known & (codes == i)] for i in np.unique(codes[known])]
    if len(groups) < 2 or np.ptp(column[known]) == 0:
        return np.nan
    return float(stats.kruskal(*groups).pvalue)


def _median_share(values: np.ndarray, variable: Any) -> float:
    """Median over features of the variance that one variable explains alone."""
    column = pd.Series(np.asarray(variable))
    known = column.notna().to_numpy()
    column, values = column[known], values[known]
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > 5:
        x = column.to_numpy(float)
        finite = np.isfinite(values)
        r2 = [
            stats.pearsonr(x[rows], f[rows]).statistic ** 2
            for f, rows in zip(values.T, finite.T, strict=True)
            if rows.sum() > 2 and np.ptp(f[rows]) > 0
        ]
        return float(np.median(r2)) if r2 else np.nan
    _, _, eta2 = one_way(values, np.unique(column.astype(str), return_inverse=True)[1])
    eta2 = eta2[np.isfinite(eta2)]
    return float(np.median(eta2)) if eta2.size else np.nan


def _standardised(reference: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both on the scale of the first; gaps at its mean, constant features left out."""
    known = np.isfinite(reference)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, reference, 0.0).sum(axis=0) / n
    spread = np.sqrt((np.where(known, reference - mean, 0.0) ** 2).sum(axis=0) / n)
    used = spread > 0
    scale = np.where(used, spread, 1.0)
    both = ((np.where(np.isfinite(x), x, mean) - mean) / scale for x in (reference, other))
    first, second = (x[:, used] for x in both)
    return first, second


def _view(scaled: np.ndarray, moved: np.ndarray) -> tuple[pd.DataFrame, tuple[float, float]]:
    if scaled.shape[1] == 0:
        raise TableError("batch_evidence: no feature varies")
    _, singular, axes = np.linalg.svd(scaled, full_matrices=False)
    axes = axes[:2]
    # The sign of an axis is arbitrary: its largest loading is made positive.
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), largest])[:, None]
    share = singular**2 / (singular**2).sum()
    share = np.append(share, 0.0)
    first, second = scaled @ axes.T, moved @ axes.T
    if len(axes) < 2:
        first, second = (np.column_stack([x, np.zeros(len(x))]) for x in (first, second))
    view = pd.DataFrame(
        np.column_stack([first, second]), columns=["x_before", "y_before", "x_after", "y_after"]
    )
    return view, (float(share[0]), float(share[1]))


def _silhouette(scaled: np.ndarray, codes: np.ndarray) -> float:
    if not 2 <= np.unique(codes).size < len(codes):
        return float("nan")
    return float(silhouette_score(scaled, codes))


def _note(batch: str, found: Association) -> str:
    what = f"{found.measure} {found.strength:.2f}, p = {found.p:.2g}"
    end = "; some batch has one class or no event at all" if found.complete else ""
    return (
        f"CONFOUNDED: batch {batch!r} goes with {found.variable} ({what}{end}). Harmonization may"
        " take out the effect with the batch, or leave the batch in as effect; no method can tell"
        " them apart"
    )
