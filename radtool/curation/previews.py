"""Contact sheets: slices through a mask with its outline, as one picture."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radtool.files import atomic_path
from radtool.image import Image, Mask, check_same_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ContactSheet", "contact_sheet"]

TILES = 8
COLUMNS = 4
MARGIN_MM = 25.0
WINDOWS = {"HU": (-160.0, 240.0), "SUVbw": (0.0, 6.0)}
LUNG = (-1000.0, 400.0)
OUTLINE = "#ff3b30"


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """Slices of a case as one PNG; a notebook shows it.

    Parameters
    ----------
    png : bytes
        The picture; the same case gives the same bytes.
    """

    png: bytes

    def __repr__(self) -> str:
        return f"ContactSheet: PNG of {len(self.png) / 1000:.0f} kB"

    def _repr_png_(self) -> bytes:
        return self.png

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the PNG."""
        with atomic_path(Path(path)) as part:
            part.write_bytes(self.png)


def contact_sheet(
    image: Image, mask: Mask | None = None, *, window: tuple[float, float] | None = None
) -> ContactSheet:
    """Show slices through a mask with its outline.

    Parameters
    ----------
    image : Image
        What is shown.
    mask : Mask, optional
        On the grid of the image. Its slices are shown, evenly spread from first to last, cut to
        25 mm around it, with its outline; without a mask, slices through the whole image.
    window : tuple of 2 float, optional
        Intensities that are black and white. Default: CT from -160 to 240 HU (-1000 to 400 HU
        where the mask lies in lung), PET from SUV 0 to 6, else between the 1st and 99th
        percentile.

    Returns
    -------
    ContactSheet

    Raises
    ------
    GeometryError
        The mask is not on the grid of the image.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if mask is not None:
        check_same_grid(image, mask)
    chosen, rows, columns = _region(image, mask)
    low, high = window or window_of(image, mask)
    dy, dx = image.geometry.spacing[1:]
    lines = math.ceil(len(chosen) / COLUMNS)
    width = min(COLUMNS, len(chosen))
    figure = Figure(figsize=(2.2 * width, 2.35 * lines), dpi=110, facecolor="#101418")
    FigureCanvasAgg(figure)
    for place, k in enumerate(chosen):
        axes = figure.add_axes(
            (
                (place % COLUMNS) / width + 0.005,
                1 - (place // COLUMNS + 1) / lines + 0.01,
                1 / width - 0.01,
                1 / lines - 0.07 / lines - 0.01,
            )
        )
        axes.set_axis_off()
        axes.imshow(
            image.array[k, rows, columns],
            cmap="gray",
            vmin=low,
            vmax=high,
            aspect=dy / dx,
            interpolation="bilinear",
        )
        if mask is not None and mask.array[k, rows, columns].any():
            _outline(axes, mask.array[k, rows, columns])
        axes.set_title(
            f"slice {k + 1}/{image.geometry.shape[0]}", color="#d7dde3", fontsize=10, pad=2
        )
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return ContactSheet(picture.getvalue())


def _outline(axes: Axes, inside: np.ndarray) -> None:
    """Draw the border of the mask along voxel edges."""
    padded = np.pad(inside, 1).astype(np.int8)
    segments = []
    for y, x in np.argwhere(np.diff(padded, axis=0)[:, 1:-1]):
        segments.append([(x - 0.5, y - 0.5), (x + 0.5, y - 0.5)])
    for y, x in np.argwhere(np.diff(padded, axis=1)[1:-1]):
        segments.append([(x - 0.5, y - 0.5), (x - 0.5, y + 0.5)])
    from matplotlib.collections import LineCollection

    axes.add_collection(LineCollection(segments, colors=OUTLINE, linewidths=1.1))


def _region(image: Image, mask: Mask | None) -> tuple[list[int], slice, slice]:
    depth, height, width = image.geometry.shape
    if mask is None or mask.is_empty:
        chosen = np.unique(np.linspace(0.1 * (depth - 1), 0.9 * (depth - 1), TILES).round())
        return chosen.astype(int).tolist(), slice(0, height), slice(0, width)
    z, y, x = (np.flatnonzero(mask.array.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    spread = np.unique(np.linspace(0, len(z) - 1, TILES).round().astype(int))
    return z[spread].tolist(), _around(y, image, 1), _around(x, image, 2)


def _around(found: np.ndarray, image: Image, axis: int) -> slice:
    margin = math.ceil(MARGIN_MM / image.geometry.spacing[axis])
    stop = min(image.geometry.shape[axis], int(found[-1]) + margin + 1)
    return slice(max(0, int(found[0]) - margin), stop)


def window_of(image: Image, mask: Mask | None) -> tuple[float, float]:
    """Return the intensities that are shown black and white when none are asked for."""
    if image.unit == "HU" and mask is not None and not mask.is_empty:
        chosen, rows, columns = _region(image, mask)
        around = image.array[chosen, rows, columns]
        return LUNG if np.mean(around < -400) > 0.25 else WINDOWS["HU"]
    if image.unit in WINDOWS:
        return WINDOWS[image.unit]
    low, high = np.percentile(image.array[:: max(1, image.array.shape[0] // 16)], [1, 99])
    return float(low), float(max(high, low + 1e-6))
