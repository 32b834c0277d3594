"""Study file -> run: resumable, parallel, with provenance."""

from radtool.study.config import StudySettings, read_study
from radtool.study.frozen import predict_cases, validate_signature
from radtool.study.planning import StudyPlan, plan_study
from radtool.study.run import Done, run_study, write_report

__all__ = [
    "Done",
    "StudyPlan",
    "StudySettings",
    "plan_study",
    "predict_cases",
    "read_study",
    "run_study",
    "validate_signature",
    "write_report",
]
