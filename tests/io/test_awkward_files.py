"""What every folder of the awkward DICOM collection must give: a volume, or a named refusal."""

import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import DicomError, InputError
from radtool.image import Geometry
from radtool.io import (
    Repair,
    place_mask,
    read_image,
    read_mask,
    read_rtstruct,
    read_seg,
    read_series,
    split_slices,
)
from radtool.io.headers import read_dataset
from radtool.io.planes import slices_of
from radtool.io.series import fingerprint

REFUSED = {
    "dicom2nifti_failing/gantrytilting/001": r"gantry_tilt: slices are sheared by 14\.0°",
    "dicom2nifti_failing/notavolume/001": "not_a_volume: all 4 slices lie at the same position",
    "dicom2nifti_failing/sliceincrement/001": r"missing_slices: 1 slice.*10 mm where .* 5 mm",
    "dicom2nifti_failing/sliceincrement/002": r"missing_slices: 1 .*gantry_tilt: .* 15\.5°",
    "dicom2nifti_failing/sliceorientation/001": "2 volumes under .* 'sagittal', 'axial'",
    "rt_utils/one_slice_data": "a single slice without SliceThickness",
    "rt_utils/empty": "no DICOM image found",
    "highdicom/dx_image.dcm": "ImagePositionPatient is missing",
    "highdicom/sm_image.dcm": "ImagePositionPatient is missing",
    "highdicom/sr_document.dcm": "ImagePositionPatient is missing",
    "highdicom/seg_image_ct_binary.dcm": "a segmentation, not an image",
}

VOLUMES = {
    # folder: (shape z y x, spacing z y x, unit)
    "dicom2nifti_failing/slicecount/001": ((2, 256, 256), (1.0, 1.0, 1.0), "a.u."),
    "dcmqi_seg/23x38x3/image": ((3, 38, 23), (2.5, 0.7, 0.7), "HU"),
    "dcmqi_seg/24x38x3/image": ((3, 38, 24), (2.5, 0.7, 0.7), "HU"),
    "dcmqi_seg/23x38x3/multiframe": ((3, 38, 23), (2.5, 0.7, 0.7), "HU"),
    "dcmqi_seg/24x38x3/multiframe": ((3, 38, 24), (2.5, 0.7, 0.7), "HU"),
    "dcmqi_seg/ct-3slice": ((3, 512, 512), (1.0, 0.810547, 0.810547), "HU"),
    "highdicom/ct_image.dcm": ((1, 128, 128), (5.0, 0.661468, 0.661468), "HU"),
    "rt_utils/mock_data": ((2, 512, 512), (5.0, 0.488281, 0.488281), "HU"),
    "rt_utils/oriented_data": ((3, 50, 100), (4.5, 3.5, 2.5), "HU"),
    "qin_headneck_0024_pet_seg/PET": ((299, 128, 128), (3.375, 3.5378182, 3.5378182), "SUVbw"),
}

SEGMENTS = {
    # file: voxels by segment, counted in the NRRD files beside them or named in their README
    "dcmqi_seg/23x38x3/seg/label.seg": {"Liver": 322},
    "dcmqi_seg/24x38x3/seg/label.seg": {"Liver": 315},
    "dcmqi_seg/sparse-labelmap-noppv.dcm": {"Liver": 630},
    "dcmqi_seg/sparse-labelmap-ppv5.dcm": {"Liver": 630},
    "highdicom/seg_image_ct_binary.dcm": {"first segment": 638},
    "highdicom/seg_image_ct_binary_fractional.dcm": {"first segment": 638},
    "highdicom/seg_image_ct_true_fractional.dcm": {"first segment": 638},
    "highdicom/seg_image_ct_binary_overlap.dcm": {"first segment": 64, "second segment": 16},
    "highdicom/seg_image_ct_binary_single_frame.dcm": {"first segment": 1832},
    "qin_headneck_0024_pet_seg/SEG/3DSlicer/tumor_User1_Manual_Trial1.dcm": {
        "Neoplasm, Primary": 54,
        "Neoplasm, Secondary": 212,
    },
}


@pytest.fixture
def awkward(shared):
    return shared / "data/awkward_dicom"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_volume_is_refused_by_name(awkward, name):
    with pytest.raises(InputError, match=REFUSED[name]):
        read_image(awkward / name)


def test_a_duplicate_with_the_same_pixels_is_left_out_and_the_gaps_stay_refused(awkward, tmp_path):
    with zipfile.ZipFile(awkward / "dicom_numpy_dupe_positions/dupe-positions.zip") as archive:
        archive.extractall(tmp_path)
    # CT26 and CT28 both lie at z = -90 with the same pixels; ten others lie 7.5 to 115 mm apart.
    with pytest.raises(DicomError, match="increment: slice increments run from 7.5 to 115 mm"):
        read_image(tmp_path)
    slices = [
        one
        for path in sorted(tmp_path.rglob("*.dcm"))
        for one in slices_of(read_dataset(path, pixels=False), path)
    ]
    (volume,) = split_slices(slices, fingerprint=fingerprint)
    dropped, uneven = volume.stack.findings
    assert (dropped.check, [Path(f).name for f in dropped.files]) == (
        "identical_slices",
        ["CT28.dcm"],
    )
    assert uneven.check == "increment"
    assert len(volume.stack.slices) == 10


REPAIRED = {
    # folder: (what is allowed, shape, slice spacing)
    "dicom2nifti_failing/gantrytilting/001": (Repair(tilt="correct"), (4, 521, 512), 4.85148),
    "dicom2nifti_failing/sliceincrement/001": (Repair(missing_slices=1), (5, 512, 512), 5.0),
    "dicom2nifti_failing/sliceincrement/002": (
        Repair(tilt="correct", missing_slices=1),
        (5, 514, 512),
        0.7497,
    ),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_may_be_repaired_becomes_a_volume(awkward, name):
    repair, shape, spacing = REPAIRED[name]
    image = read_series(awkward / name, repair=repair)
    assert image.geometry.shape == shape
    assert image.geometry.spacing[0] == pytest.approx(spacing, rel=1e-4)


def test_the_two_stacks_of_one_series_are_volumes_by_name(awkward):
    folder = awkward / "dicom2nifti_failing/sliceorientation/001"
    for part, spacing in (("sagittal", 3.3), ("axial", 4.4)):
        image = read_series(folder, part=part)
        assert image.geometry.shape == (2, 288, 288)
        assert image.geometry.spacing[0] == pytest.approx(spacing, abs=1e-3)


@pytest.mark.parametrize("name", VOLUMES)
def test_volumes_have_their_grid(awkward, name):
    image = read_image(awkward / name)
    shape, spacing, unit = VOLUMES[name]
    assert image.geometry.shape == shape
    np.testing.assert_allclose(image.geometry.spacing, spacing, rtol=1e-6)
    assert image.unit == unit


def test_two_slices_equal_the_reference_conversion(awkward):
    folder = awkward / "dicom2nifti_failing/slicecount"
    image = read_image(folder / "001")
    peer = nibabel.load(folder / "001_ground_truth.nii.gz")
    reference = np.asarray(peer.dataobj)
    for index in np.argwhere(reference > 200)[::50]:
        x, y, z = nibabel.affines.apply_affine(peer.affine, index) * [-1, -1, 1]
        k, j, i = np.rint(image.geometry.to_index(np.array([x, y, z]))).astype(int)
        assert image.array[k, j, i] == reference[tuple(index)]


@pytest.mark.parametrize("size", ["23x38x3", "24x38x3"])
def test_multi_frame_equals_its_single_frames(awkward, size):
    single = read_image(awkward / f"dcmqi_seg/{size}/image")
    multi = read_image(awkward / f"dcmqi_seg/{size}/multiframe")
    np.testing.assert_array_equal(multi.array, single.array)
    assert multi.geometry.matches(single.geometry)


def test_pet_suv_is_plausible_and_by_hand(awkward):
    image = read_image(awkward / "qin_headneck_0024_pet_seg/PET")
    # 66.2 kg, 381.47 MBq at 11:39:00, series at 13:02:44.678, half-life 6586.2 s: one stored unit
    # of the first slice (slope 2.0222414) is 2.0222414 * 66200 / (381.47e6 * 2^(-5024.678/6586.2)).
    left = 2 ** (-5024.678 / 6586.2)
    unit = 2.0222414 * 66200 / (381.47e6 * left)
    first = sitk.ReadImage(str(awkward / "qin_headneck_0024_pet_seg/PET/000000.dcm"))
    stored = sitk.GetArrayFromImage(first)[0] / 2.0222414
    k = int(np.rint(image.geometry.to_index(np.array(first.GetOrigin()))[0]))
    np.testing.assert_allclose(image.array[k], stored * unit, rtol=1e-5, atol=1e-6)
    assert 5 < image.array.max() < 30


@pytest.mark.parametrize("name", SEGMENTS)
def test_segments_have_their_voxels(awkward, name):
    masks = read_seg(awkward / name)
    assert {mask.roi: int(mask.array.sum()) for mask in masks} == SEGMENTS[name]


def test_projection_images_have_no_volume(awkward):
    with pytest.raises(DicomError, match="not evenly spaced parallel slices"):
        read_seg(awkward / "highdicom/seg_image_cr_binary.dcm")


def reference_grid(path) -> tuple[np.ndarray, Geometry]:
    volume = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(volume) > 0, Geometry(
        volume.GetSize()[::-1],
        volume.GetSpacing()[::-1],
        volume.GetOrigin(),
        volume.GetDirection(),
    )


@pytest.mark.parametrize(
    ("seg", "segment", "nrrd"),
    [
        ("liver.dcm", "Liver", "liver_seg.nrrd"),
        ("24x38x3/seg/label.seg", "Liver", "24x38x3/nrrd/label.nrrd"),
        ("23x38x3/seg/label.seg", "Liver", "23x38x3/nrrd/label.nrrd"),
    ],
)
def test_segments_lie_where_their_nrrd_does(awkward, seg, segment, nrrd):
    inside, grid = reference_grid(awkward / "dcmqi_seg" / nrrd)
    mask = read_mask(awkward / "dcmqi_seg" / seg, roi=segment, like=grid)
    np.testing.assert_array_equal(mask.array, inside)


def test_overlapping_segments_keep_their_common_voxels(awkward):
    masks = {mask.roi: mask for mask in read_seg(awkward / "dcmqi_seg/partial_overlaps.dcm")}
    assert len(masks) == 5
    total = sum(int(mask.array.sum()) for mask in masks.values())
    union = np.any([mask.array for mask in masks.values()], axis=0).sum()
    assert union < total


def test_a_segment_is_put_on_its_image(awkward):
    image = read_image(awkward / "qin_headneck_0024_pet_seg/PET")
    path = awkward / "qin_headneck_0024_pet_seg/SEG/3DSlicer/tumor_User1_Manual_Trial1.dcm"
    mask = read_mask(path, roi="Neoplasm, Primary", like=image.geometry)
    assert mask.array.sum() == 54
    # A primary tumour takes up tracer.
    assert image.array[mask.array].mean() > 3
    with pytest.raises(InputError, match=r"2 segments, name one with roi=: 'Neoplasm, Primary'"):
        read_mask(path)


def test_structure_sets_of_phantom_are_read(awkward):
    folder = awkward / "rt_utils"
    for name in ("empty/dummy_rt.dcm", "mock_data/rt.dcm", "mock_data/invalid_reference_rt.dcm"):
        assert read_rtstruct(folder / name).roi_names[0] == "ROI-1"
    image = read_image(folder / "mock_data")
    mask = read_mask(folder / "mock_data/rt.dcm", roi="ROI-1", like=image.geometry)
    assert mask.array.any(axis=(1, 2)).tolist() == [True, False]


def test_masks_of_other_kinds_of_files_are_refused(awkward):
    with pytest.raises(DicomError, match="not a mask"):
        read_mask(awkward / "highdicom/ct_image.dcm")
    with pytest.raises(DicomError, match="not a DICOM SEG"):
        read_seg(awkward / "highdicom/ct_image.dcm")


def test_a_mask_of_another_image_is_refused(awkward):
    image = read_image(awkward / "dcmqi_seg/ct-3slice")
    (liver,) = read_seg(awkward / "dcmqi_seg/23x38x3/seg/label.seg")
    with pytest.raises(InputError, match="not on the image grid"):
        place_mask(liver, image.geometry)
