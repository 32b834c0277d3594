"""Fused images of a manifest."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, ParameterError, TableError
from radtool.features import extract_cohort, load_params
from radtool.files import read_json
from radtool.image import Geometry, Image, Mask
from radtool.io import read_image, read_mask, write_image, write_mask
from radtool.preprocessing import Fusion, FusionImage, fuse
from radtool.study import fusing
from radtool.study.fusing import fuse_cohort, read_fusion
from radtool.table import read_manifest

FINE = Geometry((6, 12, 12), (3.0, 1.0, 1.0))
COARSE = Geometry((6, 6, 6), (3.0, 2.0, 2.0), (0.5, 0.5, 0.0))
SETTINGS = Fusion(
    images=(FusionImage(modality="CT", window=(-200, 200)), FusionImage(modality="PT"))
)


def write_pair(folder: Path, patient: str, seed: int, shift: float = 0.0) -> list[dict[str, str]]:
    """CT and PET of a patient, each with a mask whose ROI has another name."""
    rng, rows = np.random.default_rng(seed), []
    away = dataclasses.replace(COARSE, origin=(0.5 + shift, 0.5, 0.0))
    for kind, grid, scale in (("CT", FINE, 100.0), ("PT", away, 3.0)):
        file = folder / f"{patient}_{kind}.nii.gz"
        write_image(Image(np.abs(rng.normal(0, scale, grid.shape)).astype(np.float32), grid), file)
        inside = np.zeros(grid.shape, dtype=bool)
        inside[1:4, grid.shape[1] // 3 :, grid.shape[2] // 4 : -2] = True
        mask = folder / f"{patient}_{kind}_mask.nii.gz"
        write_mask(Mask(inside, grid), mask)
        rows.append(
            {
                "case_id": f"{patient}-{kind}", "patient_id": patient, "modality": kind,
                "roi": f"GTV_{kind}", "image": file.name, "mask": mask.name,
                "manufacturer": f"maker of {kind}",
            }
        )  # fmt: skip
    return rows


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rows = write_pair(tmp_path, "p1", 1) + write_pair(tmp_path, "p2", 2)
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    return tmp_path / "manifest.csv"


def add(manifest: Path, rows: list[dict[str, str]]) -> None:
    table = pd.read_csv(manifest)
    pd.concat([table, pd.DataFrame(rows)]).to_csv(manifest, index=False)


def test_every_patient_gets_a_fused_image_on_the_reference(manifest: Path, tmp_path: Path) -> None:
    made = fuse_cohort(manifest, SETTINGS, tmp_path / "out")
    assert made.failures == []
    row = made.manifest.iloc[1]
    assert row["case_id"] == "p2-CT_CT_PT"
    assert (row["patient_id"], row["modality"], row["roi"]) == ("p2", "CT_PT", "GTV_CT")
    assert row["fused_from"] == "p2-CT; p2-PT"
    assert row["manufacturer"] == "maker of CT"
    images = {kind: read_image(tmp_path / f"p2_{kind}.nii.gz") for kind in ("CT", "PT")}
    expected = fuse(images, SETTINGS).array.astype(np.float32)
    found = read_image(row["image"])
    np.testing.assert_array_equal(found.array, expected)
    mask = read_mask(tmp_path / "p2_CT_mask.nii.gz")
    np.testing.assert_array_equal(read_mask(row["mask"]).array, mask.array)


def test_the_written_manifest_can_be_moved_and_extracted(manifest: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, margin_mm=2.0, statistics="region", name="fused")
    fuse_cohort(manifest, settings, tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    again = read_manifest(tmp_path / "elsewhere" / "manifest.csv")
    assert again["modality"].tolist() == ["fused", "fused"]
    params = load_params({"families": ["stat"], "minimum_voxels": 1})
    table = extract_cohort(again, params).table
    assert table["original_stat_maximum"].between(0.2, 1).all()
    sidecar = read_json(tmp_path / "elsewhere" / "manifest.csv.provenance.json")
    assert sidecar["settings"]["fusion"]["margin_mm"] == 2.0


def test_a_case_that_cannot_be_fused_is_a_named_failure(manifest: Path, tmp_path: Path) -> None:
    alone = write_pair(tmp_path, "p3", 3)[:1]
    far = write_pair(tmp_path, "p4", 4, shift=50.0)
    gone = write_pair(tmp_path, "p5", 5)
    (tmp_path / "p5_PT.nii.gz").unlink()
    twice = write_pair(tmp_path, "p6", 6)
    twice += [{**twice[1], "case_id": "p6-PT2", "image": gone[1]["image"]}]
    add(manifest, alone + far + gone + twice)
    made = fuse_cohort(manifest, SETTINGS, tmp_path / "out")
    assert made.manifest["patient_id"].tolist() == ["p1", "p2"]
    reasons = {failure.case_id: failure.reason for failure in made.failures}
    assert "no image of modality 'PT' for patient 'p3'" in reasons["p3-CT"]
    assert "'CT' and 'PT' do not overlap" in reasons["p4-CT"]
    assert "no such file" in reasons["p5-CT"]
    assert "2 images of modality 'PT' for patient 'p6'" in reasons["p6-CT"]
    assert {failure.stage for failure in made.failures} == {"fusion"}
    written = pd.read_csv(tmp_path / "out" / "failures.csv")
    assert sorted(written["case_id"]) == ["p3-CT", "p4-CT", "p5-CT", "p6-CT"]


def test_images_that_are_there_are_used_again_until_something_changes(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "out", []
    first = fuse_cohort(manifest, SETTINGS, out)

    def counting(*arguments: object) -> Image:
        calls.append(arguments)
        return fuse(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fusing, "fuse", counting)
    again = fuse_cohort(manifest, SETTINGS, out)
    assert not calls
    pd.testing.assert_frame_equal(first.manifest, again.manifest)
    write_pair(tmp_path, "p2", 9)
    fuse_cohort(manifest, SETTINGS, out)
    assert len(calls) == 1
    fuse_cohort(manifest, dataclasses.replace(SETTINGS, method="wavelet"), out)
    assert len(calls) == 3


def test_processes_change_no_byte(manifest: Path, tmp_path: Path) -> None:
    for jobs, folder in ((1, "one"), (2, "two")):
        fuse_cohort(manifest, SETTINGS, tmp_path / folder, jobs=jobs)
    for file in sorted((tmp_path / "one").rglob("*")):
        other = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert file.is_dir() or file.read_bytes() == other.read_bytes()


def test_the_originals_can_stay_beside_the_fused(manifest: Path, tmp_path: Path) -> None:
    fuse_cohort(manifest, SETTINGS, tmp_path / "out", originals=True)
    again = read_manifest(tmp_path / "out" / "manifest.csv")
    assert again["modality"].tolist() == ["CT", "PT", "CT", "PT", "CT_PT", "CT_PT"]
    assert all(Path(path).is_file() for path in [*again["image"], *again["mask"]])


def test_sequences_are_told_apart_by_another_column(manifest: Path, tmp_path: Path) -> None:
    table = read_manifest(manifest)
    table["sequence"] = table["modality"].map({"CT": "T1", "PT": "FLAIR"})
    table["modality"] = "MR"
    parts = (FusionImage(modality="T1"), FusionImage(modality="FLAIR"))
    made = fuse_cohort(table, Fusion(images=parts, column="sequence"), tmp_path / "out")
    assert made.manifest["modality"].tolist() == ["T1_FLAIR", "T1_FLAIR"]
    with pytest.raises(TableError, match="no column 'sequenc'"):
        fuse_cohort(table, Fusion(images=parts, column="sequenc"), tmp_path / "out")
    with pytest.raises(TableError, match=r"no modality 'T1', only \['MR'\]"):
        fuse_cohort(table, Fusion(images=parts), tmp_path / "out")


def test_a_name_from_outside_stays_inside_the_folder(manifest: Path, tmp_path: Path) -> None:
    table = read_manifest(manifest)
    table.loc[0, "case_id"] = "../../p 1"
    made = fuse_cohort(table, SETTINGS, tmp_path / "out")
    assert Path(made.manifest.loc[0, "image"]).parent == (tmp_path / "out" / "images").resolve()


def test_without_a_mask_only_what_needs_one_fails(manifest: Path, tmp_path: Path) -> None:
    table = read_manifest(manifest).assign(mask="")
    made = fuse_cohort(table, SETTINGS, tmp_path / "out")
    assert made.manifest["mask"].tolist() == ["", ""]
    near = dataclasses.replace(SETTINGS, margin_mm=3.0)
    with pytest.raises(TableError, match=r"none of 2 .* has no mask in the manifest"):
        fuse_cohort(table, near, tmp_path / "out")


def test_settings_are_read_from_yaml_json_or_values(tmp_path: Path) -> None:
    values = {"images": [{"modality": "CT", "window": [-200, 200]}, {"modality": "PT"}]}
    (tmp_path / "f.yaml").write_text(
        "images: [{modality: CT, window: [-200, 200]}, {modality: PT}]"
    )
    assert read_fusion(tmp_path / "f.yaml") == read_fusion(values) == SETTINGS
    (tmp_path / "g.yaml").write_text("image: []")
    with pytest.raises(ParameterError, match=r"g\.yaml has no key 'image'; did you mean 'images'"):
        read_fusion(tmp_path / "g.yaml")
    with pytest.raises(InputError, match="no such file"):
        read_fusion(tmp_path / "nowhere.yaml")


def test_lesions_are_split_after_fusing(manifest: Path, tmp_path: Path) -> None:
    table = read_manifest(manifest).assign(lesion=1, labels="all")
    with pytest.raises(TableError, match="fuse first, then split"):
        fuse_cohort(table, SETTINGS, tmp_path / "out", originals=True)
