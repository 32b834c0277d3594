"""How well two masks agree: overlap, surface distance, contour length and volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radtool.errors import ParameterError
from radtool.image import Mask
from radtool.segmentation.surface import check_masks_match, surface_distances

__all__ = ["MaskComparison", "added_path_length", "compare_masks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskComparison:
    """Agreement of a mask with a reference mask.

    Parameters
    ----------
    dsc : float
        Dice similarity coefficient, 2|A∩B| / (|A|+|B|), 0 to 1.
    jaccard : float
        |A∩B| / |A∪B|, 0 to 1.
    precision : float
        Fraction of the other mask that lies in the reference; NaN when only the other is empty.
    recall : float
        Fraction of the reference that the other mask covers; NaN when only the reference is empty.
    hd : float
        Hausdorff distance in mm: the larger of the two directed maxima.
    hd95 : float
        The same with the 95th percentile by surface area of each direction.
    msd : float
        Mean surface distance in mm: mean of the two directed averages, each weighted by area.
    surface_dsc : float
        Fraction of both surfaces (by area) that lies within `tolerance` of the other surface.
    added_path_length : float
        Length in mm of reference contour, drawn slice by slice, that the other contour lacks.
    volume_reference_ml, volume_other_ml : float
        Volumes in mL by counting voxels.
    volume_difference_ml : float
        Other minus reference.
    tolerance : float
        Tolerance of `surface_dsc` in mm.

    Notes
    -----
    Both masks empty: full agreement (overlaps 1, distances and length 0). One of them empty:
    overlaps and surface DSC 0, distances inf (they stay in a median as the worst case).
    """

    dsc: float
    jaccard: float
    precision: float
    recall: float
    hd: float
    hd95: float
    msd: float
    surface_dsc: float
    added_path_length: float
    volume_reference_ml: float
    volume_other_ml: float
    volume_difference_ml: float
    tolerance: float


def compare_masks(reference: Mask, other: Mask, *, tolerance_mm: float = 1.18) -> MaskComparison:
    """Compare a mask with a reference mask on the same grid.

    Parameters
    ----------
    reference : Mask
        What counts as true.
    other : Mask
        What is judged.
    tolerance_mm : float, default 1.18
        Distance that counts as agreement in the surface DSC; 1.18 mm is the inter-observer
        tolerance of Primakov et al.

    Returns
    -------
    MaskComparison

    Raises
    ------
    GeometryError
        The masks are not on one grid.
    ParameterError
        The tolerance is negative or not finite.

    References
    ----------
    S. Nikolov et al., Clinically applicable segmentation of head and neck anatomy for
    radiotherapy, JMIR 23(7):e26151, 2021 (surface distances and surface DSC).
    F. Vaassen et al., Evaluation of measures for assessing time-saving of automatic organ-at-risk
    segmentation in radiotherapy, Physics and Imaging in Radiation Oncology 13:1-6, 2020 (APL).
    S. Primakov et al., Automated detection and segmentation of non-small cell lung cancer
    computed tomography images, Nature Communications 13:3423, 2022 (tolerance).

    Examples
    --------
    >>> import numpy as np
    >>> from radtool.image import Geometry, Mask
    >>> voxels = np.zeros((4, 4, 6), dtype=bool)
    >>> voxels[1:3, 1:3, 1:3] = True
    >>> cube = Mask(voxels, Geometry(voxels.shape))
    >>> moved = cube.with_array(np.roll(voxels, 1, axis=2))
    >>> result = compare_masks(cube, moved)
    >>> result.dsc, result.jaccard, result.hd
    (0.5, 0.3333333333333333, 1.0)
    """
    check_masks_match(reference, other)
    if not 0 <= tolerance_mm < np.inf:
        raise ParameterError(f"tolerance_mm must be 0 or more and finite, got {tolerance_mm}")
    volumes = reference.volume_ml, other.volume_ml
    return MaskComparison(
        **_overlap(reference.array, other.array),
        **_distances(reference, other, tolerance_mm),
        added_path_length=added_path_length(reference, other),
        volume_reference_ml=volumes[0],
        volume_other_ml=volumes[1],
        volume_difference_ml=volumes[1] - volumes[0],
        tolerance=float(tolerance_mm),
    )


def added_path_length(reference: Mask, other: Mask) -> float:
    """Length of reference contour that a reader would have to add to the other contour.

    The contour of a slice is its inside pixels that have an outside pixel beside them (four
    neighbours; beyond the image is outside). Each such pixel counts with the pixel size.

    Parameters
    ----------
    reference, other : Mask
        On one grid; slices are the first axis.

    Returns
    -------
    float
        In mm; 0 when the reference is empty.

    Raises
    ------
    GeometryError
        The masks are not on one grid.
    """
    check_masks_match(reference, other)
    added = _contour(reference.array) & ~_contour(other.array)
    _, dy, dx = reference.geometry.spacing
    return float(np.count_nonzero(added) * np.sqrt(dy * dx))


def _contour(array: np.ndarray) -> np.ndarray:
    padded = np.pad(array, ((0, 0), (1, 1), (1, 1)))
    core = padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return array & ~core


def _overlap(reference: np.ndarray, other: np.ndarray) -> dict[str, float]:
    both = int(np.count_nonzero(reference & other))
    a, b = int(np.count_nonzero(reference)), int(np.count_nonzero(other))
    if a + b == 0:
        return {"dsc": 1.0, "jaccard": 1.0, "precision": 1.0, "recall": 1.0}
    return {
        "dsc": 2 * both / (a + b),
        "jaccard": both / (a + b - both),
        "precision": both / b if b else float("nan"),
        "recall": both / a if a else float("nan"),
    }


def _distances(reference: Mask, other: Mask, tolerance: float) -> dict[str, float]:
    found = surface_distances(reference, other)
    pairs = (
        (found.to_other, found.reference_areas),
        (found.to_reference, found.other_areas),
    )
    if reference.is_empty and other.is_empty:
        return {"hd": 0.0, "hd95": 0.0, "msd": 0.0, "surface_dsc": 1.0}
    if reference.is_empty or other.is_empty:
        return {"hd": np.inf, "hd95": np.inf, "msd": np.inf, "surface_dsc": 0.0}
    area = sum(float(areas.sum()) for _, areas in pairs)
    near = sum(float(areas[distances <= tolerance].sum()) for distances, areas in pairs)
    return {
        "hd": max(float(distances[-1]) for distances, _ in pairs),
        "hd95": max(_area_quantile(distances, areas, 0.95) for distances, areas in pairs),
        "msd": float(np.mean([np.average(distances, weights=areas) for distances, areas in pairs])),
        "surface_dsc": near / area,
    }


def _area_quantile(distances: np.ndarray, areas: np.ndarray, quantile: float) -> float:
    """Smallest distance that at least this fraction of the area does not exceed."""
    reached = np.cumsum(areas) / np.sum(areas)
    index = min(int(np.searchsorted(reached, quantile)), distances.size - 1)
    return float(distances[index])
