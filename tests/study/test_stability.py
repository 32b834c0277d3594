from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
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
    # ICC of signal variance 1 and noise variance 0.0025: 1 / 1.0025
    assert found.loc["original_stat_mean", "icc"] == pytest.approx(0.9975, abs=0.002)
    assert abs(found.loc["original_stat_variance", "icc"]) < 0.4
    assert (tmp_path / "icc.csv.provenance.json").is_file()


def test_disturbed_cases_give_one_icc_a_feature(study_folder: Path) -> None:
    manifest = pd.read_csv(study_folder / "manifest.csv").head(4)
    manifest.to_csv(study_folder / "four.csv", index=False)
    (study_folder / "c03.nii.gz").unlink()
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
    with pytest.raises(TableError, match="at least 3 cases, got 2"):
        stability_of_perturbations(
            study_folder / "two.csv",
            study_folder / "icc.csv",
            params=str(study_folder / "params.yaml"),
        )
