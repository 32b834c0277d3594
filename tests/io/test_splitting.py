"""Series that hold several volumes: split by what DICOM says, or refused by name."""

import dataclasses

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from radtool.errors import DicomError, InputError
from radtool.io import Slice, read_series, split_slices
from radtool.io.series import read_planes

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
HEIGHTS = (0.0, 3.0, 6.0, 9.0)


def plane(z: float, name: str = "", **marks: str) -> Slice:
    label = f"{z}{name}{''.join(marks.values())}"
    return Slice(
        f"{label}.dcm",
        0,
        label,
        (4, 5),
        (0.7, 0.8),
        (0.0, 0.0, z),
        AXIAL,
        2.0,
        tuple(marks.items()),
    )


def names(slices, **options) -> list[str]:
    return [volume.part for volume in split_slices(slices, **options)]


@pytest.mark.parametrize(
    ("mark", "values", "expected"),
    [
        ("echo_time", ("90", "15.5"), ["te15.5", "te90"]),
        ("echo_number", ("2", "1"), ["echo1", "echo2"]),
        ("b_value", ("0", "50", "800"), ["b0", "b50", "b800"]),
        ("gradient", ("1\\0\\0", "0\\1\\0"), ["direction1", "direction2"]),
        ("temporal_position", ("2", "10", "1"), ["time1", "time2", "time10"]),
        ("trigger_time", ("0", "60.5"), ["trigger0", "trigger60.5"]),
        ("frame_time", ("300", "100"), ["frame1", "frame2"]),
        ("kvp", ("140", "80"), ["kvp80", "kvp140"]),
        ("kernel", ("B70f", "B30f"), ["b30f", "b70f"]),
        ("acquisition_number", ("3", "4"), ["acquisition3", "acquisition4"]),
        ("acquisition_time", ("101500.5", "101400"), ["acquired1", "acquired2"]),
        ("inversion_time", ("900", "150"), ["ti150", "ti900"]),
        ("flip_angle", ("15", "3"), ["flip3", "flip15"]),
        (
            "image_type",
            ("ORIGINAL\\PRIMARY\\W", "ORIGINAL\\PRIMARY\\F"),
            ["f", "w"],
        ),
    ],
)
def test_each_attribute_splits_and_names(mark, values, expected):
    slices = [plane(z, **{mark: value}) for z in HEIGHTS for value in values]
    volumes = split_slices(slices)
    assert [volume.part for volume in volumes] == expected
    for volume in volumes:
        assert volume.stack.geometry.shape == (4, 4, 5)
        assert len({dict(one.marks)[mark] for one in volume.stack.slices}) == 1
        (finding,) = volume.stack.findings
        assert (finding.check, finding.severity) == ("split", "warning")
        assert finding.detail.endswith(", ".join(expected))


def test_two_attributes_split_one_after_the_other():
    slices = [
        plane(z, b_value=b, gradient=g)
        for z in HEIGHTS
        for b, g in (("0", ""), ("800", "1\\0\\0"), ("800", "0\\1\\0"))
    ]
    assert names(slices) == ["b0", "b800-direction1", "b800-direction2"]


def test_a_clean_stack_is_never_split():
    # Two breath-holds, numbered apart, that together are one volume.
    slices = [plane(z, acquisition_number=str(1 + (z > 4))) for z in HEIGHTS]
    (volume,) = split_slices(slices)
    assert (volume.part, volume.stack.findings) == ("", ())


def test_a_missing_slice_is_not_explained_away_as_two_acquisitions():
    slices = [plane(z, acquisition_number=str(1 + (z > 4))) for z in (0.0, 3.0, 9.0, 12.0)]
    (volume,) = split_slices(slices)
    assert [f.check for f in volume.stack.findings] == ["missing_slices"]


def test_numbers_of_single_slices_do_not_tell_volumes_apart():
    # Every file has an acquisition number of its own, so it says nothing.
    slices = [plane(z, f"{k}", acquisition_number=f"{k}{z}") for z in HEIGHTS for k in range(2)]
    (volume,) = split_slices(slices)
    (finding,) = volume.stack.errors
    assert finding.check == "duplicate_positions"
    assert set(finding.files) == {one.file for one in slices}


def test_blocks_of_an_acquisition_are_not_volumes():
    # Two echoes that only acquisition times tell apart, each taken in two blocks: a split by time
    # would cut both volumes in half.
    times = {(0, 0): "1", (0, 1): "2", (1, 0): "3", (1, 1): "4"}
    slices = [
        plane(z, f"{echo}", acquisition_time=times[echo, int(z > 4)])
        for z in HEIGHTS
        for echo in range(2)
    ]
    assert names(slices) == [""]


def test_interleaved_stacks_are_two_volumes():
    slices = [plane(z, acquisition_number="1") for z in HEIGHTS]
    slices += [plane(z + 1.1, acquisition_number="2") for z in HEIGHTS]
    assert names(slices) == ["acquisition1", "acquisition2"]


def test_stacks_beside_each_other_with_an_odd_gap_stay_refused():
    slices = [plane(z, acquisition_number="1") for z in HEIGHTS]
    slices += [plane(z + 52.5, acquisition_number="2") for z in HEIGHTS]
    (volume,) = split_slices(slices)
    assert [f.check for f in volume.stack.errors] == ["increment"]


def test_orientations_and_sizes_are_told_apart_without_attributes():
    upright = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
    turned = [
        dataclasses.replace(plane(0, str(x)), position=(x, 0.0, 0.0), orientation=upright)
        for x in (0.0, 2.0, 4.0)
    ]
    large = [dataclasses.replace(plane(z, "large"), shape=(8, 8)) for z in HEIGHTS]
    assert names([*map(plane, HEIGHTS), *turned]) == ["axial", "sagittal"]
    assert names([*map(plane, HEIGHTS), *large]) == ["matrix4x5", "matrix8x8"]


def test_one_good_part_is_kept_and_the_other_refused():
    slices = [plane(z, echo_time="15") for z in HEIGHTS]
    slices += [plane(z, echo_time="90") for z in (0.0, 3.0, 6.0, 12.0)]
    first, second = split_slices(slices)
    assert first.stack.geometry is not None
    assert [f.check for f in second.stack.errors] == ["missing_slices"]
    assert second.stack.errors[0].files == ("6.090.dcm", "12.090.dcm")


def test_the_order_of_files_does_not_matter():
    slices = [plane(z, echo_time=t) for z in HEIGHTS for t in ("90", "15")]
    assert split_slices(slices) == split_slices(slices[::-1])


def test_identical_slices_at_one_place_are_left_out_with_a_finding():
    slices = [*map(plane, HEIGHTS), plane(3.0, "again")]
    (volume,) = split_slices(slices, fingerprint=lambda one: "alike")
    (finding,) = volume.stack.findings
    assert (finding.check, finding.severity) == ("identical_slices", "warning")
    assert finding.files == ("3.0again.dcm",)
    assert volume.stack.geometry.shape[0] == 4


def test_different_slices_at_one_place_are_refused_and_named():
    slices = [*map(plane, HEIGHTS), plane(3.0, "other")]
    (volume,) = split_slices(slices, fingerprint=lambda one: one.file)
    (finding,) = volume.stack.errors
    assert finding.check == "duplicate_positions"
    assert set(finding.files) == {"3.0.dcm", "3.0other.dcm"}


def echoes(phantoms, folder, array) -> None:
    for echo in (1, 2):

        def change(dataset, k, echo=echo):
            dataset.SeriesInstanceUID = phantoms.uid("one series")
            dataset.EchoTime = str(15 * echo)
            return dataset

        phantoms.series(folder, array * echo, kind="MR", name=f"e{echo}", change=change)


def test_a_part_of_a_series_is_read_by_name(tmp_path, phantoms):
    array = np.arange(1, 4 * 5 * 6 + 1).reshape(4, 5, 6)
    echoes(phantoms, tmp_path, array)
    with pytest.raises(InputError, match=r"2 volumes under one.*part=: 'te15', 'te30'"):
        read_series(tmp_path)
    with pytest.raises(InputError, match=r"no volume 'te3'; did you mean 'te30'"):
        read_series(tmp_path, part="te3")
    np.testing.assert_array_equal(read_series(tmp_path, part="te30").array, array * 2)


def test_copies_with_other_uids_are_dropped_by_their_pixels(tmp_path, phantoms):
    array = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    paths = phantoms.series(tmp_path, array)
    again = pydicom.dcmread(paths[2])
    again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    again.save_as(tmp_path / "zz")
    np.testing.assert_array_equal(read_series(tmp_path).array, array - 1024)
    again.RescaleIntercept = "0"  # the same stored values mean something else
    again.save_as(tmp_path / "zz")
    with pytest.raises(DicomError, match="duplicate_positions"):
        read_series(tmp_path)


def multi_echo_file(path, phantoms, array) -> None:
    """Enhanced MR: frames of two effective echo times at each place, b-values in the second."""
    dataset = phantoms.header("MR", phantoms.uid("enhanced"))
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = phantoms.uid("s"), phantoms.uid("f")
    dataset.Rows, dataset.Columns = array.shape[1:]
    dataset.NumberOfFrames = 2 * len(array)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.7, 0.8], 2.0
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = []
    pixels = []
    for k in range(len(array)):
        for echo in (1, 2):
            place, time, frame, values = Dataset(), Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = [1, 2, 2.0 * k]
            time.EffectiveEchoTime = 30.0 * echo
            values.RescaleSlope, values.RescaleIntercept = str(echo), str(k)
            frame.PlanePositionSequence, frame.MREchoSequence = [place], [time]
            frame.PixelValueTransformationSequence = [values]
            dataset.PerFrameFunctionalGroupsSequence.append(frame)
            pixels.append(array[k])
    dataset.PixelData = np.stack(pixels).astype("<u2").tobytes()
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)


def test_frames_of_one_file_are_split_and_keep_their_own_rescale(tmp_path, phantoms):
    array = np.arange(3 * 5 * 6).reshape(3, 5, 6)
    multi_echo_file(tmp_path / "mf", phantoms, array)
    image = read_series(tmp_path / "mf", part="te60")
    # Slope 2 for the second echo, intercept k for slice k.
    np.testing.assert_array_equal(image.array, 2 * array + np.arange(3)[:, None, None])
    path = (tmp_path / "mf").as_posix()
    frames = read_planes([(path, 0), (path, 2), (path, 4)])
    np.testing.assert_array_equal(frames.array, array + np.arange(3)[:, None, None])


def test_slices_that_cannot_be_read_are_never_called_copies():
    slices = [*map(plane, HEIGHTS), plane(3.0, "other")]
    (volume,) = split_slices(slices, fingerprint=lambda one: "")
    assert [f.check for f in volume.stack.errors] == ["duplicate_positions"]


def test_each_plane_is_looked_at_once_and_only_where_another_lies():
    slices = [plane(z, f"{k}") for z in HEIGHTS for k in range(50)] + [plane(12.0)]
    seen = []
    split_slices(slices, fingerprint=lambda one: seen.append(one.file) or one.file)
    assert sorted(seen) == sorted(one.file for one in slices[:-1])
