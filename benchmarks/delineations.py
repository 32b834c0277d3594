"""Which features survive several delineations of one tumour, with a figure.

Run: ``python benchmarks/delineations.py CT.nii.gz MASKS_FOLDER PARAMETERS --population FEATURES
--out FOLDER``. One patient has no variance between patients: that comes from the population table,
so that ICC = between / (between + within).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from radtool.features import extract, load_params
from radtool.files import write_text
from radtool.io import read_image, read_mask
from radtool.report.figures.spread import draw_bars
from radtool.selection import delineation_table
from radtool.table import read_table, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("masks")
    parser.add_argument("params")
    parser.add_argument("--population")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    image, params = read_image(chosen.image), load_params(chosen.params)
    files = [path for path in sorted(Path(chosen.masks).glob("*.nii.gz")) if "_ct" not in path.name]
    rows = {p.name: extract(image, read_mask(p), params) for p in files}
    table = pd.DataFrame(rows).T.apply(pd.to_numeric, errors="coerce")
    population = read_table(chosen.population) if chosen.population else None
    found = delineation_table(table, population)
    write_table(found.reset_index(), chosen.out / "delineations.csv")
    column = "icc" if population is not None else "cv"
    values = found[column].dropna().clip(0, 1)
    counts, edges = np.histogram(values, bins=20, range=(0.0, 1.0))
    alive = int((found[column] >= 0.75).sum() if column == "icc" else (found[column] <= 0.1).sum())
    alt = f"{alive} of {len(found)} features survive {len(table)} delineations"
    figure = draw_bars(
        counts.tolist(),
        edges.tolist(),
        label={"icc": "ICC", "cv": "Coefficient of variation"}[column],
        alt=alt,
        mark=0.75 if column == "icc" else 0.1,
    )
    write_text(chosen.out / "delineations.svg", str(figure))
    print(alt)
    print(found.groupby(found.index.str.split("_").str[1])[column].describe().round(3).to_string())


if __name__ == "__main__":
    main()
