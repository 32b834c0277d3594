"""Numbers -> SVG: every figure is a function of records and returns its own alternative text."""

from radtool.report.figures.binary import draw_calibration, draw_decision, draw_roc
from radtool.report.figures.forest import ForestRow, draw_forest
from radtool.report.figures.scatter import draw_batches
from radtool.report.figures.survival import draw_survival

__all__ = [
    "ForestRow",
    "draw_batches",
    "draw_calibration",
    "draw_decision",
    "draw_forest",
    "draw_roc",
    "draw_survival",
]
