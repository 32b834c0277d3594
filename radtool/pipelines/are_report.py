"""A finished lesion study as the record that the report renders."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from radtool.pipelines.are_run import AreRun
from radtool.pipelines.are_settings import LABELS
from radtool.pipelines.are_tables import driving_table, tested_baseline
from radtool.pipelines.marker_records import joint_model
from radtool.pipelines.population import flow_box
from radtool.provenance import provenance
from radtool.report.results import (
    Cohort,
    EndpointResults,
    Evidence,
    Headline,
    Methods,
    Population,
    StudyResults,
)
from radtool.report.wording import estimate
from radtool.table import Failure

__all__ = ["are_results"]

_LINES = ("radiomics", "deep", "all", "volume")


def are_results(run: AreRun, *, synthetic: bool, leaks: str) -> StudyResults:
    """Gather everything that one run found.

    Parameters
    ----------
    run : AreRun
        Finished.
    synthetic : bool
        Whether the data are made up.
    leaks : str
        The warning of mode "as_published".
    """
    question, plan = run.question, run.settings
    leaky = plan.mode == "as_published"
    used = ", ".join(dict.fromkeys(run.branches.values()))
    return StudyResults(
        title=f"Prediction of {question.label or question.name}",
        description="Lesions nested in patients: radiomics, deep features and clinical variables."
        f" Features of the branch {used}.",
        synthetic=synthetic,
        warnings=(leaks,) if leaky else (),
        population=_population(run),
        endpoints=(_endpoint(run),),
        evidence=_evidence(),
        provenance=provenance({"are_prediction": dataclasses.asdict(plan)}),
    )


def _endpoint(run: AreRun) -> EndpointResults:
    got, note = run.numbers, "branch chosen on these lesions: optimistic"
    rows = tuple(
        dataclasses.replace(row, note=note) if row.design == "apparent" else row
        for row in got.performance
    )
    external = next(cohort for unit, cohort in run.parts if unit == "lesions")
    patients, training = run.patients[0], run.training
    assert training is not None
    return EndpointResults(
        question=dataclasses.replace(run.question, cohorts=_cohorts(run)),
        headline=Headline(
            comparison=next(iter(run.comparisons), None),
            sentences=(*_sentences(run), *run.remarks, *got.notes),
        ),
        models=tuple(
            joint_model(name, LABELS[name], signature, training, run.question)
            for name, signature in run.signatures.items()
        ),
        performance=rows,
        comparisons=tuple(run.comparisons),
        roc=_drawn(got.roc),
        precision_recall=_drawn(got.precision_recall),
        calibration=tuple(c for c in got.calibration if c.model == "radiomics"),
        decision=tuple(run.decisions),
        signatures=tuple(run.cards),
        looks=tuple(run.looks),
        tables=(*run.tables, driving_table(patients, LABELS["radiomics"], external.name)),
        methods=_methods(run),
    )


def _drawn(curves: Sequence[Any]) -> tuple[Any, ...]:
    """Curves worth a line, in the order of `_LINES`, none of what chose its own branch."""
    shown = [c for c in curves if c.design != "apparent" and c.model in _LINES]
    places = list(dict.fromkeys((c.cohort, c.design) for c in shown))
    return tuple(
        sorted(shown, key=lambda c: (places.index((c.cohort, c.design)), _LINES.index(c.model)))
    )


def _cohorts(run: AreRun) -> tuple[Cohort, ...]:
    training = next(iter(run.signatures.values())).trained_on_
    found = [
        Cohort(
            name=f"{run.development.name}, training",
            n=int(training["n"]),
            events=int(training["events"]),
            unit="lesions",
        )
    ]
    for unit, cohort in run.parts:
        role = "external" if cohort.name.startswith(run.external.name) else "internal"
        found.append(
            Cohort(
                name=cohort.name,
                n=len(cohort.y),
                events=int(cohort.y.sum()),
                role=role,  # type: ignore[arg-type]
                unit=unit,
            )
        )
    return tuple(found)


def _sentences(run: AreRun) -> tuple[str, ...]:
    return tuple(
        f"{row.cohort}, {row.design}: AUC of radiomics"
        f" {estimate(row.value, row.lower, row.upper)} ({row.events} events in {row.n})."
        for row in run.numbers.performance
        if row.measure == "auc" and row.model == "radiomics" and row.design != "apparent"
    )


def _population(run: AreRun) -> Population:
    both = (run.development, run.external)
    gone = [
        Failure(str(lesion), "label", f"{cohort.name}: outcome not known")
        for cohort in both
        for lesion in cohort.y.index[cohort.y.isna()]
    ]
    total = sum(len(cohort.y) for cohort in both)
    people = [cohort.of_patients() for cohort in both]
    shared = [name for name in people[0].columns if name in people[1].columns]
    return Population(
        flow=(
            flow_box("in the tables", total, unit="lesions"),
            flow_box("with a known outcome", total - len(gone), gone, "lesions"),
            flow_box("they belong to", sum(map(len, people)), unit="patients"),
        ),
        columns=tuple(cohort.name for cohort in both),
        baseline=tested_baseline(*(table[shared] for table in people)),
    )


def _methods(run: AreRun) -> Methods:
    plan = run.settings
    deep = " Deep features went through the same steps" if "deep" in run.columns else ""
    return Methods(
        steps=(
            f"features with a variance not above {plan.variance:g} were dropped, before scaling",
            f"of two features with |Spearman| above {plan.redundancy:g} the one with the higher"
            " mean |r| was dropped",
            "z-score",
            f"recursive elimination with XGBoost to at most {plan.at_most} features, their number"
            f" by {plan.folds} folds",
            "XGBoost with classes weighted by negative / positive, settings by grid search",
        ),
        bootstraps=plan.bootstraps,
        seed=plan.seed,
        grouped_by="patient",
        external="predicted with the frozen models",
        interval="percentiles over resampled patients, all lesions of a patient together",
        missing="clinical gaps by MissForest (training mean first, then random forests), fitted on"
        " training lesions; a category that training did not have counts as the most frequent one",
        sentences=(
            f"{1 - plan.test_share:.0%} of the patients trained, {plan.test_share:.0%} were held"
            " out, patients with and without event alike;"
            f" no patient was on both sides.{deep}",
            "A patient’s score was that of the lesion with the highest probability, and a patient"
            " had the event when any lesion had it",
            "Cut-offs are Youden’s, of the training lesions or patients",
        ),
    )


def _evidence() -> tuple[Evidence, ...]:
    return (
        Evidence(
            topic="imbalance",
            text="XGBoost weighs the classes by negative / positive; probabilities are shifted"
            " back to the training prevalence; precision-recall curves",
            source="Models",
        ),
        Evidence(
            topic="partition",
            text="split by patient, patients with an event and without alike",
            source="Methods paragraph",
        ),
        Evidence(topic="tuning", text="grid search in folds of training patients", source="Models"),
    )
