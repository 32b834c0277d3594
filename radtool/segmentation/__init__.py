"""Image -> Mask: segmenters, and how good a mask is."""

from radtool.segmentation.measure import Recist, recist
from radtool.segmentation.metrics import MaskComparison, added_path_length, compare_masks
from radtool.segmentation.observers import (
    majority_vote,
    observer_agreement,
    observer_tolerance,
    staple,
)
from radtool.segmentation.surface import SurfaceDistances, surface_distances

__all__ = [
    "MaskComparison",
    "Recist",
    "SurfaceDistances",
    "added_path_length",
    "compare_masks",
    "majority_vote",
    "observer_agreement",
    "observer_tolerance",
    "recist",
    "staple",
    "surface_distances",
]
