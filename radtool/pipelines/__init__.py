"""Ready-made studies: from a joined study to results and frozen signatures."""

from radtool.pipelines.are_prediction import ArePrediction, are_prediction
from radtool.pipelines.are_settings import AreSettings
from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.endpoint import Plan
from radtool.pipelines.gbm_prognosis import (
    GbmCohort,
    GbmPrognosis,
    GbmSettings,
    gbm_prognosis,
)
from radtool.pipelines.lesion_cohort import LesionCohort
from radtool.pipelines.marker_numbers import LabelledCohort
from radtool.pipelines.marker_prediction import MarkerPrediction, marker_prediction
from radtool.pipelines.marker_settings import MarkerPredictors, MarkerSettings
from radtool.pipelines.question import Answer, answer
from radtool.pipelines.robust_radiomics import (
    PhantomDesign,
    RobustFeatures,
    draw_concordance,
    robust_radiomics,
)
from radtool.pipelines.segmentation_prognosis import (
    SegmentationPrognosis,
    segmentation_prognosis,
)
from radtool.pipelines.segmentation_tables import (
    ContourSettings,
    MeasuredMasks,
    measure_masks,
)

__all__ = [
    "Answer",
    "ArePrediction",
    "AreSettings",
    "Cohorts",
    "ContourSettings",
    "GbmCohort",
    "GbmPrognosis",
    "GbmSettings",
    "LabelledCohort",
    "LesionCohort",
    "MarkerPrediction",
    "MarkerPredictors",
    "MarkerSettings",
    "MeasuredMasks",
    "PhantomDesign",
    "Plan",
    "RobustFeatures",
    "SegmentationPrognosis",
    "answer",
    "are_prediction",
    "draw_concordance",
    "gbm_prognosis",
    "marker_prediction",
    "measure_masks",
    "robust_radiomics",
    "segmentation_prognosis",
]
