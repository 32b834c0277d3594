"""From frozen marker models and cohorts to what the report says of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from radtool.models import MarkerSignature, Validation, load_signature, read_log, save_signature
from radtool.models.model_search import RandomSearch, TunedXGBoost
from radtool.pipelines.marker_numbers import LabelledCohort
from radtool.pipelines.marker_settings import MarkerSettings
from radtool.pipelines.population import baseline_rows, flow_box
from radtool.pipelines.question import slug
from radtool.pipelines.records import model_record, required_patients
from radtool.report.results import (
    Cohort,
    Dropped,
    Look,
    Methods,
    ModelResult,
    Population,
    Question,
    SelectionStep,
    SignatureCard,
)
from radtool.table import Endpoint, Failure, Study

__all__ = [
    "asked",
    "block_models",
    "joint_model",
    "labelled_population",
    "looks_at",
    "nested_methods",
    "range_note",
    "saved_card",
]

_KINDS = {
    "XGBoostMarker": "xgboost",
    "RandomForest": "random forest",
    "Logistic": "logistic",
}


def asked(question: Question, cohorts: Sequence[LabelledCohort], unit: str) -> Question:
    """Return the question with the cohorts in it, the first for development.

    Parameters
    ----------
    question : Question
    cohorts : sequence of LabelledCohort
        Markers known.
    unit : str
        What a row is: "patients", "lesions".
    """
    return dataclasses.replace(
        question,
        cohorts=tuple(
            Cohort(
                name=cohort.name,
                n=len(cohort.X),
                events=int(cohort.y.sum()),
                role="development" if place == 0 else "external",
                unit=unit,
            )
            for place, cohort in enumerate(cohorts)
        ),
    )


def _study(cohort: LabelledCohort, question: Question) -> Study:
    endpoint = Endpoint(name=question.name, marker=question.name, label=question.label)
    return Study(cohort.X, cohort.y, cohort.people, endpoint, [])


def joint_model(
    name: str, label: str, signature: MarkerSignature, cohort: LabelledCohort, question: Question
) -> ModelResult:
    """Describe a signature whose blocks have one model together."""
    record = model_record(name, label, signature, _study(cohort, question))
    model = signature.models_["joint"]
    if not isinstance(model, TunedXGBoost):
        return record
    last = record.path[-1].n_out if record.path else len(model.columns_)
    eliminated = SelectionStep(
        step="all blocks: recursive elimination with XGBoost",
        n_in=max(last, len(model.columns_)),
        n_out=len(model.columns_) - len(model.dropped_),
        setting="" if model.at_most is None else f"at most {model.at_most}, number by folds",
        dropped=tuple(
            Dropped(feature=str(f), reason=str(reason), value=value)
            for f, reason, value in model.dropped_
        ),
    )
    return dataclasses.replace(
        record,
        kind="xgboost",
        path=(*record.path, eliminated) if model.at_most is not None else record.path,
        settings=_chosen(model.chosen_["settings"]),
        notes=(f"mean AUC of the inner folds {model.score_:.3f}",),
    )


def block_models(
    name: str, label: str, signature: MarkerSignature, cohort: LabelledCohort, question: Question
) -> tuple[ModelResult, ...]:
    """Describe each block's own model, then their mean; one block is the model itself."""
    record = model_record(name, label, signature, _study(cohort, question))
    found = []
    for block, model in signature.models_.items():
        assert isinstance(model, RandomSearch)
        kind = str(model.chosen_["model"])
        candidates = len(signature.blocks_[block].inputs)
        found.append(
            dataclasses.replace(
                record,
                name=block,
                label=block,
                kind=_KINDS.get(kind, kind),
                blocks=(block,),
                effect="odds ratio" if kind == "Logistic" else "",
                path=tuple(s for s in record.path if s.step.startswith(f"{block}:")),
                coefficients=tuple(c for c in record.coefficients if c.block == block),
                candidates=candidates,
                events_per_candidate=(record.events or 0) / candidates,
                required_n=required_patients(cohort.y, candidates),
                settings=_chosen(model.chosen_["settings"]),
            )
        )
    if len(found) == 1:
        return (dataclasses.replace(found[0], name=name, label=label),)
    mean = dataclasses.replace(
        record, kind="mean of the models above", effect="", path=(), coefficients=(), settings={}
    )
    return (*found, mean)


def _chosen(settings: Mapping[str, object]) -> dict[str, object]:
    return {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in settings.items()
        if value is not None
    }


def labelled_population(
    given: Sequence[LabelledCohort],
    known: Sequence[LabelledCohort],
    described: Sequence[pd.DataFrame],
    unit: str,
) -> Population:
    """Flow of cases, those of unknown marker named, and the table of the cohorts.

    Parameters
    ----------
    given, known : sequence of LabelledCohort
        Before and after cases of unknown marker left.
    described : sequence of DataFrame
        One a cohort: rows and columns of the cohort table.
    unit : str
        What a row is.
    """
    gone = [
        Failure(str(case), "label", f"{whole.name}: marker not known")
        for whole, kept in zip(given, known, strict=True)
        for case in whole.X.index.difference(kept.X.index, sort=False)
    ]
    flow = (
        flow_box("in the tables", sum(len(whole.X) for whole in given), unit=unit),
        flow_box("with a known marker", sum(len(kept.X) for kept in known), gone, unit),
    )
    table = pd.concat(described, ignore_index=True)
    names = [cohort.name for cohort in known]
    cohort = pd.Series(
        [name for name, part in zip(names, described, strict=True) for _ in range(len(part))]
    )
    rows = baseline_rows(table, cohort, names) if table.shape[1] else ()
    return Population(flow=flow, columns=tuple(names), baseline=rows)


def saved_card(
    signature: MarkerSignature, question: Question, label: str, model: str, out: Path
) -> tuple[SignatureCard, MarkerSignature]:
    """Save a signature; return its card, and the signature as another hospital will read it.

    Parameters
    ----------
    signature : MarkerSignature
        Fitted.
    question : Question
    label : str
        Added to the file name; empty for the study's only signature.
    model : str
        Name in the performance rows.
    out : Path
        Folder.
    """
    stem = slug(f"{question.name}_{label}" if label else question.name)
    file = out / f"{stem}.signature.json"
    sha256 = save_signature(signature, file, name=question.name)
    trained = signature.trained_on_
    card = SignatureCard(
        name=stem,
        model=model,
        file=file.name,
        sha256=sha256,
        features=tuple(signature.inputs_),
        cutoffs={name: float(value) for name, value in signature.cutoffs_.items()},
        n=int(trained["n"]),
        events=int(trained["events"]),
        intended_use="Research on groups of patients like those of the development cohort.",
        not_for="Diagnosis, prognosis or treatment of a patient; it is not a medical device.",
    )
    return card, load_signature(file)


def looks_at(log: Path, model: str, cohort: str) -> tuple[Look, ...]:
    """Every signature that was tried on the cohort of the log's last line, oldest first."""
    entries = read_log(log)
    if not entries:
        return ()
    last = entries[-1]["cohort_sha256"]
    first = {
        str(entry["signature_sha256"]): str(entry["when"])
        for entry in reversed(entries)
        if entry["cohort_sha256"] == last
    }
    return tuple(
        Look(signature=model, cohort=cohort, sha256=sha, when=when)
        for sha, when in reversed(first.items())
    )


def range_note(found: Validation, cohort: LabelledCohort) -> tuple[str, ...]:
    """Say how many cases lie outside what the signature was trained on; empty when none does."""
    if found.flags.empty:
        return ()
    cases = found.flags["case"].nunique()
    columns = sorted(set(map(str, found.flags["column"])))
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    return (
        f"{cases} of {len(cohort.X)} cases of {cohort.name} lie outside the training range of a"
        f" column that the model uses ({', '.join(columns[:3])}{more}).",
    )


def nested_methods(plan: MarkerSettings, *, external: bool) -> Methods:
    """Say what mode "nested" does, for the methods paragraph."""
    return Methods(
        steps=(
            f"of two features with |Spearman| above {plan.redundancy:g} the one with the lower"
            " univariate AUC was dropped",
            "z-score",
            f"the {plan.top} features with the highest cumulative importance in {plan.forests}"
            " random forests of random size",
            f"a random search over {plan.draws} models each of {', '.join(plan.kinds)}, of which"
            f" the best {plan.best} were compared on {plan.resplits} fresh splits",
        ),
        folds=plan.folds,
        repeats=plan.repeats,
        bootstraps=plan.bootstraps,
        seed=plan.seed,
        grouped_by="patient",
        external="predicted with the frozen models" if external else "",
        interval="percentiles over resampled patients, differences by DeLong's method",
        missing="imputed inside each training part (median, most frequent category)",
        sentences=(
            "Probabilities of the blocks' models were averaged",
            "Cut-offs are Youden's, of the training cases",
        ),
    )
