from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask

STUDY = """
title: Small study
data: {manifest: manifest.csv, outcomes: outcomes.csv}
extraction: {parameters: params.yaml}
cohorts: {column: site, development: [a], external: [b]}
endpoints:
  - {name: os, duration: days, event: dead}
predictors: {clinical: [age]}
batch: site
steps:
  - {step: Standardize}
  - {step: CorrelationFilter, threshold: 0.9}
  - {step: UnivariateCoxFilter, top: 1}
validation: {folds: 2, repeats: 1, bootstrap: 3, seed: 0}
"""
PARAMS = """
resample: {spacing_mm: [2.0, 2.0, 2.0]}
discretise: [{method: fixed_bin_number, bin_number: 8}]
families: [morph, stat, glcm]
minimum_voxels: 4
"""


def write_case(folder: Path, name: str, rng: np.random.Generator) -> None:
    grid = Geometry((8, 9, 10), (2.0, 2.0, 2.0))
    noise = rng.normal(0.0, 20.0, grid.shape)
    array = np.zeros(grid.shape, dtype=bool)
    size = int(rng.integers(2, 6))
    array[2 : 2 + size, 2:7, 2:7] = True
    write_image(Image(noise.astype(np.float32), grid, "HU"), folder / f"{name}.nii.gz")
    write_mask(Mask(array, grid, "GTV"), folder / f"{name}_gtv.nii.gz")


@pytest.fixture
def study_folder(tmp_path: Path) -> Path:
    """Thirty small cases of two sites as files, with outcomes and a study file."""
    rng = np.random.default_rng(0)
    names = [f"c{number:02d}" for number in range(30)]
    for name in names:
        write_case(tmp_path, name, rng)
    site = np.where(np.arange(30) < 18, "a", "b")
    pd.DataFrame(
        {"case_id": names, "patient_id": names, "site": site, "modality": "CT", "roi": "GTV",
         "image": [f"{n}.nii.gz" for n in names], "mask": [f"{n}_gtv.nii.gz" for n in names]}
    ).to_csv(tmp_path / "manifest.csv", index=False)  # fmt: skip
    pd.DataFrame(
        {"patient_id": names, "days": rng.exponential(500, 30).round(1) + 1,
         "dead": (rng.random(30) < 0.7).astype(int), "age": rng.integers(40, 80, 30)}
    ).to_csv(tmp_path / "outcomes.csv", index=False)  # fmt: skip
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path
