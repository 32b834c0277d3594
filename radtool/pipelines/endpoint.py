"""One endpoint of a joined study: comparators, internal and frozen external validation.

Everything that learns is fitted on the development cohort inside a signature; the external cohort
is only ever predicted. The same signatures are refitted in every fold and bootstrap sample.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from radtool.errors import InputError, RadtoolWarning
from radtool.evaluation import (
    Estimate,
    auc,
    harrell_c,
)
from radtool.models import (
    Block,
    CrossValidation,
    Signature,
    bootstrap_optimism,
    comparators,
    compare_risks,
    cross_validate,
    permutation_null,
)
from radtool.report.results import Comparison, PerformanceRow
from radtool.report.results.record import or_none
from radtool.table import FeatureStep, Study

__all__ = [
    "BASELINE",
    "FULL",
    "LABELS",
    "Plan",
    "Trained",
    "compare",
    "count_events",
    "cross_validated",
    "cross_validation_rows",
    "develop",
    "new_words",
    "planned_models",
    "row",
]

FULL, BASELINE = "all", "clinical_volume"
LABELS = {
    "volume": "volume",
    "clinical": "clinical",
    "clinical_volume": "clinical + volume",
    "radiomics": "radiomics",
    "all": "clinical + volume + radiomics",
}
# What is compared with what, as (model_a, model_b): the difference is a minus b.
PAIRS = (
    (FULL, BASELINE),
    ("radiomics", "volume"),
    ("radiomics", "clinical"),
    ("radiomics", BASELINE),
)
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may predict, and how it is validated.

    Parameters
    ----------
    clinical : tuple of str
        Outcome-table columns of the clinical comparator (semantic ones included).
    volume : str
        The feature that is the volume.
    steps : tuple of FeatureStep
        Unfitted steps of the radiomics block, in order.
    batch : str, optional
        Column whose levels are compared before and after harmonization.
    marker_model, survival_model : str
        What learns from radiomics, for a binary marker and for a time to an event.
    risk_groups : {"median", "p75", "tertiles"}
        Cut-offs of the training prognostic index.
    subgroups : tuple of str
        Columns whose groups get a performance of their own; they predict nothing.
    folds, repeats, bootstrap, permutations, seed : int
        Internal validation; with permutations the full signature is also cross-validated on
        outcomes dealt to other patients.
    jobs : int
        Processes; results do not depend on it.
    """

    clinical: tuple[str, ...] = ()
    volume: str = "original_morph_volume"
    steps: tuple[FeatureStep, ...] = ()
    batch: str | None = None
    marker_model: str = "xgboost"
    survival_model: str = "cox"
    risk_groups: Literal["median", "p75", "tertiles"] = "median"
    subgroups: tuple[str, ...] = ()
    folds: int = 5
    repeats: int = 10
    bootstrap: int = 200
    permutations: int = 0
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What development gave.

    Parameters
    ----------
    signatures : dict
        Name -> signature fitted on the whole development cohort.
    performance : list of PerformanceRow
        Apparent, cross-validated and bootstrap-corrected.
    comparisons : list of Comparison
        Differences of out-of-fold predictions.
    out_of_fold : dict
        Name -> mean out-of-fold score of each development case.
    notes : list of str
        Warnings met while fitting, each once.
    """

    signatures: dict[str, Signature]
    performance: list[PerformanceRow] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    out_of_fold: dict[str, pd.Series] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def develop(study: Study, plan: Plan, *, name: str, progress: Progress | None = None) -> Trained:
    """Fit the comparators and the full signature, and validate them inside the cohort.

    Parameters
    ----------
    study : Study
        The development cohort only.
    plan : Plan
        What may predict, and how it is validated.
    name : str
        What rows call the cohort.
    progress : callable, optional
        Called with (done, total, label).
    """
    models = planned_models(study, plan)
    trained = Trained({})
    for done, (key, signature) in enumerate(models.items()):
        with warnings.catch_warnings(record=True) as met:
            warnings.simplefilter("always", RadtoolWarning)
            trained.signatures[key] = signature.fit(study.X, study.y, study.patients)
        trained.notes.extend(new_words(met, trained.notes))
        rows, risk = _internal(signature, study, plan, (key, name))
        trained.performance.extend(rows)
        trained.out_of_fold[key] = risk
        if progress is not None:
            progress(done + 1, len(models), f"validate {study.endpoint.name}: {key}")
    trained.comparisons.extend(compare(study, trained.out_of_fold, name, "nested CV"))
    if plan.permutations:
        trained.performance.append(_permuted(models[FULL], study, plan, (FULL, name)))
    return trained


def planned_models(study: Study, plan: Plan) -> dict[str, Signature]:
    """Build the comparators and the full signature, not fitted.

    The volume has a block of its own in the full signature, so that what radiomics adds is over
    clinical variables and volume; the radiomics block gets every other feature.
    """
    radiomics = Block([name for name in study.features if name != plan.volume], plan.steps)
    return comparators(
        study.X,
        study.y,
        volume=plan.volume,
        clinical=list(plan.clinical),
        radiomics=radiomics,
        model=_learner(study, plan),
    )


def _learner(study: Study, plan: Plan) -> str:
    if study.endpoint.has_competing:
        return "fine_gray"
    return plan.survival_model if study.endpoint.is_survival else plan.marker_model


def new_words(met: list[warnings.WarningMessage], known: list[str]) -> list[str]:
    """Words of the warnings that were met and are not known yet, each once."""
    words = [str(item.message) for item in met if issubclass(item.category, RadtoolWarning)]
    return [word for word in dict.fromkeys(words) if word not in known]


def cross_validated(signature: Signature, study: Study, plan: Plan) -> CrossValidation:
    """Cross-validate a signature on a study in the folds of the plan."""
    return cross_validate(
        signature,
        study.X,
        study.y,
        study.patients,
        folds=plan.folds,
        repeats=plan.repeats,
        seed=plan.seed,
        jobs=plan.jobs,
    )


def _internal(
    signature: Signature, study: Study, plan: Plan, names: tuple[str, str]
) -> tuple[list[PerformanceRow], pd.Series]:
    measure = "harrell_c" if study.endpoint.is_survival else "auc"
    folds = cross_validated(signature, study, plan)
    rows = cross_validation_rows(folds, study, measure, names)
    # Trees fit their training cases almost perfectly; what the bootstrap subtracts from such an
    # apparent score is too little (Efron and Tibshirani, JASA 1997), so it is not shown at all.
    if plan.bootstrap and not _is_tree(study, plan):
        optimism = bootstrap_optimism(
            signature,
            study.X,
            study.y,
            study.patients,
            n=plan.bootstrap,
            seed=plan.seed,
            jobs=plan.jobs,
        )
        note = f"optimism {optimism.optimism:.3f}, {plan.bootstrap} samples".replace("-", "−")
        rows += [
            row(names, "apparent", measure, optimism.apparent, study),
            row(names, "bootstrap-corrected", measure, optimism.corrected, study, note=note),
            row(
                names,
                "bootstrap-corrected",
                "calibration_slope",
                Estimate(optimism.slope, n=len(study.X)),
                study,
            ),
        ]
    return rows, folds.risk


def _permuted(
    signature: Signature, study: Study, plan: Plan, names: tuple[str, str]
) -> PerformanceRow:
    """Mean of folds on outcomes dealt to other patients, with the range of the permutations."""
    scores = permutation_null(
        signature,
        study.X,
        study.y,
        study.patients,
        n=plan.permutations,
        folds=plan.folds,
        seed=plan.seed,
        jobs=plan.jobs,
    )["score"]
    return row(
        names,
        "permuted outcome",
        "harrell_c" if study.endpoint.is_survival else "auc",
        Estimate(float(scores.mean()), n=len(study.X)),
        study,
        note=f"{plan.permutations} permutations from {scores.min():.3f} to {scores.max():.3f}",
    )


def _is_tree(study: Study, plan: Plan) -> bool:
    return _learner(study, plan) in ("xgboost", "random_forest")


def cross_validation_rows(
    folds: CrossValidation, study: Study, measure: str, names: tuple[str, str]
) -> list[PerformanceRow]:
    """Mean of folds with its spread, and the pooled out-of-fold score with its interval."""
    summary = folds.summary().set_index("measure")["value"]
    failed = folds.folds.loc[folds.folds["note"] != "", "note"]
    lost = "".join(f"; {len(failed)} fold(s) failed, first: {note}" for note in failed[:1])
    without = folds.risk.index[folds.risk.isna()].tolist()
    if without:
        raise InputError(f"{names[0]}: no out-of-fold prediction for {without[:5]}{lost}")
    pooled = (harrell_c if measure == "harrell_c" else auc)(study.y, folds.risk)
    spread = f"mean of folds; SD of folds {summary['sd_of_folds']:.3f}"
    if len(folds.risks.columns) > 1:
        spread += f", of repeats {summary['sd_of_repeats']:.3f}"
    return [
        row(names, "nested CV", measure, pooled, study, note=f"pooled out-of-fold{lost}"),
        row(
            names,
            "nested CV",
            measure,
            Estimate(float(summary["mean_of_folds"]), n=len(study.X)),
            study,
            note=spread,
        ),
    ]


def compare(
    study: Study, scores: dict[str, pd.Series], cohort: str, design: str
) -> list[Comparison]:
    """Paired differences in discrimination on the same cases, with interval and test."""
    y = study.y
    survival = isinstance(y, pd.DataFrame)
    found = []
    for a, b in PAIRS:
        if a not in scores or b not in scores:
            continue
        pair = pd.DataFrame({b: scores[b], a: scores[a]})
        both = compare_risks(y, pair, study.patients, baseline=b)
        gain = both.set_index("model").loc[a]
        paired = Comparison(
            model_a=a,
            model_b=b,
            cohort=cohort,
            measure="harrell_c" if survival else "auc",
            difference=float(gain["difference"]),
            lower=or_none(gain["difference_lower"]),
            upper=or_none(gain["difference_upper"]),
            p=or_none(gain["p"]),
            design=design,
            test="infinitesimal jackknife" if survival else "DeLong",
        )
        found.append(paired)
        if not pd.isna(gain["lrt_p"]):
            found.append(
                dataclasses.replace(
                    paired,
                    measure="lrt_chi2",
                    difference=float(gain["lrt_chi2"]),
                    lower=None,
                    upper=None,
                    p=float(gain["lrt_p"]),
                    test="Cox model of both scores, likelihood ratio",
                )
            )
    return found


def count_events(y: pd.DataFrame | pd.Series) -> int:
    """Count observed events, or cases with the marker."""
    return int((y["event"] if isinstance(y, pd.DataFrame) else y).sum())


def row(
    names: tuple[str, str],
    design: str,
    measure: str,
    estimate: Estimate,
    study: Study,
    *,
    note: str = "",
) -> PerformanceRow:
    """One number of a model in a cohort; names are model and cohort."""
    return PerformanceRow(
        model=names[0],
        cohort=names[1],
        design=design,
        measure=measure,
        value=or_none(estimate.value),
        lower=or_none(estimate.lower),
        upper=or_none(estimate.upper),
        n=len(study.X),
        events=count_events(study.y),
        note=note,
    )
