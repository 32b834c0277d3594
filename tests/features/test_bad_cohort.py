"""One cohort with everything that goes wrong in practice: a row or a named failure each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from radtool.cli import app
from radtool.errors import InputError
from radtool.features import extract_cohort, load_params, measure
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image

GRID = Geometry((8, 12, 12), (10.0, 1.0, 1.0))
CONVENTIONS = {
    "ibsi": "discretise: [{method: fixed_bin_number, bin_number: 8}]\nminimum_voxels: 1\n",
    "pyradiomics": (
        "setting: {binWidth: 25}\nimageType: {Original: {}, LoG: {sigma: [2.0]}, Wavelet: {}}\n"
    ),
}
each_convention = pytest.mark.parametrize("convention", CONVENTIONS)

# What happens to a kind of trouble: the words of its failure, or of its row's diagnostics ("row:").
KINDS = {
    "good": ("row:", "row:"),
    "a NaN": ("1 of 144 voxel(s) in mask 'roi' are NaN", "1 of 144 voxel(s) of the region are NaN"),
    "infinite": ("1 of 144 voxel(s)", "image original: 1 of 144 voxel(s)"),
    "a NaN far away": ("row:", "image log-sigma-2-0-mm-3D: 144 of 144 voxel(s)"),
    "rescaled nonsense": ("rescale slope", "rescale slope"),
    "enormous whole numbers": ("rescale slope", "rescale slope"),
    "large": ("[volume_histogram] steps of 1 from", "make more than 100000 grey levels"),
    "minute": ("row:all intensities lie between", "row:"),
    "empty": (
        "mempty.nii: the mask is empty, every voxel is 0",
        "label 1 is not present; found no",
    ),
    "an image as mask": ("looks like an image, not a mask", "this looks like an image, not a mask"),
    "outside": ("144 of 144 voxels lie outside the image, by up to 496.0 mm",) * 2,
    "half a voxel away": ("up to 0.50 mm (0.50 voxel) apart",) * 2,
    "another size": ("mm (z, y, x), voxel centres up to",) * 2,
    "flat": ("row:all intensities are 7", "row:"),
    "one voxel": ("row:a single voxel", "is a single voxel; features need more"),
    "two voxels": ("row:one voxel thin", "has 1 dimension(s), minimumROIDimensions asks for 2"),
    "two far voxels": ("row:a denominator is 0", "row:a denominator is 0"),
    "a line": ("row:one voxel thin", "has 1 dimension(s)"),
    "one slice": ("row:one voxel thin", "row:"),
    "an image of one slice": ("row:one voxel thin", "row:log-sigma-2-0-mm-3D left out: the image"),
    "all of the image": ("row:", "row:"),
    "its border": ("row:", "row:"),
    "a checkerboard": ("row:", "row:"),
    "voxels of a micrometre": ("row:", "row:log-sigma-2-0-mm-3D left out: the image"),
    "voxels of a metre": ("row:", "image log-sigma-2-0-mm-3D: a Gaussian of 0.0002 voxels"),
}


def noise() -> np.ndarray:
    return np.round(np.random.default_rng(0).normal(0, 60, GRID.shape)).astype(np.float32)


def spoilt(kind: str) -> np.ndarray:
    image = noise()
    places = {"a NaN": (3, 3, 3), "infinite": (3, 3, 3), "a NaN far away": (7, 11, 11)}
    scales = {"rescaled nonsense": 1e20, "large": 1e7, "minute": 1e-12}
    if kind in places:
        image[places[kind]] = np.inf if kind == "infinite" else np.nan
    elif kind in scales:
        image = image * np.float32(scales[kind])
    elif kind == "enormous whole numbers":
        image = (image > 0).astype(np.uint64) + np.uint64(2**63)
    elif kind == "flat":
        image[:] = 7.0
    elif kind == "an image of one slice":
        image = image[3:4]
    return image


def drawn(kind: str) -> np.ndarray:
    inside = np.zeros(GRID.shape, dtype=np.uint8)
    sizes = {
        "empty": (0, 0, 0), "one voxel": (1, 1, 1), "two voxels": (1, 1, 2), "a line": (1, 1, 7),
        "one slice": (1, 5, 5), "all of the image": (8, 12, 12),
    }  # fmt: skip
    first = 0 if kind == "all of the image" else 2
    inside[tuple(slice(first, first + length) for length in sizes.get(kind, (4, 6, 6)))] = 1
    if kind == "two far voxels":
        inside[:] = 0
        inside[1, 1, 1] = inside[6, 9, 9] = 1
    elif kind == "its border":
        inside[:] = 1
        inside[1:-1, 1:-1, 1:-1] = 0
    elif kind == "a checkerboard":
        inside[:] = np.indices(GRID.shape).sum(0) % 2
    elif kind == "an image of one slice":
        inside = inside[3:4]
    return inside


def bad(kind: str) -> tuple[Image, Image]:
    """Image and mask of one kind of trouble."""
    image, mask = spoilt(kind), drawn(kind)
    scale = {"voxels of a micrometre": 1e-3, "voxels of a metre": 1e3}.get(kind, 1.0)
    spacing = tuple(scale * size for size in GRID.spacing)
    origin = {"outside": (500.0, 0.0, 0.0), "half a voxel away": (0.5, 0.0, 0.0)}
    if kind == "an image as mask":
        return Image(image, GRID), Image(noise() + 0.5, GRID)
    if kind == "another size":
        small = Geometry((4, 6, 6), (9.0, 1.1, 1.0))
        return Image(image, GRID), Image(np.ones(small.shape, np.uint8), small)
    there = origin.get(kind, (0.0, 0.0, 0.0))
    return (
        Image(image, Geometry(image.shape, spacing)),
        Image(mask, Geometry(mask.shape, spacing, there)),
    )


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder: Path = tmp_path_factory.mktemp("bad")
    rows = []
    for kind in KINDS:
        paths = {key: str(folder / f"{key[0]}{kind}.nii") for key in ("image", "mask")}
        for part, path in zip(bad(kind), paths.values(), strict=True):
            write_image(part, path)
        rows.append({"case_id": kind, "patient_id": kind, **paths})
    return pd.DataFrame(rows)


def params_of(convention: str, folder: Path) -> Path:
    path = folder / f"{convention}.yaml"
    path.write_text(CONVENTIONS[convention])
    return path


@each_convention
def test_every_case_is_a_row_with_the_reason_of_its_gaps_or_a_failure_with_its_own(
    manifest: pd.DataFrame, convention: str, tmp_path: Path
) -> None:
    result = extract_cohort(manifest, load_params(params_of(convention, tmp_path)))
    reasons = {failure.case_id: failure.reason for failure in result.failures}
    rows = result.table.set_index("case_id")
    assert list(rows.index) + list(reasons) == sorted(KINDS, key=[*rows.index, *reasons].index)
    for kind, said in KINDS.items():
        words = said[list(CONVENTIONS).index(convention)]
        if words.startswith("row:"):
            assert kind in rows.index, f"{kind}: {reasons[kind]}"
            why = rows.loc[kind, "diagnostics_undefined"]
            assert words[4:] in why
            assert bool(rows.loc[kind].isna().any()) == bool(why), kind
            assert (why == "") == (words == "row:"), f"{kind}: {why}"
        else:
            assert kind in reasons, kind
            assert words in reasons[kind], f"{kind}: {reasons[kind]}"


@each_convention
def test_the_command_names_the_same_failures_and_exits_with_1(
    manifest: pd.DataFrame, convention: str, tmp_path: Path
) -> None:
    manifest.to_csv(tmp_path / "manifest.csv", index=False)
    files = {
        "manifest": tmp_path / "manifest.csv",
        "params": params_of(convention, tmp_path),
        "out": tmp_path / "f.csv",
    }
    arguments = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    done = CliRunner().invoke(app, ["extract", "--jobs", "1", *arguments])
    assert done.exit_code == 1, done.exception
    named = pd.read_csv(tmp_path / "failures.csv").set_index("case_id")["reason"]
    column = list(CONVENTIONS).index(convention)
    failing = [kind for kind, said in KINDS.items() if not said[column].startswith("row:")]
    assert sorted(named.index) == sorted(failing)
    for kind in failing:
        assert KINDS[kind][column] in named[kind]


def test_resampling_what_cannot_be_is_refused_before_it_is_tried(manifest: pd.DataFrame) -> None:
    cases = manifest.set_index("case_id", drop=False)
    large, small = (cases.loc[["good", f"voxels of a {unit}"]] for unit in ("metre", "micrometre"))
    fine = {"resample": {"spacing_mm": [1, 1, 1]}, "families": ["stat"], "minimum_voxels": 1}
    failure = extract_cohort(large, load_params(fine)).failures[0]
    assert "makes" in failure.reason
    assert "check the spacing in the file" in failure.reason
    settings_ = {"resampledPixelSpacing": [1, 1, 1]}
    params = load_params({"setting": settings_, "featureClass": {"firstorder": None}})
    for rows, words in (
        (large, "mask 'roi' is 40000 x 6000 x 6000 mm (z, y, x) large: more than 5e+08"),
        (small, "the image is 0.08 x 0.012 x 0.012 mm (z, y, x), smaller than one voxel"),
    ):
        assert words in extract_cohort(rows, params).failures[0].reason


@pytest.mark.parametrize("width", [1e-6, 0.005])
def test_bins_far_too_narrow_are_refused_in_the_pyradiomics_convention(width: float) -> None:
    grid = Geometry((20, 20, 20))
    array = np.random.default_rng(0).normal(0, 60, grid.shape)
    params = load_params({"setting": {"binWidth": width}, "featureClass": {"glcm": None}})
    with pytest.raises(InputError, match="grey levels.*choose a larger binWidth"):
        measure(Image(array, grid), Mask(np.ones(grid.shape, bool), grid), params)


@given(st.integers(0, 2**27 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_tiny_region_is_more_than_a_radtool_error(bits: int, flat: bool) -> None:
    inside = np.zeros((5, 5, 5), dtype=bool)
    inside[1:4, 1:4, 1:4] = np.array([bits >> k & 1 for k in range(27)], bool).reshape(3, 3, 3)
    grid = Geometry(inside.shape, (10.0, 1.0, 1.0))
    array = np.full(inside.shape, 5.0) if flat else np.arange(125.0).reshape(inside.shape) % 17
    for convention in (
        {"discretise": [{"method": "fixed_bin_number", "bin_number": 8}], "minimum_voxels": 1},
        {"setting": {"binWidth": 25}, "imageType": {"Original": {}, "Wavelet": {}}},
    ):
        try:
            found = measure(Image(array, grid), Mask(inside, grid), load_params(convention))
        except InputError:
            continue
        assert bool(found.features.isna().any()) == bool(found.diagnostics["undefined"])
