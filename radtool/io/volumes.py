"""Images in NIfTI, NRRD, MHA and DICOM, read and written with their exact grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radtool.errors import GeometryError, InputError
from radtool.files import atomic_path
from radtool.image import Geometry, Image
from radtool.io.companions import check_units, files_of
from radtool.io.headers import is_dicom
from radtool.io.nifti import is_nifti, nifti_bytes, read_nifti
from radtool.io.series import read_series

if TYPE_CHECKING:
    import SimpleITK as sitk

__all__ = ["read_image", "write_image"]

ELSEWHERE = ("Bruker2dseqImageIO", "HDF5ImageIO", "StimulateImageIO")
"""Formats whose voxels lie in files that the header names, anywhere."""
WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read an image.

    Parameters
    ----------
    path : path-like
        A NIfTI (.nii, .nii.gz), NRRD, MetaImage or other file that SimpleITK reads; a DICOM file;
        or a folder, which is read as one DICOM series.

    Returns
    -------
    Image
        Intensities with the file's scaling applied (``scl_slope`` and ``scl_inter`` of NIfTI,
        rescale of DICOM). A 2-D file becomes a single slice. The unit is known for DICOM only.

    Raises
    ------
    InputError
        No such file, an unknown format, colour pixels, more than three dimensions, more voxels
        than this machine has memory for, or a header that names a file outside of its own folder.
    DicomError
        See `read_series`.
    GeometryError
        The file's directions are not at right angles.
    """
    source = Path(path)
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    if source.is_dir() or is_dicom(source):
        return read_series(source)
    array, geometry = read_volume(source)
    return Image(array, geometry)


def read_volume(source: Path) -> tuple[np.ndarray, Geometry]:
    """Read array and grid of a file that is not DICOM."""
    if is_nifti(source):
        return read_nifti(source)
    import SimpleITK as sitk  # 90 MB that NIfTI and plain DICOM do not need

    files_of(source)
    check_units(source)
    if (kind := sitk.ImageFileReader.GetImageIOFromFileName(os.fspath(source))) in ELSEWHERE:
        raise InputError(f"{source}: {kind} may read other files than this; convert it to NIfTI")
    try:
        volume = sitk.ReadImage(os.fspath(source))
    except RuntimeError as error:
        raise _refusal(source, error) from error
    if volume.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"{source}: {volume.GetNumberOfComponentsPerPixel()} values per voxel (colour or"
            " vector); convert to a single grey channel first, for example with Pillow:"
            " Image.open(path).convert('L').save(other)"
        )
    if volume.GetDimension() == 4 and volume.GetSize()[3] == 1:
        volume = volume[..., 0]
    if volume.GetDimension() == 2:
        volume = sitk.JoinSeries(volume)
    if volume.GetDimension() != 3:
        raise InputError(
            f"{source}: {volume.GetDimension()} dimensions {volume.GetSize()}; save one volume of"
            " it as its own file"
        )
    if volume.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise InputError(f"{source}: complex values; save the magnitude first")
    return sitk.GetArrayFromImage(volume), _geometry(volume, source)


def _refusal(source: Path, error: RuntimeError) -> InputError:
    words = " ".join(str(error).split())
    if "orthonormal" in words:
        return GeometryError(
            f"{source}: its axes are not at right angles (sheared affine); resample it first"
        )
    if "Unable to determine ImageIO reader" in words:
        return InputError(f"{source}: not an image format that can be read; use NIfTI or NRRD")
    return InputError(f"{source}: cannot be read as an image ({words[-160:]})")


def _geometry(volume: sitk.Image, source: Path) -> Geometry:
    try:
        return Geometry(
            volume.GetSize()[::-1],
            volume.GetSpacing()[::-1],
            volume.GetOrigin(),
            volume.GetDirection(),
        )
    except GeometryError as error:
        raise GeometryError(f"{source}: {error}") from error


def write_image(image: Image, path: str | os.PathLike[str]) -> None:
    """Write an image, whole or not at all.

    Parameters
    ----------
    image : Image
        Its dtype is kept (boolean as uint8, float16 as float32, 64-bit integers as they are).
    path : path-like
        Suffix .nii.gz, .nii, .nrrd or .mha chooses the format. The same image gives the same
        bytes.

    Raises
    ------
    InputError
        Another suffix, or the folder cannot be written.
    """
    write_volume(image.array, image.geometry, Path(path))


def write_volume(array: np.ndarray, geometry: Geometry, target: Path) -> None:
    """Write array and grid."""
    suffix = next((s for s in reversed(WRITABLE) if target.name.lower().endswith(s)), None)
    if suffix is None:
        raise InputError(f"{target}: an image is written as {', '.join(WRITABLE)}")
    kinds = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32}
    array = np.ascontiguousarray(array, dtype=kinds.get(array.dtype, array.dtype))
    try:
        with atomic_path(target) as part:
            if suffix.startswith(".nii"):
                part.write_bytes(nifti_bytes(array, geometry, compress=suffix == ".nii.gz"))
            else:
                _write_with_sitk(array, geometry, part)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror or error})") from error
    except RuntimeError as error:
        words = " ".join(str(error).split())[-160:]
        raise InputError(f"{target}: cannot be written ({words})") from error


def _write_with_sitk(array: np.ndarray, geometry: Geometry, part: Path) -> None:
    import SimpleITK as sitk

    volume = sitk.GetImageFromArray(array)
    volume.SetSpacing(geometry.spacing_xyz)
    volume.SetOrigin(geometry.origin)
    volume.SetDirection(geometry.direction)
    sitk.WriteImage(volume, os.fspath(part), useCompression=True)
