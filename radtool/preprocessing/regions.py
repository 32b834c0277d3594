"""Regions made from a region: rings around it, its solid part, habitats; masks of labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from radtool.errors import InputError
from radtool.image import Geometry, Image, Mask, check_same_grid

__all__ = ["habitats", "label_masks", "peritumoural_ring", "solid_and_ground_glass", "union"]


def peritumoural_ring(
    mask: Mask, outer_mm: float, *, inner_mm: float = 0.0, within: Mask | None = None
) -> Mask:
    """Return the shell around a region between two distances from it.

    A voxel's distance is Euclidean, in mm, from its centre to the centre of the region's nearest
    voxel: a voxel that shares a face with the region is one spacing away. Where slices are thicker
    than `outer_mm` the ring therefore stays within slices.

    Parameters
    ----------
    mask : Mask
        The region.
    outer_mm : float
        Voxels up to this distance are in the ring.
    inner_mm : float, default 0
        Voxels up to this distance are not.
    within : Mask, optional
        An organ: the ring is clipped to it.

    Returns
    -------
    Mask
        Named ``<roi>_ring_<inner>_<outer>_mm``.

    Raises
    ------
    InputError
        Distances out of order, an empty region, or nothing left of the ring.
    """
    if not 0 <= inner_mm < outer_mm or not math.isfinite(outer_mm):
        raise InputError(f"a ring needs 0 <= inner_mm < outer_mm, got {inner_mm} and {outer_mm}")
    _check_filled(mask)
    if within is not None:
        check_same_grid(Image(mask.array, mask.geometry), within)
    box = _grown_box(mask, outer_mm)
    part = mask.array[box]
    distance = ndimage.distance_transform_edt(~part, sampling=mask.geometry.spacing)
    ring = np.zeros(mask.array.shape, dtype=bool)
    ring[box] = (distance > inner_mm) & (distance <= outer_mm)
    if within is not None:
        ring &= within.array
    name = f"{mask.roi}_ring_{inner_mm:g}_{outer_mm:g}_mm"
    if not ring.any():
        where = f" inside {within.roi!r}" if within is not None else ""
        raise InputError(
            f"mask {mask.roi!r}: no voxel lies {inner_mm} to {outer_mm} mm away{where}"
        )
    return Mask(ring, mask.geometry, name, mask.origin)


def solid_and_ground_glass(
    image: Image, mask: Mask, *, threshold: float = -300.0, minimum_ml: float = 0.0
) -> tuple[Mask, Mask]:
    """Split a lung lesion by intensity into its solid and its ground-glass part.

    Parameters
    ----------
    image, mask : Image, Mask
        CT in HU, and the lesion.
    threshold : float, default -300
        Voxels at or above it are solid. Publications use -300 to -188 HU: say which.
    minimum_ml : float, default 0
        Solid pieces smaller than this (26-connected) count as ground glass: vessels and noise.

    Returns
    -------
    solid, ground_glass : Mask
        Disjoint, together the lesion; either may be empty (see `Mask.is_empty`).

    Raises
    ------
    GeometryError
        Image and mask are on different grids.
    InputError
        The lesion is empty or holds intensities that are not finite.
    """
    check_same_grid(image, mask)
    _check_filled(mask)
    _check_finite(image, mask)
    solid = mask.array & (image.array >= threshold)
    if minimum_ml > 0 and solid.any():
        labels, count = ndimage.label(solid, structure=np.ones((3, 3, 3)))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        kept = sizes * (mask.geometry.voxel_volume / 1000) >= minimum_ml
        kept[0] = False
        solid = kept[labels]
    return (
        Mask(solid, mask.geometry, f"{mask.roi}_solid", mask.origin),
        Mask(mask.array & ~solid, mask.geometry, f"{mask.roi}_ground_glass", mask.origin),
    )


def habitats(
    images: Image | Sequence[Image], mask: Mask, count: int, *, seed: int = 0
) -> list[Mask]:
    """Cluster a region's voxels by their intensities (k-means).

    Parameters
    ----------
    images : Image or sequence of Image
        One or several images on the mask's grid (CT and filtered CT, PET, MR sequences); each is
        brought to mean 0 and standard deviation 1 within the region first.
    mask : Mask
        The region.
    count : int
        Number of habitats, at least 2.
    seed : int, default 0
        Seed of k-means.

    Returns
    -------
    list of Mask
        ``<roi>_habitat_1`` … in rising order of mean intensity of the first image; disjoint,
        together the region.

    Raises
    ------
    InputError
        Fewer different voxels than habitats, an empty region, or intensities not finite.

    Notes
    -----
    The clusters are those of one region. To compare habitats between patients, order and number
    must mean the same for all: give every case the same images and count.
    """
    from sklearn.cluster import KMeans

    volumes = [images] if isinstance(images, Image) else list(images)
    if not volumes or count < 2:
        raise InputError(f"habitats need an image and a count of at least 2, got {count}")
    _check_filled(mask)
    for image in volumes:
        check_same_grid(image, mask)
        _check_finite(image, mask)
    values = np.column_stack([image.array[mask.array].astype(np.float64) for image in volumes])
    spread = values.std(0)
    scaled = (values - values.mean(0)) / np.where(spread > 0, spread, 1.0)
    if len(np.unique(scaled, axis=0)) < count:
        raise InputError(
            f"mask {mask.roi!r} has fewer than {count} different intensities; ask for fewer"
            " habitats"
        )
    labels = KMeans(count, n_init=10, random_state=seed).fit_predict(scaled)
    means = [values[labels == label, 0].mean() for label in range(count)]
    found = []
    for number, label in enumerate(np.argsort(means, kind="stable"), start=1):
        array = np.zeros(mask.array.shape, dtype=bool)
        array[mask.array] = labels == label
        found.append(Mask(array, mask.geometry, f"{mask.roi}_habitat_{number}", mask.origin))
    return found


def label_masks(
    labels: np.ndarray, geometry: Geometry, names: Mapping[int, str] | None = None
) -> list[Mask]:
    """Return one mask for each label of a label image.

    Parameters
    ----------
    labels : ndarray of int, shape (z, y, x)
        0 is background.
    geometry : Geometry
        Its grid.
    names : mapping, optional
        Label -> name; only these labels are wanted. Without it every label above 0 is, named
        ``label_<value>``.

    Raises
    ------
    InputError
        A wanted label is not there (those that are, are listed), or none is.
    """
    present = [int(value) for value in np.unique(labels) if value != 0]
    wanted = names or {value: f"label_{value}" for value in present}
    if not wanted:
        raise InputError("the label image holds no label above 0")
    missing = [value for value in wanted if value not in present]
    if missing:
        raise InputError(f"the label image has no label {missing[0]}; it has {present}")
    return [Mask(labels == value, geometry, name) for value, name in wanted.items()]


def union(masks: Sequence[Mask], roi: str) -> Mask:
    """Return all voxels of several masks on one grid as one region named `roi`."""
    if not masks:
        raise InputError(f"no masks to unite into {roi!r}")
    first = masks[0]
    array = first.array.copy()
    for mask in masks[1:]:
        check_same_grid(Image(first.array, first.geometry), mask)
        array |= mask.array
    return Mask(array, first.geometry, roi, first.origin)


def _check_filled(mask: Mask) -> None:
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty")


def _check_finite(image: Image, mask: Mask) -> None:
    if not np.isfinite(image.array[mask.array]).all():
        raise InputError(f"mask {mask.roi!r} holds NaN or infinite intensities")


def _grown_box(mask: Mask, margin_mm: float) -> tuple[slice, slice, slice]:
    index = np.argwhere(mask.array)
    reach = np.ceil(margin_mm / np.array(mask.geometry.spacing)).astype(int) + 1
    start = np.maximum(index.min(0) - reach, 0)
    stop = np.minimum(index.max(0) + reach + 1, mask.array.shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return z, y, x
