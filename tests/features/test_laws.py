"""What must not change a feature: where the region lies, what surrounds it, how axes are named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from radtool.features import Parameters, extract, load_params
from radtool.features.catalogue import FAMILY_FEATURES
from radtool.features.parameters import ImageType
from radtool.features.region import prepare
from radtool.image import Geometry, Image, Mask

AGGREGATION = {"pairs": ["3d_avg", "3d_merge"], "zones": ["3d"]}
PARAMS = load_params(
    {
        "discretise": [{"method": "fixed_bin_number", "bin_number": 6}],
        "aggregation": AGGREGATION,
        "volume_histogram": {"method": "fixed_bin_number", "bin_number": 50},
    }
)
RESAMPLED = load_params(
    {
        **PARAMS.to_dict(),
        "resample": {"spacing_mm": [1.3, 1.1, 1.2], "image_interpolation": "cubic"},
        "images": {
            "original": {},
            "log": {"filter": {"kind": "log", "sigma_mm": 1.5}},
            "mean": {"filter": {"kind": "mean", "size_voxels": 3}},
        },
    }
)


# Every aggregation; the bins of a fixed size start at the region's minimum.
SLICES = load_params(
    {
        **PARAMS.to_dict(),
        "discretise": [{"method": "fixed_bin_size", "bin_width": 40}],
        "aggregation": {
            "pairs": ["2d_avg", "2d_merge", "25d_avg", "25d_merge", "3d_avg", "3d_merge"],
            "zones": ["2d", "25d", "3d"],
        },
    }
)


def phantom(
    shape: tuple[int, int, int] = (14, 16, 18), spacing: tuple[float, ...] = (2.0, 1.0, 1.5)
) -> tuple[Image, Mask]:
    rng = np.random.default_rng(7)
    grid = Geometry(shape, spacing)
    array = np.round(ndimage.gaussian_filter(rng.normal(0, 300, shape), 1.0))
    z, y, x = np.indices(shape)
    inside = ((z - 7) / 4) ** 2 + ((y - 8) / 5) ** 2 + ((x - 8) / 6) ** 2 <= 1
    return Image(array, grid), Mask(inside & (rng.random(shape) < 0.97), grid)


def test_every_family_is_held() -> None:
    for params in (PARAMS, RESAMPLED, SLICES):
        names = extract(*phantom(), params).index
        assert {name.split("_")[1] for name in names} == set(FAMILY_FEATURES)


def test_patient_position_changes_nothing() -> None:
    image, mask = phantom()
    moved = Geometry(image.geometry.shape, image.geometry.spacing, (-120.5, 33.25, 900.0))
    there = extract(Image(image.array, moved), Mask(mask.array, moved), RESAMPLED)
    np.testing.assert_allclose(there, extract(image, mask, RESAMPLED), rtol=1e-9, atol=1e-9)


def test_what_is_cut_off_far_from_the_region_changes_nothing() -> None:
    image, mask = phantom((44, 46, 48))
    wide = ((15, 15),) * 3
    grid = image.geometry.crop((-15, -15, -15), tuple(n + 30 for n in image.geometry.shape))
    padded = Image(np.pad(image.array, wide, mode="wrap"), grid)
    moved = Mask(np.pad(mask.array, wide), grid)
    unfiltered = load_params({**RESAMPLED.to_dict(), "resample": {}, "images": {"original": {}}})
    for params in (unfiltered, SLICES):
        np.testing.assert_array_equal(extract(padded, moved, params), extract(image, mask, params))


@pytest.mark.parametrize("filtered", [True, False])
def test_cropping_to_the_region_changes_nothing(
    filtered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, mask = phantom((40, 44, 48))
    moved = Mask(np.roll(mask.array, (9, 12, 12), axis=(0, 1, 2)), mask.geometry)
    # Without filters the spheres of the intensity peaks reach farthest: to a bright spot outside.
    array = image.array.copy()
    array[16, 20, np.argwhere(moved.array).max(0)[2] + 3] = 1e5
    image = image.with_array(array)
    images = RESAMPLED.images if filtered else {"original": ImageType()}
    params = dataclasses.replace(RESAMPLED, images=images)
    cropped = extract(image, moved, params)
    small = prepare(image, moved, params).image.array.size
    monkeypatch.setattr("radtool.features.region._reach", lambda grid, params: None)
    assert prepare(image, moved, params).image.array.size > 2 * small
    whole = extract(image, moved, params)
    np.testing.assert_allclose(cropped, whole, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_axes_may_change_places_with_their_spacing(order: tuple[int, int, int]) -> None:
    image, mask = phantom()
    grid = Geometry(
        tuple(image.geometry.shape[k] for k in order),
        tuple(image.geometry.spacing[k] for k in order),
    )
    turned = extract(
        Image(image.array.transpose(order), grid), Mask(mask.array.transpose(order), grid), PARAMS
    )
    found = extract(image, mask, PARAMS)
    # The surface is cut into triangles in another order of the axes.
    meshed = found.index.str.contains("_morph_")
    np.testing.assert_allclose(turned[~meshed], found[~meshed], rtol=1e-9)
    np.testing.assert_allclose(turned[meshed], found[meshed], rtol=5e-3)


def test_slices_may_be_turned_in_every_aggregation() -> None:
    image, mask = phantom()
    z, y, x = image.geometry.spacing
    nz, ny, nx = image.geometry.shape
    grid = Geometry((nz, nx, ny), (z, x, y))
    order = (0, 2, 1)
    turned = extract(
        Image(image.array.transpose(order), grid), Mask(mask.array.transpose(order), grid), SLICES
    )
    found = extract(image, mask, SLICES)
    texture = ~found.index.str.contains("_morph_")
    np.testing.assert_allclose(turned[texture], found[texture], rtol=1e-9)


@pytest.mark.parametrize("params", [PARAMS, SLICES], ids=["volume", "slices"])
def test_mirroring_changes_no_texture(params: Parameters) -> None:
    image, mask = phantom()
    mirrored = extract(
        image.with_array(image.array[::-1, :, ::-1]), mask.with_array(mask.array[::-1, :, ::-1]),
        params,
    )  # fmt: skip
    found = extract(image, mask, params)
    texture = ~found.index.str.contains("_morph_")
    np.testing.assert_allclose(mirrored[texture], found[texture], rtol=1e-9)


@given(shift=st.integers(-5000, 5000), scale=st.sampled_from([0.25, 2.0, 8.0]))
@settings(max_examples=10, deadline=None)
def test_texture_of_a_fixed_bin_number_ignores_shift_and_scale(shift: int, scale: float) -> None:
    image, mask = phantom()
    found = extract(image, mask, PARAMS)
    changed = extract(image.with_array(image.array * scale + shift), mask, PARAMS)
    levelled = found.index.str.endswith("fbn6")
    np.testing.assert_allclose(changed[levelled], found[levelled], rtol=1e-12)
    _check_statistics(found, changed, float(shift), scale)


@given(shift=st.integers(-5000, 5000))
@settings(max_examples=5, deadline=None)
def test_bins_from_the_minimum_on_ignore_a_shift(shift: int) -> None:
    image, mask = phantom()
    found = extract(image, mask, SLICES)
    changed = extract(image.with_array(image.array + shift), mask, SLICES)
    levelled = found.index.str.endswith("fbs40")
    assert levelled.sum() > 300
    np.testing.assert_allclose(changed[levelled], found[levelled], rtol=1e-12)


def _check_statistics(found: pd.Series, changed: pd.Series, shift: float, scale: float) -> None:
    for name in ("mean", "median", "p10", "p90", "minimum", "maximum"):
        column = f"original_stat_{name}"
        np.testing.assert_allclose(changed[column], found[column] * scale + shift, atol=1e-7)
    for name in ("interquartile_range", "range", "mean_absolute_deviation"):
        column = f"original_stat_{name}"
        np.testing.assert_allclose(changed[column], found[column] * scale, atol=1e-7)
    for name in ("skewness", "kurtosis"):
        column = f"original_stat_{name}"
        np.testing.assert_allclose(changed[column], found[column], atol=1e-7)
    np.testing.assert_allclose(
        changed["original_morph_moran_i"], found["original_morph_moran_i"], atol=1e-7
    )


def test_twice_the_voxel_size_is_twice_the_length() -> None:
    image, mask = phantom()
    large = Geometry(image.geometry.shape, tuple(2 * s for s in image.geometry.spacing))
    found = extract(image, mask, PARAMS)
    doubled = extract(Image(image.array, large), Mask(mask.array, large), PARAMS)
    for name, factor in {
        "volume": 8, "surface_area": 4, "maximum_3d_diameter": 2, "major_axis_length": 2,
        "sphericity": 1, "geary_c": 1,
    }.items():  # fmt: skip
        column = f"original_morph_{name}"
        np.testing.assert_allclose(doubled[column], factor * found[column], rtol=1e-9)


def test_the_same_input_gives_the_same_bytes() -> None:
    image, mask = phantom()
    first, second = (extract(image, mask, RESAMPLED) for _ in range(2))
    assert first.to_numpy().tobytes() == second.to_numpy().tobytes()
