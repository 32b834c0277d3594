"""Gabor filter (IBSI Q88H)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import fft

from radtool.errors import ParameterError
from radtool.filters.convolution import Pooling, pad
from radtool.filters.settings import Boundary, Filter, Support, number_text
from radtool.image import Image

__all__ = ["Gabor"]

# The plane of each entry: array axes of the kernel's y and x.
_PLANES = ((1, 2), (0, 2), (0, 1))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gabor(Filter):
    """Modulus of the complex Gabor response (IBSI Q88H); the filter is two-dimensional.

    Parameters
    ----------
    sigma_mm : float
        Width of the Gaussian.
    wavelength_mm : float
        Wavelength of the wave.
    gamma : float, default 1
        Aspect ratio: above 1 the kernel is narrower across the wave than along it.
    theta_deg : float, default 0
        Direction of the wave, clockwise in the axial plane as displayed (y down).
    rotation_step_deg : float, default 0
        Above 0: pool over theta = 0, step, … below 360 (theta_deg is not used); must divide 360.
    orthogonal_planes : bool, default False
        Pool over the axial, coronal and sagittal planes also; otherwise axial only.
    pooling : {"average", "max", "min"}, default "average"
        How responses are pooled.
    boundary : {"mirror", "nearest", "periodic", "zero"}, default "mirror"
        What lies beyond the image.

    Notes
    -----
    The kernel reaches `CUTOFF` standard deviations (4 × 10⁻⁶ of its peak) and distances are in
    mm, which is IBSI's definition wherever voxels are isotropic in the filter's plane.
    """

    kind: ClassVar[str] = "gabor"
    CUTOFF: ClassVar[float] = 5.0
    sigma_mm: float
    wavelength_mm: float
    gamma: float = 1.0
    theta_deg: float = 0.0
    rotation_step_deg: float = 0.0
    orthogonal_planes: bool = False
    pooling: Pooling = "average"
    boundary: Boundary = "mirror"

    def __post_init__(self) -> None:
        self.check_above_zero(
            sigma_mm=self.sigma_mm, wavelength_mm=self.wavelength_mm, gamma=self.gamma
        )
        self.check("pooling", self.pooling, Pooling)
        self.check("boundary", self.boundary, Boundary)
        step = self.rotation_step_deg
        if step and not (0 < step <= 360 and math.isclose(360 / step, round(360 / step))):
            raise ParameterError(
                f"filter 'gabor': rotation_step_deg must divide 360 degrees, got {step}"
            )

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        parts = [
            "gabor",
            f"sigma_{number_text(self.sigma_mm)}_mm",
            f"lambda_{number_text(self.wavelength_mm)}_mm",
            f"gamma_{number_text(self.gamma)}",
        ]
        if self.rotation_step_deg:
            parts.append(f"step_{number_text(self.rotation_step_deg)}_{self.pooling}")
        else:
            parts.append(f"theta_{number_text(self.theta_deg)}")
        return "_".join(parts + ["3planes"] * self.orthogonal_planes)

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        reach = self._reach_mm()
        z, y, x = (math.ceil(reach / step) for step in spacing)
        return (z if self.orthogonal_planes else 0, y, x)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        array = np.asarray(image.array, dtype=np.float64)
        planes = _PLANES if self.orthogonal_planes else _PLANES[:1]
        merge = {"average": np.add, "max": np.maximum, "min": np.minimum}[self.pooling]
        pooled: np.ndarray | None = None
        for plane in planes:
            part = self._plane_response(array, plane, image.geometry.spacing)
            pooled = part if pooled is None else merge(pooled, part, out=pooled)
        assert pooled is not None
        return pooled / len(planes) if self.pooling == "average" else pooled

    def _reach_mm(self) -> float:
        return self.CUTOFF * self.sigma_mm * max(1.0, 1.0 / self.gamma)

    def _angles(self) -> list[float]:
        if not self.rotation_step_deg:
            return [math.radians(self.theta_deg)]
        count = round(360 / self.rotation_step_deg)
        # theta and theta + 180 degrees are complex conjugates: the same modulus.
        count = count // 2 if count % 2 == 0 else count
        return [math.radians(self.rotation_step_deg) * index for index in range(count)]

    def _plane_response(
        self, array: np.ndarray, plane: tuple[int, int], spacing: tuple[float, float, float]
    ) -> np.ndarray:
        """Pooled modulus over the angles, slice by slice across the plane's normal."""
        normal = ({0, 1, 2} - set(plane)).pop()
        steps = [spacing[axis] for axis in plane]
        half = [math.ceil(self._reach_mm() / step) for step in steps]
        size = [array.shape[axis] for axis in plane]
        fast = [fft.next_fast_len(n + 2 * h) for n, h in zip(size, half, strict=True)]
        transfers = [self._transfer(theta, half, steps, fast) for theta in self._angles()]
        result = np.empty_like(array)
        for source, target in zip(
            np.moveaxis(array, normal, 0), np.moveaxis(result, normal, 0), strict=True
        ):
            spectrum = fft.fft2(pad(source, half, self.boundary), s=fast)
            target[...] = self._pooled_modulus(spectrum, transfers, half, size)
        return result

    def _pooled_modulus(
        self, spectrum: np.ndarray, transfers: list[np.ndarray], half: list[int], size: list[int]
    ) -> np.ndarray:
        window = tuple(slice(2 * h, 2 * h + n) for h, n in zip(half, size, strict=True))
        merge = {"average": np.add, "max": np.maximum, "min": np.minimum}[self.pooling]
        pooled = np.abs(fft.ifft2(spectrum * transfers[0])[window])
        for transfer in transfers[1:]:
            merge(pooled, np.abs(fft.ifft2(spectrum * transfer)[window]), out=pooled)
        return pooled / len(transfers) if self.pooling == "average" else pooled

    def _transfer(
        self, theta: float, half: list[int], steps: list[float], shape: list[int]
    ) -> np.ndarray:
        """Spectrum of the kernel whose first sample is at index (0, 0)."""
        y = np.arange(-half[0], half[0] + 1)[:, None] * steps[0]
        x = np.arange(-half[1], half[1] + 1)[None, :] * steps[1]
        along = x * math.cos(theta) + y * math.sin(theta)
        across = x * math.sin(theta) - y * math.cos(theta)
        width = along**2 + (self.gamma * across) ** 2
        wave = 2j * math.pi * along / self.wavelength_mm
        return fft.fft2(np.exp(-width / (2 * self.sigma_mm**2) + wave), s=shape)
