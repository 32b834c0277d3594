"""Who was studied: flow diagram, cohort table, extraction, findings, masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from radtool.report.blocks import (
    Block,
    Facts,
    Flow,
    Fold,
    Section,
    Sheet,
    Table,
    Text,
    sheet_of,
    slug,
)
from radtool.report.results import BaselineRow, ControlCases, Population, StudyResults
from radtool.report.wording import heading, integer, p_value, percent

__all__ = [
    "baseline_section",
    "baseline_table",
    "extraction_section",
    "findings_section",
    "flatten",
    "flow_section",
    "masks_section",
]


def flow_section(results: StudyResults) -> Section | None:
    """Return the flow diagram, with the cohorts of every endpoint at its end."""
    blocks: list[Block] = []
    ends = tuple(
        (heading(e.question), e.question.cohorts)
        for e in results.endpoints
        if e.question.cohorts and not (e.population and e.population.flow)
    )
    shared = results.population.flow if results.population else ()
    if shared:
        blocks += _flow(results.population, ends, "flow")
    for endpoint in results.endpoints:
        own = endpoint.population
        if own is not None and own.flow:
            name = heading(endpoint.question)
            blocks.append(Text(text=f"{name}:"))
            blocks += _flow(own, ((name, endpoint.question.cohorts),), f"flow-{name}")
    if not blocks and ends:
        blocks.append(Flow(boxes=(), ends=ends))
    if not blocks:
        return None
    return Section(name="flow", title="Flow of cases", blocks=tuple(blocks))


def _flow(population: Population | None, ends: Any, name: str) -> list[Block]:
    boxes = population.flow if population else ()
    rows = tuple(
        (box.label, reason.reason, case)
        for box in boxes
        for reason in box.excluded
        for case in reason.cases
    )
    blocks: list[Block] = [Flow(boxes=boxes, ends=ends)]
    if rows:
        table = Table(
            name=name,
            caption="Cases that left, and why",
            columns=("Before", "Reason", "Case"),
            rows=rows,
            text_columns=3,
        )
        blocks.append(
            Fold(summary=f"{integer(len(rows))} cases left out, by name", blocks=(table,))
        )
    return blocks


def baseline_section(results: StudyResults) -> Section | None:
    """Return the cohort table of the study and of endpoints that have their own."""
    blocks: list[Block] = []
    if results.population and results.population.baseline:
        blocks.append(baseline_table(results.population))
    for endpoint in results.endpoints:
        if endpoint.population and endpoint.population.baseline:
            name = heading(endpoint.question)
            blocks.append(baseline_table(endpoint.population, name))
    if not blocks:
        return None
    return Section(name="cohort", title="Cohort", blocks=tuple(blocks))


def baseline_table(population: Population, title: str = "") -> Table:
    """Lay out the cohort table; the tests were made elsewhere and are only printed.

    Parameters
    ----------
    population : Population
        Columns and rows.
    title : str
        Endpoint it belongs to; empty: the whole study.
    """
    rows = population.baseline
    tested = any(row.p is not None for row in rows)
    shown, seen = [], ""
    for row in rows:
        first = row.variable if row.variable != seen else ""
        seen = row.variable
        cells = (first, row.level, *row.values)
        shown.append((*cells, p_value(row.p) if row.p is not None else "") if tested else cells)
    header = ("variable", "level", *population.columns, "p", "test")
    sheet = Sheet(header, tuple((r.variable, r.level, *r.values, r.p, r.test) for r in rows))
    return Table(
        name=f"cohort-{title}" if title else "cohort",
        caption=f"Characteristics, {title}" if title else "Characteristics of the cohorts",
        columns=("Variable", "", *population.columns, *(("p",) if tested else ())),
        rows=tuple(shown),
        sheet=sheet,
        note=_tests(rows),
        text_columns=2,
    )


def _tests(rows: tuple[BaselineRow, ...]) -> str:
    tests = dict.fromkeys(row.test for row in rows if row.test)
    return f"p: {', '.join(tests)}; not corrected for multiplicity." if tests else ""


def flatten(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as dotted keys and texts.

    Examples
    --------
    >>> flatten({"resample": {"spacing_mm": [1, 1, 1]}, "jobs": None})
    [('resample.spacing_mm', '1, 1, 1'), ('jobs', '–')]
    """
    pairs: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            pairs += flatten(value, f"{name}.")
        elif isinstance(value, list | tuple):
            pairs.append((name, ", ".join(_leaf(item) for item in value)))
        else:
            pairs.append((name, _leaf(value)))
    return pairs


def _leaf(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {text}" for key, text in flatten(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def extraction_section(results: StudyResults) -> Section | None:
    """Return how features were made, and every case that failed."""
    extraction = results.extraction
    if extraction is None:
        return None
    failed = len({failure.case for failure in extraction.failures})
    pairs = [
        ("Cases with features", integer(extraction.n_cases)),
        ("Cases that failed", integer(failed)),
        ("Features", integer(extraction.n_features)),
        ("Engine", extraction.engine),
        ("Parameters", extraction.parameters or "–"),
        ("Parameters SHA-256", extraction.sha256 or "–"),
    ]
    blocks: list[Block] = [Facts(pairs=tuple(pairs))]
    if extraction.failures:
        fields = ("case", "stage", "reason", "path")
        rows = tuple(tuple(getattr(f, name) for name in fields) for f in extraction.failures)
        blocks.append(
            Table(
                name="failures",
                caption="Cases that failed, each with its reason",
                columns=("Case", "Stage", "Reason", "File"),
                rows=rows,
                sheet=sheet_of(extraction.failures, fields),
                text_columns=4,
            )
        )
    else:
        blocks.append(Text(text="No case failed."))
    blocks += [block for made in results.controls for block in _control(made)]
    blocks += _families(extraction.families) + _settings(extraction.settings)
    return Section(name="extraction", title="Feature extraction", blocks=tuple(blocks))


def _control(made: ControlCases) -> list[Block]:
    """Return how many cases a negative control has, and which have none."""
    label = made.name.replace("_", " ")
    if not made.failures:
        return [Text(text=f"Control, {label}: {integer(made.n_cases)} cases, none failed.")]
    fields = ("case", "stage", "reason", "path")
    table = Table(
        name=f"failures-{slug(made.name)}",
        caption=f"Cases without the control {label}, each with its reason",
        columns=("Case", "Stage", "Reason", "File"),
        rows=tuple(tuple(getattr(f, name) for name in fields) for f in made.failures),
        sheet=sheet_of(made.failures, fields),
        text_columns=4,
    )
    count = integer(len(made.failures))
    summary = f"Control, {label}: {integer(made.n_cases)} cases, {count} without it, named"
    return [Fold(summary=summary, blocks=(table,))]


def _families(families: Mapping[str, int]) -> list[Block]:
    if not families:
        return []
    rows = tuple((name, integer(count)) for name, count in families.items())
    table = Table(
        name="families",
        caption="Features by family",
        columns=("Family", "Features"),
        rows=rows,
        sheet=Sheet(("family", "features"), tuple(families.items())),
    )
    return [Fold(summary="Features by family", blocks=(table,))]


def _settings(settings: Mapping[str, Any]) -> list[Block]:
    if not settings:
        return []
    table = Table(
        name="parameters",
        caption="Every extraction setting",
        columns=("Setting", "Value"),
        rows=tuple(flatten(settings)),
        text_columns=2,
    )
    return [Fold(summary="Every extraction setting", blocks=(table,))]


def findings_section(results: StudyResults) -> Section | None:
    """Return what curation noticed."""
    findings = results.findings
    if not findings:
        return None
    counts = Counter(finding.severity for finding in findings)
    words = ", ".join(f"{counts[level]} {level}" for level in ("error", "warning", "info"))
    fields = ("case", "severity", "check", "text")
    table = Table(
        name="findings",
        caption="Findings of curation",
        columns=("Case", "Severity", "Check", "Finding"),
        rows=tuple(tuple(getattr(f, name) for name in fields) for f in findings),
        sheet=sheet_of(findings, fields),
        text_columns=4,
    )
    block: Block = table
    if len(findings) > 12:
        block = Fold(summary=f"All {len(findings)} findings", blocks=(table,))
    return Section(
        name="findings",
        title="Data curation",
        blocks=(Text(text=f"{len(findings)} findings: {words}."), block),
    )


def masks_section(results: StudyResults) -> Section | None:
    """Return where the regions came from."""
    if not results.masks:
        return None
    counts = Counter(mask.origin for mask in results.masks)
    total = len(results.masks)
    rows = tuple(
        (origin, integer(count), percent(count, total)) for origin, count in counts.most_common()
    )
    fields = ("case", "origin", "detail")
    table = Table(
        name="masks",
        caption="Origin of the regions of interest",
        columns=("Origin", "Cases", "Share"),
        rows=rows,
        sheet=sheet_of(results.masks, fields),
        note="The download lists every case.",
    )
    return Section(name="masks", title="Segmentation", blocks=(table,))
