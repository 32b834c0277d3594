"""Manual and automatic contours of real tumours: agreement, and the prognosis of both.

Run: python benchmarks/segmentation_prognosis.py NSCLC_TWO_CENTRE --out OUT [--limit 57]

NSCLC_TWO_CENTRE holds ``manifest.csv`` and ``outcomes.csv`` of crops around the tumour. Only cases
of the locked test split of the bundled model are used; the model looks at each whole crop.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from radtool.io import read_image
from radtool.pipelines import ContourSettings, measure_masks, segmentation_prognosis
from radtool.segmentation import assign_splits, segment
from radtool.table import read_manifest


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=1000)
    arguments = parser.parse_args()
    manifest = read_manifest(arguments.folder / "manifest.csv")
    manifest = manifest[assign_splits(manifest).to_numpy() == "test"].head(arguments.limit)
    manual, automatic = {}, {}
    for row in manifest.itertuples():
        manual[row.patient_id] = arguments.folder / row.mask
        image = read_image(arguments.folder / row.image)
        automatic[row.patient_id] = segment(image, search="whole").mask
    measured = measure_masks(manual, automatic)
    outcomes = pd.read_csv(arguments.folder / "outcomes.csv")
    outcomes = outcomes[outcomes["patient_id"].isin(manual)]
    found = segmentation_prognosis(
        measured.table,
        outcomes[["patient_id", "site", "duration_days", "event"]],
        ContourSettings(by=("site",)),
        failures=measured.failures,
        title="Prognosis from automatic contours, two centres",
        out=arguments.out,
    )
    for name in ("agreement", "prognosis", "differences", "tests"):
        print(found.tables[name].round(4).to_string(index=False), end="\n\n")


if __name__ == "__main__":
    main()
