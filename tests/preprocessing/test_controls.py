"""Negative controls: what must stay, what must go, and where a region may move."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from radtool.errors import GeometryError, InputError, ParameterError
from radtool.features import Parameters, extract
from radtool.image import Geometry, Image, Mask
from radtool.preprocessing import Discretise, controls
from radtool.preprocessing.controls import (
    CONTROLS,
    NegativeControl,
    body_mask,
    move_region,
    randomise_voxels,
    shuffle_surroundings,
    shuffle_voxels,
    tissue_mask,
)

GRID = Geometry((20, 24, 26), (2.0, 1.0, 1.0))
PARAMS = Parameters(
    discretise=(Discretise(method="fixed_bin_size", bin_width=5.0, lower=-100.0),),
    families=("morph", "stat", "ih", "glcm", "glrlm"),
)
# Of the morphological family, what looks at intensities too.
WITH_INTENSITIES = ("centre_of_mass_shift", "integrated_intensity", "moran", "geary")


@pytest.fixture(scope="module")
def case() -> tuple[Image, Mask]:
    """A smooth lesion: neighbours are alike, so that there is texture to lose."""
    z, y, x = np.indices(GRID.shape)
    array = 60 * np.sin(x / 3) * np.cos(y / 4) + np.random.default_rng(0).normal(0, 2, GRID.shape)
    ball = (2 * (z - 9)) ** 2 + (y - 12) ** 2 + (x - 8) ** 2 < 7**2
    return Image(array.astype(np.float32), GRID, "HU"), Mask(ball, GRID, "GTV")


def test_shuffling_keeps_histogram_and_outside(case: tuple[Image, Mask]) -> None:
    image, mask = case
    made = shuffle_voxels(image, mask, np.random.default_rng(1))
    inside = mask.array
    assert np.array_equal(np.sort(made.array[inside]), np.sort(image.array[inside]))
    assert np.array_equal(made.array[~inside], image.array[~inside])
    assert (made.array[inside] != image.array[inside]).mean() > 0.9
    assert made.array.dtype == image.array.dtype


def test_without_resampling_first_order_and_shape_stay_and_texture_goes(
    case: tuple[Image, Mask],
) -> None:
    image, mask = case
    before = extract(image, mask, PARAMS)
    control = NegativeControl(kind="shuffled_voxels")
    after = extract(*control.apply(image, mask, "c"), PARAMS)
    for name in before.index:
        family = name.split("_")[1]
        if family in ("stat", "ih"):
            assert after[name] == pytest.approx(before[name], rel=1e-12, abs=1e-12), name
        elif family == "morph" and not any(word in name for word in WITH_INTENSITIES):
            assert after[name] == before[name], name
    # A shuffled region has no correlation between neighbours; a smooth one nearly 1.
    correlation = "original_glcm_correlation_fbs5"
    assert before[correlation] > 0.8
    assert abs(after[correlation]) < 0.1
    assert after["original_glcm_contrast_fbs5"] > 3 * before["original_glcm_contrast_fbs5"]


def test_contrast_of_a_shuffled_region_is_twice_its_variance(case: tuple[Image, Mask]) -> None:
    """Two independent draws differ by twice the variance: E(i - j)² = 2 Var."""
    image, mask = case
    rng = np.random.default_rng(3)
    made = [extract(shuffle_voxels(image, mask, rng), mask, PARAMS) for _ in range(20)]
    contrast = np.mean([row["original_glcm_contrast_fbs5"] for row in made])
    assert contrast == pytest.approx(2 * made[0]["original_ih_variance_fbs5"], rel=0.02)


def test_surroundings_alone_are_shuffled(case: tuple[Image, Mask]) -> None:
    image, mask = case
    made = shuffle_surroundings(image, mask, np.random.default_rng(1))
    assert np.array_equal(made.array[mask.array], image.array[mask.array])
    assert np.array_equal(np.sort(made.array, axis=None), np.sort(image.array, axis=None))
    assert extract(made, mask, PARAMS).equals(extract(image, mask, PARAMS))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_random_voxels_are_uniform_in_the_range_of_the_region(
    case: tuple[Image, Mask], dtype: type
) -> None:
    image, mask = case
    whole = image.with_array(np.rint(image.array).astype(dtype))
    made = randomise_voxels(whole, mask, np.random.default_rng(1))
    drawn, own = made.array[mask.array].astype(float), whole.array[mask.array].astype(float)
    assert made.array.dtype == dtype
    assert own.min() <= drawn.min() <= drawn.max() <= own.max()
    spread = own.max() - own.min()
    assert drawn.std() == pytest.approx(spread / np.sqrt(12), rel=0.05)
    assert np.array_equal(made.array[~mask.array], whole.array[~mask.array])


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_case_gives_the_same_control_whoever_else_is_there(
    case: tuple[Image, Mask], kind: str
) -> None:
    def made(seed: int, name: str) -> bytes:
        image, mask = NegativeControl(kind=kind, seed=seed, within="image").apply(*case, name)
        return image.array.tobytes() + mask.array.tobytes()

    assert made(0, "a") == made(0, "a")
    assert len({made(0, "a"), made(0, "b"), made(1, "a")}) == 3


def test_a_moved_region_keeps_its_shape_and_leaves_its_place(case: tuple[Image, Mask]) -> None:
    _, mask = case
    for seed in range(20):
        moved = move_region(mask, np.random.default_rng(seed))
        assert not np.any(moved.array & mask.array)
        a, b = np.argwhere(mask.array), np.argwhere(moved.array)
        assert len(np.unique(b - a, axis=0)) == 1
        assert moved.roi == mask.roi


def every_place(allowed: np.ndarray, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The slow, obvious list of places of a full box."""
    ranges = [range(n - m + 1) for n, m in zip(allowed.shape, shape, strict=True)]
    return [
        start
        for start in itertools.product(*ranges)
        if allowed[tuple(slice(a, a + m) for a, m in zip(start, shape, strict=True))].all()
    ]


def test_every_place_that_fits_is_found_and_equally_likely() -> None:
    grid = Geometry((3, 6, 7))
    box = np.zeros(grid.shape, dtype=bool)
    box[0:2, 0:2, 0:2] = True
    organ = np.ones(grid.shape, dtype=bool)
    organ[:, 4, 3] = False
    places = every_place(organ & ~box, (2, 2, 2))
    rng = np.random.default_rng(0)
    found = [
        tuple(np.argwhere(move_region(Mask(box, grid), rng, within=Mask(organ, grid)).array)[0])
        for _ in range(100 * len(places))
    ]
    counts = {place: found.count(place) for place in places}
    assert sum(counts.values()) == len(found)
    # Chi squared with n - 1 degrees of freedom: mean n - 1, variance 2 (n - 1); five SD of room.
    n = len(places)
    chi2 = sum((count - 100) ** 2 / 100 for count in counts.values())
    assert chi2 < (n - 1) + 5 * np.sqrt(2 * (n - 1))


def test_all_places_are_those_of_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """An uneven shape among single forbidden voxels, by probes alone and by Fourier transform."""
    rng = np.random.default_rng(4)
    shape = ndimage.gaussian_filter(rng.normal(size=(4, 5, 6)), 1) > -0.1
    allowed = rng.random((9, 14, 15)) > 0.01
    expected = [
        start
        for start in itertools.product(range(6), range(10), range(10))
        if allowed[tuple(slice(a, a + n) for a, n in zip(start, shape.shape, strict=True))][
            shape
        ].all()
    ]
    assert 20 < len(expected) < 400
    monkeypatch.setattr(controls, "_FEW", 0)
    monkeypatch.setattr(controls, "_PROBES", 3)
    found = controls._all_places(allowed, shape, rng)
    assert sorted(map(tuple, found.tolist())) == expected


def test_the_only_place_among_a_million_is_found() -> None:
    grid = Geometry((60, 130, 130))
    box = np.zeros(grid.shape, dtype=bool)
    box[:3, :3, :3] = True
    organ = np.zeros(grid.shape, dtype=bool)
    organ[40:43, 90:93, 17:20] = True
    moved = move_region(Mask(box, grid), np.random.default_rng(0), within=Mask(organ, grid, "x"))
    assert np.array_equal(moved.array, organ)


def test_a_region_without_another_place_is_named() -> None:
    grid = Geometry((6, 6, 6))
    box = np.zeros(grid.shape, dtype=bool)
    box[1:5, 1:5, 1:5] = True
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"'GTV' .* fits nowhere else in the image"):
        move_region(Mask(box, grid, "GTV"), rng)
    small, organ = np.zeros_like(box), np.zeros_like(box)
    small[0, 0, :2], organ[5, 5, 5] = True, True
    with pytest.raises(InputError, match="fits nowhere else in 'liver'"):
        move_region(Mask(small, grid, "GTV"), rng, within=Mask(organ, grid, "liver"))


def test_the_body_has_its_lungs_and_no_couch() -> None:
    grid = Geometry((4, 60, 60))
    array = np.full(grid.shape, -1000.0, dtype=np.float32)
    y, x = np.indices((60, 60))
    array[:, (y - 28) ** 2 + (x - 30) ** 2 < 20**2] = 40.0
    array[:, (y - 28) ** 2 + (x - 24) ** 2 < 6**2] = -850.0
    array[:, 55:57, 5:55] = 100.0
    array[:, :3, :3] = -3024.0
    found = body_mask(Image(array, grid)).array
    assert np.array_equal(found[0], (y - 28) ** 2 + (x - 30) ** 2 < 20**2)
    image, region = Image(array, grid), np.zeros(grid.shape, dtype=bool)
    region[1:3, 20:26, 20:26] = True
    tissue = tissue_mask(image).array
    assert np.array_equal(tissue, found & (array == 40.0))
    in_body = NegativeControl(kind="moved_region", within="body")
    in_tissue = NegativeControl(kind="moved_region")
    for name in "abcdefgh":
        assert not np.any(in_body.apply(image, Mask(region, grid), name)[1].array & ~found)
        assert not np.any(in_tissue.apply(image, Mask(region, grid), name)[1].array & ~tissue)


def test_what_cannot_be_done_is_said(case: tuple[Image, Mask]) -> None:
    image, mask = case
    with pytest.raises(ParameterError, match="did you mean 'shuffled_voxels'"):
        NegativeControl(kind="shuffled_voxel")
    control = NegativeControl(kind="shuffled_voxels")
    with pytest.raises(InputError, match="'GTV' is empty"):
        control.apply(image, mask.with_array(np.zeros_like(mask.array)), "c")
    other = Mask(mask.array, Geometry(GRID.shape, (1.0, 1.0, 1.0)), "GTV")
    with pytest.raises(GeometryError, match="not on the image grid"):
        control.apply(image, other, "c")
    with pytest.raises(InputError, match="all intensities are equal"):
        body_mask(image.with_array(np.zeros(GRID.shape)))
