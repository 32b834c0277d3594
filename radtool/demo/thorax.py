"""A CT-like thorax: body, lungs, mediastinum, spine, vessels, couch and scanner noise."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from radtool.demo.lesion import Lesion, render
from radtool.demo.sites import Site
from radtool.image import Geometry, Image

__all__ = ["IN_PLANE", "make_image", "site_geometry"]

IN_PLANE = 144
"""Rows and columns of a slice."""

_AIR, _LUNG, _FAT, _TISSUE, _BLOOD, _BONE, _COUCH = -1000, -840, -95, 45, 60, 420, -560
_VESSELS = 40


def site_geometry(site: Site) -> Geometry:
    """Return the grid on which a site scans; its centre is the patient's (0, 0, 0)."""
    shape = (site.slices, IN_PLANE, IN_PLANE)
    spacing = (site.slice_spacing, site.pixel_spacing, site.pixel_spacing)
    first = [-spacing[axis] * (shape[axis] - 1) / 2 for axis in (2, 1, 0)]
    return Geometry(shape, spacing, (first[0], first[1], first[2]))


def make_image(lesion: Lesion, site: Site, rng: np.random.Generator) -> Image:
    """Return what a site's scanner makes of a patient with a tumour.

    Parameters
    ----------
    lesion : Lesion
        The tumour.
    site : Site
        The scanner.
    rng : numpy.random.Generator
        Source of the anatomy, texture and noise.

    Returns
    -------
    Image
        Whole HU between -1024 and 3071, int16.
    """
    geometry = site_geometry(site)
    anatomy = _anatomy(geometry, rng)
    blur = site.blur / site.pixel_spacing
    anatomy = ndimage.gaussian_filter(anatomy, (0.0, blur, blur), truncate=3.0)
    origin = np.array(geometry.origin)
    seen = render(lesion, anatomy, origin, site=site, rng=rng)
    seen += site.noise * _noise(geometry, site, rng) + site.bias
    whole = np.clip(np.rint(seen), -1024, 3071).astype(np.int16)
    return Image(whole, geometry, "HU")


def _anatomy(geometry: Geometry, rng: np.random.Generator) -> np.ndarray:
    nz, ny, nx = geometry.shape
    z = geometry.origin[2] + geometry.spacing[0] * np.arange(nz)[:, None, None]
    y = geometry.origin[1] + geometry.spacing[1] * np.arange(ny)[None, :, None]
    x = geometry.origin[0] + geometry.spacing[2] * np.arange(nx)[None, None, :]
    size = 1 + 0.04 * rng.standard_normal()
    swell = size * (1 - (z / 400) ** 2)

    volume = np.full(geometry.shape, _AIR, dtype=np.float32)
    volume[np.broadcast_to((y > 128) & (y < 142) & (np.abs(x) < 165), volume.shape)] = _COUCH
    volume[_ellipse(x, y, (0, 0), (162 * swell, 116 * swell))] = _FAT
    volume[_ellipse(x, y, (0, 2), (148 * swell, 104 * swell))] = _TISSUE
    lungs = np.zeros(volume.shape, dtype=bool)
    for side in (-1, 1):
        lungs |= _ellipse(x, y, (side * 74 * size, -4), (54 * swell, 84 * swell))
    lungs &= ~_ellipse(x, y, (8, -12), (40 * size + 0.15 * z, 58 * size))
    volume[lungs] = _LUNG
    volume[_ellipse(x, y, (6, 8), (11, 11)) & (z < 40)] = _BLOOD
    volume[_ellipse(x, y, (-2, -14 - 0.05 * z), (9, 8))] = _AIR
    _add_vessels(volume, lungs, geometry, rng)
    volume[_ellipse(x, y, (0, 66 * size), (19 + 0 * z, 16))] = _BONE
    volume[_ellipse(x, y, (0, 84 * size), (8 + 0 * z, 8))] = _TISSUE
    ribs = _ellipse(x, y, (0, 2), (146 * swell, 102 * swell))
    ribs &= ~_ellipse(x, y, (0, 2), (137 * swell, 93 * swell))
    slant = np.sin(2 * np.pi * (z + 0.25 * y) / 26)
    volume[ribs & (slant > 0.45) & (np.abs(x) > 25)] = _BONE
    return volume


def _ellipse(
    x: np.ndarray,
    y: np.ndarray,
    centre: tuple[float, np.ndarray | float],
    radii: tuple[np.ndarray | float, np.ndarray | float],
) -> np.ndarray:
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1


def _add_vessels(
    volume: np.ndarray, lungs: np.ndarray, geometry: Geometry, rng: np.random.Generator
) -> None:
    """Paint slanted tubes of 2 to 5 mm radius into the lungs, edges by partial volume."""
    nz, ny, nx = geometry.shape
    spacing = geometry.spacing[1]
    side = rng.choice([-1.0, 1.0], _VESSELS)
    start = np.stack([rng.uniform(-60, 55, _VESSELS), side * rng.uniform(40, 115, _VESSELS)])
    slope = rng.uniform(-0.35, 0.35, (2, _VESSELS))
    radius = rng.uniform(1.2, 4.0, _VESSELS) / spacing
    z = geometry.origin[2] + geometry.spacing[0] * np.arange(nz)
    centre = start[:, :, None] + slope[:, :, None] * z
    centre = (centre - np.array(geometry.origin)[[1, 0], None, None]) / spacing
    reach = np.arange(-3, 4)
    rows = np.rint(centre[0]).astype(int)[..., None, None] + reach[:, None]
    columns = np.rint(centre[1]).astype(int)[..., None, None] + reach
    away = np.hypot(rows - centre[0][..., None, None], columns - centre[1][..., None, None])
    share = np.clip(radius[:, None, None, None] - away + 0.5, 0, 1)
    rows, columns = np.broadcast_arrays(np.clip(rows, 0, ny - 1), np.clip(columns, 0, nx - 1))
    slices = np.broadcast_to(np.arange(nz)[None, :, None, None], rows.shape)
    painted = np.zeros(volume.shape, dtype=np.float32)
    np.maximum.at(painted, (slices, rows, columns), share.astype(np.float32))
    volume[lungs] += painted[lungs] * (_BLOOD - _LUNG)


def _noise(geometry: Geometry, site: Site, rng: np.random.Generator) -> np.ndarray:
    """Noise of standard deviation 1, correlated in plane as the kernel does it."""
    white = rng.standard_normal(geometry.shape, dtype=np.float32)
    if site.noise_scale == 0:
        return white
    scale = site.noise_scale / site.pixel_spacing
    smooth = ndimage.gaussian_filter(white, (0.0, scale, scale), mode="wrap", truncate=3.0)
    return smooth / smooth.std()
