"""Files that are not the mask one asked for."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import InputError
from radtool.image import Geometry, Image
from radtool.io import read_image, read_mask, write_image

GRID = Geometry((30, 40, 50), (3.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.arange(60000).reshape(GRID.shape) % 3000 - 1000, "negative values, down to -1000"),
        (np.random.default_rng(0).integers(0, 3000, GRID.shape), "different values"),
        (np.linspace(0, 1, 60000, dtype=np.float32).reshape(GRID.shape), "fractions"),
    ],
    ids=["HU", "counts", "probabilities"],
)
def test_an_image_is_no_mask_though_it_holds_the_label(tmp_path, values, words):
    kind = np.float32 if values.dtype == np.float32 else np.int16
    write_image(Image(values.astype(kind), GRID), tmp_path / "ct.nii.gz")
    with pytest.raises(InputError, match=f"ct.nii.gz: .*{words}.*looks like an image, not a mask"):
        read_mask(tmp_path / "ct.nii.gz", label=1)


def test_an_atlas_of_many_labels_is_a_mask(tmp_path):
    atlas = np.zeros(GRID.shape, np.int32)
    atlas[5:25] = np.repeat(np.arange(1, 401), 100).reshape(20, 40, 50)
    atlas[0] = 120000
    write_image(Image(atlas, GRID), tmp_path / "atlas.nii.gz")
    assert read_mask(tmp_path / "atlas.nii.gz", label=117).array.sum() == 100
    assert read_mask(tmp_path / "atlas.nii.gz", label=120000).array.sum() == 2000


@pytest.mark.parametrize("unit", ["cm", "um", "mm"])
def test_sizes_in_another_unit_are_refused(tmp_path, unit):
    path = tmp_path / "ct.nrrd"
    write_image(Image(np.zeros(GRID.shape, np.int16), GRID), path)
    head, voxels = path.read_bytes().split(b"\n\n", 1)
    units = f'\nspace units: "{unit}" "{unit}" "{unit}"'.encode()
    path.write_bytes(head + units + b"\n\n" + voxels)
    if unit == "mm":
        assert read_image(path).geometry.spacing == GRID.spacing
    else:
        with pytest.raises(InputError, match=f"ct.nrrd: its sizes are in {unit}, not mm"):
            read_image(path)
