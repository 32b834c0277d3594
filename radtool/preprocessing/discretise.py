"""Put intensities into grey levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from radtool.errors import InputError, ParameterError, did_you_mean
from radtool.image import Image, Mask, check_same_grid

__all__ = ["Discretise", "discretise", "discretise_values"]

METHODS = ("fixed_bin_number", "fixed_bin_size", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discretise:
    """How intensities become grey levels 1, 2, ….

    Parameters
    ----------
    method : {"fixed_bin_size", "fixed_bin_number", "none"}, default "none"
        IBSI Q3RU, K15C, or intensities that are whole numbers from 1 already.
    bin_width : float, optional
        Width of a bin in intensity units; fixed bin size only.
    bin_number : int, optional
        Number of bins between the region's minimum and maximum; fixed bin number only.
    lower : float, optional
        Where bin 1 starts; fixed bin size only. None: the lower re-segmentation limit, else the
        region's minimum.
    """

    method: Literal["fixed_bin_size", "fixed_bin_number", "none"] = "none"
    bin_width: float | None = None
    bin_number: int | None = None
    lower: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ParameterError(
                f"[discretise] method is {self.method!r}{did_you_mean(str(self.method), METHODS)}"
            )
        needed = {"fixed_bin_size": "bin_width", "fixed_bin_number": "bin_number"}
        for method, key in needed.items():
            given = getattr(self, key) is not None
            if given != (self.method == method):
                verb = "has no use for" if given else "needs"
                raise ParameterError(f"[discretise] method {self.method!r} {verb} {key}")
        if self.bin_width is not None and not self.bin_width > 0:
            raise ParameterError(f"[discretise] bin_width must be above 0, got {self.bin_width}")
        if self.bin_number is not None and (
            self.bin_number != int(self.bin_number) or self.bin_number < 2
        ):
            raise ParameterError(
                f"[discretise] bin_number must be a whole number from 2, got {self.bin_number}"
            )
        if self.lower is not None and self.method != "fixed_bin_size":
            raise ParameterError(f"[discretise] method {self.method!r} has no use for lower")

    @property
    def token(self) -> str:
        """Part of a feature's name: "fbs25", "fbn32", "" when nothing is done.

        Examples
        --------
        >>> Discretise(method="fixed_bin_size", bin_width=0.25).token
        'fbs0p25'
        """
        if self.method == "none":
            return ""
        if self.method == "fixed_bin_number":
            return f"fbn{self.bin_number}"
        return "fbs" + f"{self.bin_width:g}".replace(".", "p").replace("-", "m").replace("+", "")


def discretise_values(
    values: np.ndarray, settings: Discretise, *, lower: float | None = None
) -> np.ndarray:
    """Return the grey levels of a region's intensities.

    Parameters
    ----------
    values : ndarray
        Intensities of the region's voxels.
    settings : Discretise
        The method.
    lower : float, optional
        Lower re-segmentation limit; where bin 1 starts for a fixed bin size unless the settings
        say otherwise.

    Returns
    -------
    ndarray of int64, same shape
        Grey levels from 1. With a fixed bin size the lowest level present may be above 1.

    Raises
    ------
    InputError
        An intensity lies below where bin 1 starts, or "none" is asked for intensities that are not
        whole numbers from 1.
    """
    if values.size == 0:
        return np.zeros(values.shape, dtype=np.int64)
    if settings.method == "none":
        levels = np.rint(values)
        if levels.min() < 1 or not np.array_equal(levels, values):
            raise InputError(
                "intensities are not grey levels (whole numbers from 1):"
                f" {values.min():g} to {values.max():g}; choose a discretise method"
            )
        return levels.astype(np.int64)
    values = values.astype(np.float64)
    smallest, largest = float(values.min()), float(values.max())
    if settings.method == "fixed_bin_number":
        assert settings.bin_number is not None
        if largest == smallest:
            return np.ones(values.shape, dtype=np.int64)
        scaled = settings.bin_number * (values - smallest) / (largest - smallest)
        return np.minimum(np.floor(scaled), settings.bin_number - 1).astype(np.int64) + 1
    assert settings.bin_width is not None
    start = settings.lower if settings.lower is not None else lower
    start = smallest if start is None else float(start)
    if smallest < start:
        raise InputError(
            f"smallest intensity {smallest:g} lies below the first bin, which starts at {start:g};"
            " lower [discretise] lower, or set [resegment] lower"
        )
    return np.floor((values - start) / settings.bin_width).astype(np.int64) + 1


def discretise(
    image: Image, mask: Mask, settings: Discretise, *, lower: float | None = None
) -> np.ndarray:
    """Return the grey levels of a region as a volume.

    Parameters
    ----------
    image : Image
        Intensities.
    mask : Mask
        The (intensity) region on the same grid.
    settings : Discretise
        The method.
    lower : float, optional
        Lower re-segmentation limit, see `discretise_values`.

    Returns
    -------
    ndarray of int32, shape (z, y, x)
        Grey levels from 1; 0 outside the region.

    Raises
    ------
    GeometryError
        Image and mask are not on the same grid.
    InputError
        See `discretise_values`.
    """
    check_same_grid(image, mask)
    levels = np.zeros(image.array.shape, dtype=np.int32)
    levels[mask.array] = discretise_values(image.array[mask.array], settings, lower=lower)
    return levels
