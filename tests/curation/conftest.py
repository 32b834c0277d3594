"""A patient for this package's tests: a CT series and its structure set."""

from pathlib import Path

import numpy as np
import pytest

ARRAY = np.random.default_rng(0).integers(0, 1200, (8, 32, 32))


HEIGHTS = (6.0, 9.0, 12.0)


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
