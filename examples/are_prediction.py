"""Radiation effects of brain metastases in two synthetic cohorts: 7,974 and 646 lesions.

Run: python examples/are_prediction.py --out are_out [--mode as_published] [--jobs 2]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from radtool.pipelines import AreSettings, are_prediction
from radtool.pipelines.synthetic_lesions import metastases_cohort
from radtool.report.results import Question


def main() -> None:
    """Draw both cohorts, run the pipeline, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--mode", choices=("nested", "as_published"), default="nested")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    development = metastases_cohort(seed=arguments.seed, name="centre A", deep=64)
    external = metastases_cohort(
        237,
        lesions=646,
        seed=arguments.seed + 1,
        name="centre B",
        event_share=0.031,
        deep=64,
        unseen=True,
    )
    question = Question(
        name="are",
        kind="marker",
        label="adverse radiation effect",
        positive="radionecrosis at any time",
    )
    settings = AreSettings(
        mode=arguments.mode, folds=3, fraction=0.35, depths=(2,), jobs=arguments.jobs
    )
    found = are_prediction(
        development, external, question, settings, out=arguments.out, synthetic=True
    )
    for row in found.results.endpoints[0].performance:
        if row.measure == "auc":
            limits = f"{row.value:.3f} ({row.lower:.3f} to {row.upper:.3f})"
            sys.stdout.write(f"{row.cohort:34s} {row.design:18s} {row.model:20s} {limits}\n")
    sys.stdout.write(f"{arguments.out / 'report.html'}\n")


if __name__ == "__main__":
    main()
