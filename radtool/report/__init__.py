"""Numbers of a study -> figures, tables, checklists and one self-contained HTML document."""

from radtool.report.exploration import render_exploration
from radtool.report.methods import methods_paragraph
from radtool.report.render import page, render
from radtool.report.results import Exploration, StudyResults, read_results
from radtool.report.validation import calibration_record, decision_record, performance_rows

__all__ = [
    "Exploration",
    "StudyResults",
    "calibration_record",
    "decision_record",
    "methods_paragraph",
    "page",
    "performance_rows",
    "read_results",
    "render",
    "render_exploration",
]
