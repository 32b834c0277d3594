"""Numbers of masks and images against small arrays counted by hand."""

import numpy as np

from radtool.curation.measures import describe_image, describe_mask
from radtool.image import Geometry, Image, Mask

GRID = Geometry((4, 10, 10), (2.0, 1.0, 1.0))


def described(inside: np.ndarray, image: np.ndarray | None = None, **options) -> dict:
    array = np.zeros(GRID.shape) if image is None else image
    known = {"inside_image": 1.0, "contour_ml": None} | options
    return describe_mask(Mask(inside, GRID), Image(array, GRID, "HU"), **known)


def box(*bounds) -> np.ndarray:
    inside = np.zeros(GRID.shape, dtype=bool)
    (z0, z1), (y0, y1), (x0, x1) = bounds
    inside[z0:z1, y0:y1, x0:x1] = True
    return inside


def test_mask_is_counted():
    facts = described(box((1, 3), (2, 5), (2, 6)), contour_ml=0.05)
    assert facts["voxels"] == 24
    assert facts["volume_ml"] == 0.048
    assert facts["slices"] == 2
    assert facts["components"] == 1
    assert facts["touches_border"] == "no"
    np.testing.assert_allclose(facts["volume_error"], 0.04)


def test_pieces_are_counted_without_specks():
    two = box((1, 3), (1, 4), (1, 4)) | box((1, 3), (6, 9), (6, 9))
    assert described(two)["components"] == 2
    big = np.ones(GRID.shape, dtype=bool)
    big[:, 0] = big[:, 2] = False
    big[:, 1] = False
    big[0, 0, 0] = True
    # 1 voxel of 281 is below 1 %.
    assert described(big)["components"] == 1


def test_corners_connect():
    diagonal = box((1, 2), (2, 4), (2, 4)) | box((2, 3), (4, 6), (4, 6))
    assert described(diagonal)["components"] == 1


def test_border_is_noticed_in_plane_and_through_slices():
    assert described(box((1, 2), (0, 3), (2, 5)))["touches_border"] == "yes"
    assert described(box((0, 2), (2, 3), (2, 5)))["touches_border"] == "yes"


def test_metal_is_measured():
    image = np.zeros(GRID.shape)
    image[1, 2, 2] = 3000
    inside = box((1, 2), (2, 4), (2, 4))
    assert described(inside, image)["metal_ml"] == 0.002
    assert describe_image(Image(image, GRID, "HU"))["metal_ml"] == 0.002
    assert "metal_ml" not in describe_image(Image(image, GRID, "SUVbw"))
