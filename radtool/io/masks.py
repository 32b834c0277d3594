"""Masks in label images, RTSTRUCT and DICOM SEG, put on the grid of their image."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from radtool.errors import DicomError, GeometryError, InputError, did_you_mean
from radtool.image import Geometry, Mask
from radtool.io.headers import is_dicom, read_dataset, text
from radtool.io.rasterise import rasterise
from radtool.io.rtstruct import read_rtstruct
from radtool.io.seg import read_segments
from radtool.io.volumes import read_volume, write_volume

__all__ = ["labels_of", "place_mask", "read_mask", "write_mask"]

MOST_LABELS = 64
"""More distinct values than this are intensities, not labels."""
MOST_OF_AN_ATLAS = 1000
"""More distinct values than this are intensities even where one of them is asked for."""
SPARSE = 3
"""Every so many voxels along each axis are enough to tell an image from an atlas."""
ROUNDING = 0.01
"""Largest deviation from the image's grid, as a fraction of a voxel, that is rounding."""


def read_mask(
    path: str | os.PathLike[str],
    *,
    roi: str | None = None,
    label: int | None = None,
    like: Geometry | None = None,
) -> Mask:
    """Read one region of interest.

    Parameters
    ----------
    path : path-like
        A label image (NIfTI, NRRD, MetaImage), a DICOM RTSTRUCT or a DICOM SEG, told apart by
        content.
    roi : str, optional
        Exact ROI name or segment label of a DICOM file; the name of the mask for a label image.
    label : int, optional
        Which value of a label image is inside; needed when there are several. In a DICOM SEG,
        the segment number.
    like : Geometry, optional
        Grid of the image; needed for RTSTRUCT. A label image or SEG whose voxels lie on this grid
        (a part of it, turned over, or with axes permuted) is put on it; nothing is resampled.

    Returns
    -------
    Mask
        Never empty.

    Raises
    ------
    InputError
        No such file; several labels or ROIs and none chosen (the message lists them with voxel
        counts and mL); nothing inside; values that are intensities, not labels.
    GeometryError
        The mask's voxels are not those of `like`.
    DicomError
        See `read_rtstruct` and `read_seg`.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    if not is_dicom(source):
        mask = _label_image(source, roi, label)
    else:
        kind = text(read_dataset(source, pixels=False, tags=[0x00080060]), "Modality")
        if kind == "RTSTRUCT":
            return _rtstruct(source, roi, like)
        if kind != "SEG":
            raise DicomError(f"{source}: is {kind or 'DICOM without a modality'}, not a mask")
        mask = _segment(source, roi, label)
    if mask.is_empty:
        raise InputError(f"{source}: ROI {mask.roi!r} is empty")
    return mask if like is None else place_mask(mask, like)


def _rtstruct(source: Path, roi: str | None, like: Geometry | None) -> Mask:
    contours = read_rtstruct(source).roi(roi)
    if like is None:
        raise InputError(f"{source}: contours need a grid; give like=image.geometry")
    mask = rasterise(contours.polygons, like, contours.roi)
    if mask.is_empty:
        raise InputError(f"{source}: ROI {contours.roi!r} holds no voxel centre of this image")
    return mask


def _segment(source: Path, roi: str | None, label: int | None) -> Mask:
    segments = read_segments(source)
    if label is not None:
        if label not in segments:
            raise InputError(f"{source}: no segment number {label}; there are {sorted(segments)}")
        return segments[label]
    masks = list(segments.values())
    if roi is not None:
        for mask in masks:
            if mask.roi == roi:
                return mask
        names = [mask.roi for mask in masks]
        raise InputError(f"{source}: no segment {roi!r}{did_you_mean(roi, names)}")
    if len(masks) != 1:
        listed = ", ".join(f"{m.roi!r} ({_amount(m.array, m.geometry)})" for m in masks)
        raise InputError(f"{source}: {len(masks)} segments, name one with roi=: {listed}")
    return masks[0]


def _amount(inside: np.ndarray, geometry: Geometry) -> str:
    count = int(np.count_nonzero(inside))
    return f"{count} voxels, {count * geometry.voxel_volume / 1000:.2f} mL"


def _label_image(source: Path, roi: str | None, label: int | None) -> Mask:
    array, geometry = read_volume(source)
    name = roi or "roi"
    if label == 0:
        raise InputError(f"{source}: label 0 is what lies outside; choose another")
    if label is not None:
        _check_labels(array, source)
        inside = _where(lambda values: values == label, array)
        if not inside.any():
            found = _listed_labels(array, geometry)
            raise InputError(f"{source}: label {label} is not present; found {found}")
        return Mask(inside, geometry, name, "file")
    inside = _where(lambda values: (values != 0) & ~np.isnan(values), array)
    values = array[inside]
    if values.size == 0:
        raise InputError(f"{source}: the mask is empty, every voxel is 0")
    # The usual mask has one label: seen without sorting all its voxels.
    if (values == values[0]).all():
        return Mask(inside, geometry, name, "file")
    labels = labels_of(array, source)
    if len(labels) == 1:
        return Mask(inside, geometry, name, "file")
    raise InputError(
        f"{source}: {len(labels)} labels, choose one with label=: {_listed_labels(array, geometry)}"
    )


def _check_labels(array: np.ndarray, source: Path) -> None:
    """Refuse an image in place of a mask: one of its intensities may well be the label wanted."""
    if array.min() < 0:
        what = f"negative values, down to {array.min():g}"
    elif array.dtype.kind == "f" and np.any(array != np.rint(array), where=~np.isnan(array)):
        what = "fractions"
    elif array.max() > MOST_OF_AN_ATLAS and (
        (found := np.unique(array[::SPARSE, ::SPARSE, ::SPARSE]).size) > MOST_OF_AN_ATLAS
    ):
        what = f"more than {found} different values"
    else:
        return
    raise InputError(f"{source}: {what}; this looks like an image, not a mask")


def _where(chosen: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> np.ndarray:
    """Which voxels are chosen, slice by slice: slices of zeros take no memory."""
    inside = np.zeros(array.shape, dtype=bool)
    for values, target in zip(array, inside, strict=True):
        if values.any():
            target[...] = chosen(values)
    return inside


def labels_of(array: np.ndarray, source: Path) -> list[int]:
    """Return the labels of a label image: whole numbers other than 0, in order.

    Raises
    ------
    InputError
        There is none, or the values are intensities and not labels.
    """
    values = np.unique(array)
    values = values[(values != 0) & np.isfinite(values)]
    if values.size == 0:
        raise InputError(f"{source}: the mask is empty, every voxel is 0")
    if len(values) > MOST_LABELS or np.any(values != np.rint(values)):
        raise InputError(
            f"{source}: {len(values)} different values from {values[0]:g} to {values[-1]:g}; this"
            " looks like an image, not a mask"
        )
    return [int(value) for value in values]


def _listed_labels(array: np.ndarray, geometry: Geometry, most: int = 12) -> str:
    labels = [value for value in np.unique(array) if value != 0]
    shown = "; ".join(f"{value:g} ({_amount(array == value, geometry)})" for value in labels[:most])
    return (shown or "no label") + (f"; {len(labels) - most} more" if len(labels) > most else "")


def place_mask(mask: Mask, geometry: Geometry) -> Mask:
    """Put a mask on a grid that has the same voxels; nothing is resampled.

    Parameters
    ----------
    mask : Mask
        On a part of the grid, a larger one, or the same voxels stored in another axis order.
    geometry : Geometry
        The grid of the image.

    Returns
    -------
    Mask
        On `geometry`; voxels outside the mask's own box are False.

    Raises
    ------
    GeometryError
        Voxels do not coincide within a hundredth of a voxel, or something inside would be cut
        off.
    """
    if mask.geometry.matches(geometry):
        return Mask(mask.array, geometry, mask.roi, mask.origin)
    index = np.argwhere(mask.array)
    target = geometry.to_index(mask.geometry.to_patient(index))
    whole = np.rint(target)
    away = float(np.abs(target - whole).max()) if len(index) else 0.0
    away_mm = float((np.abs(target - whole) * geometry.spacing).max()) if len(index) else 0.0
    same_size = np.allclose(sorted(mask.geometry.spacing), sorted(geometry.spacing), rtol=1e-3)
    if away > ROUNDING or not same_size:
        raise GeometryError(
            f"mask {mask.roi!r} is not on the image grid: spacing {mask.geometry.spacing} and"
            f" {geometry.spacing} mm (z, y, x), voxel centres up to {away_mm:.2f} mm ({away:.2f}"
            " voxel) apart;"
            " resample the mask with preprocessing.resample_mask(mask, like=image.geometry)"
        )
    cells = whole.astype(int)
    outside = ((cells < 0) | (cells >= np.array(geometry.shape))).any(axis=1)
    if outside.any():
        beyond = np.maximum(-cells, cells - np.array(geometry.shape) + 1) * geometry.spacing
        raise GeometryError(
            f"mask {mask.roi!r}: {int(outside.sum())} of {len(cells)} voxels lie outside the image,"
            f" by up to {beyond.max():.1f} mm; image and mask are of different scans, or one of"
            " their headers is wrong"
        )
    array = np.zeros(geometry.shape, dtype=bool)
    array[tuple(cells.T)] = True
    return Mask(array, geometry, mask.roi, mask.origin)


def write_mask(mask: Mask, path: str | os.PathLike[str]) -> None:
    """Write a mask as a label image (0 outside, 1 inside; uint8), whole or not at all.

    Parameters
    ----------
    mask : Mask
        What to write.
    path : path-like
        Suffix .nii.gz, .nii, .nrrd or .mha; the same mask gives the same bytes.

    Raises
    ------
    InputError
        Another suffix, or the folder cannot be written.
    """
    write_volume(mask.array, mask.geometry, Path(path))
