"""A binary marker from several blocks of features, one model a block, probabilities averaged.

The steps of the glioblastoma study of Verduin, Primakov and others (2021): unknown labels out,
redundancy by univariate AUC, z-score, cumulative importance of random forests, a random search of
XGBoost, forests and logistic regression, the best few on fresh splits, the mean of the blocks'
probabilities, bootstrap intervals, features one by one. By default all of it is refitted inside
outer folds; the published order, which leaks, can be run beside it and says so.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radtool.errors import InputError
from radtool.models import validate
from radtool.pipelines.marker_folds import Frozen, OutOfFold, freeze, out_of_fold, planned
from radtool.pipelines.marker_numbers import (
    LabelledCohort,
    MarkerNumbers,
    check_cohorts,
    compared,
    decision_of,
    marker_numbers,
)
from radtool.pipelines.marker_published import LEAKAGE, PublishedRun, run_as_published
from radtool.pipelines.marker_records import (
    asked,
    block_models,
    joint_model,
    labelled_population,
    looks_at,
    nested_methods,
    range_note,
    saved_card,
)
from radtool.pipelines.marker_settings import FULL, MarkerPredictors, MarkerSettings
from radtool.pipelines.marker_tables import (
    feature_histograms,
    feature_table,
    fold_table,
    published_table,
    search_table,
    tested_features,
)
from radtool.pipelines.reported import Reported
from radtool.provenance import provenance
from radtool.report.results import (
    Comparison,
    DecisionCurve,
    EndpointResults,
    Evidence,
    Headline,
    Look,
    Methods,
    ModelResult,
    PerformanceRow,
    Question,
    StudyResults,
)
from radtool.report.wording import estimate
from radtool.settings import parse_settings

__all__ = ["LabelledCohort", "MarkerPrediction", "MarkerPredictors", "MarkerSettings",
           "marker_prediction"]  # fmt: skip

NESTED, OUTSIDE, OPTIMISTIC = "nested CV", "external", "apparent"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkerPrediction(Reported):
    """What the pipeline found.

    Parameters
    ----------
    results : StudyResults
        Everything that the report shows; ``results.to_dict()`` is ``results.json``.
    settings : MarkerSettings
        What was decided beforehand.
    frozen : Frozen or None
        Models fitted on the whole development cohort; None in mode "as_published", which gives
        nothing to be used.
    folds : OutOfFold or None
        Out-of-fold predictions; None in mode "as_published".
    published : PublishedRun or None
        The published procedure, in its mode.
    """

    results: StudyResults
    settings: MarkerSettings
    frozen: Frozen | None = None
    folds: OutOfFold | None = None
    published: PublishedRun | None = None

    def auc(self, design: str = NESTED, *, model: str = FULL, cohort: str = "") -> float:
        """Return an AUC of the results: of a design, a model and, where several, a cohort."""
        rows = [
            row
            for row in self.results.endpoints[0].performance
            if (row.measure, row.design, row.model) == ("auc", design, model)
            and cohort in ("", row.cohort)
        ]
        if not rows or rows[0].value is None:
            raise InputError(f"no AUC of {model!r} with design {design!r} in these results")
        return rows[0].value

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``report.html`` and ``results.json`` into a folder."""
        out = Path(folder)
        self._save_report(out)


def marker_prediction(
    cohorts: Sequence[LabelledCohort],
    predictors: MarkerPredictors,
    question: Question,
    settings: MarkerSettings | Mapping[str, Any] | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    synthetic: bool = False,
) -> MarkerPrediction:
    """Predict a marker, validate inside outer folds, freeze, and test outside.

    Parameters
    ----------
    cohorts : sequence of LabelledCohort
        The development cohort, then external ones. Cases of unknown marker are left out and
        counted.
    predictors : MarkerPredictors
        Blocks, and the comparators volume and clinical.
    question : Question
        Name and words of the marker; its cohorts are filled in.
    settings : MarkerSettings or mapping, optional
        An unknown key of a mapping is refused.
    out : path-like, optional
        Folder for ``report.html``, ``results.json``, the signature and the log of every look at
        an external cohort.
    synthetic : bool, default False
        Whether the data are made up; the report says so.

    Returns
    -------
    MarkerPrediction

    Raises
    ------
    InputError
        A marker of three classes, a patient in two cohorts, fewer patients of a class than folds.
    ParameterError
        Settings that do not go together, or claim what is not so.
    """
    plan = parse_settings(MarkerSettings, settings, "marker_prediction")
    known = [cohort.known() for cohort in cohorts]
    check_cohorts(known)
    run = _Run(question, known, predictors, plan, Path(out) if out is not None else None)
    leaky = plan.mode == "as_published"
    endpoint = _published(run) if leaky else _nested(run)
    described = [_described(cohort, predictors, question) for cohort in known]
    results = StudyResults(
        title=f"Prediction of {question.label or question.name}",
        description="One model for each block of predictors, chosen by random search; the answer"
        " is the mean of their probabilities.",
        synthetic=synthetic,
        warnings=(LEAKAGE,) if leaky else (),
        population=labelled_population(cohorts, known, described, "patients"),
        endpoints=(endpoint,),
        evidence=_evidence(run),
        provenance=provenance(
            {
                "marker_prediction": dataclasses.asdict(plan),
                "predictors": dataclasses.asdict(predictors),
            }
        ),
    )
    found = MarkerPrediction(
        results=results,
        settings=plan,
        frozen=run.frozen,
        folds=run.folds,
        published=run.published,
    )
    if out is not None:
        found.save(out)
    return found


@dataclass(slots=True, eq=False)
class _Run:
    """What one call works on, filled as it goes."""

    question: Question
    cohorts: list[LabelledCohort]
    predictors: MarkerPredictors
    settings: MarkerSettings
    out: Path | None
    frozen: Frozen | None = None
    folds: OutOfFold | None = None
    published: PublishedRun | None = None
    numbers: MarkerNumbers = field(default_factory=MarkerNumbers)
    comparisons: list[Comparison] = field(default_factory=list)
    decisions: list[DecisionCurve] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def samples(self) -> tuple[int, int]:
        return self.settings.bootstraps, self.settings.seed

    def measure(
        self,
        cohort: LabelledCohort,
        scores: pd.DataFrame,
        cuts: Mapping[str, Any],
        design: str,
    ) -> None:
        labels = self.predictors.labels
        for name in labels:
            one = marker_numbers(
                cohort, scores[name], names=(name, design), cut=cuts[name], samples=self.samples
            )
            self.numbers.extend(one)
        by_name = {name: scores[name] for name in labels}
        self.comparisons += compared(cohort, by_name, self.predictors.pairs, design)
        drawn = [FULL, *(base for _, base in self.predictors.pairs[:1])]
        self.decisions.append(decision_of(cohort, {labels[n]: scores[n] for n in drawn}))


def _nested(run: _Run) -> EndpointResults:
    development, labels = run.cohorts[0], run.predictors.labels
    models = planned(run.predictors, run.settings)
    run.folds = out_of_fold(models, development, run.settings)
    run.frozen = freeze(models, development)
    signature, cards = run.frozen.signatures[FULL], []
    if run.out is not None:
        card, signature = saved_card(signature, run.question, "", FULL, run.out)
        cards.append(card)
    for cohort in run.cohorts[1:]:
        log = None if run.out is None else run.out / "evaluation_log.jsonl"
        found = validate(signature, cohort.X, cohort.y, patients=cohort.people, log=log)
        run.remarks += range_note(found, cohort)
        run.looks += [] if log is None else looks_at(log, FULL, cohort.name)
        run.measure(cohort, run.frozen.predict(cohort.X), run.frozen.cuts, OUTSIDE)
    run.measure(development, run.folds.scores, run.folds.cuts, NESTED)
    used = signature._used()
    tests = {c.name: tested_features(c, signature.design(c.X)[used]) for c in run.cohorts}
    blocks = {c: name for name, fitted in signature.blocks_.items() for c in fitted.outputs}
    return dataclasses.replace(
        _endpoint(run),
        models=_models(run, labels),
        signatures=tuple(cards),
        methods=nested_methods(run.settings, external=len(run.cohorts) > 1),
        tables=(
            feature_table(tests, blocks, run.folds.selected),
            search_table(signature),
            fold_table(run.folds, labels),
        ),
        distributions=feature_histograms(
            tests[development.name], ("negative", "positive"), run.settings.shown
        ),
    )


def _endpoint(run: _Run) -> EndpointResults:
    got = run.numbers
    return EndpointResults(
        question=asked(run.question, run.cohorts, "patients"),
        headline=Headline(
            comparison=next(iter(run.comparisons), None),
            sentences=(*_sentences(got.performance), *run.remarks, *got.notes),
        ),
        performance=tuple(got.performance),
        comparisons=tuple(run.comparisons),
        roc=_drawn(got.roc, run.predictors),
        precision_recall=_drawn(got.precision_recall, run.predictors),
        calibration=tuple(curve for curve in got.calibration if curve.model == FULL),
        decision=tuple(run.decisions),
        looks=tuple(run.looks),
    )


def _drawn(curves: Sequence[Any], predictors: MarkerPredictors) -> tuple[Any, ...]:
    """Curves worth a line: the ensemble, its parts and the leading comparator, in that order."""
    base = [name for _, name in predictors.pairs[:1]]
    order = [FULL, *predictors.blocks, *(name for name in base if name not in predictors.blocks)]
    places = dict.fromkeys((curve.cohort, curve.design) for curve in curves)
    return tuple(
        curve
        for place in places
        for name in order
        for curve in curves
        if (curve.cohort, curve.design) == place and curve.model == name
    )


def _models(run: _Run, labels: Mapping[str, str]) -> tuple[ModelResult, ...]:
    assert run.frozen is not None
    found: list[ModelResult] = []
    for name, signature in run.frozen.signatures.items():
        make = (name, labels[name], signature, run.cohorts[0], run.question)
        found += block_models(*make) if name == FULL else [joint_model(*make)]
    return tuple(found)


def _sentences(rows: Sequence[PerformanceRow]) -> tuple[str, ...]:
    return tuple(
        f"{row.cohort}, {row.note or row.design}: AUC"
        f" {estimate(row.value, row.lower, row.upper)} (n = {row.n}, {row.events} positive)."
        for row in rows
        if row.measure == "auc" and row.model == FULL
    )


def _published(run: _Run) -> EndpointResults:
    development = run.cohorts[0]
    run.published = run_as_published(development, run.predictors, run.settings)
    part = run.published.held_out
    chosen = LabelledCohort(
        name=f"{development.name}, {run.settings.held_out}",
        X=development.X[part],
        y=development.y[part],
        patients=development.people[part],
    )
    names = [n for n in run.predictors.labels if n in run.published.scores]
    optimistic, samples = MarkerNumbers(), run.samples
    for cohort in run.cohorts[1:]:
        scores = run.published.predict(cohort.X)
        for n in names:
            one = marker_numbers(cohort, scores[n], names=(n, OUTSIDE), samples=samples)
            run.numbers.extend(one)
    for n in names:
        own, made = run.published.scores[n], (n, OPTIMISTIC)
        one = marker_numbers(chosen, own, names=made, samples=samples, calibrated=False)
        optimistic.extend(one)
    note = "chosen on these cases: optimistic"
    marked = [dataclasses.replace(row, note=note) for row in optimistic.performance]
    run.numbers.performance.extend(marked)
    return dataclasses.replace(
        _endpoint(run),
        models=tuple(
            ModelResult(
                name=name,
                label=run.predictors.labels[name],
                kind="best of the random search on the part that scores it",
                blocks=tuple(run.predictors.blocks) if name == FULL else (name,),
                n=int((~part).sum()),
                events=int(development.y[~part].sum()),
            )
            for name in names
        ),
        tables=(published_table(run.published),),
        methods=Methods(
            seed=run.settings.seed,
            bootstraps=run.settings.bootstraps,
            sentences=("The published order of steps was kept, with its leaks",),
        ),
    )


def _described(
    cohort: LabelledCohort, predictors: MarkerPredictors, question: Question
) -> pd.DataFrame:
    """Rows of the cohort table: clinical columns, volume, marker."""
    table = cohort.X[[name for name in predictors.clinical if name in cohort.X]]
    if predictors.volume is not None:
        table = table.assign(**{"tumour volume": cohort.X[predictors.volume]})
    return table.assign(**{question.label or question.name: cohort.y})


def _evidence(run: _Run) -> tuple[Evidence, ...]:
    if run.frozen is None:
        return ()
    return (
        Evidence(
            topic="multiplicity",
            text="Mann-Whitney tests of the selected features, corrected by Bonferroni",
            source="In detail",
        ),
        Evidence(
            topic="imbalance",
            text="classes weigh the same in XGBoost and forests; probabilities are shifted back",
            source="Models",
        ),
    )
