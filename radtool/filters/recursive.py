"""ITK's recursive Gaussian and its Laplacian, to the last bit of its float32 images."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from radtool.compiling import kernel
from radtool.errors import InputError

__all__ = ["recursive_laplacian"]

# Deriche's exponential series for the Gaussian and its second derivative (ITK's constants).
_W1, _L1, _W2, _L2 = 0.6681, -1.3932, 2.0787, -1.3732
_SMOOTH = (1.3530, 1.8151, -0.3531, 0.0902)
_SECOND = (-1.3563, 5.2318, 0.3446, -2.2355)
_LANES = 128

Box = tuple[slice, slice, slice]


def recursive_laplacian(
    array: np.ndarray,
    sigma_mm: float,
    spacing: tuple[float, float, float],
    box: Box | None = None,
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
    box : tuple of 3 slice, optional
        Part of the response that is wanted; the whole image is filtered nonetheless, but lines
        that do not reach the box are left out.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
        Of the box, when there is one.

    Raises
    ------
    InputError
        The Gaussian is far narrower than a voxel.

    Notes
    -----
    Like ITK, each pass computes in float64 and stores float32, the second derivative comes before
    the smoothing, and the axes follow x, y, z. pyradiomics bins the result, so a difference in the
    seventh digit would move voxels to another grey level.
    """
    array = np.ascontiguousarray(array)
    keep = [(0, size) for size in array.shape]
    if box is not None:
        keep = [part.indices(size)[:2] for part, size in zip(box, array.shape, strict=True)]
    total = np.zeros([stop - start for start, stop in keep], dtype=np.float32)
    for axis in (2, 1, 0):
        part = _along(array, axis, keep[axis], _coefficients(sigma_mm / spacing[axis], sigma_mm))
        for other in (2, 1, 0):
            if other != axis:
                smooth = _coefficients(sigma_mm / spacing[other], 0.0)
                part = _along(part, other, keep[other], smooth)
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
        if not alpha:
            raise InputError(
                f"a Gaussian of {sigma:.1g} voxels is too narrow for recursive filters; choose a"
                " wider sigma, or check the spacing in the file"
            )
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


def _along(
    array: np.ndarray, axis: int, keep: tuple[int, int], coefficients: np.ndarray
) -> np.ndarray:
    """One pass along an axis of (z, y, x); only positions keep[0]…keep[1] along it are kept."""
    shape = list(array.shape)
    shape[axis] = keep[1] - keep[0]
    result = np.empty(shape, dtype=np.float32)
    # Blocks of lines lie side by side along x, or along y when x is the axis.
    slabs, lanes = ((1, 2), (0, 2), (0, 1))[axis]
    order = (slabs, axis, lanes)
    filter_lines(
        array.reshape(-1),
        result.reshape(-1),
        np.array([[math.prod(sizes[a + 1 :]) for a in order] for sizes in (array.shape, shape)]),
        np.array([array.shape[a] for a in order]),
        np.array(keep),
        coefficients,
    )
    return result


@kernel
def filter_lines(source, target, steps, shape, keep, c):
    """Filter lines both ways, up to `_LANES` neighbouring lines at a time.

    The lanes of a block lie side by side, so that the loops over them are compiled to vector
    instructions; a block is filled up to whole vectors with lanes that nobody reads.

    Parameters
    ----------
    source, target : ndarray, shape (n,)
        A volume in one dimension, C order, and the result, which has only the places kept.
    steps : ndarray of int64, shape (2, 3)
        Distance in source and target between slabs, along a line, and between lines.
    shape : ndarray of int64, shape (3,)
        Slabs, places along a line (4 or more), lines of a slab.
    keep : ndarray of int64, shape (2,)
        First place kept and the one after the last.
    c : ndarray of float64, shape (20,)
        Of `_coefficients`.
    """
    n, lines = shape[1], shape[2]
    blocks = (lines + _LANES - 1) // _LANES
    width = (lines + blocks - 1) // blocks
    lanes = (width + 7) // 8 * 8
    x = np.zeros((n, lanes))
    ahead = np.empty((n, lanes))
    behind = np.empty((n, lanes))
    for slab in range(shape[0]):
        for first in range(0, lines, width):
            w = min(width, lines - first)
            _load(source[slab * steps[0, 0] + first * steps[0, 2] :], steps[0], x, w)
            _forward(x, ahead, c)
            _backward(x, behind, c)
            to = target[slab * steps[1, 0] + first * steps[1, 2] :]
            _store(ahead[keep[0] : keep[1]], behind[keep[0] : keep[1]], to, steps[1], w)


@kernel
def _load(source, steps, x, w):
    """Put `w` lines side by side."""
    if steps[2] == 1:
        for i in range(x.shape[0]):
            row = source[i * steps[1] : i * steps[1] + w]
            for j in range(w):
                x[i, j] = row[j]
    else:
        for j in range(w):
            line = source[j * steps[2] : j * steps[2] + x.shape[0]]
            for i in range(x.shape[0]):
                x[i, j] = line[i]


@kernel
def _store(ahead, behind, target, steps, w):
    """Put the sum of both halves back where the lines were."""
    if steps[2] == 1:
        for i in range(ahead.shape[0]):
            row = target[i * steps[1] : i * steps[1] + w]
            for j in range(w):
                row[j] = ahead[i, j] + behind[i, j]
    else:
        for j in range(w):
            line = target[j * steps[2] : j * steps[2] + ahead.shape[0]]
            for i in range(ahead.shape[0]):
                line[i] = ahead[i, j] + behind[i, j]


@kernel
def _forward(x, y, c):
    """Causal half; before the first place the line goes on with its value."""
    n0, n1, n2, n3, d1, d2, d3, d4 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    b1, b2, b3, b4 = c[12], c[13], c[14], c[15]
    for j in range(x.shape[1]):
        e = x[0, j]
        y[0, j] = e * n0 + e * n1 + e * n2 + e * n3
        y[1, j] = x[1, j] * n0 + e * n1 + e * n2 + e * n3
        y[2, j] = x[2, j] * n0 + x[1, j] * n1 + e * n2 + e * n3
        y[3, j] = x[3, j] * n0 + x[2, j] * n1 + x[1, j] * n2 + e * n3
        y[0, j] -= e * b1 + e * b2 + e * b3 + e * b4
        y[1, j] -= y[0, j] * d1 + e * b2 + e * b3 + e * b4
        y[2, j] -= y[1, j] * d1 + y[0, j] * d2 + e * b3 + e * b4
        y[3, j] -= y[2, j] * d1 + y[1, j] * d2 + y[0, j] * d3 + e * b4
    for i in range(4, x.shape[0]):
        x0, x1, x2, x3 = x[i], x[i - 1], x[i - 2], x[i - 3]
        y0, y1, y2, y3, y4 = y[i], y[i - 1], y[i - 2], y[i - 3], y[i - 4]
        for j in range(x.shape[1]):
            new = x0[j] * n0 + x1[j] * n1 + x2[j] * n2 + x3[j] * n3
            y0[j] = new - (y1[j] * d1 + y2[j] * d2 + y3[j] * d3 + y4[j] * d4)


@kernel
def _backward(x, y, c):
    """Anti-causal half."""
    m1, m2, m3, m4, d1, d2, d3, d4 = c[8], c[9], c[10], c[11], c[4], c[5], c[6], c[7]
    b1, b2, b3, b4 = c[16], c[17], c[18], c[19]
    z = x.shape[0] - 1
    for j in range(x.shape[1]):
        e = x[z, j]
        y[z, j] = e * m1 + e * m2 + e * m3 + e * m4
        y[z - 1, j] = x[z, j] * m1 + e * m2 + e * m3 + e * m4
        y[z - 2, j] = x[z - 1, j] * m1 + x[z, j] * m2 + e * m3 + e * m4
        y[z - 3, j] = x[z - 2, j] * m1 + x[z - 1, j] * m2 + x[z, j] * m3 + e * m4
        y[z, j] -= e * b1 + e * b2 + e * b3 + e * b4
        y[z - 1, j] -= y[z, j] * d1 + e * b2 + e * b3 + e * b4
        y[z - 2, j] -= y[z - 1, j] * d1 + y[z, j] * d2 + e * b3 + e * b4
        y[z - 3, j] -= y[z - 2, j] * d1 + y[z - 1, j] * d2 + y[z, j] * d3 + e * b4
    for i in range(x.shape[0] - 5, -1, -1):
        x1, x2, x3, x4 = x[i + 1], x[i + 2], x[i + 3], x[i + 4]
        y0, y1, y2, y3, y4 = y[i], y[i + 1], y[i + 2], y[i + 3], y[i + 4]
        for j in range(x.shape[1]):
            new = x1[j] * m1 + x2[j] * m2 + x3[j] * m3 + x4[j] * m4
            y0[j] = new - (y1[j] * d1 + y2[j] * d2 + y3[j] * d3 + y4[j] * d4)
