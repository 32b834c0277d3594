from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import MissingPartError, ParameterError, TableError
from radtool.features import cohort, extract, extract_cohort, load_params
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, read_mask, write_image, write_mask
from radtool.table import check_features, feature_columns

PARAMS = load_params(
    {
        "resample": {"spacing_mm": [2.0, 2.0, 2.0]},
        "discretise": [{"method": "fixed_bin_number", "bin_number": 8}],
        "families": ["morph", "stat", "glcm", "glszm"],
    }
)


def write_case(folder: Path, name: str, seed: int, *, inside: bool = True) -> dict[str, str]:
    rng = np.random.default_rng(seed)
    grid = Geometry((12, 14, 16), (1.5, 1.0, 1.0))
    array = np.round(rng.normal(50, 20, grid.shape)).astype(np.float32)
    region = np.zeros(grid.shape, dtype=bool)
    region[3:9, 4:11, 4:12] = inside
    write_image(Image(array, grid), folder / f"{name}.nii.gz")
    if inside:
        write_mask(Mask(region, grid), folder / f"{name}_mask.nii.gz")
    else:
        write_image(Image(region.astype(np.uint8), grid), folder / f"{name}_mask.nii.gz")
    return {
        "case_id": name,
        "patient_id": name,
        "site": "north" if seed % 2 else "south",
        "roi": "GTV",
        "timepoint": "baseline",
        "image": str(folder / f"{name}.nii.gz"),
        "mask": str(folder / f"{name}_mask.nii.gz"),
        "kernel": "B30f",
    }


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    return pd.DataFrame([write_case(tmp_path, f"case{k}", k) for k in range(4)])


def test_a_row_holds_keys_acquisition_hashes_and_the_features_of_extract(
    manifest: pd.DataFrame,
) -> None:
    table = check_features(extract_cohort(manifest, PARAMS).table)
    row, case = table.iloc[2], manifest.iloc[2]
    image = read_image(case["image"])
    expected = extract(image, read_mask(case["mask"], like=image.geometry), PARAMS)
    assert row["case_id"] == "case2"
    assert row["kernel"] == "B30f"
    assert row["params_sha256"] == PARAMS.sha256
    assert row["diagnostics_undefined"] == ""
    assert feature_columns(table) == list(expected.index)
    np.testing.assert_array_equal(row[expected.index].astype(float), expected)


def test_jobs_and_order_of_cases_change_no_byte(manifest: pd.DataFrame) -> None:
    one = extract_cohort(manifest, PARAMS).table
    two = extract_cohort(manifest[::-1], PARAMS, jobs=2).table[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_a_bad_case_is_a_named_failure_and_the_others_are_done(
    manifest: pd.DataFrame, tmp_path: Path
) -> None:
    bad = [
        write_case(tmp_path, "empty", 9, inside=False),
        {**write_case(tmp_path, "gone", 10), "image": str(tmp_path / "nowhere.nii.gz")},
    ]
    result = extract_cohort(pd.concat([manifest, pd.DataFrame(bad)]), PARAMS)
    assert list(result.table["case_id"]) == list(manifest["case_id"])
    assert {failure.case_id for failure in result.failures} == {"empty", "gone"}
    assert all(failure.stage == "extraction" for failure in result.failures)
    assert "no such file" in result.failures[1].reason


def test_a_cohort_without_a_single_row_is_an_error_with_the_reason(tmp_path: Path) -> None:
    manifest = pd.DataFrame([write_case(tmp_path, "empty", 1, inside=False)])
    with pytest.raises(TableError, match="none of 1"):
        extract_cohort(manifest, PARAMS)


def test_a_finished_case_is_not_computed_again(
    manifest: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    first = extract_cohort(manifest[:2], PARAMS, cache=cache).table
    computed: list[str] = []
    original = cohort._extracted

    def counting(case: dict[str, str], *settings: object) -> object:
        computed.append(case["case_id"])
        return original(case, *settings)  # type: ignore[arg-type]

    monkeypatch.setattr(cohort, "_extracted", counting)
    again = extract_cohort(manifest, PARAMS, cache=cache).table
    assert computed == ["case2", "case3"]
    pd.testing.assert_frame_equal(again[:2], first, check_exact=True)
    pd.testing.assert_frame_equal(again, extract_cohort(manifest, PARAMS).table, check_exact=True)


def test_a_cut_off_cache_entry_is_computed_again(manifest: pd.DataFrame, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = extract_cohort(manifest, PARAMS, cache=cache).table
    for entry in cache.rglob("*.json"):
        entry.write_bytes(entry.read_bytes()[:200])
    again = extract_cohort(manifest, PARAMS, cache=cache).table
    pd.testing.assert_frame_equal(again, first, check_exact=True)


def test_other_parameters_do_not_meet_in_the_cache(manifest: pd.DataFrame, tmp_path: Path) -> None:
    other = load_params({**PARAMS.to_dict(), "resegment": {"lower": 40.0, "upper": 60.0}})
    extract_cohort(manifest, PARAMS, cache=tmp_path / "cache")
    found = extract_cohort(manifest, other, cache=tmp_path / "cache").table
    assert (found["original_stat_minimum"] >= 40).all()


def test_progress_is_told_of_every_case(manifest: pd.DataFrame) -> None:
    told: list[tuple[int, int, str]] = []
    extract_cohort(manifest, PARAMS, progress=lambda *what: told.append(what))
    assert told == [(k + 1, 4, f"case{k}") for k in range(4)]


def test_a_case_that_needs_too_much_memory_is_a_named_failure(
    manifest: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*_: object) -> None:
        np.empty(2**62, dtype=np.uint8)

    monkeypatch.setattr("radtool.features.cohort.measure", measure)
    with pytest.raises(TableError, match=r"none of 1 .* not enough memory"):
        extract_cohort(manifest[:1], PARAMS)


def test_more_voxels_than_any_machine_holds_are_refused(manifest: pd.DataFrame) -> None:
    # 0.2 µm voxels: more than 10¹⁵ of them
    tiny = load_params({**PARAMS.to_dict(), "resample": {"spacing_mm": [0.0002] * 3}})
    with pytest.raises(TableError, match=r"makes \(52502, 40002, 45002\) voxels, more than 5e\+08"):
        extract_cohort(manifest[:1], tiny)


def test_the_other_engine_needs_its_own_parameters(manifest: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="needs a pyradiomics parameter file"):
        extract_cohort(manifest, "ct_ibsi", engine="pyradiomics")
    with pytest.raises(ParameterError, match="did you mean 'pyradiomics'"):
        extract_cohort(manifest, "pyradiomics_ct", engine="pyradiomic")  # type: ignore[arg-type]


@pytest.mark.skipif(
    importlib.util.find_spec("radiomics") is not None, reason="pyradiomics is installed"
)
def test_a_missing_engine_stops_at_once_and_says_how_to_get_it(manifest: pd.DataFrame) -> None:
    with pytest.raises(MissingPartError, match="pip install --no-build-isolation pyradiomics"):
        extract_cohort(manifest, "pyradiomics_ct", engine="pyradiomics")


def test_thousands_of_rows_share_the_names_of_their_features(
    manifest: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract_cohort(manifest, PARAMS, cache=tmp_path / "cache")
    seen: list[list[dict[str, object]]] = []
    plain = cohort._in_order
    monkeypatch.setattr(cohort, "_in_order", lambda rows: seen.append(rows) or plain(rows))
    extract_cohort(manifest, PARAMS, cache=tmp_path / "cache")
    first, second = seen[0][:2]
    assert all(a is b for a, b in zip(first, second, strict=True))
