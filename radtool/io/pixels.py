"""Stored pixel values to numbers that mean something: decoding and the modality's rescale."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from radtool.errors import DicomError
from radtool.io.headers import damage, functional, items, number, text
from radtool.io.realworld import RealWorld, frame_groups, real_world
from radtool.io.suv import ENHANCED_PET, PET_UNITS, suv_scale

__all__ = ["decode", "rescale_of", "unit_and_factor"]

PHILIPS_SCALE_SLOPE = (0x2005, 0x100E)
PHILIPS_FRAMES = (0x2005, 0x140F)
LARGEST_RESCALE = 1e12
ALWAYS_RESCALED = ("CT", "PT")


def decode(dataset: Dataset, path: str) -> np.ndarray:
    """Return stored values, shape (frames, rows, columns), before any rescale.

    Parameters
    ----------
    dataset : Dataset
        The whole file.
    path : str
        Its path, for messages and for the second decoder.

    Raises
    ------
    DicomError
        No pixel data, colour, truncated, or a transfer syntax that no decoder here reads.
    """
    if "PixelData" not in dataset:
        raise DicomError(f"{path}: no pixel data (truncated, or not an image)")
    if (number(dataset, "SamplesPerPixel") or 1) != 1:
        raise DicomError(f"{path}: colour pixels; convert to a single grey channel first")
    try:
        with damage(path):
            array = np.asarray(dataset.pixel_array)
    except DicomError as error:
        array = _decode_with_gdcm(dataset, path, error)
    if array.ndim not in (2, 3):
        raise DicomError(f"{path}: pixel data of shape {array.shape} are not image planes")
    return array if array.ndim == 3 else array[None]


def _decode_with_gdcm(dataset: Dataset, path: str, first: DicomError) -> np.ndarray:
    """Decode with SimpleITK's GDCM, which knows lossless JPEG; undo the rescale that it applies."""
    syntax = UID(text(dataset.file_meta, "TransferSyntaxUID"))
    if not syntax.is_transfer_syntax or not syntax.is_compressed:
        raise first
    import SimpleITK as sitk

    try:
        array = sitk.GetArrayFromImage(sitk.ReadImage(path))
    except RuntimeError as error:
        raise DicomError(
            f"{path}: no decoder for transfer syntax {syntax.name} ({syntax}); decompress the file"
            " first, or install a pydicom decoder for it"
        ) from error
    slope = number(dataset, "RescaleSlope") or 1.0
    stored = (array - (number(dataset, "RescaleIntercept") or 0.0)) / slope
    return np.rint(stored).astype(np.int32)


def rescale_of(dataset: Dataset, frame: int, path: str) -> tuple[float, float]:
    """Return slope and intercept of one frame.

    Parameters
    ----------
    dataset : Dataset
        Header of the file.
    frame : int
        Frame index; 0 for a single-frame file.
    path : str
        For messages.

    Returns
    -------
    tuple of 2 float
        ``value = stored * slope + intercept``. A real-world value map decides for enhanced PET
        (activity or SUV) and for MR maps of a quantity (diffusion coefficients, times). For
        Philips MR with its private scale slope this is the floating-point value, proportional to
        the signal and comparable between series.

    Raises
    ------
    DicomError
        A CT or PET without RescaleSlope or RescaleIntercept: its numbers mean nothing.

    References
    ----------
    Philips MR: Chenevert et al., Errors in quantitative image analysis due to platform-dependent
    image scaling, Transl Oncol 2014; 7:65-71.
    """
    groups = frame_groups(dataset, frame)
    modality = text(dataset, "Modality")
    meant = _meant(dataset, groups, modality)
    if meant is not None:
        return meant.slope, meant.intercept
    item = functional(groups, "PixelValueTransformationSequence") or dataset
    slope, intercept = number(item, "RescaleSlope"), number(item, "RescaleIntercept")
    if modality in ALWAYS_RESCALED and (slope is None or intercept is None):
        missing = "RescaleSlope" if slope is None else "RescaleIntercept"
        raise DicomError(
            f"{path}: {missing} is missing, so the stored values of this {modality} cannot be"
            " turned into HU or activity"
        )
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if slope == 0 or not all(abs(value) < LARGEST_RESCALE for value in (slope, intercept)):
        raise DicomError(f"{path}: RescaleSlope {slope}, RescaleIntercept {intercept}: impossible")
    scale = _philips_scale(dataset, groups) if modality == "MR" else None
    if scale:
        return 1.0 / scale, intercept / (slope * scale)
    return slope, intercept


def _meant(dataset: Dataset, groups: Sequence[Any], modality: str) -> RealWorld | None:
    """Return the real-world map that gives a frame its values, None when the rescale does."""
    if modality == "MR":
        return real_world(groups)
    if text(dataset, "SOPClassUID") == ENHANCED_PET:
        return real_world(groups, PET_UNITS)
    return None


def _philips_scale(dataset: Dataset, groups: Sequence[Any]) -> float | None:
    if not text(dataset, "Manufacturer").upper().startswith("PHILIPS"):
        return None
    nested: list[Any] = [group[PHILIPS_FRAMES].value for group in groups if PHILIPS_FRAMES in group]
    for holder in (dataset, *(item for group in nested for item in group)):
        if PHILIPS_SCALE_SLOPE in holder:
            value = holder[PHILIPS_SCALE_SLOPE].value
            if isinstance(value, bytes) and len(value) == 4:
                value = np.frombuffer(value, dtype="<f4")[0]
            if isinstance(value, int | float | np.floating) and value > 0:
                return float(value)
    return None


def unit_and_factor(headers: Sequence[Dataset], name: str) -> tuple[str, float]:
    """Return the unit of the rescaled values and what they are multiplied by to get it.

    Parameters
    ----------
    headers : sequence of Dataset
        One per file.
    name : str
        How messages call the series.

    Returns
    -------
    tuple of str and float
        ("HU", 1), ("SUVbw", factor), ("a.u.", 1), or the unit of MR's real-world values.

    Raises
    ------
    DicomError
        No SUV can be computed, or frames are given in different units.
    """
    modality = text(headers[0], "Modality")
    if modality == "CT":
        return "HU", 1.0
    if modality == "PT":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "SUVbw", suv_scale(headers, name).factor
    units = {unit for header in headers for unit in _units(header)} if modality == "MR" else {""}
    if len(units) > 1:
        raise DicomError(f"{name}: real-world values in different units: {sorted(units)}")
    return units.pop() or "a.u.", 1.0


def _units(header: Dataset) -> set[str]:
    frames = len(items(header, "PerFrameFunctionalGroupsSequence")) or 1
    maps = [real_world(frame_groups(header, frame)) for frame in range(frames)]
    return {"" if one is None else one.unit for one in maps}
