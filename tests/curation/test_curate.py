"""A folder becomes a manifest: every way in, and nothing lost unseen."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from radtool.curation import curate
from radtool.errors import ParameterError
from radtool.io import read_image, read_mask
from radtool.table import read_manifest
from tests.curation.conftest import ARRAY, reasons, run, snapshot

PRESENT = {"present": {"allowed": ["yes"], "action": "exclude"}}


def test_a_patient_becomes_a_row_with_files_that_can_be_read(tmp_path, patient):
    patient("P1")
    result = run(tmp_path, roi_names={"GTV": "GTV*"})
    assert result.failures == []
    manifest = read_manifest(tmp_path / "out/manifest.csv")
    (row,) = manifest.to_dict("records")
    assert (row["case_id"], row["patient_id"], row["modality"]) == ("P1-CT-GTV", "P1", "CT")
    assert (row["roi"], row["roi_original"], row["mask_origin"]) == ("GTV", "GTV-1", "RTSTRUCT")
    assert (row["manufacturer"], row["kernel"], row["kvp"]) == ("ACME", "B30f", 120)
    assert (row["timepoint"], row["study_date"]) == ("baseline", 20200102)
    image = read_image(row["image"])
    np.testing.assert_array_equal(image.array, ARRAY - 1024)
    mask = read_mask(row["mask"], like=image.geometry)
    # Three slices of a circle of radius 7.2, 3 mm apart.
    assert mask.volume_ml == pytest.approx(3 * 3 * np.pi * 7.2**2 / 1000, rel=0.02)
    assert row["volume_ml"] == pytest.approx(mask.volume_ml, abs=1e-3)


def test_all_outputs_are_there_and_nothing_half_written(tmp_path, patient):
    patient("P1")
    run(tmp_path)
    names = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").glob("*")}
    assert names == {
        ".curation", "curation.html", "images", "manifest.csv", "manifest.csv.provenance.json",
        "masks", "previews", "quality.csv", "series.csv",
    }  # fmt: skip
    assert not list((tmp_path / "out").rglob(".part-*"))


def test_same_input_same_bytes_with_any_number_of_jobs(tmp_path, patient):
    for name in ("P1", "P2", "P3"):
        patient(name)
    curate(tmp_path / "in", tmp_path / "a", jobs=1)
    curate(tmp_path / "in", tmp_path / "b", jobs=2)
    assert snapshot(tmp_path / "a") == snapshot(tmp_path / "b")


def test_a_second_run_does_only_what_changed(tmp_path, patient, phantoms, ball):
    patient("P1")
    folder = patient("P2")
    run(tmp_path)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/images").iterdir()}
    phantoms.rtstruct(folder / "plan/rs", {"GTV-1": ball[:2]}, patient="P2")
    result = run(tmp_path)
    assert result.reused == 1
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "out/images").iterdir()}
    changed = [p.name for p in before if before[p] != after[p]]
    assert changed == ["P2-CT.nii.gz"]
    assert run(tmp_path).reused == 2


def test_a_changed_setting_is_a_change(tmp_path, patient):
    patient("P1")
    run(tmp_path)
    assert run(tmp_path, checks="checks_ct").reused == 1
    assert run(tmp_path, checks={"mask": {"volume_ml": {"min": 100}}}).reused == 0


def test_a_deleted_output_is_made_again(tmp_path, patient):
    patient("P1")
    run(tmp_path)
    (mask,) = (tmp_path / "out/masks").iterdir()
    mask.unlink()
    assert run(tmp_path).reused == 0
    assert mask.exists()


def test_a_patient_that_is_gone_takes_its_files_along(tmp_path, patient):
    patient("P1")
    folder = patient("P2")
    run(tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()
    run(tmp_path)
    assert [p.name for p in (tmp_path / "out/images").iterdir()] == ["P1-CT.nii.gz"]
    assert len(list((tmp_path / "out/masks").iterdir())) == 1


def test_of_two_structure_sets_the_newest_is_used_and_said(tmp_path, patient, phantoms, ball):
    folder = patient("P1")

    def later(dataset):
        dataset.StructureSetDate = "20210505"

    phantoms.rtstruct(folder / "plan/new", {"GTV-1": ball[:1]}, patient="P1", change=later)
    result = run(tmp_path)
    (row,) = result.manifest.to_dict("records")
    assert row["volume_ml"] == pytest.approx(3 * np.pi * 7.2**2 / 1000, rel=0.02)
    noted = result.findings.set_index("check").loc["several_structure_sets"]
    assert noted["detail"] == (
        "2 files hold this ROI; the policy is 'newest': P1/plan/new of 20210505"
    )
    assert noted["files"] == "P1/plan/new; P1/plan/rs"


def test_of_two_structure_sets_of_one_day_the_later_is_used(tmp_path, patient, phantoms, ball):
    def at(time):
        def change(dataset):
            dataset.StructureSetDate, dataset.StructureSetTime = "20210505", time

        return change

    folder = patient("P1", plan_change=at("101500"))
    phantoms.rtstruct(folder / "plan/a", {"GTV-1": ball[:1]}, patient="P1", change=at("181500"))
    (row,) = run(tmp_path).manifest.to_dict("records")
    assert row["volume_ml"] == pytest.approx(3 * np.pi * 7.2**2 / 1000, rel=0.02)


def test_two_structure_sets_are_refused_when_that_is_the_policy(tmp_path, patient, phantoms, ball):
    folder = patient("P1")
    patient("P2")
    phantoms.rtstruct(folder / "plan/new", {"GTV-1": ball[:1]}, patient="P1")
    result = run(tmp_path, checks={"structure_sets": {"several": "refuse"}, "mask": PRESENT})
    assert result.manifest["patient_id"].tolist() == ["P2"]
    (failure,) = result.failures
    assert failure.case_id == "P1-CT-GTV-1"
    assert "several_structure_sets: 2 files hold this ROI and the policy is" in failure.reason
    with pytest.raises(ParameterError, match="several is newest or refuse, got 'oldest'"):
        run(tmp_path, checks={"structure_sets": {"several": "oldest"}})
    with pytest.raises(ParameterError, match="has no key 'sevral'; did you mean 'several'"):
        run(tmp_path, checks={"structure_sets": {"sevral": "newest"}})


def test_pseudonyms_hide_the_date_and_files_of_structure_sets(tmp_path, patient, phantoms, ball):
    folder = patient("P1")

    def later(dataset):
        dataset.StructureSetDate = "20210505"

    phantoms.rtstruct(folder / "plan/new", {"GTV-1": ball[:1]}, patient="P1", change=later)
    result = run(tmp_path, pseudonyms=True)
    noted = result.findings.set_index("check").loc["several_structure_sets"]
    assert "20210505" not in noted["detail"]
    assert "plan" not in noted["detail"] + noted["files"]


def test_several_rois_of_a_pattern_become_rows_of_their_own(tmp_path, patient, ball):
    patient("P1", rois={"GTV-1": ball, "GTV-2": ball[:2], "Lung": ball})
    result = run(tmp_path, roi_names={"GTV": "GTV*"})
    assert result.manifest["roi"].tolist() == ["GTV-1", "GTV-2"]
    assert (result.findings["check"] == "several_rois").sum() == 2


def test_a_zip_is_curated_like_a_folder(tmp_path, patient):
    patient("P1")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted((tmp_path / "in").rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(tmp_path))
    plain = curate(tmp_path / "in", tmp_path / "out")
    zipped = curate(tmp_path / "all.zip", tmp_path / "out2")
    pd.testing.assert_frame_equal(plain.manifest, zipped.manifest)


def test_output_inside_the_input_is_not_crawled(tmp_path, patient):
    patient("P1")
    for _ in range(2):
        result = curate(tmp_path / "in", tmp_path / "in/out")
    assert result.flow[0].count == 9


def test_images_without_masks_can_be_kept_for_segmentation(tmp_path, phantoms):
    phantoms.series(tmp_path / "in", ARRAY)
    assert len(run(tmp_path).manifest) == 0
    kept = run(tmp_path, checks={"series": {"modality": {"allowed": ["CT"]}}})
    (row,) = kept.manifest.to_dict("records")
    assert (row["case_id"], row["mask"], row["roi"]) == ("P1-CT", "", "")
    read_manifest(tmp_path / "out/manifest.csv")


def test_a_wrong_modality_is_excluded_when_the_checks_say_so(tmp_path, patient):
    patient("P1")
    patient("P2", kind="MR")
    result = run(tmp_path, checks="checks_ct")
    assert result.manifest["patient_id"].tolist() == ["P1"]
    assert reasons(result).startswith("modality: MR, allowed: CT")


def test_an_odd_modality_is_noticed_without_checks_for_it(tmp_path, patient):
    for number in range(4):
        patient(f"P{number}")
    patient("odd", kind="MR")
    findings = run(tmp_path).findings.set_index("check")
    assert findings.loc["odd_modality", "patient_id"] == "odd"
    assert findings.loc["odd_modality", "detail"].startswith("MR, where 4 of 5 patients have CT")


def test_followup_studies_get_time_points(tmp_path, patient, phantoms, ball):
    patient("P1")

    def later(dataset, _=None):
        dataset.StudyDate = "20200601"
        return dataset

    phantoms.series(tmp_path / "in/later", ARRAY, name="later", change=later)
    phantoms.rtstruct(tmp_path / "in/later/rs", {"GTV-1": ball}, name="later")
    manifest = run(tmp_path).manifest.set_index("case_id")
    assert manifest["timepoint"].to_dict() == {
        "P1-CT-GTV-1": "baseline",
        "P1-CT-followup-1-GTV-1": "followup-1",
    }


def test_everybody_is_counted(tmp_path, patient):
    patient("P1")
    patient("P2", change=lambda dataset, k: None if k == 3 else dataset)
    patient("P3", rois={"GTV-1": []})
    result = run(tmp_path)
    steps = {step.label: (step.count, dict(step.lost)) for step in result.flow}
    assert steps == {
        "files": (26, {}),
        "DICOM files": (26, {"structure sets and segmentations": 3}),
        "image series": (3, {"missing_slices": 1}),
        "series that are a volume and pass the checks": (2, {"roi_empty": 1}),
        "series with a mask": (1, {}),
        "cases in the manifest": (1, {}),
        "patients in the manifest": (1, {}),
    }
    assert result.series.set_index("patient_id")["status"].to_dict() == {
        "P1": "used", "P2": "excluded", "P3": "excluded",
    }  # fmt: skip
    words = (tmp_path / "out/curation.html").read_text()
    for failure in result.failures:
        assert failure.case_id in words


def test_progress_names_what_is_done(tmp_path, patient):
    patient("P1")
    seen = []
    run(tmp_path, progress=lambda *step: seen.append(step))
    assert seen[-1] == (1, 1, "images and masks")
    assert (9, 9, "headers") in seen


def test_p1_never_means_p10(tmp_path, patient, ball):
    patient("P1", rois={"P10": ball[:1], "P1": ball, "xP1": ball[:2]})
    (row,) = run(tmp_path, roi_names={"T": "P1"}).manifest.to_dict("records")
    assert (row["roi"], row["roi_original"]) == ("T", "P1")
    assert row["volume_ml"] == pytest.approx(3 * 3 * np.pi * 7.2**2 / 1000, rel=0.02)
    patient("P2", rois={"P10": ball})
    result = run(tmp_path, roi_names={"T": "P1"})
    assert result.manifest["patient_id"].tolist() == ["P1"]
