"""Which features a phantom shows to be reproducible, repeatable or harmonisable.

The framework of Ibrahim, Primakov and others (2021): scan a phantom with every combination of
acquisition settings that the patients have; features that agree across combinations are stable; of
the others, those that repeat within a combination are harmonized by ComBat on the phantom alone and
assessed again; patients are then moved by the frozen phantom estimates.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from radtool.errors import ParameterError, RadtoolWarning, TableError
from radtool.harmonization import ComBat
from radtool.report.figures.spread import draw_cloud
from radtool.selection import ccc_many, icc_many
from radtool.table import feature_columns

__all__ = ["PhantomDesign", "RobustFeatures", "draw_concordance", "robust_radiomics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomDesign:
    """How the rows of a phantom table are to be read.

    Parameters
    ----------
    batch : str
        Column with the combination of acquisition settings; patients need the same column.
    region : str
        Column with the region of the phantom; regions are matched across batches.
    repeat : str, optional
        Column that tells a region's repeated scans apart within a batch.
    unit : str, optional
        Without repeated scans: the column whose equal values stand in for repeats (sub-regions of
        one material).
    reference : str, optional
        The batch to which the others are moved; default the one that agrees best with the others.
    """

    batch: str
    region: str
    repeat: str | None = None
    unit: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustFeatures:
    """What the phantom showed, and the frozen estimates to move patients.

    Parameters
    ----------
    table : DataFrame
        Index feature; ``ccc_before`` (lowest of all pairs of batches), ``share_before`` (of pairs
        at or above the limit), ``repeatability`` (lowest ICC of all batches), ``ccc_after``,
        ``share_after`` (NaN where not harmonized) and ``set``: "reproducible", "harmonisable",
        "repeatable" or "unstable".
    reference : str
        The batch to which the others are moved.
    combat : ComBat or None
        Fitted on the phantom; None when nothing needed it.
    limits : dict
        ``ccc``, ``icc`` and ``share``.
    """

    table: pd.DataFrame
    reference: str
    combat: ComBat | None
    limits: dict[str, float]

    @property
    def reproducible(self) -> list[str]:
        """Features that agree across batches as they are."""
        return self._named("reproducible")

    @property
    def harmonisable(self) -> list[str]:
        """Features that repeat within a batch and agree across batches once harmonized."""
        return self._named("harmonisable")

    @property
    def repeatable(self) -> list[str]:
        """All features that repeat within every batch, whatever they do across batches."""
        passing = self.table["repeatability"] >= self.limits["icc"]
        return list(self.table.index[passing])

    @property
    def features(self) -> list[str]:
        """What a model may use: reproducible and harmonisable features, in table order."""
        return list(self.table.index[self.table["set"].isin(["reproducible", "harmonisable"])])

    def transform(self, patients: pd.DataFrame) -> pd.DataFrame:
        """Keep robust features and move the harmonisable ones by the phantom's estimates.

        Each value becomes (x - shift) / scale with shift and scale of its batch in feature units
        (`ComBat.affine`), so that the patients keep their own mean and spread: only the difference
        to the reference batch is taken out.

        Parameters
        ----------
        patients : DataFrame
            Robust features and the batch column; any index.

        Returns
        -------
        DataFrame
            Columns `features`; same index.

        Raises
        ------
        TableError
            A feature or the batch column is missing, or a batch was never scanned with the phantom.
        """
        missing = [name for name in self.features if name not in patients.columns]
        if missing:
            raise TableError(
                f"patients lack {len(missing)} robust feature(s), for example {missing[:3]}"
            )
        moved = patients[self.features].astype(float)
        if self.combat is None or not self.harmonisable:
            return moved
        batch = str(self.combat.batch)
        if batch not in patients.columns:
            raise TableError(f"patients have no batch column {batch!r}")
        # Features that are not harmonisable pass as NaN: ComBat touches each feature alone.
        filled = patients.reindex(columns=[*self.combat.features_, batch])
        harmonized = self.combat.transform(filled)
        moved[self.harmonisable] = harmonized[self.harmonisable]
        return moved

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "table": self.table.reset_index().to_dict("list"),
            "reference": self.reference,
            "combat": None if self.combat is None else self.combat.to_dict(),
            "limits": dict(self.limits),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`."""
        combat = document["combat"]
        table = pd.DataFrame(document["table"]).set_index("feature")
        numbers = table.columns.drop("set")
        return cls(
            table=table.astype(dict.fromkeys(numbers, float)),
            reference=str(document["reference"]),
            combat=None if combat is None else ComBat.from_dict(combat),
            limits=dict(document["limits"]),
        )

    def _named(self, kind: str) -> list[str]:
        return list(self.table.index[self.table["set"] == kind])


def robust_radiomics(  # noqa: PLR0913 - three limits are three numbers
    phantom: pd.DataFrame,
    design: PhantomDesign,
    *,
    features: Sequence[str] | None = None,
    ccc: float = 0.9,
    icc: float = 0.9,
    share: float = 1.0,
    assess: Literal["held_out", "same"] = "held_out",
) -> RobustFeatures:
    """Sort features by what a phantom shows, and freeze the estimates for patients.

    Parameters
    ----------
    phantom : DataFrame
        One row a region, batch (and repeat).
    design : PhantomDesign
        Which columns say so.
    features : sequence of str, optional
        Default: every column that is named as a feature.
    ccc : float, default 0.9
        Lin's concordance across batches that a feature must reach.
    icc : float, default 0.9
        ICC(1,1) of repeats within every batch that a feature must reach.
    share : float, default 1.0
        Share of pairs of batches that must reach `ccc`.
    assess : {"held_out", "same"}, default "held_out"
        Harmonized concordance on regions that ComBat was not fitted on (every second region each
        way), or on the same regions, which flatters it.

    Returns
    -------
    RobustFeatures

    Raises
    ------
    TableError
        A column is missing, a region lacks a batch or appears twice, fewer than two batches.
    ParameterError
        A limit is out of range, or nothing says what a repeat is.

    References
    ----------
    Ibrahim, Primakov et al., Radiomics for precision medicine: current challenges, future
    prospects, and the proposal of a new framework, Methods 2021.
    """
    _check_limits(ccc, icc, share, assess)
    names = list(features) if features is not None else feature_columns(phantom)
    table = _checked(phantom, design, names)
    cube, batches = _cube(table, design, names)
    before = _concordance(cube)
    repeat = _repeatability(table, design, names)
    found = pd.DataFrame(
        {
            "ccc_before": before.min(axis=0),
            "share_before": (before >= ccc).mean(axis=0),
            "repeatability": repeat,
        },
        index=pd.Index(names, name="feature"),
    )
    stable = found["share_before"] >= share
    candidates = list(found.index[~stable & (found["repeatability"] >= icc)])
    reference = design.reference or _most_central(before, batches)
    if str(reference) not in batches:
        raise ParameterError(f"reference {reference!r} is no batch of the phantom: {batches}")
    combat = None
    found["ccc_after"], found["share_after"] = np.nan, np.nan
    if candidates:
        where = [names.index(name) for name in candidates]
        combat = _fitted(cube[:, :, where], batches, candidates, design.batch, reference)
        moved = _moved(cube[:, :, where], batches, candidates, design.batch, reference, assess)
        after = _concordance(moved)
        found.loc[candidates, "ccc_after"] = after.min(axis=0)
        found.loc[candidates, "share_after"] = (after >= ccc).mean(axis=0)
    found["set"] = np.select(
        [stable, found["share_after"] >= share, found["repeatability"] >= icc],
        ["reproducible", "harmonisable", "repeatable"],
        "unstable",
    )
    limits = {"ccc": ccc, "icc": icc, "share": share}
    return RobustFeatures(table=found, reference=str(reference), combat=combat, limits=limits)


def draw_concordance(found: RobustFeatures) -> str:
    """Draw the concordance of each harmonized feature before and after, as SVG.

    Parameters
    ----------
    found : RobustFeatures

    Returns
    -------
    str
        An ``<svg>`` element; each dot a feature, vermillion: harmonisable.
    """
    rows = found.table.dropna(subset=["ccc_after"])
    points = [
        (max(float(before), 0.0), max(float(after), 0.0), kind == "harmonisable")
        for before, after, kind in rows[["ccc_before", "ccc_after", "set"]].to_numpy()
    ]
    return str(
        draw_cloud(
            points,
            x_label="Lowest concordance of all pairs of batches, before (below 0: at 0)",
            y_label="After ComBat on the phantom",
            alt=f"{len(points)} features before and after harmonization;"
            f" {len(found.harmonisable)} reach {found.limits['ccc']:g}",
        )
    )


def _check_limits(ccc: float, icc: float, share: float, assess: str) -> None:
    for name, value in (("ccc", ccc), ("icc", icc), ("share", share)):
        if not 0 < value <= 1:
            raise ParameterError(f"robust_radiomics: {name} must be in (0, 1], got {value}")
    if assess not in ("held_out", "same"):
        raise ParameterError(f"robust_radiomics: assess is held_out or same, got {assess!r}")


def _checked(phantom: pd.DataFrame, design: PhantomDesign, names: list[str]) -> pd.DataFrame:
    if design.repeat is None and design.unit is None:
        raise ParameterError(
            "robust_radiomics: say what a repeat is: a column of repeated scans (repeat), or what"
            " stands in for them (unit)"
        )
    keys = [design.batch, design.region, design.repeat, design.unit]
    for column in [*(key for key in keys if key is not None), *names]:
        if column not in phantom.columns:
            raise TableError(f"phantom table has no column {column!r}")
    if not names:
        raise TableError("phantom table has no feature column")
    if not np.isfinite(phantom[names].to_numpy(float)).all():
        raise TableError("phantom table has missing or infinite feature values")
    by = [key for key in (design.batch, design.region, design.repeat) if key is not None]
    twice = phantom[phantom.duplicated(by, keep=False)]
    if len(twice):
        example = twice[by].iloc[0].astype(str).tolist()
        raise TableError(f"phantom table: more than one row for {' + '.join(by)} {example}")
    text = {key: phantom[key].astype(str).str.strip() for key in (design.batch, design.region)}
    return phantom.assign(**text)


def _cube(
    table: pd.DataFrame, design: PhantomDesign, names: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Values (batch, region, feature), repeats averaged; every region in every batch."""
    means = table.groupby([design.batch, design.region], sort=True)[names].mean()
    batches = sorted(table[design.batch].unique())
    regions = sorted(table[design.region].unique())
    if len(batches) < 2:
        raise TableError(f"phantom table has one batch only: {batches}")
    wanted = pd.MultiIndex.from_product([batches, regions])
    lacking = wanted.difference(means.index)
    if len(lacking):
        raise TableError(
            f"{len(lacking)} region(s) of the phantom are not in every batch, for example"
            f" {lacking[0]}"
        )
    values = means.loc[wanted].to_numpy(float)
    return values.reshape(len(batches), len(regions), len(names)), batches


def _concordance(cube: np.ndarray) -> np.ndarray:
    """CCC of every pair of batches (n_pairs, n_features); a constant feature does not agree."""
    pairs = combinations(range(len(cube)), 2)
    return np.array([ccc_many(cube[i], cube[j])["ccc"].fillna(0.0) for i, j in pairs])


def _repeatability(table: pd.DataFrame, design: PhantomDesign, names: list[str]) -> np.ndarray:
    """Lowest ICC(1,1) of repeats of all batches."""
    unit = design.region if design.repeat is not None else str(design.unit)
    lowest = np.full(len(names), np.inf)
    for batch, rows in table.groupby(design.batch, sort=True):
        counts = rows.groupby(unit).size()
        if counts.min() != counts.max() or counts.min() < 2 or counts.size < 2:
            raise TableError(
                f"batch {batch!r}: every {unit} needs the same number of repeats, 2 or more; found"
                f" {counts.min()} to {counts.max()} in {counts.size} {unit}(s)"
            )
        ordered = rows.sort_values([unit, design.repeat or design.region])
        ratings = ordered[names].to_numpy(float).reshape(counts.size, int(counts.iloc[0]), -1)
        lowest = np.minimum(lowest, icc_many(ratings, "ICC1")["icc"].fillna(-1.0).to_numpy())
    return lowest


def _most_central(before: np.ndarray, batches: list[str]) -> str:
    """The batch with the highest median concordance with all others."""
    pairs = list(combinations(range(len(batches)), 2))
    median = np.median(before, axis=1)
    mean = [np.mean([m for m, p in zip(median, pairs, strict=True) if b in p])
            for b in range(len(batches))]  # fmt: skip
    return batches[int(np.argmax(np.round(mean, 12)))]


def _frame(cube: np.ndarray, batches: list[str], names: list[str], batch: str) -> pd.DataFrame:
    frame = pd.DataFrame(cube.reshape(-1, len(names)), columns=names)
    frame[batch] = np.repeat(batches, cube.shape[1])
    return frame


def _fitted(
    cube: np.ndarray, batches: list[str], names: list[str], batch: str, reference: str
) -> ComBat:
    """ComBat on the phantom: no covariate, for patients have no phantom's materials."""
    pooling: Literal["parametric", "none"] = "parametric" if len(names) > 1 else "none"
    combat = ComBat(batch, reference=reference, empirical_bayes=pooling)
    return combat.fit(_frame(cube, batches, names, batch))


def _moved(
    cube: np.ndarray, batches: list[str], names: list[str], batch: str, reference: str, assess: str
) -> np.ndarray:
    """The phantom after harmonization, by estimates of other regions when held out."""

    def apply(fit: np.ndarray, to: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():  # of few regions the fit to all of them warns already
            warnings.simplefilter("ignore", RadtoolWarning)
            combat = _fitted(fit, batches, names, batch, reference)
        return combat.transform(_frame(to, batches, names, batch)).to_numpy().reshape(to.shape)

    if assess == "same":
        return apply(cube, cube)
    moved = np.empty_like(cube)
    moved[:, 1::2] = apply(cube[:, ::2], cube[:, 1::2])
    moved[:, ::2] = apply(cube[:, 1::2], cube[:, ::2])
    return moved
