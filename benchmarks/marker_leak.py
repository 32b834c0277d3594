"""What the published order of steps finds in noise, beside the nested one.

Features and markers are drawn independently; every AUC above 0.50 is optimism. Run:
``python benchmarks/marker_leak.py [--repeats 20] [--draws 40]``.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd

from radtool.errors import RadtoolWarning
from radtool.pipelines import (
    LabelledCohort,
    MarkerPredictors,
    MarkerSettings,
    marker_prediction,
)
from radtool.report.results import Question

PREDICTORS = MarkerPredictors(blocks={"radiomics": ("original_*",)})
QUESTION = Question(name="noise", kind="marker")


def noise(seed: int, patients: int, features: int) -> LabelledCohort:
    rng = np.random.default_rng(seed)
    names = [f"original_stat_n{k:03d}" for k in range(features)]
    X = pd.DataFrame(rng.normal(size=(patients, features)), columns=names)
    y = pd.Series(rng.permutation(patients) < 0.4 * patients)
    return LabelledCohort(name="noise", X=X, y=y)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--patients", type=int, default=140)
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--draws", type=int, default=40)
    given = parser.parse_args()
    shared = {"forests": 5, "forest_trees": (20, 60), "bootstraps": 20, "shown": 1, "top": 20,
              "kinds": ("logistic", "xgboost")}  # fmt: skip
    plans = {
        "nested CV": MarkerSettings(draws=2, best=2, resplits=2, **shared),
        "apparent": MarkerSettings(
            mode="as_published", draws=given.draws, best=1, resplits=1, **shared
        ),
    }
    found: dict[str, list[float]] = {name: [] for name in plans}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RadtoolWarning)
        for seed in range(given.repeats):
            cohort = noise(seed, given.patients, given.features)
            for design, plan in plans.items():
                run = marker_prediction([cohort], PREDICTORS, QUESTION, plan)
                found[design].append(run.auc(design))
    for design, values in found.items():
        words = "as published" if design == "apparent" else design
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        print(f"{words}: mean AUC {np.mean(values):.3f} (standard error {error:.3f}),"
              f" 95th percentile {np.quantile(values, 0.95):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
