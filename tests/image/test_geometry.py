from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import GeometryError
from radtool.image import Geometry, Image, Mask, check_same_grid

# 30 degrees about z
OBLIQUE = (0.8660254037844387, -0.5, 0.0, 0.5, 0.8660254037844387, 0.0, 0.0, 0.0, 1.0)


def test_patient_coordinates_equal_simpleitk() -> None:
    grid = Geometry((4, 5, 6), (3.0, 0.9, 0.8), (-10.0, 20.0, 5.0), OBLIQUE)
    image = sitk.Image([6, 5, 4], sitk.sitkUInt8)
    image.SetSpacing(grid.spacing_xyz)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction)
    expected = image.TransformContinuousIndexToPhysicalPoint([2.5, 1.0, 3.0])
    np.testing.assert_allclose(grid.to_patient(np.array([3.0, 1.0, 2.5])), expected, rtol=1e-12)
    np.testing.assert_allclose(grid.to_index(np.array(expected)), [3.0, 1.0, 2.5], atol=1e-12)


def test_crop_keeps_voxels_in_place() -> None:
    grid = Geometry((4, 5, 6), (3.0, 0.9, 0.8), (-10.0, 20.0, 5.0), OBLIQUE)
    part = grid.crop((1, 2, -3), (2, 2, 9))
    np.testing.assert_allclose(
        part.to_patient(np.array([0, 0, 0])), grid.to_patient(np.array([1, 2, -3]))
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shape": (0, 2, 2)}, "at least 1"),
        ({"spacing": (1.0, -1.0, 1.0)}, "above 0 mm"),
        ({"origin": (0.0, float("nan"), 0.0)}, "3 finite numbers"),
        ({"direction": (1, 0, 0, 0, 1, 0.3, 0, 0, 1)}, "not orthonormal"),
    ],
)
def test_impossible_grids_are_refused(values: dict[str, tuple[float, ...]], message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Geometry(**{"shape": (2, 2, 2), **values})  # type: ignore[arg-type]


def test_distance_between_grids_is_in_mm() -> None:
    one = Geometry((4, 5, 6))
    other = Geometry((4, 5, 6), origin=(0.0, 3.0, 4.0))
    assert one.corner_distance(other) == pytest.approx(5.0)
    assert not one.matches(other)
    assert one.matches(Geometry((4, 5, 6), origin=(0.0, 0.0, 5e-4)))


def test_image_is_read_only_and_shaped_like_its_grid() -> None:
    array = np.zeros((2, 3, 4))
    image = Image(array, Geometry((2, 3, 4)))
    with pytest.raises(ValueError, match="read-only"):
        image.array[0, 0, 0] = 1
    array[0, 0, 0] = 1  # the caller's own array stays writable
    with pytest.raises(GeometryError, match=r"\(2, 3, 4\).*\(4, 3, 2\)"):
        Image(array, Geometry((4, 3, 2)))


def test_mask_is_boolean_and_knows_its_volume() -> None:
    array = np.zeros((2, 3, 4), dtype=bool)
    array[0, 0, :2] = True
    mask = Mask(array, Geometry((2, 3, 4), (5.0, 10.0, 10.0)), roi="GTV")
    assert mask.volume_ml == pytest.approx(1.0)  # 2 voxels of 500 mm³
    with pytest.raises(GeometryError, match="must be boolean, got uint8"):
        Mask(array.astype(np.uint8), mask.geometry)


def test_mask_off_the_grid_is_refused_with_the_distance() -> None:
    image = Image(np.zeros((2, 3, 4)), Geometry((2, 3, 4)))
    moved = Mask(np.ones((2, 3, 4), dtype=bool), Geometry((2, 3, 4), origin=(0, 0, 1.5)), "GTV-1")
    with pytest.raises(GeometryError, match=r"'GTV-1'.*corners differ by 1.5 mm"):
        check_same_grid(image, moved)
    small = Mask(np.ones((1, 3, 4), dtype=bool), Geometry((1, 3, 4)))
    with pytest.raises(GeometryError, match="resample_mask"):
        check_same_grid(image, small)
