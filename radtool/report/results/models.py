"""What was fitted and how well it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from radtool.report.results.record import Record

__all__ = [
    "Coefficient",
    "Comparison",
    "Dropped",
    "Headline",
    "Look",
    "Methods",
    "ModelResult",
    "PerformanceRow",
    "ProportionalHazardsRow",
    "SelectionStep",
    "SignatureCard",
    "TruthRow",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(Record):
    """A feature that a selection step let go.

    Parameters
    ----------
    feature, reason : str
        Column and words: "Spearman with original_glcm_contrast".
    value : float, optional
        The number that decided.
    """

    feature: str
    reason: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionStep(Record):
    """One step of the path from all features to the model.

    Parameters
    ----------
    step : str
        "CorrelationFilter".
    n_in, n_out : int
        Features before and after.
    setting : str
        "|Spearman| > 0.85".
    dropped : tuple of Dropped
        Which and why; may be empty for long lists.
    """

    step: str
    n_in: int
    n_out: int
    setting: str = ""
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient(Record):
    """One row of a model table.

    Parameters
    ----------
    feature : str
        Column.
    block : str
        "clinical", "radiomics", ….
    coefficient : float, optional
        On the scale of the linear predictor.
    ratio, lower, upper : float, optional
        Hazard or odds ratio (`ModelResult.effect` says which) and 95 % limits.
    p : float, optional
        Wald test.
    importance : float, optional
        For tree models: mean absolute attribution.
    unit : str
        Of what one step is the ratio: "per SD", "per 10 years".
    """

    feature: str
    block: str = ""
    coefficient: float | None = None
    ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    importance: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProportionalHazardsRow(Record):
    """Score test of proportional hazards of one feature ("GLOBAL" for all).

    Parameters
    ----------
    feature : str
        Column or "GLOBAL".
    chi2, p : float, optional
        Test statistic and p-value.
    df : int, default 1
        Degrees of freedom.
    """

    feature: str
    chi2: float | None = None
    p: float | None = None
    df: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult(Record):
    """A fitted model and how it came about.

    Parameters
    ----------
    name : str
        Key used by performance rows and curves: "clinical_volume".
    label : str
        Words: "clinical + volume"; empty: `name` is used.
    kind : str
        "cox", "elastic-net cox", "xgboost", "logistic", "random forest", "intercept".
    blocks : tuple of str
        Which predictors it could use.
    effect : {"hazard ratio", "odds ratio", ""}
        What `Coefficient.ratio` is.
    path : tuple of SelectionStep
        From all candidates to the model.
    coefficients : tuple of Coefficient
        Model table.
    proportional_hazards : tuple of ProportionalHazardsRow
        Of Cox models.
    n, events, candidates : int, optional
        Training cases, events, and predictors *offered* (not those left).
    events_per_candidate : float, optional
        events / candidates.
    required_n : int, optional
        Sample size by Riley's criteria for `candidates`.
    settings : mapping
        Hyper-parameters.
    notes : tuple of str
        What a reader must know: "no feature passed selection".
    """

    name: str
    label: str = ""
    kind: str = ""
    blocks: tuple[str, ...] = ()
    effect: Literal["hazard ratio", "odds ratio", ""] = ""
    path: tuple[SelectionStep, ...] = ()
    coefficients: tuple[Coefficient, ...] = ()
    proportional_hazards: tuple[ProportionalHazardsRow, ...] = ()
    n: int | None = None
    events: int | None = None
    candidates: int | None = None
    events_per_candidate: float | None = None
    required_n: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRow(Record):
    """One number of one model in one cohort under one design.

    Parameters
    ----------
    model, cohort : str
        Names.
    design : str
        "apparent", "nested CV", "bootstrap-corrected", "leave-one-site-out", "external".
    measure : str
        A key of `radtool.report.wording.MEASURES` ("harrell_c", "auc", "calibration_slope", …);
        others are printed as they are.
    value, lower, upper : float, optional
        Estimate and 95 % limits.
    n, events : int, optional
        Cases and events it rests on.
    horizon : float, optional
        Time of a time-dependent measure.
    note : str
        "pooled over folds", "fold SD 0.056".
    """

    model: str
    cohort: str
    design: str
    measure: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    events: int | None = None
    horizon: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Record):
    """Difference of two models on the same cases.

    Parameters
    ----------
    model_a, model_b : str
        Names; the difference is a minus b.
    cohort, measure : str
        As in `PerformanceRow`; "lrt_chi2" for a likelihood-ratio test.
    difference, lower, upper, p : float, optional
        Difference, 95 % limits, p-value.
    design : str
        As in `PerformanceRow`.
    test : str
        "infinitesimal jackknife", "DeLong", "likelihood ratio, 3 df".
    """

    model_a: str
    model_b: str
    cohort: str
    measure: str
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    design: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline(Record):
    """The plain answer of one endpoint.

    Parameters
    ----------
    comparison : Comparison, optional
        Everything against clinical + volume. `render` words the answer from it.
    sentences : tuple of str
        Further plain sentences, printed below the answer.
    """

    comparison: Comparison | None = None
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthRow(Record):
    """What was built into synthetic data, beside what came out.

    Parameters
    ----------
    quantity : str
        In words.
    truth, recovered, lower, upper : float, optional
        The planted value, the estimate and its 95 % limits.
    verdict : str
        "recovered", "not recovered", in words.
    unit : str
        Of all of them.
    """

    quantity: str
    truth: float | None = None
    recovered: float | None = None
    lower: float | None = None
    upper: float | None = None
    verdict: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCard(Record):
    """A signature file in short, so that a reader can judge whether to run it.

    Parameters
    ----------
    name, model : str
        Signature and the model it freezes.
    file, sha256 : str
        File name and hash.
    features : tuple of str
        What it needs.
    parameters_sha256 : str
        Hash of the extraction parameters it accepts.
    cutoffs : mapping of str to float
        Rule -> threshold on the risk score.
    n, events : int, optional
        Training cases and events.
    intended_use, not_for : str
        In words.
    licence : str
        Of the signature file.
    """

    name: str
    model: str = ""
    file: str = ""
    sha256: str = ""
    features: tuple[str, ...] = ()
    parameters_sha256: str = ""
    cutoffs: Mapping[str, float] = field(default_factory=dict)
    n: int | None = None
    events: int | None = None
    intended_use: str = ""
    not_for: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Record):
    """One entry of the evaluation log of an external cohort.

    Parameters
    ----------
    signature, cohort : str
        Which signature met which cohort.
    sha256 : str
        Of the signature file.
    when : str
        Declared time stamp.
    """

    signature: str
    cohort: str
    sha256: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Methods(Record):
    """What the methods paragraph needs and the models do not say.

    Parameters
    ----------
    steps : tuple of str
        Pipeline steps in order, in words: "ComBat by site", "z-score".
    folds, repeats, bootstraps, seed : int, optional
        Of the resampling.
    grouped_by : str
        What is kept whole across folds: "patient".
    external : str
        How the frozen signature was tested.
    interval : str
        How intervals were made: "infinitesimal jackknife".
    missing : str
        How missing values are handled, in words.
    sentences : tuple of str
        Added to the paragraph as they are.
    """

    steps: tuple[str, ...] = ()
    folds: int | None = None
    repeats: int | None = None
    bootstraps: int | None = None
    seed: int | None = None
    grouped_by: str = ""
    external: str = ""
    interval: str = ""
    missing: str = ""
    sentences: tuple[str, ...] = ()
