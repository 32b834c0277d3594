"""Masks with several lesions: a row each, and one row a patient by a choice that is recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, TableError
from radtool.features import combine_lesions, extract, extract_cohort, load_params, split_lesions
from radtool.image import Geometry, Image, Mask
from radtool.io import read_masks, write_image

GRID = Geometry((8, 12, 14), (2.0, 1.0, 1.0))
PARAMS = load_params({"families": ["morph", "stat"], "minimum_voxels": 1})
VOLUME = "original_morph_volume_voxel_counting"


def labelled() -> np.ndarray:
    """Label 2 in two parts (60 and 8 voxels), label 5 in one (12)."""
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[1:4, 1:5, 1:6] = 2
    labels[6:8, 9:11, 1:3] = 2
    labels[1:4, 8:10, 10:12] = 5
    return labels


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    image = np.arange(np.prod(GRID.shape), dtype=np.int16).reshape(GRID.shape)
    write_image(Image(image, GRID), tmp_path / "i.nii.gz")
    write_image(Image(labelled(), GRID), tmp_path / "m.nii.gz")
    paths = {"image": str(tmp_path / "i.nii.gz"), "mask": str(tmp_path / "m.nii.gz")}
    return pd.DataFrame([{"case_id": "p", "patient_id": "p", "roi": "GTV", **paths}])


@pytest.mark.parametrize(
    ("how", "voxels"),
    [
        ("all", {2: 68, 5: 12}),
        ("union", {1: 80}),
        ("components", {1: 60, 2: 12, 3: 8}),
    ],
)
def test_what_a_lesion_is(manifest: pd.DataFrame, how: str, voxels: dict[int, int]) -> None:
    found = read_masks(manifest["mask"][0], labels=how, roi="GTV", like=GRID)  # type: ignore[arg-type]
    assert {number: int(mask.array.sum()) for number, mask in found.items()} == voxels
    assert [mask.roi for mask in found.values()] == [f"GTV_{number}" for number in voxels]


def test_corners_connect_a_lesion(tmp_path: Path) -> None:
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[2, 2, 2] = labels[3, 3, 3] = 1
    write_image(Image(labels, GRID), tmp_path / "m.nii")
    assert len(read_masks(tmp_path / "m.nii", labels="components")) == 1


def test_a_row_each_with_the_features_of_that_lesion(manifest: pd.DataFrame) -> None:
    rows, failures = split_lesions(manifest, "components")
    assert failures == []
    table = extract_cohort(rows, PARAMS).table
    assert table["case_id"].tolist() == ["p_1", "p_2", "p_3"]
    assert table["roi"].tolist() == ["GTV_1", "GTV_2", "GTV_3"]
    assert table["lesion"].tolist() == [1, 2, 3]
    assert table["labels"].tolist() == ["components"] * 3
    array = np.arange(np.prod(GRID.shape), dtype=np.int16).reshape(GRID.shape)
    expected = extract(Image(array, GRID), Mask(labelled() == 5, GRID), PARAMS)
    np.testing.assert_array_equal(table.loc[1, expected.index].astype(float), expected)


def test_lesions_do_not_meet_in_the_cache(manifest: pd.DataFrame, tmp_path: Path) -> None:
    for how, count in (("components", 3), ("all", 2), ("union", 1)):
        rows, _ = split_lesions(manifest, how)  # type: ignore[arg-type]
        table = extract_cohort(rows, PARAMS, cache=tmp_path / "cache").table
        assert table[VOLUME].nunique() == count
        assert table[VOLUME].sum() == 80 * 2.0


def test_a_mask_that_cannot_be_read_is_a_named_failure(manifest: pd.DataFrame) -> None:
    other = manifest.assign(case_id="q", patient_id="q", mask="nowhere.nii")
    rows, failures = split_lesions(pd.concat([manifest, other]), "all")
    assert rows["case_id"].tolist() == ["p_2", "p_5"]
    assert [(one.case_id, "nowhere.nii" in one.reason) for one in failures] == [("q", True)]


def test_an_image_is_no_mask(manifest: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="looks like an image, not a mask"):
        read_masks(manifest["image"][0])


def lesions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case_id": ["a_1", "a_2", "b_1"],
            "patient_id": ["a", "a", "b"],
            "site": ["x", "x", "y"],
            "roi": ["GTV_1", "GTV_2", "GTV_1"],
            "original_morph_volume": [10.0, 30.0, 5.0],
            "original_stat_mean": [2.0, 6.0, 7.0],
            "original_stat_skewness": [np.nan, 1.0, 0.5],
        }
    )


@pytest.mark.parametrize(
    ("how", "mean", "volume", "skewness"),
    [
        ("largest", 6.0, 30.0, 1.0),
        ("volume_weighted_mean", (2 * 10 + 6 * 30) / 40, (10**2 + 30**2) / 40, np.nan),
        ("sum", 8.0, 40.0, np.nan),
        ("max", 6.0, 30.0, np.nan),
    ],
)
def test_one_row_a_patient_by_hand(how: str, mean: float, volume: float, skewness: float) -> None:
    rows = combine_lesions(lesions(), how)  # type: ignore[arg-type]
    assert rows["case_id"].tolist() == ["a", "b"]
    assert rows["lesions"].tolist() == [2, 1]
    assert rows["lesions_combined"].tolist() == [how, how]
    assert rows["largest_lesion"].tolist() == ["a_2", "b_1"]
    found = rows.loc[0, ["original_stat_mean", "original_morph_volume", "original_stat_skewness"]]
    np.testing.assert_allclose(found.astype(float), [mean, volume, skewness])
    assert rows["original_stat_mean"][1] == 7.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"how": "mean"}, "one of largest, volume_weighted_mean, sum, max"),
        ({"volume": "size"}, "no column 'size'"),
        ({"volume": "original_stat_skewness"}, r"not above 0 for \['a_1'\]"),
    ],
)
def test_wrong_use_is_refused(change: dict[str, str], words: str) -> None:
    with pytest.raises(TableError, match=words):
        combine_lesions(lesions(), **{"how": "sum", **change})  # type: ignore[arg-type]
