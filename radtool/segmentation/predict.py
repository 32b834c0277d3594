"""Segment the lung tumour of a CT: check, find the lungs, run the network, clean up, go back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from radtool.errors import ParameterError, did_you_mean
from radtool.image import Image, Mask
from radtool.segmentation.checks import check_ct
from radtool.segmentation.confidence import apply_temperature
from radtool.segmentation.grid import WORKING_SPACING, to_input_grid, to_working_grid
from radtool.segmentation.inference import flipped_probabilities
from radtool.segmentation.lungs import LungRegion, find_lungs
from radtool.segmentation.runtime import Device, load_network

__all__ = ["FLAGS", "Search", "Segmentation", "segment"]

Search = Literal["lungs", "whole"]

FLAGS = {
    "no_tumour": "no place was sure enough to be a tumour: the mask is empty",
    "unsure": "too vague for a candidate; kept because the field of view was taken as it is",
    "several_candidates": "another place scored at least half of the one that was kept",
    "touches_border": "the mask reaches the edge of the searched region or of the image",
    "implausible_volume": "below 0.2 mL or above 500 mL",
    "disagreement": "the answers for the flipped images differ from the answer (mean DSC < 0.7)",
    "lungs_cut_off": "the scan shows only part of the lungs",
}
LEAST_ML = 0.1
PLAUSIBLE_ML = (0.2, 500.0)
AGREEMENT = 0.7
RIVAL = 0.5
SURE = 0.8
LEAST_SCORE = 1.0  # in working voxels: 5 voxels wide at a mean probability of 0.67
VOXEL_ML = WORKING_SPACING**3 / 1000
CORNERS = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """A tumour mask and how far to trust it.

    Parameters
    ----------
    mask : Mask
        On the grid of the input image; empty when nothing was found.
    probability : Image
        Tumour probability, 0 to 1, on the same grid, before the choice of a component; 0 outside
        the searched region. Scaled with the model's temperature, so that about 70 of 100 voxels
        with 0.7 are tumour in the cases that it was fitted on.
    spread : Image
        Standard deviation of the probability between the image and its mirror images, same grid;
        highest where the contour is uncertain.
    confidence : float
        0 to 1, higher is surer: mean probability inside the mask times the mean DSC of the flipped
        answers with the mask. For an empty mask 1 minus the highest probability. It ranks cases;
        it is not the chance of being right.
    candidates : int
        Number of separate places that were taken for a tumour; the best one is the mask.
    flags : tuple of str
        Keys of `FLAGS`.
    model : str
        Name of the model and the first 12 digits of its SHA-256.
    """

    mask: Mask
    probability: Image
    spread: Image
    confidence: float
    candidates: int
    flags: tuple[str, ...]
    model: str


def segment(
    image: Image,
    *,
    model: str | os.PathLike[str] = "lung",
    device: Device = "auto",
    search: Search = "lungs",
    threshold: float | None = None,
) -> Segmentation:
    """Segment the most likely lung tumour of a CT with a network.

    Parameters
    ----------
    image : Image
        CT in HU; any orientation and spacing that `check_ct` accepts.
    model : str or path-like
        "lung", or an ``.onnx`` file trained with `train` and written with `export_onnx`.
    device : {"auto", "cpu", "cuda"}
        "auto" takes CUDA when ONNX Runtime offers it.
    search : {"lungs", "whole"}
        Where to look: in the isolated lungs with their surroundings, or in the whole field of view
        as it is (a crop around a tumour).
    threshold : float, optional
        Probability above which a voxel is tumour; that of the model's card if not given.

    Returns
    -------
    Segmentation

    Raises
    ------
    InputError
        The image is no CT volume in HU, or no lung was found (with ``search="lungs"``).
    MissingPartError
        CUDA was asked for and is not there.
    ParameterError
        Unknown search or device, or a threshold outside 0 to 1.
    """
    if search not in ("lungs", "whole"):
        raise ParameterError(f"no search {search!r}{did_you_mean(search, ('lungs', 'whole'))}")
    if threshold is not None and not 0 < threshold < 1:
        raise ParameterError(f"threshold must be between 0 and 1, got {threshold}")
    check_ct(image)
    network = load_network(model, device=device)
    threshold = network.threshold if threshold is None else threshold
    working = to_working_grid(image)
    region = find_lungs(working) if search == "lungs" else None
    inside = np.ones(working.array.shape, dtype=bool) if region is None else region.search.array
    maps = flipped_probabilities(network.probability, working.array, inside)
    mean = maps.mean(axis=0)
    kept, scores = _choose(mean, inside, threshold)
    unsure = search == "whole" and not kept.any()
    if unsure:
        kept, scores = _choose(mean, inside, threshold, sure=False)
    mean = np.where(inside, mean, np.float32(0))
    honest = apply_temperature(mean, network.temperature)
    origin = f"{network.name} {network.digest[:12]}"
    mask = Mask(_back(mean, kept, working, image, threshold), image.geometry, "tumour", origin)
    agreement = _agreement(maps > threshold, kept)

    def shown(values: np.ndarray, unit: str) -> Image:
        there = to_input_grid(values, working.geometry, image.geometry)
        return Image(there, image.geometry, unit)

    return Segmentation(
        mask,
        shown(honest, "probability"),
        shown(np.where(inside, maps.std(axis=0), 0), "probability"),
        _confidence(honest, kept, inside, agreement),
        len(scores),
        _flags(kept, scores, region, agreement, unsure=unsure),
        origin,
    )


def _choose(
    mean: np.ndarray, inside: np.ndarray, threshold: float, *, sure: bool = True
) -> tuple[np.ndarray, list]:
    """Keep the candidate with the highest score; all scores, highest first.

    A candidate is a group above the threshold that lies for at least half in the searched region
    (the liver below it does not); what lies outside is cut off. Its score is the cube root of its
    voxels times the fourth power of its mean probability: a small sure place beats a large vague
    one. With `sure` it must also be above 0.8 somewhere and score at least 1.
    """
    labels, count = ndimage.label(mean > threshold, CORNERS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sums = np.bincount(labels.ravel(), weights=mean.ravel(), minlength=count + 1)
    reached = np.bincount(labels[inside], minlength=count + 1)
    scores = np.cbrt(sizes) * (sums / np.maximum(sizes, 1)) ** 4
    good = (reached * VOXEL_ML >= LEAST_ML) & (reached >= 0.5 * sizes)
    if sure:
        peaks = np.bincount(labels[mean > max(SURE, threshold)], minlength=count + 1)
        good &= (peaks > 0) & (scores >= LEAST_SCORE)
    good[0] = False
    if not good.any():
        return np.zeros(mean.shape, dtype=bool), []
    best = int(np.argmax(np.where(good, scores, -1.0)))
    kept = ndimage.binary_fill_holes(labels == best) & inside
    return kept, sorted(scores[good].tolist(), reverse=True)


def _back(
    mean: np.ndarray, kept: np.ndarray, working: Image, image: Image, threshold: float
) -> np.ndarray:
    """The kept candidate on the input grid, its edge interpolated between working voxels."""
    if not kept.any():
        return np.zeros(image.geometry.shape, dtype=bool)
    near = ndimage.binary_dilation(kept, CORNERS)
    smooth = np.where(near, np.where(kept, np.maximum(mean, threshold + 1e-3), mean), 0)
    inside = to_input_grid(smooth, working.geometry, image.geometry) > threshold
    return ndimage.binary_fill_holes(inside)


def _agreement(answers: np.ndarray, kept: np.ndarray) -> float:
    """Mean DSC of each flipped answer, near the kept candidate, with it."""
    near = ndimage.binary_dilation(kept, CORNERS, iterations=5)
    size = np.count_nonzero(kept)
    if size == 0:
        return 1.0
    overlaps = [
        2 * np.count_nonzero(answer & kept) / (np.count_nonzero(answer & near) + size)
        for answer in answers
    ]
    return float(np.mean(overlaps))


def _confidence(mean: np.ndarray, kept: np.ndarray, inside: np.ndarray, agreement: float) -> float:
    if not kept.any():
        return float(1 - mean[inside].max(initial=0.0))
    return float(mean[kept].mean() * agreement)


def _flags(
    kept: np.ndarray,
    scores: list[float],
    region: LungRegion | None,
    agreement: float,
    *,
    unsure: bool,
) -> tuple[str, ...]:
    volume = float(np.count_nonzero(kept)) * VOXEL_ML
    searched = np.ones(kept.shape, dtype=bool) if region is None else region.search.array
    rim = ~ndimage.binary_erosion(searched)
    raised = {
        "no_tumour": not kept.any(),
        "unsure": unsure and kept.any(),
        "several_candidates": len(scores) > 1 and scores[1] >= RIVAL * scores[0],
        "touches_border": bool((kept & rim).any()),
        "implausible_volume": kept.any() and not PLAUSIBLE_ML[0] <= volume <= PLAUSIBLE_ML[1],
        "disagreement": agreement < AGREEMENT,
        "lungs_cut_off": region is not None and region.is_cut_off,
    }
    return tuple(flag for flag in FLAGS if raised[flag])
