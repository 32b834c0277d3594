"""Contact sheets: the outline lies on the mask's border, and the bytes repeat."""

import numpy as np
import pytest
import SimpleITK as sitk

from radtool.curation.previews import contact_sheet
from radtool.errors import GeometryError
from radtool.image import Geometry, Image, Mask

GRID = Geometry((20, 60, 60), (3.0, 1.0, 1.0))


def case() -> tuple[Image, Mask]:
    z, y, x = np.indices(GRID.shape)
    inside = ((z - 10) / 5) ** 2 + ((y - 30) / 12) ** 2 + ((x - 25) / 12) ** 2 < 1
    return Image(np.where(inside, 60, -40).astype(np.int16), GRID, "HU"), Mask(inside, GRID)


def red(path) -> int:
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[..., :3].astype(int)
    return int(((pixels[..., 0] > 180) & (pixels[..., 1] < 110) & (pixels[..., 2] < 110)).sum())


def test_outline_is_drawn_only_with_a_mask(tmp_path):
    image, mask = case()
    contact_sheet(image, mask).save(tmp_path / "with.png")
    contact_sheet(image).save(tmp_path / "without.png")
    assert red(tmp_path / "with.png") > 300
    assert red(tmp_path / "without.png") == 0


def test_same_case_same_bytes(tmp_path):
    assert contact_sheet(*case()).png == contact_sheet(*case()).png
    assert contact_sheet(*case(), window=(-40, 60)).png != contact_sheet(*case()).png


def test_a_single_slice_and_a_constant_image_are_shown(tmp_path):
    flat = Geometry((1, 20, 20))
    assert contact_sheet(Image(np.zeros((1, 20, 20)), flat))._repr_png_().startswith(b"\x89PNG")
    one = np.zeros((1, 20, 20), dtype=bool)
    one[0, 5, 5] = True
    contact_sheet(Image(np.zeros((1, 20, 20)), flat, "HU"), Mask(one, flat)).save(
        tmp_path / "b.png"
    )
    assert red(tmp_path / "b.png") > 0


def test_a_mask_of_another_grid_is_refused():
    image, _ = case()
    other = Mask(np.ones((2, 2, 2), dtype=bool), Geometry((2, 2, 2)))
    with pytest.raises(GeometryError, match="shape"):
        contact_sheet(image, other)
