"""What automatic contours are worth: agreement with manual ones, and the prognosis of both.

The metrics of Primakov and others (2022): overlap and distance with quartiles, subgroups compared
by Mann-Whitney with Bonferroni's correction, detection by lung, and RECIST diameter and volume of
either contour as prognostic factors, split at the median.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radtool.errors import InputError, TableError, did_you_mean
from radtool.evaluation import (
    auc,
    bootstrap_interval,
    classify,
    compare_c,
    fit_cox,
    harrell_c,
    logrank,
)
from radtool.files import hash_of
from radtool.pipelines.reported import Reported
from radtool.pipelines.segmentation_report import segmentation_results
from radtool.pipelines.segmentation_tables import (
    METRICS,
    SIZES,
    SOURCES,
    ContourSettings,
    agreement,
    subgroup_agreement,
    subgroup_tests,
)
from radtool.provenance import provenance
from radtool.report.results import StudyResults
from radtool.settings import parse_settings
from radtool.table import Failure, check_survival, write_table

__all__ = ["ContourSettings", "SegmentationPrognosis", "segmentation_prognosis"]

_VOLUME_GROUP = "volume group"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentationPrognosis(Reported):
    """What `segmentation_prognosis` found.

    Parameters
    ----------
    tables : dict of str to DataFrame
        "agreement"; "subgroups" and "tests" (by group); "prognosis" (one row a cohort, size and
        source); "differences" (automatic less manual); "detection" (one row, with lungs).
    groups : DataFrame
        Risk group of each patient, one column a ``<size>_<source>``.
    results : StudyResults
        What the report renders.
    failures : list of Failure
        Patients left out, and why.
    """

    tables: dict[str, pd.DataFrame]
    groups: pd.DataFrame
    results: StudyResults
    failures: list[Failure]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``report.html``, ``results.json`` and the tables as CSV."""
        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        for name, table in self.tables.items():
            write_table(table, out / f"{name}.csv")
        self._save_report(out)


def segmentation_prognosis(  # noqa: PLR0913 - three tables and what a report says of a run
    measurements: pd.DataFrame,
    outcomes: pd.DataFrame,
    settings: ContourSettings | Mapping[str, Any] | None = None,
    *,
    lungs: pd.DataFrame | None = None,
    failures: Sequence[Failure] = (),
    title: str = "Prognosis from automatic contours",
    synthetic: bool = False,
    out: str | os.PathLike[str] | None = None,
) -> SegmentationPrognosis:
    """Judge automatic contours by agreement, detection and prognosis.

    Parameters
    ----------
    measurements : DataFrame
        As `measure_masks` gives it: one row a patient, with metrics and the sizes of both sources.
        Metrics that are missing are left out.
    outcomes : DataFrame
        One row a patient: ``patient_id``, duration, event, and columns to make subgroups by.
    settings : ContourSettings or mapping, optional
        Options; a mapping is read strictly, unknown keys are refused.
    lungs : DataFrame, optional
        Two rows a patient: ``patient_id, has_tumour, score`` (`radtool.segmentation.lung_scores`).
    failures : sequence of Failure
        Patients who could not be measured, for the flow diagram.
    title : str
        Heads the report.
    synthetic : bool, default False
        The data were generated; the report says so.
    out : path-like, optional
        Folder for everything that `SegmentationPrognosis.save` writes.

    Returns
    -------
    SegmentationPrognosis

    Raises
    ------
    TableError
        A column is missing, a patient has two rows, or nobody is in both tables.
    InputError
        A cohort has no event, or all of its sizes are equal.

    References
    ----------
    Primakov, Ibrahim, van Timmeren and others, Automated detection and segmentation of non-small
    cell lung cancer computed tomography images, Nature Communications 2022.
    """
    chosen = parse_settings(ContourSettings, settings, "segmentation_prognosis settings")
    table, left_out = _joined(measurements, outcomes, chosen)
    by = [*chosen.by, *([_VOLUME_GROUP] if chosen.volume_bins else [])]
    metrics = [metric for metric in METRICS if metric in table.columns]
    groups = _risk_groups(table, chosen)
    tables = {
        "agreement": agreement(table, metrics),
        "subgroups": subgroup_agreement(table, by, metrics),
        "tests": subgroup_tests(table, by, metrics),
        "prognosis": _prognosis(table, groups, chosen),
        "differences": _differences(table, chosen),
    }
    if lungs is not None:
        tables["detection"] = _detection(lungs, chosen)
    everyone = [*failures, *left_out]
    results = segmentation_results(
        table,
        tables,
        groups,
        chosen,
        lungs=lungs,
        failures=everyone,
        title=title,
        synthetic=synthetic,
        provenance=provenance(dataclasses.asdict(chosen))
        | {"inputs": {"measurements": hash_of(measurements.astype(object).to_numpy().tolist())}},
    )
    found = SegmentationPrognosis(tables=tables, groups=groups, results=results, failures=everyone)
    if out is not None:
        found.save(out)
    return found


def _joined(
    measurements: pd.DataFrame, outcomes: pd.DataFrame, settings: ContourSettings
) -> tuple[pd.DataFrame, list[Failure]]:
    """Measurements with outcome, cohort and subgroups; who is in one table only is named."""
    sizes = [f"{size}_{source}" for size in SIZES for source in SOURCES]
    keyed = [_keyed(measurements, "measurements", sizes)]
    wanted = [settings.duration, settings.event]
    keyed.append(_keyed(outcomes, "outcomes", wanted))
    shared = sorted(set(keyed[0].columns) & set(keyed[1].columns))
    if shared:
        raise TableError(f"column(s) {shared[:5]} are in measurements and outcomes; rename one")
    both = keyed[0].join(keyed[1], how="inner")
    if both.empty:
        raise TableError("no patient_id is in the measurements and in the outcomes")
    known = both[wanted].notna().all(axis=1)
    failures = [
        Failure(str(k), "join", "no outcome") for k in keyed[0].index.difference(both.index)
    ]
    failures += [
        Failure(str(k), "join", "not measured") for k in keyed[1].index.difference(both.index)
    ]
    failures += [Failure(str(k), "join", "outcome is not known") for k in both.index[~known]]
    table = both[known].copy()
    y = check_survival(
        table[[settings.event, settings.duration]].set_axis(["event", "duration"], axis=1),
        "outcomes",
    )
    table = table.drop(columns=wanted).assign(event=y["event"], duration=y["duration"])
    if settings.volume_bins:
        edges = [-np.inf, *settings.volume_bins, np.inf]
        low, *rest = (f"{edge:g}" for edge in settings.volume_bins)
        labels = [f"< {low} mL"]
        labels += [f"{a}–{b} mL" for a, b in zip([low, *rest], rest, strict=False)]
        labels.append(f"≥ {[low, *rest][-1]} mL")
        volume = table["volume_ml_manual"]
        table[_VOLUME_GROUP] = pd.cut(volume, edges, right=False, labels=labels)
    for column in (*settings.by, *([settings.cohort] if settings.cohort else [])):
        if column not in table.columns:
            near = did_you_mean(column, map(str, table.columns))
            raise TableError(f"no column {column!r} in measurements or outcomes{near}")
    return table, failures


def _keyed(table: pd.DataFrame, name: str, needed: Sequence[str]) -> pd.DataFrame:
    for column in ("patient_id", *needed):
        if column not in table.columns:
            near = did_you_mean(column, map(str, table.columns))
            raise TableError(f"{name}: no column {column!r}{near}")
    ids = table["patient_id"].astype(str).str.strip()
    twice = sorted(ids[ids.duplicated()].unique())
    if twice:
        raise TableError(
            f"{name}: more than one row for patient(s) {twice[:5]}; measure one mask a patient"
        )
    return table.drop(columns="patient_id").set_axis(pd.Index(ids, name="patient_id"), axis=0)


def cohorts_of(table: pd.DataFrame, settings: ContourSettings) -> dict[str, pd.DataFrame]:
    """Split the joined table by cohort, in order of name."""
    if settings.cohort is None:
        return {"all patients": table}
    names = sorted(table[settings.cohort].astype(str).unique())
    if settings.train is not None and settings.train not in names:
        raise InputError(f"no patient of cohort {settings.train!r}; there are {names}")
    return {name: table[table[settings.cohort].astype(str) == name] for name in names}


def _risk_groups(table: pd.DataFrame, settings: ContourSettings) -> pd.DataFrame:
    """Put patients above the median into "large", the others into "small"."""
    cohorts = cohorts_of(table, settings)
    made = {}
    for column in [f"{size}_{source}" for size in SIZES for source in SOURCES]:
        parts = []
        for rows in cohorts.values():
            ruler = cohorts[settings.train] if settings.train is not None else rows
            above = rows[column] > float(ruler[column].median())
            parts.append(above.map({True: "large", False: "small"}))
        made[column] = pd.concat(parts).reindex(table.index)
    return pd.DataFrame(made)


def _prognosis(
    table: pd.DataFrame, groups: pd.DataFrame, settings: ContourSettings
) -> pd.DataFrame:
    """One row a cohort, size and source: cut, log-rank, univariate Cox."""
    rows = []
    cohorts = cohorts_of(table, settings)
    for cohort, part in cohorts.items():
        y = part[["event", "duration"]]
        ruler = cohorts[settings.train] if settings.train is not None else part
        for size in SIZES:
            for source in SOURCES:
                column = f"{size}_{source}"
                group = groups.loc[part.index, column]
                row: dict[str, Any] = {
                    "cohort": cohort,
                    "size": size,
                    "source": source,
                    "n": len(part),
                    "events": int(y["event"].sum()),
                    "cut": float(ruler[column].median()),
                    "n_large": int((group == "large").sum()),
                }
                rows.append(row | _univariate(part[column], y, group))
    return pd.DataFrame(rows)


def _univariate(values: pd.Series, y: pd.DataFrame, group: pd.Series) -> dict[str, Any]:
    spread = float(values.std())
    if not spread > 0:
        raise InputError(f"all values of {values.name} are equal; it cannot predict")
    found = harrell_c(y, values)
    cox = fit_cox((values / spread).to_frame("size"), y).table().iloc[0]
    row = {
        "c": found.value,
        "c_lower": found.lower,
        "c_upper": found.upper,
        "hr_per_sd": cox["hazard_ratio"],
        "hr_lower": cox["lower"],
        "hr_upper": cox["upper"],
        "cox_p": cox["p"],
    }
    if group.nunique() < 2:
        return row
    test = logrank(y, group)
    above = (group == "large").astype(float).to_frame("large")
    split = fit_cox(above, y).table().iloc[0]
    return row | {
        "logrank_chisq": test.statistic,
        "logrank_p": test.p,
        "hr_split": split["hazard_ratio"],
        "hr_split_lower": split["lower"],
        "hr_split_upper": split["upper"],
    }


def _differences(table: pd.DataFrame, settings: ContourSettings) -> pd.DataFrame:
    """C of automatic less C of manual sizes, patients drawn in pairs."""
    rows = []
    for cohort, part in cohorts_of(table, settings).items():
        y = part[["event", "duration"]].reset_index(drop=True)
        for size in SIZES:
            manual, automatic = (part[f"{size}_{source}"].to_numpy(float) for source in SOURCES)

            def gain(
                rows: np.ndarray,
                y: pd.DataFrame = y,
                a: np.ndarray = automatic,
                m: np.ndarray = manual,
            ) -> float:
                sample = y.iloc[rows].reset_index(drop=True)
                return harrell_c(sample, a[rows]).value - harrell_c(sample, m[rows]).value

            drawn = bootstrap_interval(
                gain, part.index.to_numpy(), n=settings.bootstraps, seed=settings.seed
            )
            plain = compare_c(y, manual, automatic).iloc[0]
            rows.append(
                {
                    "cohort": cohort,
                    "size": size,
                    "difference": drawn.value,
                    "lower": drawn.lower,
                    "upper": drawn.upper,
                    "jackknife_p": plain["p"],
                    "n": len(part),
                }
            )
    return pd.DataFrame(rows)


def _detection(lungs: pd.DataFrame, settings: ContourSettings) -> pd.DataFrame:
    """AUC by lung with DeLong's and a bootstrap interval of patients; sensitivity, specificity."""
    for column in ("patient_id", "has_tumour", "score"):
        if column not in lungs.columns:
            raise TableError(f"lungs: no column {column!r}")
    truth = lungs["has_tumour"].astype(bool).reset_index(drop=True)
    score = lungs["score"].astype(float).reset_index(drop=True)
    exact = auc(truth, score)
    drawn = bootstrap_interval(
        lambda rows: auc(truth.to_numpy()[rows], score.to_numpy()[rows]).value,
        lungs["patient_id"].astype(str).to_numpy(),
        n=settings.bootstraps,
        seed=settings.seed,
    )
    judged = classify(truth, score, settings.lung_threshold).iloc[0]
    return pd.DataFrame(
        [
            {
                "lungs": len(lungs),
                "with_tumour": int(truth.sum()),
                "auc": exact.value,
                "delong_lower": exact.lower,
                "delong_upper": exact.upper,
                "bootstrap_lower": drawn.lower,
                "bootstrap_upper": drawn.upper,
                "threshold": settings.lung_threshold,
                "sensitivity": judged["sensitivity"],
                "specificity": judged["specificity"],
            }
        ]
    )
