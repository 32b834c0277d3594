"""Checklists filled with evidence: proposals where a run proves an item, never a guess."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from radtool.errors import InputError, did_you_mean
from radtool.report.checklists.evidence import collect
from radtool.report.checklists.topics import Proof
from radtool.report.results import Answer, StudyResults

__all__ = ["CHECKLISTS", "Filled", "FilledItem", "check_answers", "fill", "fill_all"]

CHECKLISTS = ("clear", "metrics", "tripod_ai", "ibsi", "rqs1", "rqs2")
Status = Literal["answered", "proposed", "evidence", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledItem:
    """A checklist item with what is known about it.

    Parameters
    ----------
    item, section, label : str
        As in the checklist.
    status : {"answered", "proposed", "evidence", "open"}
        "answered": by the user, final. "proposed": evidence carries the whole item. "evidence":
        there is some, but a person must judge. "open": nothing is known.
    answer : {"yes", "no", "n/a"} or None
        The user's answer or the proposal; None for the other two.
    proofs : tuple of Proof
        Evidence; a proposal "yes" always has some.
    points : float or None
        Points of the answer, for scored checklists.
    least, most : float
        Range of points of a scored item.
    weight : float
        Weight of a weighted item.
    only : str
        Modality that the item is about.
    """

    item: str
    section: str
    label: str
    status: Status
    answer: Literal["yes", "no", "n/a"] | None = None
    proofs: tuple[Proof, ...] = ()
    points: float | None = None
    least: float = 0.0
    most: float = 0.0
    weight: float = 0.0
    only: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A checklist with its items filled.

    Parameters
    ----------
    key, name, source, licence : str
        Which checklist, and where it was published.
    score : {"weights", "points", ""}
        How it is scored.
    items : tuple of FilledItem
        In published order.
    """

    key: str
    name: str
    source: str
    licence: str
    score: Literal["weights", "points", ""]
    items: tuple[FilledItem, ...]

    def count(self, status: Status) -> int:
        """Return how many items have a status."""
        return sum(item.status == status for item in self.items)


@functools.cache
def _load(key: str) -> Mapping[str, Any]:
    source = resources.files("radtool.report.checklists") / f"{key}.json"
    loaded: Mapping[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return loaded


def check_answers(answers: Sequence[Answer]) -> None:
    """Check the users' answers before anything is computed.

    Raises
    ------
    InputError
        A checklist does not have the item, an item is answered twice or without a reason, or its
        points are out of range.
    """
    for key in dict.fromkeys(answer.checklist for answer in answers):
        data = _load(key)
        items = {item["item"]: item for item in data["items"]}
        own = _answers(key, f"{data['name']} {data['version']}", answers, list(items))
        for number, answer in own.items():
            if not answer.text.strip():
                raise InputError(f"{key} item {number}: say in `text` why, or where it stands")
            _answered_points(items[number], None, answer)


def fill_all(results: StudyResults) -> tuple[Filled, ...]:
    """Fill every checklist from one study."""
    proofs = collect(results)
    return tuple(fill(key, results, proofs) for key in CHECKLISTS)


def fill(
    key: str, results: StudyResults, proofs: Mapping[str, Sequence[Proof]] | None = None
) -> Filled:
    """Fill one checklist from a study.

    Parameters
    ----------
    key : {"clear", "metrics", "tripod_ai", "ibsi", "rqs1", "rqs2"}
        Which checklist.
    results : StudyResults
        Evidence and the user's own answers.
    proofs : mapping, optional
        What `collect(results)` gave; None: collected here.

    Returns
    -------
    Filled
        "yes" stands only where the user said so or where every topic that the item needs is
        proven; whatever is unknown stays open.

    Raises
    ------
    InputError
        The user answered an item that the checklist does not have, or twice.
    """
    if key not in CHECKLISTS:
        raise InputError(f"no checklist {key!r}{did_you_mean(key, CHECKLISTS)}")
    known = collect(results) if proofs is None else proofs
    data = _load(key)
    name = f"{data['name']} {data['version']}"
    answers = _answers(key, name, results.answers, [item["item"] for item in data["items"]])
    conditions = _conditions(results)
    return Filled(
        key=key,
        name=name,
        source=data["source"],
        licence=data["licence"],
        score=data["score"],
        items=tuple(
            _item(item, known, answers.get(item["item"]), conditions) for item in data["items"]
        ),
    )


def _answers(
    key: str, name: str, given: Sequence[Answer], items: Sequence[str]
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    for answer in given:
        if answer.checklist != key:
            continue
        if answer.item not in items:
            raise InputError(
                f"{name} has no item {answer.item!r}{did_you_mean(answer.item, items)}"
            )
        if answer.item in answers:
            raise InputError(f"{name} item {answer.item} is answered twice")
        answers[answer.item] = answer
    return answers


def _item(
    item: Mapping[str, Any],
    proofs: Mapping[str, Sequence[Proof]],
    answer: Answer | None,
    conditions: Mapping[str, bool | None],
) -> FilledItem:
    rule = next((r for r in item.get("rules", ()) if all(proofs.get(t) for t in r["topics"])), None)
    shared = {
        "item": item["item"],
        "section": item["section"],
        "label": item["label"],
        "least": item.get("least", 0.0),
        "most": item.get("most", 0.0),
        "weight": item.get("weight", 0.0),
        "only": item.get("only", ""),
    }
    shown = tuple(_shown(item, rule, proofs))
    if answer is not None:
        own = (Proof(answer.text, "author"),) if answer.text else ()
        points = _answered_points(item, rule, answer)
        return FilledItem(
            **shared, status="answered", answer=answer.answer, proofs=own + shown, points=points
        )
    if any(conditions[name] is False for name in item.get("applies", ())):
        return FilledItem(
            **shared, status="proposed", answer="n/a", proofs=_why_not(item, conditions)
        )
    if rule is not None:
        return FilledItem(
            **shared, status="proposed", answer="yes", proofs=shown, points=rule.get("points")
        )
    return FilledItem(**shared, status="evidence" if shown else "open", proofs=shown)


def _shown(
    item: Mapping[str, Any],
    rule: Mapping[str, Any] | None,
    proofs: Mapping[str, Sequence[Proof]],
) -> Iterator[Proof]:
    """Yield what bears on an item: topics of the rule that holds, else whatever there is."""
    if rule is not None:
        topics = list(rule["topics"])
    else:
        topics = [t for r in item.get("rules", ()) for t in r["topics"]]
        topics += item.get("hints", ())
    for topic in dict.fromkeys(topics):
        yield from list(proofs.get(topic, ()))[:3]


def _answered_points(
    item: Mapping[str, Any], rule: Mapping[str, Any] | None, answer: Answer
) -> float | None:
    if "most" not in item or answer.answer == "n/a":
        return None
    if answer.answer == "no":
        return float(item["least"])
    if answer.points is not None:
        if not item["least"] <= answer.points <= item["most"]:
            raise InputError(
                f"{answer.checklist} item {answer.item} gives {item['least']} to {item['most']}"
                f" points, not {answer.points:g}"
            )
        return answer.points
    if rule is not None:
        return float(rule["points"])
    return 1.0 if item.get("graded") else float(item["most"])


def _conditions(results: StudyResults) -> dict[str, bool | None]:
    """Return which conditional items apply; None: not known."""
    origins = {mask.origin for mask in results.masks}
    blocks = {block for e in results.endpoints for m in e.models for block in m.blocks}
    return {
        "segmentation": True if results.masks or results.extraction else None,
        "automatic": bool(origins & {"automatic", "edited"})
        if origins and "unknown" not in origins
        else None,
        "handcrafted": True if results.extraction else None,
        "tabular": True if results.extraction else None,
        "deep": False if results.extraction and blocks and "deep" not in blocks else None,
    }


def _why_not(item: Mapping[str, Any], conditions: Mapping[str, bool | None]) -> tuple[Proof, ...]:
    words = {
        "automatic": Proof("every region was made by hand", "Segmentation"),
        "deep": Proof("no model uses deep features", "Models"),
    }
    return tuple(words[name] for name in item["applies"] if conditions[name] is False)
