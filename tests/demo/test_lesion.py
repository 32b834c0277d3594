import numpy as np
import pytest

from radtool.demo.lesion import Lesion, contours, draw_lesion, render
from radtool.demo.sites import SITES
from radtool.demo.thorax import site_geometry


def _lesion(volume_ml: float = 20.0, *, has_cavity: bool = False, number: int = 0) -> Lesion:
    rng = np.random.default_rng(number)
    return draw_lesion(volume_ml, 30.0, 40.0, has_cavity=has_cavity, rng=rng)


def _area(polygon: np.ndarray) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


@pytest.mark.parametrize("has_cavity", [False, True])
@pytest.mark.parametrize("number", range(4))
def test_the_volume_inside_the_surface_is_the_volume_asked_for(number, has_cavity):
    lesion = _lesion(20.0, has_cavity=has_cavity, number=number)
    steps = np.arange(-lesion.extent - 1, lesion.extent + 1, 0.75)
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1) + lesion.centre
    inside = (lesion.outside(points) <= 0) & (lesion.from_cavity(points) <= 0)
    np.testing.assert_allclose(inside.sum() * 0.75**3 / 1000, 20.0, rtol=5e-3)
    np.testing.assert_allclose(lesion.volume_ml, 20.0, rtol=1e-9)


@pytest.mark.parametrize("has_cavity", [False, True])
def test_contours_enclose_the_volume(has_cavity):
    lesion = _lesion(30.0, has_cavity=has_cavity)
    thickness = 0.5
    planes = contours(lesion, np.arange(-50, 50, thickness))
    areas = [
        sum(_area(polygon) * (1 if number == 0 else -1) for number, polygon in enumerate(ordered))
        for ordered in (sorted(plane, key=_area, reverse=True) for plane in planes)
    ]
    np.testing.assert_allclose(sum(areas) * thickness / 1000, 30.0, rtol=5e-3)


def test_a_cavity_is_a_polygon_inside_the_outer_one():
    planes = contours(_lesion(60.0, has_cavity=True), np.array([0.0]))
    outer, inner = sorted(planes[0], key=_area, reverse=True)
    assert (inner[:, :2].min(axis=0) > outer[:, :2].min(axis=0)).all()
    assert (inner[:, :2].max(axis=0) < outer[:, :2].max(axis=0)).all()


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
def test_the_texture_is_seen_but_damped_by_each_scanner(site):
    lesion = _lesion(60.0)
    geometry = site_geometry(site)
    background = np.full(geometry.shape, -840.0, dtype=np.float32)
    seen = render(
        lesion, background, np.array(geometry.origin), site=site, rng=np.random.default_rng(1)
    )
    points = geometry.to_patient(np.stack(np.indices(geometry.shape), axis=-1))
    inside = lesion.outside(points) < -3
    np.testing.assert_allclose(seen[inside].mean(), 40.0, atol=4)
    assert 0.4 * 30 < seen[inside].std() < 0.95 * 30
    assert seen[lesion.outside(points) > 20] == pytest.approx(-840.0)
