"""Ready-made studies: from a joined study to results and frozen signatures."""

from radtool.pipelines.endpoint import Plan
from radtool.pipelines.gbm_prognosis import (
    GbmCohort,
    GbmPrognosis,
    GbmSettings,
    gbm_prognosis,
)
from radtool.pipelines.question import Answer, Cohorts, answer
from radtool.pipelines.robust_radiomics import (
    PhantomDesign,
    RobustFeatures,
    draw_concordance,
    robust_radiomics,
)

__all__ = [
    "Answer",
    "Cohorts",
    "GbmCohort",
    "GbmPrognosis",
    "GbmSettings",
    "PhantomDesign",
    "Plan",
    "RobustFeatures",
    "answer",
    "draw_concordance",
    "gbm_prognosis",
    "robust_radiomics",
]
