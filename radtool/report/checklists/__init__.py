"""Reporting checklists, pre-filled with evidence from a run and never with an unearned "yes"."""

from radtool.report.checklists.evidence import collect
from radtool.report.checklists.fill import (
    CHECKLISTS,
    Filled,
    FilledItem,
    check_answers,
    fill,
    fill_all,
)
from radtool.report.checklists.score import DraftScore, draft_score
from radtool.report.checklists.topics import TOPICS, Proof

__all__ = [
    "CHECKLISTS",
    "TOPICS",
    "DraftScore",
    "Filled",
    "FilledItem",
    "Proof",
    "check_answers",
    "collect",
    "draft_score",
    "fill",
    "fill_all",
]
