"""Each kernel against a slow obvious twin, compiled and as Python."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from radtool.features import _kernels
from radtool.features._kernels import (
    count_neighbours,
    count_pairs,
    count_runs,
    find_zones,
    sphere_sums,
)
from radtool.features.levels import Levels, half_neighbourhood, neighbourhood

KINDS = ("compiled", "python")


def as_kind(kernel, kind: str):
    return kernel if kind == "compiled" else kernel.py_func


def random_levels(seed: int, shape: tuple[int, int, int] = (4, 5, 6), n_levels: int = 3) -> Levels:
    """Random levels with holes; as many as `n_levels`, clumped so that runs and zones exist."""
    rng = np.random.default_rng(seed)
    array = ndimage.uniform_filter(rng.random(shape), 2)
    ranks = np.argsort(np.argsort(array.ravel())).reshape(shape)
    levels = (1 + ranks * n_levels // ranks.size).astype(np.int32)
    levels[rng.random(shape) < 0.2] = 0
    return Levels(levels)


def voxels_of(levels: Levels) -> dict[tuple[int, int, int], int]:
    where = np.argwhere(levels.array)
    return {tuple(map(int, place)): int(levels.array[tuple(place)]) for place in where}


def moved(place, offset, times: int = 1) -> tuple[int, int, int]:
    return tuple(int(p + times * o) for p, o in zip(place, offset, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_pairs(kind: str, dimensions: int) -> None:
    levels = random_levels(1)
    offsets = half_neighbourhood(dimensions)
    steps = levels.steps(offsets)
    counts = as_kind(count_pairs, kind)(levels.flat, levels.voxels, steps, levels.n_levels)
    known = voxels_of(levels)
    expected = np.zeros((len(offsets), 3, 3), dtype=np.int64)
    for (number, offset), (place, level) in itertools.product(enumerate(offsets), known.items()):
        other = known.get(moved(place, offset))
        if other:
            expected[number, level - 1, other - 1] += 1
    np.testing.assert_array_equal(counts[:, 1:, 1:], expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_runs(kind: str, dimensions: int) -> None:
    levels = random_levels(2)
    offsets = half_neighbourhood(dimensions)
    counts = as_kind(count_runs, kind)(
        levels.flat, levels.voxels, levels.steps(offsets), levels.n_levels, levels.longest
    )
    known = voxels_of(levels)
    expected = np.zeros((len(offsets), 4, levels.longest + 1), dtype=np.int64)
    for (number, offset), (place, level) in itertools.product(enumerate(offsets), known.items()):
        if known.get(moved(place, offset, -1)) == level:
            continue
        length = 1
        while known.get(moved(place, offset, length)) == level:
            length += 1
        expected[number, level, length] += 1
    np.testing.assert_array_equal(counts[:, 1:, 1:], expected[:, 1:, 1:])
    assert (counts * np.arange(levels.longest + 1)).sum() == len(known) * len(offsets)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dimensions", "structure"), [(2, "slice"), (3, "volume")])
def test_zones(kind: str, dimensions: int, structure: str) -> None:
    levels = random_levels(3)
    rng = np.random.default_rng(4)
    distance = rng.integers(1, 9, levels.padded.shape).astype(np.int32)
    steps = levels.steps(half_neighbourhood(dimensions))
    found = as_kind(find_zones, kind)(levels.flat, levels.voxels, steps, distance.reshape(-1))
    connected = np.ones((3, 3, 3))
    if structure == "slice":
        connected[[0, 2]] = 0
    expected = []
    for level in range(1, 4):
        zones, n = ndimage.label(levels.padded == level, connected)
        for number in range(1, n + 1):
            inside = zones == number
            expected.append((level, int(inside.sum()), int(distance[inside].min())))
    assert sorted(zip(*(part.tolist() for part in found), strict=True)) == sorted(expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0, 1])
@pytest.mark.parametrize("distance", [1, 2])
def test_neighbours(kind: str, alpha: int, distance: int) -> None:
    levels = Levels(random_levels(5).array, distance)
    offsets = neighbourhood(3, distance)
    occurrence, difference, dependence = as_kind(count_neighbours, kind)(
        levels.flat, levels.voxels, levels.steps(offsets), levels.n_levels, alpha
    )
    known = voxels_of(levels)
    expected = [np.zeros_like(part) for part in (occurrence, difference, dependence)]
    for place, level in known.items():
        around = [known[p] for p in (moved(place, o) for o in offsets) if p in known]
        expected[0][level, len(around)] += 1
        expected[1][level, len(around)] += abs(level * len(around) - sum(around))
        expected[2][level, 1 + sum(abs(level - other) <= alpha for other in around)] += 1
    for part, wanted in zip((occurrence, difference, dependence), expected, strict=True):
        np.testing.assert_array_equal(part, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_spheres(kind: str) -> None:
    rng = np.random.default_rng(6)
    image = rng.integers(-9, 9, (7, 8, 9)).astype(float)
    rows = np.array([[-1, 0, 0], [0, -1, 1], [0, 0, 2], [0, 1, 1], [1, 0, 0]])
    cumulative = np.pad(np.cumsum(image, axis=2), ((0, 0), (0, 0), (1, 0)))
    start, stop = np.array([1, 1, 2]), np.array([6, 7, 7])
    sums = as_kind(sphere_sums, kind)(cumulative, rows, start, stop)
    for z, y, x in itertools.product(*map(range, start, stop)):
        expected = sum(image[z + dz, y + dy, x - n : x + n + 1].sum() for dz, dy, n in rows)
        assert sums[z - 1, y - 1, x - 2] == expected


@pytest.mark.parametrize("shape", [(3, 1, 300), (300, 1, 1), (1, 40, 1), (2, 2, 9), (1, 3, 520)])
def test_zones_and_runs_of_thin_and_long_regions(shape: tuple[int, int, int]) -> None:
    levels = random_levels(8, shape, 2)
    steps = levels.steps(half_neighbourhood(3))
    _, sizes, _ = find_zones(levels.flat, levels.voxels, steps, levels.flat)
    labels = [ndimage.label(levels.padded == level, np.ones((3, 3, 3)))[0] for level in (1, 2)]
    expected = [size for found in labels for size in np.bincount(found.ravel())[1:]]
    assert sorted(sizes.tolist()) == sorted(expected)
    for step in steps:
        alone = np.array([step])
        counts = count_runs(levels.flat, levels.voxels, alone, 2, levels.longest)
        found = np.zeros_like(counts)
        flat = levels.flat.tolist()
        for here in levels.voxels.tolist():
            length = 1
            if flat[here - step] == flat[here]:
                continue
            while flat[here + length * step] == flat[here]:
                length += 1
            found[0, flat[here], length] += 1
        np.testing.assert_array_equal(counts, found)


def test_a_long_snake_is_one_zone() -> None:
    array = np.zeros((1, 41, 41), dtype=np.int32)
    array[0, ::2] = 1
    array[0, 1::4, -1] = 1
    array[0, 3::4, 0] = 1
    levels = Levels(array)
    distance = np.ones(levels.flat.shape, dtype=np.int32)
    steps = levels.steps(half_neighbourhood(2))
    _, sizes, _ = find_zones(levels.flat, levels.voxels, steps, distance)
    assert sizes.tolist() == [int(array.sum())]


def test_no_kernel_is_compiled_by_import() -> None:
    import subprocess
    import sys

    code = (
        "from radtool.features import _kernels as k\n"
        "assert not any(getattr(k, name).signatures for name in k.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert _kernels.__all__ == sorted(_kernels.__all__)
