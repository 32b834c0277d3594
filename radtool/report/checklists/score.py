"""Scores of filled checklists, as ranges: what is confirmed, what is claimed, what is possible."""

from __future__ import annotations

from dataclasses import dataclass

from radtool.report.checklists.fill import Filled, FilledItem

__all__ = ["DraftScore", "draft_score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftScore:
    """What a scored checklist comes to so far.

    Parameters
    ----------
    confirmed : float
        Answers of the user alone; every other item at its worst.
    proposed : float
        The same, with proposals taken as answers.
    possible : float
        The same, with every item that is still open at its best.
    unit : str
        "%" or "of 36 points".
    """

    confirmed: float
    proposed: float
    possible: float
    unit: str


def draft_score(filled: Filled) -> DraftScore | None:
    """Score a filled checklist; None when the checklist has no score.

    Parameters
    ----------
    filled : Filled
        Items with status and answer.

    Returns
    -------
    DraftScore or None
        METRICS: percent of the weights of the items that apply (Kocak 2024). RQS: points; items
        without an answer count at their lowest points (RQS 1: -3 and -5), and a sum below zero is
        shown as it is.
    """
    if filled.score == "weights":
        return DraftScore(
            confirmed=_weighted(filled, ("answered",), best=False),
            proposed=_weighted(filled, ("answered", "proposed"), best=False),
            possible=_weighted(filled, ("answered", "proposed"), best=True),
            unit="%",
        )
    if filled.score == "points":
        most = sum(item.most for item in filled.items)
        return DraftScore(
            confirmed=_points(filled, ("answered",), best=False),
            proposed=_points(filled, ("answered", "proposed"), best=False),
            possible=_points(filled, ("answered", "proposed"), best=True),
            unit=f"of {most:g} points",
        )
    return None


def _weighted(filled: Filled, accepted: tuple[str, ...], *, best: bool) -> float:
    total = gained = 0.0
    for item in filled.items:
        answer = item.answer if item.status in accepted else None
        if answer == "n/a":
            continue
        total += item.weight
        gained += item.weight * (answer == "yes" or (answer is None and best))
    return 100 * gained / total if total else 0.0


def _points(filled: Filled, accepted: tuple[str, ...], *, best: bool) -> float:
    return sum(_item_points(item, item.status in accepted, best=best) for item in filled.items)


def _item_points(item: FilledItem, accepted: bool, *, best: bool) -> float:  # noqa: FBT001
    if accepted:
        if item.answer == "n/a":
            return 0.0
        if item.points is not None:
            return item.points
    return item.most if best else item.least
