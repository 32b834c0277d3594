"""Separable wavelets, undecimated (IBSI 25BO)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pywt

from radtool.errors import ParameterError, did_you_mean
from radtool.filters.convolution import (
    AxisStep,
    Pooling,
    convolve,
    orientations,
    pool_orientations,
)
from radtool.filters.settings import Boundary, Filter, Support
from radtool.image import Image

__all__ = ["SeparableWavelet", "wavelet_kernels"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparableWavelet(Filter):
    """One band of an undecimated separable wavelet transform (IBSI 25BO).

    Parameters
    ----------
    wavelet : str
        A discrete wavelet of PyWavelets: "haar", "db3", "coif1", "bior2.2", ….
    band : str
        L (low-pass) or H (high-pass) for x, y and in 3D z: "LH" filters every slice, "LLH" the
        volume.
    level : int, default 1
        Decomposition level; levels below it are low-pass on every axis.
    rotation_invariance : bool, default False
        Pool the responses of all right-handed quarter-turn rotations.
    pooling : {"average", "max", "min"}, default "average"
        How they are pooled.
    boundary : {"mirror", "nearest", "periodic", "zero"}, default "mirror"
        What lies beyond the image.
    """

    kind: ClassVar[str] = "wavelet"
    wavelet: str
    band: str
    level: int = 1
    rotation_invariance: bool = False
    pooling: Pooling = "average"
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        known = pywt.wavelist(kind="discrete")
        if self.wavelet not in known:
            raise ParameterError(
                f"filter 'wavelet' has no wavelet {self.wavelet!r}"
                f"{did_you_mean(self.wavelet, known)}"
            )
        if len(self.band) not in (2, 3) or not set(self.band.upper()) <= {"L", "H"}:
            raise ParameterError(
                "filter 'wavelet': band must be two (2D) or three (3D) letters L or H for x, y"
                f" and z, got {self.band!r}"
            )
        self.check_count(level=self.level)
        self.check("pooling", self.pooling, Pooling)
        self.check("boundary", self.boundary, Boundary)

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        text = f"wavelet_{self.wavelet.replace('.', '_')}_{self.band.lower()}"
        if self.level > 1:
            text += f"_level_{self.level}"
        return text + (f"_invar_{self.pooling}" if self.rotation_invariance else "")

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        half = sum(
            len(wavelet_kernels(self.wavelet, level)["L"]) // 2
            for level in range(1, self.level + 1)
        )
        return (half if len(self.band) == 3 else 0, half, half)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        letters = self.band.upper()

        def apply(array: np.ndarray, axis: int, step: AxisStep) -> np.ndarray:
            factor, is_flipped = step
            for level in range(1, self.level):
                array = convolve(array, self._kernel("L", level, is_flipped), axis, self.boundary)
            kernel = self._kernel(letters[factor], self.level, is_flipped)
            return convolve(array, kernel, axis, self.boundary)

        wanted = orientations(len(letters))
        return pool_orientations(
            np.asarray(image.array, dtype=np.float64),
            apply,
            [2, 1, 0][: len(letters)],
            wanted if self.rotation_invariance else wanted[:1],
            self.pooling,
        )

    def _kernel(self, letter: str, level: int, is_flipped: bool) -> np.ndarray:  # noqa: FBT001 - part of an orientation, not a mode
        kernel = wavelet_kernels(self.wavelet, level)[letter]
        return kernel[::-1] if is_flipped else kernel


@lru_cache(maxsize=64)
def wavelet_kernels(wavelet: str, level: int) -> dict[str, np.ndarray]:
    """Return the odd-length decomposition kernels L and H of one level (à trous).

    Even-length kernels get one trailing zero first (IBSI), so that they have a centre; then
    2**(level - 1) - 1 zeros go between the taps.

    Parameters
    ----------
    wavelet : str
        A discrete wavelet of PyWavelets.
    level : int
        Decomposition level, 1 or more.

    Returns
    -------
    dict of str to ndarray
        "L" and "H" -> taps of shape (odd length,); shared between calls, so never written to.
    """
    bank = pywt.Wavelet(wavelet)
    found = {}
    for letter, taps in (("L", bank.dec_lo), ("H", bank.dec_hi)):
        kernel = np.array(taps if len(taps) % 2 else [*taps, 0.0])
        step = 2 ** (level - 1)
        spread = np.zeros(step * (len(kernel) - 1) + 1)
        spread[::step] = kernel
        found[letter] = spread
    return found
