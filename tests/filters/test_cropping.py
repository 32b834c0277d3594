"""A crop to the region plus a filter's support changes no response inside the region."""

from __future__ import annotations

import numpy as np
import pytest

from radtool.errors import InputError
from radtool.filters import FILTERS, apply_filter, crop_to_support, parse_filter
from radtool.image import Geometry, Image, Mask

SPACING = (1.5, 1.0, 0.8)
EXACT = [
    ("mean", {"size_voxels": 5}),
    ("mean", {"size_voxels": 5, "dimensions": 2, "boundary": "zero"}),
    ("log", {"sigma_mm": 1.3}),
    ("log", {"sigma_mm": 1.3, "dimensions": 2, "boundary": "nearest"}),
    ("laws", {"kernels": "E5L5S3", "rotation_invariance": True, "energy_distance_voxels": 2}),
    ("laws", {"kernels": "E5W5"}),
    ("gabor", {"sigma_mm": 1.0, "wavelength_mm": 2.0, "theta_deg": 30}),
    (
        "gabor",
        {
            "sigma_mm": 1.0,
            "wavelength_mm": 2.0,
            "gamma": 1.5,
            "rotation_step_deg": 45,
            "orthogonal_planes": True,
        },
    ),
    ("wavelet", {"wavelet": "db3", "band": "LLH", "rotation_invariance": True}),
    ("wavelet", {"wavelet": "coif1", "band": "HL", "level": 2, "boundary": "periodic"}),
    ("gradient", {}),
    ("lbp_2d", {"radius_voxels": 2, "samples": 12}),
    ("square", {"peak": 900.0}),
]
WHOLE = [
    ("simoncelli", {}),
    ("riesz", {"order": [1, 0, 0]}),
    ("square", {}),
    ("log_recursive", {"sigma_mm": 2.0}),
    ("wavelet_stationary", {"band": "LLH"}),
]


def scene(centre):
    rng = np.random.default_rng(0)
    array = rng.normal(0, 200, (44, 60, 64)).round()
    z, y, x = np.indices(array.shape)
    inside = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 20
    geometry = Geometry(array.shape, SPACING)
    return Image(array, geometry, "HU"), Mask(inside, geometry)


@pytest.mark.parametrize("centre", [(22, 30, 32), (3, 5, 60)], ids=["inside", "at the edge"])
@pytest.mark.parametrize(("name", "settings"), EXACT)
def test_crop_gives_the_uncropped_response(name, settings, centre):
    image, mask = scene(centre)
    made = parse_filter(name, settings)
    small, small_mask = crop_to_support(image, mask, [made])
    whole = apply_filter(image, made).array[mask.array]
    cropped = apply_filter(small, made).array[small_mask.array]
    # Summation order differs with FFT length and running sums: rounding only.
    np.testing.assert_allclose(cropped, whole, rtol=0, atol=1e-10 * np.abs(whole).max())


def test_crop_of_a_narrow_filter_is_small():
    image, mask = scene((22, 30, 32))
    small, small_mask = crop_to_support(image, mask, [parse_filter("mean", {"size_voxels": 3})])
    assert small.array.shape == (11, 11, 11)
    assert small_mask.array.sum() == mask.array.sum()
    np.testing.assert_allclose(
        small.geometry.to_patient((1, 1, 1)), image.geometry.to_patient((18, 26, 28))
    )


@pytest.mark.parametrize(("name", "settings"), WHOLE)
def test_filters_without_finite_support_keep_the_image(name, settings):
    image, mask = scene((22, 30, 32))
    assert crop_to_support(image, mask, [parse_filter(name, settings)])[0] is image


def test_periodic_boundary_within_reach_keeps_the_image():
    image, mask = scene((3, 5, 60))
    settings = parse_filter("mean", {"size_voxels": 5, "boundary": "periodic"})
    assert crop_to_support(image, mask, [settings])[0] is image


def test_empty_mask_is_refused():
    image, mask = scene((22, 30, 32))
    with pytest.raises(InputError, match="mask 'roi' is empty"):
        crop_to_support(image, mask.with_array(np.zeros_like(mask.array)))


def test_every_filter_is_tested_for_its_crop():
    # lbp_3d is compared with pyradiomics itself in test_pyradiomics_filters.py.
    assert {name for name, _ in EXACT + WHOLE} | {"exponential", "logarithm", "squareroot"} == {
        *FILTERS
    } - {"lbp_3d"}
