"""Was the lesion found: by lesion, and by lung."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import ndimage

from radtool.errors import ParameterError
from radtool.image import Image, Mask, check_same_grid
from radtool.segmentation.lungs import LungRegion
from radtool.segmentation.surface import check_masks_match

__all__ = ["LesionDetection", "detect_lesions", "lung_scores"]

CORNERS = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class LesionDetection:
    """Counts of lesions, 26-connected components, in one case.

    Parameters
    ----------
    hits : int
        Reference lesions that were found.
    missed : int
        Reference lesions that were not.
    false : int
        Found components that touch no reference lesion.
    """

    hits: int
    missed: int
    false: int


def detect_lesions(reference: Mask, other: Mask, *, overlap: float = 0.1) -> LesionDetection:
    """Count lesions that a mask found, missed and made up.

    Parameters
    ----------
    reference, other : Mask
        On one grid.
    overlap : float, default 0.1
        A reference lesion is found when at least this fraction of its voxels is in the other mask
        (and at least one). Above 0, at most 1.

    Returns
    -------
    LesionDetection

    Raises
    ------
    GeometryError
        The masks are not on one grid.
    ParameterError
        The overlap is out of range.
    """
    check_masks_match(reference, other)
    if not 0 < overlap <= 1:
        raise ParameterError(f"overlap must be above 0 and at most 1, got {overlap}")
    lesions, count = ndimage.label(reference.array, CORNERS)
    sizes = np.bincount(lesions.ravel(), minlength=count + 1)[1:]
    covered = np.bincount(lesions[other.array], minlength=count + 1)[1:]
    hits = int(np.count_nonzero(covered >= np.maximum(overlap * sizes, 1)))
    found, total = ndimage.label(other.array, CORNERS)
    true = np.unique(found[reference.array & other.array]).size
    return LesionDetection(hits, count - hits, total - true)


def lung_scores(probability: Image, region: LungRegion, reference: Mask) -> pd.DataFrame:
    """Score each lung for a per-lung ROC: does it hold a tumour, and how sure is the model.

    Parameters
    ----------
    probability : Image
        Tumour probability, as `Segmentation` has it.
    region : LungRegion
        Of the same scan, on the same grid (`isolate_lungs`).
    reference : Mask
        True tumour; may be empty.

    Returns
    -------
    DataFrame
        Rows ``right`` and ``left`` (column ``lung``), ``has_tumour`` (bool: the side that holds
        more of the reference) and ``score``, the highest probability on that side.

    Raises
    ------
    GeometryError
        Grids differ.
    """
    check_same_grid(probability, reference)
    check_same_grid(probability, region.search)
    right = region.right.array
    left = region.search.array & ~right
    shares = [np.count_nonzero(reference.array & side) for side in (right, left)]
    return pd.DataFrame(
        {
            "lung": ["right", "left"],
            "has_tumour": [shares[0] > shares[1], shares[1] > shares[0]],
            "score": [float(probability.array[side].max(initial=0.0)) for side in (right, left)],
        }
    )
