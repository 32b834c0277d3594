"""DICOM in, DICOM out: `radtool deidentify` and `radtool export`."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

from radtool.cli import app
from radtool.curation import curate
from radtool.errors import InputError
from radtool.image import Mask
from radtool.io import read_image, read_mask, write_mask, write_seg

RUN = CliRunner()
IDENTIFYING = (
    "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers", "OtherPatientIDs",
    "InstitutionName", "InstitutionAddress", "ReferringPhysicianName", "OperatorsName",
    "AccessionNumber", "StudyDescription", "SeriesDescription", "PatientComments", "ImageComments",
    "StationName", "DeviceSerialNumber", "ProtocolName",
)  # fmt: skip
WORDS = {name: f"SECRET{place}" for place, name in enumerate(IDENTIFYING)} | {
    "PatientBirthDate": "19500505"
}


@pytest.fixture
def cohort(tmp_path, phantoms):
    """Three patients, two studies of the first; contours of all and a SEG of the second."""

    def change(date):
        def edit(dataset, _=None):
            for keyword, value in WORDS.items():
                setattr(dataset, keyword, value)
            dataset.PatientName = f"DOE^{dataset.PatientID}"
            dataset.StudyDate = date
            return dataset

        return edit

    rng = np.random.default_rng(0)
    drawn = [("MRN-1", "20200102", "a"), ("MRN-1", "20200401", "b"), ("MRN-2", "20200102", "a"),
             ("MRN-3", "20190630", "a")]  # fmt: skip
    for patient, date, name in drawn:
        folder = tmp_path / "in" / patient / name
        array = rng.integers(0, 1200, (8, 32, 32))
        edit = change(date)
        phantoms.series(folder, array, patient=patient, name=name, change=edit)
        circles = [phantoms.circle((16.3, 15.6, z), 7.2) for z in (6, 9, 12)]
        phantoms.rtstruct(folder / "rs", {"GTV": circles}, patient=patient, name=name, change=edit)
    folder = tmp_path / "in/MRN-2/a"
    image = read_image(folder_of_images(folder, tmp_path))
    inside = np.zeros(image.array.shape, dtype=bool)
    inside[3:6, 10:20, 8:15] = True
    write_seg([Mask(inside, image.geometry, "Node")], tmp_path / "images", folder / "seg.dcm")
    return tmp_path / "in"


def folder_of_images(folder: Path, tmp_path: Path) -> Path:
    copies = tmp_path / "images"
    copies.mkdir()
    for path in folder.glob("a-*"):
        (copies / path.name).write_bytes(path.read_bytes())
    return copies


def deidentified(cohort: Path, out: Path, key: Path) -> str:
    result = RUN.invoke(app, ["deidentify", str(cohort), "--out", str(out), "--key", str(key)])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_copies_curate_to_the_same_masks(cohort: Path, tmp_path: Path) -> None:
    deidentified(cohort, tmp_path / "out", tmp_path / "apart/key.csv")
    before = curate(cohort, tmp_path / "a").manifest
    after = curate(tmp_path / "out", tmp_path / "b").manifest
    assert len(before) == len(after) == 5
    assert set(before["mask_origin"]) == {"RTSTRUCT", "SEG"}
    for column in ("image_sha256", "mask_sha256", "volume_ml"):
        assert sorted(before[column]) == sorted(after[column])
    matched = curate(tmp_path / "out", tmp_path / "b").quality
    how = matched.loc[matched["check"] == "matched_by", "detail"]
    assert set(how) == {"referenced series"}


def test_the_copies_name_nobody(cohort: Path, tmp_path: Path) -> None:
    deidentified(cohort, tmp_path / "out", tmp_path / "key.csv")
    copies = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(copies) == 4 * 9 + 1 + 1
    banned = [*WORDS.values(), "DOE", "MRN"]
    originals = (pydicom.dcmread(p) for p in cohort.rglob("*") if p.is_file())
    banned += sorted({uid for dataset in originals for uid in uids(dataset)})
    for path in copies:
        data = str(path).encode() + path.read_bytes()
        for word in banned:
            assert word.encode() not in data, f"{word} in {path}"


def uids(dataset: pydicom.Dataset) -> set[str]:
    keywords = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
    return {str(dataset[keyword].value) for keyword in keywords if keyword in dataset}


def test_intervals_stay_and_dates_do_not(cohort: Path, tmp_path: Path) -> None:
    deidentified(cohort, tmp_path / "out", tmp_path / "key.csv")
    found: dict[str, set[str]] = {}
    for path in (tmp_path / "out").rglob("*.dcm"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        found.setdefault(dataset.PatientID, set()).add(dataset.StudyDate)
    days = sorted(np.ptp(np.array(sorted(f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in dates), "M8[D]"))
                  .astype(int) for dates in found.values())  # fmt: skip
    assert days == [0, 0, 90]
    shown = {date for dates in found.values() for date in dates}
    assert not shown & {"20200102", "20200401", "20190630"}


def test_the_key_is_private_and_gives_the_same_names_again(cohort: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.csv"
    output = deidentified(cohort, tmp_path / "one", key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "the only way back" in output
    assert "MRN-1" in key.read_text()
    deidentified(cohort, tmp_path / "two", key)
    names = [sorted(p.name for p in (tmp_path / out).iterdir()) for out in ("one", "two")]
    assert names[0] == names[1]
    deidentified(cohort, tmp_path / "three", tmp_path / "other.csv")
    assert sorted(p.name for p in (tmp_path / "three").iterdir()) != names[0]
    assert not list(tmp_path.glob(".radtool-*"))


def test_a_key_among_the_copies_is_refused(cohort: Path, tmp_path: Path) -> None:
    for key in ("out/key.csv", "out/deep/key.csv", "elsewhere/../out/key.csv"):
        with pytest.raises(InputError, match="must not lie in"):
            RUN.invoke(
                app,
                ["deidentify", str(cohort), "--out", str(tmp_path / "out"),
                 "--key", str(tmp_path / key)],
                catch_exceptions=False,
            )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_no_network_is_used(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    deidentified(cohort, tmp_path / "out", tmp_path / "key.csv")
    assert len(curate(tmp_path / "out", tmp_path / "curated").manifest) == 5


@pytest.fixture
def series(tmp_path, phantoms):
    phantoms.series(tmp_path / "ct", np.full((6, 20, 24), 1024), spacing=(3.0, 1.0, 1.0))
    geometry = read_image(tmp_path / "ct").geometry
    inside = np.zeros(geometry.shape, dtype=bool)
    inside[1:4, 5:12, 6:15] = True
    inside[2, 8:10, 9:11] = False
    write_mask(Mask(inside, geometry, "GTV"), tmp_path / "mask.nii.gz")
    return tmp_path / "ct", tmp_path / "mask.nii.gz", Mask(inside, geometry, "GTV")


@pytest.mark.parametrize(
    ("form", "name"),
    [("rtstruct", "rs.dcm"), ("seg", "seg.dcm"), ("nifti", "m.nii.gz"), ("nrrd", "m.nrrd")],
)
def test_a_mask_is_exported_and_read_back(series, tmp_path: Path, form: str, name: str) -> None:
    reference, path, mask = series
    out = tmp_path / name
    result = RUN.invoke(
        app,
        ["export", str(path), "--reference", str(reference), "--format", form,
         "--roi", "GTV", "--out", str(out)],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    back = read_mask(out, like=mask.geometry)
    np.testing.assert_array_equal(back.array, mask.array)
    if form in ("rtstruct", "seg"):
        written = pydicom.dcmread(out)
        assert written.PatientID == "P1"
        assert back.roi == "GTV"


def test_an_export_under_a_wrong_name_is_refused(series, tmp_path: Path) -> None:
    reference, path, _ = series
    with pytest.raises(InputError, match=r"needs a name that ends in \.nrrd"):
        RUN.invoke(
            app,
            ["export", str(path), "--reference", str(reference), "--format", "nrrd",
             "--out", str(tmp_path / "m.dcm")],
            catch_exceptions=False,
        )  # fmt: skip
