"""pyradiomics' wavelet images: the stationary transform, periodic, all bands at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pywt

from radtool.errors import ParameterError, did_you_mean
from radtool.filters.settings import Filter, Support
from radtool.image import Image

__all__ = ["StationaryWavelet", "bands_one_by_one", "cut_back", "stationary_bands"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StationaryWavelet(Filter):
    """One band of pyradiomics' wavelet transform.

    Parameters
    ----------
    band : str
        L or H for x, y and z, such as "LLH"; two letters filter every slice (x, y).
    wavelet : str, default "coif1"
        A discrete wavelet of PyWavelets.
    level : int, default 1
        Decomposition level. pyradiomics repeats the same kernels at every level instead of
        spreading them, so levels above 1 are not those of the textbook transform.

    Notes
    -----
    Periodic, and the image is lengthened by one voxel along odd axes: a crop changes it, so
    `support` is None.
    """

    kind: ClassVar[str] = "wavelet_stationary"
    band: str
    wavelet: str = "coif1"
    level: int = 1

    def __post_init__(self) -> None:
        known = pywt.wavelist(kind="discrete")
        if self.wavelet not in known:
            hint = did_you_mean(self.wavelet, known)
            raise ParameterError(f"filter {self.kind!r} has no wavelet {self.wavelet!r}{hint}")
        if len(self.band) not in (2, 3) or not set(self.band) <= {"L", "H"}:
            raise ParameterError(
                f"filter {self.kind!r}: band must be two or three letters L or H, got {self.band!r}"
            )
        self.check_count(level=self.level)

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        level = f"_level_{self.level}" if self.level > 1 else ""
        wavelet = self.wavelet.replace(".", "_")
        return f"wavelet_stationary_{wavelet}_{self.band.lower()}{level}"

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """None: the response depends on the whole image."""
        return None

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        axes = (2, 1, 0)[: len(self.band)]
        data: np.ndarray = image.array
        bands: dict[str, np.ndarray] = {}
        for _ in range(self.level):
            bands = stationary_bands(data, self.wavelet, axes)
            data = bands["L" * len(axes)]
        return np.ascontiguousarray(cut_back(bands[self.band], image.array.shape))


def stationary_bands(array: np.ndarray, wavelet: str, axes: Sequence[int]) -> dict[str, np.ndarray]:
    """All bands of one level of the periodic stationary transform.

    Parameters
    ----------
    array : ndarray
        Intensities; axes of odd length are lengthened by their first voxel.
    wavelet : str
        A discrete wavelet of PyWavelets.
    axes : sequence of int
        Axes to filter; a band's letters follow them.

    Returns
    -------
    dict
        Band ("LLL" … "HHH") -> response, of even lengths; approximation ("L…L") first.
    """
    return dict(bands_one_by_one(array, wavelet, axes))


def bands_one_by_one(
    array: np.ndarray, wavelet: str, axes: Sequence[int]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the bands of `stationary_bands` in its order, without holding all of them.

    Yields
    ------
    name : str
        "LLL" … "HHH".
    response : ndarray
        Of even lengths.
    """
    padded = np.pad(array, [(0, size % 2) for size in array.shape], mode="wrap")
    waiting = [("", padded)]
    del padded
    while waiting:
        name, data = waiting.pop()
        if len(name) == len(axes):
            yield name, data
            continue
        # PyWavelets works in float32 for float32 images; its order of sums is part of the result.
        (halves,) = pywt.swtn(data, wavelet, level=1, axes=(axes[len(name)],))
        del data
        waiting += [(f"{name}H", halves.pop("d")), (f"{name}L", halves.pop("a"))]


def cut_back(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Cut lengthened axes back to `shape`."""
    return array[tuple(slice(0, size) for size in shape)]
