"""What is left of a prediction when the images lose what a signature claims to see."""

from __future__ import annotations

from dataclasses import dataclass

from radtool.report.results.cohort import CaseFailure
from radtool.report.results.record import Record

__all__ = ["Control", "ControlCases", "ControlRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRow(Record):
    """A model on real features beside the same recipe on a control's, on the same cases.

    Parameters
    ----------
    model, cohort, design, measure : str
        As in `PerformanceRow`.
    value, lower, upper : float, optional
        Of the model that learned from the control's features, with 95 % limits.
    real, real_lower, real_upper : float, optional
        Of the model that learned from the images as they are.
    difference, difference_lower, difference_upper, p : float, optional
        Real less control, paired.
    n, events : int, optional
        Cases that have both, and their events.
    is_whole : bool, default True
        Whether nobody was left out, in training or here, for want of a control.
    test : str
        "infinitesimal jackknife", "DeLong".
    """

    model: str
    cohort: str
    design: str
    measure: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    real: float | None = None
    real_lower: float | None = None
    real_upper: float | None = None
    difference: float | None = None
    difference_lower: float | None = None
    difference_upper: float | None = None
    p: float | None = None
    n: int | None = None
    events: int | None = None
    is_whole: bool = True
    test: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Record):
    """One negative control of an endpoint.

    Parameters
    ----------
    name : str
        "shuffled_voxels", "moved_region", ….
    rows : tuple of ControlRow
        One for each model, cohort and design.
    note : str
        Why there are no rows.
    """

    name: str
    rows: tuple[ControlRow, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCases(Record):
    """How the features of a control were made.

    Parameters
    ----------
    name : str
        As in `Control`.
    n_cases : int
        Cases with features.
    failures : tuple of CaseFailure
        Cases that have real features and none of this control.
    """

    name: str
    n_cases: int
    failures: tuple[CaseFailure, ...] = ()
