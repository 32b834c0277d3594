"""Numbers of a study -> figures, tables, checklists and one self-contained HTML document."""

from radtool.report.methods import methods_paragraph
from radtool.report.render import page, render
from radtool.report.results import StudyResults, read_results

__all__ = ["StudyResults", "methods_paragraph", "page", "read_results", "render"]
