"""One DICOM series to one Image: order, geometry, rescale."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from radtool.errors import DicomError, InputError
from radtool.image import Image
from radtool.io.headers import IMAGE_MODALITIES, is_dicom, read_dataset, text
from radtool.io.pixels import decode, rescale_of, unit_and_factor
from radtool.io.planes import slices_of
from radtool.io.repair import Repair, regular, repair_stack
from radtool.io.splitting import chosen_volume, split_slices
from radtool.io.stacking import Slice, Stack, stack_slices

__all__ = ["Files", "fingerprint", "image_datasets", "read_planes", "read_series"]

LARGEST_SLOPE = 1024
LARGEST_INTERCEPT = 2**30

Files = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def read_series(files: Files, *, part: str | None = None, repair: Repair | None = None) -> Image:
    """Read one DICOM series as an image.

    Parameters
    ----------
    files : path-like or iterable of path-like
        A folder (searched with its sub-folders; files that are not DICOM images are passed
        over), one file (a multi-frame file, or a single slice), or the files of a series.
    part : str, optional
        Which volume of a series that holds several (echoes, b-values, phases, …): "te90". An
        error without it lists their names; see `split_slices`.
    repair : Repair, optional
        What may be done to slices that are not a volume; by default they are refused.

    Returns
    -------
    Image
        CT in HU, PET in SUVbw, everything else in arbitrary units, unless a real-world value map
        of the file says more. Whole-number intensities come as int16 or int32, others as float32.
        The grid is that of ITK's reader: slices sorted by position along their normal, never by
        name or instance number; of a repaired series, that of `repair_stack`.

    Raises
    ------
    DicomError
        No DICOM image, more than one series, a damaged file, slices that are not a volume (see
        `stack_slices`), a CT without rescale, a PET without what SUV needs.
    InputError
        Several volumes and no `part`, or no volume of that name.
    """
    datasets = image_datasets(files)
    name = _name(datasets)
    slices = [one for path, data in datasets.items() for one in slices_of(data, path)]
    volumes = split_slices(slices, fingerprint=_Planes(datasets).fingerprint)
    stack = chosen_volume(volumes, part, name).stack
    return _image(datasets, stack if repair is None else repair_stack(stack, repair), name)


def read_planes(planes: Iterable[tuple[str, int]], *, repair: Repair | None = None) -> Image:
    """Read planes that are known to be one volume.

    Parameters
    ----------
    planes : iterable of (path, frame)
        Files and frames, in any order.
    repair : Repair, optional
        See `read_series`.

    Raises
    ------
    DicomError
        See `read_series`.
    """
    wanted = set(planes)
    datasets = image_datasets(sorted({path for path, _ in wanted}))
    slices = [
        one
        for path, data in datasets.items()
        for one in slices_of(data, path)
        if (path, one.frame) in wanted
    ]
    stack = stack_slices(slices)
    stack = stack if repair is None else repair_stack(stack, repair)
    return _image(datasets, stack, _name(datasets))


def _image(datasets: dict[str, Dataset], stack: Stack, name: str) -> Image:
    geometry = stack.checked_geometry(name)
    used = {one.file for one in stack.slices}
    datasets = {path: datasets[path] for path in sorted(used)}
    unit, factor = unit_and_factor(list(datasets.values()), name)
    array = _Planes(datasets).stacked(stack.slices, factor)
    return Image(regular(array, stack) if stack.repairs else array, geometry, unit)


def fingerprint(one: Slice) -> str:
    """Return a text that is the same for planes with the same values, "" when unreadable."""
    try:
        return _planes_of(one.file, Path(one.file).stat().st_mtime_ns).fingerprint(one)
    except (DicomError, OSError):
        return ""


@lru_cache(maxsize=1)
def _planes_of(file: str, _changed: int) -> _Planes:
    return _Planes({file: read_dataset(file)})


def image_datasets(files: Files) -> dict[str, Dataset]:
    """Read the files of one series: path -> dataset with its pixels still encoded."""
    if isinstance(files, str | os.PathLike):
        source = Path(files)
        if not source.exists():
            raise InputError(f"{source}: no such file or folder")
        if source.is_dir():
            found = _images_below(source)
        else:
            found = {source.as_posix(): read_dataset(source)}
    else:
        found = {Path(path).as_posix(): read_dataset(path) for path in sorted(map(Path, files))}
    if not found:
        raise DicomError(f"{files}: no DICOM image found")
    series: dict[str, int] = {}
    for path, dataset in found.items():
        _refuse_other_kinds(path, text(dataset, "Modality"))
        uid = text(dataset, "SeriesInstanceUID")
        series[uid] = series.get(uid, 0) + 1
    if len(series) > 1:
        listed = ", ".join(f"{uid} ({count} files)" for uid, count in sorted(series.items())[:5])
        raise DicomError(
            f"{files if isinstance(files, str | os.PathLike) else 'files'}: {len(series)} series,"
            f" give the files of one: {listed}"
        )
    return found


def _refuse_other_kinds(path: str, modality: str) -> None:
    if modality in ("SEG", "RTSTRUCT"):
        what = "a segmentation" if modality == "SEG" else "a structure set"
        raise DicomError(f"{path}: {what}, not an image; read it with read_mask")


def _images_below(folder: Path) -> dict[str, Dataset]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_dicom(path):
            dataset = read_dataset(path)
            if text(dataset, "Modality") in IMAGE_MODALITIES and "Rows" in dataset:
                found[path.as_posix()] = dataset
    return found


def _name(datasets: dict[str, Dataset]) -> str:
    """How messages call the series: patient, modality, UID; the folder of its files."""
    path, first = next(iter(datasets.items()))
    what = " ".join(
        part for part in (text(first, "PatientID"), text(first, "Modality"), "series") if part
    )
    return f"{Path(path).parent.as_posix()}: {what} {text(first, 'SeriesInstanceUID')}"


def _is_whole(scale: tuple[float, float]) -> bool:
    """Whether 16-bit values stay whole, and within 32 bits."""
    slope, intercept = scale
    small = abs(slope) <= LARGEST_SLOPE and abs(intercept) <= LARGEST_INTERCEPT
    return small and slope.is_integer() and intercept.is_integer()


class _Planes:
    """Decoded files; holds one decoded file at a time, so a multi-frame file is decoded once."""

    def __init__(self, datasets: dict[str, Dataset]) -> None:
        self._datasets = datasets
        self._file = ""
        self._frames = np.empty((0, 0, 0))

    def _stored(self, one: Slice) -> np.ndarray:
        if one.file != self._file:
            self._frames = decode(self._datasets[one.file], one.file)
            self._file = one.file
        if one.frame >= len(self._frames) or self._frames.shape[1:] != one.shape:
            raise DicomError(
                f"{one.file}: {len(self._frames)} frames of {self._frames.shape[1:]} pixels, the"
                f" header promises frame {one.frame + 1} of {one.shape}"
            )
        return self._frames[one.frame]

    def fingerprint(self, one: Slice) -> str:
        """See `fingerprint`."""
        try:
            scale = rescale_of(self._datasets[one.file], one.frame, one.file)
            stored = np.ascontiguousarray(self._stored(one))
        except DicomError:
            return ""
        digest = hashlib.sha256(f"{scale} {stored.shape} {stored.dtype}".encode())
        digest.update(stored.tobytes())
        return digest.hexdigest()

    def stacked(self, slices: Sequence[Slice], factor: float) -> np.ndarray:
        """All slices rescaled and multiplied, in the smallest type that holds them exactly."""
        scales = [rescale_of(self._datasets[s.file], s.frame, s.file) for s in slices]
        shape = (len(slices), *slices[0].shape)
        first = self._stored(slices[0])
        whole = factor == 1.0 and first.dtype.itemsize <= 2 and all(map(_is_whole, scales))
        array = np.empty(shape, dtype=np.int32 if whole else np.float32)
        for k, (one, (slope, intercept)) in enumerate(zip(slices, scales, strict=True)):
            stored = self._stored(one)
            if whole and stored.dtype.itemsize > 2:
                raise DicomError(f"{one.file}: {stored.dtype} pixels, {first.dtype} in other files")
            if whole:
                np.multiply(stored, np.int32(slope), out=array[k], dtype=np.int32)
                array[k] += np.int32(intercept)
            else:
                array[k] = (stored * slope + intercept) * factor
        if whole and array.min() >= -32768 and array.max() <= 32767:
            return array.astype(np.int16)
        return array
