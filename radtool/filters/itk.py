"""pyradiomics' own Laplacian of Gaussian: ITK's recursive filter, scale-normalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radtool.errors import InputError
from radtool.filters.recursive import recursive_laplacian
from radtool.filters.settings import Filter, Support, number_text
from radtool.image import Image

__all__ = ["RecursiveLaplacian"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecursiveLaplacian(Filter):
    """Laplacian of Gaussian by recursive filters, times sigma² (pyradiomics, ITK).

    Parameters
    ----------
    sigma_mm : float
        Width of the Gaussian.

    Notes
    -----
    A recursive filter has no finite support: `support` is None, and pyradiomics' values depend on
    how far around the region the image reaches.
    """

    kind: ClassVar[str] = "log_recursive"
    sigma_mm: float

    def __post_init__(self) -> None:
        self.check_above_zero(sigma_mm=self.sigma_mm)

    @property
    def identifier(self) -> str:
        """Short name for feature columns."""
        return f"log_recursive_sigma_{number_text(self.sigma_mm)}_mm"

    def support(self, spacing: tuple[float, float, float]) -> Support:
        """None: the response depends on the whole image."""
        return None

    def response(self, image: Image) -> np.ndarray:
        """Filtered intensities, same shape (z, y, x); float32, as ITK stores them.

        Raises
        ------
        InputError
            An axis has fewer than 4 voxels.
        """
        if min(image.array.shape) < 4:
            raise InputError(
                f"the recursive Laplacian of Gaussian needs 4 voxels along every axis, the image"
                f" has {image.array.shape} (z, y, x)"
            )
        return recursive_laplacian(image.array, self.sigma_mm, image.geometry.spacing)
