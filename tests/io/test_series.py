"""DICOM series to images: order, rescale, grid, and every refusal."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from radtool.errors import DicomError, InputError
from radtool.io import read_image, read_series

STORED = np.arange(4 * 5 * 6).reshape(4, 5, 6) + 1000


def oblique() -> np.ndarray:
    """Orthonormal axes that are parallel to nothing."""
    return np.linalg.qr(np.array([[2.0, 0.3, 0.1], [0.2, 1.5, -0.4], [-0.3, 0.2, 1.8]]))[0]


def itk_reading(folder) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def test_ct_is_in_hounsfield_units_and_sorted(tmp_path, phantoms):
    phantoms.series(tmp_path, STORED)
    image = read_series(tmp_path)
    np.testing.assert_array_equal(image.array, STORED - 1024)
    assert image.unit == "HU"
    assert image.array.dtype == np.int16


@pytest.mark.parametrize("axes", [np.eye(3), oblique()], ids=["axial", "oblique"])
def test_grid_is_that_of_simpleitk(tmp_path, phantoms, axes):
    if np.linalg.det(axes) < 0:
        axes[:, 2] *= -1
    phantoms.series(
        tmp_path, STORED, direction=axes, origin=(-10.5, 20.25, -300.0), spacing=(2.5, 0.7, 0.9)
    )
    image, peer = read_series(tmp_path), itk_reading(tmp_path)
    np.testing.assert_allclose(image.geometry.spacing_xyz, peer.GetSpacing(), rtol=1e-7)
    np.testing.assert_allclose(image.geometry.origin, peer.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(image.geometry.direction, peer.GetDirection(), atol=1e-7)
    np.testing.assert_array_equal(image.array, sitk.GetArrayFromImage(peer))


def test_lung1_equals_simpleitk(shared, tmp_path):
    import tarfile

    with tarfile.open(shared / "data/lung1_001_dicom/LUNG1-001.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.glob("*/CT_*")
    image, peer = read_series(folder), itk_reading(folder)
    assert image.geometry.spacing_xyz == peer.GetSpacing()
    assert image.geometry.origin == peer.GetOrigin()
    assert image.geometry.direction == peer.GetDirection()
    np.testing.assert_array_equal(image.array, sitk.GetArrayViewFromImage(peer))


def test_files_that_are_no_images_are_passed_over(tmp_path, phantoms):
    phantoms.series(tmp_path / "a", STORED)
    phantoms.rtstruct(tmp_path / "rs.dcm", {})
    (tmp_path / "notes.txt").write_text("seen by Dr X")
    assert read_series(tmp_path).geometry.shape == (4, 5, 6)


def test_two_series_in_a_folder_are_refused_with_their_uids(tmp_path, phantoms):
    phantoms.series(tmp_path, STORED, name="a")
    phantoms.series(tmp_path, STORED, name="b")
    with pytest.raises(DicomError, match=r"2 series, give the files of one.*\(4 files\)"):
        read_series(tmp_path)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_ct_without_rescale_is_refused(tmp_path, phantoms, keyword):
    def change(dataset, _):
        delattr(dataset, keyword)
        return dataset

    phantoms.series(tmp_path, STORED, change=change)
    with pytest.raises(DicomError, match=f"{keyword} is missing"):
        read_series(tmp_path)


@pytest.mark.parametrize(
    "keyword", ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"]
)
def test_ct_without_a_place_is_refused_by_file(tmp_path, phantoms, keyword):
    def change(dataset, k):
        if k == 2:
            delattr(dataset, keyword)
        return dataset

    phantoms.series(tmp_path, STORED, change=change)
    with pytest.raises(DicomError, match=rf"series-014: {keyword} is missing"):
        read_series(tmp_path)


def test_truncated_file_is_named(tmp_path, phantoms):
    paths = phantoms.series(tmp_path, STORED)
    paths[1].write_bytes(paths[1].read_bytes()[:-20])
    with pytest.raises(DicomError, match=paths[1].name):
        read_series(tmp_path)


def test_not_dicom_is_refused(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + b"garbage" * 10)
    with pytest.raises(DicomError, match=r"a\.dcm"):
        read_series(path)
    with pytest.raises(InputError, match="no such file"):
        read_series(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DicomError, match="no DICOM image"):
        read_series(tmp_path / "empty")


def test_unknown_compression_is_refused_by_name(tmp_path, phantoms):
    def change(dataset, _):
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        dataset.PixelData = pydicom.encaps.encapsulate([dataset.PixelData])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        return dataset

    phantoms.series(tmp_path, STORED[:1], change=change)
    with pytest.raises(DicomError, match=r"no decoder for transfer syntax JPEG 2000|JPEG 2000"):
        read_series(tmp_path)


def test_fractional_slope_gives_float32(tmp_path, phantoms):
    def change(dataset, k):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(0.5 + k), "0"
        return dataset

    phantoms.series(tmp_path, STORED, kind="MR", change=change)
    image = read_series(tmp_path)
    assert image.array.dtype == np.float32
    # Every slice has its own slope: 0.5, 1.5, 2.5, 3.5.
    np.testing.assert_allclose(image.array[3], STORED[3] * 3.5)


def test_philips_mr_is_scaled_to_its_floating_point_value(tmp_path, phantoms):
    def change(dataset, _):
        dataset.Manufacturer = "Philips Medical Systems"
        dataset.RescaleSlope, dataset.RescaleIntercept = "2.0", "10"
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 4.0)
        return dataset

    phantoms.series(tmp_path, STORED, kind="MR", change=change)
    # FP = (PV * RS + RI) / (RS * SS) = (PV * 2 + 10) / 8
    np.testing.assert_allclose(read_series(tmp_path).array, (STORED * 2 + 10) / 8)


def test_mr_without_rescale_keeps_stored_values(tmp_path, phantoms):
    phantoms.series(tmp_path, STORED, kind="MR")
    image = read_series(tmp_path)
    np.testing.assert_array_equal(image.array, STORED)
    assert image.unit == "a.u."


def enhanced(path, phantoms, array):
    """One enhanced multi-frame CT with shared orientation, frames stored from last to first."""
    dataset = phantoms.header("CT", phantoms.uid("enhanced"))
    dataset.SeriesInstanceUID = phantoms.uid("enhanced series")
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = array.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    measures, orientation, values, shared = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.7, 0.8], 2.0
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    values.RescaleSlope, values.RescaleIntercept = "1", "-1024"
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelValueTransformationSequence = [values]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = []
    for k in reversed(range(len(array))):
        place, frame = Dataset(), Dataset()
        place.ImagePositionPatient = [1, 2, 2.0 * k]
        frame.PlanePositionSequence = [place]
        dataset.PerFrameFunctionalGroupsSequence.append(frame)
    dataset.PixelData = array[::-1].astype("<u2").tobytes()
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)


def test_enhanced_multi_frame_is_sorted_by_its_frames(tmp_path, phantoms):
    enhanced(tmp_path / "mf.dcm", phantoms, STORED)
    image = read_image(tmp_path / "mf.dcm")
    np.testing.assert_array_equal(image.array, STORED - 1024)
    assert image.geometry.spacing == (2.0, 0.7, 0.8)
    assert image.geometry.origin == (1.0, 2.0, 0.0)


def test_missing_frames_of_a_multi_frame_file_are_refused(tmp_path, phantoms):
    path = tmp_path / "mf.dcm"
    enhanced(path, phantoms, STORED)
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = 3
    dataset.PixelData = dataset.PixelData[: 3 * 5 * 6 * 2]
    dataset.save_as(path)
    with pytest.raises(DicomError, match="3 frames"):
        read_image(path)


def test_colour_is_refused(tmp_path, phantoms):
    def change(dataset, _):
        dataset.SamplesPerPixel = 3
        dataset.PhotometricInterpretation = "RGB"
        dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        dataset.PixelData = bytes(5 * 6 * 3)
        return dataset

    phantoms.series(tmp_path, STORED, kind="MR", change=change)
    with pytest.raises(DicomError, match="colour pixels; convert to a single grey channel"):
        read_series(tmp_path)
