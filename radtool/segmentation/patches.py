"""Random windows for training: shifted tumours, negatives, implanted lesions, augmentation.

A target holds 0 for no tumour, 1 for tumour and `UNKNOWN` where nobody can say: the loss leaves
those voxels out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from radtool.segmentation.dataset import TrainingCase

__all__ = [
    "UNKNOWN",
    "augment",
    "draw_batch",
    "draw_negative",
    "draw_positive",
    "implant",
    "surround",
]

UNKNOWN = 2
OVERHANG = 12  # voxels that a window may reach beyond the volume, filled by its edge
SEAM = 3  # voxels over which one tissue fades into another
POSITIVE, IMPLANTED = 0.6, 0.1  # shares of windows; the rest is tumour-free
SURROUNDED = 0.5  # share of the tumours that are drawn with the tissue of a scan around their crop


def draw_batch(
    positives: Sequence[TrainingCase],
    negatives: Sequence[TrainingCase],
    rng: np.random.Generator,
    *,
    count: int,
    size: int,
    hard: Mapping[str, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw training windows: a tumour, a tumour implanted in a tumour-free scan, or no tumour.

    Parameters
    ----------
    positives, negatives : sequence of TrainingCase
        With and without a mask; negatives may be empty.
    rng : numpy.random.Generator
    count, size : int
        Number of windows and their edge in voxels.
    hard : mapping of str to ndarray of int, optional
        Case_id -> voxels (flat indices) of a tumour-free scan that were taken for tumour; half of
        the windows of that scan are drawn around them.

    Returns
    -------
    hu : ndarray of float32, shape (count, 1, size, size, size)
    target : ndarray of float32, same shape
        1 inside the tumour, `UNKNOWN` where the loss must not look.
    """
    windows = []
    for _ in range(count):
        kind = rng.random()
        case = positives[int(rng.integers(len(positives)))]
        if not negatives or kind < POSITIVE * (1 - SURROUNDED):
            hu, target = draw_positive(case, rng, size)
        else:
            scan = negatives[int(rng.integers(len(negatives)))]
            hu, target = draw_negative(scan, rng, size, (hard or {}).get(scan.case_id))
            if kind < POSITIVE:
                hu, target = surround(hu, target, case, rng)
            elif kind < POSITIVE + IMPLANTED:
                hu, target = implant(hu, target, case, rng)
        windows.append(augment(hu, target, rng))
    batch = np.array(windows, dtype=np.float32)
    return batch[:, None, 0], batch[:, None, 1]


def draw_positive(
    case: TrainingCase, rng: np.random.Generator, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a window with a random tumour voxel at a random place of its inner half."""
    voxel = _tumour_voxel(case, rng)
    if voxel is None:
        return draw_negative(case, rng, size)
    return _window(case, voxel - rng.integers(size // 4, 3 * size // 4, 3), size)


def _tumour_voxel(case: TrainingCase, rng: np.random.Generator) -> np.ndarray | None:
    assert case.mask is not None
    inside = np.flatnonzero(case.mask)
    if inside.size == 0:
        return None
    return np.array(np.unravel_index(inside[rng.integers(inside.size)], case.mask.shape))


def draw_negative(
    case: TrainingCase,
    rng: np.random.Generator,
    size: int,
    hard: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a window around a voxel once taken for tumour, or of the region that is searched."""
    if hard is not None and hard.size and rng.random() < 0.5:
        voxel = np.array(np.unravel_index(hard[rng.integers(hard.size)], case.hu.shape))
        return _window(case, voxel - size // 2 + rng.integers(-12, 13, 3), size)
    voxel = rng.integers(0, case.hu.shape)
    if case.search is not None:
        places = np.flatnonzero(case.search)
        voxel = np.array(np.unravel_index(places[rng.integers(places.size)], case.hu.shape))
    return _window(case, voxel - size // 2 + rng.integers(-4, 5, 3), size)


def implant(
    hu: np.ndarray, target: np.ndarray, case: TrainingCase, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Blend the tumour of a case, with a seam of 3 voxels, into a window of a tumour-free scan.

    Parameters
    ----------
    hu, target : ndarray of shape (size, size, size)
    case : TrainingCase
        With a mask.
    rng : numpy.random.Generator

    Returns
    -------
    hu, target : ndarray
        The window with the tumour; as it was when the tumour does not fit.
    """
    size = hu.shape[0]
    assert case.mask is not None
    used = [np.flatnonzero(case.mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    if any(u.size == 0 or u[-1] - u[0] + 9 > size for u in used):
        return hu, target
    box = tuple(
        slice(max(u[0] - 4, 0), min(u[-1] + 5, n))
        for u, n in zip(used, case.mask.shape, strict=True)
    )
    mask = case.mask[box]
    weight = np.clip(1 - (ndimage.distance_transform_edt(~mask) - 1) / SEAM, 0, 1)
    start = [int(rng.integers(0, size - n + 1)) for n in mask.shape]
    place = tuple(slice(s, s + n) for s, n in zip(start, mask.shape, strict=True))
    mixed, truth = hu.astype(np.float32), target.copy()
    mixed[place] = weight * case.hu[box] + (1 - weight) * mixed[place]
    truth[place][mask] = 1
    return mixed, truth


def surround(
    hu: np.ndarray, target: np.ndarray, case: TrainingCase, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the crop of a case, anywhere and partly outside, over a window of a tumour-free scan.

    Tumours come as crops, tumour-free tissue as whole scans: a network that only sees windows
    inside a crop learns to tell the two apart by the edge of the crop.

    Parameters
    ----------
    hu, target : ndarray of shape (size, size, size)
        Window of the scan.
    case : TrainingCase
        With a mask.
    rng : numpy.random.Generator

    Returns
    -------
    hu, target : ndarray
        A tumour voxel of the case lies in the inner three quarters of the window.
    """
    size = hu.shape[0]
    voxel = _tumour_voxel(case, rng)
    if voxel is None:
        return hu, target
    assert case.mask is not None
    start = voxel - rng.integers(size // 8, 7 * size // 8, 3)
    index = [np.arange(s, s + size) for s in start]
    grid = np.ix_(*(np.clip(i, 0, n - 1) for i, n in zip(index, case.hu.shape, strict=True)))
    depths = [
        np.clip(np.minimum(i + 1, n - i) / SEAM, 0, 1)
        for i, n in zip(index, case.hu.shape, strict=True)
    ]
    weight = np.minimum.reduce(np.meshgrid(*depths, indexing="ij"))
    mixed = weight * case.hu[grid] + (1 - weight) * hu
    inside = weight > 0.5
    return mixed, np.where(inside, case.mask[grid], target).astype(np.uint8)


def augment(
    hu: np.ndarray, target: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Flip left and right, turn and zoom; jitter contrast, offset, noise and slice thickness."""
    hu = np.asarray(hu, dtype=np.float32)
    if rng.random() < 0.5:
        hu, target = _turned(hu, target, rng)
    if rng.random() < 0.5:
        hu, target = np.flip(hu, 2), np.flip(target, 2)
    if rng.random() < 0.2:
        hu = ndimage.uniform_filter1d(hu, int(rng.integers(2, 4)), axis=0)
    if rng.random() < 0.2:
        hu = ndimage.gaussian_filter(hu, rng.uniform(0.3, 0.7))
    scale, offset = rng.uniform(0.92, 1.08), rng.uniform(-25, 25)
    noise = rng.standard_normal(hu.shape, dtype=np.float32) * rng.uniform(0, 30)
    return hu * scale + offset + noise, target


def _turned(
    hu: np.ndarray, target: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Zoom each axis by 0.8 to 1.25 and turn by up to 20 degrees around z, about the centre."""
    angle, zoom = (
        rng.uniform(-0.35, 0.35),
        np.exp(rng.uniform(-0.15, 0.15, 3) + rng.uniform(-0.08, 0.08)),
    )
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    matrix = turn * zoom
    center = (np.array(hu.shape) - 1) / 2
    place = {"offset": center - matrix @ center, "mode": "nearest"}
    turned = ndimage.affine_transform(hu, matrix, order=1, **place)
    moved = np.zeros(target.shape, dtype=np.uint8)
    for value in np.unique(target)[np.unique(target) > 0]:
        part = (target == value).astype(np.float32)
        moved[ndimage.affine_transform(part, matrix, order=1, **place) >= 0.5] = value
    return turned, moved


def _window(case: TrainingCase, start: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a window, moved so that it reaches at most `OVERHANG` voxels outside."""
    shape = np.array(case.hu.shape)
    furthest = np.maximum(shape - size + OVERHANG, -OVERHANG)
    start = np.clip(start, -OVERHANG, furthest)
    index = [np.clip(np.arange(s, s + size), 0, n - 1) for s, n in zip(start, shape, strict=True)]
    grid = np.ix_(*index)
    target = np.zeros((size,) * 3, dtype=np.uint8)
    if case.mask is not None:
        target[case.mask[grid]] = 1
    if case.unknown is not None:
        target[case.unknown[grid]] = UNKNOWN
    return case.hu[grid], target
