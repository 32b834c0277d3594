"""How models came about: selection path, model tables, proportional hazards."""

from __future__ import annotations

from radtool.report.blocks import Block, Fold, Section, Table, Text, sheet_of, slug
from radtool.report.results import EndpointResults, ModelResult
from radtool.report.sections.cohort import flatten
from radtool.report.wording import coefficient, estimate, integer, number, p_value

__all__ = ["models_section", "selection_section"]

SELECTED = "p and intervals do not account for the selection of predictors."


def selection_section(endpoint: EndpointResults) -> Section | None:
    """Return, for every model with a path, how many features each step left."""
    blocks: list[Block] = []
    for model in endpoint.models:
        if model.path:
            blocks += _path(endpoint, model)
    if not blocks:
        return None
    return Section(name="selection", title="Feature selection", level=3, blocks=tuple(blocks))


def _path(endpoint: EndpointResults, model: ModelResult) -> list[Block]:
    label = model.label or model.name
    stem = f"{slug(endpoint.question.name)}-{slug(model.name)}"
    named = any(step.setting for step in model.path)
    heads = [(step.step, step.setting) if named else (step.step,) for step in model.path]
    blocks: list[Block] = [
        Table(
            name=f"{stem}-path",
            caption=f"Selection path of {label} (training cases only)",
            columns=("Step", *(("Setting",) if named else ()), "Features in", "Features out"),
            rows=tuple(
                (*head, integer(step.n_in), integer(step.n_out))
                for head, step in zip(heads, model.path, strict=True)
            ),
            sheet=sheet_of(model.path, ("step", "setting", "n_in", "n_out")),
            text_columns=1 + named,
        )
    ]
    dropped = [(step.step, d) for step in model.path for d in step.dropped]
    if dropped:
        table = Table(
            name=f"{stem}-dropped",
            caption=f"Features that {label} let go",
            columns=("Step", "Feature", "Reason", "Value"),
            rows=tuple((step, d.feature, d.reason, coefficient(d.value)) for step, d in dropped),
            text_columns=3,
        )
        words = "feature" if len(dropped) == 1 else "features"
        summary = f"{integer(len(dropped))} {words} let go, each with its reason"
        blocks.append(Fold(summary=summary, blocks=(table,)))
    return blocks


def models_section(endpoint: EndpointResults) -> Section | None:
    """Return sizes, coefficients and proportional-hazards tests of the models."""
    if not endpoint.models:
        return None
    blocks: list[Block] = [_overview(endpoint)]
    for model in endpoint.models:
        blocks += _model(endpoint, model)
    return Section(name="models", title="Models", level=3, blocks=tuple(blocks))


def _overview(endpoint: EndpointResults) -> Table:
    needed = any(model.required_n is not None for model in endpoint.models)
    columns = ["Model", "Kind", "Predictors", "n", "Events", "Candidates", "Events / candidate"]
    rows = []
    for model in endpoint.models:
        row = [
            model.label or model.name,
            model.kind or "–",
            " + ".join(model.blocks) or "none",
            integer(model.n),
            integer(model.events),
            integer(model.candidates),
            number(model.events_per_candidate, 1),
        ]
        rows.append((*row, integer(model.required_n)) if needed else tuple(row))
    fields = ("name", "kind", "blocks", "n", "events", "candidates", "events_per_candidate")
    return Table(
        name=f"{slug(endpoint.question.name)}-models",
        caption="Models, and the data they were fitted on",
        columns=(*columns, *(("n required",) if needed else ())),
        rows=tuple(rows),
        sheet=sheet_of(endpoint.models, (*fields, "required_n")),
        text_columns=3,
        note="Candidates are the predictors offered, not those left."
        + (" n required: Riley’s criteria for that many candidates." if needed else ""),
    )


def _model(endpoint: EndpointResults, model: ModelResult) -> list[Block]:
    label = model.label or model.name
    blocks: list[Block] = []
    if model.coefficients:
        blocks.append(_coefficients(endpoint, model))
    if model.proportional_hazards:
        blocks.append(_proportional(endpoint, model))
    if model.settings:
        table = Table(
            name=f"{slug(endpoint.question.name)}-{slug(model.name)}-settings",
            caption=f"Settings of {label}",
            columns=("Setting", "Value"),
            rows=tuple(flatten(model.settings)),
            text_columns=2,
        )
        blocks.append(Fold(summary=f"Settings of {label}", blocks=(table,)))
    blocks += [Text(text=f"{label}: {note}", style="note") for note in model.notes]
    return blocks


def _coefficients(endpoint: EndpointResults, model: ModelResult) -> Table:
    label = model.label or model.name
    rows = model.coefficients
    ratio: str = model.effect or "effect"
    if model.kind == "fine-gray":
        ratio = f"subdistribution {ratio}"
    columns, makers = ["Predictor", "Block"], []
    if any(row.unit for row in rows):
        columns.append("Unit")
    text_columns = len(columns)
    if any(row.coefficient is not None for row in rows):
        columns.append("Coefficient")
        makers.append(lambda r: coefficient(r.coefficient))
    if any(row.ratio is not None for row in rows):
        columns.append(f"{ratio[:1].upper()}{ratio[1:]} (95 % CI)")
        makers.append(lambda r: estimate(r.ratio, r.lower, r.upper, 2))
    if any(row.p is not None for row in rows):
        columns.append("p")
        makers.append(lambda r: p_value(r.p))
    if any(row.importance is not None for row in rows):
        columns.append("Importance")
        makers.append(lambda r: coefficient(r.importance))
    heads = [(r.feature, r.block, *((r.unit,) if text_columns == 3 else ())) for r in rows]
    fields = ("feature", "block", "unit", "coefficient", "ratio", "lower", "upper", "p")
    return Table(
        name=f"{slug(endpoint.question.name)}-{slug(model.name)}-coefficients",
        caption=f"Model table of {label}",
        columns=tuple(columns),
        rows=tuple(
            (*head, *(make(row) for make in makers)) for head, row in zip(heads, rows, strict=True)
        ),
        sheet=sheet_of(rows, (*fields, "importance")),
        text_columns=text_columns,
        note=SELECTED if model.path and "p" in columns else "",
    )


def _proportional(endpoint: EndpointResults, model: ModelResult) -> Table:
    label = model.label or model.name
    rows = model.proportional_hazards
    low = [row.feature for row in rows if row.p is not None and row.p < 0.05]
    note = (
        f"Evidence against proportional hazards (p < 0.05): {', '.join(low)}; read the hazard"
        " ratios as averages over time."
        if low
        else "No test is below 0.05."
    )
    return Table(
        name=f"{slug(endpoint.question.name)}-{slug(model.name)}-ph",
        caption=f"Proportional hazards of {label} (score test)",
        columns=("Predictor", "χ²", "df", "p"),
        rows=tuple((r.feature, number(r.chi2, 2), str(r.df), p_value(r.p)) for r in rows),
        sheet=sheet_of(rows, ("feature", "chi2", "df", "p")),
        note=note,
    )
