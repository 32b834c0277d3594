"""From numbers on two delineations to the records that a report renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from radtool.evaluation import kaplan_meier
from radtool.pipelines.curves import kaplan_meier_record, roc_record
from radtool.pipelines.population import exclusions
from radtool.pipelines.segmentation_tables import SIZES, SOURCES, ContourSettings
from radtool.report.results import (
    Cohort,
    Comparison,
    EndpointResults,
    FlowBox,
    Headline,
    KaplanMeier,
    MaskOrigin,
    Methods,
    PerformanceRow,
    Population,
    Question,
    ResultTable,
    RocCurve,
    StudyResults,
)
from radtool.report.results.record import or_none
from radtool.report.wording import estimate, integer, number, p_value
from radtool.table import Failure

__all__ = ["segmentation_results"]

_WORDS = {
    "dsc": ("Dice", 3),
    "jaccard": ("Jaccard", 3),
    "hd95_mm": ("95 % Hausdorff distance, mm", 2),
    "surface_dsc": ("surface Dice", 3),
    "added_path_length_cm": ("added path length, cm", 1),
}
_SIZE_WORDS = {"recist_mm": "RECIST diameter", "volume_ml": "volume"}
_UNITS = {"recist_mm": "mm", "volume_ml": "mL"}


def segmentation_results(  # noqa: PLR0913 - everything that the page shows
    table: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    groups: pd.DataFrame,
    settings: ContourSettings,
    *,
    lungs: pd.DataFrame | None,
    failures: Sequence[Failure],
    title: str,
    synthetic: bool,
    provenance: Mapping[str, Any],
) -> StudyResults:
    """Gather what the report shows; parameters as in `segmentation_prognosis`."""
    cohorts = {str(name): table.loc[rows] for name, rows in _cohorts(table, settings).items()}
    comparisons = _comparisons(tables["differences"])
    roc: tuple[RocCurve, ...] = ()
    if lungs is not None:
        truth = lungs["has_tumour"].astype(bool).reset_index(drop=True)
        score = lungs["score"].astype(float).reset_index(drop=True)
        roc = (roc_record(truth, score, names=("tumour score of a lung", "lungs", "as scored")),)
    endpoint = EndpointResults(
        question=Question(
            name="survival",
            label="overall survival",
            kind="survival",
            unit=settings.unit,
            positive="death",
            cohorts=tuple(_cohort(name, rows, settings) for name, rows in cohorts.items()),
        ),
        headline=Headline(
            comparison=comparisons[-1], sentences=tuple(_sentences(tables, len(table)))
        ),
        performance=_performance(tables["prognosis"]),
        comparisons=comparisons,
        kaplan_meier=tuple(_curves(cohorts, groups, settings)),
        roc=roc,
        tables=tuple(_result_tables(tables, settings)),
        methods=_methods(settings),
    )
    return StudyResults(
        title=title,
        description=f"Two contours of {len(table)} tumours, manual and automatic: how well they"
        " agree, and what the size of either says of survival.",
        synthetic=synthetic,
        endpoints=(endpoint,),
        population=Population(
            flow=(
                FlowBox(label="with a mask or an outcome", n=len(table) + len(failures),
                        unit="patients"),
                FlowBox(label="with both masks and an outcome", n=len(table),
                        excluded=exclusions(failures), unit="patients"),
            )
        ),
        masks=tuple(
            MaskOrigin(case=str(case), origin=source, detail=source)  # type: ignore[arg-type]
            for case in table.index
            for source in SOURCES
        ),
        provenance=provenance,
    )  # fmt: skip


def _cohorts(table: pd.DataFrame, settings: ContourSettings) -> dict[str, pd.Index]:
    if settings.cohort is None:
        return {"all patients": table.index}
    return {
        str(name): rows.index
        for name, rows in table.groupby(table[settings.cohort].astype(str), sort=True)
    }


def _cohort(name: str, rows: pd.DataFrame, settings: ContourSettings) -> Cohort:
    turned = kaplan_meier(rows.assign(event=~rows["event"])[["event", "duration"]]).median.value
    role: Literal["development", "external", "internal"] = "internal"
    if settings.train is not None:
        role = "development" if name == settings.train else "external"
    return Cohort(
        name=name,
        n=len(rows),
        events=int(rows["event"].sum()),
        role=role,
        follow_up=or_none(turned),
    )


def _label(size: str, source: str) -> str:
    return f"{source} {_SIZE_WORDS[size]}"


def _performance(table: pd.DataFrame) -> tuple[PerformanceRow, ...]:
    return tuple(
        PerformanceRow(
            model=_label(row["size"], row["source"]),
            cohort=row["cohort"],
            design="nothing fitted",
            measure="harrell_c",
            value=or_none(row["c"]),
            lower=or_none(row["c_lower"]),
            upper=or_none(row["c_upper"]),
            n=int(row["n"]),
            events=int(row["events"]),
        )
        for row in table.to_dict("records")
    )


def _comparisons(table: pd.DataFrame) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(
            model_a=_label(row["size"], "automatic"),
            model_b=_label(row["size"], "manual"),
            cohort=row["cohort"],
            measure="harrell_c",
            difference=or_none(row["difference"]),
            lower=or_none(row["lower"]),
            upper=or_none(row["upper"]),
            p=or_none(row["jackknife_p"]),
            design="nothing fitted",
            test="paired bootstrap; p by infinitesimal jackknife",
        )
        for row in table.to_dict("records")
    )


def _curves(
    cohorts: Mapping[str, pd.DataFrame], groups: pd.DataFrame, settings: ContourSettings
) -> list[KaplanMeier]:
    whose = f"{settings.train}'s" if settings.train is not None else "the cohort's own"
    return [
        kaplan_meier_record(
            rows[["event", "duration"]],
            groups.loc[rows.index, f"{size}_{source}"],
            labels=("small", "large"),
            names=(_label(size, source), cohort, "nothing fitted"),
            cut=f"{whose} median",
        )
        for cohort, rows in cohorts.items()
        for size in SIZES
        for source in SOURCES
    ]


def _sentences(tables: Mapping[str, pd.DataFrame], n: int) -> list[str]:
    found = tables["agreement"].set_index("metric")
    said = []
    if "dsc" in found.index:
        row = found.loc["dsc"]
        said.append(
            f"Median Dice of {integer(n)} patients {row['median']:.3f} (quartiles {row['q1']:.3f}"
            f" to {row['q3']:.3f})."
        )
    if "detection" in tables:
        one = tables["detection"].iloc[0]
        said.append(
            f"By lung: AUC {one['auc']:.3f} ({one['bootstrap_lower']:.3f} to"
            f" {one['bootstrap_upper']:.3f}), sensitivity {one['sensitivity']:.2f}, specificity"
            f" {one['specificity']:.2f}."
        )
    return said


def _result_tables(
    tables: Mapping[str, pd.DataFrame], settings: ContourSettings
) -> list[ResultTable]:
    made = [_prognosis(tables["prognosis"], settings)]
    if len(tables["agreement"]):
        made.append(_agreement(tables["agreement"]))
    if len(tables["subgroups"]):
        made += _subgroups(tables["subgroups"], tables["tests"])
    if "detection" in tables:
        made.append(_detection(tables["detection"], settings))
    return made


def _prognosis(table: pd.DataFrame, settings: ContourSettings) -> ResultTable:
    rows = []
    for row in table.to_dict("records"):
        rows.append(
            (
                str(row["cohort"]),
                _label(row["size"], row["source"]),
                f"{number(row['cut'], 1)} {_UNITS[row['size']]}",
                integer(row["n"]),
                p_value(row.get("logrank_p")),
                _interval(row, "hr_split", ("hr_split_lower", "hr_split_upper"), 2),
                _interval(row, "c", ("c_lower", "c_upper"), 3),
                _interval(row, "hr_per_sd", ("hr_lower", "hr_upper"), 2),
                p_value(row["cox_p"]),
            )
        )
    whose = f"of {settings.train}" if settings.train is not None else "of each cohort itself"
    return ResultTable(
        name="prognosis",
        caption="Size as a prognostic factor, by source of the contour (95 % interval)",
        columns=("Cohort", "Size", "Cut", "n", "Log-rank p", "HR, above the cut", "C", "HR per SD",
                 "Cox p"),
        rows=tuple(rows),
        note=f"Cut: the median {whose}. C and HR per SD: the size as a number, univariate Cox.",
        text_columns=2,
    )  # fmt: skip


def _interval(row: Mapping[str, Any], value: str, limits: tuple[str, str], digits: int) -> str:
    low, high = (or_none(row.get(key)) for key in limits)
    return estimate(or_none(row.get(value)), low, high, digits)


def _agreement(table: pd.DataFrame) -> ResultTable:
    return ResultTable(
        name="agreement",
        caption="Agreement of the automatic with the manual contour",
        columns=("Metric", "Median (quartiles)", "n"),
        rows=tuple(
            (_WORDS[row["metric"]][0], _quartiles(row), integer(row["n"]))
            for row in table.to_dict("records")
        ),
        note="A contour that is empty counts with overlap 0 and an infinite distance.",
    )


def _quartiles(row: Mapping[str, Any]) -> str:
    digits = _WORDS[row["metric"]][1]
    return estimate(row["median"], row["q1"], row["q3"], digits)


def _subgroups(table: pd.DataFrame, tests: pd.DataFrame) -> list[ResultTable]:
    metrics = list(dict.fromkeys(table["metric"]))
    rows = []
    for (variable, level), part in table.groupby(["variable", "level"], sort=False):
        cells = part.set_index("metric")
        rows.append(
            (
                str(variable),
                str(level),
                integer(int(part["n"].max())),
                *(
                    _quartiles({**cells.loc[m], "metric": m}) if m in cells.index else "–"
                    for m in metrics
                ),
            )
        )
    made = [
        ResultTable(
            name="subgroups",
            caption="Agreement by subgroup, median (quartiles)",
            columns=("Variable", "Group", "n", *(_WORDS[m][0] for m in metrics)),
            rows=tuple(rows),
            text_columns=2,
        )
    ]
    if len(tests):
        made.append(
            ResultTable(
                name="subgroup-tests",
                caption="Subgroups compared",
                columns=("Variable", "Groups", "Metric", "p", "p (Bonferroni)", ""),
                rows=tuple(
                    (
                        str(row["variable"]),
                        f"{row['level_a']} against {row['level_b']}",
                        _WORDS[row["metric"]][0],
                        p_value(row["p"]),
                        p_value(row["p_bonferroni"]),
                        str(row["stars"]),
                    )
                    for row in tests.to_dict("records")
                ),
                note=f"Mann-Whitney, two-sided; Bonferroni over all {len(tests)} tests. ns p > 0.05"
                "; * p ≤ 0.05; ** p ≤ 0.01; *** p ≤ 0.001; **** p ≤ 0.0001, after correction.",
                text_columns=3,
            )
        )
    return made


def _detection(table: pd.DataFrame, settings: ContourSettings) -> ResultTable:
    row = table.iloc[0]
    return ResultTable(
        name="detection",
        caption="Detection by lung",
        columns=("Lungs", "With tumour", "AUC (bootstrap)", "AUC (DeLong)", "Sensitivity",
                 "Specificity"),
        rows=(
            (
                integer(row["lungs"]),
                integer(row["with_tumour"]),
                estimate(row["auc"], row["bootstrap_lower"], row["bootstrap_upper"]),
                estimate(row["auc"], row["delong_lower"], row["delong_upper"]),
                number(row["sensitivity"], 2),
                number(row["specificity"], 2),
            ),
        ),
        note=f"Patients drawn with replacement, {settings.bootstraps} samples. Positive: score"
        f" at or above {settings.lung_threshold:g}.",
    )  # fmt: skip


def _methods(settings: ContourSettings) -> Methods:
    whose = f"the median of {settings.train}" if settings.train else "the median of each cohort"
    return Methods(
        bootstraps=settings.bootstraps,
        seed=settings.seed,
        interval="infinitesimal jackknife for C, paired bootstrap of patients for differences",
        sentences=(
            f"Diameters and volumes were split at {whose} and compared by the log-rank test; the"
            " sizes themselves entered univariate Cox models.",
            "Subgroups were compared by two-sided Mann-Whitney tests with Bonferroni’s correction"
            " over all of them.",
        ),
    )
