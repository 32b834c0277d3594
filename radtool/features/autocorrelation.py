"""Moran's I and Geary's C over all pairs of voxels, exact, by fast Fourier transform."""

from __future__ import annotations

import numpy as np
from scipy import fft

__all__ = ["moran_geary"]

_COLUMNS = 16


def moran_geary(
    image: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]
) -> tuple[float, float]:
    """Return Moran's I (IBSI N365) and Geary's C (IBSI NPT7), weights 1 / distance.

    How it works: the weight of a pair depends on its offset only, so a sum over all pairs is a
    convolution, and by Parseval's theorem a weighted sum over the spectrum; the kernel is even
    along every axis, so its spectrum is a cosine transform of one octant.

    Parameters
    ----------
    image : ndarray of shape (z, y, x)
        Intensities.
    inside : ndarray of bool, shape (z, y, x)
        Intensity mask, cropped to its box for speed.
    spacing : tuple of 3 float
        Voxel size in mm, (z, y, x).

    Returns
    -------
    moran, geary : float
        NaN for a flat region.
    """
    n = int(np.count_nonzero(inside))
    values = np.zeros(inside.shape)
    values[inside] = image[inside]
    values[inside] -= values[inside].mean() if n else 0.0
    squares = float((values**2).sum())
    if n < 2 or squares <= 1e-20 * n * float(np.abs(image[inside]).max()) ** 2:
        return np.nan, np.nan
    weights, cross, own = _pair_sums(values, inside, spacing)
    moran = n / weights * cross / squares
    geary = (n - 1) / weights * (own - cross) / squares
    return moran, geary


def _pair_sums(
    values: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]
) -> tuple[float, float, float]:
    """Sums over ordered pairs i ≠ j of w, of w x_i x_j, and of w x_i²."""
    shape = tuple(2 * fft.next_fast_len(size, real=True) for size in values.shape)
    octant = _kernel_octant(shape, spacing)
    folds = [np.minimum(np.arange(n), n - np.arange(n)) for n in shape[:2]]
    rows = [fft.rfft(field, shape[2], axis=2) for field in (inside * 1.0, values, values**2)]
    sums = np.zeros(3)
    # A few columns at a time: the zero-padded spectrum never exists as a whole.
    for start in range(0, octant.shape[2], _COLUMNS):
        part = slice(start, start + _COLUMNS)
        ones, centred, squared = (_columns(field[:, :, part], shape) for field in rows)
        kernel = octant[:, :, part][folds[0]][:, folds[1]]
        # The half of the spectrum that a real transform leaves out mirrors the inner columns.
        column = np.arange(octant.shape[2])[part]
        kernel = kernel * np.where((column > 0) & (column < octant.shape[2] - 1), 2.0, 1.0)
        pairs = ((ones, ones), (centred, centred), (squared, ones))
        sums += [float((kernel * (a.real * b.real + a.imag * b.imag)).sum()) for a, b in pairs]
    weights, cross, own = (sums / np.prod(shape)).tolist()
    return weights, cross, own


def _columns(field: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Transform along y and z, padded with zeros to `shape`."""
    lines = fft.fft(field, shape[1], axis=1)
    return fft.fft(lines, shape[0], axis=0, overwrite_x=True)


def _kernel_octant(shape: tuple[int, ...], spacing: tuple[float, ...]) -> np.ndarray:
    """Spectrum of 1 / distance, real and even: the octant of frequencies from 0 up."""
    squared = np.zeros([n // 2 + 1 for n in shape])
    for axis, step in enumerate(spacing):
        offset = np.arange(shape[axis] // 2 + 1, dtype=float)
        form = [1, 1, 1]
        form[axis] = -1
        squared = squared + ((offset * step) ** 2).reshape(form)
    squared[0, 0, 0] = np.inf
    return fft.dctn(1.0 / np.sqrt(squared), type=1, overwrite_x=True)
