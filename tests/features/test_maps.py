from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import ParameterError
from radtool.features import extract, feature_maps, load_params, plan_maps
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


def formula() -> tuple[Image, Mask]:
    z, y, x = np.indices((5, 6, 7))
    inside = (abs(z - 2) <= 1) & (abs(y - 3) <= 2) & (abs(x - 3) <= 2)
    inside[2, 3, 3] = False
    values = ((z * 37 + y * y * 11 + x * x * x * 5 + z * x * 13) % 97).astype(float)
    grid = Geometry(values.shape)
    return Image(values, grid), Mask(inside, grid)


# pyradiomics 3.0.1 (numpy 2.4.6), execute(voxelBased=True) on the image of `formula`: binWidth 10,
# kernelRadius 1, maskedKernel; its GLCM and GLRLM values are means over directions, its kurtosis
# is 3 above IBSI's. At voxels (2, 3, 2), (1, 1, 1), (3, 5, 4), and the mean of the map.
PYRADIOMICS = {
    "stat_mean": (46.23076923076923, 37.75, 64.33333333333333, 46.77957227589581),
    "stat_kurtosis": (-1.1338346660997083, -1.3812187608433277, -1.6157350482532806,
                      -1.1936564233331108),
    "ih_entropy_fbs10": (3.009125546947355, 2.155639062229565, 2.5849625007211543,
                         2.6788413955473684),
    "glcm_contrast_3d_avg_fbs10": (15.668310366104482, 17.01923076923077, 11.942307692307692,
                                   16.358051099227566),
    "glcm_joint_entropy_3d_avg_fbs10": (3.9636000296714737, 1.7307692307692295,
                                        2.4107576925295846, 2.875712637633416),
    "glcm_correlation_3d_avg_fbs10": (-0.04985595563944579, -0.10030792860566785,
                                      -0.2899533824895591, -0.13356318695469635),
    "glrlm_run_entropy_3d_avg_fbs10": (3.1309016986022327, 2.244971876592572, 2.5849625007211543,
                                       2.7493643366711367),
    "glszm_zone_percentage_fbs10": (0.5, 0.625, 0.5, 0.5678444281385457),
    "glszm_zone_size_entropy_fbs10": (3.238901256602627, 2.321928094887361, 2.5849625007211543,
                                      2.8577891349972933),
    "ngtdm_coarseness_fbs10": (0.10958433217737007, 0.18181818181818185, 0.2138888888888889,
                               0.16672121723122177),
    "ngtdm_contrast_fbs10": (0.5598215167099224, 2.3203125, 0.7272727272727272,
                             1.2340257029212311),
    "ngldm_dependence_count_entropy_fbs10": (3.7962176025900516, 2.155639062229565,
                                             2.5849625007211543, 2.9481733993968775),
    "ngldm_high_dependence_emphasis_fbs10": (6.076923076923077, 4.75, 4.0, 5.282119223295694),
}  # fmt: skip
AVERAGED = load_params(
    {
        "discretise": [WAY],
        "aggregation": {"pairs": ["3d_avg"], "zones": ["3d"]},
        "minimum_voxels": 1,
    }
)


@pytest.fixture(scope="module")
def averaged() -> dict[str, Image]:
    return feature_maps(*formula(), AVERAGED, [f"original_{name}" for name in PYRADIOMICS])


@pytest.mark.parametrize("name", PYRADIOMICS)
def test_a_map_has_the_values_of_pyradiomics(name: str, averaged: dict[str, Image]) -> None:
    array = averaged[f"original_{name}"].array
    found = [*(array[place] for place in ((2, 3, 2), (1, 1, 1), (3, 5, 4))), np.nanmean(array)]
    np.testing.assert_allclose(found, PYRADIOMICS[name], rtol=1e-12)


def test_processes_change_no_value() -> None:
    plan = plan_maps(*small(), PARAMS, COLUMNS[:3])
    one, two = plan.compute(jobs=1), plan.compute(jobs=2)
    for column in COLUMNS[:3]:
        np.testing.assert_array_equal(one[column].array, two[column].array)


def test_a_plan_says_what_it_costs_and_computes_only_what_was_asked() -> None:
    plan = plan_maps(*small(), PARAMS, [COLUMNS[2], COLUMNS[2]])
    assert plan.voxels == 4 * 5 * 5 - 1
    assert 0 < plan.seconds() < 10
    assert list(plan.compute()) == [COLUMNS[2]]


def test_progress_counts_neighbourhoods_and_may_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("radtool.features.maps._TILE", 40)
    plan = plan_maps(*small(), PARAMS, COLUMNS[1:3])
    told: list[tuple[int, int]] = []
    plan.compute(progress=lambda done, total, label: told.append((done, total)))
    assert told == [(n, 198) for n in (40, 80, 99, 139, 179, 198)]

    def stop(done: int, total: int, label: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan.compute(progress=stop)
