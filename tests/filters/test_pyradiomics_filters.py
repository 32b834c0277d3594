"""pyradiomics' own filters against ITK, PyWavelets and arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
import SimpleITK as sitk

from radtool.errors import InputError, ParameterError
from radtool.filters import FILTERS, apply_filter, parse_filter
from radtool.filters.local_binary import icosphere
from radtool.image import Geometry, Image

SPACING = (2.5, 0.9, 1.1)
KINDS = [np.int16, np.float32, np.float64]


def noise(kind, shape=(11, 14, 70)):
    array = (np.random.default_rng(0).normal(size=shape) * 300).astype(kind)
    return Image(array, Geometry(array.shape, SPACING))


def volume(image):
    made = sitk.GetImageFromArray(image.array)
    made.SetSpacing(SPACING[::-1])
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sigma", [1.0, 2.7, 5])
def test_recursive_laplacian_is_that_of_itk_to_the_bit(kind, sigma):
    image = noise(kind)
    mine = apply_filter(image, parse_filter("log_recursive", {"sigma_mm": sigma})).array
    theirs = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(volume(image), sigma, True))
    # A unit in the last place here and there: sums and products may be fused on other processors.
    np.testing.assert_allclose(mine, theirs, rtol=2e-7, atol=2e-6 * np.abs(theirs).max())
    assert np.mean(mine == theirs) > 0.99


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("per_mm", [True, False])
def test_gradient_is_that_of_itk(kind, per_mm):
    image = noise(kind)
    mine = apply_filter(image, parse_filter("gradient", {"per_mm": per_mm})).array
    theirs = sitk.GetArrayFromImage(sitk.GradientMagnitude(volume(image), per_mm))
    np.testing.assert_allclose(mine, theirs, rtol=2e-7)


@pytest.mark.parametrize("band", ["LLH", "HHH", "LLL"])
def test_stationary_wavelet_is_that_of_pywavelets(band):
    image = noise(np.float64)
    mine = apply_filter(image, parse_filter("wavelet_stationary", {"band": band})).array
    padded = np.pad(image.array, [(0, size % 2) for size in image.array.shape], mode="wrap")
    key = band.replace("L", "a").replace("H", "d")
    theirs = pywt.swtn(padded, "coif1", 1, axes=(2, 1, 0))[0][key]
    np.testing.assert_allclose(mine, theirs[: mine.shape[0], : mine.shape[1], : mine.shape[2]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # x = -100, 0, 25 in an image whose largest absolute intensity is 100:
        # x² / 100; ±sqrt(100 |x|); ±100 log(|x| + 1) / log 101; exp(x log 100 / 100).
        ("square", [100, 0, 6.25]),
        ("squareroot", [-100, 0, 50]),
        ("logarithm", [-100, 0, 100 * np.log(26) / np.log(101)]),
        ("exponential", [0.01, 1, 100**0.25]),
    ],
)
def test_pointwise_values_by_hand(name, expected):
    array = np.array([-100.0, 0, 25]).reshape(1, 1, 3)
    response = apply_filter(Image(array, Geometry((1, 1, 3))), parse_filter(name)).array
    np.testing.assert_allclose(response.ravel(), expected, rtol=1e-12, atol=1e-12)


def test_local_binary_pattern_of_a_flat_slice_is_all_ones():
    image = Image(np.full((3, 8, 8), 7, dtype=np.int16), Geometry((3, 8, 8)))
    codes = apply_filter(image, parse_filter("lbp_2d"))
    # uniform, 8 samples: a pattern of 8 ones has code 8; beyond the slice there is 0.
    assert set(np.unique(codes.array[:, 1:-1, 1:-1])) == {8}
    assert codes.array.dtype == np.int16


def test_three_dimensional_pattern_does_not_depend_on_orientation():
    array = np.random.default_rng(1).normal(size=(24, 24, 24))
    settings = parse_filter("lbp_3d", {"output": 0})
    here = apply_filter(Image(array, Geometry(array.shape)), settings).array
    turned = np.ascontiguousarray(array[::-1, ::-1])
    there = apply_filter(Image(turned, Geometry(array.shape)), settings).array
    np.testing.assert_allclose(there, here[::-1, ::-1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("subdivision", "corners"), [(0, 12), (1, 42), (2, 162)])
def test_icosphere_has_its_corners_on_the_sphere(subdivision, corners):
    points = icosphere(subdivision)
    assert points.shape == (corners, 3)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    np.testing.assert_allclose(points.mean(0), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("lgo", {}, "no filter 'lgo'; did you mean 'log'"),
        ("log", {"sigma": 3}, "no key 'sigma'; did you mean 'sigma_mm'"),
        ("log", {}, "needs the key 'sigma_mm'"),
        ("log", {"sigma_mm": -1}, "sigma_mm must be a number above 0, got -1"),
        ("mean", {"size_voxels": 4}, "must be odd"),
        ("mean", {"size_voxels": 3, "boundary": "reflect"}, "boundary cannot be 'reflect'"),
        ("laws", {"kernels": "L5X5"}, "no kernel 'X5'"),
        ("laws", {"kernels": "L5"}, "two .2D. or three .3D. kernel names"),
        ("gabor", {"sigma_mm": 1, "wavelength_mm": 2, "rotation_step_deg": 50}, "divide 360"),
        ("wavelet", {"wavelet": "db99", "band": "LLH"}, "no wavelet 'db99'"),
        ("wavelet", {"wavelet": "db3", "band": "LXH"}, "letters L or H"),
        ("riesz", {"order": [0, 0, 0]}, "not all 0"),
        ("riesz", {"order": [1, 0, 0], "base": "log"}, "sigma_mm must be a number above 0"),
        ("lbp_3d", {"output": 3}, "output cannot be 3"),
    ],
)
def test_wrong_settings_are_named(name, settings, words):
    with pytest.raises(ParameterError, match=words):
        parse_filter(name, settings)


def test_intensities_that_are_not_finite_are_refused():
    array = np.zeros((5, 5, 5))
    array[1, 1, 1] = np.inf
    with pytest.raises(InputError, match="1 voxel.s. of the image are NaN or infinite"):
        apply_filter(Image(array, Geometry((5, 5, 5))), parse_filter("mean", {"size_voxels": 3}))


def test_too_small_for_the_recursive_laplacian():
    image = Image(np.zeros((3, 8, 8)), Geometry((3, 8, 8)))
    with pytest.raises(InputError, match="4 voxels along every axis"):
        apply_filter(image, parse_filter("log_recursive", {"sigma_mm": 1}))


def test_identifiers_are_distinct_identifiers():
    made = [
        parse_filter("mean", {"size_voxels": 5}),
        parse_filter("mean", {"size_voxels": 5, "dimensions": 2}),
        parse_filter("log", {"sigma_mm": 1.5}),
        parse_filter("wavelet", {"wavelet": "bior2.2", "band": "LLH", "level": 2}),
        parse_filter("gabor", {"sigma_mm": 5, "wavelength_mm": 2, "theta_deg": -112.5}),
        parse_filter("riesz", {"order": [0, 2, 0]}),
        *(parse_filter(name) for name in ("square", "simoncelli", "lbp_2d", "lbp_3d")),
    ]
    names = [settings.identifier for settings in made]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name == name.lower() for name in names)
    assert names[3] == "wavelet_bior2_2_llh_level_2"
    assert set(FILTERS) >= {settings.kind for settings in made}
