"""What a voxel grid holds: intensities, or the region of interest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radtool.errors import GeometryError
from radtool.image.geometry import Geometry

__all__ = ["Image", "Mask", "check_same_grid"]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Intensities on a voxel grid; never changed in place.

    Parameters
    ----------
    array : ndarray of shape (z, y, x)
        Intensities, any real dtype; shared, not copied, and seen read-only.
    geometry : Geometry
        Where the voxels lie.
    unit : str, default "a.u."
        What the numbers are: "HU", "SUVbw", "a.u.".

    Raises
    ------
    GeometryError
        The array does not have the grid's shape.
    """

    array: np.ndarray
    geometry: Geometry
    unit: str = "a.u."

    def __post_init__(self) -> None:
        _freeze(self)

    def __repr__(self) -> str:
        low, high = self.array.min(), self.array.max()
        return f"Image of {self.geometry}: {low:.6g} to {high:.6g} {self.unit}, {self.array.dtype}"

    def with_array(self, array: np.ndarray) -> Image:
        """Same place, other intensities."""
        return Image(array, self.geometry, self.unit)


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """The voxels that belong to one region of interest; never changed in place.

    Parameters
    ----------
    array : ndarray of bool, shape (z, y, x)
        True inside; shared, not copied, and seen read-only.
    geometry : Geometry
        Where the voxels lie.
    roi : str, default "roi"
        Name of what is covered.
    origin : str, default ""
        Where the mask came from: "RTSTRUCT", "DICOM SEG", "file", the segmenter's name.

    Raises
    ------
    GeometryError
        The array does not have the grid's shape.
    """

    array: np.ndarray
    geometry: Geometry
    roi: str = "roi"
    origin: str = ""

    def __post_init__(self) -> None:
        if self.array.dtype != np.bool_:
            raise GeometryError(
                f"mask {self.roi!r} must be boolean, got {self.array.dtype};"
                " compare with the label first (array == 1)"
            )
        _freeze(self)

    def __repr__(self) -> str:
        voxels = int(np.count_nonzero(self.array))
        slices = int(np.count_nonzero(self.array.any(axis=(1, 2))))
        source = f", from {self.origin}" if self.origin else ""
        return (
            f"Mask {self.roi!r}: {self.volume_ml:.4g} mL, {voxels} voxel(s) in {slices} slice(s)"
            f" of {self.geometry}{source}"
        )

    @property
    def is_empty(self) -> bool:
        """Whether no voxel is inside."""
        return not self.array.any()

    @property
    def volume_ml(self) -> float:
        """Volume in mL by counting voxels."""
        return int(np.count_nonzero(self.array)) * self.geometry.voxel_volume / 1000.0

    def with_array(self, array: np.ndarray) -> Mask:
        """Same place and name, other voxels."""
        return Mask(array, self.geometry, self.roi, self.origin)


def _freeze(volume: Image | Mask) -> None:
    if volume.array.shape != volume.geometry.shape:
        raise GeometryError(
            f"array is {volume.array.shape} (z, y, x), geometry {volume.geometry.shape}"
        )
    view = volume.array.view()
    view.flags.writeable = False
    object.__setattr__(volume, "array", view)


def check_same_grid(image: Image, mask: Mask) -> None:
    """Raise unless image and mask are the same voxels.

    Raises
    ------
    GeometryError
        Shapes differ, or corners differ by more than a thousandth of a voxel; the message says
        by how many mm.
    """
    if image.geometry.shape != mask.geometry.shape:
        raise GeometryError(
            f"mask {mask.roi!r} has shape {mask.geometry.shape} (z, y, x), the image"
            f" {image.geometry.shape};"
            " resample the mask with preprocessing.resample_mask(mask, like=image.geometry)"
        )
    if not image.geometry.matches(mask.geometry):
        moved = image.geometry.corner_distance(mask.geometry)
        raise GeometryError(
            f"mask {mask.roi!r} is not on the image grid: corners differ by {moved:.3g} mm;"
            " resample the mask with preprocessing.resample_mask(mask, like=image.geometry)"
        )
