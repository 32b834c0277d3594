"""Tables of negative controls: made beside the real one, from the same files and parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.features import Parameters, extract, extract_cohort
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, read_mask, write_image, write_mask
from radtool.preprocessing import Discretise, NegativeControl
from radtool.table import feature_columns

GRID = Geometry((8, 12, 12), (1.0, 1.0, 1.0))
PARAMS = Parameters(
    discretise=(Discretise(method="fixed_bin_number", bin_number=8),),
    families=("morph", "stat", "glcm"),
)
SHUFFLED = NegativeControl(kind="shuffled_voxels", seed=7)


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    """Three cases; the region of the last one leaves no other place."""
    rows = []
    for number, width in enumerate((4, 4, 10)):
        rng = np.random.default_rng(number)
        name, inside = f"case{number}", np.zeros(GRID.shape, dtype=bool)
        inside[1:7, 1 : 1 + width, 1 : 1 + width] = True
        image = np.cumsum(rng.normal(50, 20, GRID.shape), axis=2).astype(np.float32)
        paths = {"image": tmp_path / f"{name}.nii.gz", "mask": tmp_path / f"{name}_mask.nii.gz"}
        write_image(Image(image, GRID), paths["image"])
        write_mask(Mask(inside, GRID), paths["mask"])
        rows.append({"case_id": name, "patient_id": name, **{k: str(p) for k, p in paths.items()}})
    return pd.DataFrame(rows)


def test_a_row_is_what_extract_gives_for_the_control(manifest: pd.DataFrame) -> None:
    table = extract_cohort(manifest, PARAMS, control=SHUFFLED).table.set_index("case_id")
    case = manifest.iloc[1]
    made = SHUFFLED.apply(read_image(case["image"]), read_mask(case["mask"]), "case1")
    expected = extract(*made, PARAMS)
    assert table.loc["case1", expected.index].astype(float).equals(expected.rename("case1"))


def test_neither_jobs_nor_order_nor_cache_change_a_control(
    manifest: pd.DataFrame, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    real = extract_cohort(manifest, PARAMS, cache=cache).table
    first = extract_cohort(manifest, PARAMS, cache=cache, control=SHUFFLED).table
    again = extract_cohort(manifest, PARAMS, cache=cache, control=SHUFFLED).table
    turned = extract_cohort(manifest[::-1], PARAMS, jobs=2, control=SHUFFLED).table
    assert first.equals(again)
    assert first.equals(turned[::-1].reset_index(drop=True))
    assert extract_cohort(manifest, PARAMS, cache=cache).table.equals(real)
    assert not first[feature_columns(first)].equals(real[feature_columns(real)])
    other = extract_cohort(
        manifest, PARAMS, cache=cache, control=NegativeControl(kind="shuffled_voxels", seed=8)
    ).table
    assert not other.equals(first)


def test_a_case_without_its_control_is_named_and_the_others_done(manifest: pd.DataFrame) -> None:
    moved = NegativeControl(kind="moved_region", within="image")
    result = extract_cohort(manifest, PARAMS, control=moved)
    assert [failure.case_id for failure in result.failures] == ["case2"]
    assert "fits nowhere else in the image" in result.failures[0].reason
    real = extract_cohort(manifest, PARAMS).table
    shape = ["original_morph_volume", "original_morph_surface_area"]
    pd.testing.assert_frame_equal(result.table[shape], real.loc[:1, shape], rtol=1e-9)
