"""What curation gives back: tables, failures and where everybody went."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from radtool.table import Failure, failures_in_words

__all__ = ["CurationResult", "FlowStep"]


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One box of the flow diagram.

    Parameters
    ----------
    label : str
        What is counted: "image series", "cases".
    count : int
        How many are left here.
    lost : tuple of (reason, count)
        Who left on the way to the next box, largest group first.
    """

    label: str
    count: int
    lost: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CurationResult:
    """A curated folder.

    Parameters
    ----------
    out : pathlib.Path
        Where everything was written; paths in the manifest are relative to it.
    manifest : DataFrame
        One row an image with a mask.
    series : DataFrame
        One row a series, used or not, with the reason.
    quality : DataFrame
        All findings, "info" (the check holds) included: ``case_id, patient_id, series_uid, roi,
        check, severity, detail, files``.
    failures : list of Failure
        Cases that gave no row, and why.
    flow : tuple of FlowStep
        From files to cases.
    reused : int
        Series taken from an earlier run.
    """

    out: Path
    manifest: pd.DataFrame
    series: pd.DataFrame
    quality: pd.DataFrame
    failures: list[Failure] = field(default_factory=list)
    flow: tuple[FlowStep, ...] = ()
    reused: int = 0

    def __repr__(self) -> str:
        patients = self.manifest["patient_id"].nunique()
        head = (
            f"{len(self.manifest)} case(s) of {patients} patient(s) from {len(self.series)} series;"
            f" {len(self.findings)} finding(s), {len(self.failures)} failure(s);"
            f" see {self.out / 'curation.html'}"
        )
        return "\n".join([head, *failures_in_words(self.failures)])

    @property
    def findings(self) -> pd.DataFrame:
        """Findings that need an eye: warnings and errors."""
        return self.quality[self.quality["severity"] != "info"].reset_index(drop=True)
