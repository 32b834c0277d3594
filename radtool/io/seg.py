"""DICOM segmentations, every kind to boolean masks."""

from __future__ import annotations

import os
import sqlite3
import warnings
from typing import TYPE_CHECKING

import numpy as np

from radtool.errors import DicomError
from radtool.image import Geometry, Mask
from radtool.io.headers import damage, read_dataset, text

if TYPE_CHECKING:
    import highdicom

__all__ = ["read_seg", "read_segments"]

FRACTION_INSIDE = 0.5
"""A voxel of a fractional segment is inside from this fraction or probability on."""


def read_seg(path: str | os.PathLike[str]) -> list[Mask]:
    """Read all segments of a DICOM SEG.

    Parameters
    ----------
    path : path-like
        A binary, fractional or label-map segmentation; segments may overlap, and slices without
        a segment may be left out of the file.

    Returns
    -------
    list of Mask
        One a segment, in the order of segment numbers, named by the segment's label (and number
        where two labels are the same). All lie on one grid, the smallest that holds the stored
        frames; bring them onto their image with ``read_mask(path, roi=..., like=geometry)``.
        Fractional segments are inside from one half on.

    Raises
    ------
    DicomError
        Not a SEG, damaged, or its frames are not parallel slices in the patient (microscopy,
        projection images).
    """
    return list(read_segments(path).values())


def read_segments(path: str | os.PathLike[str]) -> dict[int, Mask]:
    """Read the segments of a DICOM SEG by segment number; see `read_seg`.

    Number 0 of a label map is its background and no segment.
    """
    kind = text(read_dataset(path, pixels=False), "Modality")
    if kind != "SEG":
        raise DicomError(f"{path}: is {kind or 'without a modality'}, not a DICOM SEG")
    import highdicom  # takes a second to import; most runs read no SEG

    try:
        with damage(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _segments(highdicom.seg.segread(os.fspath(path)), str(path))
    except sqlite3.Error as error:  # highdicom indexes frames in a database of its own
        raise DicomError(f"{path}: its frames cannot be indexed ({error})") from error


def _segments(seg: highdicom.seg.Segmentation, path: str) -> dict[int, Mask]:
    if seg.get_volume_geometry(allow_missing_positions=True) is None:
        raise DicomError(f"{path}: its frames are not evenly spaced parallel slices")
    numbers = [number for number in seg.segment_numbers if number > 0]
    labels = [text(seg.get_segment_description(number), "SegmentLabel") for number in numbers]
    fractional = text(seg, "SegmentationType") == "FRACTIONAL"
    masks = {}
    for number, label in zip(numbers, labels, strict=True):
        name = label if label and labels.count(label) == 1 else f"{label or 'segment'} {number}"
        volume = seg.get_volume(
            segment_numbers=[number],
            rescale_fractional=fractional,
            allow_missing_positions=True,
        )
        array = np.asarray(volume.array)[..., 0]
        inside = array >= FRACTION_INSIDE if fractional else array > 0
        geometry = _geometry(np.asarray(volume.affine), inside.shape)
        masks[int(number)] = _upright(Mask(inside, geometry, name, "DICOM SEG"))
    return masks


def _geometry(affine: np.ndarray, shape: tuple[int, ...]) -> Geometry:
    """Return the grid of a highdicom volume, whose affine takes indices (z, y, x)."""
    columns = affine[:3, [2, 1, 0]]
    spacing_xyz = np.linalg.norm(columns, axis=0)
    return Geometry(
        (shape[0], shape[1], shape[2]),
        tuple(spacing_xyz[::-1].tolist()),
        tuple(affine[:3, 3].tolist()),
        tuple((columns / spacing_xyz).ravel().tolist()),
    )


def _upright(mask: Mask) -> Mask:
    """Let slices run along row × column, as in a series; highdicom stacks them downwards."""
    geometry = mask.geometry
    if np.linalg.det(geometry.direction_matrix) > 0:
        return mask
    last = geometry.to_patient(np.array([geometry.shape[0] - 1, 0, 0]))
    direction = geometry.direction_matrix * [1.0, 1.0, -1.0]
    turned = Geometry(
        geometry.shape, geometry.spacing, tuple(last.tolist()), tuple(direction.ravel().tolist())
    )
    return Mask(np.ascontiguousarray(mask.array[::-1]), turned, mask.roi, mask.origin)
