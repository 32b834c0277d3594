from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.image import Image, Mask
from radtool.io import read_mask
from radtool.segmentation import Segmentation
from radtool.study import run_study, segmenting
from radtool.study.config import SegmentationSettings


class Segmenter:
    """Stands in for the network: marks a box, finds nothing in c01, refuses c02."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: Image, *, model: str, device: str, search: str) -> Segmentation:
        self.calls += 1
        number = round(float(image.array[0, 0, 0]))
        if number == 2:
            raise InputError("this is no chest CT")
        array = np.zeros(image.array.shape, dtype=bool)
        array[2:6, 2:7, 2:7] = number != 1
        mask = Mask(array, image.geometry, "tumour", "box 0")
        flags = ("several_candidates",) if number == 3 else ()
        return Segmentation(mask, image, image, 0.7, 1, flags, "box 0")


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> Segmenter:
    made = Segmenter()
    monkeypatch.setattr(segmenting, "segment", made)
    return made


@pytest.fixture
def unmasked(study_folder: Path) -> Path:
    """The small study with cases c01 to c03 without a mask; their first voxel tells them apart."""
    from radtool.io import read_image, write_image

    manifest = pd.read_csv(study_folder / "manifest.csv")
    for number in (1, 2, 3):
        path = study_folder / f"c0{number}.nii.gz"
        image = read_image(path)
        array = image.array.astype(np.float32).copy()
        array[0, 0, 0] = number
        write_image(image.with_array(array), path)
        manifest.loc[manifest["case_id"] == f"c0{number}", "mask"] = ""
    manifest.to_csv(study_folder / "manifest.csv", index=False)
    return study_folder


def test_a_study_segments_what_has_no_mask_and_says_so(
    unmasked: Path, segmenter: Segmenter
) -> None:
    study = unmasked / "study.yaml"
    study.write_text(study.read_text() + "segmentation: {search: whole}\n")
    done = run_study(study, unmasked / "out")
    assert {f.case_id: f.reason for f in done.failures} == {
        "c01": "no tumour found",
        "c02": "this is no chest CT",
    }
    origin = {mask.case: mask.origin for mask in done.results.masks}
    assert origin["c03"] == "automatic"
    assert origin["c00"] == "manual"
    again = run_study(study, unmasked / "out")
    assert segmenter.calls == 4  # c02 is tried again, the others are not
    assert again.results.masks == done.results.masks


def test_without_segmentation_they_are_named(unmasked: Path) -> None:
    done = run_study(unmasked / "study.yaml", unmasked / "out")
    assert [failure.case_id for failure in done.failures] == ["c01", "c02", "c03"]
    assert all("no mask" in failure.reason for failure in done.failures)
    ledger = pd.read_csv(unmasked / "out" / "failures.csv")
    assert ledger["case_id"].tolist() == ["c01", "c02", "c03"]


def test_a_completed_manifest_carries_confidence_and_flags(
    unmasked: Path, segmenter: Segmenter
) -> None:
    made = segmenting.segment_manifest(
        unmasked / "manifest.csv", unmasked / "auto", SegmentationSettings()
    )
    assert made.segmented == 1
    row = pd.read_csv(unmasked / "auto" / "manifest.csv").set_index("case_id").loc["c03"]
    assert (row["mask_origin"], row["mask_confidence"]) == ("model box 0", 0.7)
    assert row["mask_flags"] == "several_candidates"
    assert read_mask(row["mask"]).volume_ml == pytest.approx(4 * 5 * 5 * 8 / 1000)


def test_masks_stay_in_their_folder_whatever_a_case_is_called(
    unmasked: Path, segmenter: Segmenter
) -> None:
    from radtool.study.segmenting import segment_manifest

    manifest = pd.read_csv(unmasked / "manifest.csv").iloc[[3, 3, 3, 3]]
    manifest["case_id"] = ["../../escaped", "a/b", "Case", "case"]
    manifest["patient_id"] = ["p1", "p2", "p3", "p4"]
    manifest.to_csv(unmasked / "manifest.csv", index=False)
    before = {path for path in unmasked.rglob("*") if path.is_file()}
    made = segment_manifest(
        unmasked / "manifest.csv", unmasked / "out", SegmentationSettings(search="whole")
    )
    masks = [Path(mask) for mask in made.manifest["mask"]]
    assert {mask.parent for mask in masks} == {(unmasked / "out/masks").resolve()}
    assert len({mask.name.lower() for mask in masks}) == 4
    new = {path for path in unmasked.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(unmasked / "out") for path in new)
