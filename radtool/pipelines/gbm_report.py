"""From the numbers of the glioblastoma study to the records that a report renders."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import compare_means, kaplan_meier, logrank
from radtool.models import CoxSignature, signature_document
from radtool.pipelines.gbm_measures import CONFOUNDED, entered
from radtool.pipelines.gbm_models import LABELS
from radtool.pipelines.gbm_tables import AssembledCohort, GbmSettings
from radtool.pipelines.population import baseline_rows, exclusions
from radtool.pipelines.records import model_record
from radtool.report.results import (
    BaselineRow,
    FlowBox,
    ModelResult,
    Population,
    ResultTable,
    SignatureCard,
)
from radtool.report.results.record import or_none
from radtool.report.wording import estimate, integer, number, p_value, signed
from radtool.table import Study

__all__ = ["model_results", "population", "result_tables", "signature_card"]

_SHOWN = 30


def population(development: AssembledCohort, external: AssembledCohort) -> Population:
    """Flow of patients, and the cohort table with the tests of the original study."""
    cohorts = (development, external)
    names = [cohort.name for cohort in cohorts]
    left = [failure for cohort in cohorts for failure in cohort.study.left_out]
    return Population(
        flow=(
            FlowBox(
                label="in the clinical tables", n=sum(c.given for c in cohorts), unit="patients"
            ),
            FlowBox(
                label="in the study",
                n=sum(len(c.study.X) for c in cohorts),
                excluded=exclusions(left),
                unit="patients",
            ),
        ),
        columns=tuple(names),
        baseline=_baseline(cohorts),
    )


def _baseline(cohorts: tuple[AssembledCohort, AssembledCohort]) -> tuple[BaselineRow, ...]:
    names = [cohort.name for cohort in cohorts]
    described = [
        cohort.described.assign(death=cohort.study.y["event"].to_numpy()) for cohort in cohorts
    ]
    table = pd.concat(described, keys=names).reset_index(level=0, names="cohort")
    table.index = pd.RangeIndex(len(table))
    rows: list[BaselineRow] = []
    for variable in table.columns.drop("cohort"):
        values = table[variable]
        if pd.api.types.is_numeric_dtype(values) and values.nunique() > 8:
            rows.append(_mean(str(variable), [values[table["cohort"] == n] for n in names]))
        else:
            rows += baseline_rows(table[[variable]], table["cohort"], names)
    return (*rows, _survival_row(cohorts))


def _mean(variable: str, groups: list[pd.Series]) -> BaselineRow:
    p, test = None, ""
    try:
        found = compare_means(*groups).iloc[0]
        p, test = or_none(found["p"]), f"t-test ({found['test']})"
    except InputError:
        pass
    cells = []
    for values in groups:
        known = values.dropna()
        gap = f", {len(values) - len(known)} missing" if len(known) < len(values) else ""
        cells.append(f"{known.mean():.1f} ({known.std():.1f}){gap}")
    return BaselineRow(variable=variable, level="mean (SD)", values=tuple(cells), p=p, test=test)


def _survival_row(cohorts: tuple[AssembledCohort, AssembledCohort]) -> BaselineRow:
    cells = []
    for cohort in cohorts:
        found = kaplan_meier(cohort.study.y).median
        cells.append(estimate(or_none(found.value), or_none(found.lower), or_none(found.upper), 1))
    both = pd.concat([cohort.study.y for cohort in cohorts], ignore_index=True)
    group = pd.Series(
        np.repeat([cohort.name for cohort in cohorts], [len(c.study.y) for c in cohorts])
    )
    return BaselineRow(
        variable=f"overall survival, {cohorts[0].study.endpoint.unit}",
        level="median (95 % CI)",
        values=tuple(cells),
        p=logrank(both, group).p,
        test="log-rank",
    )


def model_results(
    models: Mapping[str, CoxSignature], parts: Mapping[str, Study], notes: list[str]
) -> tuple[ModelResult, ...]:
    """Describe every model; a combination shows the weights of its indices only."""
    made = []
    for name, signature in models.items():
        record = model_record(name, LABELS[name], signature, parts[name])
        if signature.combine == "index":
            weights = tuple(row for row in record.coefficients if row.block == "index")
            record = dataclasses.replace(record, path=(), coefficients=weights)
        made.append(dataclasses.replace(record, notes=tuple(notes) if name == "M7" else ()))
    return tuple(made)


def signature_card(signature: CoxSignature, file: str) -> SignatureCard:
    """Describe Model 7 as the file that another hospital can run."""
    trained = signature.trained_on_
    cutoffs = {
        name: value for name, value in signature.cutoffs_.items() if isinstance(value, float)
    }
    return SignatureCard(
        name="overall survival",
        model="M7",
        file=file,
        sha256=str(signature_document(signature)["content_sha256"]),
        features=tuple(f for features in entered(signature).values() for f in features),
        cutoffs=cutoffs,
        n=int(trained["n"]),
        events=int(trained["events"]),
        intended_use="Research on groups of patients like those of the development cohort.",
        not_for="Diagnosis, prognosis or treatment of a patient; it is not a medical device.",
    )


def result_tables(
    tables: Mapping[str, pd.DataFrame], cohorts: tuple[str, str], settings: GbmSettings
) -> tuple[ResultTable, ...]:
    """Word the tables of `GbmPrognosis`; long ones are cut, and say so."""
    made = [_patients(tables["patients"], cohorts), _validation(tables["validation"], cohorts[1])]
    baseline = LABELS["clinical_volume" if settings.volume is not None else "M3"]
    for design, cohort in (("external", cohorts[1]), ("nested CV", cohorts[0])):
        made.append(_same(tables[f"same patients, {design}"], design, cohort, baseline))
    if len(tables["volume"]):
        made.append(_volume(tables["volume"], cohorts[0]))
    if len(tables["associations"]):
        made.append(_associations(tables["associations"], cohorts[0]))
    return tuple(made)


def _patients(table: pd.DataFrame, cohorts: tuple[str, str]) -> ResultTable:
    counts = [f"{cohort} {what}" for cohort in cohorts for what in ("n", "events")]
    return ResultTable(
        name="patients-per-model",
        caption="Patients behind each model",
        columns=("Model", *(f"{text[0].upper()}{text[1:]}" for text in counts)),
        rows=tuple(
            (LABELS[row["model"]], *(integer(row[c]) for c in counts))
            for row in table.to_dict("records")
        ),
        note="Each model rests on the patients who have all of its kinds of predictors.",
    )


def _validation(table: pd.DataFrame, cohort: str) -> ResultTable:
    rows = []
    for row in table.to_dict("records"):
        df = row.get("misspecification_df")
        chi = number(or_none(row.get("misspecification_chisq")), 1)
        rows.append(
            (
                LABELS[row["model"]],
                *(_interval(row, name) for name in ("c_train", "c_external")),
                _interval(row, "slope", 2),
                p_value(row.get("slope_p")),
                chi if df is None or np.isnan(df) else f"{chi} ({df:.0f})",
                p_value(row.get("misspecification_p")),
                p_value(row.get("logrank_p")),
            )
        )
    return ResultTable(
        name="royston-altman",
        caption=f"External validation in {cohort} after Royston and Altman (95 % interval)",
        columns=(
            "Model",
            "C, training (apparent)",
            "C, external",
            "Calibration slope",
            "p (slope 1)",
            "Misspecification χ² (df)",
            "p",
            "Log-rank p",
        ),
        rows=tuple(rows),
        note="p (slope 1): likelihood-ratio test. Misspecification: joint likelihood-ratio test of"
        " the individual predictors with the prognostic index as offset. Log-rank: risk groups by"
        " the training cut-off.",
    )


def _interval(row: Mapping[str, Any], name: str, digits: int = 3) -> str:
    limits = (or_none(row.get(f"{name}_lower")), or_none(row.get(f"{name}_upper")))
    return estimate(or_none(row.get(name)), *limits, digits)


def _same(table: pd.DataFrame, design: str, cohort: str, baseline: str) -> ResultTable:
    rows = []
    for row in table.to_dict("records"):
        gain = "–"
        if or_none(row["p"]) is not None:
            low, high = signed(row["difference_lower"]), signed(row["difference_upper"])
            gain = f"{signed(row['difference'])} ({low}\u00a0to\u00a0{high})"
        rows.append(
            (
                LABELS[row["model"]],
                estimate(row["value"], or_none(row["lower"]), or_none(row["upper"])),
                gain,
                p_value(or_none(row["p"])),
                p_value(or_none(row["lrt_p"])),
            )
        )
    n = integer(int(table["n"].iloc[0]))
    return ResultTable(
        name=f"same-patients-{'external' if design == 'external' else 'cv'}",
        caption=f"All models on the same {n} patients of {cohort}, {design}",
        columns=("Model", "C (95 % CI)", f"Difference to {baseline}", "p", "LRT p"),
        rows=tuple(rows),
        note="Patients who have every kind of predictor. LRT: what the model’s index adds beside"
        f" that of {baseline} in a Cox model of these patients.",
    )


def _volume(table: pd.DataFrame, cohort: str) -> ResultTable:
    chosen = table[table["selected"]]
    others = table[~table["selected"]]
    features = table[~table["feature"].isin(LABELS.values())]
    size = features["rho"].abs()
    strong, half = int((size > CONFOUNDED).sum()), int((size > 0.5).sum())
    rows = [
        (str(row["feature"]), "yes" if row["selected"] else "no", signed(row["rho"], 2),
         p_value(row["p_holm"]))
        for row in pd.concat([chosen, others.head(max(_SHOWN - len(chosen), 0))]).to_dict("records")
    ]  # fmt: skip
    return ResultTable(
        name="volume",
        caption=f"Confounding by tumour volume in {cohort}",
        columns=("Feature or index", "In a model", "Spearman ρ with volume", "p (Holm)"),
        rows=tuple(rows),
        note=f"Of {integer(len(features))} features {integer(strong)} have |ρ| >"
        f" {CONFOUNDED} and {integer(half)} |ρ| > 0.5. Shown: what the models use, then the"
        " strongest others.",
        text_columns=2,
    )


def _associations(table: pd.DataFrame, cohort: str) -> ResultTable:
    return ResultTable(
        name="associations",
        caption=f"Associations between kinds of predictors in {cohort}",
        columns=("Predictor", "Block", "Predictor", "Block", "Method", "r", "p (Holm)"),
        rows=tuple(
            (
                str(row["a"]),
                str(row["block_a"]),
                str(row["b"]),
                str(row["block_b"]),
                str(row["method"]),
                signed(row["r"], 2),
                p_value(row["p_holm"]),
            )
            for row in table.head(_SHOWN).to_dict("records")
        ),
        note=f"The {min(_SHOWN, len(table))} strongest of {len(table)} pairs of predictors that"
        " Model 7 uses.",
        text_columns=5,
    )
