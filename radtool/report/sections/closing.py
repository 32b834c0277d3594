"""What ends a report: truth of synthetic data, signature cards, methods, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from radtool.report.blocks import Block, Facts, Fold, Section, Sheet, Table, Text, sheet_of, slug
from radtool.report.methods import methods_paragraph
from radtool.report.results import EndpointResults, SignatureCard, StudyResults, TruthRow
from radtool.report.sections.cohort import flatten
from radtool.report.wording import counted, heading, model_label, number

__all__ = [
    "methods_section",
    "provenance_blocks",
    "provenance_section",
    "signature_section",
    "truth_section",
]


def truth_section(results: StudyResults) -> Section | None:
    """Return what was planted in synthetic data beside what was recovered."""
    groups = [("Study", results.truth)]
    groups += [(heading(e.question), e.truth) for e in results.endpoints]
    tables = tuple(_truth(title, rows) for title, rows in groups if rows)
    if not tables:
        return None
    note = Text(
        text="The data are synthetic, so the right answers are known. A value counts as recovered"
        " when its interval holds the truth or the rule stated beside it is met."
    )
    return Section(name="truth", title="Truth and what was recovered", blocks=(note, *tables))


def _truth(title: str, rows: Sequence[TruthRow]) -> Table:
    def text(value: float | None) -> str:
        return number(value, 3 if value is None or abs(value) < 100 else 1)

    return Table(
        name=f"truth-{slug(title)}",
        caption=f"{title}: planted and recovered",
        columns=("Quantity", "Verdict", "Unit", "Truth", "Recovered", "95 % interval"),
        rows=tuple(
            (
                r.quantity,
                r.verdict,
                r.unit or "–",
                text(r.truth),
                text(r.recovered),
                f"{text(r.lower)} to {text(r.upper)}" if r.lower is not None else "–",
            )
            for r in rows
        ),
        sheet=sheet_of(
            rows, ("quantity", "truth", "recovered", "lower", "upper", "unit", "verdict")
        ),
        text_columns=3,
    )


def signature_section(endpoint: EndpointResults) -> Section | None:
    """Return a card for every frozen signature, and the log of external looks."""
    blocks: list[Block] = []
    for card in endpoint.signatures:
        blocks += _card(endpoint, card)
    if endpoint.looks:
        blocks += _looks(endpoint)
    if not blocks:
        return None
    return Section(name="signatures", title="Signatures", level=3, blocks=tuple(blocks))


def _card(endpoint: EndpointResults, card: SignatureCard) -> list[Block]:
    cuts = "; ".join(f"{rule}: {number(value)}" for rule, value in card.cutoffs.items())
    training = f"{counted(card.n, 'cases')}, {counted(card.events, 'events')}" if card.n else ""
    pairs = [
        ("Signature", card.name),
        ("Model", model_label(endpoint.models, card.model) if card.model else ""),
        ("File", card.file),
        ("SHA-256", card.sha256),
        ("Trained on", training),
        ("Extraction parameters SHA-256", card.parameters_sha256),
        ("Cut-offs (training)", cuts),
        ("Intended use", card.intended_use),
        ("Not for", card.not_for),
        ("Licence", card.licence),
    ]
    blocks: list[Block] = [Facts(pairs=tuple(pair for pair in pairs if pair[1]))]
    if card.features:
        table = Table(
            name=f"{slug(endpoint.question.name)}-{slug(card.name)}-features",
            caption=f"Predictors that {card.name} needs",
            columns=("Predictor",),
            rows=tuple((feature,) for feature in card.features),
        )
        blocks.append(Fold(summary=f"{len(card.features)} predictors needed", blocks=(table,)))
    return blocks


def _looks(endpoint: EndpointResults) -> list[Block]:
    fields = ("when", "signature", "cohort", "sha256")
    table = Table(
        name=f"{slug(endpoint.question.name)}-looks",
        caption="Every look at an external cohort",
        columns=("When", "Signature", "Cohort", "SHA-256 of the signature"),
        rows=tuple(tuple(getattr(look, f) for f in fields) for look in endpoint.looks),
        sheet=sheet_of(endpoint.looks, fields),
        text_columns=4,
    )
    hashes: dict[str, set[str]] = {}
    for look in endpoint.looks:
        hashes.setdefault(look.cohort, set()).add(look.sha256 or look.signature)
    again = [
        f"{cohort} ({len(found)} different signature files)"
        for cohort, found in hashes.items()
        if len(found) > max(1, len(endpoint.signatures))
    ]
    if not again:
        return [table]
    words = f"Looked at more than once: {', '.join(again)}. Later results are no longer untouched."
    return [table, Text(text=words, style="warning")]


def methods_section(results: StudyResults) -> Section | None:
    """Return the methods paragraph."""
    text = methods_paragraph(results)
    if not text:
        return None
    paragraphs = (Text(text=paragraph) for paragraph in text.split("\n\n"))
    note = Text(
        text="Written from what was run; edit it, but add nothing that was not done.", style="note"
    )
    return Section(name="methods", title="Methods paragraph", blocks=(*paragraphs, note))


def provenance_section(results: StudyResults) -> Section | None:
    """Return versions, settings and input hashes."""
    blocks = provenance_blocks(results.provenance, results.generated)
    if not blocks:
        return None
    return Section(name="provenance", title="Provenance", blocks=tuple(blocks))


def provenance_blocks(found: Mapping[str, Any], generated: str = "") -> list[Block]:
    """Return what `radtool.provenance.provenance` gave as blocks; empty when there is nothing."""
    pairs = [("Generated", generated)] if generated else []
    if found.get("settings_sha256"):
        pairs.append(("Settings SHA-256", str(found["settings_sha256"])))
    blocks: list[Block] = [Facts(pairs=tuple(pairs))] if pairs else []
    for key, caption, heads in (
        ("versions", "Versions", ("Package", "Version")),
        ("inputs", "Inputs", ("File", "SHA-256")),
        ("settings", "Study settings", ("Setting", "Value")),
    ):
        blocks += _listing(found.get(key), key, caption, heads)
    rest = {key: value for key, value in found.items() if key not in _LISTED}
    blocks += _listing(rest, "run", "Further details", ("Detail", "Value"))
    return blocks


_LISTED = ("versions", "inputs", "settings", "settings_sha256")


def _listing(value: Any, key: str, caption: str, heads: tuple[str, str]) -> list[Block]:
    if not isinstance(value, Mapping) or not value:
        return []
    rows = tuple(flatten(value))
    table = Table(
        name=f"provenance-{key}",
        caption=caption,
        columns=heads,
        rows=rows,
        sheet=Sheet(heads, rows),
        text_columns=2,
    )
    return [Fold(summary=f"{caption} ({len(rows)})", blocks=(table,))]
