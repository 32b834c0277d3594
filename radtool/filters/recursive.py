"""ITK's recursive Gaussian and its Laplacian, to the last bit of its float32 images."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numba import njit

__all__ = ["recursive_laplacian"]

# Deriche's exponential series for the Gaussian and its second derivative (ITK's constants).
_W1, _L1, _W2, _L2 = 0.6681, -1.3932, 2.0787, -1.3732
_SMOOTH = (1.3530, 1.8151, -0.3531, 0.0902)
_SECOND = (-1.3563, 5.2318, 0.3446, -2.2355)
_BLOCK = 64


def recursive_laplacian(
    array: np.ndarray, sigma_mm: float, spacing: tuple[float, float, float]
) -> np.ndarray:
    """Laplacian of Gaussian by recursive filters, times sigma².

    Parameters
    ----------
    array : ndarray of shape (z, y, x)
        Intensities; at least 4 voxels along every axis.
    sigma_mm : float
        Width of the Gaussian.
    spacing : tuple of 3 float
        In mm, (z, y, x).

    Returns
    -------
    ndarray of float32, shape (z, y, x)

    Notes
    -----
    Like ITK, each pass computes in float64 and stores float32, the second derivative comes before
    the smoothing, and the axes follow x, y, z. pyradiomics bins the result, so a difference in the
    seventh digit would move voxels to another grey level.
    """
    total = np.zeros(array.shape, dtype=np.float32)
    for axis in (2, 1, 0):
        part = _along(array, axis, _coefficients(sigma_mm / spacing[axis], sigma_mm))
        for other in (2, 1, 0):
            if other != axis:
                part = _along(part, other, _coefficients(sigma_mm / spacing[other], 0.0))
        total += part / np.float64(spacing[axis] ** 2)
    return total


@lru_cache(maxsize=64)
def _coefficients(sigma: float, scale: float) -> np.ndarray:
    """N0…N3, D1…D4, M1…M4, BN1…BN4, BM1…BM4 for sigma in voxels.

    A `scale` of 0 gives the Gaussian, another the second derivative times its square.
    """
    d = _denominator(sigma)
    dd, ed = _weighted(d, 1), _weighted(d, 2)
    sd = 1.0 + d[0] + d[1] + d[2] + d[3]
    n, sn, dn, en = _numerator(sigma, _SMOOTH)
    if not scale:
        alpha = 2 * sn / sd - n[0]
        n = [value * (1.0 / alpha) for value in n]
    else:
        n2, sn2, dn2, en2 = _numerator(sigma, _SECOND)
        beta = -(2 * sn2 - sd * n2[0]) / (2 * sn - sd * n[0])
        n = [second + beta * smooth for second, smooth in zip(n2, n, strict=True)]
        sn, dn, en = sn2 + beta * sn, dn2 + beta * dn, en2 + beta * en
        alpha = en * sd * sd - ed * sn * sd - 2 * dn * dd * sd + 2 * dd * dd * sn
        alpha /= sd * sd * sd
        n = [value * (scale**2 / alpha) for value in n]
    m = [n[1] - d[0] * n[0], n[2] - d[1] * n[0], n[3] - d[2] * n[0], -d[3] * n[0]]
    sn, sm = n[0] + n[1] + n[2] + n[3], m[0] + m[1] + m[2] + m[3]
    return np.array([*n, *d, *m, *(k * sn / sd for k in d), *(k * sm / sd for k in d)])


def _waves(sigma: float) -> tuple[float, float, float, float, float, float]:
    return (
        math.sin(_W1 / sigma), math.cos(_W1 / sigma), math.exp(_L1 / sigma),
        math.sin(_W2 / sigma), math.cos(_W2 / sigma), math.exp(_L2 / sigma),
    )  # fmt: skip


def _denominator(sigma: float) -> list[float]:
    _, cos1, exp1, _, cos2, exp2 = _waves(sigma)
    d3 = -2 * cos1 * exp1 * exp2 * exp2
    d3 += -2 * cos2 * exp2 * exp1 * exp1
    d2 = 4 * cos2 * cos1 * exp1 * exp2
    d2 += exp1 * exp1 + exp2 * exp2
    return [-2 * (exp2 * cos2 + exp1 * cos1), d2, d3, exp1 * exp1 * exp2 * exp2]


def _numerator(
    sigma: float, series: tuple[float, float, float, float]
) -> tuple[list[float], float, float, float]:
    sin1, cos1, exp1, sin2, cos2, exp2 = _waves(sigma)
    a1, b1, a2, b2 = series
    n1 = exp2 * (b2 * sin2 - (a2 + 2 * a1) * cos2)
    n1 += exp1 * (b1 * sin1 - (a1 + 2 * a2) * cos1)
    n2 = (a1 + a2) * cos2 * cos1
    n2 -= b1 * cos2 * sin1 + b2 * cos1 * sin2
    n2 *= 2 * exp1 * exp2
    n2 += a2 * exp1 * exp1 + a1 * exp2 * exp2
    n3 = exp2 * exp1 * exp1 * (b2 * sin2 - a2 * cos2)
    n3 += exp1 * exp2 * exp2 * (b1 * sin1 - a1 * cos1)
    rest = [n1, n2, n3]
    n0 = a1 + a2
    return [n0, *rest], n0 + n1 + n2 + n3, _weighted(rest, 1), _weighted(rest, 2)


def _weighted(values: list[float], power: int) -> float:
    return sum(i**power * value for i, value in enumerate(values, start=1))


def _along(array: np.ndarray, axis: int, coefficients: np.ndarray) -> np.ndarray:
    """One pass along an axis of (z, y, x)."""
    result = np.empty(array.shape, dtype=np.float32)
    nz, ny, nx = array.shape
    if axis == 0:
        _filter_lines(
            np.ascontiguousarray(array).reshape(1, nz, ny * nx),
            result.reshape(1, nz, ny * nx),
            coefficients,
        )
    elif axis == 1:
        _filter_lines(np.ascontiguousarray(array), result, coefficients)
    else:
        turned = np.empty((nz, nx, ny), dtype=np.float32)
        _filter_lines(np.ascontiguousarray(array.transpose(0, 2, 1)), turned, coefficients)
        result[...] = turned.transpose(0, 2, 1)
    return result


@njit(cache=True)
def _filter_lines(source, target, c):  # pragma: no cover - compiled
    """Filter along the middle axis of (slabs, n, m), `_BLOCK` neighbouring lines at a time."""
    slabs, n, m = source.shape
    data = np.empty((n, _BLOCK))
    out = np.empty((n, _BLOCK))
    back = np.empty((n, _BLOCK))
    for slab in range(slabs):
        for first in range(0, m, _BLOCK):
            w = min(_BLOCK, m - first)
            for i in range(n):
                for j in range(w):
                    data[i, j] = source[slab, i, first + j]
            _forward(data, out, c, n, w)
            _backward(data, back, c, n, w)
            for i in range(n):
                for j in range(w):
                    target[slab, i, first + j] = out[i, j] + back[i, j]


@njit(cache=True)
def _forward(x, y, c, n, w):  # pragma: no cover - compiled
    """Causal half; before the first voxel the line goes on with its value."""
    for j in range(w):
        e = x[0, j]
        y[0, j] = e * c[0] + e * c[1] + e * c[2] + e * c[3]
        y[1, j] = x[1, j] * c[0] + e * c[1] + e * c[2] + e * c[3]
        y[2, j] = x[2, j] * c[0] + x[1, j] * c[1] + e * c[2] + e * c[3]
        y[3, j] = x[3, j] * c[0] + x[2, j] * c[1] + x[1, j] * c[2] + e * c[3]
        y[0, j] -= e * c[12] + e * c[13] + e * c[14] + e * c[15]
        y[1, j] -= y[0, j] * c[4] + e * c[13] + e * c[14] + e * c[15]
        y[2, j] -= y[1, j] * c[4] + y[0, j] * c[5] + e * c[14] + e * c[15]
        y[3, j] -= y[2, j] * c[4] + y[1, j] * c[5] + y[0, j] * c[6] + e * c[15]
    for i in range(4, n):
        for j in range(w):
            new = x[i, j] * c[0] + x[i - 1, j] * c[1] + x[i - 2, j] * c[2] + x[i - 3, j] * c[3]
            new -= y[i - 1, j] * c[4] + y[i - 2, j] * c[5] + y[i - 3, j] * c[6] + y[i - 4, j] * c[7]
            y[i, j] = new


@njit(cache=True)
def _backward(x, y, c, n, w):  # pragma: no cover - compiled
    """Anti-causal half."""
    for j in range(w):
        e = x[n - 1, j]
        y[n - 1, j] = e * c[8] + e * c[9] + e * c[10] + e * c[11]
        y[n - 2, j] = x[n - 1, j] * c[8] + e * c[9] + e * c[10] + e * c[11]
        y[n - 3, j] = x[n - 2, j] * c[8] + x[n - 1, j] * c[9] + e * c[10] + e * c[11]
        y[n - 4, j] = x[n - 3, j] * c[8] + x[n - 2, j] * c[9] + x[n - 1, j] * c[10] + e * c[11]
        y[n - 1, j] -= e * c[16] + e * c[17] + e * c[18] + e * c[19]
        y[n - 2, j] -= y[n - 1, j] * c[4] + e * c[17] + e * c[18] + e * c[19]
        y[n - 3, j] -= y[n - 2, j] * c[4] + y[n - 1, j] * c[5] + e * c[18] + e * c[19]
        y[n - 4, j] -= y[n - 3, j] * c[4] + y[n - 2, j] * c[5] + y[n - 1, j] * c[6] + e * c[19]
    for i in range(n - 4, 0, -1):
        for j in range(w):
            new = x[i, j] * c[8] + x[i + 1, j] * c[9] + x[i + 2, j] * c[10] + x[i + 3, j] * c[11]
            new -= y[i, j] * c[4] + y[i + 1, j] * c[5] + y[i + 2, j] * c[6] + y[i + 3, j] * c[7]
            y[i - 1, j] = new
