"""What a fusion of several images may say: which of them, on which scale, by which rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pywt

from radtool.errors import ParameterError, did_you_mean
from radtool.preprocessing.resample import INTERPOLATIONS, Interpolation

__all__ = ["Fusion", "FusionImage"]

Transform = Literal["none", "sqrt"]
Method = Literal["weighted", "wavelet"]
Details = Literal["weighted", "largest"]
Statistics = Literal["image", "region"]

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionImage:
    """One image of a fusion, and how it is brought to 0 to 1.

    Parameters
    ----------
    modality : str
        Which image of a case: what the manifest says in `Fusion.column`.
    weight : float, default 1
        Its part; weights are divided by their sum.
    detail_weight : float, optional
        Its part in the details of a wavelet; None: `weight`.
    window : tuple of 2 float, optional
        Intensities, in the image's unit, that become 0 and 1; beyond them is cut off. None:
        `percentiles`.
    percentiles : tuple of 2 float, default (0, 100)
        The window as percentiles of the image's own intensities (see `Fusion.statistics`).
    transform : {"none", "sqrt"}, default "none"
        Square root before scaling, for intensities with a long tail such as SUV.
    invert : bool, default False
        1 minus the scaled intensity.
    """

    modality: str
    weight: float = 1.0
    detail_weight: float | None = None
    window: tuple[float, float] | None = None
    percentiles: tuple[float, float] = (0.0, 100.0)
    transform: Transform = "none"
    invert: bool = False

    def __post_init__(self) -> None:
        where = f"[fusion] {self.modality}:"
        for key in ("weight", "detail_weight"):
            value = getattr(self, key)
            if value is not None and not (value >= 0 and np.isfinite(value)):
                raise ParameterError(f"{where} {key} must be 0 or more, got {value}")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ParameterError(f"{where} window must rise, got {self.window}")
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ParameterError(f"{where} percentiles must rise within 0 to 100, got {low, high}")
        _check_word(where, "transform", self.transform, get_args(Transform))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """How several images of a case become one.

    Parameters
    ----------
    images : tuple of FusionImage
        Two or more; the first is the reference, whose grid and mask the fused image has.
    method : {"weighted", "wavelet"}, default "weighted"
        The weighted sum of the scaled images; or of their wavelet coefficients, where details may
        have other weights or another rule than the rest. With one weight for all coefficients
        both are the same.
    wavelet : str, default "sym8"
        Orthogonal or biorthogonal wavelet (PyWavelets' name).
    levels : int, default 1
        How often the approximation is decomposed.
    details : {"weighted", "largest"}, default "weighted"
        Weighted sum of the details; or, voxel by voxel, the detail of the image in which weight
        times size is largest.
    outlier_sigma : float, optional
        In every band, coefficients of the other images beyond mean ± this many SD of the band are
        replaced by the reference's, as in the paper of Vallières, which takes 3.
    statistics : {"image", "region"}, default "image"
        Where percentiles are taken: in the part of what is fused that all images cover, or in the
        region.
    margin_mm : float, optional
        Fuse only the box around the region with this margin; None: all of the reference.
    minimum_cover : float, default 1
        Smallest part of the region that every image must cover.
    interpolation : {"nearest", "linear", "cubic"}, default "linear"
        Onto the reference's grid. An image that is finer than the reference is smoothed first.
    column : str, default "modality"
        Column of a manifest that tells the images of a patient apart; another one where a modality
        comes in several sequences.
    name : str, default ""
        Modality of the fused image; "": those of its images, joined by an underscore.
    """

    images: tuple[FusionImage, ...]
    method: Method = "weighted"
    wavelet: str = "sym8"
    levels: int = 1
    details: Details = "weighted"
    outlier_sigma: float | None = None
    statistics: Statistics = "image"
    margin_mm: float | None = None
    minimum_cover: float = 1.0
    interpolation: Interpolation = "linear"
    column: str = "modality"
    name: str = ""

    def __post_init__(self) -> None:
        modalities = [image.modality for image in self.images]
        if len(modalities) < 2 or len(set(modalities)) < len(modalities):
            raise ParameterError(
                f"[fusion] images must be two or more of different modalities, got {modalities}"
            )
        if not _IDENTIFIER.fullmatch(self.modality):
            raise ParameterError(
                f"[fusion] name {self.modality!r} must be letters, digits and underscores: it"
                " becomes part of column names"
            )
        for key, options in (
            ("method", get_args(Method)),
            ("details", get_args(Details)),
            ("statistics", get_args(Statistics)),
            ("interpolation", INTERPOLATIONS),
            ("wavelet", pywt.wavelist(kind="discrete")),
        ):
            _check_word("[fusion]", key, getattr(self, key), options)
        self._check_numbers()

    def _check_numbers(self) -> None:
        if not 1 <= self.levels <= 8:
            raise ParameterError(f"[fusion] levels must be 1 to 8, got {self.levels}")
        if self.outlier_sigma is not None and not self.outlier_sigma > 0:
            raise ParameterError(
                f"[fusion] outlier_sigma must be above 0, got {self.outlier_sigma}"
            )
        if self.margin_mm is not None and not self.margin_mm >= 0:
            raise ParameterError(f"[fusion] margin_mm must be 0 or more, got {self.margin_mm}")
        if not 0 < self.minimum_cover <= 1:
            raise ParameterError(
                f"[fusion] minimum_cover must be in (0, 1], got {self.minimum_cover}"
            )
        if not sum(self.detail_weights) > 0 or not any(image.weight for image in self.images):
            raise ParameterError("[fusion] one weight and one detail_weight must be above 0")

    @property
    def modality(self) -> str:
        """Modality of the fused image."""
        return self.name or "_".join(image.modality for image in self.images)

    @property
    def detail_weights(self) -> tuple[float, ...]:
        """Parts in the details, as given."""
        return tuple(
            image.weight if image.detail_weight is None else image.detail_weight
            for image in self.images
        )

    @property
    def needs_region(self) -> bool:
        """Whether `fuse` cannot do without a region."""
        return self.statistics == "region" or self.margin_mm is not None


def _check_word(where: str, key: str, value: str, options: Sequence[str]) -> None:
    if value not in options:
        raise ParameterError(f"{where} {key}: {value!r}{did_you_mean(str(value), options)}")
