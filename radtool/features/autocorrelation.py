"""Moran's I and Geary's C over all pairs of voxels, exact, by fast Fourier transform."""

from __future__ import annotations

import numpy as np
from scipy import fft

__all__ = ["geary", "moran"]


def moran(image: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Return Moran's I with weights 1 / distance (IBSI N365); NaN for a flat region.

    How it works: the weight of a pair depends on its offset only, so the sum over all pairs is the
    sum over offsets of weight times autocorrelation, and that is a convolution.
    """
    values, n = _centred(image, inside)
    squares = float((values**2).sum())
    if n < 2 or squares == 0.0:
        return np.nan
    weights, cross, _ = _pair_sums(values, inside, spacing)
    return n / weights * cross / squares


def geary(image: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Return Geary's C with weights 1 / distance (IBSI NPT7); NaN for a flat region."""
    values, n = _centred(image, inside)
    squares = float((values**2).sum())
    if n < 2 or squares == 0.0:
        return np.nan
    weights, cross, own = _pair_sums(values, inside, spacing)
    return (n - 1) / (2.0 * weights) * (2.0 * own - 2.0 * cross) / squares


def _centred(image: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, int]:
    values = np.where(inside, image, 0.0).astype(np.float64)
    n = int(inside.sum())
    if n:
        values[inside] -= values[inside].mean()
    return values, n


def _pair_sums(
    values: np.ndarray, inside: np.ndarray, spacing: tuple[float, ...]
) -> tuple[float, float, float]:
    """Sums over ordered pairs i ≠ j of w, of w x_i x_j, and of w x_i²."""
    box = tuple(slice(int(k.min()), int(k.max()) + 1) for k in np.nonzero(inside))
    values, inside = values[box], inside[box]
    shape = [fft.next_fast_len(2 * size - 1, real=True) for size in values.shape]
    kernel = fft.rfftn(_inverse_distance(values.shape, shape, spacing))
    ones = inside.astype(np.float64)
    reach = fft.irfftn(fft.rfftn(ones, shape) * kernel, shape)[
        tuple(slice(size) for size in values.shape)
    ]
    pull = fft.irfftn(fft.rfftn(values, shape) * kernel, shape)[
        tuple(slice(size) for size in values.shape)
    ]
    return (
        float((ones * reach).sum()),
        float((values * pull).sum()),
        float((values**2 * reach).sum()),
    )


def _inverse_distance(
    size: tuple[int, ...], shape: list[int], spacing: tuple[float, ...]
) -> np.ndarray:
    squared = np.zeros(shape)
    for axis, (n, whole, step) in enumerate(zip(size, shape, spacing, strict=True)):
        offset = np.arange(whole, dtype=float)
        offset = np.minimum(offset, whole - offset)
        offset[offset >= n] = n  # offsets that no pair has; met by zeros only
        form = [1, 1, 1]
        form[axis] = whole
        squared = squared + ((offset * step) ** 2).reshape(form)
    squared[0, 0, 0] = np.inf
    return 1.0 / np.sqrt(squared)
