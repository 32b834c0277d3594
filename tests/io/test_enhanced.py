"""Enhanced multi-frame files: each frame's own functional groups, and what their values mean."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from radtool.errors import DicomError
from radtool.io import read_series, suv_scale
from radtool.io.recording import read_record

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "PT": "1.2.840.10008.5.1.4.1.1.130",
}
ARRAY = np.arange(3 * 4 * 5).reshape(3, 4, 5) + 100
HALF_LIFE = 6586.2
AXIAL = (1, 0, 0, 0, 1, 0)


def holding(**values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def rescale(slope: float, intercept: float) -> Dataset:
    values = holding(RescaleSlope=str(slope), RescaleIntercept=str(intercept), RescaleType="US")
    return holding(PixelValueTransformationSequence=[values])


def meaning(slope: float, intercept: float, unit: str) -> Dataset:
    code = holding(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit)
    item = holding(
        RealWorldValueSlope=float(slope),
        RealWorldValueIntercept=float(intercept),
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=65535,
        MeasurementUnitsCodeSequence=[code],
    )
    return item


def merged(*parts: Dataset) -> Dataset:
    whole = Dataset()
    for part in parts:
        whole.update(part)
    return whole


def place(x: float, y: float, z: float) -> Dataset:
    return holding(PlanePositionSequence=[holding(ImagePositionPatient=[x, y, z])])


def turned(cosines) -> Dataset:
    return holding(PlaneOrientationSequence=[holding(ImageOrientationPatient=list(cosines))])


MEASURES = holding(PixelMeasuresSequence=[holding(PixelSpacing=[0.7, 0.8], SliceThickness=2.5)])


@pytest.fixture
def written(tmp_path, phantoms):
    """Write one multi-frame file: its frames' groups, the shared group, changes of the header."""

    def write(kind, frames, shared, array=ARRAY, **header):
        dataset = phantoms.header(kind, phantoms.uid(kind, "enhanced"))
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CLASSES[kind]
        dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = phantoms.uid("s"), "1.2.3"
        dataset.NumberOfFrames = len(frames)
        dataset.Rows, dataset.Columns = array.shape[1:]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 0
        dataset.SharedFunctionalGroupsSequence = [shared]
        dataset.PerFrameFunctionalGroupsSequence = frames
        for keyword, value in header.items():
            setattr(dataset, keyword, value)
        dataset.PixelData = array.astype("<u2").tobytes()
        path = tmp_path / "enhanced"
        pydicom.dcmwrite(path, dataset, enforce_file_format=True)
        return path

    return write


def axial(k: int) -> Dataset:
    return place(1.0, 2.0, 2.5 * k)


def test_position_orientation_and_rescale_of_each_frame(written):
    """Sagittal frames stored from right to left, each with an intercept of its own."""
    cosines = (0, 1, 0, 0, 0, -1)  # normal: y x -z = -x
    frames = [
        merged(place(2.5 * k, 1.0, 2.0), turned(cosines), rescale(2, 10 * k)) for k in range(3)
    ]
    image = read_series(written("CT", frames, MEASURES))
    assert image.unit == "HU"
    assert image.geometry.spacing == (2.5, 0.7, 0.8)
    # Along the normal, x falls: the last frame comes first.
    assert image.geometry.origin == (5.0, 1.0, 2.0)
    expected = 2 * ARRAY + 10 * np.arange(3)[:, None, None]
    np.testing.assert_array_equal(image.array, expected[::-1])


def test_a_frame_of_its_own_overrides_the_shared_group(written):
    shared = merged(MEASURES, turned(AXIAL), rescale(1, -1024))
    frames = [axial(0), axial(1), merged(axial(2), rescale(1, 0))]
    array = read_series(written("CT", frames, shared)).array
    np.testing.assert_array_equal(array[:2], ARRAY[:2] - 1024)
    np.testing.assert_array_equal(array[2], ARRAY[2])


def test_ct_frames_without_rescale_are_refused(written):
    frames = [axial(k) for k in range(3)]
    with pytest.raises(DicomError, match="RescaleSlope is missing"):
        read_series(written("CT", frames, merged(MEASURES, turned(AXIAL))))


def test_a_frame_without_a_place_is_refused(written):
    frames = [axial(0), Dataset(), axial(2)]
    with pytest.raises(DicomError, match="ImagePositionPatient is missing"):
        read_series(written("CT", frames, merged(MEASURES, turned(AXIAL), rescale(1, 0))))


def test_mr_maps_of_a_quantity_take_their_real_world_values(written):
    """Diffusion coefficients: stored 0..65535 stand for 0.001 um2/s steps, shifted by 5."""
    frames = [
        merged(axial(k), holding(RealWorldValueMappingSequence=[meaning(0.5, 5 + k, "um2/s")]))
        for k in range(3)
    ]
    image = read_series(written("MR", frames, merged(MEASURES, turned(AXIAL), rescale(7, 7))))
    assert image.unit == "um2/s"
    np.testing.assert_allclose(image.array, 0.5 * ARRAY + 5 + np.arange(3)[:, None, None])


def test_mr_maps_without_a_unit_keep_the_rescale(written):
    for unit in ("1", "no units"):
        values = holding(RealWorldValueMappingSequence=[meaning(0.5, 5, unit)])
        shared = merged(MEASURES, turned(AXIAL), rescale(3, 1), values)
        image = read_series(written("MR", [axial(k) for k in range(3)], shared))
        assert image.unit == "a.u."
        np.testing.assert_array_equal(image.array, 3 * ARRAY + 1)


def test_frames_in_different_units_are_refused(written):
    frames = [
        merged(axial(k), holding(RealWorldValueMappingSequence=[meaning(1, 0, unit)]))
        for k, unit in enumerate(("ms", "ms", "um2/s"))
    ]
    with pytest.raises(DicomError, match=r"different units: \['ms', 'um2/s'\]"):
        read_series(written("MR", frames, merged(MEASURES, turned(AXIAL))))


def test_philips_scale_of_each_frame(written):
    """(PV * RS + RI) / (RS * SS) with slope 2, intercept 10 and scale slopes 4, 8, 16."""

    def frame(k):
        inner = Dataset()
        inner.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(
            0x0E, "FL", 4.0 * 2**k
        )
        outer = axial(k)
        outer.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
        outer.add_new((0x2005, 0x140F), "SQ", [inner])
        return outer

    shared = merged(MEASURES, turned(AXIAL), rescale(2, 10))
    path = written("MR", [frame(k) for k in range(3)], shared, Manufacturer="Philips")
    scales = np.array([4, 8, 16])[:, None, None]
    np.testing.assert_allclose(read_series(path).array, (2 * ARRAY + 10) / (2 * scales))


def pet(**changes) -> Dataset:
    drug = holding(
        RadionuclideTotalDose="350000000",
        RadionuclideHalfLife=str(HALF_LIFE),
        RadiopharmaceuticalStartDateTime="20200102100000",
    )
    header = {
        "PatientWeight": "70",
        "AttenuationCorrected": "YES",
        "DecayCorrected": "YES",
        "DecayCorrectionDateTime": "20200102110000.5",
        "RadiopharmaceuticalInformationSequence": [drug],
    }
    return header | changes


def values(*maps: Dataset) -> Dataset:
    sequence = holding(RealWorldValueMappingSequence=list(maps))
    return merged(MEASURES, turned(AXIAL), rescale(1, 0), sequence)


def test_enhanced_pet_in_activity_becomes_suv(written):
    shared = values(meaning(2.5, 0, "Bq/ml"))
    image = read_series(written("PT", [axial(k) for k in range(3)], shared, **pet()))
    assert image.unit == "SUVbw"
    # 70 kg, 350 MBq at 10:00:00, pixels corrected to 11:00:00.5.
    factor = 70_000 / (350e6 * 2 ** (-3600.5 / HALF_LIFE))
    np.testing.assert_allclose(image.array, 2.5 * ARRAY * factor, rtol=1e-6)


def test_enhanced_pet_takes_suv_before_activity(written):
    shared = values(meaning(2.5, 0, "Bq/ml"), meaning(0.01, 0.5, "{SUVbw}g/ml"))
    image = read_series(written("PT", [axial(k) for k in range(3)], shared))
    np.testing.assert_allclose(image.array, 0.01 * ARRAY + 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("shared", "header", "words"),
    [
        (values(meaning(1, 0, "{counts}/s")), {}, "no RealWorldValueMappingSequence in"),
        (values(), {}, "no RealWorldValueMappingSequence in"),
        (None, {"AttenuationCorrected": "NO"}, "not attenuation corrected"),
        (None, {"DecayCorrected": "NO"}, "not decay corrected"),
        (None, {"DecayCorrectionDateTime": ""}, "no DecayCorrectionDateTime"),
        (None, {"PatientWeight": ""}, "PatientWeight is None"),
        (None, {"RadiopharmaceuticalInformationSequence": []}, "InformationSequence is missing"),
    ],
)
def test_enhanced_pet_that_cannot_become_suv_is_refused(written, shared, header, words):
    shared = shared or values(meaning(1, 0, "Bq/ml"))
    path = written("PT", [axial(k) for k in range(3)], shared, **pet(**header))
    with pytest.raises(DicomError, match=words):
        read_series(path)


def test_the_crawl_knows_enhanced_files(written):
    shared = values(meaning(1, 0, "Bq/ml"))
    path = written("PT", [axial(k) for k in range(3)], shared, **pet())
    record = read_record(str(path), "a")
    assert (record.kind, len(record.slices)) == ("PT", 3)
    assert record.attributes["dose_mbq"] == 350.0
    assert [one.position[2] for one in record.slices] == [0.0, 2.5, 5.0]


def test_counting_back_from_a_frame_of_a_rebuilt_series():
    """A Siemens series rebuilt at 18:00; its bed was taken at 10:50 for 3 minutes.

    Its frame reference time of 689.858 s is the mean of a frame that starts 600 s after the scan:
    x = ln 2 / 6586.2 * 180 = 0.018944; ln(x / (1 - exp(-x))) / rate = 89.858 s; so the scan began
    at 10:50:00 - (689.858 - 89.858) s = 10:40:00, 2400 s after the injection.
    """
    drug = holding(
        RadionuclideTotalDose="350000000",
        RadionuclideHalfLife=str(HALF_LIFE),
        RadiopharmaceuticalStartTime="100000",
    )
    header = holding(
        Units="BQML",
        CorrectedImage=["ATTN", "DECY"],
        DecayCorrection="START",
        PatientWeight="70",
        Manufacturer="SIEMENS",
        SeriesDate="20200102",
        SeriesTime="180000",
        AcquisitionDate="20200102",
        AcquisitionTime="105000",
        FrameReferenceTime="689858",
        ActualFrameDuration="180000",
        RadiopharmaceuticalInformationSequence=[drug],
    )
    expected = 70_000 / (350e6 * 2 ** (-2400 / HALF_LIFE))
    assert suv_scale([header], "PET").factor == pytest.approx(expected, rel=1e-6)
