from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import ParameterError
from radtool.features import extract, feature_maps, load_params
from radtool.image import Geometry, Image, Mask

WAY = {"method": "fixed_bin_size", "bin_width": 10.0, "lower": 0.0}
PARAMS = load_params(
    {
        "discretise": [WAY],
        "aggregation": {"pairs": ["3d_merge", "3d_avg"], "zones": ["3d"]},
        "minimum_voxels": 1,
    }
)
COLUMNS = [
    "original_stat_mean",
    "original_ih_entropy_fbs10",
    "original_glcm_contrast_fbs10",
    "original_glcm_joint_entropy_3d_avg_fbs10",
    "original_glrlm_run_entropy_fbs10",
    "original_glszm_zone_percentage_fbs10",
    "original_ngtdm_coarseness_fbs10",
    "original_ngldm_dependence_count_entropy_fbs10",
]


def small() -> tuple[Image, Mask]:
    rng = np.random.default_rng(0)
    grid = Geometry((7, 8, 9), (2.0, 1.0, 1.0))
    image = Image(rng.integers(0, 60, grid.shape).astype(float), grid)
    inside = np.zeros(grid.shape, dtype=bool)
    inside[1:5, 2:7, 1:6] = True
    inside[2, 3, 4] = False
    return image, Mask(inside, grid)


@pytest.mark.parametrize("radius", [1, 2])
def test_a_voxel_of_a_map_is_the_feature_of_its_neighbourhood(radius: int) -> None:
    image, mask = small()
    maps = feature_maps(image, mask, PARAMS, COLUMNS, radius=radius)
    for place in ((2, 4, 4), (1, 2, 1), (4, 6, 5)):
        cube = np.zeros(mask.array.shape, dtype=bool)
        cube[tuple(slice(max(p - radius, 0), p + radius + 1) for p in place)] = True
        expected = extract(image, mask.with_array(mask.array & cube), PARAMS)
        for column in COLUMNS:
            np.testing.assert_allclose(maps[column].array[place], expected[column])


def test_a_map_lies_on_the_image_and_is_nan_outside_the_region() -> None:
    image, mask = small()
    found = feature_maps(image, mask, PARAMS, COLUMNS[:1])[COLUMNS[0]]
    assert found.geometry == image.geometry
    np.testing.assert_array_equal(np.isfinite(found.array), mask.array)


def test_a_map_from_a_resampled_grid_comes_back() -> None:
    image, mask = small()
    params = load_params({**PARAMS.to_dict(), "resample": {"spacing_mm": [1.0, 1.0, 1.0]}})
    found = feature_maps(image, mask, params, COLUMNS[:2])
    for one in found.values():
        assert one.geometry == image.geometry
        assert np.isnan(one.array[~mask.array]).all()
        assert np.isfinite(one.array[mask.array]).mean() > 0.9


def test_the_surroundings_count_when_they_are_not_masked() -> None:
    image, mask = small()
    maps = feature_maps(image, mask, PARAMS, COLUMNS[:1], masked=False)
    expected = image.array[0:3, 1:4, 0:3].mean()
    np.testing.assert_allclose(maps[COLUMNS[0]].array[1, 2, 1], expected)


@pytest.mark.parametrize("column", ["original_glcm_contrast", "original_morph_volume"])
def test_a_column_without_a_map_is_refused(column: str) -> None:
    with pytest.raises(ParameterError, match=f"no map of '{column}'"):
        feature_maps(*small(), PARAMS, [column])
