"""One cohort with everything that goes wrong in practice: a row or a named failure each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radtool.errors import InputError
from radtool.features import extract_cohort, load_params, measure
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image

GRID = Geometry((8, 12, 12), (10.0, 1.0, 1.0))
IBSI = load_params(
    {"discretise": [{"method": "fixed_bin_number", "bin_number": 8}], "minimum_voxels": 1}
)
PYRADIOMICS = load_params(
    {
        "setting": {"binWidth": 25},
        "imageType": {"Original": {}, "LoG": {"sigma": [2.0]}, "Wavelet": {}},
    }
)


def noise() -> np.ndarray:
    return np.round(np.random.default_rng(0).normal(0, 60, GRID.shape)).astype(np.float32)


def block(*size: int) -> np.ndarray:
    inside = np.zeros(GRID.shape, dtype=np.uint8)
    inside[tuple(slice(2, 2 + length) for length in size)] = 1
    return inside


def bad(name: str) -> tuple[np.ndarray, np.ndarray, Geometry]:
    """Image, mask and the mask's grid of one kind of trouble."""
    image, mask, grid = noise(), block(4, 6, 6), GRID
    spoilt = {"nan": np.nan, "infinite": np.inf}
    moved = {"outside": 500.0, "half a voxel away": 0.5}
    small = {"empty": (0, 0, 0), "one voxel": (1, 1, 1), "two voxels": (1, 1, 2)}
    if name in spoilt:
        image[3, 3, 3] = spoilt[name]
    elif name == "rescaled nonsense":
        image = image * np.float32(1e20)
    elif name == "flat":
        image[:] = 7.0
    elif name == "an image as mask":
        mask = noise() + 0.5
    elif name in moved:
        grid = Geometry(GRID.shape, GRID.spacing, (moved[name], 0.0, 0.0))
    elif name == "another size":
        mask, grid = np.ones((4, 6, 6), np.uint8), Geometry((4, 6, 6), (9.0, 1.1, 1.0))
    elif name in small or name == "one slice":
        mask = block(*small.get(name, (1, 5, 5)))
    return image, mask, grid


WORDS = {
    "nan": "NaN",
    "infinite": "inf",
    "rescaled nonsense": "rescale slope",
    "empty": "empty",
    "an image as mask": "looks like an image, not a mask",
    "outside": "144 of 144 voxels lie outside the image",
    "half a voxel away": "mm",
    "another size": "mm",
}
KINDS = ["good", "flat", "one voxel", "two voxels", "one slice", *WORDS]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder: Path = tmp_path_factory.mktemp("bad")
    rows = []
    for kind in KINDS:
        image, mask, grid = bad(kind)
        paths = {key: str(folder / f"{kind} {key}.nii") for key in ("image", "mask")}
        write_image(Image(image, GRID), paths["image"])
        write_image(Image(mask, grid), paths["mask"])
        rows.append({"case_id": kind, "patient_id": kind, **paths})
    return pd.DataFrame(rows)


def test_every_case_is_a_row_with_the_reason_of_its_gaps_or_a_failure_with_its_own(
    manifest: pd.DataFrame,
) -> None:
    result = extract_cohort(manifest, IBSI)
    reasons = {failure.case_id: failure.reason for failure in result.failures}
    assert set(reasons) == set(WORDS)
    for kind, words in WORDS.items():
        assert words in reasons[kind], f"{kind}: {reasons[kind]}"
    rows = result.table.set_index("case_id")
    assert rows.loc["good", "diagnostics_undefined"] == ""
    for kind, words in {
        "flat": "all intensities are 7",
        "one voxel": "a single voxel",
        "one slice": "one voxel thin",
        "two voxels": "one voxel thin",
    }.items():
        assert words in rows.loc[kind, "diagnostics_undefined"]
        assert rows.loc[kind].isna().any()


def test_the_pyradiomics_convention_names_them_too(manifest: pd.DataFrame) -> None:
    result = extract_cohort(manifest, PYRADIOMICS)
    reasons = {failure.case_id: failure.reason for failure in result.failures}
    assert set(WORDS) - {"rescaled nonsense"} <= set(reasons)
    assert "single voxel" in reasons["one voxel"]
    assert {"good", "flat", "one slice"} <= set(result.table["case_id"])


@given(st.integers(0, 2**27 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_tiny_region_is_more_than_a_radtool_error(bits: int, flat: bool) -> None:
    inside = np.zeros((5, 5, 5), dtype=bool)
    inside[1:4, 1:4, 1:4] = np.array([bits >> k & 1 for k in range(27)], bool).reshape(3, 3, 3)
    grid = Geometry(inside.shape, (10.0, 1.0, 1.0))
    array = np.full(inside.shape, 5.0) if flat else np.arange(125.0).reshape(inside.shape) % 17
    for params in (IBSI, PYRADIOMICS):
        try:
            found = measure(Image(array, grid), Mask(inside, grid), params)
        except InputError:
            continue
        assert bool(found.features.isna().any()) == bool(found.diagnostics["undefined"])
