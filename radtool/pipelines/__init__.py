"""Ready-made studies: from a joined study to results and frozen signatures."""

from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.endpoint import Plan
from radtool.pipelines.gbm_prognosis import (
    GbmCohort,
    GbmPrognosis,
    GbmSettings,
    gbm_prognosis,
)
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
    MeasuredMasks,
    SegmentationSettings,
    measure_masks,
)

__all__ = [
    "Answer",
    "Cohorts",
    "GbmCohort",
    "GbmPrognosis",
    "GbmSettings",
    "MeasuredMasks",
    "PhantomDesign",
    "Plan",
    "RobustFeatures",
    "SegmentationPrognosis",
    "SegmentationSettings",
    "answer",
    "draw_concordance",
    "gbm_prognosis",
    "measure_masks",
    "robust_radiomics",
    "segmentation_prognosis",
]
