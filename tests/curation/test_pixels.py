"""Couch and objects beside a body of known volume, apart and touching."""

import numpy as np
import pytest

from radtool.curation.pixels import surroundings
from radtool.image import Geometry, Image

GRID = Geometry((20, 100, 100), (4.0, 4.0, 4.0))
CENTRE = (200.0, 180.0)
BACK = 180.0 + 90.0
z_mm, y_mm, x_mm = np.indices(GRID.shape) * 4.0


def thorax(*, lungs: bool = True) -> np.ndarray:
    """An elliptic body of 280 by 180 mm with lungs, its back at 270 mm."""
    hu = np.full(GRID.shape, -1000.0)
    hu[((x_mm - CENTRE[0]) / 140) ** 2 + ((y_mm - CENTRE[1]) / 90) ** 2 < 1] = 40
    for side in (-1, 1) if lungs else ():
        hu[((x_mm - CENTRE[0] - side * 70) / 55) ** 2 + ((y_mm - CENTRE[1]) / 70) ** 2 < 1] = -850
    return hu


def board(low: float, high: float, left: float = 40, right: float = 360) -> np.ndarray:
    return (y_mm >= low) & (y_mm < high) & (x_mm >= left) & (x_mm < right)


def arc(inner: float, outer: float) -> np.ndarray:
    """A couch curved about a line 400 mm before the body's back."""
    far = np.hypot(x_mm - 200, y_mm - (BACK - 400))
    return (far >= inner) & (far < outer) & (y_mm > 200) & (np.abs(x_mm - 200) < 190)


def ml(inside: np.ndarray) -> float:
    return int(inside.sum()) * 0.064


BODY_ML = ml(thorax(lungs=False) > 0)
COUCHES = {
    "apart": board(BACK + 20, BACK + 28),
    "narrow": board(BACK + 40, BACK + 48, 150, 250),
    "two rails": board(BACK + 20, BACK + 28, 60, 100) | board(BACK + 20, BACK + 28, 300, 340),
    "with a bar inside": board(BACK + 20, BACK + 28)
    | (board(BACK + 60, BACK + 80, 180, 220) & (z_mm < 30)),
    "curved": arc(420, 428),
}


@pytest.mark.parametrize("kind", COUCHES)
def test_a_couch_apart_is_couch(kind):
    hu = thorax()
    hu[COUCHES[kind]] = 100
    found = surroundings(Image(hu, GRID, "HU"))
    assert found.couch_ml == pytest.approx(ml(COUCHES[kind]))
    assert found.objects_ml == 0
    assert found.body_ml == pytest.approx(BODY_ML, rel=0.01)


TOUCHING = {
    "a sheet": board(BACK - 8, BACK),
    "a board": board(BACK - 8, BACK + 8),
    "a curved sheet": arc(392, 400),
    "a narrow board": board(BACK - 8, BACK + 8, 120, 280),
}


@pytest.mark.parametrize("kind", TOUCHING)
def test_of_a_couch_that_touches_the_body_nothing_is_an_object(kind):
    hu = thorax()
    hu[TOUCHING[kind]] = 100
    found = surroundings(Image(hu, GRID, "HU"))
    assert found.objects_ml == 0
    assert found.body_ml == pytest.approx(BODY_ML, rel=0.08)
    beyond = np.abs(x_mm - 200) > 120
    assert found.couch_ml >= 0.6 * ml(TOUCHING[kind] & beyond & (thorax() < -500))


OBJECTS = {
    "arms on the couch": (np.hypot(np.abs(x_mm - 200) - 172, y_mm - 240) < 22),
    "a phantom before the body": board(40, 80, 160, 240),
    "a phantom behind, in a few slices": board(BACK + 12, BACK + 60, 180, 240) & (z_mm < 40),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_is_no_couch_is_an_object(kind):
    hu = thorax()
    hu[OBJECTS[kind]] = 40
    inside = OBJECTS[kind] & (thorax() < -500)
    alone = surroundings(Image(hu, GRID, "HU"))
    assert alone.couch_ml == 0
    assert alone.objects_ml == pytest.approx(ml(inside), rel=0.25)
    hu[board(BACK + 80, BACK + 88)] = 100
    beside = surroundings(Image(hu, GRID, "HU"))
    assert beside.objects_ml == alone.objects_ml


def test_a_thin_chest_wall_stays_with_the_body():
    hu = thorax()
    wall = ((x_mm - CENTRE[0]) / 128) ** 2 + ((y_mm - CENTRE[1]) / 78) ** 2 < 1
    hu[wall] = -850
    hu[((x_mm - CENTRE[0]) / 30) ** 2 + ((y_mm - CENTRE[1]) / 60) ** 2 < 1] = 40
    found = surroundings(Image(hu, GRID, "HU"))
    assert found.objects_ml == 0
    assert found.body_ml == pytest.approx(BODY_ML, rel=0.01)


def test_a_crop_through_the_body_tells_nothing():
    assert surroundings(Image(thorax()[:, 30:60, 35:65], Geometry((20, 30, 30)), "HU")) is None
