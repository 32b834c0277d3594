"""Masks written as RTSTRUCT and SEG come back voxel by voxel, and others can read them."""

import highdicom
import numpy as np
import pydicom
import pytest

from radtool.errors import GeometryError, InputError
from radtool.image import Mask
from radtool.io import (
    mask_contours,
    rasterise,
    read_image,
    read_mask,
    read_rtstruct,
    read_seg,
    write_rtstruct,
    write_seg,
)

ARRAY = np.full((6, 30, 34), 1000)


def ragged(shape, seed=0) -> np.ndarray:
    """Random voxels: islands, holes, diagonal contacts, and the border of the image."""
    return np.random.default_rng(seed).random(shape) > 0.5


def turned() -> np.ndarray:
    axes = np.linalg.qr(np.array([[2.0, 0.3, 0.1], [0.2, 1.5, -0.4], [-0.3, 0.2, 1.8]]))[0]
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    return axes


@pytest.fixture(params=["axial", "oblique"])
def series(request, tmp_path, phantoms):
    axes = np.eye(3) if request.param == "axial" else turned()
    phantoms.series(
        tmp_path / "ct", ARRAY, direction=axes, origin=(-100.5, 20.25, 300.0), spacing=(3, 0.8, 0.9)
    )
    return tmp_path / "ct"


def masks_of(series, *seeds: int) -> list[Mask]:
    geometry = read_image(series).geometry
    return [Mask(ragged(geometry.shape, seed), geometry, f"ROI {seed}") for seed in seeds]


@pytest.mark.parametrize("write", [write_rtstruct, write_seg])
def test_any_voxels_come_back(tmp_path, series, write):
    masks = masks_of(series, 1, 2)
    write(masks, series, tmp_path / "out.dcm")
    for mask in masks:
        back = read_mask(tmp_path / "out.dcm", roi=mask.roi, like=mask.geometry)
        np.testing.assert_array_equal(back.array, mask.array)


@pytest.mark.parametrize("write", [write_rtstruct, write_seg])
def test_same_masks_same_bytes(tmp_path, series, write):
    masks = masks_of(series, 1)
    for name in ("a", "b"):
        write(masks, series, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("write", [write_rtstruct, write_seg])
def test_references_lead_to_the_series(tmp_path, series, write):
    write(masks_of(series, 1), series, tmp_path / "out.dcm", algorithm="U-Net")
    written = pydicom.dcmread(tmp_path / "out.dcm")
    image = pydicom.dcmread(next(series.iterdir()))
    assert written.StudyInstanceUID == image.StudyInstanceUID
    assert written.PatientID == image.PatientID
    assert written.FrameOfReferenceUID == image.FrameOfReferenceUID
    if written.Modality == "RTSTRUCT":
        assert read_rtstruct(tmp_path / "out.dcm").series_uids == (image.SeriesInstanceUID,)
        assert written.StructureSetROISequence[0].ROIGenerationAlgorithm == "AUTOMATIC"
    else:
        (reference,) = written.ReferencedSeriesSequence
        assert reference.SeriesInstanceUID == image.SeriesInstanceUID
        assert written.SegmentSequence[0].SegmentAlgorithmName == "U-Net"


def test_highdicom_reads_the_segments(tmp_path, series):
    masks = masks_of(series, 1, 2)
    write_seg(masks, series, tmp_path / "out.dcm")
    seg = highdicom.seg.segread(tmp_path / "out.dcm")
    volume = seg.get_volume(segment_numbers=[2])
    first = volume.map_indices_to_reference(np.array([[0, 0, 0]]))[0]
    k, j, i = np.rint(masks[1].geometry.to_index(first)).astype(int)
    assert (j, i) == (0, 0)
    order = slice(None) if k == 0 else slice(None, None, -1)
    np.testing.assert_array_equal(volume.array[order, ..., 0] > 0, masks[1].array)


def test_segments_lie_on_the_grid_of_the_series_without_being_placed(tmp_path, series):
    masks = masks_of(series, 1, 2)
    write_seg(masks, series, tmp_path / "out.dcm")
    for mask, back in zip(masks, read_seg(tmp_path / "out.dcm"), strict=True):
        assert back.roi == mask.roi
        assert back.geometry.matches(mask.geometry)
        np.testing.assert_array_equal(back.array, mask.array)


def test_each_contour_names_its_own_slice(tmp_path, series, phantoms):
    mask = masks_of(series, 1)[0]
    write_rtstruct([mask], series, tmp_path / "out.dcm")
    plan = pydicom.dcmread(tmp_path / "out.dcm")
    for contour in plan.ROIContourSequence[0].ContourSequence:
        point = np.array(contour.ContourData[:3], dtype=float)
        k = int(np.rint(mask.geometry.to_index(point)[0]))
        expected = phantoms.uid("P1", "series", k)
        assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID == expected


def test_a_ring_has_an_outer_and_an_inner_contour(series):
    geometry = read_image(series).geometry
    array = np.zeros(geometry.shape, dtype=bool)
    array[2, 5:20, 5:20] = True
    array[2, 9:15, 9:15] = False
    outlines = mask_contours(Mask(array, geometry))
    assert [k for k, _ in outlines] == [2, 2]
    # Straight stretches are two points long: each corner is cut once.
    assert [len(polygon) for _, polygon in outlines] == [8, 8]
    filled = rasterise([polygon for _, polygon in outlines], geometry)
    np.testing.assert_array_equal(filled.array, array)


def test_enhanced_multi_frame_series_are_referred_to_by_frame(shared, tmp_path):
    folder = shared / "data/awkward_dicom/dcmqi_seg/24x38x3/multiframe"
    geometry = read_image(folder).geometry
    mask = Mask(ragged(geometry.shape), geometry, "GTV")
    for write in (write_rtstruct, write_seg):
        write([mask], folder, tmp_path / "out.dcm")
        back = read_mask(tmp_path / "out.dcm", roi="GTV", like=geometry)
        np.testing.assert_array_equal(back.array, mask.array)


def test_wrong_masks_are_refused(tmp_path, series):
    mask = masks_of(series, 1)[0]
    empty = mask.with_array(np.zeros_like(mask.array))
    moved = Mask(mask.array, mask.geometry.crop((0, 1, 0), mask.geometry.shape), "GTV")
    with pytest.raises(InputError, match="no mask to write"):
        write_seg([], series, tmp_path / "out.dcm")
    with pytest.raises(InputError, match="'ROI 1' is empty"):
        write_rtstruct([empty], series, tmp_path / "out.dcm")
    with pytest.raises(InputError, match="the same name"):
        write_rtstruct([mask, mask], series, tmp_path / "out.dcm")
    with pytest.raises(GeometryError, match="'GTV' is not on the grid of the series"):
        write_seg([moved], series, tmp_path / "out.dcm")
    assert not (tmp_path / "out.dcm").exists()
