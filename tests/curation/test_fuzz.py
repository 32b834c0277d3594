"""Damaged DICOM never gives anything but an answer or a RadtoolError.

Bounded here; raise RADTOOL_FUZZ (examples per test) for a longer hunt.
"""

import contextlib
import logging
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radtool.curation.crawl import crawl
from radtool.curation.grouping import find_series, match_masks
from radtool.errors import RadtoolError
from radtool.image import Geometry, Mask
from radtool.io import (
    Repair,
    read_image,
    read_mask,
    read_rtstruct,
    read_seg,
    read_series,
    write_seg,
)
from radtool.io.recording import read_record

EXAMPLES = int(os.environ.get("RADTOOL_FUZZ", "25"))
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ALL = Repair(tilt="correct", missing_slices=3, spacing="resample")
GRID = Geometry((3, 12, 12), (3.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def originals(tmp_path_factory, phantoms) -> dict[str, bytes]:
    """A CT slice, a structure set, a segmentation and an enhanced CT, as bytes."""
    folder = tmp_path_factory.mktemp("originals")
    paths = phantoms.series(folder / "ct", np.full((3, 12, 12), 1000))
    circles = [phantoms.circle((6, 6, z), 3, points=12) for z in (0, 3)]
    plan = phantoms.rtstruct(folder / "rs", {"GTV": circles, "b": circles[:1]})
    array = np.zeros(GRID.shape, dtype=bool)
    array[1, 3:6, 3:6] = True
    write_seg([Mask(array, GRID, "GTV")], folder / "ct", folder / "seg")
    return {
        "ct": paths[0].read_bytes(),
        "frames": enhanced(phantoms, folder / "frames"),
        "rtstruct": plan.read_bytes(),
        "seg": (folder / "seg").read_bytes(),
    }


def enhanced(phantoms, path: Path) -> bytes:
    """An enhanced PET of two temporal positions, with what SUV needs, as bytes."""
    data = phantoms.header("PT", phantoms.uid("frames"))
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    data.SeriesInstanceUID, data.PatientWeight = phantoms.uid("frames", "series"), "70"
    data.AttenuationCorrected = data.DecayCorrected = "YES"
    data.DecayCorrectionDateTime = "20200102110000"
    drug, shared, code, values = (pydicom.Dataset() for _ in range(4))
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "350000000", "6586.2"
    drug.RadiopharmaceuticalStartDateTime = "20200102100000"
    data.RadiopharmaceuticalInformationSequence = [drug]
    measures, orientation = pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing, measures.SliceThickness = [1, 1], 3
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    code.CodeValue = "Bq/ml"
    values.RealWorldValueSlope, values.RealWorldValueIntercept = 2.0, 0.0
    values.MeasurementUnitsCodeSequence = [code]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    shared.RealWorldValueMappingSequence = [values]
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], []
    for k in range(6):
        frame, place, content = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        place.ImagePositionPatient = [0, 0, 3 * (k // 2)]
        content.TemporalPositionIndex = 1 + k % 2
        frame.PlanePositionSequence, frame.FrameContentSequence = [place], [content]
        data.PerFrameFunctionalGroupsSequence.append(frame)
    data.NumberOfFrames, data.Rows, data.Columns = 6, 12, 12
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = bytes(6 * 12 * 12 * 2)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return path.read_bytes()


READERS = {
    "ct": lambda path: read_series([path]),
    "frames": lambda path: (read_series(path, part="time2"), read_series(path, repair=ALL)),
    "rtstruct": lambda path: (read_rtstruct(path), read_mask(path, roi="GTV", like=GRID)),
    "seg": lambda path: read_seg(path),
}


def survives(kind: str, data: bytes) -> None:
    """Read bytes every way there is; only a RadtoolError may come out."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydicom says of damaged values is no failure
        path = Path(scratch) / "in" / "file"
        path.parent.mkdir()
        path.write_bytes(data)
        for read in (READERS[kind], read_image, lambda p: read_mask(p, like=GRID)):
            with contextlib.suppress(RadtoolError):
                read(path)
        records = crawl(path.parent, Path(scratch) / "work").records
        match_masks(
            [record for record in records if record.is_mask],
            find_series(records, repair=lambda _: ALL),
        )


@pytest.mark.parametrize("kind", READERS)
@BOUNDED
@given(data=st.data())
def test_flipped_bytes(originals, kind, data):
    damaged = bytearray(originals[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        where = data.draw(st.integers(132, len(damaged) - 1))
        damaged[where] = data.draw(st.integers(0, 255))
    survives(kind, bytes(damaged))


@pytest.mark.parametrize("kind", READERS)
@BOUNDED
@given(data=st.data())
def test_cut_and_doubled_files(originals, kind, data):
    whole = originals[kind]
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    survives(kind, whole[:start] + whole[stop:])
    survives(kind, whole[:stop] + whole[start:])


def test_a_header_that_breaks_off_inside_a_sequence_has_a_problem(originals, tmp_path):
    whole = originals["frames"]
    path = tmp_path / "file"
    for start in range(1028, 1228, 8):
        path.write_bytes(whole[:start] + whole[2769:])
        record = read_record(str(path), "file")
        assert record is not None
        assert record.problem
        assert record.slices == ()


VALUES = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "0", "-1", "1e400", "nan", "inf", "abc", "1\\2", "1\\2\\3\\4\\5\\6\\7", "\x00"]
    ),
    st.text(alphabet="0123456789.eE+-\\ ", max_size=40),
)
KEYWORDS = {
    "ct": [
        "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "RescaleSlope",
        "RescaleIntercept", "SliceThickness", "Modality", "SOPClassUID", "SeriesInstanceUID",
        "PatientID", "PhotometricInterpretation", "NumberOfFrames", "Units", "StudyDate",
    ],
    "frames": [
        "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "TemporalPositionIndex",
        "RealWorldValueSlope", "CodeValue", "NumberOfFrames", "RadionuclideTotalDose",
        "RadionuclideHalfLife", "DecayCorrectionDateTime", "RadiopharmaceuticalStartDateTime",
        "PatientWeight", "SliceThickness",
    ],
    "rtstruct": [
        "ROIName", "ROINumber", "ReferencedROINumber", "ContourData", "ContourGeometricType",
        "FrameOfReferenceUID", "SeriesInstanceUID", "StructureSetDate", "Modality",
    ],
    "seg": [
        "SegmentNumber", "SegmentLabel", "PixelSpacing", "ImagePositionPatient",
        "ImageOrientationPatient", "SegmentationType", "NumberOfFrames", "SliceThickness",
        "ReferencedSegmentNumber", "SpacingBetweenSlices",
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
@BOUNDED
@given(data=st.data())
def test_strange_values(originals, kind, data, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = tmp_path / "original"
        path.write_bytes(originals[kind])
        dataset = pydicom.dcmread(path)
        keyword = data.draw(st.sampled_from(KEYWORDS[kind]))
        tag = pydicom.datadict.tag_for_keyword(keyword)
        value = data.draw(VALUES)
        holders = [d for d in _all(dataset) if tag in d] or [dataset]
        for holder in holders[: data.draw(st.integers(1, len(holders)))]:
            if value is None:
                holder.pop(tag, None)
                continue
            kind_of = pydicom.datadict.dictionary_VR(tag)
            raw = value.encode() if kind_of not in ("US", "UL") else b"\xff\xff"
            if kind_of == "FD":
                raw = (raw * 8)[:8] if raw else b"\xff" * 8
            raw += b" " * (len(raw) % 2)
            holder[tag] = pydicom.dataelem.RawDataElement(
                pydicom.tag.Tag(tag), kind_of.split(" ")[0], len(raw), raw, 0, False, True
            )
        try:
            dataset.save_as(tmp_path / "damaged")
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            return  # pydicom refuses to write it: nobody can send it
    survives(kind, (tmp_path / "damaged").read_bytes())


def _all(dataset):
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _all(item)


@BOUNDED
@given(st.binary(max_size=400))
def test_random_bytes_after_a_preamble(rest):
    for kind in READERS:
        survives(kind, b"\0" * 128 + b"DICM" + rest)
