"""Two delineations of the same tumours, measured and compared, over all cases and by subgroup."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError, ParameterError, RadtoolError, TableError
from radtool.image import Mask
from radtool.io import read_mask
from radtool.segmentation import compare_masks, recist
from radtool.selection import adjust_p
from radtool.table import Failure

__all__ = [
    "METRICS",
    "SIZES",
    "SOURCES",
    "ContourSettings",
    "MeasuredMasks",
    "agreement",
    "measure_masks",
    "stars",
    "subgroup_agreement",
    "subgroup_tests",
]

METRICS = ("dsc", "jaccard", "hd95_mm", "surface_dsc", "added_path_length_cm")
SOURCES = ("manual", "automatic")
SIZES = ("recist_mm", "volume_ml")
_STARS = ((1e-4, "****"), (1e-3, "***"), (1e-2, "**"), (5e-2, "*"))
Source = Mapping[str, "Mask | str | os.PathLike[str]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContourSettings:
    """Options of `segmentation_prognosis`.

    Parameters
    ----------
    duration, event, unit : str
        Outcome columns, and the unit of time.
    by : tuple of str
        Subgroup columns of the outcomes or measurements; 10 levels or fewer.
    volume_bins : tuple of float, default (20, 150)
        Manual volumes in mL at which "volume group" is cut; empty: no such subgroup.
    cohort : str, optional
        Column that tells cohorts apart; each is analysed alone.
    cut : {"own", "train"}
        Sizes are split at the cohort's own median, or at that of `train`.
    train : str, optional
        Cohort whose medians cut all others, with ``cut="train"``.
    lung_threshold : float, default 0.5
        A lung counts as positive at or above this score.
    bootstraps : int, default 2000
        Samples of patients behind bootstrap intervals.
    seed : int, default 0
        Of the bootstrap.

    Raises
    ------
    ParameterError
        `cut` and `train` do not fit, or a number is out of range.
    """

    duration: str = "duration_days"
    event: str = "event"
    unit: str = "days"
    by: tuple[str, ...] = ()
    volume_bins: tuple[float, ...] = (20.0, 150.0)
    cohort: str | None = None
    cut: Literal["own", "train"] = "own"
    train: str | None = None
    lung_threshold: float = 0.5
    bootstraps: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.cut == "train") != (self.train is not None and self.cohort is not None):
            raise ParameterError(
                "segmentation_prognosis: cut='train' needs cohort= (a column) and train= (its"
                " value); cut='own' takes no train"
            )
        if list(self.volume_bins) != sorted(set(self.volume_bins)):
            raise ParameterError(
                f"segmentation_prognosis: volume_bins must rise, got {self.volume_bins}"
            )
        if self.bootstraps < 100:
            raise ParameterError(
                f"segmentation_prognosis: bootstraps must be at least 100, got {self.bootstraps}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredMasks:
    """What `measure_masks` gives.

    Parameters
    ----------
    table : DataFrame
        One row a patient: ``patient_id``, the metrics of `METRICS` (automatic judged against
        manual), and ``recist_mm_manual, recist_mm_automatic, volume_ml_manual,
        volume_ml_automatic``. An empty mask has size 0, overlaps 0 and distances inf.
    failures : list of Failure
        Patients who could not be measured, and why.
    """

    table: pd.DataFrame
    failures: list[Failure]


def measure_masks(
    manual: Source, automatic: Source, *, tolerance_mm: float = 1.18
) -> MeasuredMasks:
    """Compare two masks of each patient, and measure diameter and volume of both.

    Parameters
    ----------
    manual, automatic : mapping of str to Mask or path
        Patient -> mask; the two on one grid. A patient in one of them only is a failure.
    tolerance_mm : float, default 1.18
        Of the surface Dice.

    Returns
    -------
    MeasuredMasks
        Sorted by patient.

    Raises
    ------
    InputError
        No patient could be measured.
    """
    rows, failures = [], []
    for patient in sorted({*manual, *automatic}):
        lacking = [
            name
            for name, source in zip(SOURCES, (manual, automatic), strict=True)
            if patient not in source
        ]
        if lacking:
            failures.append(Failure(patient, "masks", f"no {lacking[0]} mask"))
            continue
        try:
            rows.append(_measured(patient, manual[patient], automatic[patient], tolerance_mm))
        except RadtoolError as error:
            failures.append(Failure.of(patient, "masks", error))
    if not rows:
        first = failures[0].reason if failures else "no masks were given"
        raise InputError(f"no patient could be measured; first reason: {first}")
    return MeasuredMasks(pd.DataFrame(rows), failures)


def _measured(
    patient: str,
    manual: Mask | str | os.PathLike[str],
    automatic: Mask | str | os.PathLike[str],
    tolerance_mm: float,
) -> dict[str, object]:
    masks = [one if isinstance(one, Mask) else read_mask(one) for one in (manual, automatic)]
    found = compare_masks(masks[0], masks[1], tolerance_mm=tolerance_mm)
    row: dict[str, object] = {
        "patient_id": patient,
        "dsc": found.dsc,
        "jaccard": found.jaccard,
        "hd95_mm": found.hd95,
        "surface_dsc": found.surface_dsc,
        "added_path_length_cm": found.added_path_length / 10.0,
    }
    for source, mask in zip(SOURCES, masks, strict=True):
        size = recist(mask)
        row |= {f"recist_mm_{source}": size.diameter, f"volume_ml_{source}": size.volume_ml}
    return row


def agreement(table: pd.DataFrame, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Median and quartiles of each metric: ``metric, median, q1, q3, n``.

    Where infinite distances are among the values, quartiles are the nearest observed values.
    """
    rows = []
    for metric in metrics:
        values = table[metric].dropna().to_numpy(float)
        if not len(values):
            continue
        method = "linear" if np.isfinite(values).all() else "nearest"
        q1, middle, q3 = np.percentile(values, [25, 50, 75], method=method)  # type: ignore[call-overload]
        rows.append([metric, middle, q1, q3, len(values)])
    return pd.DataFrame(rows, columns=["metric", "median", "q1", "q3", "n"])


def subgroup_agreement(
    table: pd.DataFrame, by: Sequence[str], metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Median and quartiles in each group: ``variable, level``, then as `agreement`."""
    parts = []
    for variable in by:
        for level, rows in _groups(table, variable):
            found = agreement(rows, metrics)
            found.insert(0, "level", level)
            found.insert(0, "variable", variable)
            parts.append(found)
    columns = ["variable", "level", "metric", "median", "q1", "q3", "n"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def subgroup_tests(
    table: pd.DataFrame, by: Sequence[str], metrics: Sequence[str] = METRICS
) -> pd.DataFrame:
    """Test every pair of groups by Mann-Whitney, two-sided.

    Returns
    -------
    DataFrame
        ``variable, level_a, level_b, metric, u, p, p_bonferroni, stars``; p-values are corrected
        over all rows of the table. A group of fewer than two patients is not tested.
    """
    rows = []
    for variable in by:
        for metric in metrics:
            groups = [
                (level, rows[metric].dropna().to_numpy(float))
                for level, rows in _groups(table, variable)
            ]
            for (a, first), (b, second) in combinations(groups, 2):
                if min(len(first), len(second)) < 2:
                    continue
                found = stats.mannwhitneyu(first, second, alternative="two-sided")
                rows.append([variable, a, b, metric, found.statistic, found.pvalue])
    columns = ["variable", "level_a", "level_b", "metric", "u", "p"]
    tests = pd.DataFrame(rows, columns=columns).astype({"u": float, "p": float})
    tests["p_bonferroni"] = adjust_p(tests["p"].to_numpy(), "bonferroni")
    tests["stars"] = [stars(p) for p in tests["p_bonferroni"]]
    return tests


def stars(p: float) -> str:
    """Mark a p-value: ns above 0.05, then one to four stars from 0.05, 0.01, 0.001 and 0.0001 down.

    Examples
    --------
    >>> [stars(p) for p in (0.06, 0.05, 0.01, 0.001, 0.0001)]
    ['ns', '*', '**', '***', '****']
    """
    return next((mark for limit, mark in _STARS if p <= limit), "ns")


def _groups(table: pd.DataFrame, variable: str) -> list[tuple[str, pd.DataFrame]]:
    if variable not in table.columns:
        raise TableError(f"no column {variable!r} to make subgroups by")
    values = table[variable]
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = [level for level in values.cat.categories if (values == level).any()]
    else:
        levels = sorted(values.dropna().unique())
    if len(levels) > 10:
        raise TableError(
            f"column {variable!r} has {len(levels)} values; subgroups need 10 or fewer"
        )
    return [(str(level), table[values == level]) for level in levels]
