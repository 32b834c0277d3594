"""Each counting kernel against a slow obvious twin on random input, compiled and as Python."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from radtool.features import _kernels
from radtool.features._kernels import (
    count_neighbours,
    count_pairs,
    count_runs,
    find_zones,
    sphere_sums,
)
from radtool.features._kernels.bins import bin_numbers
from radtool.features.levels import Levels, half_neighbourhood, neighbourhood

KINDS = ("compiled", "python")
Place = tuple[int, int, int]

every_kind = pytest.mark.parametrize("kind", KINDS)
random_input = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def as_kind(kernel, kind: str):
    return kernel if kind == "compiled" else kernel.py_func


@st.composite
def volumes(draw: st.DrawFn) -> np.ndarray:
    """Levels with holes, clumped or not, a few of them or many; blocks and long thin rows."""
    block = st.tuples(*(st.integers(1, 6),) * 3)
    row = st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(250, 540))
    shape = draw(st.one_of(block, block, row, row.map(lambda sizes: sizes[::-1])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    array = rng.random(shape)
    if draw(st.booleans()):
        array = ndimage.uniform_filter(array, 2)
    ranks = np.argsort(np.argsort(array.ravel())).reshape(shape)
    levels = (1 + ranks * draw(st.sampled_from([1, 2, 3, 40])) // ranks.size).astype(np.int32)
    levels[rng.random(shape) < draw(st.sampled_from([0.0, 0.2, 0.9]))] = 0
    if not levels.any():
        levels.flat[0] = 1
    return levels


def known_levels(levels: Levels) -> dict[Place, int]:
    where = np.argwhere(levels.array)
    return {tuple(map(int, place)): int(levels.array[tuple(place)]) for place in where}


def moved(place: Place, offset: np.ndarray, times: int = 1) -> Place:
    z, y, x = (int(p + times * o) for p, o in zip(place, offset, strict=True))
    return z, y, x


def slow_pairs(levels: Levels, offsets: np.ndarray) -> np.ndarray:
    known = known_levels(levels)
    counts = np.zeros((len(offsets), *(levels.n_levels + 1,) * 2), dtype=np.int64)
    for (number, offset), (place, level) in itertools.product(enumerate(offsets), known.items()):
        counts[number, level, known.get(moved(place, offset), 0)] += 1
    return counts


def slow_runs(levels: Levels, offsets: np.ndarray) -> np.ndarray:
    known = known_levels(levels)
    counts = np.zeros((len(offsets), levels.n_levels + 1, levels.longest + 1), dtype=np.int64)
    for (number, offset), (place, level) in itertools.product(enumerate(offsets), known.items()):
        if known.get(moved(place, offset, -1)) == level:
            continue
        length = 1
        while known.get(moved(place, offset, length)) == level:
            length += 1
        counts[number, level, length] += 1
    return counts


def slow_zones(levels: Levels, distance: np.ndarray, dimensions: int) -> list[Place]:
    """Walk from voxel to voxel of a level, until nobody is left."""
    known, zones = known_levels(levels), []
    padded = distance[1:-1, 1:-1, 1:-1]
    left = dict(known)
    while left:
        start, level = next(iter(left.items()))
        del left[start]
        zone, ahead = [start], [start]
        while ahead:
            here = ahead.pop()
            for offset in neighbourhood(dimensions):
                there = moved(here, offset)
                if left.get(there) == level:
                    del left[there]
                    zone.append(there)
                    ahead.append(there)
        zones.append((level, len(zone), min(int(padded[place]) for place in zone)))
    return sorted(zones)


def slow_neighbours(levels: Levels, offsets: np.ndarray, alpha: int) -> list[np.ndarray]:
    known = known_levels(levels)
    rows, n = levels.n_levels + 1, len(offsets)
    occurrence, difference = np.zeros((2, rows, n + 1), dtype=np.int64)
    dependence = np.zeros((rows, n + 2), dtype=np.int64)
    for place, level in known.items():
        around = [known[p] for p in (moved(place, o) for o in offsets) if p in known]
        occurrence[level, len(around)] += 1
        difference[level, len(around)] += abs(level * len(around) - sum(around))
        dependence[level, 1 + sum(abs(level - other) <= alpha for other in around)] += 1
    return [occurrence, difference, dependence]


@every_kind
@pytest.mark.parametrize("dimensions", [2, 3])
@given(array=volumes())
@random_input
def test_pairs(kind: str, dimensions: int, array: np.ndarray) -> None:
    levels, offsets = Levels(array), half_neighbourhood(dimensions)
    counts = as_kind(count_pairs, kind)(
        levels.flat, levels.voxels, levels.steps(offsets), levels.n_levels
    )
    np.testing.assert_array_equal(counts, slow_pairs(levels, offsets))


@every_kind
@pytest.mark.parametrize("dimensions", [2, 3])
@given(array=volumes())
@random_input
def test_runs(kind: str, dimensions: int, array: np.ndarray) -> None:
    levels, offsets = Levels(array), half_neighbourhood(dimensions)
    counts = as_kind(count_runs, kind)(
        levels.flat, levels.voxels, levels.steps(offsets), levels.n_levels, levels.longest
    )
    np.testing.assert_array_equal(counts, slow_runs(levels, offsets))


@every_kind
@pytest.mark.parametrize("dimensions", [2, 3])
@given(array=volumes(), seed=st.integers(0, 99))
@random_input
def test_zones(kind: str, dimensions: int, array: np.ndarray, seed: int) -> None:
    levels = Levels(array)
    rng = np.random.default_rng(seed)
    distance = rng.integers(1, 9, levels.padded.shape).astype(np.int32)
    steps = levels.steps(half_neighbourhood(dimensions))
    found = as_kind(find_zones, kind)(levels.flat, levels.voxels, steps, distance.reshape(-1))
    zones = sorted(zip(*(part.tolist() for part in found), strict=True))
    assert zones == slow_zones(levels, distance, dimensions)


@every_kind
@pytest.mark.parametrize("distance", [1, 2])
@given(array=volumes(), alpha=st.integers(0, 2))
@random_input
def test_neighbours(kind: str, distance: int, array: np.ndarray, alpha: int) -> None:
    longest = 300 if kind == "compiled" else 20
    levels, offsets = Levels(array[:longest, :, :longest], distance), neighbourhood(3, distance)
    if not levels.n_levels:
        return
    found = as_kind(count_neighbours, kind)(
        levels.flat, levels.voxels, levels.steps(offsets), levels.n_levels, alpha
    )
    for part, wanted in zip(found, slow_neighbours(levels, offsets, alpha), strict=True):
        np.testing.assert_array_equal(part, wanted)


@every_kind
@given(seed=st.integers(0, 2**32), reach=st.tuples(*(st.integers(0, 2),) * 3))
@random_input
def test_spheres(kind: str, seed: int, reach: Place) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(-9, 9, (7, 8, 9)).astype(float)
    rows = np.array(
        [
            (z, y, rng.integers(0, reach[2] + 1))
            for z in range(-reach[0], reach[0] + 1)
            for y in range(-reach[1], reach[1] + 1)
        ]
    )
    cumulative = np.pad(np.cumsum(image, axis=2), ((0, 0), (0, 0), (1, 0)))
    start, stop = np.array([2, 2, 2]), np.array([5, 6, 7])
    sums = as_kind(sphere_sums, kind)(cumulative, rows, start, stop)
    for z, y, x in itertools.product(*map(range, start, stop)):
        expected = sum(image[z + dz, y + dy, x - n : x + n + 1].sum() for dz, dy, n in rows)
        assert sums[z - 2, y - 2, x - 2] == expected


@every_kind
@given(
    seed=st.integers(0, 2**32),
    width=st.sampled_from([25.0, 0.1, 1 / 3, 1e-3, 7e4]),
    first=st.integers(-400, 400),
    n=st.integers(2, 60),
)
@random_input
def test_bins_are_those_of_a_search(kind: str, seed: int, width: float, first: int, n: int) -> None:
    edges = np.arange(first * width, (first + n) * width, width)
    inside = np.random.default_rng(seed).uniform(edges[0], edges[-1] + width, 40)
    values = np.concatenate([inside, edges, np.nextafter(edges[1:], -np.inf)])
    mean = (edges[-1] - edges[0]) / (len(edges) - 1)
    found = as_kind(bin_numbers, kind)(values, edges, mean)
    assert found.tolist() == [sum(edge <= value for edge in edges) for value in values]


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
