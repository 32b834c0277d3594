"""Regions that are empty, tiny, flat, thin or nonsense: an error that says so, or NaN with why."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError, ParameterError
from radtool.features import extract, load_params
from radtool.features.extraction import measure
from radtool.image import Geometry, Image, Mask

ALL = {
    "discretise": [{"method": "fixed_bin_number", "bin_number": 4}],
    "aggregation": {
        "pairs": ["2d_avg", "2d_merge", "25d_avg", "25d_merge", "3d_avg", "3d_merge"],
        "zones": ["2d", "25d", "3d"],
    },
    "minimum_voxels": 1,
}
GRID = Geometry((8, 9, 10), (3.0, 1.0, 1.0))


def noise(grid: Geometry = GRID) -> Image:
    rng = np.random.default_rng(0)
    return Image(np.round(rng.normal(0.0, 50.0, grid.shape)), grid, "HU")


def box(*part: slice, grid: Geometry = GRID) -> Mask:
    inside = np.zeros(grid.shape, dtype=bool)
    inside[part] = True
    return Mask(inside, grid, "GTV")


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(InputError, match="'GTV' is empty"):
        extract(noise(), box(slice(0, 0)), load_params(ALL))


def test_a_mask_on_another_grid_is_refused_with_the_distance() -> None:
    moved = Geometry(GRID.shape, GRID.spacing, (0.0, 0.0, 2.5))
    with pytest.raises(GeometryError, match=r"2\.5 mm"):
        extract(noise(), box(slice(2, 5), grid=moved), load_params(ALL))


def test_too_few_voxels_are_refused_with_the_volume() -> None:
    params = load_params({**ALL, "minimum_voxels": 64})
    with pytest.raises(InputError, match=r"2 voxel\(s\) \(0\.006 mL\).*minimum_voxels is 64"):
        extract(noise(), box(slice(2, 3), slice(2, 3), slice(2, 4)), params)


def test_nothing_within_the_range_is_refused_with_the_range() -> None:
    params = load_params({**ALL, "resegment": {"lower": 900.0, "upper": 1000.0}})
    with pytest.raises(InputError, match=r"re-segmentation range \(it has -"):
        extract(noise(), box(slice(2, 5)), params)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_intensities_that_are_not_finite_are_refused(value: float) -> None:
    array = noise().array.copy()
    array[3, 3, 3] = value
    with pytest.raises(InputError, match=r"1 of \d+ voxel\(s\) in mask 'GTV' are NaN or inf"):
        extract(Image(array, GRID), box(slice(2, 5)), load_params(ALL))


def test_intensities_outside_the_region_may_be_nan() -> None:
    array = noise().array.copy()
    array[7, 8, 9] = np.nan
    params = load_params({**ALL, "families": ["morph", "stat", "glcm"]})
    mask = box(slice(2, 5), slice(2, 5), slice(2, 5))
    found = extract(Image(array, GRID), mask, params)
    np.testing.assert_array_equal(found, extract(noise(), mask, params))


def test_absurd_intensities_name_the_rescale() -> None:
    image = noise()
    with pytest.raises(InputError, match="rescale slope"):
        extract(image.with_array(image.array * 1e30), box(slice(2, 5)), load_params(ALL))


def test_bins_far_too_narrow_are_refused() -> None:
    narrow = [{"method": "fixed_bin_size", "bin_width": 0.001}]
    with pytest.raises(InputError, match=r"fbs0p001 gives \d+ grey levels .* choose wider bins"):
        extract(noise(), box(slice(2, 5)), load_params({**ALL, "discretise": narrow}))


def test_a_single_voxel_gives_nan_with_the_reason() -> None:
    found = measure(noise(), box(slice(2, 3), slice(2, 3), slice(2, 3)), load_params(ALL))
    assert found.features["original_morph_volume_voxel_counting"] == 3.0
    assert np.isnan(found.features["original_glcm_contrast_fbn4"])
    assert "the region is a single voxel" in str(found.diagnostics["undefined"])


def test_a_flat_region_has_the_values_of_ibsi_and_says_what_is_undefined() -> None:
    image = noise().with_array(np.full(GRID.shape, 7.0))
    found = measure(image, box(slice(2, 5), slice(2, 6), slice(2, 7)), load_params(ALL))
    features = found.features
    assert features["original_stat_variance"] == 0.0
    assert features["original_stat_skewness"] == 0.0
    assert features["original_ih_entropy_fbn4"] == 0.0
    assert features["original_glcm_contrast_fbn4"] == 0.0
    assert features["original_glcm_correlation_fbn4"] == 1.0
    assert features["original_glszm_zone_size_variance_fbn4"] == 0.0
    assert np.isnan(features["original_morph_moran_i"])
    assert "all intensities are 7" in str(found.diagnostics["undefined"])


def test_a_region_of_one_slice_has_no_ellipsoid() -> None:
    found = measure(noise(), box(slice(2, 3), slice(2, 6), slice(2, 7)), load_params(ALL))
    assert found.features["original_morph_flatness"] == 0.0
    assert np.isnan(found.features["original_morph_volume_density_aee"])
    assert "one voxel thin" in str(found.diagnostics["undefined"])
    assert np.isfinite(found.features["original_morph_volume_density_convex_hull"])


def test_voxels_ten_times_as_long_as_wide_are_measured_in_mm() -> None:
    grid = Geometry((8, 40, 40), (10.0, 1.0, 1.0))
    mask = box(slice(2, 5), slice(5, 35), slice(5, 35), grid=grid)
    found = extract(noise(grid), mask, load_params(ALL))
    assert found["original_morph_volume_voxel_counting"] == 27000.0
    # A bar of n voxels of size s has variance s² (n² - 1) / 12 about its centre.
    for axis in ("major", "minor"):
        expected = 4 * np.sqrt((30**2 - 1) / 12)
        measured = found[f"original_morph_{axis}_axis_length"]
        np.testing.assert_allclose(measured, expected, rtol=1e-3)
    np.testing.assert_allclose(
        found["original_morph_least_axis_length"], 40 * np.sqrt(8 / 12), rtol=1e-3
    )


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"resamples": {}}, "did you mean 'resample'"),
        ({"resample": {"spacing": [1, 1, 1]}}, "did you mean 'spacing_mm'"),
        ({"features": {"glcm": ["contarst"]}}, "did you mean 'contrast'"),
        ({"families": ["glcn"]}, "'glcn' is unknown; did you mean"),
        ({"aggregation": {"pairs": ["3d_mean"]}}, "'3d_mean' is unknown"),
        ({"images": {"log-3": {}}}, "letters, digits and underscores"),
        ({"images": {"log": {"filter": {"sigma_mm": 3.0}}}}, "needs the key 'kind'"),
        ({"discretise": []}, r"need \[discretise\]"),
        ({"normalise": [{"step": "Zscore"}]}, "unknown intensity step 'Zscore'"),
        ({"neighbourhood": {"distance": 0}}, "1 to 10 voxels"),
    ],
)
def test_wrong_parameters_are_refused_with_the_near_name(extra: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        load_params({**ALL, **extra})
