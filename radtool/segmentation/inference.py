"""Probability of tumour over a volume: sliding windows, blended, with flips for confidence."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

__all__ = ["FLIPS", "flipped_probabilities", "sliding_window"]

FLIPS: tuple[tuple[int, ...], ...] = ((), (2,))  # trained on left and right, never upside down
WINDOW = 128  # longest edge of a window; shorter ones share a box evenly
OVERLAP = 16
MULTIPLE = 8
UNLIKELY = 0.1  # below this the mirror images are not asked


def flipped_probabilities(
    run: Callable[[np.ndarray], np.ndarray],
    hu: np.ndarray,
    search: np.ndarray,
    flips: Sequence[tuple[int, ...]] = FLIPS,
) -> np.ndarray:
    """Probability maps of a volume and of its mirror images, each turned back.

    The first map is made for all of the search; the others where it is above 0.1, with its values
    elsewhere: most windows of a scan hold nothing, and mirror images of nothing tell nothing.

    Parameters
    ----------
    run : callable
        Window of HU (z, y, x) -> probability of the same shape.
    hu : ndarray of float32, shape (z, y, x)
        On the working grid.
    search : ndarray of bool, same shape
        Windows without any of it are left at 0.
    flips : sequence of tuple of int
        Axes to flip; ``()``, the volume as it is, comes first.

    Returns
    -------
    ndarray of float32, shape (len(flips), z, y, x)
    """
    first = sliding_window(run, hu, search)
    likely = (first > UNLIKELY) & search
    maps = [first]
    for axes in flips[1:]:
        turned = sliding_window(
            run, np.flip(hu, axes), np.flip(likely, axes), outside=np.flip(first, axes)
        )
        maps.append(np.flip(turned, axes))
    return np.array(maps, dtype=np.float32)


def sliding_window(
    run: Callable[[np.ndarray], np.ndarray],
    hu: np.ndarray,
    search: np.ndarray,
    *,
    outside: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Run windows over the box around `search` and blend where they overlap.

    Parameters
    ----------
    run, hu, search
        See `flipped_probabilities`.
    outside : ndarray or float, default 0
        Values where no window was run.

    Returns
    -------
    ndarray of float32, shape (z, y, x)
    """
    total = np.zeros(hu.shape, dtype=np.float32)
    weight = np.zeros(hu.shape, dtype=np.float32)
    for start, stop in _windows(search):
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        window = hu[box].astype(np.float32)
        short = [(0, -size % MULTIPLE) for size in window.shape]
        found = run(np.pad(window, short, mode="edge"))
        found = found[tuple(slice(size) for size in window.shape)]
        blend = _blend(window.shape)
        total[box] += blend * found
        weight[box] += blend
    np.divide(total, weight, out=total, where=weight > 0)
    return np.where(weight > 0, total, outside)


def _windows(search: np.ndarray) -> Iterator[tuple[list[int], list[int]]]:
    """Corners of the windows that cover the box around `search` with a margin."""
    used = np.nonzero(search)
    if used[0].size == 0:
        return
    axes = []
    for places, size in zip(used, search.shape, strict=True):
        low = max(int(places.min()) - OVERLAP // 2, 0)
        high = min(int(places.max()) + 1 + OVERLAP // 2, size)
        length = high - low
        count = max(1, int(np.ceil((length - OVERLAP) / (WINDOW - OVERLAP))))
        edge = (length + (count - 1) * OVERLAP) / count
        edge = min(MULTIPLE * int(np.ceil(edge / MULTIPLE)), length)
        starts = np.rint(np.linspace(low, high - edge, count)).astype(int)
        axes.append([(int(start), int(start) + edge) for start in starts])
    for spans in itertools.product(*axes):
        if search[tuple(slice(*span) for span in spans)].any():
            yield [span[0] for span in spans], [span[1] for span in spans]


def _blend(shape: tuple[int, ...]) -> np.ndarray:
    """Weight that falls towards the faces of a window, never to 0."""
    ramps = []
    for size in shape:
        depth = np.minimum(np.arange(size), np.arange(size)[::-1]) + 1
        ramps.append(np.minimum(depth / OVERLAP, 1).astype(np.float32))
    return ramps[0][:, None, None] * ramps[1][None, :, None] * ramps[2][None, None, :]
