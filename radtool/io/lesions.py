"""Several lesions in one mask file: every label, all as one, or what is connected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np

from radtool.errors import InputError, did_you_mean
from radtool.image import Geometry, Mask
from radtool.io.headers import is_dicom, read_dataset, text
from radtool.io.masks import labels_of, place_mask, read_mask
from radtool.io.rtstruct import read_rtstruct
from radtool.io.seg import read_segments
from radtool.io.volumes import read_volume

__all__ = ["SPLITS", "Split", "read_masks"]

Split = Literal["all", "union", "components"]
SPLITS = ("all", "union", "components")


def read_masks(
    path: str | os.PathLike[str],
    *,
    labels: Split = "all",
    roi: str | None = None,
    like: Geometry | None = None,
) -> dict[int, Mask]:
    """Read the lesions of a mask file by their number.

    Parameters
    ----------
    path : path-like
        A label image, a DICOM RTSTRUCT or a DICOM SEG (see `read_mask`).
    labels : {"all", "union", "components"}, default "all"
        Every label (segment, ROI) is a lesion, numbered as in the file; all together are one,
        number 1; or what is connected (by faces, edges or corners) within that union is one,
        numbered from the largest on.
    roi : str, optional
        Only this ROI of a DICOM file; the name of the mask for a label image.
    like : Geometry, optional
        Grid of the image; needed for RTSTRUCT.

    Returns
    -------
    dict of int to Mask
        Called ``<roi>_<number>``, on `like` where it is given; never empty.

    Raises
    ------
    InputError
        See `read_mask`; or `labels` is something else.
    GeometryError, DicomError
        See `read_mask`.
    """
    if labels not in SPLITS:
        raise InputError(f"labels {labels!r} is unknown{did_you_mean(labels, SPLITS)}")
    found = _every(Path(path), roi, like)
    name = roi or "roi"
    if labels == "all":
        return {
            number: Mask(mask.array, mask.geometry, f"{name}_{number}", mask.origin)
            for number, mask in found.items()
        }
    whole = list(found.values())
    together = np.logical_or.reduce([mask.array for mask in whole])
    union = Mask(together, whole[0].geometry, f"{name}_1", whole[0].origin)
    return {1: union} if labels == "union" else _components(union, name)


def _every(source: Path, roi: str | None, like: Geometry | None) -> dict[int, Mask]:
    """Every label of a file on the grid of the image."""
    if not source.is_file():
        raise InputError(f"{source}: no such file")
    if not is_dicom(source):
        array, geometry = read_volume(source)
        masks = {
            value: Mask(array == value, geometry, roi or "roi", "file")
            for value in labels_of(array, source)
        }
    elif roi is not None:
        masks = {1: read_mask(source, roi=roi, like=like)}
    elif text(read_dataset(source, pixels=False, tags=[0x00080060]), "Modality") == "RTSTRUCT":
        names = read_rtstruct(source).roi_names
        masks = {k: read_mask(source, roi=name, like=like) for k, name in enumerate(names, 1)}
    else:
        masks = read_segments(source)
    if like is None:
        return masks
    return {number: place_mask(mask, like) for number, mask in masks.items()}


def _components(mask: Mask, name: str) -> dict[int, Mask]:
    """Connected parts, the largest first; of equal ones the first in the array."""
    from scipy import ndimage

    parts, count = ndimage.label(mask.array, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable") + 1
    return {
        number: Mask(parts == part, mask.geometry, f"{name}_{number}", mask.origin)
        for number, part in enumerate(order.tolist(), start=1)
    }
