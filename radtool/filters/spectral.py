"""Filters defined by their transfer function: Simoncelli (IBSI LODD) and Riesz (AYRS)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy import fft

from radtool.errors import ParameterError
from radtool.filters.convolution import pad
from radtool.filters.laplacian import gaussian_factors
from radtool.filters.settings import Boundary, Filter, Support, number_text
from radtool.image import Image

__all__ = ["Riesz", "Simoncelli"]

_PADDING = 32
Frequencies = Sequence[np.ndarray]
Transfer = Callable[[Frequencies, Frequencies], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class Simoncelli(Filter):
    """Isotropic band-pass of the Simoncelli wavelet (IBSI LODD, map B).

    Parameters
    ----------
    level : int, default 1
        Decomposition level; level 1 peaks at half the Nyquist frequency.
    dimensions : {2, 3}, default 3
        2 filters every slice (y, x) on its own.
    boundary : {"periodic", "mirror", "nearest", "zero"}, default "periodic"
        Periodic filters the image as it is; the others pad it by 32 voxels first.

    Notes
    -----
    The filter is defined on the whole image: a crop changes it, so `support` is None.
    """

    kind: ClassVar[str] = "simoncelli"
    level: int = 1
    dimensions: Literal[2, 3] = 3
    boundary: Boundary = "periodic"

    def __post_init__(self) -> None:
        self.check_count(level=self.level)
        self.check("dimensions", self.dimensions, (2, 3))
        self.check("boundary", self.boundary, Boundary)

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        return f"simoncelli_level_{self.level}" + ("_2d" if self.dimensions == 2 else "")

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """None: the response depends on the whole image."""
        return None

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        return _filtered(
            image.array, lambda v, _: _band(v, self.level), self.dimensions, self.boundary
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Riesz(Filter):
    """Riesz transform of a Laplacian of Gaussian or a Simoncelli band (IBSI AYRS).

    Not steered: IBSI has no reference for steering.

    Parameters
    ----------
    order : tuple of int
        Order along x, y and in 3D z: (1, 0, 0) is a first derivative along x.
    base : {"log", "simoncelli"}, default "simoncelli"
        The isotropic filter that is transformed.
    sigma_mm, cutoff_sigma : float
        Width and kernel half-width of the Laplacian of Gaussian; defaults 0 (not used) and 4.
    level : int, default 1
        Level of the Simoncelli band.
    boundary : {"mirror", "nearest", "periodic", "zero"}, default "mirror"
        The image is padded by 32 voxels, because the kernel is long; not when periodic.
    """

    kind: ClassVar[str] = "riesz"
    order: tuple[int, ...]
    base: Literal["log", "simoncelli"] = "simoncelli"
    sigma_mm: float = 0.0
    cutoff_sigma: float = 4.0
    level: int = 1
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        whole = all(isinstance(part, int) and part >= 0 for part in self.order)
        if len(self.order) not in (2, 3) or not whole or sum(self.order) < 1:
            raise ParameterError(
                "filter 'riesz': order must be two or three whole numbers for x, y and z, not all"
                f" 0, got {self.order!r}"
            )
        self.check("base", self.base, ("log", "simoncelli"))
        self.check("boundary", self.boundary, Boundary)
        self.check_count(level=self.level)
        if self.base == "log":
            self.check_above_zero(sigma_mm=self.sigma_mm, cutoff_sigma=self.cutoff_sigma)

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        base = f"simoncelli_level_{self.level}"
        if self.base == "log":
            base = f"log_sigma_{number_text(self.sigma_mm)}_mm"
        return f"riesz_{'_'.join(map(str, self.order))}_{base}"

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """None: the response depends on the whole image."""
        return None

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        dimensions = len(self.order)
        spacing = image.geometry.spacing[3 - dimensions :]
        total = sum(self.order)
        weight = (-1j) ** total * math.sqrt(
            math.factorial(total) / math.prod(map(math.factorial, self.order))
        )

        def transfer(v: Frequencies, exact: Frequencies) -> np.ndarray:
            norm = np.sqrt(_squared(v))
            base = (
                _log_transfer(exact, [self.sigma_mm / step for step in spacing], self.cutoff_sigma)
                if self.base == "log"
                else _band(v, self.level)
            )
            ratio = weight / np.where(norm > 0, norm, 1.0) ** total * (norm > 0)
            for axis, power in zip(v, self.order[::-1], strict=True):
                ratio = ratio * axis**power
            return base * ratio

        return _filtered(image.array, transfer, dimensions, self.boundary)


def _filtered(
    array: np.ndarray, transfer: Transfer, dimensions: int, boundary: Boundary
) -> np.ndarray:
    """Multiply the spectrum and keep the real part.

    `transfer` gets the frequencies of IBSI's reference grid and those of the Fourier transform.
    IBSI's reference grid of frequencies is not symmetric for even sizes, so a transfer function
    on it is not that of a real kernel. The real part of the response is what its Hermitian half
    gives, which needs only the half spectrum of a real image.
    """
    width = 0 if boundary == "periodic" else _PADDING
    widths = [width if axis >= 3 - dimensions else 0 for axis in range(3)]
    padded = pad(np.asarray(array, dtype=np.float64), widths, boundary)
    axes = tuple(range(3 - dimensions, 3))
    size = [padded.shape[axis] for axis in axes]
    grids = [_frequencies(n) for n in size]
    half = size[-1] // 2 + 1
    exact = _open([2 * fft.fftfreq(n) for n in size], half)
    there = transfer(_open(grids, half), exact)
    back = transfer(_open([np.roll(grid[::-1], 1) for grid in grids], half), exact)
    spectrum = fft.rfftn(padded, axes=axes)
    spectrum *= 0.5 * (there + np.conj(back))
    result = fft.irfftn(spectrum, s=size, axes=axes, overwrite_x=True)
    inside = tuple(slice(w, n - w) for w, n in zip(widths, padded.shape, strict=True))
    return np.ascontiguousarray(result[inside])


def _frequencies(size: int) -> np.ndarray:
    """Frequencies of one axis in FFT order; 1 is Nyquist."""
    centre = (size - 1) / 2
    return fft.ifftshift((np.arange(size) - centre) / max(centre, 0.5))


def _open(grids: list[np.ndarray], half: int) -> list[np.ndarray]:
    """Shape the axes so that they broadcast to the half spectrum."""
    return list(np.ix_(*grids[:-1], grids[-1][:half]))


def _squared(v: Frequencies) -> np.ndarray:
    total = np.zeros(())
    for axis in v:
        total = total + axis**2
    return total


def _band(v: Frequencies, level: int) -> np.ndarray:
    """Radial band-pass between a quarter of and the level's highest frequency."""
    norm = np.sqrt(_squared(v))
    top = 1.0 / 2 ** (level - 1)
    inside = (norm >= top / 4) & (norm <= top)
    safe = np.where(inside, norm, top / 2)
    return np.where(inside, np.cos(np.pi / 2 * np.log2(2 * safe / top)), 0.0)


def _log_transfer(v: Frequencies, sigmas: list[float], cutoff: float) -> np.ndarray:
    """Transfer function of the truncated Laplacian-of-Gaussian kernel at frequencies `v`."""
    smooth, curved = [], []
    for axis, sigma in zip(v, sigmas, strict=True):
        gauss, second = gaussian_factors(sigma, cutoff)
        k = np.arange(len(gauss)) - len(gauss) // 2
        waves = np.cos(np.pi * axis[..., None] * k)
        smooth.append(waves @ gauss)
        curved.append(waves @ second)
    total = np.zeros(())
    for i in range(len(smooth)):
        term = curved[i]
        for j in range(len(smooth)):
            if j != i:
                term = term * smooth[j]
        total = total + term
    return total
