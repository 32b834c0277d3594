"""Cubic B-splines against slow twins: the linear equations solved, and the sum written out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radtool.features._kernels.splines import spline_coefficients, spline_values
from radtool.features.pyradiomics.splines import spline_along

every_kind = pytest.mark.parametrize("kind", ["compiled", "python"])
random_input = settings(max_examples=30, deadline=None)


def as_kind(kernel, kind: str):
    return kernel if kind == "compiled" else kernel.py_func


def slow_coefficients(line: np.ndarray) -> np.ndarray:
    """Solve (c[i-1] + 4 c[i] + c[i+1]) / 6 = value i, mirrored about both end points."""
    n = len(line)
    if n == 1:
        return line
    matrix = np.zeros((n, n))
    for i in range(n):
        matrix[i, i] += 4 / 6
        matrix[i, abs(i - 1)] += 1 / 6
        matrix[i, i + 1 if i + 1 < n else n - 2] += 1 / 6
    return np.linalg.solve(matrix, line)


def cardinal(x: float) -> float:
    """The cubic B-spline itself."""
    x = abs(x)
    if x >= 2:
        return 0.0
    return (2 - x) ** 3 / 6 if x >= 1 else 2 / 3 - x**2 + x**3 / 2


def slow_spline(array: np.ndarray, places: list[np.ndarray]) -> np.ndarray:
    """Every coefficient of the volume times the spline about it, mirrored once at each end."""
    coefficients = array.astype(float)
    for axis in range(3):
        coefficients = np.apply_along_axis(slow_coefficients, axis, coefficients)
    for axis, place in enumerate(places):
        n = array.shape[axis]
        basis = np.zeros((len(place), n))
        for row, at in enumerate(place):
            for k in range(-2, n + 2):
                basis[row, n - 1 - abs(n - 1 - abs(k))] += cardinal(at - k)
        coefficients = np.moveaxis(np.tensordot(basis, coefficients, (1, axis)), 0, axis)
    return coefficients


@every_kind
@given(
    slabs=st.integers(1, 3),
    n=st.one_of(st.integers(1, 5), st.integers(15, 22), st.just(70)),
    m=st.integers(1, 9),
    seed=st.integers(0, 2**32),
)
@random_input
def test_coefficients(kind: str, slabs: int, n: int, m: int, seed: int) -> None:
    lines = np.random.default_rng(seed).normal(40, 300, (slabs, n, m))
    found = lines.copy()
    as_kind(spline_coefficients, kind)(found)
    expected = np.apply_along_axis(slow_coefficients, 1, lines)
    # ITK, and so the kernel, breaks the sum of a line longer than 18 off at terms of 1e-10.
    tolerance = 1e-12 if n <= 18 else 1e-9
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@every_kind
@given(
    source=st.tuples(*(st.integers(1, 5),) * 3),
    target=st.tuples(*(st.integers(1, 4),) * 3),
    seed=st.integers(0, 2**32),
)
@random_input
def test_values(
    kind: str, source: tuple[int, int, int], target: tuple[int, int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=source)
    places = [rng.integers(0, n, (size, 4)) for n, size in zip(source, target, strict=True)]
    weights = [rng.normal(size=(size, 4)) for size in target]
    found = as_kind(spline_values, kind)(
        coefficients, np.concatenate(places), np.concatenate(weights), np.array(target)
    )
    assert found.shape == target
    for at in itertools.product(*map(range, target)):
        (pz, py, px), (wz, wy, wx) = (
            [part[axis][at[axis]] for axis in range(3)] for part in (places, weights)
        )
        expected = math.fsum(
            wz[k] * wy[j] * wx[i] * coefficients[pz[k], py[j], px[i]]
            for k, j, i in itertools.product(range(4), repeat=3)
        )
        assert found[at] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(
    source=st.tuples(*(st.integers(4, 24),) * 3),
    seed=st.integers(0, 2**32),
    kind=st.sampled_from([np.float64, np.float32, np.int16]),
)
@random_input
def test_a_volume_at_any_places(source: tuple[int, int, int], seed: int, kind: type) -> None:
    rng = np.random.default_rng(seed)
    array = rng.normal(100, 300, source).astype(kind)
    places = [np.sort(rng.uniform(0, n - 1, rng.integers(1, 9))) for n in source]
    found = spline_along(array, places)
    assert found is not None
    # Fractions of integers are cut off; places are float32 where ITK looks for the next voxel.
    expected, tolerance = slow_spline(array, places), 1e-4
    if kind is np.int16:
        expected, tolerance = np.trunc(expected), 1.0
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=tolerance)


def test_values_at_the_voxels_are_those_of_the_volume() -> None:
    array = np.random.default_rng(0).normal(size=(6, 21, 9))
    places = [np.arange(n, dtype=float) for n in array.shape]
    np.testing.assert_allclose(spline_along(array, places), array, rtol=0, atol=1e-9)
