"""The methods paragraph, written from what was run and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from radtool.report.controls import how_made
from radtool.report.results import EndpointResults, Extraction, Methods, StudyResults
from radtool.report.wording import counted, integer, measure_of

__all__ = ["methods_paragraph"]


def methods_paragraph(results: StudyResults) -> str:
    """Write the methods of a study in sentences, each of which the results prove.

    Parameters
    ----------
    results : StudyResults
        What was run; what is missing there is not mentioned.

    Returns
    -------
    str
        Paragraphs parted by an empty line: data and features, each endpoint, software. Empty when
        the results hold nothing to tell.
    """
    paragraphs = [_data(results), *map(_endpoint, results.endpoints)]
    if any(paragraphs):
        paragraphs.append(_software(results))
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs if sentences)


def _data(results: StudyResults) -> list[str]:
    sentences: list[str] = []
    if results.synthetic:
        sentences.append("The data are synthetic.")
    sentences += _masks(results)
    if results.extraction is not None:
        sentences += _extraction(results, results.extraction)
    return sentences + _harmonization(results)


def _software(results: StudyResults) -> list[str]:
    versions = results.provenance.get("versions")
    if not isinstance(versions, Mapping) or "radtool" not in versions:
        return []
    chosen = [
        f"{name} {versions[name]}"
        for name in ("python", "numpy", "scipy", "scikit-learn", "lifelines", "statsmodels")
        if name in versions
    ]
    below = f" ({', '.join(chosen)})" if chosen else ""
    return [f"Analyses were made with radtool {versions['radtool']}{below}."]


def _masks(results: StudyResults) -> list[str]:
    if not results.masks:
        return []
    counts = Counter(mask.origin for mask in results.masks)
    words = {
        "manual": "delineated by hand",
        "automatic": "segmented automatically",
        "edited": "segmented automatically and corrected by hand",
        "unknown": "of unknown origin",
    }
    parts = [f"{words[origin]} in {integer(n)} cases" for origin, n in counts.most_common()]
    return [f"Regions of interest were {_listed(parts)}."]


def _extraction(results: StudyResults, extraction: Extraction) -> list[str]:
    settings = f" with the parameters {extraction.parameters}" if extraction.parameters else ""
    if extraction.sha256:
        settings += f" (SHA-256 {extraction.sha256[:12]}…)"
    families = f" of {len(extraction.families)} families" if extraction.families else ""
    engine = extraction.engine or "radtool"
    text = (
        f"{integer(extraction.n_features)} features{families} were extracted from"
        f" {integer(extraction.n_cases)} cases by the {engine} engine{settings}."
    )
    failed = len({failure.case for failure in extraction.failures})
    if failed:
        was = "case could" if failed == 1 else "cases could"
        text += f" {integer(failed)} {was} not be processed and are listed with the reason."
    return [text]


def _harmonization(results: StudyResults) -> list[str]:
    found = results.harmonization
    if found is None or not found.method or found.method.lower() == "none":
        return []
    return [
        f"Batch effects of {found.batch} ({len(found.sizes) or 'several'} batches) were adjusted"
        f" for by {found.method}, estimated on training cases only."
    ]


def _endpoint(endpoint: EndpointResults) -> list[str]:
    question = endpoint.question
    label = question.label or question.name
    kind = "a time to event" if question.kind == "survival" else "a binary marker"
    if question.competing:
        kind += " with competing risks"
    defined = f", {question.positive}" if question.is_defined else ""
    sentences = [f"The endpoint {label} is {kind}{defined}."]
    development = [c for c in question.cohorts if c.role == "development"]
    external = [c for c in question.cohorts if c.role == "external"]
    if development:
        parts = [f"{c.name} ({_size(c.n, c.events, c.unit)})" for c in development]
        sentences.append(f"Models were developed on {_listed(parts)}.")
    fitted = [model for model in endpoint.models if model.kind]
    if fitted:
        parts = [f"{m.label or m.name} ({m.kind})" for m in fitted]
        sentences.append(f"The following models were compared: {_listed(parts)}.")
    if endpoint.methods is not None:
        sentences += _designs(endpoint.methods)
    if endpoint.controls:
        ways = ", or after ".join(how_made(endpoint.controls))
        sentences.append(
            "As negative controls, all features were extracted again with the same parameters after"
            f" {ways}; the models with radiomics were refitted on them in the same folds."
        )
    if external:
        parts = [f"{c.name} ({_size(c.n, c.events, c.unit)})" for c in external]
        sentences.append(f"The frozen models were then tested on {_listed(parts)}.")
    measures = dict.fromkeys(measure_of(row.measure).label for row in endpoint.performance)
    if measures:
        sentences.append(f"Reported are {_listed(list(measures))}.")
    cuts = dict.fromkeys(curve.cut for curve in endpoint.kaplan_meier if curve.cut)
    if cuts:
        sentences.append(f"Risk groups were formed by {_listed(list(cuts))}.")
    return sentences


def _designs(methods: Methods) -> list[str]:
    sentences = []
    if methods.steps:
        steps = _listed(list(methods.steps))
        sentences.append(f"Inside every training set the steps were, in this order, {steps}.")
    if methods.missing:
        sentences.append(f"Missing values: {methods.missing.rstrip('.')}.")
    if methods.folds:
        again = f", repeated {methods.repeats} times" if (methods.repeats or 1) > 1 else ""
        whole = f", keeping each {methods.grouped_by} in one fold" if methods.grouped_by else ""
        sentences.append(
            f"Internal validation was {methods.folds}-fold cross-validation{again}{whole}, with"
            " every step refitted in each fold."
        )
    if methods.bootstraps:
        sentences.append(f"{integer(methods.bootstraps)} bootstrap samples were drawn.")
    if methods.interval:
        sentences.append(f"Intervals are 95 % intervals by {methods.interval}.")
    if methods.external:
        sentences.append(f"External validation: {methods.external.rstrip('.')}.")
    if methods.seed is not None:
        sentences.append(f"The random seed was {methods.seed}.")
    return sentences + [text if text.endswith(".") else f"{text}." for text in methods.sentences]


def _size(n: int, events: int | None, unit: str) -> str:
    return counted(n, unit) + (f", {counted(events, 'events')}" if events is not None else "")


def _listed(parts: list[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
