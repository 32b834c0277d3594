"""Images and label images on disk."""

import gzip
import subprocess
import sys

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import GeometryError, InputError
from radtool.image import Geometry, Image, Mask
from radtool.io import place_mask, read_image, read_mask, write_image, write_mask

TURNED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
GRID = Geometry((4, 5, 6), (3.0, 0.7, 0.8), (-10.5, 20.25, -300.0), TURNED)
VALUES = np.arange(120, dtype=np.int16).reshape(4, 5, 6) - 60


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_what_is_written_is_read_back(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    write_image(Image(VALUES, GRID), path)
    back = read_image(path)
    np.testing.assert_array_equal(back.array, VALUES)
    assert back.array.dtype == np.int16
    # NIfTI stores its affine in single precision.
    assert back.geometry.matches(GRID, tolerance=1e-4)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_same_mask_same_bytes(tmp_path, suffix):
    mask = Mask(VALUES > 0, GRID)
    for name in ("a", "b"):
        write_mask(mask, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_nifti_places_voxels_where_nibabel_does(tmp_path):
    path = tmp_path / "image.nii.gz"
    write_image(Image(VALUES, GRID), path)
    peer = nibabel.load(path)
    index = np.array([2, 3, 4])  # z, y, x
    ras = nibabel.affines.apply_affine(peer.affine, index[::-1])
    np.testing.assert_allclose(GRID.to_patient(index), ras * [-1, -1, 1], atol=1e-4)


@pytest.mark.parametrize("flip", [1.0, -1.0], ids=["right-handed", "left-handed"])
def test_nifti_of_any_rotation_is_read_alike_by_others(tmp_path, flip):
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    rotation[:, 2] *= np.sign(np.linalg.det(rotation)) * flip
    grid = Geometry(GRID.shape, GRID.spacing, GRID.origin, tuple(rotation.ravel()))
    path = tmp_path / "image.nii.gz"
    write_image(Image(VALUES, grid), path)
    peer = sitk.ReadImage(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(peer), VALUES)
    np.testing.assert_allclose(peer.GetDirection(), grid.direction, atol=1e-6)
    np.testing.assert_allclose(peer.GetSpacing(), grid.spacing_xyz, rtol=1e-6)
    np.testing.assert_allclose(peer.GetOrigin(), grid.origin, rtol=1e-6)
    other = nibabel.load(path)
    np.testing.assert_allclose(other.get_qform(), other.get_sform(), atol=1e-4)
    assert read_image(path).geometry.matches(grid, tolerance=1e-4)


@pytest.mark.parametrize(
    "kind", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "f4", "f8", "bool", "f2"]
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_all_kinds_of_numbers_survive_nifti(tmp_path, kind, suffix):
    array = (VALUES > 0 if kind == "bool" else np.abs(VALUES)).astype(kind)
    write_image(Image(array, GRID), tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}").array, array)
    peer = nibabel.load(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(np.asarray(peer.dataobj).transpose(), array)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_truncated_files_are_never_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(Image(np.random.default_rng(0).normal(size=(9, 9, 9)), Geometry((9, 9, 9))), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match=path.name):
        read_image(path)


def test_nifti_2_and_big_endian_are_read(tmp_path):
    affine = np.diag([0.8, 0.7, 3.0, 1.0])
    values = VALUES.transpose()
    nibabel.save(nibabel.Nifti2Image(values, affine), tmp_path / "two.nii")
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    nibabel.save(nibabel.Nifti1Image(values, affine, header), tmp_path / "big.nii.gz")
    for name in ("two.nii", "big.nii.gz"):
        image = read_image(tmp_path / name)
        np.testing.assert_array_equal(image.array, VALUES)
        np.testing.assert_allclose(image.geometry.spacing, (3.0, 0.7, 0.8), rtol=1e-6)


def test_sheared_nifti_is_refused(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.2
    nibabel.save(nibabel.Nifti1Image(VALUES, affine), tmp_path / "a.nii")
    with pytest.raises(GeometryError, match=r"a\.nii: its axes are not at right angles"):
        read_image(tmp_path / "a.nii")


DISK_FULL = """
import resource, signal, sys
import numpy as np
from radtool.errors import InputError
from radtool.image import Geometry, Image
from radtool.io import write_image
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
image = Image(np.random.default_rng(0).normal(size=(40, 40, 40)), Geometry((40, 40, 40)))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write_image(image, sys.argv[1])
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, suffix):
    pytest.importorskip("resource", reason="file size limits stand in for a full disk")
    path = tmp_path / f"a{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", DISK_FULL, str(path)], capture_output=True, text=True, check=True
    )
    assert "cannot be written" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_nifti_scaling_is_applied(tmp_path):
    # As in the reference cohort: uint8 with slope 12 and intercept -1024.
    stored = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    image = nibabel.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(12, -1024)
    raw = bytearray(image.to_bytes())
    # nibabel writes arrays unscaled; put the scaling into the header itself.
    raw[112:120] = np.array([12, -1024], dtype="<f4").tobytes()
    path = tmp_path / "scaled.nii.gz"
    path.write_bytes(gzip.compress(bytes(raw)))
    np.testing.assert_allclose(read_image(path).array, stored.transpose() * 12.0 - 1024)


def test_cohort_intensities_are_hounsfield_units(shared):
    folder = shared / "data/nsclc_two_centre/images"
    array = read_image(sorted(folder.glob("*.nii.gz"))[0]).array
    assert array.min() >= -1024
    assert array.max() > 100


def test_two_dimensional_file_is_one_slice(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.eye(4, dtype=np.uint8)), tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.geometry.shape == (1, 4, 4)


def test_colour_is_refused_with_advice(tmp_path):
    colour = sitk.GetImageFromArray(np.zeros((4, 4, 3), dtype=np.uint8), isVector=True)
    sitk.WriteImage(colour, tmp_path / "a.png")
    with pytest.raises(InputError, match="convert to a single grey channel"):
        read_image(tmp_path / "a.png")


def test_four_dimensions_are_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3, 2)), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match="4 dimensions"):
        read_image(tmp_path / "a.nii")


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_image(tmp_path / "absent.nii.gz")
    (tmp_path / "a.nii.gz").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"a\.nii\.gz"):
        read_image(tmp_path / "a.nii.gz")
    write_image(Image(VALUES, GRID), tmp_path / "b.nii.gz")
    whole = (tmp_path / "b.nii.gz").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"b\.nii\.gz"):
        read_image(tmp_path / "b.nii.gz")


def test_unknown_suffix_and_unwritable_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"written as \.nii"):
        write_image(Image(VALUES, GRID), tmp_path / "a.jpg")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_image(Image(VALUES, GRID), tmp_path / "file" / "a.nii.gz")


@pytest.mark.parametrize("label", [1, 2, 255])
def test_a_single_label_is_taken_whatever_its_value(tmp_path, label):
    array = np.zeros((4, 5, 6), dtype=np.uint8)
    array[1:3, 2, 3] = label
    write_image(Image(array, GRID), tmp_path / "m.nrrd")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nrrd").array, array > 0)


def test_a_single_fraction_is_a_label_too(tmp_path):
    array = np.zeros((4, 5, 6), dtype=np.float32)
    array[1, 2, 3] = 1 / 255
    write_image(Image(array, GRID), tmp_path / "m.nrrd")
    assert read_mask(tmp_path / "m.nrrd").array.sum() == 1


def test_several_labels_are_listed_with_their_volumes(tmp_path):
    array = np.zeros((4, 5, 6), dtype=np.uint8)
    array[0], array[1, :2] = 1, 3
    write_image(Image(array, GRID), tmp_path / "m.nrrd")
    # 30 voxels of 3 * 0.7 * 0.8 mm³ = 0.0504 mL
    words = r"2 labels, choose one with label=: 1 \(30 voxels, 0\.05 mL\); 3 \(12 voxels"
    with pytest.raises(InputError, match=words):
        read_mask(tmp_path / "m.nrrd")
    assert read_mask(tmp_path / "m.nrrd", label=3, roi="GTV").array.sum() == 12
    with pytest.raises(InputError, match="label 7 is not present; found 1"):
        read_mask(tmp_path / "m.nrrd", label=7)
    with pytest.raises(InputError, match="label 0 is what lies outside"):
        read_mask(tmp_path / "m.nrrd", label=0)


def test_an_image_given_as_mask_is_noticed(tmp_path):
    write_image(Image(VALUES, GRID), tmp_path / "ct.nrrd")
    with pytest.raises(InputError, match="looks like an image, not a mask"):
        read_mask(tmp_path / "ct.nrrd")


def test_an_empty_mask_is_refused(tmp_path):
    write_image(Image(np.zeros((4, 5, 6), dtype=np.uint8), GRID), tmp_path / "m.nrrd")
    with pytest.raises(InputError, match="empty"):
        read_mask(tmp_path / "m.nrrd")


def test_a_crop_is_put_back_on_its_image(tmp_path):
    part = Mask(np.ones((2, 2, 3), dtype=bool), GRID.crop((1, 2, 3), (2, 2, 3)))
    write_mask(part, tmp_path / "m.nii.gz")
    array = read_mask(tmp_path / "m.nii.gz", like=GRID).array
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[1:3, 2:4, 3:6] = True
    np.testing.assert_array_equal(array, expected)


def test_a_mask_stored_in_another_axis_order_is_turned_back():
    rng = np.random.default_rng(0)
    inside = rng.random(GRID.shape) > 0.5
    volume = sitk.GetImageFromArray(inside.astype(np.uint8))
    volume.SetSpacing(GRID.spacing_xyz)
    volume.SetOrigin(GRID.origin)
    volume.SetDirection(GRID.direction)
    other = sitk.DICOMOrient(volume, "RAS")
    grid = Geometry(
        other.GetSize()[::-1], other.GetSpacing()[::-1], other.GetOrigin(), other.GetDirection()
    )
    moved = Mask(sitk.GetArrayFromImage(other) > 0, grid)
    np.testing.assert_array_equal(place_mask(moved, GRID).array, inside)


def test_a_mask_half_a_voxel_away_is_refused():
    x, y, z = GRID.origin
    moved = Geometry(GRID.shape, GRID.spacing, (x, y + 0.4, z), GRID.direction)
    with pytest.raises(GeometryError, match=r"0\.40 mm \(0\.50 voxel\) apart; resample"):
        place_mask(Mask(VALUES > 0, moved), GRID)


def test_a_mask_that_reaches_outside_is_refused():
    words = r"60 of 120 voxels lie outside the image, by up to \d+\.\d mm"
    with pytest.raises(GeometryError, match=words):
        place_mask(Mask(np.ones((4, 5, 6), dtype=bool), GRID.crop((2, 0, 0), (4, 5, 6))), GRID)
