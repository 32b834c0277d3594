"""Several readers of one lesion: how far they agree, and what they agree on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radtool.errors import InputError, ParameterError
from radtool.image import Mask
from radtool.segmentation.metrics import compare_masks
from radtool.segmentation.surface import check_masks_match, surface_distances

__all__ = ["majority_vote", "observer_agreement", "observer_tolerance", "staple"]


def observer_agreement(masks: Mapping[str, Mask], *, tolerance_mm: float = 1.18) -> pd.DataFrame:
    """Compare every pair of readers.

    Parameters
    ----------
    masks : mapping of str to Mask
        Reader (or reading, for intra-observer agreement) -> mask; one grid, at least two.
    tolerance_mm : float, default 1.18
        Tolerance of the surface DSC.

    Returns
    -------
    DataFrame
        One row a pair (``reader_a``, ``reader_b``, then the fields of `MaskComparison` with
        reader_a as the reference), in the order of the mapping. Medians: ``.median(numeric_only)``.

    Raises
    ------
    InputError
        Fewer than two masks.
    GeometryError
        The masks are not on one grid.
    """
    _check_readers(list(masks.values()))
    rows = [
        {"reader_a": a, "reader_b": b}
        | asdict(compare_masks(masks[a], masks[b], tolerance_mm=tolerance_mm))
        for a, b in itertools.combinations(masks, 2)
    ]
    return pd.DataFrame(rows)


def observer_tolerance(masks: Sequence[Mask], *, quantile: float = 0.95) -> float:
    """Tolerance for the surface DSC from readers of one lesion.

    The distances between the surfaces of every pair of readers, both ways, are pooled with their
    areas; the tolerance is the distance that the given fraction of the area does not exceed.
    For several lesions take the median or the mean of their tolerances.

    Parameters
    ----------
    masks : sequence of Mask
        Two or more masks of one lesion, none empty, on one grid.
    quantile : float, default 0.95
        Fraction of the surface within the tolerance, above 0 and at most 1.

    Returns
    -------
    float
        In mm.

    Raises
    ------
    InputError
        Fewer than two masks, or an empty one.
    ParameterError
        The quantile is out of range.
    """
    _check_readers(masks)
    if not 0 < quantile <= 1:
        raise ParameterError(f"quantile must be above 0 and at most 1, got {quantile}")
    empty = [index for index, mask in enumerate(masks) if mask.is_empty]
    if empty:
        raise InputError(f"masks {empty} are empty: a reader who saw nothing has no surface")
    distances, areas = [], []
    for a, b in itertools.combinations(masks, 2):
        found = surface_distances(a, b)
        distances += [found.to_other, found.to_reference]
        areas += [found.reference_areas, found.other_areas]
    pooled, weights = np.concatenate(distances), np.concatenate(areas)
    order = np.argsort(pooled, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    index = min(int(np.searchsorted(reached, quantile)), pooled.size - 1)
    return float(pooled[order][index])


def majority_vote(masks: Sequence[Mask]) -> Mask:
    """Voxels that more than half of the readers marked.

    Parameters
    ----------
    masks : sequence of Mask
        Two or more on one grid.

    Returns
    -------
    Mask
        Named as the first mask, origin "majority".
    """
    _check_readers(masks)
    votes = np.sum([mask.array for mask in masks], axis=0)
    first = masks[0]
    return Mask(votes * 2 > len(masks), first.geometry, first.roi, "majority")


def staple(masks: Sequence[Mask], *, threshold: float = 0.5) -> Mask:
    """Consensus that weighs each reader by how well they agree with it (STAPLE).

    Parameters
    ----------
    masks : sequence of Mask
        Two or more on one grid.
    threshold : float, default 0.5
        Voxels whose estimated probability is above it are inside.

    Returns
    -------
    Mask
        Named as the first mask, origin "STAPLE". Empty when no reader marked a voxel.

    Notes
    -----
    Runs inside the joint bounding box of all readers widened by one voxel: the estimate depends on
    how much background is seen, and this keeps the empty rest of a scan from deciding it.

    References
    ----------
    S. Warfield, K. Zou and W. Wells, Simultaneous truth and performance level estimation (STAPLE),
    IEEE Transactions on Medical Imaging 23(7):903-921, 2004.
    """
    _check_readers(masks)
    first = masks[0]
    joint = np.any([mask.array for mask in masks], axis=0)
    result = np.zeros(joint.shape, dtype=bool)
    if joint.any():
        box = tuple(
            slice(max(int(used.min()) - 1, 0), int(used.max()) + 2) for used in np.nonzero(joint)
        )
        readers = [sitk.GetImageFromArray(mask.array[box].astype(np.uint8)) for mask in masks]
        probability = sitk.GetArrayFromImage(sitk.STAPLE(readers, 1.0))
        result[box] = probability > threshold
    return Mask(result, first.geometry, first.roi, "STAPLE")


def _check_readers(masks: Sequence[Mask]) -> None:
    if len(masks) < 2:
        raise InputError(f"needs masks of two or more readers, got {len(masks)}")
    for mask in masks[1:]:
        check_masks_match(masks[0], mask)
