"""Local binary patterns in slices and in the volume, as pyradiomics defines them."""

from __future__ import annotations

import math
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np

from radtool.filters.settings import Filter, Support, number_text
from radtool.image import Image

__all__ = ["LocalBinaryPattern2D", "LocalBinaryPattern3D", "icosphere"]

Method = Literal["default", "ror", "uniform", "var"]
_CHUNK = 50_000
# Python keeps one list of warning filters for all threads.
_warning_filters = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalBinaryPattern2D(Filter):
    """Local binary pattern of every slice (scikit-image's `local_binary_pattern`).

    Parameters
    ----------
    radius_voxels : float, default 1
        Distance of the neighbours.
    samples : int, default 8
        Number of neighbours on the circle.
    method : {"default", "ror", "uniform", "var"}, default "uniform"
        How the pattern is coded.
    axis : int, default 0
        Array axis (0 is z) across which slices are taken.

    Notes
    -----
    Codes are stored in the image's own type, as in pyradiomics: for an integer image the "var"
    method is cut to whole numbers.
    """

    kind: ClassVar[str] = "lbp_2d"
    radius_voxels: float = 1
    samples: int = 8
    method: Method = "uniform"
    axis: int = 0

    def __post_init__(self) -> None:
        self.check_above_zero(radius_voxels=self.radius_voxels)
        self.check_count(samples=self.samples)
        self.check("method", self.method, Method)
        self.check("axis", self.axis, (0, 1, 2))

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        return f"lbp_2d_r{number_text(self.radius_voxels)}_p{self.samples}_{self.method}"

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        reach = math.ceil(self.radius_voxels) + 1
        z, y, x = (0 if axis == self.axis else reach for axis in range(3))
        return (z, y, x)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x) and dtype."""
        from skimage.feature import local_binary_pattern

        result = np.empty_like(image.array)
        slices = np.moveaxis(image.array, self.axis, 0)
        with _warning_filters, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Applying `local_binary_pattern`")
            for plane, codes in zip(slices, np.moveaxis(result, self.axis, 0), strict=True):
                pattern = local_binary_pattern(
                    plane.copy(), self.samples, self.radius_voxels, self.method
                )
                codes[...] = pattern.astype(codes.dtype)
        return result


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalBinaryPattern3D(Filter):
    """Rotation-invariant local binary pattern on a sphere, by spherical harmonics.

    Parameters
    ----------
    output : int, default 1
        1 … levels: the energy of that order of harmonics; 0: the kurtosis of the samples.
    levels : int, default 2
        Number of orders of spherical harmonics.
    radius_voxels : float, default 1
        Radius of the sphere.
    subdivision : int, default 1
        Subdivisions of the icosahedron whose corners are the samples (1: 42 samples).

    References
    ----------
    Banerjee, Moelker, Niessen, van Walsum, 3D LBP-based rotationally invariant region
    description, ACCV Workshops, 2012.

    Notes
    -----
    Samples come from a cubic spline; beyond the image they are 0. The spline's memory makes a
    crop exact to 10⁻⁹ with 16 voxels to spare.
    """

    kind: ClassVar[str] = "lbp_3d"
    output: int = 1
    levels: int = 2
    radius_voxels: float = 1
    subdivision: int = 1

    def __post_init__(self) -> None:
        self.check_count(levels=self.levels)
        self.check_above_zero(radius_voxels=self.radius_voxels)
        self.check("output", self.output, range(self.levels + 1))
        self.check("subdivision", self.subdivision, range(6))

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        return "lbp_3d_" + (f"m{self.output}" if self.output else "k")

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """Voxels (z, y, x) around a region that its response depends on."""
        reach = math.ceil(self.radius_voxels) + 16
        return (reach, reach, reach)

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x)."""
        everywhere = np.ones(image.array.shape, dtype=bool)
        values = self.values_at(image.array, everywhere)[:, self.output - 1]
        return values.reshape(image.array.shape)

    def values_at(self, array: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """All outputs at the voxels of a mask.

        Parameters
        ----------
        array : ndarray of shape (z, y, x)
            Intensities.
        inside : ndarray of bool, shape (z, y, x)
            Where values are wanted.

        Returns
        -------
        ndarray of shape (n, levels + 1)
            The energies of the orders, then the kurtosis.
        """
        from scipy import ndimage

        coefficients = ndimage.spline_filter(array, order=3, output=np.float64, mode="constant")
        points = np.argwhere(inside)
        parts = [
            self._values(array, coefficients, points[start : start + _CHUNK])
            for start in range(0, len(points), _CHUNK)
        ]
        return np.concatenate(parts)

    def _values(
        self, array: np.ndarray, coefficients: np.ndarray, points: np.ndarray
    ) -> np.ndarray:
        from scipy import ndimage

        corners = icosphere(self.subdivision) * self.radius_voxels
        harmonics, orders = _harmonics(self.subdivision, self.levels)
        where = (points[:, None, :] + corners[None, :, :]).T
        samples = ndimage.map_coordinates(
            coefficients, where, output=array.dtype, order=3, prefilter=False
        ).T
        pattern = (samples >= array[tuple(points.T)][:, None]).astype(np.float64)
        weights = pattern @ harmonics
        energies = []
        for order in range(self.levels):
            mine = orders == order
            field = weights[:, mine] @ harmonics[:, mine].T
            energies.append(np.real(np.sqrt(np.sum(field**2, axis=1))))
        return np.column_stack([*energies, _kurtosis(samples)])


@lru_cache(maxsize=8)
def icosphere(subdivision: int) -> np.ndarray:
    """Corners of a subdivided icosahedron on the unit sphere, shape (n, 3)."""
    golden = (1 + math.sqrt(5)) / 2
    corners = [
        np.roll([0.0, a, b], shift)
        for shift in range(3)
        for a in (-1.0, 1.0)
        for b in (-golden, golden)
    ]
    points = np.array(corners)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    for _ in range(subdivision):
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)
        nearest = np.sort(distances, axis=1)[:, 1:7]
        # Edges are the short distances; all are within 20 % of each other on the subdivided sphere.
        edges = np.argwhere(np.triu(distances < 1.3 * nearest.min(), 1))
        middles = points[edges[:, 0]] + points[edges[:, 1]]
        points = np.vstack([points, middles / np.linalg.norm(middles, axis=1, keepdims=True)])
    return points


@lru_cache(maxsize=8)
def _harmonics(subdivision: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Spherical harmonics at the corners, shape (corners, terms), and each term's order.

    The two angles are in the places where pyradiomics gives them to scipy: the polar angle as the
    azimuth and the other way round.
    """
    from scipy.special import sph_harm_y

    corners = icosphere(subdivision)
    polar = np.arccos(np.clip(corners[:, 2], -1, 1))
    azimuth = np.arctan2(corners[:, 1], corners[:, 0])
    terms = [(n, m) for n in range(levels) for m in range(-n, n + 1)]
    values = [sph_harm_y(n, m, azimuth, polar) for n, m in terms]
    return np.column_stack(values), np.array([n for n, _ in terms])


def _kurtosis(samples: np.ndarray) -> np.ndarray:
    """Excess kurtosis of every row; NaN for a flat row."""
    values = samples.astype(np.float64)
    centred = values - values.mean(axis=1, keepdims=True)
    variance = np.mean(centred**2, axis=1)
    flat = variance <= (np.finfo(np.float64).eps * values.mean(axis=1)) ** 2
    fourth = np.mean(centred**4, axis=1)
    return np.where(flat, np.nan, fourth / np.where(flat, 1.0, variance) ** 2 - 3)
