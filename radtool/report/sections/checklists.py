"""Drafts of the reporting checklists, item by item, with the evidence beside each proposal."""

from __future__ import annotations

from radtool.report.blocks import Block, Fold, Section, Sheet, Table, Text
from radtool.report.checklists import Filled, FilledItem, draft_score, fill_all
from radtool.report.results import StudyResults

__all__ = ["checklist_section"]

WORDS = {
    "answered": "answered",
    "proposed": "proposed",
    "evidence": "evidence, to be judged",
    "open": "open",
}


def checklist_section(results: StudyResults) -> Section | None:
    """Return an overview of the drafts and every item with its evidence."""
    if not results.endpoints and results.extraction is None:
        return None
    filled = fill_all(results)
    intro = Text(
        text="Drafts. An item is proposed “yes” only where this run holds the evidence for it;"
        " everything else stays open. Only the authors’ own answers are final."
    )
    blocks: list[Block] = [intro, _overview(filled)]
    blocks += [Fold(summary=_summary(one), blocks=(_items(one),)) for one in filled]
    return Section(name="checklists", title="Reporting checklists", blocks=tuple(blocks))


def _overview(filled: tuple[Filled, ...]) -> Table:
    rows = []
    for one in filled:
        score = draft_score(one)
        text = "no score"
        if score is not None:
            text = (
                f"{_number(score.confirmed)} – {_number(score.proposed)} –"
                f" {_number(score.possible)} {score.unit}"
            )
        counts = [str(one.count(s)) for s in ("answered", "proposed", "evidence", "open")]
        rows.append((one.name, str(len(one.items)), *counts, text))
    return Table(
        name="checklists",
        caption="Checklists of this run",
        columns=(
            "Checklist",
            "Items",
            "Answered by authors",
            "Proposed",
            "Evidence, to be judged",
            "Open",
            "Draft score",
        ),
        rows=tuple(rows),
        note="Draft score: authors’ answers alone – with proposals accepted – if every open item"
        " were fulfilled. Unanswered items count at their worst in the first two.",
    )


def _number(value: float) -> str:
    return f"{value:.0f}".replace("-", "−")


def _summary(one: Filled) -> str:
    return f"{one.name}: {one.count('answered') + one.count('proposed')} of {len(one.items)} items"


def _items(one: Filled) -> Table:
    header = ("item", "section", "label", "status", "answer", "points", "evidence", "where")
    raw = tuple(
        (
            item.item,
            item.section,
            item.label,
            item.status,
            item.answer or "",
            item.points,
            "; ".join(proof.text for proof in item.proofs),
            "; ".join(dict.fromkeys(proof.where for proof in item.proofs)),
        )
        for item in one.items
    )
    rows = tuple(
        (
            item.item,
            _answer(item),
            f"{item.label} ({item.only})" if item.only else item.label,
        )
        for item in one.items
    )
    return Table(
        name=f"checklist-{one.key}",
        caption=one.name,
        columns=("Item", "Draft", "What, and the evidence [where it stands]"),
        rows=rows,
        sheet=Sheet(header, raw),
        note=f"{one.source}. {one.licence}.",
        text_columns=3,
        details=tuple(_evidence(item) for item in one.items),
    )


def _evidence(item: FilledItem) -> str:
    """Return the proofs as one text; the same proof in several places is named once."""
    places: dict[str, list[str]] = {}
    for proof in item.proofs:
        places.setdefault(proof.text, []).append(proof.where)
    return "; ".join(f"{text} [{', '.join(where)}]" for text, where in places.items())


def _answer(item: FilledItem) -> str:
    if item.answer is None:
        return WORDS[item.status]
    points = f" ({item.points:g} of {item.most:g})" if item.points is not None else ""
    return f"{item.answer}{points}, {WORDS[item.status]}"
