from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing import Resample, resample_image, resample_mask, resampled_geometry


def image_of(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Image:
    rng = np.random.default_rng(0)
    return Image(rng.normal(0, 100, shape), Geometry(shape, spacing, (3.0, -7.0, 11.0)))


def turned() -> tuple[float, ...]:
    c, s = np.cos(0.3), np.sin(0.3)
    return (c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)


def itk_resample(image: Image, like: Geometry, interpolator: int) -> np.ndarray:
    """SimpleITK's own resampling, NaN outside the image."""
    source = sitk.GetImageFromArray(image.array)
    source.SetSpacing(image.geometry.spacing_xyz)
    source.SetOrigin(image.geometry.origin)
    source.SetDirection(image.geometry.direction)
    resample = sitk.ResampleImageFilter()
    resample.SetSize(like.shape[::-1])
    resample.SetOutputSpacing(like.spacing_xyz)
    resample.SetOutputOrigin(like.origin)
    resample.SetOutputDirection(like.direction)
    resample.SetInterpolator(interpolator)
    resample.SetDefaultPixelValue(np.nan)
    return sitk.GetArrayFromImage(resample.Execute(source))


def test_the_new_grid_has_the_same_centre_and_covers_the_old_one() -> None:
    old = Geometry((60, 201, 204), (3.0, 0.977, 0.977), (-174.4, -79.6, -100.4), turned())
    new = resampled_geometry(old, (2.0, 2.0, 2.0))
    assert new.shape == (90, 99, 100)
    np.testing.assert_allclose(new.corners().mean(axis=0), old.corners().mean(axis=0))


def test_an_axis_without_a_new_spacing_is_kept() -> None:
    new = resampled_geometry(Geometry((60, 201, 204), (3.0, 0.977, 0.977)), (None, 2.0, 2.0))
    assert new.shape == (60, 99, 100)
    assert new.spacing == (3.0, 2.0, 2.0)


def test_rounding_errors_add_no_voxel() -> None:
    # 30 × 0.7 / 0.3 = 70.00000000000001 in floating point.
    assert resampled_geometry(Geometry((30, 1, 1), (0.7, 1, 1)), (0.3, None, None)).shape[0] == 70


@pytest.mark.parametrize("direction", [turned(), Geometry((1, 1, 1)).direction])
@pytest.mark.parametrize(
    ("name", "interpolator"), [("linear", sitk.sitkLinear), ("nearest", sitk.sitkNearestNeighbor)]
)
def test_values_are_those_of_itk_within_the_image(
    name: str, interpolator: int, direction: tuple[float, ...]
) -> None:
    image = image_of((9, 10, 11), (2.0, 1.0, 1.5))
    like = Geometry((6, 7, 8), (1.7, 1.3, 1.1), (5.0, -4.0, 14.0), direction)
    found, expected = resample_image(image, like, interpolation=name), None
    expected = itk_resample(image, like, interpolator)
    inside = np.isfinite(expected)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(found.array[inside], expected[inside], atol=1e-5)


def test_a_cubic_spline_goes_through_the_voxels_and_follows_itk_deep_inside() -> None:
    image = image_of((40, 41, 42), (1.0, 1.0, 1.0))
    same = image.geometry.crop((0, 0, 0), (40, 41, 41))
    np.testing.assert_allclose(
        resample_image(image, same, interpolation="cubic").array, image.array[:, :, :41], atol=1e-9
    )
    like = image.geometry.crop((17, 17, 17), (6, 6, 6))
    like = Geometry(like.shape, (0.9, 0.8, 1.1), like.origin)
    np.testing.assert_allclose(
        resample_image(image, like, interpolation="cubic").array,
        itk_resample(image, like, sitk.sitkBSpline),
        atol=1e-6,
    )


def test_a_cubic_spline_of_a_turned_grid_meets_the_straight_one() -> None:
    image = image_of((12, 13, 14), (1.0, 1.0, 1.0))
    point = Geometry((1, 1, 1), (1, 1, 1), (8.3, -1.2, 16.4))
    straight = resample_image(image, point, interpolation="cubic").array
    oblique = Geometry((1, 1, 1), (1, 1, 1), point.origin, turned())
    np.testing.assert_allclose(
        resample_image(image, oblique, interpolation="cubic").array, straight, atol=1e-6
    )


@pytest.mark.parametrize("name", ["nearest", "linear", "cubic"])
def test_the_edge_value_goes_on_outside_the_image(name: str) -> None:
    image = image_of((3, 4, 5), (1.0, 1.0, 1.0))
    constant = image.with_array(np.full((3, 4, 5), 7.0))
    like = image.geometry.crop((-4, -4, -4), (11, 12, 13))
    np.testing.assert_allclose(resample_image(constant, like, interpolation=name).array, 7.0)


@pytest.mark.parametrize("name", ["nearest", "linear"])
def test_a_part_of_the_target_gets_the_bits_of_the_whole(name: str) -> None:
    image = image_of((30, 31, 32), (1.7, 0.9, 0.9))
    whole = resampled_geometry(image.geometry, (1.0, 1.0, 1.0))
    part = whole.crop((11, 5, 7), (9, 10, 8))
    np.testing.assert_array_equal(
        resample_image(image, part, interpolation=name).array,
        resample_image(image, whole, interpolation=name).array[11:20, 5:15, 7:15],
    )


def test_half_a_voxel_inside_is_inside() -> None:
    grid = Geometry((1, 1, 8))
    mask = Mask(np.array([[[0, 0, 1, 1, 1, 1, 0, 0]]], dtype=bool), grid)
    # New centres at 0.5, 2.5, 4.5, 6.5: half of two voxels each; all or none of them here.
    halves = Geometry((1, 1, 4), (1.0, 1.0, 2.0), (0.5, 0.0, 0.0))
    assert resample_mask(mask, halves).array.tolist() == [[[False, True, True, False]]]
    # Centres at 1.5 and 5.5: exactly half inside.
    border = Geometry((1, 1, 2), (1.0, 1.0, 4.0), (1.5, 0.0, 0.0))
    assert resample_mask(mask, border).array.tolist() == [[[True, True]]]
    assert not resample_mask(mask, border, threshold=0.6).array.any()


def test_a_mask_that_reaches_the_edge_does_not_go_on_outside() -> None:
    mask = Mask(np.ones((4, 4, 4), dtype=bool), Geometry((4, 4, 4)))
    moved = resample_mask(mask, mask.geometry.crop((-3, -3, -3), (10, 10, 10)))
    assert int(moved.array.sum()) == 64
    np.testing.assert_array_equal(moved.array[3:7, 3:7, 3:7], True)


def test_a_mask_elsewhere_is_empty() -> None:
    mask = Mask(np.ones((2, 2, 2), dtype=bool), Geometry((2, 2, 2)))
    assert resample_mask(mask, Geometry((3, 3, 3), origin=(50.0, 50.0, 50.0))).is_empty


def test_the_volume_of_a_ball_is_kept() -> None:
    z, y, x = np.indices((40, 60, 60))
    ball = ((z - 20) * 1.5) ** 2 + (y - 30) ** 2 + (x - 30) ** 2 <= 20**2
    mask = Mask(ball, Geometry((40, 60, 60), (1.5, 1.0, 1.0)))
    fine = resample_mask(mask, resampled_geometry(mask.geometry, (0.7, 0.7, 0.7)))
    np.testing.assert_allclose(fine.volume_ml, mask.volume_ml, rtol=2e-3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "sizes above 0"),
        ({"image_interpolation": "linar"}, "did you mean 'linear'"),
        ({"mask_interpolation": "cubic"}, "nearest or linear"),
        ({"mask_threshold": 0.0}, r"in \(0, 1\]"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Resample(**settings)
