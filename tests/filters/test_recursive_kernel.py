"""ITK's recursive filters against slow twins: the difference equation, and the true Gaussian."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radtool.filters import recursive
from radtool.filters.recursive import filter_lines, recursive_laplacian

FAR = 250  # so many voxels before a line its value there has settled
random_input = settings(max_examples=30, deadline=None)


def slow_pass(array: np.ndarray, axis: int, c: np.ndarray) -> np.ndarray:
    """Run the difference equation both ways over lines that go on with their end values."""
    n, d, m = c[:4], c[4:8], c[8:12]
    lines = np.moveaxis(array.astype(float), axis, 0)
    long = np.concatenate([lines[:1].repeat(FAR, 0), lines, lines[-1:].repeat(FAR, 0)])
    ahead, behind = np.zeros((2, *long.shape))
    for i in range(4, len(long)):
        taken = sum(n[k] * long[i - k] for k in range(4))
        ahead[i] = taken - sum(d[k] * ahead[i - 1 - k] for k in range(4))
    for i in range(len(long) - 5, -1, -1):
        taken = sum(m[k] * long[i + 1 + k] for k in range(4))
        behind[i] = taken - sum(d[k] * behind[i + 1 + k] for k in range(4))
    return np.moveaxis((ahead + behind)[FAR:-FAR], 0, axis)


@pytest.mark.parametrize("kind", ["compiled", "python"])
@given(
    long=st.integers(4, 12),
    others=st.one_of(st.tuples(st.integers(1, 4), st.integers(1, 4)), st.just((1, 140))),
    axis=st.integers(0, 2),
    sigma=st.floats(0.4, 8),
    second=st.booleans(),
    seed=st.integers(0, 2**32),
)
@random_input
def test_one_pass(
    kind: str,
    long: int,
    others: tuple[int, int],
    axis: int,
    sigma: float,
    second: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    shape = [*others]
    shape.insert(axis, long)
    array = rng.normal(0, 300, shape).astype(rng.choice([np.int16, np.float32]))
    start = int(rng.integers(0, long))
    keep = (start, int(rng.integers(start + 1, long + 1)))
    c = recursive._coefficients(sigma, sigma if second else 0.0)
    kernel = filter_lines if kind == "compiled" else filter_lines.py_func
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recursive, "filter_lines", kernel)
        found = recursive._along(array, axis, keep, c)
    expected = slow_pass(array, axis, c).take(range(*keep), axis=axis)
    scale = np.abs(array).max() * np.abs(c[:4]).sum()
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=1e-6 * max(scale, 1.0))


@pytest.mark.parametrize("half", ["_forward", "_backward"])
def test_the_halves_as_python(half: str) -> None:
    lines = np.random.default_rng(1).normal(size=(9, 3))
    compiled, python = np.empty_like(lines), np.empty_like(lines)
    c = recursive._coefficients(1.7, 0.0)
    getattr(recursive, half)(lines, compiled, c)
    getattr(recursive, half).py_func(lines, python, c)
    np.testing.assert_allclose(compiled, python, rtol=1e-13, atol=1e-15)


@given(
    shape=st.tuples(*(st.integers(4, 9),) * 3),
    sigma=st.sampled_from([1.0, 3.0]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=10, deadline=None)
def test_the_laplacian(shape: tuple[int, int, int], sigma: float, seed: int) -> None:
    spacing = (2.5, 0.9, 1.1)
    array = np.random.default_rng(seed).normal(0, 100, shape)
    expected = np.zeros(shape)
    for axis in range(3):
        part = array
        for along in range(3):
            scale = sigma if along == axis else 0.0
            part = slow_pass(part, along, recursive._coefficients(sigma / spacing[along], scale))
        expected += part / spacing[axis] ** 2
    found = recursive_laplacian(array, sigma, spacing)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(array).max())


@pytest.mark.parametrize("sigma", [1.0, 2.5, 6.0])
def test_coefficients_are_a_gaussian_and_its_second_derivative(sigma: float) -> None:
    x = np.arange(-200, 201)
    impulse = (x == 0).astype(float)
    gaussian = np.exp(-(x**2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    smooth = slow_pass(impulse, 0, recursive._coefficients(sigma, 0.0))
    assert smooth.sum() == pytest.approx(1.0, rel=1e-9)
    np.testing.assert_allclose(smooth, gaussian, rtol=0, atol=4e-3 * gaussian.max())
    # A second derivative knows no constant and no slope, and makes x²/2 one (here times sigma²).
    second = slow_pass(impulse, 0, recursive._coefficients(sigma, sigma))
    moments = [(second * power).sum() for power in (x**0, x, x**2 / 2)]
    np.testing.assert_allclose(moments, [0, 0, sigma**2], atol=1e-6 * sigma**2)
    curved = gaussian * (x**2 - sigma**2) / sigma**2
    np.testing.assert_allclose(second, curved, rtol=0, atol=2e-2 * np.abs(curved).max())


def test_a_part_of_the_response_is_that_part() -> None:
    array = np.random.default_rng(0).normal(size=(9, 30, 140)).astype(np.float32)
    whole = recursive_laplacian(array, 2.0, (1.0, 1.0, 1.0))
    for box in itertools.product([slice(0, 9), slice(3, 5)], [slice(29, 30)], [slice(7, 139)]):
        part = recursive_laplacian(array, 2.0, (1.0, 1.0, 1.0), box)
        np.testing.assert_array_equal(part, whole[box])
