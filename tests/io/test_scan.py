"""The quick header scan says what pydicom says, or leaves the file to pydicom."""

import io
import os

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radtool.io.recording import _SCANNED, read_record, record_of
from radtool.io.scan import scan_header

BOUNDED = settings(
    max_examples=int(os.environ.get("RADTOOL_FUZZ", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def scanned(data: bytes, first: int = 300):
    file = io.BytesIO(data)
    return scan_header(file, file.read(first), _SCANNED)


def rich(dataset: Dataset, _=None) -> Dataset:
    """Elements that make a walk hard: nested sequences, private blocks, empty and long values."""
    inner, outer, drug = Dataset(), Dataset(), Dataset()
    inner.CodeValue, inner.SeriesInstanceUID = "T-D3000", "9.9.9"
    outer.AnatomicRegionSequence = [inner, inner]
    outer.Modality = "XX"
    dataset.ReferencedImageSequence = [outer, Dataset(), outer]
    dataset.SourceImageSequence = []
    drug.RadionuclideTotalDose, drug.Radiopharmaceutical = "350000000", "FDG"
    dataset.RadiopharmaceuticalInformationSequence = [drug]
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "800")
    dataset.private_block(0x0029, "ACME", create=True).add_new(0x10, "OB", bytes(20_000))
    dataset.InstitutionName, dataset.BodyPartExamined = "", "CHEST "
    dataset.EchoTime, dataset.DiffusionBValue = "90", 800.0
    dataset.SeriesDescription = "x" * 63
    return dataset


def written(dataset: Dataset, syntax: str, *, undefined: bool) -> bytes:
    dataset.file_meta.TransferSyntaxUID = syntax
    if undefined:
        for element in dataset.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()


@pytest.fixture(scope="module")
def files(tmp_path_factory, phantoms) -> dict[str, bytes]:
    """One rich MR header in four encodings that the scan reads, and a plain CT."""
    folder = tmp_path_factory.mktemp("scan")
    (path,) = phantoms.series(folder / "mr", np.ones((1, 4, 4)), kind="MR", change=rich)
    (plain,) = phantoms.series(folder / "ct", np.ones((1, 4, 4)))
    found = {"ct": plain.read_bytes()}
    for name, syntax in (
        ("explicit", ExplicitVRLittleEndian),
        ("implicit", ImplicitVRLittleEndian),
    ):
        for undefined in (False, True):
            dataset = pydicom.dcmread(path)
            key = f"{name}{' undefined' if undefined else ''}"
            found[key] = written(dataset, syntax, undefined=undefined)
    return found


KINDS = ["ct", "explicit", "explicit undefined", "implicit", "implicit undefined"]


@pytest.mark.parametrize("kind", KINDS)
def test_ordinary_files_are_scanned_and_equal_pydicom(files, tmp_path, kind):
    assert scanned(files[kind]) is not None
    path = tmp_path / "file"
    path.write_bytes(files[kind])
    record = read_record(str(path), "file")
    assert record == record_of(None, str(path), "file")
    assert record.slices
    if kind != "ct":
        assert dict(record.slices[0].marks)["b_value"] == "800"
        assert record.attributes["dose_mbq"] == 350.0
        assert record.attributes["tracer"] == "FDG"


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_read_may_end_anywhere(files, kind):
    whole = scanned(files[kind], 10**6)
    for first in range(132, min(len(files[kind]), 3000), 97):
        part = scanned(files[kind], first)
        assert part == whole
        assert part.sequences == whole.sequences


@pytest.mark.parametrize("syntax", [b"1.2.840.10008.1.2.2", b"1.2.840.99999.1.2.1"])
def test_other_encodings_are_left_to_pydicom(files, syntax):
    assert scanned(files["ct"].replace(b"1.2.840.10008.1.2.1", syntax)) is None


def test_text_that_is_not_ascii_is_left_to_pydicom(tmp_path, phantoms):
    def change(dataset, _):
        dataset.SpecificCharacterSet, dataset.InstitutionName = "ISO_IR 192", "Universität"
        return dataset

    (path,) = phantoms.series(tmp_path, np.ones((1, 4, 4)), change=change)
    assert scanned(path.read_bytes()) is None
    assert read_record(str(path), "a").attributes["institution"] == "Universität"


def test_a_header_that_ends_too_early_is_left_to_pydicom(files):
    assert scanned(files["ct"][:400]) is None


def same(data: bytes, path) -> None:
    path.write_bytes(data)
    try:
        quick = read_record(str(path), "file")
    except ValueError:
        return
    if quick is not None:
        assert quick == record_of(None, str(path), "file")


@pytest.mark.parametrize("kind", KINDS)
@BOUNDED
@given(data=st.data())
def test_damaged_files_are_read_like_pydicom_does(files, tmp_path, kind, data):
    damaged = bytearray(files[kind])
    stop = damaged.find(b"\xe0\x7f\x10\x00")
    for _ in range(data.draw(st.integers(1, 6))):
        where = data.draw(st.integers(132, stop + 12))
        damaged[where] = data.draw(st.integers(0, 255))
    same(bytes(damaged), tmp_path / "file")


@pytest.mark.parametrize("kind", KINDS)
@BOUNDED
@given(data=st.data())
def test_cut_files_are_read_like_pydicom_does(files, tmp_path, kind, data):
    whole = files[kind]
    start, stop = sorted(data.draw(st.tuples(*[st.integers(132, len(whole))] * 2)))
    same(whole[:start] + whole[stop:], tmp_path / "file")
