"""Numbers about predictions: discrimination, calibration, intervals, comparison, designs."""

from radtool.evaluation.calibration import (
    brier,
    calibration_in_the_large,
    calibration_slope,
    logistic_slope,
)
from radtool.evaluation.concordance import (
    censoring_survival,
    compare_c,
    harrell_c,
    pair_counts,
    uno_c,
)
from radtool.evaluation.cox import CoxFit, baseline_hazard, fit_cox, martingale_residuals
from radtool.evaluation.estimate import Estimate
from radtool.evaluation.kaplan_meier import KaplanMeier, LogRank, kaplan_meier, logrank
from radtool.evaluation.roc import (
    Threshold,
    auc,
    average_precision,
    classify,
    compare_auc,
    partial_auc,
    precision_recall_curve,
    roc_curve,
    sensitivity_threshold,
    youden_threshold,
)

__all__ = [
    "CoxFit",
    "Estimate",
    "KaplanMeier",
    "LogRank",
    "Threshold",
    "auc",
    "average_precision",
    "baseline_hazard",
    "brier",
    "calibration_in_the_large",
    "calibration_slope",
    "censoring_survival",
    "classify",
    "compare_auc",
    "compare_c",
    "fit_cox",
    "harrell_c",
    "kaplan_meier",
    "logistic_slope",
    "logrank",
    "martingale_residuals",
    "pair_counts",
    "partial_auc",
    "precision_recall_curve",
    "roc_curve",
    "sensitivity_threshold",
    "uno_c",
    "youden_threshold",
]
