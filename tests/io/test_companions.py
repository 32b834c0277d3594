"""Headers that name other files: followed within their folder, refused outside of it."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import InputError
from radtool.features.cohort import image_hash
from radtool.image import Geometry, Image
from radtool.io import files_of, read_image, write_image

VALUES = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
META = """ObjectType = Image
NDims = 3
DimSize = 5 4 3
ElementType = MET_UCHAR
ElementDataFile = {}
"""
NRRD = """NRRD0004
type: uint8
dimension: 3
sizes: 5 4 3
encoding: raw
data file: {}

"""


@pytest.mark.parametrize("suffix", [".mhd", ".nhdr"])
def test_voxels_beside_their_header_are_read_and_part_of_the_hash(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(VALUES), str(path))
    np.testing.assert_array_equal(read_image(path).array, VALUES)
    first, (header, voxels) = image_hash(path), files_of(path)
    assert header == path
    content = bytearray(voxels.read_bytes())
    content[-1] ^= 1
    voxels.write_bytes(content)
    assert image_hash(path) != first  # features of other voxels are never taken from the cache


def test_an_analyze_pair_is_two_files(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(VALUES), str(tmp_path / "a.img"))
    assert files_of(tmp_path / "a.hdr") == [tmp_path / "a.hdr", tmp_path / "a.img"]
    assert files_of(tmp_path / "a.img") == [tmp_path / "a.img", tmp_path / "a.hdr"]
    np.testing.assert_array_equal(read_image(tmp_path / "a.hdr").array, VALUES)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".mha", ".nrrd"])
def test_most_images_are_one_file(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    write_image(Image(VALUES, Geometry((3, 4, 5))), path)
    assert files_of(path) == [path]


@pytest.mark.parametrize("where", ["{there}", "../secret", "sub/../../secret"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("a.mhd", META), ("a.mha", META), ("a.nhdr", NRRD), ("a.nrrd", NRRD)],
)
@pytest.mark.parametrize("change", [str, lambda text: text.replace(" = ", ":"), str.upper])
def test_a_header_cannot_send_its_reader_out_of_the_folder(tmp_path, where, name, text, change):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(60)))
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    head, _, rest = text.rpartition("{}")
    (folder / name).write_text(change(head) + where.format(there=secret) + rest)
    with pytest.raises(InputError):
        read_image(folder / name)


@pytest.mark.parametrize("words", ["LIST\na.raw\nb.raw", "LIST 2\na.raw", "a%03d.raw 1 3 1"])
def test_slices_in_files_of_their_own_are_refused(tmp_path, words):
    for name, text in (("a.mhd", META), ("a.nhdr", NRRD)):
        (tmp_path / name).write_text(text.format(words))
        with pytest.raises(InputError, match="several files"):
            files_of(tmp_path / name)


def test_voxels_that_are_not_there_are_named(tmp_path):
    (tmp_path / "a.mhd").write_text(META.format("a.raw"))
    with pytest.raises(InputError, match=r"a\.raw, which is not there"):
        read_image(tmp_path / "a.mhd")


def test_formats_that_may_read_anything_are_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(VALUES), str(tmp_path / "a.h5"))
    with pytest.raises(InputError, match="HDF5ImageIO may read other files"):
        read_image(tmp_path / "a.h5")


def test_more_voxels_than_memory_are_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.nii.gz"
    write_image(Image(np.zeros((64, 64, 64), dtype=np.int16), Geometry((64, 64, 64))), path)
    monkeypatch.setattr("radtool.io.nifti._memory", lambda: 2.0**18)
    with pytest.raises(InputError, match=r"0\.0 GiB of voxels; this machine has"):
        read_image(path)
