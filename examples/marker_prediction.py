"""EGFR from semantic and radiomics features in two synthetic glioblastoma cohorts (142 and 46).

Run: python examples/marker_prediction.py --out marker_out [--mode as_published] [--jobs 2]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from radtool.pipelines import (
    LabelledCohort,
    MarkerPredictors,
    MarkerSettings,
    marker_prediction,
)
from radtool.pipelines.synthetic import glioblastoma_cohort
from radtool.report.results import Question

PREDICTORS = MarkerPredictors(
    blocks={"VASARI": ("f?_*", "f??_*"), "radiomics": ("t1gd_*", "t2_*")},
    volume="t1gd_original_shape_MeshVolume",
    clinical=("age_years", "sex"),
)


def cohort(n: int, name: str, seed: int) -> LabelledCohort:
    """One table a cohort; the marker of every twentieth patient is not known."""
    made = glioblastoma_cohort(n, seed=seed, cohort=name, features=150, complete=True)
    clinical = made.clinical.set_index("patient_id")
    parts = [made.semantic.set_index("patient_id"), clinical[["age_years", "sex"]]]
    for sequence, table in made.radiomics.items():
        parts.append(table.set_index("patient_id").add_prefix(f"{sequence}_"))
    X = pd.concat(parts, axis=1).assign(sex=clinical["sex"].map({0: "female", 1: "male"}))
    y = clinical["egfr"].astype(object).loc[X.index]
    y.iloc[::20] = None
    return LabelledCohort(name=name, X=X, y=y)


def main() -> None:
    """Draw both cohorts, run the pipeline, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--mode", choices=("nested", "as_published"), default="nested")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    cohorts = [cohort(142, "centre A", arguments.seed), cohort(46, "centre B", arguments.seed)]
    settings = MarkerSettings(
        mode=arguments.mode, forests=10, draws=4, best=3, resplits=5, jobs=arguments.jobs
    )
    question = Question(
        name="egfr", kind="marker", label="EGFR amplification", positive="EGFR amplified"
    )
    found = marker_prediction(
        cohorts, PREDICTORS, question, settings, out=arguments.out, synthetic=True
    )
    for row in found.results.endpoints[0].performance:
        if row.measure == "auc":
            limits = f"{row.value:.3f} ({row.lower:.3f} to {row.upper:.3f})"
            sys.stdout.write(f"{row.cohort:28s} {row.design:12s} {row.model:16s} {limits}\n")
    sys.stdout.write(f"{arguments.out / 'report.html'}\n")


if __name__ == "__main__":
    main()
