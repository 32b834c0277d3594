"""Contact sheets: the outline lies on the mask's border, and the bytes repeat."""

import numpy as np
import SimpleITK as sitk

from radtool.curation.previews import write_preview
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
    write_preview(image, mask, tmp_path / "with.png")
    write_preview(image, None, tmp_path / "without.png")
    assert red(tmp_path / "with.png") > 300
    assert red(tmp_path / "without.png") == 0


def test_same_case_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_preview(*case(), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_single_slice_and_a_constant_image_are_shown(tmp_path):
    flat = Geometry((1, 20, 20))
    write_preview(Image(np.zeros((1, 20, 20)), flat), None, tmp_path / "a.png")
    one = np.zeros((1, 20, 20), dtype=bool)
    one[0, 5, 5] = True
    write_preview(Image(np.zeros((1, 20, 20)), flat, "HU"), Mask(one, flat), tmp_path / "b.png")
    assert red(tmp_path / "b.png") > 0
