"""Precision-recall curves, class histograms and the tables that one kind of study adds."""

from __future__ import annotations

from collections.abc import Sequence

from radtool.report.blocks import Block, Figure, Figures, Section, Sheet, Table, slug
from radtool.report.figures.binary import draw_precision_recall
from radtool.report.figures.spread import draw_distribution
from radtool.report.results import (
    Distribution,
    EndpointResults,
    PrecisionRecall,
    ResultTable,
)
from radtool.report.wording import estimate

__all__ = ["distribution_figures", "precision_recall_section", "supplement_section"]


def precision_recall_section(endpoint: EndpointResults) -> Section | None:
    """Return precision-recall curves, one figure per cohort and design."""
    figures = []
    for place in dict.fromkeys((c.cohort, c.design) for c in endpoint.precision_recall):
        here = [c for c in endpoint.precision_recall if (c.cohort, c.design) == place]
        figures.append(_figure(endpoint, here))
    if not figures:
        return None
    blocks: tuple[Block, ...] = (Figures(figures=tuple(figures)),)
    return Section(name="precision-recall", title="Precision–recall", level=3, blocks=blocks)


def _figure(endpoint: EndpointResults, curves: Sequence[PrecisionRecall]) -> Figure:
    labels = {model.name: model.label or model.name for model in endpoint.models}
    first = curves[0]
    where = f"{first.cohort}, {first.design}" if first.design else first.cohort
    said = "; ".join(
        f"{labels.get(c.model, c.model)} area {estimate(c.area, c.lower, c.upper)}" for c in curves
    )
    rows = tuple(
        (c.model, x, y) for c in curves for x, y in zip(c.recall, c.precision, strict=True)
    )
    chance = "" if first.prevalence is None else f" Dotted: chance, {first.prevalence:.3f}."
    return Figure(
        name=f"{slug(endpoint.question.name)}-precision-recall-{slug(where)}",
        svg=draw_precision_recall(
            curves, labels, alt=f"Precision-recall curves in {where}: {said}."
        ),
        caption=f"Precision and recall, {where}.{chance}",
        sheet=Sheet(("model", "recall", "precision"), rows),
    )


def distribution_figures(found: Sequence[Distribution], stem: str = "") -> tuple[Figure, ...]:
    """Return a histogram by class for each feature."""
    figures = []
    for one in found:
        said = "; ".join(f"{g.label} {', '.join(map(str, g.counts))}" for g in one.groups)
        header = ("from", "to", *(group.label for group in one.groups))
        bins = zip(
            one.edges[:-1], one.edges[1:], *(group.counts for group in one.groups), strict=True
        )
        figures.append(
            Figure(
                name=f"{stem}distribution-{slug(one.feature)}",
                svg=draw_distribution(one, alt=f"Histogram of {one.feature} by class: {said}."),
                caption=one.feature,
                sheet=Sheet(header, tuple(bins)),
            )
        )
    return tuple(figures)


def supplement_section(endpoint: EndpointResults) -> Section | None:
    """Return the endpoint's own tables, and histograms of its features by class."""
    blocks: list[Block] = [_table(endpoint, one) for one in endpoint.tables]
    if endpoint.distributions:
        stem = f"{slug(endpoint.question.name)}-"
        blocks.append(Figures(figures=distribution_figures(endpoint.distributions, stem)))
    if not blocks:
        return None
    return Section(name="details", title="In detail", level=3, blocks=tuple(blocks))


def _table(endpoint: EndpointResults, one: ResultTable) -> Table:
    return Table(
        name=f"{slug(endpoint.question.name)}-{slug(one.name)}",
        caption=one.caption,
        columns=one.columns,
        rows=one.rows,
        note=one.note,
        text_columns=one.text_columns,
    )
