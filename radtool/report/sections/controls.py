"""What each negative control gave beside the images as scanned."""

from __future__ import annotations

from radtool.report.blocks import (
    Block,
    Figure,
    Figures,
    Section,
    Table,
    Text,
    sheet_of,
    slug,
)
from radtool.report.controls import RADIOMICS, control_label, control_sentences
from radtool.report.figures import ForestRow, draw_forest
from radtool.report.results import Control, ControlRow, EndpointResults
from radtool.report.wording import (
    estimate,
    integer,
    interval,
    measure_of,
    model_label,
    number,
    p_value,
    signed,
)

__all__ = ["controls_section"]

FIELDS = (
    "model", "cohort", "design", "measure", "real", "real_lower", "real_upper", "value", "lower",
    "upper", "difference", "difference_lower", "difference_upper", "p", "n", "events", "test",
)  # fmt: skip


def controls_section(endpoint: EndpointResults) -> Section | None:
    """Return what each control gave beside the real features on the same cases."""
    said = [*control_sentences(endpoint), *_permuted(endpoint)]
    if not said:
        return None
    blocks: list[Block] = [Text(text=words) for words in said]
    figures = _figures(endpoint)
    if figures:
        blocks.append(Figures(figures=figures))
    table = _table(endpoint)
    if table is not None:
        blocks.append(table)
    return Section(
        name="controls",
        title="Negative controls: does it beat nothing?",
        level=3,
        blocks=tuple(blocks),
    )


def _permuted(endpoint: EndpointResults) -> list[str]:
    return [
        f"With outcomes dealt to other patients {model_label(endpoint.models, row.model)} reached"
        f" {measure_of(row.measure).symbol}\u00a0{number(row.value)} in {row.cohort} ({row.note})."
        for row in endpoint.performance
        if row.design == "permuted outcome"
    ]


def _figures(endpoint: EndpointResults) -> tuple[Figure, ...]:
    """Draw each place once: the radiomics model as scanned and under each control."""
    rows = [(c, row) for c in endpoint.controls for row in c.rows if row.model == RADIOMICS]
    places = dict.fromkeys((row.cohort, row.design) for _, row in reversed(rows))
    return tuple(
        _figure(endpoint, [pair for pair in rows if (pair[1].cohort, pair[1].design) == place])
        for place in places
    )


def _figure(endpoint: EndpointResults, rows: list[tuple[Control, ControlRow]]) -> Figure:
    first = rows[0][1]
    info, where = measure_of(first.measure), f"{first.cohort}, {first.design}"
    said = "; ".join(
        f"{control_label(control.name)} {estimate(row.value, row.lower, row.upper, info.digits)}"
        f" against {estimate(row.real, row.real_lower, row.real_upper, info.digits)} as scanned"
        for control, row in rows
    )
    return Figure(
        name=f"{slug(endpoint.question.name)}-controls-figure-{slug(where)}",
        svg=draw_forest(
            [line for control, row in rows for line in _lines(control, row)],
            label=info.label,
            alt=f"{info.label} of radiomics and its controls in {where}: {said}.",
            reference=info.chance,
            digits=info.digits,
        ),
        caption=f"{info.label} of the radiomics model with 95 % interval, {where}, on the cases"
        " that have both. Blue: images as scanned; vermillion: control.",
        sheet=sheet_of([row for _, row in rows], FIELDS),
    )


def _lines(control: Control, row: ControlRow) -> tuple[ForestRow, ...]:
    label = f"{control_label(control.name)} (n = {integer(row.n)})"
    return (
        ForestRow(label=label[:1].upper() + label[1:], bold=True),
        ForestRow(label="as scanned", value=row.real, lower=row.real_lower, upper=row.real_upper),
        ForestRow(label="control", value=row.value, lower=row.lower, upper=row.upper, colour=1),
    )


def _table(endpoint: EndpointResults) -> Table | None:
    pairs = [(control, row) for control in endpoint.controls for row in control.rows]
    if not pairs:
        return None
    lines, before = [], ""
    for control, row in pairs:
        digits = measure_of(row.measure).digits
        label = control_label(control.name)
        lines.append(
            (
                "" if label == before else label,
                model_label(endpoint.models, row.model),
                f"{row.cohort}, {row.design}",
                integer(row.n),
                estimate(row.real, row.real_lower, row.real_upper, digits),
                estimate(row.value, row.lower, row.upper, digits),
                f"{signed(row.difference, digits)}"
                f" ({interval(row.difference_lower, row.difference_upper, digits)})",
                p_value(row.p),
            )
        )
        before = label
    symbol = measure_of(pairs[0][1].measure).symbol
    tests = ", ".join(dict.fromkeys(row.test for _, row in pairs if row.test))
    note = f"Paired intervals and p: {tests}; same folds, seeds and selection, refitted."
    if not all(row.is_whole for _, row in pairs):
        note += " Where some cases have no control, both models were refitted without them."
    return Table(
        name=f"{slug(endpoint.question.name)}-controls",
        caption=f"{symbol} of the models with radiomics, as scanned and under each control"
        " (95 % interval)",
        columns=(
            "Control", "Model", "Cohort", "n", "As scanned", "Control", "Difference (95 % CI)", "p"
        ),
        rows=tuple(lines),
        sheet=sheet_of([row for _, row in pairs], FIELDS),
        note=note,
        text_columns=3,
    )  # fmt: skip
