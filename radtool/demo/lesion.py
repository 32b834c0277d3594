"""A tumour with a known boundary: smooth, star-shaped, sometimes with a cavity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.measure import find_contours

from radtool.demo.sites import Site

__all__ = ["HETEROGENEITY_SCALE_MM", "RIM_MM", "Lesion", "contours", "draw_lesion", "render"]

HETEROGENEITY_SCALE_MM = 2.5
"""Standard deviation of the Gaussian that correlates the texture inside a tumour."""
RIM_MM = 6.0
"""Consolidated lung around the tumour, of the tumour's mean attenuation, outside the contour."""

_GRID_MM = 1.5
_CONTOUR_MM = 1.5
_CAVITY_HU = -900.0
_NECROSIS_MM = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """A star-shaped body about its centre, in patient coordinates (x, y, z), LPS, mm.

    The radius towards the unit vector u is ``radius * exp(u' bend u + (u.a)(u.b)(u.c))``.
    """

    centre: np.ndarray
    radius: float
    bend: np.ndarray
    bumps: np.ndarray
    cavity_radius: float
    attenuation: float
    heterogeneity: float

    def outside(self, points: np.ndarray) -> np.ndarray:
        """Radial distance in mm beyond the surface (negative inside); points (..., 3)."""
        shifted = points - self.centre
        distance = np.linalg.norm(shifted, axis=-1)
        unit = shifted / np.maximum(distance, 1e-6)[..., None]
        return distance - self.radius * _relative_radius(unit, self.bend, self.bumps)

    def from_cavity(self, points: np.ndarray) -> np.ndarray:
        """Distance in mm into the cavity (negative outside it); points (..., 3)."""
        return self.cavity_radius - np.linalg.norm(points - self.centre, axis=-1)

    @property
    def extent(self) -> float:
        """Largest distance of the surface from the centre, mm."""
        return float(self.radius * _relative_radius(_directions(), self.bend, self.bumps).max())

    @property
    def volume_ml(self) -> float:
        """Volume without the cavity, by integrating over directions."""
        relative = _relative_radius(_directions(), self.bend, self.bumps)
        outer = 4 / 3 * np.pi * self.radius**3 * np.mean(relative**3)
        return float(outer - 4 / 3 * np.pi * self.cavity_radius**3) / 1000


def draw_lesion(
    volume_ml: float,
    heterogeneity: float,
    attenuation: float,
    *,
    has_cavity: bool,
    rng: np.random.Generator,
) -> Lesion:
    """Draw a shape and a place for a tumour of a given volume.

    Parameters
    ----------
    volume_ml : float
        Volume without the cavity.
    heterogeneity, attenuation : float
        Standard deviation and mean inside, HU.
    has_cavity : bool
        Whether a ball of necrosis and air lies inside that does not belong to the tumour.
    rng : numpy.random.Generator
        Source of chance.
    """
    side = rng.choice([-1.0, 1.0])
    centre = np.array([side * 78.0, -5.0, 0.0]) + rng.uniform(-8.0, 8.0, 3)
    bend = rng.normal(0.0, 0.12, (3, 3))
    bend = (bend + bend.T) / 2
    bend -= np.eye(3) * np.trace(bend) / 3
    bumps = rng.normal(0.0, 0.55, (3, 3))
    relative = _relative_radius(_directions(), bend, bumps)
    solid = 0.9 if has_cavity else 1.0
    outer = 1000 * volume_ml / solid
    return Lesion(
        centre=centre,
        radius=float(np.cbrt(3 * outer / (4 * np.pi * np.mean(relative**3)))),
        bend=bend,
        bumps=bumps,
        cavity_radius=float(np.cbrt(3 * outer * (1 - solid) / (4 * np.pi))),
        attenuation=attenuation,
        heterogeneity=heterogeneity,
    )


def contours(lesion: Lesion, positions: np.ndarray) -> list[list[np.ndarray]]:
    """Cut the tumour's surface by axial planes.

    Parameters
    ----------
    lesion : Lesion
        The tumour.
    positions : ndarray of shape (n,)
        z of the planes, mm.

    Returns
    -------
    list of list of ndarray of shape (m, 3)
        For each plane its closed polygons (x, y, z), mm, first point not repeated; a cavity is a
        polygon of its own inside the outer one.
    """
    reach = lesion.extent + 2 * _CONTOUR_MM
    steps = np.arange(-reach, reach + _CONTOUR_MM, _CONTOUR_MM)
    y, x = np.meshgrid(steps + lesion.centre[1], steps + lesion.centre[0], indexing="ij")
    planes: list[list[np.ndarray]] = []
    for position in positions:
        planes.append([])
        if abs(position - lesion.centre[2]) >= reach:
            continue
        points = np.stack([x, y, np.full_like(x, position)], axis=-1)
        field = np.maximum(lesion.outside(points), lesion.from_cavity(points))
        for line in find_contours(field, 0.0):
            if len(line) < 5:
                continue
            planes[-1].append(
                np.column_stack(
                    [
                        x[0, 0] + _CONTOUR_MM * line[:-1, 1],
                        y[0, 0] + _CONTOUR_MM * line[:-1, 0],
                        np.full(len(line) - 1, position),
                    ]
                )
            )
    return planes


def render(
    lesion: Lesion,
    background: np.ndarray,
    origin: np.ndarray,
    *,
    site: Site,
    rng: np.random.Generator,
) -> np.ndarray:
    """Put the tumour into a thorax as the site's scanner sees it, without noise.

    The tumour is made on a fine grid, blurred by the in-plane point spread and the slice profile
    and sampled at the voxel centres, so partial volume is as on a scanner.

    Parameters
    ----------
    lesion : Lesion
        The tumour.
    background : ndarray of shape (z, y, x)
        Thorax in HU.
    origin : ndarray of shape (3,)
        Centre of the first voxel, (x, y, z), mm.
    site : Site
        Spacing and point spread.
    rng : numpy.random.Generator
        Source of the texture.

    Returns
    -------
    ndarray of shape (z, y, x)
        Thorax with tumour, HU.
    """
    reach = lesion.extent + RIM_MM + 4 * site.blur + site.slice_spacing
    count = int(np.ceil(2 * reach / _GRID_MM)) + 1
    steps = (np.arange(count) - (count - 1) / 2) * _GRID_MM
    z, y, x = np.meshgrid(
        steps + lesion.centre[2],
        steps + lesion.centre[1],
        steps + lesion.centre[0],
        indexing="ij",
    )
    points = np.stack([x, y, z], axis=-1)
    outside = lesion.outside(points)
    depth = lesion.from_cavity(points)
    tumour = (outside <= 0) & (depth <= 0)
    texture = _texture(tumour, rng)
    covered = (outside <= RIM_MM).astype(np.float32)
    value = covered * np.float32(lesion.attenuation)
    value[outside <= 0] += lesion.heterogeneity * texture[outside <= 0]
    value[depth > _NECROSIS_MM] = _CAVITY_HU
    box = [
        slice(max(0, low), high)
        for low, high in zip(
            _first_voxel(lesion.centre - reach, origin, site),
            _first_voxel(lesion.centre + reach, origin, site),
            strict=True,
        )
    ]
    where = _fine_index(box, background.shape, origin, lesion.centre, (count - 1) / 2, site)
    fraction = ndimage.map_coordinates(_seen(covered, site), where, order=1)
    amount = ndimage.map_coordinates(_seen(value, site), where, order=1)
    image = background.copy()
    image[tuple(box)] = image[tuple(box)] * (1 - fraction) + amount
    return image


def _texture(tumour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Correlated field with mean 0 and standard deviation 1 over the tumour."""
    noise = rng.standard_normal(tumour.shape, dtype=np.float32)
    field = ndimage.gaussian_filter(noise, HETEROGENEITY_SCALE_MM / _GRID_MM, mode="wrap")
    return (field - field[tumour].mean()) / field[tumour].std()


def _seen(volume: np.ndarray, site: Site) -> np.ndarray:
    """Blur in plane and along z; the slice profile has the variance of a box."""
    blur, profile = site.blur / _GRID_MM, site.slice_spacing / np.sqrt(12) / _GRID_MM
    return ndimage.gaussian_filter(volume, (profile, blur, blur), truncate=3.0)


def _first_voxel(point: np.ndarray, origin: np.ndarray, site: Site) -> tuple[int, int, int]:
    spacing = np.array([site.pixel_spacing, site.pixel_spacing, site.slice_spacing])
    x, y, z = np.ceil((point - origin) / spacing).astype(int).tolist()
    return z, y, x


def _fine_index(
    box: list[slice],
    shape: tuple[int, ...],
    origin: np.ndarray,
    centre: np.ndarray,
    middle: float,
    site: Site,
) -> np.ndarray:
    spacing = (site.slice_spacing, site.pixel_spacing, site.pixel_spacing)
    axes = []
    for axis, (part, size) in enumerate(zip(box, shape, strict=True)):
        index = np.arange(*part.indices(size))
        position = origin[2 - axis] + spacing[axis] * index
        axes.append((position - centre[2 - axis]) / _GRID_MM + middle)
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _relative_radius(unit: np.ndarray, bend: np.ndarray, bumps: np.ndarray) -> np.ndarray:
    bent = np.einsum("...i,ij,...j->...", unit, bend, unit)
    return np.exp(bent + np.prod(unit @ bumps.T, axis=-1))


def _directions(count: int = 4000) -> np.ndarray:
    """Unit vectors that cover the sphere evenly (Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = np.pi * (1 + np.sqrt(5)) * index
    flat = np.sqrt(1 - height**2)
    return np.column_stack([flat * np.cos(angle), flat * np.sin(angle), height])
