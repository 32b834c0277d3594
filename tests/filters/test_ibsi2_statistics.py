"""IBSI 2, phase 2: 323 statistics of filtered images of the CT phantom, by IBSI's rule.

Resampling and the 18 statistics are computed here, independently of the feature engine: the test
is about the filters.
"""

from __future__ import annotations

import math

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from radtool.filters import apply_filter, crop_to_support, parse_filter
from radtool.image import Geometry, Image, Mask

WAVELET = {"wavelet": "db3", "rotation_invariance": True, "pooling": "average"}
LAWS = {"rotation_invariance": True, "pooling": "max", "energy_distance_voxels": 7}
GABOR = {"sigma_mm": 5, "wavelength_mm": 2, "gamma": 1.5, "rotation_step_deg": 22.5}
FILTERS = {
    "2.A": ("mean", {"size_voxels": 5, "dimensions": 2}),
    "2.B": ("mean", {"size_voxels": 5}),
    "3.A": ("log", {"sigma_mm": 1.5, "dimensions": 2}),
    "3.B": ("log", {"sigma_mm": 1.5}),
    "4.A": ("laws", {"kernels": "L5E5", **LAWS}),
    "4.B": ("laws", {"kernels": "L5E5E5", **LAWS}),
    "5.A": ("gabor", GABOR),
    "5.B": ("gabor", {**GABOR, "orthogonal_planes": True}),
    "6.A": ("wavelet", {"band": "LH", **WAVELET}),
    "6.B": ("wavelet", {"band": "LLH", **WAVELET}),
    "7.A": ("wavelet", {"band": "HH", "level": 2, **WAVELET}),
    "7.B": ("wavelet", {"band": "HHH", "level": 2, **WAVELET}),
    "8.A": ("simoncelli", {"level": 1, "dimensions": 2}),
    "8.B": ("simoncelli", {"level": 1}),
    "9.A": ("simoncelli", {"level": 2, "dimensions": 2}),
    "9.B": ("simoncelli", {"level": 2}),
}
TESTS = ["1.A", "1.B", *FILTERS]


def statistics(x):
    mean, median = x.mean(), np.median(x)
    p10, p25, p75, p90 = np.percentile(x, [10, 25, 75, 90])
    central = x - mean
    variance = np.mean(central**2)
    middle = x[(x >= p10) & (x <= p90)]
    return {
        "stat_mean": mean,
        "stat_var": variance,
        "stat_skew": np.mean(central**3) / variance**1.5,
        "stat_kurt": np.mean(central**4) / variance**2 - 3,
        "stat_median": median,
        "stat_min": x.min(),
        "stat_p10": p10,
        "stat_p90": p90,
        "stat_max": x.max(),
        "stat_iqr": p75 - p25,
        "stat_range": np.ptp(x),
        "stat_mad": np.mean(np.abs(central)),
        "stat_rmad": np.mean(np.abs(middle - middle.mean())),
        "stat_medad": np.mean(np.abs(x - median)),
        "stat_cov": math.sqrt(variance) / mean,
        "stat_qcod": (p75 - p25) / (p75 + p25),
        "stat_energy": np.sum(x**2),
        "stat_rms": math.sqrt(np.mean(x**2)),
    }


@pytest.fixture(scope="module")
def configurations(shared):
    folder = shared / "ibsi/data/ibsi_1_ct_radiomics_phantom/nifti"
    volume = nibabel.load(folder / "image/phantom.nii.gz")
    inside = np.asarray(nibabel.load(folder / "mask/mask.nii.gz").dataobj).T > 0
    array = np.round(np.asarray(volume.dataobj).astype(np.float64).T)
    spacing = tuple(float(step) for step in volume.header.get_zooms()[::-1])
    return {
        "A": restricted(array, inside, Geometry(array.shape, spacing)),
        "B": restricted(*at_one_mm(array, inside, spacing)),
    }


def at_one_mm(array, inside, spacing):
    """Tricubic spline and linear mask on a 1 mm grid with the same centre (IBSI)."""
    shape = tuple(math.ceil(round(n * s, 6)) for n, s in zip(array.shape, spacing, strict=True))
    axes = [
        (n - 1 - (new - 1) / s) / 2 + np.arange(new) / s
        for n, new, s in zip(array.shape, shape, spacing, strict=True)
    ]
    grid = np.meshgrid(*axes, indexing="ij", sparse=False)
    resampled = ndimage.map_coordinates(array, grid, order=3, mode="nearest")
    covered = ndimage.map_coordinates(inside.astype(np.float32), grid, order=1, mode="nearest")
    return np.round(resampled), np.round(covered, 6) >= 0.5, Geometry(shape)


def restricted(array, inside, geometry):
    inside = inside & (array >= -1000) & (array <= 400)
    return Image(array, geometry, "HU"), Mask(inside, geometry)


@pytest.fixture(scope="module")
def references(shared):
    table = pd.read_csv(shared / "ibsi/ibsi2_phase2_reference.csv")
    return table[table["value"].notna() & (table["family"] == "statistics")]


def test_every_reference_is_tested(references):
    assert len(references) == 323
    assert sorted(references["test_id"].unique()) == sorted(TESTS)


@pytest.mark.parametrize("test_id", TESTS)
def test_statistics_are_within_tolerance(test_id, configurations, references):
    image, mask = configurations[test_id[-1]]
    if test_id in FILTERS:
        settings = parse_filter(*FILTERS[test_id])
        image, mask = crop_to_support(image, mask, [settings])
        image = apply_filter(image, settings)
    found = statistics(image.array[mask.array].astype(np.float64))
    wrong = []
    for row in references[references["test_id"] == test_id].itertuples():
        value = float(f"{found[row.feature_tag]:.3g}")
        # Decimal tolerances are no binary numbers: a billionth is for that alone.
        if not abs(value - row.value) <= row.tolerance + 1e-9 * abs(row.value):
            wrong.append((row.feature_name, value, row.value, row.tolerance))
    assert not wrong
