"""Embeddings of a cohort: cache, workers, failures, the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from radtool.cli import app
from radtool.errors import InputError
from radtool.features import cohort, combine_images, extract_cohort, load_params, preflight
from radtool.files import sha256
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask
from radtool.study.mapping import _mapped
from radtool.table import feature_columns, read_table

GRID = Geometry((5, 6, 7), (1.5, 1.0, 1.0))
COLUMNS = [f"deep_corner_{k:03d}" for k in range(4)]


@pytest.fixture
def params(corner_network: Path, tmp_path: Path) -> Path:
    path = tmp_path / "params.json"
    size = {"size": [2, 3, 2]}
    model = {"name": "corner", "model": "corner.onnx", "sha256": sha256(corner_network)}
    section = {"families": ["stat"], "minimum_voxels": 1, "deep": [{**model, "input": size}]}
    path.write_text(json.dumps(section))
    return path


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    rows = []
    inside = np.zeros(GRID.shape, dtype=bool)
    inside[1:3, 2:5, 3:5] = True
    for k in range(3):
        array = np.random.default_rng(k).normal(size=GRID.shape).astype(np.float32)
        write_image(Image(array, GRID), tmp_path / f"{k}.nii")
        write_mask(Mask(inside, GRID), tmp_path / f"{k}_mask.nii")
        files = {"image": str(tmp_path / f"{k}.nii"), "mask": str(tmp_path / f"{k}_mask.nii")}
        rows.append({"case_id": f"case{k}", "patient_id": f"p{k}", **files})
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "manifest.csv", index=False)
    return table


def test_rows_hold_the_embedding_of_their_own_image(manifest: pd.DataFrame, params: Path) -> None:
    table = extract_cohort(manifest, str(params)).table
    assert feature_columns(table)[-4:] == COLUMNS
    for k, row in table.iterrows():
        block = np.random.default_rng(k).normal(size=GRID.shape).astype(np.float32)
        block = block[1:3, 2:5, 3:5]
        first, last = block[0, :2, 0], block[1, 1:, 1]
        expected = [*first, *(last - first / 2)]
        np.testing.assert_allclose(row[COLUMNS].astype(float), expected, rtol=1e-6)
    assert set(table["params_sha256"]) == {load_params(params).sha256}
    assert set(table["diagnostics_undefined"]) == {""}


def test_processes_and_cache_change_no_byte(
    manifest: pd.DataFrame, params: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = extract_cohort(manifest, str(params)).table
    cache = tmp_path / "cache"
    two = extract_cohort(manifest, str(params), jobs=2, cache=cache).table
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    monkeypatch.setattr(cohort, "_extracted", None)
    kept = extract_cohort(manifest, str(params), cache=cache).table
    pd.testing.assert_frame_equal(one, kept, check_exact=True)


def test_another_model_does_not_meet_in_the_cache(
    manifest: pd.DataFrame, params: Path, tmp_path: Path
) -> None:
    settings = json.loads(params.read_text())
    settings["deep"][0]["pooling"] = "mean"
    (tmp_path / "other.json").write_text(json.dumps(settings))
    cache = tmp_path / "cache"
    extract_cohort(manifest, str(params), cache=cache)
    found = extract_cohort(manifest, str(tmp_path / "other.json"), cache=cache).table
    assert feature_columns(found)[-2:] == COLUMNS[:2]


def test_a_case_that_the_network_cannot_see_is_a_named_failure(
    manifest: pd.DataFrame, params: Path, tmp_path: Path
) -> None:
    settings = json.loads(params.read_text())
    settings["deep"][0]["input"]["interpolation"] = "linear"
    array = np.zeros(GRID.shape, dtype=np.float32)
    array[0] = np.nan  # beside the region, which is whole
    write_image(Image(array, GRID), tmp_path / "1.nii")
    settings["deep"][0]["input"]["spacing_mm"] = [4.0, 1.0, 1.0]
    (tmp_path / "wide.json").write_text(json.dumps(settings))
    result = extract_cohort(manifest, str(tmp_path / "wide.json"))
    assert result.table["case_id"].tolist() == ["case0", "case2"]
    assert [failure.case_id for failure in result.failures] == ["case1"]
    assert "that the network would see are NaN" in result.failures[0].reason


def test_an_exchanged_model_stops_the_cohort_before_any_case(
    manifest: pd.DataFrame, params: Path, corner_network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cohort, "outcomes_of", None)
    corner_network.write_bytes(corner_network.read_bytes() + b"\0")
    with pytest.raises(InputError, match="the file has SHA-256"):
        extract_cohort(manifest, str(params))
    corner_network.unlink()
    for look in (extract_cohort, preflight):
        with pytest.raises(InputError, match=r"no file corner.onnx"):
            look(manifest, load_params(params))


def test_embeddings_of_two_images_share_a_row(manifest: pd.DataFrame, params: Path) -> None:
    table = extract_cohort(manifest, str(params)).table
    both = combine_images({"ct": table, "pet": table})
    assert {"ct_deep_corner_000", "pet_deep_corner_003"} <= {*feature_columns(both)}


def test_an_embedding_has_no_map() -> None:
    assert _mapped(["deep_corner_000", "ct_deep_corner_001", "original_stat_mean"]) == [
        "original_stat_mean"
    ]


def test_the_command_line_writes_them_with_the_model_in_the_provenance(
    manifest: pd.DataFrame, params: Path, tmp_path: Path
) -> None:
    out = tmp_path / "f.csv"
    arguments = ["extract", "--manifest", str(tmp_path / "manifest.csv"), "--params", str(params)]
    result = CliRunner().invoke(app, [*arguments, "--out", str(out), "--jobs", "1"])
    assert result.exit_code == 0
    assert feature_columns(read_table(out))[-4:] == COLUMNS
    made = json.loads((tmp_path / "f.csv.provenance.json").read_text())
    (model,) = made["settings"]["extraction"][""]["deep"]
    assert model["sha256"] == sha256(tmp_path / "corner.onnx")
    assert model["model"] == "corner.onnx"
    assert "onnxruntime" in made["versions"]
