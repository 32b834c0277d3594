"""What a network sees of a region."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError, ParameterError
from radtool.features.deep_input import DeepInput, tensor_of
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing import ZScore
from radtool.settings import parse_settings

GRID = Geometry((6, 8, 10), (3.0, 2.0, 1.0), (-5.0, 7.0, 11.0))
RANDOM = np.random.default_rng(0).normal(size=GRID.shape)
BOX = (slice(1, 4), slice(2, 6), slice(3, 8))  # middle (2, 3.5, 5)


def region(*boxes: tuple[slice, slice, slice], grid: Geometry = GRID) -> Mask:
    array = np.zeros(grid.shape, dtype=bool)
    for box in boxes:
        array[box] = True
    return Mask(array, grid, "GTV")


def ramp(grid: Geometry) -> Image:
    """Intensity 100·z + 10·y + x of the patient's millimetres, which linear sampling keeps."""
    places = grid.to_patient(np.stack(np.indices(grid.shape), axis=-1))
    return Image(places @ np.array([1.0, 10.0, 100.0]), grid, "HU")


def test_an_image_s_own_voxels_are_not_interpolated() -> None:
    found = tensor_of(Image(RANDOM, GRID), region(BOX), DeepInput(size=(3, 4, 5)))
    assert found.shape == (1, 1, 3, 4, 5)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0, 0], RANDOM[BOX].astype(np.float32))


def test_half_a_voxel_of_middle_goes_to_whole_voxels() -> None:
    # four slices 2…5 and size 3: the middle 3.5 less 1 is 2.5, rounded up to 3
    found = tensor_of(Image(RANDOM, GRID), region(np.s_[2:6, 3:4, 3:4]), DeepInput(size=(3, 1, 1)))
    np.testing.assert_array_equal(found.ravel(), RANDOM[3:6, 3, 3].astype(np.float32))


def test_a_new_voxel_size_lies_around_the_middle_of_the_region() -> None:
    settings = DeepInput(size=(2, 3, 3), spacing_mm=(2.5, 1.0, 2.0))
    found = tensor_of(ramp(GRID), region(BOX), settings)[0, 0]
    x, y, z = GRID.to_patient(np.array([2.0, 3.5, 5.0]))
    zs, ys, xs = np.meshgrid(
        z + 2.5 * np.array([-0.5, 0.5]), y + np.arange(-1, 2), x + 2.0 * np.arange(-1, 2),
        indexing="ij",
    )  # fmt: skip
    np.testing.assert_allclose(found, 100 * zs + 10 * ys + xs, rtol=1e-6)


def test_a_fitted_crop_holds_the_region_and_its_margin() -> None:
    # the region is 9 × 8 × 5 mm; with 3 mm on every side 15 mm are the most, over 5 voxels
    settings = DeepInput(size=(5, 5, 5), fit_margin_mm=3.0)
    found = tensor_of(ramp(GRID), region(BOX), settings)[0, 0]
    np.testing.assert_allclose(np.diff(found[:, 2, 2])[1:3], 300.0, rtol=1e-5)
    np.testing.assert_allclose(np.diff(found[2, :, 2])[1:3], 30.0, rtol=1e-4)


def test_slices_are_channels_around_the_largest() -> None:
    mask = region(np.s_[1:5, 2:4, 3:5], np.s_[3:4, 2:6, 3:7])
    found = tensor_of(Image(RANDOM, GRID), mask, DeepInput(view="slices", size=(3, 4, 4)))
    assert found.shape == (1, 3, 4, 4)
    np.testing.assert_array_equal(found[0], RANDOM[2:5, 2:6, 3:7].astype(np.float32))


def test_of_equal_slices_the_lowest_is_taken_and_can_be_repeated_for_a_colour_network() -> None:
    settings = DeepInput(view="slices", size=(1, 4, 5), channels=3, mean=(0, 1, 2), sd=(1, 2, 4))
    found = tensor_of(Image(RANDOM, GRID), region(BOX), settings)
    slice_1 = RANDOM[1, 2:6, 3:8]
    expected = np.stack([slice_1, (slice_1 - 1) / 2, (slice_1 - 2) / 4])
    np.testing.assert_allclose(found[0], expected, rtol=1e-6, atol=1e-7)


def test_a_fitted_slice_keeps_the_distance_of_slices() -> None:
    # 8 × 5 mm in the plane over 4 × 4 voxels: 2 mm
    settings = DeepInput(view="slices", size=(3, 4, 4), fit_margin_mm=0.0)
    found = tensor_of(ramp(GRID), region(np.s_[2:3, 2:6, 3:8]), settings)[0]
    np.testing.assert_allclose(found[2] - found[1], 300.0, rtol=1e-6)
    np.testing.assert_allclose(np.diff(found, axis=1), 20.0, rtol=1e-4)
    np.testing.assert_allclose(np.diff(found, axis=2), 2.0, rtol=1e-3)


def test_planes_are_the_middle_of_the_volume() -> None:
    volume = tensor_of(Image(RANDOM, GRID), region(BOX), DeepInput(size=(5, 5, 5)))[0, 0]
    found = tensor_of(Image(RANDOM, GRID), region(BOX), DeepInput(size=(5, 5, 5), view="planes"))
    np.testing.assert_array_equal(found[0], [volume[2], volume[:, 2], volume[:, :, 2]])


def test_outside_window_mean_and_sd_in_this_order() -> None:
    grid = Geometry((1, 1, 5))
    image = Image(np.array([[[-500.0, -100.0, 0.0, 100.0, 500.0]]]), grid, "HU")
    settings = DeepInput(
        size=(1, 1, 5), outside=0.0, window=(-200.0, 200.0), mean=(0.5,), sd=(0.25,)
    )
    # outside (the first and the last) is 0, so 0.5 of the window; -100 is 0.25, 0 0.5, 100 0.75
    found = tensor_of(image, region(np.s_[:, :, 1:4], grid=grid), settings)
    np.testing.assert_array_equal(found.ravel(), [0, -1, 0, 1, 0])


def test_beyond_the_image_its_edge_is_repeated() -> None:
    grid = Geometry((1, 1, 3))
    image = Image(np.array([[[1.0, 2.0, 5.0]]]), grid)
    found = tensor_of(image, region(np.s_[:, :, 2:3], grid=grid), DeepInput(size=(1, 1, 5)))
    np.testing.assert_array_equal(found.ravel(), [1, 2, 5, 5, 5])


def test_own_intensity_steps_replace_the_general_ones() -> None:
    image, mask = Image(RANDOM * 7 + 3, GRID), region(BOX)
    plain, general = DeepInput(size=(3, 4, 5)), (ZScore(),)
    own = dataclasses.replace(plain, normalise=({"step": "Rescale"},))
    z = (image.array - image.array.mean()) / image.array.std()
    unit = (image.array - image.array.min()) / np.ptp(image.array)
    found = [tensor_of(image, mask, settings, general)[0, 0] for settings in (plain, own)]
    np.testing.assert_allclose(found[0], z[BOX], rtol=1e-5)
    np.testing.assert_allclose(found[1], unit[BOX], rtol=1e-5)


@pytest.mark.parametrize("view", ["volume", "planes", "slices"])
def test_the_way_an_image_is_stored_changes_nothing(view: str) -> None:
    settings = parse_settings(
        DeepInput,
        {"size": [3, 3, 3], "view": view, "spacing_mm": [2.0, None, 1.5], "outside": -1},
        "here",
    )
    # region of nine slices of different sizes, so that its largest slice is one
    mask = region(BOX, np.s_[2:3, 1:7, 2:9])
    expected = tensor_of(Image(RANDOM, GRID), mask, settings)
    # stored (x, -z, y): index axes run along x, against z, and along y
    grid = Geometry(
        (10, 6, 8), (1.0, 3.0, 2.0),
        tuple(GRID.to_patient(np.array([5.0, 0.0, 0.0])).tolist()),
        # columns: the patient directions of index x (y), y (-z) and z (x)
        (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    )  # fmt: skip
    order = (2, 0, 1)
    image = Image(RANDOM.transpose(order)[:, ::-1], grid)
    other = Mask(mask.array.transpose(order)[:, ::-1], grid)
    np.testing.assert_array_equal(grid.corners().min(axis=0), GRID.corners().min(axis=0))
    np.testing.assert_array_equal(tensor_of(image, other, settings), expected)


def test_nan_matters_only_where_the_network_looks() -> None:
    array = RANDOM.copy()
    array[5, 7, 9] = np.nan
    image = Image(array, GRID)
    assert np.isfinite(tensor_of(image, region(BOX), DeepInput(size=(3, 4, 5)))).all()
    with pytest.raises(InputError, match=r"1 of 480 voxel\(s\) around mask 'GTV'"):
        tensor_of(image, region(np.s_[:, :, :]), DeepInput(size=(6, 8, 10)))


def test_an_empty_or_displaced_mask_is_refused() -> None:
    with pytest.raises(InputError, match="'GTV' is empty"):
        tensor_of(Image(RANDOM, GRID), region(), DeepInput(size=(2, 2, 2)))
    moved = dataclasses.replace(GRID, origin=(0.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="mm"):
        tensor_of(Image(RANDOM, GRID), region(BOX, grid=moved), DeepInput(size=(2, 2, 2)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "needs the key 'size'"),
        ({"size": [2, 2]}, "expected 3 values"),
        ({"size": [0, 2, 2]}, "at least 1 each"),
        ({"size": [2, 2, 2], "spacing": [1, 1, 1]}, "did you mean 'spacing_mm'"),
        ({"size": [2, 2, 2], "spacing_mm": [1, 0, 1]}, "sizes above 0"),
        ({"size": [2, 2, 2], "view": "slice"}, "did you mean 'slices'"),
        ({"size": [2, 2, 2], "interpolation": "linea"}, "did you mean 'linear'"),
        ({"size": [2, 3, 2], "view": "planes"}, "cubic size"),
        ({"size": [2, 2, 2], "spacing_mm": [1, 1, 1], "fit_margin_mm": 1}, "not both"),
        ({"size": [2, 2, 2], "fit_margin_mm": -1}, "0 or more"),
        ({"size": [2, 2, 2], "view": "slices", "channels": 3}, "view 'slices' makes 2"),
        ({"size": [2, 2, 2], "channels": 0}, "can be repeated"),
        ({"size": [2, 2, 2], "window": [5, 5]}, "must rise"),
        ({"size": [2, 2, 2], "mean": [0, 1]}, "one number or 1"),
        ({"size": [2, 2, 2], "sd": [0]}, "above 0"),
        ({"size": [2, 2, 2], "normalise": [{"step": "ZScor"}]}, "did you mean 'ZScore'"),
    ],
)
def test_wrong_settings_say_what_is_allowed(settings: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        parse_settings(DeepInput, settings, "[deep] input")
