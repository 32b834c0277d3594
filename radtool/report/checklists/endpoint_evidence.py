"""Results of one endpoint -> proofs."""

from __future__ import annotations

from collections.abc import Iterator

from radtool.report.checklists.topics import Proof
from radtool.report.results import EndpointResults, PerformanceRow
from radtool.report.wording import NOT_NEW, integer, measure_of, model_label, number

__all__ = ["endpoint_proofs"]

Found = Iterator[tuple[str, Proof]]

SIMPLE = ("intercept", "cox", "fine-gray", "logistic")
STEP_WORDS = {
    "redundancy": ("correlation", "redundan"),
    "robustness_filter": ("stability", "stable", "icc", "ccc", "robust", "reproduc", "repeatab"),
    "scaling": ("z-score", "zscore", "scale", "standardi"),
}


def endpoint_proofs(endpoint: EndpointResults) -> Found:
    """Yield (topic, proof) for everything that one endpoint's results show."""
    yield from _question(endpoint)
    yield from _models(endpoint)
    yield from _steps(endpoint)
    yield from _prepared(endpoint)
    yield from _designs(endpoint)
    yield from _discrimination(endpoint)
    yield from _calibration(endpoint)
    yield from _comparators(endpoint)
    yield from _use(endpoint)


def _is_resampled(row: PerformanceRow) -> bool:
    words = ("nested", "cross-validation", "bootstrap", "leave-one")
    return any(word in row.design.lower() for word in words)


def _known(endpoint: EndpointResults, *groups: str) -> list[PerformanceRow]:
    """Return honest rows: not apparent, with a value, of these groups of measures."""
    return [
        row
        for row in endpoint.performance
        if row.value is not None
        and row.design.lower() not in NOT_NEW
        and measure_of(row.measure).group in groups
    ]


def _question(endpoint: EndpointResults) -> Found:
    question = endpoint.question
    if question.is_defined:
        yield "outcome_definition", Proof(question.positive, "Flow of cases")
    counted = [c for c in question.cohorts if c.events is not None]
    if counted:
        text = "; ".join(f"{c.name} {integer(c.events)} of {integer(c.n)}" for c in counted)
        yield "class_balance", Proof(text, "Flow of cases")
    followed = [c for c in question.cohorts if c.follow_up is not None]
    if followed:
        text = "; ".join(f"{c.name} {number(c.follow_up, 1)} {question.unit}" for c in followed)
        yield "follow_up", Proof(f"median follow-up {text}", "Flow of cases")


def _models(endpoint: EndpointResults) -> Found:
    kinds = dict.fromkeys(model.kind for model in endpoint.models if model.kind)
    if kinds:
        yield "algorithm", Proof(", ".join(kinds), "Models")
    for model in endpoint.models:
        label = model.label or model.name
        if model.coefficients:
            yield "coefficients", Proof(f"{label}: {len(model.coefficients)} rows", "Models")
        if any(row.importance is not None for row in model.coefficients):
            yield "importance", Proof(label, "Models")
        if model.events_per_candidate is not None:
            text = f"{label}: {number(model.events_per_candidate, 1)}"
            yield "events_per_candidate", Proof(text, "Models")
        if model.required_n is not None:
            text = (
                f"{label}: {integer(model.n)} patients, {integer(model.required_n)} required by"
                " Riley’s criteria, computed by this run"
            )
            yield "required_n", Proof(text, "Models")


def _steps(endpoint: EndpointResults) -> Found:
    for model in endpoint.models:
        label = model.label or model.name
        if not model.path:
            continue
        first, last = model.path[0], model.path[-1]
        text = f"{label}: {integer(first.n_in)} to {integer(last.n_out)} features"
        yield "selection_path", Proof(text, "Feature selection")
        if last.n_out < first.n_in:
            yield "feature_reduction", Proof(text, "Feature selection")
        for step in model.path:
            text = f"{label}: {step.step}, {integer(step.n_in)} to {integer(step.n_out)}"
            for topic in _topics(step.step, "redundancy", "robustness_filter"):
                yield topic, Proof(text, "Feature selection")


def _prepared(endpoint: EndpointResults) -> Found:
    methods = endpoint.methods
    if methods is not None:
        for step in methods.steps:
            for topic in _topics(step, "scaling"):
                yield topic, Proof(step, "Methods paragraph")
        if methods.missing:
            yield "missing_data", Proof(methods.missing, "Methods paragraph")


def _topics(step: str, *topics: str) -> list[str]:
    return [t for t in topics if any(word in step.lower() for word in STEP_WORDS[t])]


def _designs(endpoint: EndpointResults) -> Found:
    here = "Performance"
    designs = dict.fromkeys(
        r.design for r in endpoint.performance if r.value is not None and _is_resampled(r)
    )
    if designs:
        yield "internal_validation", Proof(", ".join(designs), here)
    external = [r for r in endpoint.performance if r.value is not None and r.design == "external"]
    cohorts = dict.fromkeys(r.cohort for r in external)
    if cohorts:
        yield "external_validation", Proof(", ".join(cohorts), here)
    if len(cohorts) > 1:
        yield "external_two", Proof(", ".join(cohorts), here)
    tested = [c for c in endpoint.question.cohorts if c.name in cohorts]
    sites = sorted({site for cohort in tested for site in cohort.sites})
    if len(sites) > 2:
        yield "external_three", Proof(", ".join(sites), here)
    methods = endpoint.methods
    if methods is not None and methods.grouped_by and designs:
        text = f"{', '.join(designs)}, each {methods.grouped_by} kept whole"
        yield "partition", Proof(text, "Methods paragraph")
    if any("nested" in design.lower() for design in designs):
        yield "tuning", Proof("every choice made inside the training fold", here)
    if any("leave-one-site" in design.lower() for design in designs):
        yield "heterogeneity", Proof("leave-one-site-out", here)


def _discrimination(endpoint: EndpointResults) -> Found:
    rows = _known(endpoint, "discrimination")
    if not rows:
        return
    here = "Performance"
    labels = dict.fromkeys(measure_of(r.measure).label for r in rows)
    yield "discrimination", Proof(", ".join(labels), here)
    if any(r.lower is not None and r.upper is not None for r in rows):
        yield "discrimination_interval", Proof("95 % intervals", here)
    bounded = [r for r in endpoint.performance if r.lower is not None and r.upper is not None]
    if bounded:
        yield "intervals", Proof(f"{len(bounded)} values with 95 % intervals", here)


def _calibration(endpoint: EndpointResults) -> Found:
    rows = _known(endpoint, "calibration")
    if rows:
        labels = dict.fromkeys(measure_of(r.measure).label for r in rows)
        yield "calibration", Proof(", ".join(labels), "Performance")
    elif endpoint.calibration:
        yield "calibration", Proof("calibration curve", "Calibration")
    if any(r.lower is not None and r.upper is not None for r in rows):
        yield "calibration_interval", Proof("95 % intervals", "Performance")
    resampled = [r for r in rows if _is_resampled(r)]
    if resampled:
        yield "calibration_resampled", Proof(resampled[0].design, "Performance")


def _comparators(endpoint: EndpointResults) -> Found:
    blocks = {model.name: set(model.blocks) for model in endpoint.models}
    kinds = {model.name: model.kind for model in endpoint.models}
    places: dict[tuple[str, str], set[str]] = {}
    for row in _known(endpoint, "discrimination"):
        places.setdefault((row.cohort, row.design), set()).add(row.model)
    for (cohort, design), names in places.items():
        with_radiomics = {name for name in names if "radiomics" in blocks.get(name, ())}
        if not with_radiomics:
            continue
        where = f"{cohort}, {design}"
        for topic, others in (
            ("non_radiomics_comparator", {n for n in names - with_radiomics if blocks.get(n)}),
            ("volume_comparator", {n for n in names if blocks.get(n) == {"volume"}}),
            ("simple_comparator", {n for n in names - with_radiomics if kinds.get(n) in SIMPLE}),
        ):
            if others:
                labels = sorted(model_label(endpoint.models, name) for name in others)
                yield topic, Proof(f"{', '.join(labels)} in {where}", "Performance")
        combined = {n for n in with_radiomics if len(blocks[n]) > 1}
        if combined:
            labels = sorted(model_label(endpoint.models, name) for name in combined)
            yield "combined_model", Proof(f"{', '.join(labels)} in {where}", "Performance")
        deep = {n for n in with_radiomics if "deep" in blocks[n]}
        if deep:
            yield "deep_combined", Proof(", ".join(sorted(deep)), "Performance")
    judged = [c for c in endpoint.comparisons if c.p is not None or c.lower is not None]
    if judged:
        yield "model_comparison", Proof(f"{len(judged)} comparisons", "Added value")


def _use(endpoint: EndpointResults) -> Found:
    cuts = dict.fromkeys(curve.cut for curve in endpoint.kaplan_meier if curve.cut)
    if cuts:
        yield "cut_off", Proof("; ".join(cuts), "Risk groups")
    if endpoint.decision:
        cohorts = ", ".join(dict.fromkeys(curve.cohort for curve in endpoint.decision))
        yield "decision_curve", Proof(cohorts, "Decision curves")
    variables = dict.fromkeys(r.variable for r in endpoint.subgroups if r.value is not None)
    if variables:
        yield "subgroups", Proof(", ".join(variables), "Subgroups")
    files = [card.file or card.name for card in endpoint.signatures if card.sha256]
    if files:
        yield "model_file", Proof(", ".join(files), "Signatures")
