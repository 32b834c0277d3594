import hashlib
import json
import re
from pathlib import Path

import lifelines
import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk
from skimage.draw import polygon2mask

from radtool.curation import curate
from radtool.demo import SITES, DemoCohort, write_cohort
from radtool.demo.dicom import Patient, image_series
from radtool.demo.thorax import site_geometry
from radtool.errors import DicomError, GeometryError, InputError
from radtool.image import Image
from radtool.io import read_mask, read_series

PATIENTS = 40


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> DemoCohort:
    return write_cohort(tmp_path_factory.mktemp("demo"), patients=PATIENTS, seed=3, jobs=2)


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _headers(cohort: DemoCohort, patient: str) -> dict[Path, pydicom.Dataset]:
    folder = cohort.dicom / patient[5] / patient
    return {
        path: pydicom.dcmread(path, stop_before_pixels=True)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _images(cohort: DemoCohort, patient: str) -> list[tuple[Path, pydicom.Dataset]]:
    found = [
        (path, header)
        for path, header in _headers(cohort, patient).items()
        if header.Modality != "RTSTRUCT"
    ]
    return sorted(found, key=lambda pair: float(pair[1].ImagePositionPatient[2]))


def _plan(cohort: DemoCohort, patient: str) -> pydicom.Dataset:
    (plan,) = [h for h in _headers(cohort, patient).values() if h.Modality == "RTSTRUCT"]
    return plan


def _series(cohort: DemoCohort, patient: str) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path, _ in _images(cohort, patient)])
    return reader.Execute()


def _tumour_mask(plan: pydicom.Dataset, image: sitk.Image) -> np.ndarray:
    """Even-odd rule, slice by slice."""
    mask = np.zeros(image.GetSize()[::-1], dtype=bool)
    origin, spacing = np.array(image.GetOrigin()), np.array(image.GetSpacing())
    for contour in plan.ROIContourSequence[0].ContourSequence:
        index = (np.array(contour.ContourData, float).reshape(-1, 3) - origin) / spacing
        mask[round(index[0, 2])] ^= polygon2mask(mask.shape[1:], index[:, 1::-1])
    return mask


def _truth(cohort: DemoCohort) -> dict:
    return json.loads(cohort.truth.read_text())


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[DemoCohort, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    folder = tmp_path_factory.mktemp("small")
    cohort = write_cohort(
        folder, patients=15, seed=5, progress=lambda done, total: told.append((done, total))
    )
    return cohort, told


def test_equal_seeds_give_equal_bytes_over_an_earlier_cohort_with_any_number_of_jobs(
    small, tmp_path
):
    first = _hashes(small[0].root)
    other = _hashes(write_cohort(tmp_path, patients=15, seed=6).root)
    again = _hashes(write_cohort(tmp_path, patients=15, seed=5, jobs=2).root)
    assert again == first
    assert set(first.values()).isdisjoint(other.values())


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_simpleitk_reads_the_geometry_and_the_intensities_that_were_written(tmp_path, site):
    geometry = site_geometry(site)
    array = np.random.default_rng(0).integers(-1024, 3072, geometry.shape).astype(np.int16)
    patient = Patient(patient_id="P1", sex="F", age=60, site=site, study_date="20200101", seed=0)
    slices = image_series(Image(array, geometry, "HU"), patient)
    names = [tmp_path / f"{number:03d}.dcm" for number in range(len(slices))]
    for name, place in zip(names, slices, strict=True):
        name.write_bytes(place.data)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(name) for name in names])
    image = reader.Execute()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), array)
    np.testing.assert_allclose(image.GetSpacing(), geometry.spacing_xyz, atol=1e-9)
    np.testing.assert_allclose(image.GetOrigin(), geometry.origin, atol=1e-4)
    assert image.GetDirection() == geometry.direction


@pytest.mark.parametrize("patient", ["DEMO-A-001", "DEMO-A-002", "DEMO-B-003", "DEMO-C-001"])
def test_contours_enclose_the_true_tumour(cohort, patient):
    (tumour,) = [t for t in _truth(cohort)["tumours"] if t["patient_id"] == patient]
    image = _series(cohort, patient)
    mask = _tumour_mask(_plan(cohort, patient), image)
    volume = mask.sum() * np.prod(image.GetSpacing()) / 1000
    np.testing.assert_allclose(volume, tumour["volume_ml"], rtol=0.04)
    inside = sitk.GetArrayFromImage(image)[mask]
    (site,) = [site for site in SITES if site.name == tumour["site"]]
    assert abs(np.median(inside) - tumour["attenuation_hu"] - site.bias) < 10


def test_one_patient_a_site_has_a_cavity_in_the_tumour(cohort):
    for site in SITES:
        plan = _plan(cohort, f"DEMO-{site.name}-002")
        contours = plan.ROIContourSequence[0].ContourSequence
        planes = [float(contour.ContourData[2]) for contour in contours]
        assert len(planes) > len(set(planes))


def test_series_and_contours_refer_to_each_other(cohort):
    patient = "DEMO-B-001"
    plan, images = _plan(cohort, patient), [header for _, header in _images(cohort, patient)]
    frame = plan.ReferencedFrameOfReferenceSequence[0]
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    assert frame.FrameOfReferenceUID == images[0].FrameOfReferenceUID
    assert series.SeriesInstanceUID == images[0].SeriesInstanceUID
    places = {header.SOPInstanceUID: float(header.ImagePositionPatient[2]) for header in images}
    for contour in plan.ROIContourSequence[0].ContourSequence:
        referenced = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        assert places[referenced] == pytest.approx(float(contour.ContourData[2]), abs=0.006)


def test_instance_uids_are_valid_and_never_repeat(cohort):
    uids = [
        header.SOPInstanceUID
        for patient in ("DEMO-A-001", "DEMO-B-001", "DEMO-C-001")
        for header in _headers(cohort, patient).values()
    ]
    assert len(uids) == len(set(uids))
    assert all(
        len(uid) <= 64 and re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", uid) for uid in uids
    )


def test_every_fault_is_really_there(cohort):
    patients = {fault: patient for patient, fault in cohort.faulty.items()}
    gaps = np.diff(
        [float(h.ImagePositionPatient[2]) for _, h in _images(cohort, patients["missing_slice"])]
    )
    assert sorted(set(np.round(gaps, 3))) == [3.0, 6.0]
    images = _images(cohort, patients["duplicated_slice"])
    gaps = np.diff([float(header.ImagePositionPatient[2]) for _, header in images])
    assert sorted(set(np.round(gaps, 3))) == [0.0, 3.0]
    place = int(np.argmin(gaps))
    first, second = (pydicom.dcmread(path).PixelData for path, _ in images[place : place + 2])
    assert first != second
    assert {h.Modality for _, h in _images(cohort, patients["wrong_modality"])} == {"MR"}
    assert "ContourSequence" not in _plan(cohort, patients["empty_mask"]).ROIContourSequence[0]
    outside = _plan(cohort, patients["mask_outside"])
    image = _series(cohort, patients["mask_outside"])
    right = image.GetOrigin()[0] + image.GetSpacing()[0] * image.GetSize()[0]
    contours = outside.ROIContourSequence[0].ContourSequence
    assert min(float(contour.ContourData[0]) for contour in contours) > right


def test_the_truth_names_the_faults_and_agrees_with_the_outcomes(cohort):
    truth, outcomes = _truth(cohort), pd.read_csv(cohort.outcomes)
    assert {patient: fault["fault"] for patient, fault in truth["faults"].items()} == cohort.faulty
    tumours = pd.DataFrame(truth["tumours"])
    assert tumours["patient_id"].tolist() == outcomes["patient_id"].tolist()
    external = ~outcomes["patient_id"].isin(cohort.faulty) & (outcomes["site"] == "Hospital C")
    oracle = lifelines.utils.concordance_index(
        outcomes.loc[external, "os_duration"],
        -tumours.loc[external, "linear_predictor"],
        outcomes.loc[external, "os_event"],
    )
    stated = truth["concordance"]["external"]["linear_predictor"]
    assert stated["value"] == pytest.approx(oracle, rel=1e-12)
    assert stated["lower"] < oracle < stated["upper"]
    assert not {"linear_predictor", "volume_ml", "heterogeneity_hu"} & set(outcomes.columns)


def test_small_cohorts_have_three_faults(small):
    assert sorted(small[0].faulty.values()) == ["empty_mask", "missing_slice", "wrong_modality"]


def test_progress_is_told_after_each_patient(small):
    assert small[1] == [(number, 15) for number in range(1, 16)]


def test_a_folder_with_other_patients_is_refused(tmp_path):
    (tmp_path / "dicom" / "A" / "SOMEBODY").mkdir(parents=True)
    with pytest.raises(InputError, match="SOMEBODY"):
        write_cohort(tmp_path, patients=15)


def _rois(cohort: DemoCohort, patient: str) -> Path:
    (plan,) = [p for p, h in _headers(cohort, patient).items() if h.Modality == "RTSTRUCT"]
    return plan


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_radtool_reads_every_usable_patient_back(cohort, site):
    truth = {t["patient_id"]: t["volume_ml"] for t in _truth(cohort)["tumours"]}
    patients = [p for p in truth if p[5] == site.name and p not in cohort.faulty][:6]
    errors = []
    for patient in patients:
        image = read_series(cohort.dicom / site.name / patient)
        assert image.unit == "HU"
        assert image.geometry.matches(site_geometry(site))
        mask = read_mask(_rois(cohort, patient), roi=site.roi_name, like=image.geometry)
        errors.append(mask.volume_ml / truth[patient] - 1)
    assert max(map(abs, errors)) < 0.08
    assert abs(np.mean(errors)) < 0.02


def test_radtool_refuses_what_cannot_be_used(cohort):
    patients = {fault: patient for patient, fault in cohort.faulty.items()}
    with pytest.raises(DicomError):
        read_series(cohort.dicom / "A" / patients["missing_slice"])
    assert read_series(cohort.dicom / "B" / patients["wrong_modality"]).unit != "HU"
    with pytest.raises(DicomError, match="no closed contour"):
        read_mask(
            _rois(cohort, patients["empty_mask"]), roi="GTV_prim", like=site_geometry(SITES[2])
        )
    with pytest.raises(GeometryError):
        read_mask(_rois(cohort, patients["mask_outside"]), roi="gtv1", like=site_geometry(SITES[1]))


def test_curation_lets_no_faulty_patient_into_a_study_of_ct(cohort, tmp_path):
    curated = curate(cohort.dicom, tmp_path / "curated", roi_names={"GTV": "GTV*"})
    used = curated.manifest.query("modality == 'CT'")["patient_id"]
    assert not set(used) & set(cohort.faulty)
    assert len(used) == cohort.patients - len(cohort.faulty)
