from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
from radtool.table import check_features, check_manifest, check_survival, feature_columns


def manifest(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"case_id": ["a", "b"], "patient_id": ["p", "q"], "image": "i", **columns})


def test_manifest_gets_every_contract_column_and_keeps_the_rest() -> None:
    made = check_manifest(manifest(kernel=["B30f", "LUNG"]))
    assert made.columns.tolist() == [
        "case_id", "patient_id", "site", "modality", "timepoint", "roi", "image", "mask", "kernel",
    ]  # fmt: skip
    assert made["timepoint"].tolist() == ["baseline", "baseline"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (manifest().drop(columns="image"), "no column 'image'"),
        (manifest(case_id=["a", "a"]), "more than one row for the same case_id: a"),
        (manifest(patient_id=["p", None]), r"patient_id is empty in row\(s\) 1"),
    ],
)
def test_broken_manifests_are_refused(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(TableError, match=message):
        check_manifest(table)


def test_numeric_keys_become_the_same_text() -> None:
    table = check_features(pd.DataFrame({"patient_id": [7.0, 8.0], "original_stat_mean": [1, 2]}))
    assert table["patient_id"].tolist() == ["7", "8"]
    assert table["case_id"].tolist() == ["7", "8"]
    assert table["original_stat_mean"].dtype == np.float64


def test_feature_names_are_told_from_other_columns() -> None:
    columns = [
        "patient_id", "age", "os_event", "kernel", "original_glcm_contrast_fbs25",
        "ct_log_sigma_3_mm_firstorder_Mean", "wavelet_llh_glszm_zone_entropy", "morph", "stat_mean",
    ]  # fmt: skip
    assert feature_columns(pd.DataFrame(columns=columns)) == columns[4:7]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"original_stat_mean": [1.0, 2.0]}, "no column 'patient_id'"),
        ({"patient_id": ["a", "b"], "age": [1, 2]}, "no feature column"),
        ({"patient_id": ["a", "b"], "original_stat_mean": ["x", "y"]}, "not numbers"),
        ({"patient_id": ["a", "a"], "original_stat_mean": [1, 2]}, "more than one row"),
    ],
)
def test_broken_feature_tables_are_refused(columns: dict[str, list], message: str) -> None:
    with pytest.raises(TableError, match=message):
        check_features(pd.DataFrame(columns))


@pytest.mark.parametrize(
    ("event", "duration", "message"),
    [
        ([0, 0], [1, 2], "no events among 2 cases"),
        ([0, 2], [1, 2], "event must be 0/1"),
        ([0, 1], [0, 2], "duration must be a number above 0"),
        ([0, 1], [-3, 2], "duration must be a number above 0"),
        ([0, 1], [1, np.nan], "duration must be a number above 0"),
        ([0, np.nan], [1, 2], "event must be 0/1"),
    ],
)
def test_impossible_outcomes_are_refused(event: list, duration: list, message: str) -> None:
    with pytest.raises(TableError, match=message):
        check_survival(pd.DataFrame({"event": event, "duration": duration}))


def test_outcome_without_its_columns_says_what_came() -> None:
    with pytest.raises(TableError, match=r"got \['time', 'status'\]"):
        check_survival(pd.DataFrame(columns=["time", "status"]))


def test_pyradiomics_own_names_are_features() -> None:
    columns = [
        "original_shape_VoxelVolume", "log-sigma-2-0-mm-3D_firstorder_Mean",
        "wavelet-LLH_glcm_Contrast", "lbp-3D-m1_glszm_ZoneEntropy",
        "diagnostics_Image-original_Hash", "Mask-interpolated", "clinical.T.Stage",
    ]  # fmt: skip
    assert feature_columns(pd.DataFrame(columns=columns)) == columns[:4]


def test_an_outcome_of_another_kind_is_refused_in_words() -> None:
    with pytest.raises(TableError, match="must be a DataFrame .* is a Series"):
        check_survival(pd.Series([1.0, 2.0]))
    with pytest.raises(TableError, match="column named twice: event"):
        check_survival(pd.DataFrame([[1, 1, 2.0]], columns=["event", "event", "duration"]))
    with pytest.raises(TableError, match="not for 0: for example '1,5'"):
        check_survival(pd.DataFrame({"event": [1, 1], "duration": ["1,5", "2"]}))


def test_complex_numbers_are_no_features() -> None:
    table = pd.DataFrame({"patient_id": ["a"], "original_stat_mean": [1j]})
    with pytest.raises(TableError, match="not numbers in feature column"):
        check_features(table)
