"""A thorax made of ellipsoids, and a network that marks soft tissue surrounded by lung."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from radtool.image import Geometry, Image
from radtool.segmentation import predict
from radtool.segmentation.lungs import LungRegion, isolate_lungs
from radtool.segmentation.predict import Segmentation, segment
from radtool.segmentation.runtime import Network

SPACING = (3.0, 2.5, 2.5)
SHAPE = (90, 112, 152)
CENTER = np.array([135.0, 140.0, 190.0])


@dataclass(frozen=True)
class Thorax:
    """CT in HU, its two lungs before any disease, and its lesion; shared, so never written to."""

    image: Image
    right: np.ndarray
    left: np.ndarray
    lesion: np.ndarray


def ellipsoid(center, radii) -> np.ndarray:
    grid = np.meshgrid(
        *(np.arange(n) * d for n, d in zip(SHAPE, SPACING, strict=True)), indexing="ij"
    )
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grid, center, radii, strict=True)) <= 1


@pytest.fixture(scope="session")
def thorax():
    """Builder of a thorax; `lesion` is (offset from the middle of the right lung, radius) in mm."""

    @functools.cache
    def build(lesion=((10.0, 0.0, 0.0), 12.0), *, consolidated=0.0) -> Thorax:
        hu = np.full(SHAPE, -1000.0, dtype=np.float32)
        body = ellipsoid(CENTER, (400.0, 105.0, 160.0))
        hu[body] = 40.0
        hu[:, 103:106, 20:130] = 100.0  # couch, 2.5 mm below the back
        right = ellipsoid(CENTER - (0, 5, 75), (110.0, 70.0, 55.0))
        left = ellipsoid(CENTER - (0, 5, -75), (110.0, 70.0, 52.0))
        hu[right | left] = -850.0
        hu[ellipsoid(CENTER - (0, -80, 0), (400.0, 18.0, 18.0))] = 400.0
        found = np.zeros(SHAPE, dtype=bool)
        if lesion is not None:
            found = ellipsoid(CENTER - (0, 5, 75) + np.array(lesion[0]), (lesion[1],) * 3)
            hu[found] = 40.0
        if consolidated:
            places = np.argwhere(right)
            lowest = places[np.argsort(places[:, 0], kind="stable")][
                : int(consolidated * len(places))
            ]
            hu[tuple(lowest.T)] = 35.0
        hu += np.random.default_rng(0).normal(0, 15, SHAPE).astype(np.float32)
        for array in (right, left, found):
            array.flags.writeable = False
        geometry = Geometry(SHAPE, SPACING, origin=(-190.0, -140.0, -135.0))
        return Thorax(Image(np.rint(hu), geometry, "HU"), right, left, found)

    return build


class SoftTissueSession:
    """Stands in for an ONNX Runtime session: soft tissue with air within 40 mm on all six sides."""

    def run(self, _names, feed):
        hu = feed["hu"]
        assert hu.dtype == np.float32
        assert all(edge % 8 == 0 for edge in hu.shape[2:])
        found = np.zeros(hu.shape, dtype=np.float32)
        for case in range(len(hu)):
            soft = ndimage.gaussian_filter(hu[case, 0], 0.7) > -350
            air = hu[case, 0] < -500
            sides = [
                ndimage.maximum_filter1d(air, 20, axis=axis, origin=origin, mode="constant")
                for axis in range(3)
                for origin in (-9, 9)
            ]
            found[case, 0] = soft & np.all(sides, axis=0)
        return [ndimage.gaussian_filter(found, (0, 0, 0.6, 0.6, 0.6))]


@pytest.fixture(scope="session")
def stand_in() -> Network:
    return Network("stand-in", "0" * 64, "cpu", SoftTissueSession())


@pytest.fixture
def soft_tissue_network(monkeypatch, stand_in):
    """Let `segment` use the stand-in instead of trained weights."""
    monkeypatch.setattr(predict, "load_network", lambda _model, *, device: stand_in)
    return stand_in


@pytest.fixture(scope="session")
def segmented(thorax, stand_in) -> Segmentation:
    """What `segment` with the stand-in makes of the plain thorax."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "load_network", lambda _model, *, device: stand_in)
        return segment(thorax().image)


@pytest.fixture(scope="session")
def healthy_lungs(thorax) -> LungRegion:
    """The lungs of a thorax without a lesion."""
    return isolate_lungs(thorax(None).image)
