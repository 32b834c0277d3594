"""Histogram matching by landmarks: Nyul-Udupa and dense quantiles, learned from a cohort."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import ClassVar, Self

import numpy as np

from radtool.errors import InputError, ParameterError
from radtool.image import Image, Mask
from radtool.preprocessing.intensity_step import IntensityStep, values_of

__all__ = ["HistogramMatching", "Nyul"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nyul(IntensityStep):
    """Piecewise linear mapping of histogram landmarks to a standard scale.

    Training: the landmarks (percentiles) of each image are mapped linearly so that the first and
    the last fall on `lower` and `upper`; their means are the standard scale. Application: an
    image's landmarks are mapped to the standard scale, linearly between them; the outermost
    pieces go on beyond the first and the last landmark.

    Parameters
    ----------
    percentiles : tuple of float, default (1, 10, 20, …, 90, 99)
        Landmarks.
    lower, upper : float, default 0 and 100
        Ends of the standard scale.
    standard_scale : tuple of float, optional
        One value a landmark; learned by `fit`.

    Notes
    -----
    Take landmarks from a mask: with a dark background the low percentiles describe air.

    References
    ----------
    Nyúl, Udupa, Zhang. New variants of a method of MRI scale standardization. IEEE Trans Med
    Imaging 2000. Shah et al. Evaluating intensity normalization on MRIs of human brain with
    multiple sclerosis. Med Image Anal 2011.
    """

    percentiles: tuple[float, ...] = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
    lower: float = 0.0
    upper: float = 100.0
    standard_scale: tuple[float, ...] | None = None
    learned: ClassVar[tuple[str, ...]] = ("standard_scale",)

    def __post_init__(self) -> None:
        _check_rising("Nyul", self.percentiles)
        if not self.lower < self.upper:
            raise ParameterError(f"[Nyul] lower {self.lower} is not below upper {self.upper}")
        _check_count("Nyul standard_scale", self.standard_scale, len(self.percentiles))

    def _fit(self, pairs: Iterable[tuple[Image, Mask | None]]) -> Self:
        mapped = []
        for image, mask in pairs:
            landmarks = np.percentile(values_of(image, mask), self.percentiles)
            reach = landmarks[-1] - landmarks[0]
            if not reach > 0:
                raise InputError("a training image is flat between its first and last landmark")
            share = (landmarks - landmarks[0]) / reach
            mapped.append(self.lower + share * (self.upper - self.lower))
        return dataclasses.replace(self, standard_scale=tuple(np.mean(mapped, axis=0).tolist()))

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        landmarks = np.percentile(values_of(image, mask), self.percentiles)
        array = map_landmarks(image.array, landmarks, np.array(self.standard_scale))
        return Image(array, image.geometry, "a.u.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class HistogramMatching(IntensityStep):
    """Give an image the intensity distribution of the training cohort (or of one image).

    The reference is the mean of the training images' quantiles at evenly spaced probabilities;
    an image's own quantiles are mapped to it, linearly between them. Outside, its end values.

    Parameters
    ----------
    points : int, default 256
        Number of quantiles, from the minimum to the maximum.
    reference : tuple of float, optional
        Reference quantiles; learned by `fit`.
    """

    points: int = 256
    reference: tuple[float, ...] | None = None
    learned: ClassVar[tuple[str, ...]] = ("reference",)

    def __post_init__(self) -> None:
        if self.points < 2:
            raise ParameterError(f"[HistogramMatching] points must be at least 2: {self.points}")
        _check_count("HistogramMatching reference", self.reference, self.points)

    def _fit(self, pairs: Iterable[tuple[Image, Mask | None]]) -> Self:
        quantiles = [self._quantiles(image, mask) for image, mask in pairs]
        return dataclasses.replace(self, reference=tuple(np.mean(quantiles, axis=0).tolist()))

    def _quantiles(self, image: Image, mask: Mask | None) -> np.ndarray:
        return np.quantile(values_of(image, mask), np.linspace(0, 1, self.points))

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        own = self._quantiles(image, mask)
        kept = np.clip(image.array.astype(np.float64), own[0], own[-1])
        return image.with_array(map_landmarks(kept, own, np.array(self.reference)))


def map_landmarks(values: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Map values piecewise linearly from source to target landmarks, ends extended.

    Source landmarks that coincide become one, at the mean of their targets.
    """
    knots, group = np.unique(source, return_inverse=True)
    if len(knots) < 2:
        raise InputError(f"all intensities are {source[0]:g}; there is no histogram to match")
    goals = np.bincount(group, weights=target) / np.bincount(group)
    slopes = np.diff(goals) / np.diff(knots)
    piece = np.clip(np.searchsorted(knots, values, side="right") - 1, 0, len(slopes) - 1)
    return goals[piece] + slopes[piece] * (values - knots[piece])


def _check_rising(name: str, percentiles: tuple[float, ...]) -> None:
    rising = all(low < high for low, high in itertools.pairwise(percentiles))
    if len(percentiles) < 2 or not rising or percentiles[0] < 0 or percentiles[-1] > 100:
        raise ParameterError(
            f"[{name}] percentiles must be two or more that rise within 0 to 100: {percentiles}"
        )


def _check_count(name: str, values: tuple[float, ...] | None, count: int) -> None:
    if values is not None and len(values) != count:
        raise ParameterError(f"[{name}] has {len(values)} values, needs {count}")
