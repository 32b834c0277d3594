"""Mean 0 and standard deviation 1: by image, or by the training cohort."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import ClassVar, Self

import numpy as np

from radtool.errors import InputError, ParameterError
from radtool.image import Image, Mask
from radtool.preprocessing.intensity_step import IntensityStep, values_of

__all__ = ["Rescale", "ZScore", "ZScoreByTraining"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZScore(IntensityStep):
    """Subtract the mean and divide by the standard deviation of the image itself.

    Mean and standard deviation (population, ``ddof=0``) are those of the mask, or of all voxels.
    """

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        values = values_of(image, mask)
        return _standardise(image, float(values.mean()), float(values.std()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZScoreByTraining(IntensityStep):
    """Subtract the training cohort's mean and divide by its standard deviation.

    Keeps differences between patients, which `ZScore` removes.

    Parameters
    ----------
    mean, sd : float, optional
        Over all voxels of all training masks together; learned by `fit`, or given.
    """

    mean: float | None = None
    sd: float | None = None
    learned: ClassVar[tuple[str, ...]] = ("mean", "sd")

    def _fit(self, pairs: Iterable[tuple[Image, Mask | None]]) -> Self:
        count, mean, squares = 0, 0.0, 0.0
        for image, mask in pairs:
            values = values_of(image, mask)
            total = count + values.size
            shift = float(values.mean()) - mean
            squares += float(((values - values.mean()) ** 2).sum())
            squares += shift**2 * count * values.size / total
            mean += shift * values.size / total
            count = total
        return dataclasses.replace(self, mean=mean, sd=float(np.sqrt(squares / count)))

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        assert self.mean is not None
        assert self.sd is not None
        return _standardise(image, self.mean, self.sd)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rescale(IntensityStep):
    """Map an intensity range linearly onto another.

    Parameters
    ----------
    lower, upper : float, default 0 and 1
        The new range.
    lower_percentile, upper_percentile : float, default 0 and 100
        Where the old range lies among the intensities of the mask, or of all voxels.
    clip : bool, default True
        Cut off what falls outside the new range.
    """

    lower: float = 0.0
    upper: float = 1.0
    lower_percentile: float = 0.0
    upper_percentile: float = 100.0
    clip: bool = True

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise ParameterError(f"[Rescale] lower {self.lower} is not below upper {self.upper}")
        if not 0 <= self.lower_percentile < self.upper_percentile <= 100:
            raise ParameterError(
                "[Rescale] percentiles must rise within 0 to 100, got"
                f" {self.lower_percentile} and {self.upper_percentile}"
            )

    def _apply(self, image: Image, mask: Mask | None) -> Image:
        values = values_of(image, mask)
        low, high = np.percentile(values, [self.lower_percentile, self.upper_percentile])
        if not high > low:
            raise InputError(f"all intensities are {low:g}; there is no range to rescale")
        scaled = (image.array - low) / (high - low) * (self.upper - self.lower) + self.lower
        if self.clip:
            scaled = np.clip(scaled, self.lower, self.upper)
        return _unitless(image, scaled)


def _standardise(image: Image, mean: float, sd: float) -> Image:
    if not sd > 0:
        raise InputError(f"all intensities are {mean:g}; their standard deviation is 0")
    return _unitless(image, (image.array - mean) / sd)


def _unitless(image: Image, array: np.ndarray) -> Image:
    return Image(array, image.geometry, "a.u.")
