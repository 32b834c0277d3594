"""Marker prediction on a public table: EGFR from CT radiomics of NSCLC-Radiogenomics.

The tables are those of the CaPTk study of the collection: features (``Sandy-Captk.csv``) and
clinical data (``clinical-demographics.csv``).

Run: ``python benchmarks/marker_tables.py FOLDER [OUT] [JOBS]``. About four minutes on one core.
"""

import sys
import time
import warnings
from pathlib import Path

import pandas as pd

from radtool.errors import RadtoolWarning
from radtool.pipelines.marker_prediction import (
    LabelledCohort,
    MarkerPredictors,
    MarkerSettings,
    marker_prediction,
)
from radtool.report.results import Question

PREDICTORS = MarkerPredictors(
    blocks={"semantic": ("solid-subsolid", "morphology"), "radiomics": ("T1_ED_*",)},
    volume="T1_ED_Volumetric_Volume",
    clinical=("age", "sex", "smoking"),
)
QUESTION = Question(
    name="egfr", kind="marker", label="EGFR mutation", positive="mutation found by sequencing"
)


def cohort(folder: Path) -> LabelledCohort:
    """Features of every patient; numbers that are no numbers become gaps."""
    features = pd.read_csv(folder / "Sandy-Captk.csv", encoding="utf-8-sig", index_col="SubjectID")
    features = features.apply(pd.to_numeric, errors="coerce").rename(
        columns=lambda name: name.replace("-", "_")
    )
    people = pd.read_csv(folder / "clinical-demographics.csv", index_col=0)
    table = features.join(people[["solid-subsolid", "morphology", "age", "sex", "smoking"]])
    return LabelledCohort(
        name="NSCLC-Radiogenomics", X=table, y=people["egfr-mut"].reindex(table.index)
    )


def main() -> None:
    folder = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    whole = cohort(folder)
    for mode in ("nested", "as_published"):
        start = time.perf_counter()
        settings = MarkerSettings(mode=mode, jobs=jobs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RadtoolWarning)
            found = marker_prediction(
                [whole], PREDICTORS, QUESTION, settings, out=out / mode if out else None
            )
        print(f"{mode}: {time.perf_counter() - start:.0f} s")
        for row in found.results.endpoints[0].performance:
            if row.measure in ("auc", "pr_auc", "calibration_slope"):
                print(
                    f"  {row.model:16s} {row.measure:18s} {row.value:.3f}"
                    f" ({row.lower:.3f} to {row.upper:.3f}), n {row.n}, positive {row.events}"
                )
        for row in found.results.endpoints[0].comparisons:
            print(
                f"  {row.model_a} - {row.model_b}: {row.difference:+.3f}"
                f" ({row.lower:+.3f} to {row.upper:+.3f})"
            )


if __name__ == "__main__":
    main()
