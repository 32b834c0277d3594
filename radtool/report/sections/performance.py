"""How well models did: discrimination, calibration, comparisons, subgroups."""

from __future__ import annotations

from collections.abc import Sequence

from radtool.report.blocks import (
    Block,
    Figure,
    Figures,
    Section,
    Sheet,
    Table,
    Text,
    sheet_of,
    slug,
)
from radtool.report.controls import control_rows
from radtool.report.figures import ForestRow, draw_forest
from radtool.report.results import Comparison, EndpointResults, PerformanceRow, SubgroupRow
from radtool.report.sections.summary import FIELDS, leading_measure, leading_rows, places
from radtool.report.wording import (
    NOT_NEW,
    design_words,
    estimate,
    integer,
    interval,
    measure_of,
    model_label,
    number,
    p_value,
    signed,
)
from radtool.svg import shortened

__all__ = ["comparison_section", "performance_section", "subgroup_section"]

GROUPS = (
    ("discrimination", "Discrimination"),
    ("calibration", "Calibration"),
    ("overall", "Overall accuracy"),
    ("classification", "Classification at fixed cut-offs"),
)
RATIOS = ("hazard_ratio", "odds_ratio", "oe_ratio")


def performance_section(endpoint: EndpointResults) -> Section | None:
    """Return discrimination and calibration tables, and the comparators at a glance."""
    rows, hidden = _honest(endpoint.performance)
    blocks: list[Block] = []
    figure = _comparators(endpoint)
    if figure is not None:
        blocks.append(Figures(figures=figure))
    for name, title in GROUPS:
        chosen = [row for row in rows if measure_of(row.measure).group == name]
        for cohort in _cohorts(chosen):
            here = [row for row in chosen if row.cohort == cohort]
            blocks.append(_table(endpoint, here, name, f"{title} in {cohort} (95 % interval)"))
    if hidden:
        names = ", ".join(sorted({model_label(endpoint.models, row.model) for row in hidden}))
        blocks.append(
            Text(
                text=f"{len(hidden)} apparent values are not shown because no corrected value"
                f" stands beside them ({names}).",
                style="note",
            )
        )
    if not blocks:
        return None
    return Section(name="performance", title="Performance", level=3, blocks=tuple(blocks))


def _honest(
    rows: Sequence[PerformanceRow],
) -> tuple[list[PerformanceRow], list[PerformanceRow]]:
    """Split off apparent values that have no corrected or held-out value beside them."""
    beside = {(r.model, r.measure) for r in rows if r.design.lower() not in NOT_NEW}
    shown = [r for r in rows if r.design.lower() != "apparent" or (r.model, r.measure) in beside]
    return shown, [r for r in rows if r not in shown]


def _cohorts(rows: Sequence[PerformanceRow]) -> list[str]:
    """Return cohorts in the order of the rows, external ones first."""
    external = {row.cohort for row in rows if row.design == "external"}
    return sorted(dict.fromkeys(row.cohort for row in rows), key=lambda name: name not in external)


def _table(
    endpoint: EndpointResults, rows: Sequence[PerformanceRow], name: str, caption: str
) -> Table:
    measures = list(dict.fromkeys((r.measure, r.horizon) for r in rows))
    unit = endpoint.question.unit
    found = {(r.model, design_words(r), r.measure, r.horizon): r for r in rows}
    order = [model.name for model in endpoint.models]
    keys = sorted(
        dict.fromkeys((r.model, design_words(r)) for r in rows),
        key=lambda key: order.index(key[0]) if key[0] in order else len(order),
    )
    lines, before = [], ""
    for model, design in keys:
        cells = [found.get((model, design, *measure)) for measure in measures]
        first = next(cell for cell in cells if cell)
        texts = [
            estimate(c.value, c.lower, c.upper, measure_of(c.measure).digits) if c else "–"
            for c in cells
        ]
        label = "" if model == before else model_label(endpoint.models, model)
        before = model
        lines.append((label, design, integer(first.n), integer(first.events), *texts))
    heads = tuple(_head(measure, horizon, unit) for measure, horizon in measures)
    words = "; ".join(
        f"{measure_of(m).symbol}, {measure_of(m).label}"
        for m in dict.fromkeys(measure for measure, _ in measures)
        if measure_of(m).symbol != measure_of(m).label
    )
    return Table(
        name=f"{slug(endpoint.question.name)}-{name}-{slug(rows[0].cohort)}",
        caption=caption,
        columns=("Model", "Design", "n", "Events", *heads),
        rows=tuple(lines),
        sheet=sheet_of(rows, (*FIELDS, "note")),
        note=f"{words}." if words else "",
        text_columns=2,
    )


def _head(measure: str, horizon: float | None, unit: str) -> str:
    symbol = measure_of(measure).symbol
    return symbol if horizon is None else f"{symbol} at {horizon:g} {unit}".rstrip()


def _comparators(endpoint: EndpointResults) -> tuple[Figure, ...] | None:
    measure = leading_measure(endpoint)
    chosen = leading_rows(endpoint)
    if measure is None or len({r.model for r in chosen}) < 2:
        return None
    info = measure_of(measure)
    figures = []
    for cohort, design in places(chosen):
        here = [r for r in chosen if (r.cohort, r.design) == (cohort, design)]
        if len(here) < 2:
            continue
        lines = [
            ForestRow(
                label=model_label(endpoint.models, r.model),
                value=r.value,
                lower=r.lower,
                upper=r.upper,
                colour=_colour(endpoint, r.model),
            )
            for r in here
        ]
        said = "; ".join(
            f"{line.label} {estimate(line.value, line.lower, line.upper, info.digits)}"
            for line in lines
        )
        where = f"{cohort}, {design}"
        controls = "; green: negative controls" if any(x.colour == 2 for x in lines) else ""
        figures.append(
            Figure(
                name=f"{slug(endpoint.question.name)}-comparators-{slug(where)}",
                svg=draw_forest(
                    lines,
                    label=info.label,
                    alt=f"{info.label} of the models in {where}: {said}.",
                    reference=info.chance,
                    log=measure in RATIOS,
                    digits=info.digits,
                ),
                caption=f"{info.label} with 95 % interval, {where}. Blue: with radiomics;"
                f" vermillion: without{controls}.",
                sheet=sheet_of(here, FIELDS),
            )
        )
    return tuple(figures) or None


def _colour(endpoint: EndpointResults, name: str) -> int:
    if name in {row.model for row in control_rows(endpoint)}:
        return 2
    return 0 if "radiomics" in _blocks(endpoint, name) else 1


def _blocks(endpoint: EndpointResults, name: str) -> tuple[str, ...]:
    return next((model.blocks for model in endpoint.models if model.name == name), ())


def comparison_section(endpoint: EndpointResults) -> Section | None:
    """Return the differences between models on the same cases."""
    rows = endpoint.comparisons
    if not rows:
        return None
    partners = {_pair(row) for row in rows if row.measure != "lrt_chi2"}
    tests = {_pair(r): r for r in rows if r.measure == "lrt_chi2" and _pair(r) in partners}
    own = [row for row in rows if row.measure != "lrt_chi2" or _pair(row) not in partners]
    lines, bold = [], set()
    headline = endpoint.headline.comparison if endpoint.headline else None
    for i, row in enumerate(own):
        info = measure_of(row.measure)
        is_test = row.measure == "lrt_chi2"
        difference = (number if is_test else signed)(row.difference, info.digits)
        if row.lower is not None or row.upper is not None:
            difference += f" ({interval(row.lower, row.upper, info.digits)})"
        line = (
            model_label(endpoint.models, row.model_a),
            model_label(endpoint.models, row.model_b),
            ", ".join(text for text in (row.cohort, row.design) if text),
            info.label,
            difference,
            p_value(row.p),
        )
        lines.append((*line, _likelihood_ratio(tests.get(_pair(row)))) if tests else line)
        if row == headline:
            bold.add(i)
    heads: tuple[str, ...] = ("Model", "Against", "Cohort", "Measure", "Difference (95 % CI)", "p")
    methods = ", ".join(dict.fromkeys(row.test for row in own if row.test))
    note = f"Intervals and p: {methods}." if methods else ""
    if tests:
        heads = (*heads, "LR χ² (p)")
        note += " LR: likelihood-ratio test of the first model’s score beside the second’s."
    fields = ("model_a", "model_b", "cohort", "design", "measure", "difference", "lower", "upper")
    table = Table(
        name=f"{slug(endpoint.question.name)}-comparisons",
        caption="Differences between models (first minus second, same cases)",
        columns=heads,
        rows=tuple(lines),
        sheet=sheet_of(rows, (*fields, "p", "test")),
        note=note.strip(),
        text_columns=4,
        emphasis=frozenset(bold),
    )
    return Section(name="comparisons", title="Added value", level=3, blocks=(table,))


def _pair(row: Comparison) -> tuple[str, str, str, str]:
    return row.model_a, row.model_b, row.cohort, row.design


def _likelihood_ratio(row: Comparison | None) -> str:
    return "–" if row is None else f"{number(row.difference, 2)} ({p_value(row.p)})"


def subgroup_section(endpoint: EndpointResults) -> Section | None:
    """Return a forest plot over subgroups for every model, cohort and measure that has them."""
    keys = dict.fromkeys((r.model, r.cohort, r.design, r.measure) for r in endpoint.subgroups)
    figures, tables = [], []
    for key in keys:
        rows = [r for r in endpoint.subgroups if (r.model, r.cohort, r.design, r.measure) == key]
        figures.append(_subgroup_figure(endpoint, rows))
        tables.append(_subgroup_table(endpoint, rows))
    if not figures:
        return None
    blocks: tuple[Block, ...] = (Figures(figures=tuple(figures)), *tables)
    return Section(name="subgroups", title="Subgroups", level=3, blocks=blocks)


def _subgroup_title(endpoint: EndpointResults, row: SubgroupRow) -> str:
    label = model_label(endpoint.models, row.model)
    where = f"{row.cohort}, {row.design}" if row.design else row.cohort
    return f"{_subgroup_measure(row)} of {label} in {where}, by subgroup"


def _subgroup_measure(row: SubgroupRow) -> str:
    label = measure_of(row.measure).label
    label = label[:1].upper() + label[1:]
    return f"{label} per SD" if row.measure in RATIOS else label


def _subgroup_figure(endpoint: EndpointResults, rows: Sequence[SubgroupRow]) -> Figure:
    info = measure_of(rows[0].measure)
    title = _subgroup_title(endpoint, rows[0])
    lines: list[ForestRow] = []
    for i, row in enumerate(rows):
        count = f" (n = {integer(row.n)})" if row.n is not None else ""
        if not row.level:
            label = f"{'Everyone' if row.variable == 'all' else row.variable}{count}"
        else:
            label = f"{shortened(row.level, 30 - len(count))}{count}"
            if i == 0 or rows[i - 1].variable != row.variable:
                lines.append(ForestRow(label=row.variable, bold=True))
        lines.append(ForestRow(label=label, value=row.value, lower=row.lower, upper=row.upper))
    said = "; ".join(
        f"{r.variable} {r.level} {estimate(r.value, r.lower, r.upper, info.digits)}" for r in rows
    )
    drawn = draw_forest(
        lines,
        label=_subgroup_measure(rows[0]),
        alt=f"{title}: {said}.",
        reference=info.chance,
        log=rows[0].measure in RATIOS,
        digits=info.digits,
    )
    return Figure(
        name=f"{_subgroup_name(endpoint, rows[0])}-figure", svg=drawn, caption=f"{title}."
    )


def _subgroup_name(endpoint: EndpointResults, row: SubgroupRow) -> str:
    parts = (endpoint.question.name, "subgroups", row.model, row.cohort, row.design, row.measure)
    return "-".join(slug(part) for part in parts if part)


def _subgroup_table(endpoint: EndpointResults, rows: Sequence[SubgroupRow]) -> Table:
    info = measure_of(rows[0].measure)
    fields = ("variable", "level", "n", "events", "value", "lower", "upper", "p_interaction")
    tested = any(r.p_interaction is not None for r in rows)
    notes = []
    if rows[0].measure in RATIOS:
        notes.append("Per standard deviation of the development cohort’s score.")
    if tested:
        notes.append(
            "p interaction: likelihood-ratio test that the effect differs between the groups;"
            " not corrected for the number of columns."
        )
    if any(r.value is None for r in rows):
        notes.append("–: too few cases or events to say anything, and not in the test.")
    heads = ("Variable", "Level", "n", "Events", f"{_subgroup_measure(rows[0])} (95 % CI)")
    return Table(
        name=_subgroup_name(endpoint, rows[0]),
        caption=_subgroup_title(endpoint, rows[0]),
        columns=(*heads, "p interaction") if tested else heads,
        rows=tuple(_subgroup_line(r, info.digits, tested=tested) for r in rows),
        sheet=Sheet(fields, tuple(tuple(getattr(r, f) for f in fields) for r in rows)),
        note=" ".join(notes),
        text_columns=2,
    )


def _subgroup_line(row: SubgroupRow, digits: int, *, tested: bool) -> tuple[str, ...]:
    everyone = row.variable == "all" and not row.level
    cells = (
        "everyone" if everyone else row.variable,
        row.level,
        integer(row.n),
        integer(row.events),
        estimate(row.value, row.lower, row.upper, digits),
    )
    if not tested:
        return cells
    return (*cells, p_value(row.p_interaction) if row.p_interaction is not None else "")
