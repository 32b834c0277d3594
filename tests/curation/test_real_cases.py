"""Real exports curated from end to end."""

import numpy as np
import pytest

from radtool.curation import curate, deidentify
from radtool.io import read_image, read_mask

ROIS = {"GTV": "GTV-1", "Lung L": "Lung L", "Lung R": "Lung R", "Cord": "Spinal cord"}


@pytest.fixture(scope="module")
def lung1(shared, tmp_path_factory):
    out = tmp_path_factory.mktemp("lung1")
    return curate(shared / "data/lung1_001_dicom", out, roi_names=ROIS)


def test_lung1_from_its_archive(lung1):
    assert lung1.failures == []
    volumes = lung1.manifest.set_index("roi")["volume_ml"]
    assert volumes["GTV"] == pytest.approx(155.8, rel=0.02)


def test_lung1_is_right_side_up(lung1):
    centres, image = {}, None
    for row in lung1.manifest.to_dict("records"):
        image = image or read_image(lung1.out / row["image"])
        mask = read_mask(lung1.out / row["mask"], like=image.geometry)
        centres[row["roi"]] = image.geometry.to_patient(np.argwhere(mask.array)).mean(axis=0)
        if row["roi"].startswith("Lung"):
            assert image.array[mask.array].mean() < -600
    # LPS: x grows to the patient's left, y to the back, z to the head.
    assert centres["Lung L"][0] > centres["Lung R"][0]
    assert centres["Cord"][1] > centres["GTV"][1]
    assert centres["Lung R"][0] < centres["Cord"][0] < centres["Lung L"][0]


def test_lung1_without_identities_is_the_same_study(shared, lung1, tmp_path):
    pytest.importorskip("dicomanonymizer")
    copies = deidentify(shared / "data/lung1_001_dicom", tmp_path / "out", key=tmp_path / "key.csv")
    assert copies.failures == []
    assert not any(b"LUNG1-001" in path.read_bytes() for path in (tmp_path / "out").rglob("*.dcm"))
    again = curate(tmp_path / "out", tmp_path / "curated", roi_names=ROIS).manifest
    for column in ("roi", "volume_ml", "image_sha256", "mask_sha256"):
        assert again[column].tolist() == lung1.manifest[column].tolist()


def test_sarcoma_gives_ct_pet_and_mr_with_their_tumour(shared, tmp_path):
    result = curate(shared / "data/soft_tissue_sarcoma", tmp_path, roi_names={"GTV": "GTV*"})
    assert result.failures == []
    rows = result.manifest.set_index("modality")
    assert sorted(rows.index) == ["CT", "MR", "PT"]
    assert rows["unit"].to_dict() == {"CT": "HU", "MR": "a.u.", "PT": "SUVbw"}
    # The contour encloses 27.56 mL on every image.
    np.testing.assert_allclose(rows["volume_ml"].astype(float), 27.56, rtol=0.02)
    assert set(rows["roi_original"]) == {"GTV_Mass_CT", "GTV_Mass_PET", "GTV_Mass_MR_T1"}


AWKWARD = {
    # folder: (errors, cases)
    "dicom2nifti_failing": (
        {
            "missing_slices": 2,
            "gantry_tilt": 2,
            "not_a_volume": 1,
            # Two upright stacks of two slices under one UID, and a third series of two.
            "slices": 3,
        },
        [],
    ),
    "dicom_numpy_dupe_positions": ({"increment": 1}, []),
    "dcmqi_seg": (
        {"present": 2},
        ["DARK_BLUE", "GREEN", "LIGHT_BLUE", "Liver", "Liver", "Liver", "ORANGE", "PURPLE"],
    ),
    "rt_utils": ({"slices": 1, "present": 1}, []),
    "qin_headneck_0024_pet_seg": ({}, ["Neoplasm, Primary", "Neoplasm, Secondary"]),
}


@pytest.mark.parametrize("folder", AWKWARD)
def test_awkward_folders_give_their_findings_and_cases(shared, tmp_path, folder):
    errors, cases = AWKWARD[folder]
    result = curate(shared / "data/awkward_dicom" / folder, tmp_path)
    found = result.findings[result.findings["severity"] == "error"]["check"].value_counts()
    for check, count in errors.items():
        assert found.get(check, 0) == count, check
    assert sorted(result.manifest["roi"]) == cases
    assert result.flow[0].count > 0
