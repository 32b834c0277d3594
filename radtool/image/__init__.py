"""Where voxels lie and what they hold: Geometry, Image, Mask."""

from radtool.image.geometry import Geometry
from radtool.image.volume import Image, Mask, check_same_grid

__all__ = ["Geometry", "Image", "Mask", "check_same_grid"]
