"""What one looks at before modelling: features alone, together, and against an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from radtool.errors import InputError
from radtool.report.results.record import Record

__all__ = ["Distribution", "DistributionGroup", "Exploration", "FeatureSummary", "GroupSize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSize(Record):
    """How many cases a class has.

    Parameters
    ----------
    label : str
        The class: "mutant"; "event" and "censored" for survival.
    n : int
        Cases.
    """

    label: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSummary(Record):
    """Basic statistics of one feature, its test and its tie to volume.

    Parameters
    ----------
    feature : str
        Column.
    n, missing : int
        Cases with and without a value.
    mean, sd, median, lower_quartile, upper_quartile, minimum, maximum : float, optional
        Of the known values, in the feature's unit.
    p_normal : float, optional
        Shapiro-Wilk test.
    p, p_fdr, p_bonferroni : float, optional
        Test against the target (`Exploration.test`), plain and corrected over all features.
    strength, lower, upper : float, optional
        Univariate `Exploration.measure` (exact, ties half) and 95 % limits.
    rho_volume : float, optional
        Spearman correlation with volume.
    """

    feature: str
    n: int
    missing: int = 0
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    lower_quartile: float | None = None
    upper_quartile: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    p_normal: float | None = None
    p: float | None = None
    p_fdr: float | None = None
    p_bonferroni: float | None = None
    strength: float | None = None
    lower: float | None = None
    upper: float | None = None
    rho_volume: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionGroup(Record):
    """Histogram of one class.

    Parameters
    ----------
    label : str
        The class.
    counts : tuple of int of length k
        Cases per bin of `Distribution.edges`.
    """

    label: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution(Record):
    """Histograms of a feature, one for each class over the same bins.

    Parameters
    ----------
    feature : str
        Column.
    edges : tuple of float of length k + 1
        Bin edges, ascending, in the feature's unit.
    groups : tuple of DistributionGroup
        One for each class.
    """

    feature: str
    edges: tuple[float, ...]
    groups: tuple[DistributionGroup, ...]

    def __post_init__(self) -> None:
        for group in self.groups:
            if len(group.counts) != len(self.edges) - 1:
                raise InputError(
                    f"{self.feature!r}: {len(group.counts)} counts for {len(self.edges)} bin edges"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration(Record):
    """The one input of the exploration page.

    Parameters
    ----------
    title : str
        Of the page.
    n_cases, n_features : int
        Size of the table.
    target : str
        Outcome that features are held against; empty: none.
    kind : {"", "marker", "classes", "survival"}
        What the target is.
    classes : tuple of GroupSize
        Of the target.
    test : str
        "Mann-Whitney", "Kruskal-Wallis", "Cox score test".
    measure : str
        What `FeatureSummary.strength` is: "auc" or "harrell_c".
    features : tuple of FeatureSummary
        One for each feature, in table order.
    order : tuple of str of length m
        Features of the correlation matrix, clustered.
    correlation : tuple of tuple of float, m x m
        Spearman correlation in that order; NaN for a constant feature.
    distributions : tuple of Distribution
        For a few features.
    notes : tuple of str
        Warnings: constant features, small classes.
    provenance : mapping
        As `radtool.provenance.provenance` gives it.
    generated : str
        Declared time stamp; empty: none.
    """

    PARALLEL = (("order", "correlation"),)

    title: str
    n_cases: int
    n_features: int
    target: str = ""
    kind: Literal["", "marker", "classes", "survival"] = ""
    classes: tuple[GroupSize, ...] = ()
    test: str = ""
    measure: str = "auc"
    features: tuple[FeatureSummary, ...] = ()
    order: tuple[str, ...] = ()
    correlation: tuple[tuple[float, ...], ...] = ()
    distributions: tuple[Distribution, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    generated: str = ""
