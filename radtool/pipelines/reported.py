"""What every pipeline gives that ends in a report."""

from __future__ import annotations

from pathlib import Path

from radtool.files import write_json, write_text
from radtool.report import render
from radtool.report.results import StudyResults

__all__ = ["Reported"]


class Reported:
    """Base of what a pipeline found: it has `results`, and so a report."""

    __slots__ = ()
    results: StudyResults

    def to_html(self) -> str:
        """Return the report as one self-contained HTML document."""
        return render(self.results)

    def _save_report(self, folder: Path) -> None:
        write_json(folder / "results.json", self.results.to_dict())
        write_text(folder / "report.html", self.to_html())
