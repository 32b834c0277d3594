"""The plain answer first, with the few numbers it rests on."""

from __future__ import annotations

from typing import Literal

from radtool.report.blocks import Block, Section, Table, Text, Verdict, sheet_of, slug
from radtool.report.controls import control_rows, control_sentences, doubt, is_from_elsewhere
from radtool.report.results import Comparison, EndpointResults, PerformanceRow, StudyResults
from radtool.report.wording import (
    NOT_NEW,
    counted,
    estimate,
    heading,
    headline_sentence,
    interval,
    measure_of,
    model_label,
    signed,
)

__all__ = ["LEADING", "leading_measure", "leading_rows", "places", "summary_section"]

LEADING = ("harrell_c", "auc", "uno_c", "auc_t")
DESIGNS = ("external", "leave-one-site-out", "nested cv", "cross-validation", "bootstrap")
PLACE = ("model", "cohort", "design")
FIELDS = (*PLACE, "measure", "horizon", "value", "lower", "upper", "n", "events")


def leading_measure(endpoint: EndpointResults) -> str | None:
    """Return the measure that the endpoint is judged by, or None without any."""
    if endpoint.headline and endpoint.headline.comparison:
        return endpoint.headline.comparison.measure
    present = {row.measure for row in endpoint.performance}
    wanted = LEADING if endpoint.question.kind == "survival" else ("auc", *LEADING)
    return next((name for name in wanted if name in present), None)


def leading_rows(endpoint: EndpointResults) -> list[PerformanceRow]:
    """Return one row per model, cohort and design: not apparent, with an interval if there is."""
    measure = leading_measure(endpoint)
    chosen: dict[tuple[str, str, str], PerformanceRow] = {}
    for row in (*endpoint.performance, *control_rows(endpoint)):
        if row.measure != measure or row.value is None or row.design.lower() in NOT_NEW:
            continue
        key = (row.model, row.cohort, row.design)
        if key not in chosen or (chosen[key].lower is None and row.lower is not None):
            chosen[key] = row
    order = [model.name for model in endpoint.models]
    return sorted(
        chosen.values(),
        key=lambda row: order.index(row.model) if row.model in order else len(order),
    )


def summary_section(results: StudyResults) -> Section | None:
    """Return the answer and the key numbers of every endpoint."""
    blocks: list[Block] = [Text(text=words, style="warning") for words in results.warnings]
    if results.description:
        blocks.append(Text(text=results.description))
    for endpoint in results.endpoints:
        blocks += _endpoint(endpoint)
    if not blocks:
        return None
    return Section(name="summary", title="Summary", blocks=tuple(blocks))


def _endpoint(endpoint: EndpointResults) -> list[Block]:
    blocks: list[Block] = []
    headline = endpoint.headline
    if headline is not None:
        comparison = headline.comparison
        details = list(headline.sentences)
        if comparison is not None:
            answer = headline_sentence(comparison, endpoint.models)
            answer = f"{answer} {doubt(endpoint)}".rstrip()
            found = (*_elsewhere(comparison, endpoint), *control_sentences(endpoint))
            details = [_where(comparison, endpoint), *found, *details]
        elif details:
            answer = details.pop(0)
        else:
            answer = "No comparison with clinical + volume was made."
        blocks.append(
            Verdict(
                title=heading(endpoint.question),
                sentence=answer,
                details=tuple(text for text in details if text),
                tone="none" if is_from_elsewhere(endpoint) else _tone(comparison),
            )
        )
    table = _key_numbers(endpoint)
    return [*blocks, table] if table else blocks


def _tone(comparison: Comparison | None) -> Literal["gain", "loss", "none"]:
    if comparison is None or comparison.lower is None or comparison.upper is None:
        return "none"
    sign = -1 if measure_of(comparison.measure).better == "lower" else 1
    if min(sign * comparison.lower, sign * comparison.upper) > 0:
        return "gain"
    if max(sign * comparison.lower, sign * comparison.upper) < 0:
        return "loss"
    return "none"


def _where(comparison: Comparison, endpoint: EndpointResults) -> str:
    measure = measure_of(comparison.measure)
    pieces = [
        f"Difference of {model_label(endpoint.models, comparison.model_a)} and"
        f" {model_label(endpoint.models, comparison.model_b)} in {measure.label},"
        f" 95 % interval in brackets, {comparison.cohort}"
    ]
    cohort = next((c for c in endpoint.question.cohorts if c.name == comparison.cohort), None)
    if cohort is not None:
        pieces.append(f" ({counted(cohort.n, cohort.unit)}")
        pieces.append(
            f", {counted(cohort.events, 'events')})" if cohort.events is not None else ")"
        )
    if comparison.design:
        pieces.append(f", {comparison.design}")
    return "".join(pieces) + "."


def _elsewhere(comparison: Comparison, endpoint: EndpointResults) -> list[str]:
    """Say what the same two models gave in other cohorts and designs."""
    measure = measure_of(comparison.measure)
    pair = (comparison.model_a, comparison.model_b, comparison.measure)
    others = [
        f"{row.cohort}{f', {row.design}' if row.design else ''}"
        f" {signed(row.difference, measure.digits)}"
        f" ({interval(row.lower, row.upper, measure.digits)})"
        for row in endpoint.comparisons
        if (row.model_a, row.model_b, row.measure) == pair
        and (row.cohort, row.design) != (comparison.cohort, comparison.design)
        and row.difference is not None
    ]
    return [f"The same difference elsewhere: {'; '.join(others)}."] if others else []


def _key_numbers(endpoint: EndpointResults) -> Table | None:
    measure = leading_measure(endpoint)
    rows = leading_rows(endpoint)
    if measure is None or not rows:
        return None
    columns = places(rows)[:4]
    names = [m.name for m in endpoint.models] + [row.model for row in rows]
    digits = measure_of(measure).digits
    found = {(row.model, row.cohort, row.design): row for row in rows}
    shown = []
    for name in dict.fromkeys(names):
        cells = [found.get((name, *place)) for place in columns]
        if any(cells):
            texts = [estimate(r.value, r.lower, r.upper, digits) if r else "–" for r in cells]
            shown.append((model_label(endpoint.models, name), *texts))
    return Table(
        name=f"{slug(endpoint.question.name)}-summary",
        caption=f"{heading(endpoint.question)}: {measure_of(measure).label} (95 % interval)",
        columns=("Model", *(f"{cohort} · {design}" for cohort, design in columns)),
        rows=tuple(shown),
        sheet=sheet_of(rows, FIELDS),
    )


def places(rows: list[PerformanceRow]) -> list[tuple[str, str]]:
    """Return every cohort and design: external ones first, then the stricter designs."""
    found = list(dict.fromkeys((row.cohort, row.design) for row in rows))

    def rank(place: tuple[str, str]) -> int:
        design = place[1].lower()
        return next((i for i, known in enumerate(DESIGNS) if design.startswith(known)), 99)

    return sorted(found, key=rank)
