"""The run of the glioblastoma study, and what its report says of the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radtool.evaluation import compare_c, harrell_c
from radtool.models import CoxSignature, CrossValidation, Validation, read_log, validate
from radtool.pipelines.endpoint import cross_validation_rows, row
from radtool.pipelines.external import survival_curves
from radtool.pipelines.gbm_measures import CONFOUNDED
from radtool.pipelines.gbm_models import LABELS
from radtool.pipelines.gbm_report import model_results, result_tables, signature_card
from radtool.pipelines.gbm_tables import BLOCKS, AssembledCohort, GbmSettings
from radtool.pipelines.question import cohort_record
from radtool.report import calibration_record, decision_record, performance_rows
from radtool.report.results import (
    Comparison,
    EndpointResults,
    Headline,
    KaplanMeier,
    Look,
    Methods,
    PerformanceRow,
    Question,
)
from radtool.report.results.record import or_none
from radtool.report.wording import p_value
from radtool.table import Study

__all__ = ["GbmRun", "endpoint_results"]

_PAIRS = (("M7", "clinical_volume"), ("M7", "M3"), ("M7", "M5"), ("M2", "volume"), ("M2", "M3"))
_CURVES = ("M7", "M1", "M2", "M3")


@dataclass(frozen=True, slots=True, eq=False)
class GbmRun:
    """Fitted models, the patients of each, and what validation found.

    Parameters
    ----------
    settings : GbmSettings
        Options.
    development, external : AssembledCohort
        The two cohorts.
    models : dict of str to CoxSignature
        Fitted.
    inside, outside : dict of str to Study
        Model -> its patients in either cohort.
    folds : dict of str to CrossValidation
        Model -> its folds.
    found : dict of str to Validation
        Model -> its external validation.
    notes : list of str
        Warnings met on the way.
    """

    settings: GbmSettings
    development: AssembledCohort
    external: AssembledCohort
    models: dict[str, CoxSignature]
    inside: dict[str, Study]
    outside: dict[str, Study]
    folds: dict[str, CrossValidation]
    found: dict[str, Validation]
    notes: list[str]

    @property
    def names(self) -> tuple[str, str]:
        """Names of the development and the external cohort."""
        return self.development.name, self.external.name

    @property
    def baseline(self) -> str:
        """Model that the headline compares with."""
        return "clinical_volume" if "clinical_volume" in self.models else "M3"


def endpoint_results(
    run: GbmRun, tables: Mapping[str, pd.DataFrame], log: Path | None
) -> EndpointResults:
    """Gather everything that the report says of overall survival.

    Parameters
    ----------
    run : GbmRun
        What was fitted and validated.
    tables : mapping of str to DataFrame
        As in `GbmPrognosis`.
    log : Path, optional
        The evaluation log, when one was written.
    """
    comparisons = _comparisons(run)
    whole = run.outside["M7"]
    horizon = float(run.found["M7"]["horizon"].value)
    judged = {
        LABELS[name]: validate(run.models[name], whole.X, whole.y, horizon=horizon)
        for name in ("M7", run.baseline)
    }
    plots = [
        calibration_record(run.found[name], model=name, cohort=run.names[1])
        for name in ("M7", run.baseline)
    ]
    decision = decision_record(judged, cohort=run.names[1])
    return EndpointResults(
        question=Question(
            name="os",
            label="overall survival",
            kind="survival",
            unit=run.settings.unit,
            positive="death",
            cohorts=(
                cohort_record(run.development.study, run.names[0], "development"),
                cohort_record(run.external.study, run.names[1], "external"),
            ),
        ),
        headline=Headline(
            comparison=next(c for c in comparisons if c.model_b == run.baseline),
            sentences=tuple(_sentences(run, tables)),
        ),
        models=model_results(run.models, run.inside, run.notes),
        performance=tuple(_performance(run)),
        comparisons=tuple(comparisons),
        kaplan_meier=tuple(_curves(run)),
        calibration=tuple(plot for plot in plots if plot is not None),
        decision=(decision,) if decision is not None else (),
        tables=result_tables(tables, run.names, run.settings),
        signatures=(signature_card(run.models["M7"], "M7.signature.json"),),
        looks=_looks(log, run.names[1]),
        methods=_methods(run),
    )


def _performance(run: GbmRun) -> list[PerformanceRow]:
    rows: list[PerformanceRow] = []
    common = run.development.part(BLOCKS)
    for name, signature in run.models.items():
        outer, inner = run.outside[name], run.inside[name]
        events = int(outer.y["event"].sum())
        rows += performance_rows(run.found[name], model=name, cohort=run.names[1], events=events)
        names = (name, run.names[0])
        own = harrell_c(inner.y, signature.predict_risk(inner.X))
        rows += cross_validation_rows(run.folds[name], common, "harrell_c", names)
        rows.append(row(names, "apparent", "harrell_c", own, inner))
    return rows


def _comparisons(run: GbmRun) -> list[Comparison]:
    whole = run.external.part(BLOCKS)
    common = run.development.part(BLOCKS)
    outside = {name: s.predict_risk(whole.X) for name, s in run.models.items()}
    inside = {name: one.risk for name, one in run.folds.items()}
    made = []
    for study, scores, cohort, design in (
        (whole, outside, run.names[1], "external"),
        (common, inside, run.names[0], "nested CV"),
    ):
        for a, b in _PAIRS:
            if a not in scores or b not in scores:
                continue
            known = scores[a].notna() & scores[b].notna()
            found = compare_c(study.y[known], scores[b][known], scores[a][known]).iloc[0]
            made.append(
                Comparison(
                    model_a=a,
                    model_b=b,
                    cohort=cohort,
                    measure="harrell_c",
                    difference=or_none(found["difference"]),
                    lower=or_none(found["lower"]),
                    upper=or_none(found["upper"]),
                    p=or_none(found["p"]),
                    design=design,
                    test="infinitesimal jackknife",
                )
            )
    return made


def _curves(run: GbmRun) -> list[KaplanMeier]:
    made = []
    for name in _CURVES:
        where = (name, run.names[1], "external")
        made.append(survival_curves(run.models[name], run.outside[name], where, run.settings.cut))
    apparent = ("M7", run.names[0], "apparent")
    made.append(survival_curves(run.models["M7"], run.inside["M7"], apparent, run.settings.cut))
    return made


def _sentences(run: GbmRun, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    said = []
    seventh = tables["validation"].set_index("model").loc["M7"]
    said.append(
        f"Model 7 in {run.names[1]}: calibration slope {seventh['slope']:.2f} (likelihood-ratio"
        f" test of slope 1: {_p(seventh['slope_p'])}); misspecification test"
        f" {_p(seventh['misspecification_p'])}."
    )
    flags = run.found["M7"].flags
    if len(flags):
        said.append(
            f"{flags['case'].nunique()} of {len(run.outside['M7'].X)} cases of {run.names[1]} lie"
            " outside the training range of a predictor of Model 7."
        )
    volume = tables["volume"]
    if run.settings.volume is None:
        said.append("No tumour volume was named: confounding by volume was not looked at.")
    else:
        chosen = volume[volume["selected"] & (volume["rho"].abs() > CONFOUNDED)]
        names = ", ".join(chosen["feature"])
        said.append(
            f"|ρ| with tumour volume above {CONFOUNDED}: {names}; this says little but size."
            if len(chosen)
            else f"Nothing that the models use follows tumour volume with |ρ| > {CONFOUNDED}."
        )
    return said


def _p(value: float) -> str:
    """Word a p-value: p = 0.24, p < 0.001."""
    text = p_value(value)
    return f"p {text}" if text[0] in "<>" else f"p = {text}"


def _looks(log: Path | None, cohort: str) -> tuple[Look, ...]:
    if log is None:
        return ()
    entries = read_log(log)
    same = [e for e in entries if e["cohort_sha256"] == entries[-1]["cohort_sha256"]]
    return tuple(
        Look(signature="M7", cohort=cohort, sha256=str(e["signature_sha256"]), when=str(e["when"]))
        for e in same
    )


def _methods(run: GbmRun) -> Methods:
    chosen = run.settings
    keep = {"mean_correlation": "lower mean |ρ|", "univariate": "better univariate C"}
    return Methods(
        steps=(
            f"univariate Cox filter of semantic features (p ≤ {chosen.semantic_alpha:g})",
            "z-scores of radiomics features",
            f"removal of redundant ones (|Spearman| > {chosen.redundancy:g}, the one with the"
            f" {keep[chosen.redundancy_keep]} stays)",
            f"at most one radiomics candidate for {chosen.events_per_candidate:g} events, by"
            " univariate Cox p",
            f"fast backward elimination (α {chosen.elimination_alpha:g})",
            "Cox models of the prognostic indices",
        ),
        folds=chosen.folds,
        repeats=chosen.repeats,
        seed=chosen.seed,
        grouped_by="patient",
        external="predicted with the frozen signatures",
        interval="infinitesimal jackknife",
        missing="patients without a kind of predictor are left out of its models; single gaps are"
        " imputed inside each training part (median, most frequent category)",
        sentences=(
            "Calibration slopes were tested against 1, and the individual predictors jointly with"
            " the prognostic index as offset, by likelihood ratio (Royston and Altman 2013).",
        ),
    )
