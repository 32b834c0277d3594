from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask
from radtool.study.stability import stability_of_perturbations, stability_of_tables


def write_table(folder: Path, name: str, firm: np.ndarray, loose: np.ndarray) -> Path:
    table = pd.DataFrame(
        {"patient_id": [f"p{k}" for k in range(len(firm))], "original_stat_mean": firm,
         "original_stat_variance": loose}
    )  # fmt: skip
    table.to_csv(folder / name, index=False)
    return folder / name


def test_test_and_retest_tell_firm_features_from_loose_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=40)
    paths = [
        write_table(tmp_path, f"{k}.csv", truth + 0.05 * rng.normal(size=40), rng.normal(size=40))
        for k in range(2)
    ]
    found = stability_of_tables(paths, tmp_path / "icc.csv").set_index("feature")
    # signal variance s², noise variance 0.05²: ICC = s² / (s² + 0.0025)
    signal = truth.var(ddof=1)
    expected = signal / (signal + 0.0025)
    assert found.loc["original_stat_mean", "icc"] == pytest.approx(expected, abs=0.002)
    assert abs(found.loc["original_stat_variance", "icc"]) < 0.4
    assert (tmp_path / "icc.csv.provenance.json").is_file()


@pytest.fixture
def balls(study_folder: Path) -> Path:
    """Four bright balls of different size in noise; the image of the last one is missing."""
    grid = Geometry((18, 20, 20), (2.0, 2.0, 2.0))
    z, y, x = np.indices(grid.shape)
    rng = np.random.default_rng(0)
    for number, radius in enumerate((4, 5, 6, 7)):
        inside = (z - 8.5) ** 2 + (y - 9.5) ** 2 + (x - 9.5) ** 2 <= radius**2
        array = (80.0 * inside + rng.normal(0.0, 10.0, grid.shape)).astype(np.float32)
        write_image(Image(array, grid, "HU"), study_folder / f"c0{number}.nii.gz")
        write_mask(Mask(inside, grid, "GTV"), study_folder / f"c0{number}_gtv.nii.gz")
    (study_folder / "c03.nii.gz").unlink()
    manifest = pd.read_csv(study_folder / "manifest.csv").head(4)
    manifest.to_csv(study_folder / "four.csv", index=False)
    return study_folder


def test_disturbed_cases_give_one_icc_a_feature(balls: Path) -> None:
    study_folder = balls
    params = str(study_folder / "params.yaml")
    one, failures = stability_of_perturbations(
        study_folder / "four.csv", study_folder / "icc.csv", params=params
    )
    assert [failure.case_id for failure in failures] == ["c03"]
    assert {"icc", "lower", "upper"} <= set(one.columns)
    volume = one.set_index("feature").loc["original_morph_volume", "icc"]
    noise = one.set_index("feature").loc["original_stat_skewness", "icc"]
    assert volume > 0.9
    assert volume > noise
    again, _ = stability_of_perturbations(
        study_folder / "four.csv", study_folder / "again.csv", params=params, jobs=2
    )
    pd.testing.assert_frame_equal(one, again, check_exact=True)


def test_too_few_cases_are_refused(study_folder: Path) -> None:
    pd.read_csv(study_folder / "manifest.csv").head(2).to_csv(study_folder / "two.csv")
    with pytest.raises(TableError, match="at least 3 cases, got"):
        stability_of_perturbations(
            study_folder / "two.csv",
            study_folder / "icc.csv",
            params=str(study_folder / "params.yaml"),
        )
