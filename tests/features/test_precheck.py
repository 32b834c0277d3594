"""What is said of a cohort before it is extracted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.features import load_params, measure, preflight
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image

GRID = Geometry((8, 10, 12), (2.0, 1.0, 1.0))
BINS = [{"method": "fixed_bin_size", "bin_width": 25.0}]


def case(folder: Path, name: str, intensities: np.ndarray) -> dict[str, str]:
    inside = np.zeros(GRID.shape, dtype=np.uint8)
    inside[2:6, 2:8, 2:8] = 1
    write_image(Image(intensities, GRID), folder / f"{name}.nii")
    write_image(Image(inside, GRID), folder / f"{name}_mask.nii")
    return {
        "case_id": name,
        "patient_id": name,
        "image": str(folder / f"{name}.nii"),
        "mask": str(folder / f"{name}_mask.nii"),
    }


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    ramp = np.linspace(-500, 500, GRID.shape[2], dtype=np.float32)
    wide = np.broadcast_to(ramp, GRID.shape).copy()
    odd = wide.copy()
    odd[3, 3, 3] = np.nan
    return pd.DataFrame(
        [
            case(tmp_path, "wide", wide),
            case(tmp_path, "narrow", wide / 50),
            case(tmp_path, "huge", wide * 20),
            case(tmp_path, "flat", wide * 0 + 3),
            case(tmp_path, "odd", odd),
        ]
    )


def test_bins_are_those_of_the_extraction(manifest: pd.DataFrame) -> None:
    params = load_params({"discretise": BINS, "families": ["ih"]})
    table, failures = preflight(manifest, params)
    found = table.set_index("case_id")
    for name in ("wide", "narrow", "huge"):
        image = Image(np.array(_read(manifest, name)), GRID)
        inside = np.zeros(GRID.shape, dtype=bool)
        inside[2:6, 2:8, 2:8] = True
        expected = measure(image, Mask(inside, GRID), params).diagnostics["grey_levels"]
        assert found.loc[name, "bins"] == expected
    assert found["voxels"].tolist() == [144] * 4
    assert found["volume_ml"].tolist() == pytest.approx([0.288] * 4)
    assert [(one.case_id, "NaN" in one.reason) for one in failures] == [("odd", True)]


def test_too_few_and_too_many_bins_are_warned_of(manifest: pd.DataFrame) -> None:
    table, _ = preflight(manifest, load_params({"discretise": BINS, "families": ["ih"]}))
    said = dict(zip(table["case_id"], table["warning"], strict=True))
    assert said["wide"] == ""
    assert "narrower bins" in said["narrow"]
    assert "wider bins" in said["huge"]
    assert said["flat"] == "all intensities are 3"


def test_pyradiomics_bins_are_multiples_of_the_width(manifest: pd.DataFrame) -> None:
    table, _ = preflight(manifest[:1], load_params({"setting": {"binWidth": 100}}))
    # -318 to 136 HU: bins from -400 to 200.
    assert table["bins"].tolist() == [6]


def test_memory_grows_with_what_is_resampled(manifest: pd.DataFrame) -> None:
    coarse, fine = (
        load_params({"discretise": BINS, "resample": {"spacing_mm": [size] * 3}})
        for size in (1.0, 0.25)
    )
    small, large = (preflight(manifest[:1], params)[0] for params in (coarse, fine))
    assert large["memory_mb"][0] > small["memory_mb"][0] > 300


def _read(manifest: pd.DataFrame, name: str) -> np.ndarray:
    from radtool.io import read_image

    return read_image(manifest.set_index("case_id").loc[name, "image"]).array
