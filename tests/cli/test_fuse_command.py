from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from radtool.cli import app
from radtool.image import Geometry, Image
from radtool.io import write_image
from radtool.table import read_table

RUN = CliRunner()
GRID = Geometry((4, 6, 6))
SETTINGS = "images: [{modality: CT}, {modality: PT, transform: sqrt}]\nmethod: wavelet\n"
PARAMS = "families: [stat]\nminimum_voxels: 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = []
    inside = np.zeros(GRID.shape, dtype=np.uint8)
    inside[1:3, 2:5, 2:5] = 1
    write_image(Image(inside, GRID), tmp_path / "mask.nii")
    for patient, kinds in (("a", ("CT", "PT")), ("b", ("CT",))):
        for kind in kinds:
            file = tmp_path / f"{patient}{kind}.nii"
            values = np.random.default_rng(len(rows)).uniform(0, 9, GRID.shape)
            write_image(Image(values.astype(np.float32), GRID), file)
            row = {"case_id": patient + kind, "patient_id": patient, "modality": kind}
            rows.append({**row, "image": file.name, "mask": "mask.nii"})
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    (tmp_path / "fusion.yaml").write_text(SETTINGS)
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def test_fused_images_are_extracted_like_any_other(folder: Path) -> None:
    files = {"manifest": "manifest.csv", "settings": "fusion.yaml", "out": "fused"}
    options = [part for name, file in files.items() for part in (f"--{name}", str(folder / file))]
    result = RUN.invoke(app, ["fuse", *options, "--jobs", "1"])
    assert result.exit_code == 1
    assert "1 fused image(s), 1 failure(s)" in result.output
    assert "failed  bCT  [fusion] no image of modality 'PT' for patient 'b'" in result.output
    files = {"manifest": "fused/manifest.csv", "params": "params.yaml", "out": "f.csv"}
    options = [part for name, file in files.items() for part in (f"--{name}", str(folder / file))]
    assert RUN.invoke(app, ["extract", *options, "--jobs", "1"]).exit_code == 0
    table = read_table(folder / "f.csv")
    assert table["case_id"].tolist() == ["aCT_CT_PT"]
    assert 0 < table["original_stat_mean"].item() < 1
