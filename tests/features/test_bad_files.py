"""Odd files, from disk to the row: the right voxels, or a failure that says what to do."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
from radtool.features import extract_cohort, load_params

SIZE = (11, 10, 9)  # x, y, z
AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])
PARAMS = {
    "ibsi": load_params({"families": ["morph", "stat"], "minimum_voxels": 1}),
    "pyradiomics": load_params({"featureClass": {"shape": None, "firstorder": None}}),
}
VOLUME = {
    "ibsi": "original_morph_volume_voxel_counting",
    "pyradiomics": "original_shape_VoxelVolume",
}
MEAN = {"ibsi": "original_stat_mean", "pyradiomics": "original_firstorder_Mean"}
each_convention = pytest.mark.parametrize("convention", PARAMS)


def intensities() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 90, SIZE).astype(np.int16)


def region() -> np.ndarray:
    inside = np.zeros(SIZE, dtype=np.uint8)
    inside[2:8, 3:8, 2:7] = 1
    return inside


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    kind = array.dtype if array.dtype.kind in "iu" else None
    nib.save(nib.Nifti1Image(array, affine, dtype=kind), path)
    return path


@pytest.fixture
def good(tmp_path: Path) -> tuple[Path, Path]:
    return save(tmp_path / "i.nii", intensities()), save(tmp_path / "m.nii", region())


def row(image: Path, mask: Path, convention: str) -> pd.Series:
    case = {"case_id": "c", "patient_id": "c", "image": str(image), "mask": str(mask)}
    return extract_cohort(pd.DataFrame([case]), PARAMS[convention]).table.iloc[0]


def check(found: pd.Series, convention: str) -> None:
    inside = region() > 0
    assert found[VOLUME[convention]] == pytest.approx(inside.sum() * 3.0, rel=1e-6)
    assert found[MEAN[convention]] == pytest.approx(intensities()[inside].mean(), rel=1e-6)


def patched(source: Path, at: int, data: bytes) -> Path:
    content = bytearray(source.read_bytes())
    content[at : at + len(data)] = data
    target = source.with_name("patched.nii")
    target.write_bytes(content)
    return target


@each_convention
@pytest.mark.parametrize(
    "kind", ["uint64", "int64", "float64", "big-endian", "4D of one", "x backwards", "NIfTI-2",
             "negative pixdim", "zero pixdim", "slope NaN", "slope 0", "gzip called nii",
             "nii called gzip", "a link", "spaces and other letters"],
)  # fmt: skip
def test_odd_images_give_the_values_of_plain_ones(
    good: tuple[Path, Path], tmp_path: Path, kind: str, convention: str
) -> None:
    image, mask = good
    other = tmp_path / "other.nii"
    if kind in ("negative pixdim", "zero pixdim"):
        other = patched(image, 80, struct.pack("<f", -1.0 if kind[0] == "n" else 0.0))
    elif kind in ("slope NaN", "slope 0"):
        other = patched(image, 112, struct.pack("<f", np.nan if "NaN" in kind else 0.0))
    elif kind == "gzip called nii":
        other.write_bytes(gzip.compress(image.read_bytes()))
    elif kind == "nii called gzip":
        other = Path(shutil.copy(image, tmp_path / "other.nii.gz"))
    elif kind == "a link":
        other.symlink_to(image)
    elif kind == "spaces and other letters":
        other = Path(shutil.copy(image, tmp_path / "Thorax links, ß 漢.nii"))
    else:
        save_oddly(kind, intensities(), other)
    check(row(other, mask, convention), convention)


def save_oddly(kind: str, array: np.ndarray, other: Path) -> None:
    """Write the image in another way that means the same."""
    if kind in ("uint64", "int64", "float64"):
        save(other, array.astype(kind))
    elif kind == "big-endian":
        header = nib.Nifti1Header(endianness=">")
        nib.save(nib.Nifti1Image(array.astype(">i2"), AFFINE, header=header), other)
    elif kind == "4D of one":
        save(other, array[..., None])
    elif kind == "x backwards":
        turned = AFFINE @ np.array([[-1, 0, 0, 10], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        save(other, array[::-1], turned)
    else:
        assert kind == "NIfTI-2"
        nib.save(nib.Nifti2Image(array, AFFINE), other)


@each_convention
@pytest.mark.parametrize("kind", ["float", "uint64", "NaN outside", "a part of the grid"])
def test_odd_masks_are_the_same_region(
    good: tuple[Path, Path], tmp_path: Path, kind: str, convention: str
) -> None:
    inside, affine = region(), AFFINE.copy()
    if kind == "NaN outside":
        inside = inside.astype(np.float32)
        inside[0, 0] = np.nan
    elif kind == "a part of the grid":
        inside = inside[1:9, 2:9, 1:8]
        affine[:3, 3] = AFFINE[:3, :3] @ (1, 2, 1)
    else:
        inside = inside.astype({"float": np.float32}.get(kind, np.uint64))
    check(row(good[0], save(tmp_path / "other.nii", inside, affine), convention), convention)


def test_a_single_value_is_the_region_whatever_it_is_unless_a_label_is_asked_for(
    good: tuple[Path, Path], tmp_path: Path
) -> None:
    mask = save(tmp_path / "m255.nii", region() * np.uint8(255))
    check(row(good[0], mask, "ibsi"), "ibsi")
    with pytest.raises(TableError, match=r"label 1 is not present; found 255 \(150 voxels"):
        row(good[0], mask, "pyradiomics")


def test_of_two_labels_one_must_be_named_or_is_the_first_of_a_pyradiomics_file(
    good: tuple[Path, Path], tmp_path: Path
) -> None:
    labels = region()
    labels[0, 0, :2] = 2
    mask = save(tmp_path / "two.nii", labels)
    with pytest.raises(TableError, match=r"2 labels, choose one with label=: 1 \(150 .*; 2 \(2 "):
        row(good[0], mask, "ibsi")
    check(row(good[0], mask, "pyradiomics"), "pyradiomics")


@each_convention
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("4D", r"4 dimensions \(11, 10, 9, 2\); save one volume"),
        ("RGB", "colour"),
        ("complex", "complex"),
        ("sheared", "not at right angles"),
        ("NaN affine", "not finite"),
        ("gzip cut", "truncated or damaged gzip"),
        ("gzip sum", "truncated or damaged gzip"),
        ("cut", "truncated: "),
        ("empty file", r"other\.nii"),
        ("text", "not a NIfTI file"),
        ("link to nothing", "no such file"),
        ("link to itself", "no such file"),
        ("empty folder", "no DICOM image found"),
    ],
)
def test_files_that_cannot_be_read_are_failures_with_the_reason(  # noqa: C901 - a list
    good: tuple[Path, Path], tmp_path: Path, kind: str, words: str, convention: str
) -> None:
    image, mask = good
    array, other = intensities(), tmp_path / "other.nii"
    packed = gzip.compress(image.read_bytes())
    if kind == "4D":
        save(other, np.stack([array, array], axis=-1))
    elif kind == "RGB":
        colours = np.zeros(SIZE, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
        nib.save(nib.Nifti1Image(colours, AFFINE), other)
    elif kind == "complex":
        nib.save(nib.Nifti1Image(array.astype(np.complex64), AFFINE), other)
    elif kind == "sheared":
        shear = np.eye(4)
        shear[0, 1] = 0.3
        save(other, array, AFFINE @ shear)
    elif kind == "NaN affine":
        other = patched(image, 280, struct.pack("<f", np.nan))
    elif kind == "gzip cut":
        (other := tmp_path / "other.nii.gz").write_bytes(packed[: len(packed) // 2])
    elif kind == "gzip sum":
        (other := tmp_path / "other.nii.gz").write_bytes(packed[:-8] + bytes(8))
    elif kind in ("cut", "empty file", "text"):
        cut = {"cut": image.read_bytes()[:-100], "text": b"hello", "empty file": b""}
        other.write_bytes(cut[kind])
    elif kind == "link to nothing":
        other.symlink_to(tmp_path / "gone.nii")
    elif kind == "link to itself":
        other.symlink_to(other)
    else:
        (other := tmp_path / "folder").mkdir()
    with pytest.raises(TableError, match=words):
        row(other, mask, convention)


@each_convention
@pytest.mark.parametrize("column", ["image", "mask"])
@pytest.mark.parametrize("empty", ["", " ", np.nan, None])
def test_a_case_without_a_path_is_named_and_the_working_folder_is_left_alone(
    good: tuple[Path, Path],
    column: str,
    empty: object,
    convention: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(path: object) -> str:
        raise AssertionError(path)

    case = {"case_id": "c", "patient_id": "c", "image": str(good[0]), "mask": str(good[1])}
    monkeypatch.setattr("radtool.features.cohort.image_hash", never)
    with pytest.raises(TableError, match=f"case 'c' has no {column} in the manifest"):
        extract_cohort(pd.DataFrame([case | {column: empty}]), PARAMS[convention])
