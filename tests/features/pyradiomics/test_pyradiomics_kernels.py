"""Counting kernels against slow and obvious twins, compiled and as plain Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from radtool.features._kernels import count_neighbours, count_pairs, count_runs
from radtool.features._kernels.bins import bin_numbers
from radtool.features.levels import Levels
from radtool.features.pyradiomics.directions import directions

WAYS = ["compiled", "python"]


def way(kernel, name):
    return kernel if name == "compiled" else kernel.py_func


@pytest.fixture(params=[0, 1, 2])
def levels(request):
    rng = np.random.default_rng(request.param)
    array = rng.integers(1, 4, (5, 6, 7)).astype(np.int32)
    array[rng.random(array.shape) < 0.2] = 0
    return Levels(array)


def steps_of(levels):
    offsets = directions(levels.array.shape, (1,), None)
    return offsets, levels.steps(offsets)


def at(array, index):
    inside = all(0 <= i < n for i, n in zip(index, array.shape, strict=True))
    return int(array[tuple(index)]) if inside else 0


@pytest.mark.parametrize("name", WAYS)
def test_pairs(levels, name):
    offsets, steps = steps_of(levels)
    found = way(count_pairs, name)(levels.flat, levels.voxels, steps, levels.n_levels)
    for direction, offset in enumerate(offsets):
        twin = Counter(
            (at(levels.array, index), at(levels.array, index + offset))
            for index in np.argwhere(levels.array)
        )
        for (i, j), count in twin.items():
            assert found[direction, i, j] == count
        assert found[direction].sum() == sum(twin.values())


@pytest.mark.parametrize("name", WAYS)
def test_runs(levels, name):
    offsets, steps = steps_of(levels)
    kernel = way(count_runs, name)
    found = kernel(levels.flat, levels.voxels, steps, levels.n_levels, levels.longest)
    for direction, offset in enumerate(offsets):
        twin = Counter()
        for index in np.argwhere(levels.array):
            level = at(levels.array, index)
            if at(levels.array, index - offset) == level:
                continue  # not where a run begins
            length = 1
            while at(levels.array, index + length * offset) == level:
                length += 1
            twin[level, length] += 1
        for (level, length), count in twin.items():
            assert found[direction, level, length] == count
        assert found[direction].sum() == sum(twin.values())


@pytest.mark.parametrize("alpha", [0, 1])
@pytest.mark.parametrize("name", WAYS)
def test_neighbours(levels, name, alpha):
    offsets, steps = steps_of(levels)
    both = np.concatenate([offsets, -offsets])
    occurrence, difference, dependence = way(count_neighbours, name)(
        levels.flat, levels.voxels, np.concatenate([steps, -steps]), levels.n_levels, alpha
    )
    twins = [np.zeros_like(table) for table in (occurrence, difference, dependence)]
    for index in np.argwhere(levels.array):
        level = at(levels.array, index)
        around = [at(levels.array, index + offset) for offset in both]
        around = [other for other in around if other]
        twins[0][level, len(around)] += 1
        twins[1][level, len(around)] += abs(level * len(around) - sum(around))
        twins[2][level, 1 + sum(abs(other - level) <= alpha for other in around)] += 1
    for table, twin in zip((occurrence, difference, dependence), twins, strict=True):
        np.testing.assert_array_equal(table, twin)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("width", [25.0, 0.1, 1 / 3])
def test_bins_are_those_of_a_search(name, width):
    rng = np.random.default_rng(0)
    low = -7 * width
    edges = np.arange(low, low + 12 * width, width)
    values = np.concatenate([rng.uniform(low, low + 10 * width, 500), edges[:-1]])
    found = way(bin_numbers, name)(values, edges, (edges[-1] - edges[0]) / (len(edges) - 1))
    np.testing.assert_array_equal(found, np.digitize(values, edges))
