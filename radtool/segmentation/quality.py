"""Contour quality assurance: which masks of a cohort look unlike the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import ndimage

from radtool.errors import InputError
from radtool.image import Image, Mask, check_same_grid
from radtool.segmentation.surface import surface_area

__all__ = ["contour_anomaly", "contour_traits"]

CORNERS = np.ones((3, 3, 3), dtype=bool)


def contour_traits(image: Image, mask: Mask) -> dict[str, float]:
    """Measure what a wrong contour changes.

    Parameters
    ----------
    image : Image
    mask : Mask
        On the grid of the image, not empty.

    Returns
    -------
    dict of str to float
        ``log_volume`` (mL), ``components`` (26-connected), ``roughness`` (surface over that of a
        sphere of the same volume, at least about 1), ``slice_gaps`` (empty slices between the first
        and the last), ``mean`` and ``spread`` of intensity inside, and ``contrast``: mean inside
        minus mean of the 6 mm around.

    Raises
    ------
    GeometryError
        The mask is not on the image grid.
    InputError
        The mask is empty.
    """
    check_same_grid(image, mask)
    if mask.is_empty:
        raise InputError(f"mask {mask.roi!r} is empty: nothing to judge")
    spacing = mask.geometry.spacing
    volume = mask.volume_ml * 1000
    used = np.flatnonzero(mask.array.any(axis=(1, 2)))
    margins = [int(np.ceil(8 / step)) for step in spacing]
    box = tuple(
        slice(max(int(places.min()) - margin, 0), int(places.max()) + margin + 1)
        for places, margin in zip(np.nonzero(mask.array), margins, strict=True)
    )
    inside, values = mask.array[box], image.array[box]
    shell = (ndimage.distance_transform_edt(~inside, sampling=spacing) <= 6) & ~inside
    within = values[inside].astype(float)
    around = float(values[shell].mean()) if shell.any() else float(within.mean())
    sphere = np.pi ** (1 / 3) * (6 * volume) ** (2 / 3)
    return {
        "log_volume": float(np.log(volume / 1000)),
        "components": float(ndimage.label(inside, CORNERS)[1]),
        "roughness": surface_area(mask) / sphere,
        "slice_gaps": float(used[-1] - used[0] + 1 - used.size),
        "mean": float(within.mean()),
        "spread": float(within.std()),
        "contrast": float(within.mean()) - around,
    }


def contour_anomaly(traits: pd.DataFrame) -> pd.Series:
    """One score per contour: how far its traits lie from those of the cohort.

    Each trait is turned into robust deviations (distance from the median over 1.4826 times the
    median absolute deviation; a trait that most contours share exactly is scaled by its mean
    absolute deviation). The score is their root mean square, each capped at 10.

    Parameters
    ----------
    traits : DataFrame
        One row a contour, columns of `contour_traits`; at least five rows.

    Returns
    -------
    Series of float
        Same index; higher is stranger. Look at the highest tenth first.

    Raises
    ------
    InputError
        Fewer than five contours, or a trait that is not finite.
    """
    if len(traits) < 5:
        raise InputError(f"needs at least 5 contours to know what is usual, got {len(traits)}")
    values = traits.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise InputError("traits hold NaN or infinite values")
    apart = np.abs(values - np.median(values, axis=0))
    scale = 1.4826 * np.median(apart, axis=0)
    scale = np.where(scale > 0, scale, apart.mean(axis=0))
    deviations = np.divide(apart, scale, out=np.zeros_like(apart), where=scale > 0)
    score = np.sqrt(np.mean(np.minimum(deviations, 10) ** 2, axis=1))
    return pd.Series(score, index=traits.index, name="anomaly")
