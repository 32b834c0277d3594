"""Who is at risk when: sorted times of a stratum and the sums over its risk sets."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.kaplan_meier import group_codes
from radtool.table import check_survival

__all__ = ["RiskSets", "Ties", "check_outcome", "risk_sets"]

Ties = Literal["efron", "breslow"]


def check_outcome(y: pd.DataFrame) -> pd.DataFrame:
    """Return ``event``, ``duration``, ``entry`` and ``weight`` of a survival outcome, or raise."""
    outcome = check_survival(y)
    outcome["entry"] = np.asarray(y["entry"], dtype=float) if "entry" in y else -np.inf
    outcome["weight"] = np.asarray(y["weight"], dtype=float) if "weight" in y else 1.0
    if "entry" in y and outcome["entry"].isna().any():
        raise InputError(
            f"entry is missing for {outcome.index[outcome['entry'].isna()].tolist()[:5]}"
        )
    weight = outcome["weight"]
    if not (np.isfinite(weight) & (weight >= 0)).all() or not weight[outcome["event"]].any():
        raise InputError("weights must be numbers, 0 or above, and not all 0 among the events")
    wrong = outcome.index[outcome["entry"] >= outcome["duration"]].tolist()
    if wrong:
        raise InputError(f"entry is not before duration for {wrong[:5]}")
    return outcome


class RiskSets:
    """Sorted times of one stratum and the sums over its risk sets."""

    def __init__(self, outcome: pd.DataFrame, rows: np.ndarray, ties: Ties) -> None:
        self.rows = rows
        self.event = outcome["event"].to_numpy(dtype=bool)[rows]
        self.weight = outcome["weight"].to_numpy(dtype=float)[rows]
        stop = outcome["duration"].to_numpy(dtype=float)[rows]
        start = outcome["entry"].to_numpy(dtype=float)[rows]
        self.times = np.unique(stop[self.event])
        self.by_stop, self.by_start = (
            np.argsort(stop, kind="stable"),
            np.argsort(start, kind="stable"),
        )
        self.left_stop = np.searchsorted(stop[self.by_stop], self.times, side="left")
        self.left_start = np.searchsorted(start[self.by_start], self.times, side="left")
        self.truncated = bool(np.isfinite(start).any())
        self.last = np.searchsorted(self.times, stop, side="right")
        self.first = np.searchsorted(self.times, start, side="right")
        self.at = np.searchsorted(self.times, stop[self.event])
        count = np.bincount(self.at, minlength=len(self.times))
        self.record = np.repeat(np.arange(len(self.times)), count)
        rank = np.arange(len(self.record)) - np.repeat(np.cumsum(count) - count, count)
        self.phi = rank / np.repeat(count, count) if ties == "efron" else np.zeros(len(rank))
        tied = np.bincount(self.at, self.weight[self.event], minlength=len(self.times))
        self.record_weight = (tied / np.maximum(count, 1))[self.record]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum over the risk set at each event time; values (n, ...) -> (k, ...)."""
        total = _suffix(values[self.by_stop])[self.left_stop]
        if self.truncated:
            total = total - _suffix(values[self.by_start])[self.left_start]
        return total

    def tied(self, values: np.ndarray) -> np.ndarray:
        """Sum over the events at each event time; values (n, ...) -> (k, ...)."""
        total = np.zeros((len(self.times), *values.shape[1:]))
        np.add.at(total, self.at, values[self.event])
        return total

    def hazard(self, relative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hazard increment at each event time, and the risk sum that each record sees."""
        tied = self.tied(relative)
        seen = self.sums(relative)[self.record] - self.phi * tied[self.record]
        step = np.bincount(self.record, self.record_weight / seen, minlength=len(self.times))
        return step, seen

    def lived(self, seen: np.ndarray) -> np.ndarray:
        """Cumulative hazard that each case has lived through, tied events by Efron's share."""
        per_record = self.record_weight / seen
        n = len(self.times)
        total = np.concatenate(
            [[0.0], np.cumsum(np.bincount(self.record, per_record, minlength=n))]
        )
        lived = total[self.last] - total[self.first]
        share = np.bincount(self.record, per_record * self.phi, minlength=n)
        lived[self.event] -= share[self.at]
        return lived


def _suffix(values: np.ndarray) -> np.ndarray:
    total = np.zeros((len(values) + 1, *values.shape[1:]))
    total[:-1] = np.cumsum(values[::-1], axis=0)[::-1]
    return total


def risk_sets(outcome: pd.DataFrame, strata: np.ndarray | None, ties: Ties) -> list[RiskSets]:
    """Sorted risk sets, one a stratum."""
    if ties not in ("efron", "breslow"):
        raise InputError(f"ties must be 'efron' or 'breslow', got {ties!r}")
    if strata is None:
        return [RiskSets(outcome, np.arange(len(outcome)), ties)]
    code = group_codes(strata, len(outcome), "stratum")[0]
    return [RiskSets(outcome, np.flatnonzero(code == one), ties) for one in np.unique(code)]
