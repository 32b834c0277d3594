"""One row of features in the pyradiomics convention."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radtool.errors import InputError
from radtool.features.pyradiomics.binning import discretise_region
from radtool.features.pyradiomics.cooccurrence import glcm_features
from radtool.features.pyradiomics.firstorder import firstorder_features
from radtool.features.pyradiomics.images import derived_images, left_out_images
from radtool.features.pyradiomics.names import column_name
from radtool.features.pyradiomics.neighbourhood import neighbour_counts, ngtdm_features
from radtool.features.pyradiomics.parameters import PyradiomicsParameters, PyradiomicsSettings
from radtool.features.pyradiomics.preparing import Prepared, prepare
from radtool.features.pyradiomics.runs_zones import gldm_features, glrlm_features, glszm_features
from radtool.features.pyradiomics.shape import shape2d_features, shape_features
from radtool.features.threads import results_of
from radtool.image import Image, Mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PyradiomicsRow", "extract_pyradiomics", "measure_pyradiomics"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PyradiomicsRow:
    """A row and what it was measured on.

    Parameters
    ----------
    features : Series of float64
        In pyradiomics' order; named with `column_name`.
    inside : ndarray of bool, shape (z, y, x)
        The region on the grid of extraction.
    values : ndarray, shape (n,)
        Its intensities.
    left_out : tuple of str
        Images that pyradiomics leaves out for this case, and why.
    """

    features: pd.Series
    inside: np.ndarray
    values: np.ndarray
    left_out: tuple[str, ...] = ()


def extract_pyradiomics(
    image: Image, mask: Mask, params: PyradiomicsParameters, *, threads: int = 1
) -> pd.Series:
    """Compute the features that a pyradiomics parameter file asks for, as pyradiomics does.

    Parameters
    ----------
    image : Image
        Intensities in the type in which they are stored: pyradiomics cuts fractions of integer
        images off when it resamples.
    mask : Mask
        The region.
    params : PyradiomicsParameters
        Of `parse_pyradiomics`.
    threads : int, default 1
        How many image types are measured at a time; the result does not depend on it.

    Returns
    -------
    Series of float64
        In pyradiomics' order; named with `column_name`.

    Raises
    ------
    InputError
        The region is empty, too small, outside the image, or holds intensities that cannot be
        binned.
    """
    return measure_pyradiomics(image, mask, params, threads=threads).features


def measure_pyradiomics(
    image: Image, mask: Mask, params: PyradiomicsParameters, *, threads: int = 1
) -> PyradiomicsRow:
    """Return the row of `extract_pyradiomics` with what it was measured on."""
    prepared = prepare(image, mask, params.settings)
    row: dict[str, float] = {}
    for found in results_of(_tasks(prepared, params), threads):
        row.update(found)
    import pandas as pd  # 80 MB that filters and matrices can have until now

    inside = prepared.inside[prepared.box]
    values = prepared.image.array[prepared.box][inside]
    left_out = [
        reason
        for kind, settings in params.image_types.items()
        for reason in left_out_images(kind, prepared, settings)
    ]
    return PyradiomicsRow(pd.Series(row, dtype=np.float64), inside, values, tuple(left_out))


def _tasks(
    prepared: Prepared, params: PyradiomicsParameters
) -> Iterator[Callable[[], dict[str, float]]]:
    """The row in pieces that do not need each other: shape, then image after image."""
    yield functools.partial(_shape_row, prepared, params)
    for kind, settings in params.image_types.items():
        for name, made in derived_images(kind, prepared, settings):
            yield functools.partial(_image_row, name, made, prepared, params.features, settings)


def _shape_row(prepared: Prepared, params: PyradiomicsParameters) -> dict[str, float]:
    row: dict[str, float] = {}
    # pyradiomics crops the region for shape to the box of the resegmented one.
    inside = prepared.shape_inside[prepared.box]
    spacing = prepared.image.geometry.spacing
    if "shape" in params.features:
        values = shape_features(inside, spacing)
        row.update(_selected("original", "shape", values, params.features["shape"]))
    if "shape2D" in params.features:
        axis = params.settings.flat_axis
        if axis is None:
            if "shape2D" in (params.raw.get("featureClass") or {}):
                logger.warning("shape2D left out: it needs force2D")
        elif inside.shape[2 - axis] == 1:
            # pyradiomics asks for the size along (x, y, z)[force2Ddimension] and leaves it out.
            logger.warning("shape2D left out: the region is one voxel wide")
        elif inside.shape[axis] > 1:
            raise InputError(
                f"shape2D needs a region of one slice across axis {axis} (force2Ddimension), it"
                f" has {inside.shape[axis]}; leave shape2D out of featureClass"
            )
        else:
            y, x = (spacing[i] for i in range(3) if i != axis)
            values = shape2d_features(inside.take(0, axis), (y, x))
            row.update(_selected("original", "shape2D", values, params.features["shape2D"]))
    return row


def _image_row(
    image_name: str,
    made: Callable[[], np.ndarray],
    prepared: Prepared,
    wanted: Mapping[str, tuple[str, ...]],
    settings: PyradiomicsSettings,
) -> dict[str, float]:
    inside = prepared.inside[prepared.box]
    try:
        values = made()[inside]
        binned = discretise_region(values, inside, settings)
    except InputError as error:
        raise InputError(f"image {image_name}: {error}") from error
    spacing = prepared.image.geometry.spacing
    neighbours = None
    if "gldm" in wanted or "ngtdm" in wanted:
        neighbours = neighbour_counts(binned, settings)
    row: dict[str, float] = {}
    for family, features in wanted.items():
        if family == "firstorder":
            volume = prepared.image.geometry.voxel_volume
            found = firstorder_features(values, binned, settings, volume)
        elif family == "glcm":
            found = glcm_features(binned, settings, spacing, with_mcc="MCC" in features)
        elif family == "glrlm":
            found = glrlm_features(binned, settings, spacing)
        elif family == "glszm":
            found = glszm_features(binned, settings)
        elif family == "gldm" and neighbours is not None:
            found = gldm_features(binned, neighbours[2])
        elif family == "ngtdm" and neighbours is not None:
            found = ngtdm_features(binned, neighbours[0], neighbours[1])
        else:
            continue
        row.update(_selected(image_name, family, found, features))
    return row


def _selected(
    image_name: str, family: str, values: Mapping[str, float], features: tuple[str, ...]
) -> dict[str, float]:
    return {column_name(f"{image_name}_{family}_{name}"): values[name] for name in features}
