"""Numbers about predictions: discrimination, calibration, intervals, comparison, designs."""

from radtool.evaluation.calibration import (
    brier,
    calibration_in_the_large,
    calibration_slope,
    logistic_slope,
)
from radtool.evaluation.comparison import (
    aggregate_lesions,
    bootstrap_interval,
    compare_proportions,
    driving_lesions,
    likelihood_ratio_test,
    misspecification_test,
    proportion,
    slope_test,
)
from radtool.evaluation.competing import (
    FineGray,
    aalen_johansen,
    cause_specific,
    competing_auc,
    competing_brier,
    competing_observed_over_expected,
    expand_fine_gray,
    fine_gray,
    incidence_at,
    pseudo_values,
)
from radtool.evaluation.concordance import (
    bootstrap_c_difference,
    censoring_survival,
    compare_c,
    harrell_c,
    pair_counts,
    uno_c,
)
from radtool.evaluation.cox import CoxFit, baseline_hazard, fit_cox, martingale_residuals
from radtool.evaluation.decision import decision_curve
from radtool.evaluation.designs import grouped_folds, grouped_split
from radtool.evaluation.estimate import Estimate
from radtool.evaluation.gray import gray_test
from radtool.evaluation.horizon import (
    auc_at,
    brier_at,
    compare_at,
    event_by,
    integrated_brier,
    ipa_at,
    observed_over_expected,
)
from radtool.evaluation.kaplan_meier import KaplanMeier, LogRank, kaplan_meier, logrank
from radtool.evaluation.marker_bootstrap import bootstrap_auc_difference, bootstrap_marker
from radtool.evaluation.marker_calibration import (
    MarkerCalibration,
    hosmer_lemeshow,
    marker_calibration,
)
from radtool.evaluation.proportional import proportional_hazards
from radtool.evaluation.reading import reading_grades, reading_preference, unblind
from radtool.evaluation.robust import robust_covariance
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
from radtool.evaluation.royston import explained_variation, gonen_heller, royston_d
from radtool.evaluation.sample_size import (
    auc_standard_error,
    events_per_variable,
    expected_shrinkage,
    largest_r2,
    sample_size_marker,
    sample_size_survival,
)
from radtool.evaluation.survival_calibration import (
    SurvivalCalibration,
    calibration_groups,
    poisson_calibration,
    smooth_calibration,
)
from radtool.evaluation.two_groups import compare_means

__all__ = [
    "CoxFit",
    "Estimate",
    "FineGray",
    "KaplanMeier",
    "LogRank",
    "MarkerCalibration",
    "SurvivalCalibration",
    "Threshold",
    "aalen_johansen",
    "aggregate_lesions",
    "auc",
    "auc_at",
    "auc_standard_error",
    "average_precision",
    "baseline_hazard",
    "bootstrap_auc_difference",
    "bootstrap_c_difference",
    "bootstrap_interval",
    "bootstrap_marker",
    "brier",
    "brier_at",
    "calibration_groups",
    "calibration_in_the_large",
    "calibration_slope",
    "cause_specific",
    "censoring_survival",
    "classify",
    "compare_at",
    "compare_auc",
    "compare_c",
    "compare_means",
    "compare_proportions",
    "competing_auc",
    "competing_brier",
    "competing_observed_over_expected",
    "decision_curve",
    "driving_lesions",
    "event_by",
    "events_per_variable",
    "expand_fine_gray",
    "expected_shrinkage",
    "explained_variation",
    "fine_gray",
    "fit_cox",
    "gonen_heller",
    "gray_test",
    "grouped_folds",
    "grouped_split",
    "harrell_c",
    "hosmer_lemeshow",
    "incidence_at",
    "integrated_brier",
    "ipa_at",
    "kaplan_meier",
    "largest_r2",
    "likelihood_ratio_test",
    "logistic_slope",
    "logrank",
    "marker_calibration",
    "martingale_residuals",
    "misspecification_test",
    "observed_over_expected",
    "pair_counts",
    "partial_auc",
    "poisson_calibration",
    "precision_recall_curve",
    "proportion",
    "proportional_hazards",
    "pseudo_values",
    "reading_grades",
    "reading_preference",
    "robust_covariance",
    "roc_curve",
    "royston_d",
    "sample_size_marker",
    "sample_size_survival",
    "sensitivity_threshold",
    "slope_test",
    "smooth_calibration",
    "unblind",
    "uno_c",
    "youden_threshold",
]
