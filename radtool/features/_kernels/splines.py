"""Cubic B-spline interpolation on a grid along the axes, bit for bit as ITK computes it."""

from __future__ import annotations

import math

import numpy as np

from radtool.compiling import kernel

__all__ = ["spline_coefficients", "spline_values"]

_POLE = math.sqrt(3.0) - 2.0
_GAIN = 1.0 * (1.0 - _POLE) * (1.0 - 1.0 / _POLE)
_HORIZON = math.ceil(math.log(1e-10) / math.log(abs(_POLE)))


@kernel
def spline_coefficients(lines):
    """Turn values into coefficients of cubic B-splines along the middle axis, in place.

    Beyond the ends the line is mirrored; the first coefficient is a sum that is broken off where
    its terms fall below 1e-10, or exact on short lines.

    Parameters
    ----------
    lines : ndarray of float64, shape (slabs, n, m)
        Changed in place.
    """
    slabs, n, m = lines.shape
    if n == 1:
        return
    for slab in range(slabs):
        x = lines[slab]
        for i in range(n):
            for j in range(m):
                x[i, j] *= _GAIN
        _begin(x)
        for i in range(1, n):
            for j in range(m):
                x[i, j] += _POLE * x[i - 1, j]
        for j in range(m):
            x[n - 1, j] = (_POLE / (_POLE * _POLE - 1.0)) * (_POLE * x[n - 2, j] + x[n - 1, j])
        for i in range(n - 2, -1, -1):
            for j in range(m):
                x[i, j] = _POLE * (x[i + 1, j] - x[i, j])


@kernel
def _begin(x):
    """First causal coefficient of each column."""
    n, m = x.shape
    power = _POLE
    if n > _HORIZON:
        for i in range(1, _HORIZON):
            for j in range(m):
                x[0, j] += power * x[i, j]
            power *= _POLE
        return
    inverse = 1.0 / _POLE
    mirrored = _POLE ** float(n - 1)
    for j in range(m):
        x[0, j] += mirrored * x[n - 1, j]
    mirrored *= mirrored * inverse
    for i in range(1, n - 1):
        for j in range(m):
            x[0, j] += (power + mirrored) * x[i, j]
        power *= _POLE
        mirrored *= inverse
    for j in range(m):
        x[0, j] /= 1.0 - power * power


@kernel
def spline_values(coefficients, places, weights, shape):
    """Sum the 64 weighted coefficients around every voxel of a grid, always in one order.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (z, y, x)
        Of `spline_coefficients` along every axis.
    places : ndarray of int64, shape (nz + ny + nx, 4)
        Indices of the coefficients that each index of the grid needs: along z, then y, then x.
    weights : ndarray of float64, same shape
        And their weights.
    shape : ndarray of int64, shape (3,)
        Of the grid: nz, ny, nx.

    Returns
    -------
    ndarray of float64, shape (nz, ny, nx)
    """
    nz, ny, nx = shape
    values = np.zeros((nz, ny, nx))
    across = places[nz + ny :]
    # Contiguous in x, so that the innermost loop is compiled to vector instructions.
    along = np.ascontiguousarray(weights[nz + ny :].T)
    taken = np.empty((coefficients.shape[1], 4, nx))
    for z in range(nz):
        for k in range(4):
            plane = coefficients[places[z, k]]
            low, high = places[nz : nz + ny].min(), places[nz : nz + ny].max()
            for y in range(low, high + 1):
                for i in range(4):
                    for x in range(nx):
                        taken[y, i, x] = plane[y, across[x, i]]
            for y in range(ny):
                for j in range(4):
                    rows = taken[places[nz + y, j]]
                    _add(values[z, y], rows, along, weights[nz + y, j], weights[z, k])
    return values


@kernel
def _add(line, rows, along, weight_y, weight_z):
    for x in range(line.size):
        value = line[x]
        value += along[0, x] * weight_y * weight_z * rows[0, x]
        value += along[1, x] * weight_y * weight_z * rows[1, x]
        value += along[2, x] * weight_y * weight_z * rows[2, x]
        value += along[3, x] * weight_y * weight_z * rows[3, x]
        line[x] = value
