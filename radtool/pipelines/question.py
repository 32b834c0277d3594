"""One endpoint from the joined study to its results and frozen signature files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.errors import InputError
from radtool.evaluation import kaplan_meier
from radtool.files import read_json
from radtool.models import (
    CompetingSignature,
    CoxSignature,
    Signature,
    load_signature,
    save_signature,
)
from radtool.pipelines.batches import harmonization_record
from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.controls import Side, compare_controls
from radtool.pipelines.curves import roc_record
from radtool.pipelines.endpoint import BASELINE, FULL, LABELS, Plan, Trained, count_events, develop
from radtool.pipelines.external import Tested, survival_curves, validate_externally
from radtool.pipelines.population import baseline_rows, flow_box
from radtool.pipelines.records import model_record
from radtool.pipelines.subgroups import Scored, subgroup_rows
from radtool.report.results import (
    Cohort,
    Comparison,
    Control,
    EndpointResults,
    Harmonization,
    Headline,
    Methods,
    Population,
    Question,
    ResultTable,
    SignatureCard,
    SubgroupRow,
)
from radtool.table import Failure, Study

__all__ = ["Answer", "answer", "cohort_record", "slug"]

ROLES = ("development", "external")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What `answer` gives.

    Parameters
    ----------
    results : EndpointResults
        The endpoint's part of the report.
    harmonization : Harmonization or None
        Batch effects in the development cohort, when the plan names a batch column.
    """

    results: EndpointResults
    harmonization: Harmonization | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        evidence = self.harmonization
        return {
            "results": self.results.to_dict(),
            "harmonization": evidence.to_dict() if evidence else None,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Answer:
        """Rebuild from `to_dict`."""
        evidence = stored["harmonization"]
        return cls(
            EndpointResults.from_dict(stored["results"]),
            Harmonization.from_dict(evidence) if evidence else None,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    development: Study
    external: Study | None
    names: tuple[str, str]
    trained: Trained
    tested: Tested = field(default_factory=Tested)
    controls: tuple[Control, ...] = ()


def answer(  # noqa: PLR0913 - the front door: every choice by name
    study: Study,
    cohorts: Cohorts,
    plan: Plan,
    out: Path,
    *,
    extraction: Mapping[str, Any] | None = None,
    controls: Mapping[str, pd.DataFrame] | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Develop, validate inside, freeze, test outside once, and gather the results.

    Parameters
    ----------
    study : Study
        Everyone, joined.
    cohorts : Cohorts
        Who teaches and who tests.
    plan : Plan
        What may predict, and how it is validated.
    out : Path
        Folder for ``<endpoint>.signature.json`` and the evaluation log.
    extraction : mapping, optional
        Extraction parameters, stored in the signature.
    controls : mapping, optional
        Name of a negative control -> feature table of the same cases under it.
    progress : callable, optional
        Called with (done, total, label).
    """
    development, external, neither = cohorts.split(study)
    names = (cohorts.name(development), cohorts.name(external) if external else "")
    for part, role, name in zip((development, external), ROLES, names, strict=True):
        if part is not None and not count_events(part.y):
            raise InputError(
                f"{role} cohort {name} has no events among {len(part.X)} cases of"
                f" {study.endpoint.name!r}; nothing can be learned or tested there"
            )
    trained = develop(development, plan, name=names[0], progress=progress)
    file = out / f"{slug(study.endpoint.name)}.signature.json"
    save_signature(trained.signatures[FULL], file, extraction=extraction, name=study.endpoint.name)
    frozen = {**trained.signatures, FULL: load_signature(file)}
    tested = Tested()
    _development_curves(tested, trained, development, names[0], plan)
    if external is not None:
        outside = validate_externally(
            frozen,
            external,
            name=names[1],
            cut=plan.risk_groups,
            log=out / "evaluation_log.jsonl",
        )
        tested.extend(outside)
    sides = [
        Side(part, name) for part, name in zip((development, external), names, strict=True) if part
    ]
    compared = compare_controls(controls or {}, trained, plan, *sides)
    parts = _Parts(development, external, names, trained, tested, compared)
    evidence = None
    if plan.batch:
        evidence = harmonization_record(trained.signatures[FULL], development, plan.batch)
    return Answer(_results(study, plan, parts, neither, file), evidence)


def _development_curves(
    tested: Tested, trained: Trained, study: Study, name: str, plan: Plan
) -> None:
    """Risk groups as fitted, said to be apparent; ROC curves of out-of-fold predictions only."""
    for key in (FULL, BASELINE):
        signature = trained.signatures.get(key)
        if isinstance(signature, CoxSignature):
            names = (key, name, "apparent")
            tested.kaplan_meier.append(survival_curves(signature, study, names, plan.risk_groups))
        elif signature is not None:
            score = trained.out_of_fold[key]
            tested.roc.append(roc_record(study.y, score, names=(key, name, "nested CV")))


def _results(
    study: Study, plan: Plan, parts: _Parts, neither: Sequence[Failure], file: Path
) -> EndpointResults:
    trained, tested = parts.trained, parts.tested
    comparisons = (*tested.comparisons, *trained.comparisons)
    survival = study.endpoint.is_survival
    return EndpointResults(
        question=Question(
            name=study.endpoint.name,
            label=study.endpoint.label,
            kind="survival" if survival else "marker",
            competing=study.endpoint.has_competing,
            unit=study.endpoint.unit if survival else "",
            positive=study.endpoint.positive or ("event" if survival else "yes"),
            cohorts=_cohort_records(parts),
        ),
        headline=_headline(comparisons, tested.notes),
        population=_population(study, plan, parts, neither),
        models=tuple(
            dataclasses.replace(
                model_record(key, LABELS[key], signature, parts.development),
                notes=(*trained.notes, *tested.remarks) if key == FULL else (),
            )
            for key, signature in trained.signatures.items()
        ),
        performance=(*tested.performance, *trained.performance),
        comparisons=comparisons,
        controls=parts.controls,
        kaplan_meier=tuple(tested.kaplan_meier),
        roc=tuple(tested.roc),
        calibration=tuple(tested.calibration),
        decision=tuple(tested.decision),
        subgroups=_subgroups(plan, parts),
        tables=_cause_specific(parts),
        signatures=(_card(trained.signatures[FULL], study, file),),
        looks=tuple(tested.looks),
        methods=_methods(plan, parts),
    )


def _subgroups(plan: Plan, parts: _Parts) -> tuple[SubgroupRow, ...]:
    """Groups of the external cohort; without one, of the out-of-fold predictions."""
    if not plan.subgroups:
        return ()
    development, signature = parts.development, parts.trained.signatures[FULL]
    if parts.external is None:
        score = parts.trained.out_of_fold[FULL]
        scored = Scored(development, score, score, (FULL, parts.names[0], "nested CV"))
    else:
        scored = Scored(
            parts.external,
            signature.predict_risk(parts.external.X),
            signature.predict_risk(development.X),
            (FULL, parts.names[1], "external"),
        )
    return subgroup_rows(scored, plan.subgroups, development)


def _cause_specific(parts: _Parts) -> tuple[ResultTable, ...]:
    """Beside Fine and Gray's model: what drives each cause on its own."""
    signature = parts.trained.signatures[FULL]
    if not isinstance(signature, CompetingSignature):
        return ()
    found = signature.cause_specific(parts.development.X, parts.development.y)
    names = {1: "the event", **{k: f"competing event {k}" for k in range(2, 100)}}
    return (
        ResultTable(
            name="cause-specific",
            caption=f"Cause-specific hazard ratios in {parts.names[0]}",
            columns=("Cause", "Feature", "Hazard ratio (95 % CI)", "p"),
            rows=tuple(
                (
                    names[int(row.cause)],
                    str(row.feature),
                    f"{row.hazard_ratio:.2f} ({row.lower:.2f} to {row.upper:.2f})",
                    "<0.001" if row.p < 0.001 else f"{row.p:.3f}",
                )
                for row in found.itertuples()
            ),
            note="Cox models of each cause with the columns of the Fine-Gray model, other causes"
            " censored; not adjusted for the selection of the columns.",
            text_columns=2,
        ),
    )


def _cohort_records(parts: _Parts) -> tuple[Cohort, ...]:
    made = [cohort_record(parts.development, parts.names[0], "development")]
    if parts.external is not None:
        made.append(cohort_record(parts.external, parts.names[1], "external"))
    return tuple(made)


def cohort_record(study: Study, name: str, role: Any) -> Cohort:
    """Describe a cohort: patients, events, median follow-up (reverse Kaplan-Meier)."""
    y = study.y
    follow_up = None
    if isinstance(y, pd.DataFrame):
        lost = y["status"] == 0 if "status" in y else ~y["event"]
        turned = kaplan_meier(y.assign(event=lost)).median.value if lost.any() else float("nan")
        follow_up = None if pd.isna(turned) else turned
    return Cohort(
        name=name,
        n=study.patients.nunique(),
        events=count_events(y),
        role=role,
        sites=tuple(sorted(study.X["site"].astype(str).unique())) if "site" in study.X else (),
        follow_up=follow_up,
    )


def _headline(comparisons: Sequence[Comparison], notes: Sequence[str]) -> Headline:
    added = [c for c in comparisons if (c.model_a, c.model_b) == (FULL, BASELINE)]
    rest = [c for c in comparisons if (c.model_a, c.model_b) == ("radiomics", "volume")]
    best = next((c for c in added if c.design == "external"), None)
    chosen = best or next(iter(added), None) or next(iter(rest), None)
    return Headline(comparison=chosen, sentences=tuple(dict.fromkeys(notes)))


def _population(study: Study, plan: Plan, parts: _Parts, neither: Sequence[Failure]) -> Population:
    joined = len(study.X)
    used = len(parts.development.X) + (len(parts.external.X) if parts.external else 0)
    names = [name for name in parts.names if name]
    cohort = pd.Series(parts.names[0], index=study.X.index)
    if parts.external is not None:
        cohort[parts.external.X.index] = parts.names[1]
    kept = study.X.index.isin(
        [*parts.development.X.index, *(parts.external.X.index if parts.external else [])]
    )
    table = _described(study, plan)[kept]
    return Population(
        flow=(
            flow_box("with features and outcome", joined, study.left_out),
            flow_box("in a cohort", used, neither),
        ),
        columns=tuple(names),
        baseline=baseline_rows(table, cohort[kept], names),
    )


def _described(study: Study, plan: Plan) -> pd.DataFrame:
    """What the cohort table shows: clinical columns and subgroups, volume in mL, outcome."""
    table = study.X[list(dict.fromkeys((*plan.clinical, *plan.subgroups)))]
    if plan.volume in study.X:
        table = table.assign(**{"tumour volume, mL": study.X[plan.volume] / 1000.0})
    if isinstance(study.y, pd.DataFrame):
        times = {
            "event": study.y["event"],
            f"follow-up, {study.endpoint.unit}": study.y["duration"],
        }
        return table.assign(**times)
    return table.assign(**{study.endpoint.name: study.y})


def _card(signature: Signature, study: Study, file: Path) -> SignatureCard:
    document, stored = signature.trained_on_, read_json(file)
    cutoffs = {
        f"{name} {place + 1}" if len(values) > 1 else name: float(value)
        for name, values in (
            (n, v if isinstance(v, list | tuple) else [v]) for n, v in signature.cutoffs_.items()
        )
        for place, value in enumerate(values)
    }
    table = signature.coefficients_
    weight = table["coefficient"] if "coefficient" in table else table["gain"]
    return SignatureCard(
        name=study.endpoint.name,
        model=FULL,
        file=file.name,
        sha256=str(stored["content_sha256"]),
        features=tuple(table.loc[weight.fillna(0) != 0, "feature"].astype(str)),
        parameters_sha256=str((stored["extraction"] or {}).get("sha256", "")),
        cutoffs=cutoffs,
        n=int(document["n"]),
        events=int(document["events"]),
        intended_use="Research on groups of patients like those of the development cohort.",
        not_for="Diagnosis, prognosis or treatment of a patient; it is not a medical device.",
    )


def _methods(plan: Plan, parts: _Parts) -> Methods:
    return Methods(
        steps=tuple(type(step).__name__ for step in plan.steps),
        folds=plan.folds,
        repeats=plan.repeats,
        bootstraps=plan.bootstrap or None,
        seed=plan.seed,
        grouped_by="patient",
        external="predicted with the frozen signature" if parts.external is not None else "",
        interval="infinitesimal jackknife" if parts.development.endpoint.is_survival else "DeLong",
        missing="imputed inside each training part (median, most frequent category)",
    )


def slug(name: str) -> str:
    """File name of an endpoint: "overall survival" -> "overall_survival"."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower()).strip("_")
