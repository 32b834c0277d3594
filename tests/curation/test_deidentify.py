"""De-identified DICOM holds nothing that names the patient, and is still a study."""

import sys

import numpy as np
import pydicom
import pytest

from radtool.curation import curate, deidentify
from radtool.errors import InputError, MissingPartError
from radtool.io import read_image

pytest.importorskip("dicomanonymizer")

IDENTIFYING = {
    "PatientName": "DOE^Jane", "PatientID": "MRN4711", "PatientBirthDate": "19500505",
    "PatientComments": "Jane called", "InstitutionName": "St. Elsewhere",
    "InstitutionAddress": "Elm Street 1", "ReferringPhysicianName": "House^Greg",
    "OperatorsName": "Smithers", "PerformingPhysicianName": "Smithers",
    "StudyDescription": "Jane thorax", "SeriesDescription": "Jane series",
    "AccessionNumber": "ACC123", "StationName": "CTSTATION", "DeviceSerialNumber": "SER777",
    "ProtocolName": "Jane protocol", "PatientAddress": "Elm Street 2",
    "PatientTelephoneNumbers": "555-1234", "OtherPatientIDs": "MRN4711B",
    "ImageComments": "Jane comment", "AdditionalPatientHistory": "history of Jane",
    "RequestedProcedureDescription": "Jane request", "EthnicGroup": "Elbonian",
    "StudyID": "S99999", "Occupation": "baker", "PatientAge": "069Y",
    "AcquisitionDateTime": "20200102101010",
}  # fmt: skip
ARRAY = np.arange(6 * 20 * 20).reshape(6, 20, 20)


@pytest.fixture
def study(tmp_path, phantoms):
    """A CT and its structure set full of identities, in nested sequences and private elements."""

    def change(dataset, _=None):
        for keyword, value in IDENTIFYING.items():
            setattr(dataset, keyword, value)
        block = dataset.private_block(0x0029, "ACME JANE", create=True)
        block.add_new(1, "LO", "Jane private")
        inner = pydicom.Dataset()
        inner.PatientName, inner.StudyDescription = "DOE^Jane", "Jane inside"
        inner.ReferencedSOPInstanceUID = phantoms.uid("inner")
        dataset.SourceImageSequence = [inner]
        dataset.PatientWeight = "70"
        return dataset

    folder = tmp_path / "in/DOE_Jane"
    phantoms.series(folder, ARRAY, change=change)
    circles = [phantoms.circle((10.2, 10.3, z), 5) for z in (3, 6, 9)]
    phantoms.rtstruct(folder / "rs", {"GTV": circles}, change=change)
    return tmp_path / "in"


def test_nothing_that_identifies_is_left(tmp_path, study, phantoms):
    result = deidentify(study, tmp_path / "out")
    assert result.failures == []
    assert len(result.files) == 7
    for path in sorted((tmp_path / "out").rglob("*")):
        if not path.is_file():
            continue
        data = path.name.encode() + path.read_bytes()
        for value in IDENTIFYING.values():
            for word in (value, *value.split("^")):
                assert word.encode() not in data, f"{word} in {path.name}"
        for uid in (phantoms.uid("P1", "series"), phantoms.uid("P1", "frame"), "Jane", "JANE"):
            assert uid.encode() not in data


def test_copies_are_the_same_study(tmp_path, study):
    deidentify(study, tmp_path / "out")
    before = curate(study, tmp_path / "a").manifest
    after = curate(tmp_path / "out", tmp_path / "b").manifest
    assert after["volume_ml"].tolist() == before["volume_ml"].tolist()
    assert after["image_sha256"].tolist() == before["image_sha256"].tolist()
    copy = read_image(next((tmp_path / "out").glob("*/CT-*")))
    np.testing.assert_array_equal(copy.array, ARRAY - 1024)


def test_what_radiomics_needs_is_kept_and_the_method_is_said(tmp_path, study):
    result = deidentify(study, tmp_path / "out")
    (first, *_) = result.files.loc[result.files["modality"] == "CT", "file"]
    dataset = pydicom.dcmread(tmp_path / "out" / first)
    assert dataset.PatientWeight == 70
    assert (dataset.Manufacturer, dataset.ConvolutionKernel) == ("ACME", "B30f")
    assert dataset.PatientIdentityRemoved == "YES"
    codes = [code.CodeValue for code in dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107", "113108", "113111"]
    assert dataset.StudyDate < "20200102"
    assert dataset.AcquisitionDateTime.startswith(dataset.StudyDate)


def test_philips_scale_factors_survive_other_private_elements(tmp_path, phantoms):
    def change(dataset, _):
        dataset.Manufacturer = "Philips Medical Systems"
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 4.0)
        block.add_new(0x20, "LO", "DOE Jane")
        return dataset

    phantoms.series(tmp_path / "in", ARRAY, kind="MR", change=change)
    deidentify(tmp_path / "in", tmp_path / "out")
    image = read_image(next((tmp_path / "out").glob("*/MR-*")))
    np.testing.assert_allclose(image.array, ARRAY / 4)
    assert not any(b"Jane" in p.read_bytes() for p in (tmp_path / "out").rglob("*.dcm"))


def test_burned_in_text_is_flagged_and_reports_are_not_copied(tmp_path, phantoms):
    def change(dataset, k):
        dataset.BurnedInAnnotation = "YES"
        if k == 1:
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = (
                "1.2.840.10008.5.1.4.1.1.7"
            )
            dataset.Modality = "OT"
        return dataset

    phantoms.series(tmp_path / "in", ARRAY[:2], change=change)
    result = deidentify(tmp_path / "in", tmp_path / "out")
    assert result.files["risk"].tolist() == ["the header says that annotations are burned in"]
    (failure,) = result.failures
    assert "is not copied" in failure.reason


def test_missing_package_says_how_to_get_it(tmp_path, study, monkeypatch):
    monkeypatch.setitem(sys.modules, "dicomanonymizer", None)
    with pytest.raises(MissingPartError, match=r"pip install radtool\[deid\]"):
        deidentify(study, tmp_path / "out")


def test_an_unwritable_folder_is_refused(tmp_path, study):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        deidentify(study, tmp_path / "out")


def test_letters_in_the_pixels_are_a_risk_of_the_whole_series(tmp_path, phantoms):
    lettered = np.random.default_rng(0).integers(800, 1200, (6, 64, 64))
    for left in (1, 9, 17):
        lettered[:, 3:13, left : left + 2] = lettered[:, 3:5, left : left + 6] = 4000
    phantoms.series(tmp_path / "in/a", lettered, name="a")
    phantoms.series(tmp_path / "in/b", ARRAY, patient="P2")
    risk = deidentify(tmp_path / "in", tmp_path / "out").files.groupby("patient_id")["risk"]
    found = sorted(tuple(sorted(set(risks))) for _, risks in risk)
    assert found[0] == ("",)
    (why,) = found[1]
    assert why.startswith("3 letter-like shapes of value 4000 in a line, upper left")
