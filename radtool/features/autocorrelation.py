"""Moran's I and Geary's C over all pairs of voxels, exact, by fast Fourier transform."""

from __future__ import annotations

import numpy as np
from scipy import fft

__all__ = ["moran_geary"]


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
    shape = tuple(fft.next_fast_len(-(-(2 * size - 1) // 2)) * 2 for size in values.shape)
    kernel = _kernel_spectrum(values.shape, shape, spacing)
    # The half of the spectrum that a real transform leaves out mirrors the inner columns.
    kernel[..., 1:-1] *= 2.0
    kernel /= np.prod(shape)
    ones = _spectrum(inside.astype(np.float64), shape)
    centred = _spectrum(values, shape)
    weights = _weighted(kernel, ones, ones)
    cross = _weighted(kernel, centred, centred)
    return weights, cross, _weighted(kernel, _spectrum(values**2, shape), ones)


def _weighted(kernel: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    return float((kernel * (a.real * b.real + a.imag * b.imag)).sum())


def _spectrum(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Real Fourier transform of zero-padded values, padded axis by axis to save work."""
    part = fft.rfft(values, shape[2], axis=2)
    part = fft.fft(part, shape[1], axis=1, overwrite_x=True)
    return fft.fft(part, shape[0], axis=0, overwrite_x=True)


def _kernel_spectrum(
    size: tuple[int, ...], shape: tuple[int, ...], spacing: tuple[float, ...]
) -> np.ndarray:
    """Spectrum of 1 / distance, real; shape as of a real Fourier transform of `shape`."""
    squared = np.zeros([n // 2 + 1 for n in shape])
    for axis, step in enumerate(spacing):
        offset = np.arange(shape[axis] // 2 + 1, dtype=float)
        form = [1, 1, 1]
        form[axis] = -1
        squared = squared + ((offset * step) ** 2).reshape(form)
    squared[0, 0, 0] = np.inf
    octant = fft.dctn(1.0 / np.sqrt(squared), type=1)
    folds = [np.minimum(np.arange(n), n - np.arange(n)) for n in shape[:2]]
    return octant[np.ix_(*folds, np.arange(shape[2] // 2 + 1))]
