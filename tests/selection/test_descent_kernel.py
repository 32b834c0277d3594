"""Coordinate descent against a slow twin, and against what makes a minimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from radtool.selection.likelihood import _descend


def slow_descent(z, target, weight, lasso, ridge, free):
    """Minimise as a smooth problem: beta is the difference of two parts that are not negative."""
    p = z.shape[1]

    def loss(x):
        beta, shift = x[:p] - x[p : 2 * p], x[-1] if free else 0.0
        left = target - z @ beta - shift
        value = 0.5 * (weight * left**2).sum() + lasso * x[: 2 * p].sum()
        slope = -z.T @ (weight * left) + ridge * beta
        end = [-(weight * left).sum()] if free else [0.0]
        return value + 0.5 * ridge * (beta**2).sum(), np.r_[slope + lasso, -slope + lasso, end]

    bounds = [(0, None)] * (2 * p) + [(None, None)]
    tight = {"ftol": 1e-16, "gtol": 1e-11, "maxiter": 20_000, "maxfun": 40_000}
    found = minimize(
        loss, np.zeros(2 * p + 1), jac=True, method="L-BFGS-B", bounds=bounds, options=tight
    ).x
    return found[:p] - found[p : 2 * p], found[-1]


@pytest.mark.parametrize("kind", ["compiled", "python"])
@given(
    n=st.integers(5, 25),
    p=st.integers(1, 6),
    strength=st.sampled_from([0.02, 0.2, 0.7]),
    ridge=st.sampled_from([0.0, 0.3]),
    free=st.booleans(),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=25, deadline=None)
def test_the_minimum_is_found(kind, n, p, strength, ridge, free, seed):
    rng = np.random.default_rng(seed)
    z = np.asfortranarray(rng.normal(size=(n, p)))
    weight = rng.uniform(0.2, 1.0, n) / n
    target = z @ rng.normal(size=p) * (rng.random() < 0.8) + rng.normal(size=n)
    lasso = strength * np.abs(z.T @ (weight * target)).max()
    kernel = _descend if kind == "compiled" else _descend.py_func
    beta, residual = np.zeros(p), weight * target
    shift = kernel(z, residual, weight, beta, lasso, ridge, free, 1e-12)
    left = weight * (target - z @ beta - shift)
    np.testing.assert_allclose(residual, left, atol=1e-10)
    # The minimum: no slope along what is in, at most the lasso's along what is out.
    slope = z.T @ left - ridge * beta
    inside = beta != 0
    np.testing.assert_allclose(slope[inside], lasso * np.sign(beta[inside]), atol=1e-8)
    assert (np.abs(slope[~inside]) <= lasso + 1e-8).all()
    expected, moved = slow_descent(z, target, weight, lasso, ridge, free)
    np.testing.assert_allclose([*beta, shift], [*expected, moved], atol=2e-4)
