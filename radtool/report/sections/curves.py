"""Survival or incidence, ROC, calibration and decision curves, each with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from radtool.report.blocks import Block, Figure, Figures, Section, Sheet, Table, Text, slug
from radtool.report.figures import draw_calibration, draw_decision, draw_roc, draw_survival
from radtool.report.results import (
    Calibration,
    DecisionCurve,
    EndpointResults,
    KaplanMeier,
    RocCurve,
    SurvivalGroup,
)
from radtool.report.wording import counted, estimate, heading, integer, model_label, number, p_value

__all__ = ["calibration_section", "decision_section", "roc_section", "survival_section"]


def survival_section(endpoint: EndpointResults) -> Section | None:
    """Return the curves of the risk groups and their medians."""
    curves = endpoint.kaplan_meier
    if not curves:
        return None
    blocks: list[Block] = [
        Figures(figures=tuple(_survival_figure(endpoint, c, i) for i, c in enumerate(curves))),
        _medians(endpoint, curves),
    ]
    return Section(name="survival", title="Risk groups", level=3, blocks=tuple(blocks))


def _survival_figure(endpoint: EndpointResults, curve: KaplanMeier, i: int) -> Figure:
    question = endpoint.question
    label = model_label(endpoint.models, curve.model)
    said = "; ".join(
        f"{g.label}: {counted(g.n, 'cases')}, {counted(g.events, 'events')}, {_last(g, curve)}"
        for g in curve.groups
    )
    kind = "Cumulative incidence" if _is_incidence(curve) else "Kaplan-Meier curves"
    alt = f"{kind} of {label} in {_where(curve)}. {said}."
    if curve.log_rank_p is not None:
        alt += f" {_test(curve)} p {p_value(curve.log_rank_p)}."
    rows = tuple(
        (g.label, t, s, *limits)
        for g in curve.groups
        for t, s, *limits in zip(
            g.times, g.survival, g.lower or g.survival, g.upper or g.survival, strict=True
        )
    )
    caption = f"{label}, {_where(curve)}."
    if curve.cut:
        caption += f" Groups: {curve.cut}."
    if any(g.lower for g in curve.groups):
        caption += f" Bands: pointwise 95 % limits ({curve.confidence}); ticks: censored."
    return Figure(
        name=f"{slug(question.name)}-km-{slug(curve.model)}-{slug(curve.cohort)}-{i + 1}",
        svg=draw_survival(curve, unit=question.unit, alt=alt, event=heading(question)),
        caption=caption,
        sheet=Sheet(("group", "time", curve.quantity, "lower", "upper"), rows),
    )


def _is_incidence(curve: KaplanMeier) -> bool:
    return curve.quantity == "incidence"


def _test(curve: KaplanMeier) -> str:
    return "Gray’s test" if _is_incidence(curve) else "Log-rank"


def _at_the_end(group: SurvivalGroup) -> tuple[float, float | None, float | None]:
    if not group.survival:
        return 0.0, None, None
    return group.survival[-1], group.lower[-1], group.upper[-1]


def _last(group: SurvivalGroup, curve: KaplanMeier) -> str:
    if _is_incidence(curve):
        return f"incidence at the end {number(group.survival[-1] if group.survival else 0.0, 2)}"
    return f"median {_median(group)}"


def _median(group: SurvivalGroup) -> str:
    if group.median is None:
        return "not reached"
    digits = 0 if group.median >= 100 else 1
    return estimate(group.median, group.median_lower, group.median_upper, digits)


def _medians(endpoint: EndpointResults, curves: Sequence[KaplanMeier]) -> Table:
    unit = endpoint.question.unit
    incidence = _is_incidence(curves[0])
    header = (
        "model", "cohort", "group", "n", "events", "incidence" if incidence else "median", "lower",
        "upper", "gray_p" if incidence else "log_rank_p",
        "gray_chi2" if incidence else "log_rank_chi2",
    )  # fmt: skip
    rows, raw = [], []
    for curve in curves:
        for i, g in enumerate(curve.groups):
            label = model_label(endpoint.models, curve.model)
            p = p_value(curve.log_rank_p) if i == 0 and curve.log_rank_p is not None else ""
            counts = (integer(g.n), integer(g.events))
            numbers = _at_the_end(g) if incidence else (g.median, g.median_lower, g.median_upper)
            text = estimate(*numbers, 2) if incidence else _median(g)
            rows.append((label, curve.cohort, g.label, *counts, text, p))
            raw.append(
                (curve.model, curve.cohort, g.label, g.n, g.events, *numbers, curve.log_rank_p,
                 curve.log_rank_chi2)
            )  # fmt: skip
    median_head = f"Median, {unit} (95 % CI)" if unit else "Median (95 % CI)"
    if incidence:
        median_head = "Incidence at the last event (95 % CI)"
    return Table(
        name=f"{slug(endpoint.question.name)}-medians",
        caption="Risk groups",
        columns=("Model", "Cohort", "Group", "n", "Events", median_head, f"{_test(curves[0])} p"),
        rows=tuple(rows),
        sheet=Sheet(header, tuple(raw)),
        text_columns=3,
    )


def roc_section(endpoint: EndpointResults) -> Section | None:
    """Return ROC curves, one figure per cohort and horizon."""
    figures = []
    for place in dict.fromkeys((c.cohort, c.design, c.horizon) for c in endpoint.roc):
        here = [c for c in endpoint.roc if (c.cohort, c.design, c.horizon) == place]
        figures.append(_roc_figure(endpoint, here))
    if not figures:
        return None
    return Section(name="roc", title="ROC", level=3, blocks=(Figures(figures=tuple(figures)),))


def _roc_figure(endpoint: EndpointResults, curves: Sequence[RocCurve]) -> Figure:
    labels = {model.name: model.label or model.name for model in endpoint.models}
    where = _where(curves[0]) + _at(endpoint, curves[0].horizon)
    said = "; ".join(
        f"{labels.get(c.model, c.model)} AUC {estimate(c.auc, c.lower, c.upper)}" for c in curves
    )
    rows = tuple(
        (c.model, x, y)
        for c in curves
        for x, y in zip(c.false_positive_rate, c.true_positive_rate, strict=True)
    )
    return Figure(
        name=f"{slug(endpoint.question.name)}-roc-{slug(where)}",
        svg=draw_roc(curves, labels, alt=f"ROC curves in {where}: {said}."),
        caption=f"ROC, {where}. Dotted: chance.",
        sheet=Sheet(("model", "false_positive_rate", "true_positive_rate"), rows),
    )


def _where(curve: KaplanMeier | RocCurve | Calibration) -> str:
    return f"{curve.cohort}, {curve.design}" if curve.design else curve.cohort


def _at(endpoint: EndpointResults, horizon: float | None) -> str:
    return "" if horizon is None else f" at {horizon:g} {endpoint.question.unit}".rstrip()


def calibration_section(endpoint: EndpointResults) -> Section | None:
    """Return calibration plots."""
    if not endpoint.calibration:
        return None
    figures = tuple(
        _calibration_figure(endpoint, curve, i) for i, curve in enumerate(endpoint.calibration)
    )
    return Section(
        name="calibration", title="Calibration", level=3, blocks=(Figures(figures=figures),)
    )


def _calibration_figure(endpoint: EndpointResults, curve: Calibration, i: int) -> Figure:
    label = model_label(endpoint.models, curve.model)
    where = _where(curve) + _at(endpoint, curve.horizon)
    said = "; ".join(
        f"predicted {x:.2f} observed {y:.2f}"
        for x, y in zip(curve.predicted, curve.observed, strict=True)
    )
    empty = (None,) * len(curve.predicted)
    rows = [
        ("group", *row)
        for row in zip(
            curve.predicted,
            curve.observed,
            curve.lower or empty,
            curve.upper or empty,
            curve.n or empty,
            strict=True,
        )
    ]
    blank = (None,) * len(curve.smooth_predicted)
    rows += [
        ("smooth", x, y, low, high, None)
        for x, y, low, high in zip(
            curve.smooth_predicted,
            curve.smooth_observed,
            curve.smooth_lower or blank,
            curve.smooth_upper or blank,
            strict=True,
        )
    ]
    return Figure(
        name=f"{slug(endpoint.question.name)}-calibration-{slug(curve.model)}-{i + 1}",
        svg=draw_calibration(curve, alt=f"Calibration of {label} in {where}. {said}."),
        caption=f"{label}, {where}. {_calibration_key(curve)}dotted: ideal.",
        sheet=Sheet(("kind", "predicted", "observed", "lower", "upper", "n"), tuple(rows)),
    )


def _calibration_key(curve: Calibration) -> str:
    dots = "Dots: groups of about equal size with 95 % limits; " if curve.predicted else ""
    line = "line and 95 % band" if curve.smooth_lower else "line"
    return dots + (f"{line}: smooth curve; " if curve.smooth_predicted else "")


def decision_section(endpoint: EndpointResults) -> Section | None:
    """Return decision curves."""
    if not endpoint.decision:
        return None
    figures = tuple(_decision_figure(endpoint, curve) for curve in endpoint.decision)
    note = Text(
        text="A model helps at a threshold only where its curve lies above both “treat all” and"
        " “treat none”, and above the simpler models.",
        style="note",
    )
    blocks: tuple[Block, ...] = (Figures(figures=figures), note)
    return Section(name="decision", title="Decision curves", level=3, blocks=blocks)


def _decision_figure(endpoint: EndpointResults, curve: DecisionCurve) -> Figure:
    where = curve.cohort + _at(endpoint, curve.horizon)
    middle = len(curve.thresholds) // 2
    said = "; ".join(f"{s.label} {s.net_benefit[middle]:.3f}" for s in curve.strategies)
    alt = f"Decision curves in {where}. Net benefit at {curve.thresholds[middle]:.2f}: {said}."
    columns = [s.net_benefit for s in curve.strategies]
    return Figure(
        name=f"{slug(endpoint.question.name)}-decision-{slug(where)}",
        svg=draw_decision(curve, alt=alt),
        caption=f"Net benefit, {where}.",
        sheet=Sheet(
            ("threshold", *(s.label for s in curve.strategies)),
            tuple(zip(curve.thresholds, *columns, strict=True)),
        ),
    )
