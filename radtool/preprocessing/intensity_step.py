"""What every intensity normalisation is: settings, perhaps something learned, Image to Image."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.files import encode
from radtool.image import Image, Mask, check_same_grid
from radtool.settings import parse_settings

__all__ = ["IntensityStep", "apply_steps", "fit_steps", "intensity_step_from_dict"]

Pairs = Sequence[tuple[Image, Mask | None]]

_KNOWN: dict[str, type[IntensityStep]] = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class IntensityStep(abc.ABC):
    """An intensity normalisation: frozen settings, and what it learned from a cohort, if anything.

    ``apply(image, mask)`` returns a new image on the same grid. The mask says which voxels the
    statistics are taken from (brain, body), not what is kept: every voxel is transformed. A step
    that learns has fields that are None until ``fit`` returns a fitted copy; fit it on training
    cases only. ``to_dict`` and `intensity_step_from_dict` keep both in JSON.
    """

    learned: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _KNOWN[cls.__name__] = cls

    def fit(self, pairs: Iterable[tuple[Image, Mask | None]]) -> Self:
        """Return a copy that learned from training images; itself when there is nothing to learn.

        Parameters
        ----------
        pairs : iterable of (Image, Mask or None)
            Training cases; read once, in order, one at a time.

        Raises
        ------
        InputError
            No image, or one that cannot be used.
        GeometryError
            A mask is not on its image's grid.
        """
        return self._fit(_checked(pairs, type(self).__name__))

    def _fit(self, pairs: Iterable[tuple[Image, Mask | None]]) -> Self:
        return self

    def apply(self, image: Image, mask: Mask | None = None) -> Image:
        """Return the image with new intensities.

        Parameters
        ----------
        image : Image
            Finite intensities.
        mask : Mask, optional
            Voxels to take statistics from; without it each step says which.

        Raises
        ------
        InputError
            Not fitted, not finite, or the intensities leave the statistics undefined.
        GeometryError
            The mask is not on the image's grid.
        """
        self._check_fitted()
        _check(image, mask, type(self).__name__)
        return self._apply(image, mask)

    @abc.abstractmethod
    def _apply(self, image: Image, mask: Mask | None) -> Image: ...

    def _check_fitted(self) -> None:
        if any(getattr(self, name) is None for name in self.learned):
            raise InputError(
                f"{type(self).__name__} has learned nothing yet; call fit with training images,"
                " or read a fitted step with intensity_step_from_dict"
            )

    def to_dict(self) -> dict[str, Any]:
        """Settings and what was learned, as JSON values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"step": type(self).__name__, **{key: encode(item) for key, item in values.items()}}


def intensity_step_from_dict(document: Mapping[str, Any]) -> IntensityStep:
    """Rebuild a step, fitted or not, from `IntensityStep.to_dict`.

    Raises
    ------
    ParameterError
        The step or one of its keys is unknown.
    """
    values = dict(document)
    name = str(values.pop("step", None))
    if name not in _KNOWN:
        raise ParameterError(f"unknown intensity step {name!r}{did_you_mean(name, _KNOWN)}")
    return parse_settings(_KNOWN[name], values, f"[{name}]")


def fit_steps(steps: Sequence[IntensityStep], pairs: Pairs) -> tuple[IntensityStep, ...]:
    """Fit steps one after the other, each on images that went through those before it.

    Parameters
    ----------
    steps : sequence of IntensityStep
        In the order in which they will be applied.
    pairs : sequence of (Image, Mask or None)
        Training cases; gone through once for each step that learns.
    """
    fitted: list[IntensityStep] = []
    for step in steps:
        before = tuple(fitted)
        fitted.append(step.fit((apply_steps(before, image, mask), mask) for image, mask in pairs))
    return tuple(fitted)


def apply_steps(steps: Sequence[IntensityStep], image: Image, mask: Mask | None = None) -> Image:
    """Apply steps in order."""
    for step in steps:
        image = step.apply(image, mask)
    return image


def values_of(image: Image, mask: Mask | None) -> np.ndarray:
    """Intensities that statistics are taken from, float64, one-dimensional."""
    array = image.array if mask is None else image.array[mask.array]
    return array.astype(np.float64).ravel()


def _checked(
    pairs: Iterable[tuple[Image, Mask | None]], step: str
) -> Iterator[tuple[Image, Mask | None]]:
    number = 0
    for number, (image, mask) in enumerate(pairs, start=1):  # noqa: B007 - counted below
        _check(image, mask, step)
        yield image, mask
    if number == 0:
        raise InputError(f"{step}.fit needs at least one training image")


def _check(image: Image, mask: Mask | None, step: str) -> None:
    if mask is not None:
        check_same_grid(image, mask)
        if mask.is_empty:
            raise InputError(f"mask {mask.roi!r} is empty; {step} needs voxels")
    if image.array.dtype.kind == "f" and not np.isfinite(image.array).all():
        count = int((~np.isfinite(image.array)).sum())
        raise InputError(f"{count} intensities are not finite numbers; repair the image first")
