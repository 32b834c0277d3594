"""Image and mask as another scan or another reader might have given them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pywt
from scipy import ndimage

from radtool.errors import InputError, ParameterError
from radtool.image import Geometry, Image, Mask, check_same_grid
from radtool.preprocessing.resample import resample_image, resample_mask

__all__ = ["Perturbation", "noise_level", "perturb", "perturbations"]

_MEDIAN_TO_SD = 1 / 0.6744897501960817
_COMPACTNESS = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """One way to disturb an image and its mask; the defaults change nothing.

    Parameters
    ----------
    rotation_degrees : float, default 0
        Turns the voxel grid about the slice axis through the middle of the mask.
    translation : tuple of 3 float, default (0, 0, 0)
        Shifts the voxel grid by these fractions of a voxel, (z, y, x).
    noise : float, default 0
        Adds Gaussian noise of this many times the level found in the image (`noise_level`).
    volume_change : float, default 0
        Grows (above 0) or shrinks the mask by this fraction of its volume, evenly in mm.
    randomise_contour : bool, default False
        Redraws the mask's border along supervoxels.
    supervoxel_mm : float, default 5
        Edge of a supervoxel: about how far the border may move.
    margin_mm : float, default 40
        When the grid is turned or shifted: how far the new grid reaches beyond the mask.
    """

    rotation_degrees: float = 0.0
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    noise: float = 0.0
    volume_change: float = 0.0
    randomise_contour: bool = False
    supervoxel_mm: float = 5.0
    margin_mm: float = 40.0

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise ParameterError(f"[perturb] noise must not be below 0, got {self.noise}")
        if not self.volume_change > -1:
            raise ParameterError(
                f"[perturb] volume_change must be above -1, got {self.volume_change}"
            )
        if not self.supervoxel_mm > 0 or self.margin_mm < 0:
            raise ParameterError(
                "[perturb] supervoxel_mm must be above 0 and margin_mm not below 0, got"
                f" {self.supervoxel_mm} and {self.margin_mm}"
            )

    @property
    def name(self) -> str:
        """A short text that tells perturbations apart: ``"rot10_shift0.5_noise1_vol-0.1_con"``."""
        shift = "x".join(f"{part:g}" for part in dict.fromkeys(self.translation))
        parts = [
            f"rot{self.rotation_degrees:g}" if self.rotation_degrees else "",
            f"shift{shift}" if any(self.translation) else "",
            f"noise{self.noise:g}" if self.noise else "",
            f"vol{self.volume_change:g}" if self.volume_change else "",
            "con" if self.randomise_contour else "",
        ]
        return "_".join(filter(None, parts)) or "none"


def perturbations(
    *,
    rotations_degrees: Sequence[float] = (-10.0, 0.0, 10.0),
    shifts: Sequence[float] = (0.0, 0.5),
    noise: Sequence[float] = (1.0,),
    volume_changes: Sequence[float] = (-0.1, 0.0, 0.1),
    randomise_contour: bool = True,
) -> list[Perturbation]:
    """Return every combination of rotation, shift, noise and volume change.

    Parameters
    ----------
    rotations_degrees, shifts, noise, volume_changes : sequence of float
        What `Perturbation` takes; a shift is the same fraction of a voxel along all three axes.
    randomise_contour : bool, default True
        Whether all of them also redraw the border.

    Returns
    -------
    list of Perturbation
        18 with the defaults.

    References
    ----------
    Zwanenburg et al. Assessing robustness of radiomic features by image perturbation. Sci Rep
    2019.

    Examples
    --------
    >>> [p.name for p in perturbations(rotations_degrees=[5], shifts=[0.5], volume_changes=[0])]
    ['rot5_shift0.5_noise1_con']
    """
    return [
        Perturbation(
            rotation_degrees=rotation,
            translation=(shift, shift, shift),
            noise=level,
            volume_change=change,
            randomise_contour=randomise_contour,
        )
        for rotation, shift, level, change in itertools.product(
            rotations_degrees, shifts, noise, volume_changes
        )
    ]


def perturb(
    image: Image, mask: Mask, settings: Perturbation, rng: np.random.Generator
) -> tuple[Image, Mask]:
    """Disturb an image and its mask.

    In this order: noise, rotation and translation together (one cubic interpolation of the image,
    one linear of the mask), volume change, contour randomisation.

    Parameters
    ----------
    image : Image
        Intensities.
    mask : Mask
        Region on the same grid, not empty.
    settings : Perturbation
        What to do.
    rng : numpy.random.Generator
        Source of the noise, of ties and of the border; one for each case and perturbation.

    Returns
    -------
    image : Image
        On a grid around the mask, in the same patient coordinates, when the grid was turned or
        shifted; else on its own.
    mask : Mask
        On the grid of the returned image.

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    InputError
        The mask is empty, or nothing is left of it.
    """
    check_same_grid(image, mask)
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty; there is nothing to perturb")
    if settings.noise:
        level = settings.noise * noise_level(image)
        image = image.with_array(image.array + rng.normal(0.0, level, image.array.shape))
    if settings.rotation_degrees or any(settings.translation):
        grid = _moved_grid(mask, settings)
        image, mask = resample_image(image, grid, interpolation="cubic"), resample_mask(mask, grid)
    if settings.volume_change:
        mask = _change_volume(mask, settings.volume_change, rng)
    if settings.randomise_contour:
        mask = _randomise_contour(image, mask, settings.supervoxel_mm, rng)
    if mask.is_empty:
        raise InputError(
            f"nothing is left of mask {mask.roi!r} after perturbation {settings.name!r};"
            " it is too small for it"
        )
    return image, mask


def noise_level(image: Image) -> float:
    """Estimate the standard deviation of white noise in an image.

    The median absolute detail of a stationary coiflet-1 wavelet, diagonal in the slice plane,
    divided by 0.6745: smooth anatomy has almost none, edges are too few to move a median. Voxels
    at the image's lowest intensity (padding, air that was cut off) are left out.

    Parameters
    ----------
    image : Image
        At least 6 × 6 voxels in plane.

    Returns
    -------
    float
        In intensity units; correlated noise is underestimated.

    Raises
    ------
    InputError
        The slices are too small, or the image is flat.

    References
    ----------
    Chang, Yu, Vetterli. Adaptive wavelet thresholding for image denoising and compression. IEEE
    Trans Image Process 2000.
    """
    high = np.array(pywt.Wavelet("coif1").dec_hi)
    if min(image.geometry.shape[1:]) < len(high):
        raise InputError(
            f"slices are {image.geometry.shape[1:]} voxels; noise needs {len(high)} x {len(high)}"
        )
    detail = image.array.astype(np.float64)
    for axis in (1, 2):
        detail = ndimage.convolve1d(detail, high, axis=axis, mode="reflect")
    kept = image.array > image.array.min()
    if not kept.any():
        raise InputError("all intensities are equal; there is no noise to estimate")
    return float(np.median(np.abs(detail[kept])) * _MEDIAN_TO_SD)


def _moved_grid(mask: Mask, settings: Perturbation) -> Geometry:
    """Grid of the mask's spacing, turned about the mask's middle, shifted, around the mask."""
    geometry = mask.geometry
    spacing = np.array(geometry.spacing)
    voxels = np.argwhere(mask.array)
    middle = geometry.to_patient(voxels.mean(axis=0))
    angle = math.radians(settings.rotation_degrees)
    turn = np.array(
        [
            [math.cos(angle), -math.sin(angle), 0.0],
            [math.sin(angle), math.cos(angle), 0.0],
            [0.0, 0.0, 1.0],
        ]
    )
    direction = geometry.direction_matrix @ turn
    # A voxel of the old grid lies on a voxel of the new one when nothing is turned.
    anchor = geometry.to_patient(np.rint(voxels.mean(axis=0)) + np.array(settings.translation))
    anchor = middle + direction @ geometry.direction_matrix.T @ (anchor - middle)
    flat = tuple(direction.ravel().tolist())
    probe = Geometry((1, 1, 1), geometry.spacing, tuple(anchor.tolist()), flat)
    places = probe.to_index(geometry.to_patient(voxels))
    margin = np.ceil(settings.margin_mm / spacing) + 1
    start = np.floor(places.min(axis=0)) - margin
    shape = (np.ceil(places.max(axis=0)) + margin - start + 1).astype(int)
    first, size = tuple(int(index) for index in start), tuple(shape.tolist())
    return probe.crop((first[0], first[1], first[2]), (size[0], size[1], size[2]))


def _change_volume(mask: Mask, change: float, rng: np.random.Generator) -> Mask:
    """Move the border evenly until the volume is right; ties at the last distance are drawn."""
    count = int(np.count_nonzero(mask.array))
    wanted = round(count * (1 + change))
    if wanted == 0:
        return mask.with_array(np.zeros_like(mask.array))
    radius = np.cbrt(3 * count * mask.geometry.voxel_volume / (4 * np.pi))
    box = _box_around(mask, radius * max(change, 0.0) + 2 * max(mask.geometry.spacing))
    inside = mask.array[box]
    if inside.size < wanted or (~inside).sum() < wanted - count:
        box = (slice(None), slice(None), slice(None))
        inside = mask.array
    if inside.size < wanted:
        raise InputError(
            f"mask {mask.roi!r} cannot grow to {wanted} voxels; the image has {inside.size}"
        )
    spacing = mask.geometry.spacing
    # Outwards above 0, inwards below: the voxels with the smallest depth are the new mask.
    padded = np.pad(inside, 1)
    inwards = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    depth = ndimage.distance_transform_edt(~inside, sampling=spacing) - inwards
    order = np.lexsort((rng.random(depth.size), depth.ravel()))
    chosen = np.zeros(depth.size, dtype=bool)
    chosen[order[:wanted]] = True
    array = np.zeros_like(mask.array)
    array[box] = chosen.reshape(depth.shape)
    return mask.with_array(array)


def _randomise_contour(
    image: Image, mask: Mask, supervoxel_mm: float, rng: np.random.Generator
) -> Mask:
    """Draw each supervoxel with the probability that it is covered, so the mean volume stays."""
    from skimage.segmentation import slic

    box = _box_around(mask, 2 * supervoxel_mm)
    intensities, inside = image.array[box].astype(np.float64), mask.array[box]
    low, high = np.percentile(intensities, [1, 99])
    scaled = np.clip((intensities - low) / max(high - low, 1e-12), 0, 1)
    size = inside.size * mask.geometry.voxel_volume / supervoxel_mm**3
    pieces = slic(
        scaled,
        n_segments=max(1, round(size)),
        compactness=_COMPACTNESS,
        spacing=mask.geometry.spacing,
        channel_axis=None,
        start_label=0,
    )
    covered = np.bincount(pieces.ravel(), weights=inside.ravel()) / np.bincount(pieces.ravel())
    drawn = rng.random(len(covered)) < covered
    array = np.zeros_like(mask.array)
    array[box] = drawn[pieces]
    return mask.with_array(array)


def _box_around(mask: Mask, margin_mm: float) -> tuple[slice, slice, slice]:
    """Smallest box that holds the mask and a margin, within the grid."""
    slices = []
    for axis, (size, edge) in enumerate(zip(mask.array.shape, mask.geometry.spacing, strict=True)):
        others = tuple(other for other in range(3) if other != axis)
        used = np.flatnonzero(mask.array.any(axis=others))
        margin = math.ceil(margin_mm / edge)
        slices.append(slice(max(0, int(used[0]) - margin), min(size, int(used[-1]) + margin + 1)))
    return slices[0], slices[1], slices[2]
