"""Batch effects: seen, tested, removed with estimates that are frozen on training cases."""

from radtool.harmonization.anova import one_way
from radtool.harmonization.combat import ComBat
from radtool.harmonization.confounding import Association, associate, cramers_v, log_rank
from radtool.harmonization.evidence import BatchEvidence, batch_evidence

__all__ = [
    "Association",
    "BatchEvidence",
    "ComBat",
    "associate",
    "batch_evidence",
    "cramers_v",
    "log_rank",
    "one_way",
]
