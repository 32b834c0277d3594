"""Negative controls: an image or region from which what a signature claims to see is taken away."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.image import Image, Mask, check_same_grid

__all__ = [
    "CONTROLS",
    "ControlKind",
    "NegativeControl",
    "body_mask",
    "move_region",
    "randomise_voxels",
    "shuffle_surroundings",
    "shuffle_voxels",
    "tissue_mask",
]

ControlKind = Literal[
    "shuffled_voxels", "randomised_voxels", "shuffled_surroundings", "moved_region"
]
CONTROLS: tuple[ControlKind, ...] = get_args(ControlKind)

_TRIES, _PROBES, _FEW = 200, 64, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeControl:
    """One kind of control with its seed; each case has a random stream of its own.

    Parameters
    ----------
    kind : {"shuffled_voxels", "randomised_voxels", "shuffled_surroundings", "moved_region"}
        `shuffle_voxels`, `randomise_voxels`, `shuffle_surroundings` or `move_region`.
    seed : int, default 0
        Of the study. With the kind and the case's name it fixes what is drawn: the number of
        processes, the order of cases and the other cases do not matter.
    within : {"tissue", "body", "image"}, default "tissue"
        Where a moved region may lie: in `tissue_mask` or `body_mask` of the image, or anywhere.
    """

    kind: ControlKind
    seed: int = 0
    within: Literal["tissue", "body", "image"] = "tissue"

    def __post_init__(self) -> None:
        if self.kind not in CONTROLS:
            near = did_you_mean(self.kind, CONTROLS)
            raise ParameterError(f"[controls] there is no control {self.kind!r}{near}")

    def apply(self, image: Image, mask: Mask, case_id: str) -> tuple[Image, Mask]:
        """Make the control of a case.

        Parameters
        ----------
        image : Image
            As it was read: before any normalisation, resampling or filter.
        mask : Mask
            The region, on the same grid, not empty.
        case_id : str
            Names the random stream.

        Returns
        -------
        image : Image
            The same object for a moved region.
        mask : Mask
            The same object for all others.

        Raises
        ------
        GeometryError
            Image and mask are not on the same grid.
        InputError
            The region is empty, or there is no place to move it to.
        """
        check_same_grid(image, mask)
        if mask.is_empty:
            raise InputError(f"mask {mask.roi!r} is empty; there is no control of it")
        rng = self._stream(case_id)
        if self.kind == "moved_region":
            if self.within == "image":
                return image, move_region(mask, rng)
            holder = tissue_mask(image) if self.within == "tissue" else body_mask(image)
            return image, move_region(mask, rng, within=holder)
        change = {
            "shuffled_voxels": shuffle_voxels,
            "randomised_voxels": randomise_voxels,
            "shuffled_surroundings": shuffle_surroundings,
        }[self.kind]
        return change(image, mask, rng), mask

    def _stream(self, case_id: str) -> np.random.Generator:
        words = "\0".join((self.kind, str(self.seed), case_id)).encode()
        return np.random.default_rng(int.from_bytes(hashlib.sha256(words).digest(), "big"))


def shuffle_voxels(image: Image, mask: Mask, rng: np.random.Generator) -> Image:
    """Deal the intensities of a region to its voxels at random.

    The region keeps its shape and its histogram and loses its texture; everything outside stays.
    On another grid the histogram changes too: interpolation averages neighbours, and neighbours
    that have nothing in common average to the mean.

    Parameters
    ----------
    image : Image
        Intensities.
    mask : Mask
        Region on the same grid.
    rng : numpy.random.Generator
        Source of the order.

    References
    ----------
    Welch et al. Vulnerabilities of radiomic signature development: the need for safeguards.
    Radiother Oncol 2019.

    Examples
    --------
    >>> from radtool.image import Geometry
    >>> grid = Geometry((1, 1, 4))
    >>> image = Image(np.array([[[1, 2, 3, 9]]]), grid)
    >>> mask = Mask(np.array([[[True, True, True, False]]]), grid)
    >>> shuffle_voxels(image, mask, np.random.default_rng(0)).array.tolist()
    [[[3, 1, 2, 9]]]
    """
    return _shuffled(image, mask.array, rng)


def shuffle_surroundings(image: Image, mask: Mask, rng: np.random.Generator) -> Image:
    """Deal the intensities outside a region to the voxels outside it at random.

    The region itself stays: what changes comes through filters, peaks and interpolation that reach
    across its border.

    Parameters
    ----------
    image, mask, rng
        As for `shuffle_voxels`.
    """
    return _shuffled(image, ~mask.array, rng)


def randomise_voxels(image: Image, mask: Mask, rng: np.random.Generator) -> Image:
    """Replace the intensities of a region by uniform ones within its own range.

    Only the shape and the range are left. Whole numbers stay whole numbers.

    Parameters
    ----------
    image, mask, rng
        As for `shuffle_voxels`.
    """
    values = image.array[mask.array]
    low, high = values.min(), values.max()
    if np.issubdtype(image.array.dtype, np.integer):
        drawn = rng.integers(low, high, size=values.size, endpoint=True)
    else:
        drawn = rng.uniform(low, high, size=values.size)
    array = image.array.copy()
    array[mask.array] = drawn
    return image.with_array(array)


def move_region(mask: Mask, rng: np.random.Generator, *, within: Mask | None = None) -> Mask:
    """Move a region, unturned, to a random other place.

    Every place at which the whole region lies in the image, in `within`, and nowhere on the region
    itself is equally likely.

    Parameters
    ----------
    mask : Mask
        The region, not empty.
    rng : numpy.random.Generator
        Source of the place.
    within : Mask, optional
        Body or organ that must hold the moved region, on the same grid.

    Returns
    -------
    Mask
        The same voxels, a whole number of voxels away.

    Raises
    ------
    GeometryError
        `within` is on another grid.
    InputError
        There is no such place.
    """
    allowed = ~mask.array
    if within is not None:
        check_same_grid(Image(within.array, within.geometry), mask)
        allowed &= within.array
    box = ndimage.find_objects(mask.array.astype(np.uint8))[0]
    shape = mask.array[box]
    start = _place(allowed, shape, rng)
    if start is None:
        where = f"{within.roi!r}" if within is not None else "the image"
        raise InputError(
            f"mask {mask.roi!r} ({mask.volume_ml:.3g} mL) fits nowhere else in {where} without"
            " touching itself; there is no moved region of this case"
        )
    moved = np.zeros_like(mask.array)
    z, y, x = (slice(a, a + n) for a, n in zip(start, shape.shape, strict=True))
    moved[z, y, x] = shape
    return mask.with_array(moved)


def body_mask(image: Image) -> Mask:
    """Find the patient in an image of any modality.

    The largest connected piece of what is brighter than the mean (of the voxels above the lowest
    intensity, which is padding or air that was cut off), with the holes of every slice filled, so
    that lungs and bowel belong to it.

    Parameters
    ----------
    image : Image
        Intensities; CT, PET, or MR with a dark background.

    Raises
    ------
    InputError
        All intensities are equal.
    """
    filled = np.stack([ndimage.binary_fill_holes(section) for section in _bright(image)])
    labels, _ = ndimage.label(filled)
    sizes = np.bincount(labels.ravel())
    return Mask(labels == 1 + int(np.argmax(sizes[1:])), image.geometry, "body")


def tissue_mask(image: Image) -> Mask:
    """Find what is brighter than the mean within the patient: no lungs, no gas, no dark fluid.

    Parameters
    ----------
    image : Image
        As for `body_mask`.

    Raises
    ------
    InputError
        All intensities are equal.
    """
    return Mask(body_mask(image).array & _bright(image), image.geometry, "tissue")


def _bright(image: Image) -> np.ndarray:
    above = image.array > image.array.min()
    if not above.any():
        raise InputError("all intensities are equal; there is no body to find")
    return image.array > image.array[above].mean(dtype=np.float64)


def _shuffled(image: Image, where: np.ndarray, rng: np.random.Generator) -> Image:
    array = image.array.copy()
    array[where] = rng.permutation(array[where])
    return image.with_array(array)


def _place(
    allowed: np.ndarray, shape: np.ndarray, rng: np.random.Generator
) -> tuple[int, ...] | None:
    """First voxel of a random box in which every voxel of the shape is allowed; None: no such.

    Places are drawn until one fits. When none of many does, all places are tried; either way every
    place that fits is as likely as any other.
    """
    free = np.array(allowed.shape) - shape.shape + 1
    if np.count_nonzero(allowed) < np.count_nonzero(shape):
        return None
    for start in rng.integers(0, free, size=(_TRIES, 3)).tolist():
        if _fits(allowed, shape, start):
            return tuple(start)
    for start in rng.permutation(_all_places(allowed, shape, rng)).tolist():
        if _fits(allowed, shape, start):
            return tuple(start)
    return None


def _fits(allowed: np.ndarray, shape: np.ndarray, start: Sequence[int]) -> bool:
    z, y, x = (slice(a, a + n) for a, n in zip(start, shape.shape, strict=True))
    return not np.any(shape & ~allowed[z, y, x])


def _all_places(allowed: np.ndarray, shape: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every place at which the shape fits, and at most a few at which it does not."""
    surface = rng.permutation(np.argwhere(shape & ~ndimage.binary_erosion(shape)))
    free = [n - m + 1 for n, m in zip(allowed.shape, shape.shape, strict=True)]
    left = np.ones(free, dtype=bool)
    for voxel in surface[:_PROBES]:
        left &= allowed[tuple(slice(v, v + n) for v, n in zip(voxel, free, strict=True))]
    places = np.argwhere(left)
    if len(places) <= _FEW:
        return places
    first, last = places.min(0), places.max(0) + shape.shape
    z, y, x = (slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True))
    return np.argwhere(_hits(~allowed[z, y, x], shape) < 0.5) + first


def _hits(forbidden: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """How many forbidden voxels the shape holds at each place: a correlation by Fourier transform.

    What wraps around the edges falls on places that are cut off, so that nothing is padded.
    """
    from scipy import fft

    spectrum = fft.rfftn(forbidden.astype(np.float64))
    spectrum *= fft.rfftn(shape.astype(np.float64), forbidden.shape).conj()
    z, y, x = (slice(0, n - m + 1) for n, m in zip(forbidden.shape, shape.shape, strict=True))
    return fft.irfftn(spectrum, forbidden.shape, overwrite_x=True)[z, y, x]
