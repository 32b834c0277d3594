"""What the fitted models of a lesion study do on patients that they never saw."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from radtool.evaluation import aggregate_lesions, youden_threshold
from radtool.models import validate
from radtool.pipelines.are_run import AreRun, rows_of
from radtool.pipelines.are_settings import LABELS
from radtool.pipelines.are_tables import agreement_table, patient_scores
from radtool.pipelines.lesion_cohort import LesionCohort
from radtool.pipelines.marker_numbers import (
    LabelledCohort,
    compared,
    decision_of,
    marker_numbers,
)
from radtool.pipelines.marker_records import looks_at, range_note, saved_card

__all__ = ["measure_lesions"]

_PAIRS = (
    ("radiomics", "volume"),
    ("radiomics", "clinical"),
    ("radiomics_deep", "radiomics"),
    ("radiomics_clinical", "radiomics"),
    ("all", "radiomics"),
    ("all", "volume"),
)


def measure_lesions(run: AreRun, held_out: pd.Series) -> None:
    """Every model on the held-out patients and in the external cohort, by lesion and by patient."""
    plan = run.settings
    leaky = plan.mode == "as_published"
    names = f"{run.development.name}, {plan.held_out_name}"
    inside = _scored(run, run.development, held_out, names)
    outside = _scored(run, run.external, None, run.external.name)
    run.training, training = _scored(run, run.development, ~held_out, run.development.name)
    cuts = {name: float(s.cutoffs_["youden"]) for name, s in run.signatures.items()}
    _freeze(run, outside[0])
    truth, people = run.training.y, run.training.people
    by_patient = {
        name: youden_threshold(*aggregate_lesions(truth, training[name], people)).value
        for name in run.signatures
    }
    for (cohort, scores), design in (
        (outside, "external"),
        (inside, "apparent" if leaky else "held-out patients"),
    ):
        _add(run, cohort, scores, cuts, (design, "lesions"))
        _add(run, *_of_patients(cohort, scores), by_patient, (design, "patients"))
        run.patients.append(patient_scores(cohort, scores["radiomics"], by_patient["radiomics"]))
    if "deep" in run.signatures:
        run.tables.append(
            agreement_table(
                [outside[0], inside[0]],
                [outside[1], inside[1]],
                cuts,
                ("radiomics", "deep"),
                LABELS,
            )
        )


def _scored(
    run: AreRun, cohort: LesionCohort, rows: pd.Series | None, name: str
) -> tuple[LabelledCohort, pd.DataFrame]:
    """Some lesions of a cohort and what every model says of them, each on its own branch."""
    tables = {b: cohort.labelled(b, run.clinical) for b in dict.fromkeys(run.branches.values())}
    first = next(iter(tables.values()))
    part = pd.Series(True, first.y.index) if rows is None else rows  # noqa: FBT003 (a mask)
    scores = {
        model: signature.predict_probability(tables[run.branches[model]].X[part])
        for model, signature in run.signatures.items()
    }
    X, y, people = rows_of(first, part)
    return LabelledCohort(name=name, X=X, y=y, patients=people), pd.DataFrame(scores)


def _of_patients(
    cohort: LabelledCohort, scores: pd.DataFrame
) -> tuple[LabelledCohort, pd.DataFrame]:
    """Patients of lesions: any event, highest score."""
    highest = {n: aggregate_lesions(cohort.y, scores[n], cohort.people)[1] for n in scores}
    truth = aggregate_lesions(cohort.y, scores.iloc[:, 0], cohort.people)[0]
    table = pd.DataFrame(highest)
    return LabelledCohort(name=f"{cohort.name}, patients", X=table, y=truth), table


def _add(
    run: AreRun,
    cohort: LabelledCohort,
    scores: pd.DataFrame,
    cuts: Mapping[str, float],
    names: tuple[str, str],
) -> None:
    design, unit = names
    for name in run.signatures:
        one = marker_numbers(
            cohort,
            scores[name],
            names=(name, design),
            cut=cuts[name],
            samples=run.samples,
            calibrated=unit == "lesions" and design != "apparent",
        )
        run.numbers.extend(one)
    run.parts.append((unit, cohort))
    if design == "apparent":
        return
    by_name = {str(name): scores[name] for name in scores}
    run.comparisons += compared(cohort, by_name, _PAIRS, design, run.samples)
    if unit == "lesions":
        drawn = [name for name in ("radiomics", "all", "volume") if name in by_name]
        run.decisions.append(decision_of(cohort, {LABELS[n]: by_name[n] for n in drawn}))


def _freeze(run: AreRun, external: LabelledCohort) -> None:
    """Save the radiomics model and the largest, and look at the external cohort with the files."""
    for name in dict.fromkeys(("radiomics", list(run.signatures)[-1])):
        signature = run.signatures[name]
        if run.out is not None:
            card, signature = saved_card(signature, run.question, name, name, run.out)
            run.cards.append(card)
        log = None if run.out is None else run.out / "evaluation_log.jsonl"
        table = run.external.labelled(run.branches[name], run.clinical)
        found = validate(signature, table.X, table.y, patients=table.people, log=log)
        run.remarks += [f"{LABELS[name]}: {n}" for n in range_note(found, external)]
        run.looks += [] if log is None else looks_at(log, name, external.name)[-1:]
