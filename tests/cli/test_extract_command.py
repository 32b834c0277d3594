from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from radtool.cli import app
from radtool.image import Geometry, Image
from radtool.io import write_image
from radtool.table import read_table

RUN = CliRunner()
GRID = Geometry((6, 9, 10))
PARAMS = "families: [morph, stat]\nminimum_voxels: 1\n"
VOLUME = "original_morph_volume_voxel_counting"


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[1:3, 1:4, 1:4] = 1
    labels[1:5, 5:8, 5:9] = 3
    intensities = np.arange(labels.size, dtype=np.int16).reshape(GRID.shape)
    write_image(Image(intensities, GRID), tmp_path / "i.nii")
    write_image(Image(labels, GRID), tmp_path / "m.nii")
    (tmp_path / "p.yaml").write_text(PARAMS)
    files = {"image": "i.nii", "mask": "m.nii", "params": "p.yaml", "out": "f.csv"}
    return [
        *("extract", "--jobs", "1"),
        *(part for name, file in files.items() for part in (f"--{name}", str(tmp_path / file))),
    ]


def test_several_labels_are_listed_and_one_can_be_chosen(
    arguments: list[str], tmp_path: Path
) -> None:
    refused = RUN.invoke(app, arguments)
    assert "1 (18 voxels, 0.02 mL); 3 (48 voxels, 0.05 mL)" in str(refused.exception)
    assert RUN.invoke(app, [*arguments, "--label", "3"]).exit_code == 0
    assert read_table(tmp_path / "f.csv")[VOLUME].tolist() == [48.0]


def test_lesions_are_rows_or_one_row_and_the_choice_is_recorded(
    arguments: list[str], tmp_path: Path
) -> None:
    assert RUN.invoke(app, [*arguments, "--labels", "all"]).exit_code == 0
    assert read_table(tmp_path / "f.csv")[VOLUME].tolist() == [18.0, 48.0]
    both = [*arguments, "--labels", "components", "--lesions", "sum"]
    assert RUN.invoke(app, both).exit_code == 0
    table = read_table(tmp_path / "f.csv")
    assert table[VOLUME].tolist() == [66.0]
    assert table["lesions_combined"].tolist() == ["sum"]
    made = json.loads((tmp_path / "f.csv.provenance.json").read_text())
    assert made["settings"]["lesions"] == {"labels": "components", "combined": "sum"}


def test_preflight_says_what_would_come_and_writes_nothing(
    arguments: list[str], tmp_path: Path
) -> None:
    result = RUN.invoke(app, [*arguments, "--label", "3", "--preflight"])
    assert result.exit_code == 0
    assert "1 case(s), 1 with a warning, 0 unreadable" in result.output
    assert not (tmp_path / "f.csv").exists()
