"""A patient for this package's tests, what damages it, and what was made of it."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from radtool.curation import curate

ARRAY = np.random.default_rng(0).integers(0, 1200, (8, 32, 32))
HEIGHTS = (6.0, 9.0, 12.0)


def run(tmp_path, **options):
    return curate(tmp_path / "in", tmp_path / "out", **options)


def reasons(result) -> str:
    return " | ".join(failure.reason for failure in result.failures)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".curation" not in path.parts
    }


def without(keyword: str):
    def change(dataset, _):
        delattr(dataset, keyword)
        return dataset

    return change


def compressed(dataset, _):
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
    dataset.PixelData = pydicom.encaps.encapsulate([dataset.PixelData])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.fixture
def ball(phantoms):
    return [phantoms.circle((16.3, 15.6, z), 7.2) for z in HEIGHTS]


@pytest.fixture
def patient(tmp_path, phantoms, ball):
    """Write a patient: a CT and its structure set; options of `phantoms.series` and `rtstruct`."""

    def write(name: str, *, change=None, rois=None, plan_change=None, **options) -> Path:
        folder = tmp_path / "in" / options.pop("folder", name.replace("/", "_"))
        array = options.pop("array", ARRAY)
        phantoms.series(folder / "ct", array, patient=name, change=change, **options)
        chosen = {"GTV-1": ball} if rois is None else rois
        phantoms.rtstruct(folder / "plan/rs", chosen, patient=name, change=plan_change)
        return folder

    return write
