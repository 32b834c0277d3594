"""Names, order and values of pyradiomics 3.0.1 on a synthetic volume (make_reference.py)."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from radtool.features import extract, load_params
from radtool.features.pyradiomics import column_name, extract_pyradiomics, pyradiomics_name
from radtool.image import Geometry, Image, Mask
from radtool.table import feature_columns

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))


def maker():
    spec = importlib.util.spec_from_file_location("make_reference", HERE / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = maker()


def case(name):
    array, inside = MAKER.volume()
    geometry = Geometry(array.shape, MAKER.SPACING, MAKER.ORIGIN)
    region = MAKER.one_slice(inside) if name == "slice" else inside
    return Image(array, geometry, "HU"), Mask(region, geometry)


@pytest.mark.parametrize("name", MAKER.CASES)
def test_row_is_that_of_pyradiomics(name):
    row = extract(*case(name), load_params(MAKER.CASES[name]))
    expected = REFERENCE[name]
    assert list(row.index) == [column_name(key) for key in expected]
    np.testing.assert_allclose(row.to_numpy(), list(expected.values()), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MAKER.CASES)
def test_names_are_feature_columns_and_go_back(name):
    row = extract_pyradiomics(*case(name), load_params(MAKER.CASES[name]))
    assert feature_columns(row.to_frame().T) == list(row.index)
    assert [pyradiomics_name(column) for column in row.index] == list(REFERENCE[name])


def test_padding_the_volume_changes_nothing():
    image, mask = case("default")
    params = load_params(MAKER.CASES["default"])
    wide = [(3, 1), (2, 4), (5, 2)]
    array = np.pad(image.array, wide, mode="edge")
    geometry = image.geometry.crop((-3, -2, -5), array.shape)
    padded = extract_pyradiomics(
        Image(array, geometry), Mask(np.pad(mask.array, wide), geometry), params
    )
    np.testing.assert_allclose(padded, extract_pyradiomics(image, mask, params), rtol=1e-12)


def test_turning_axes_with_the_spacing_changes_no_three_dimensional_texture():
    image, mask = case("default")
    params = load_params({"featureClass": {"glcm": None, "glszm": None, "ngtdm": None}})
    spacing = image.geometry.spacing[::-1]
    turned = Geometry(image.array.shape[::-1], spacing)
    np.testing.assert_allclose(
        extract_pyradiomics(Image(image.array.T, turned), Mask(mask.array.T, turned), params),
        extract_pyradiomics(image, mask, params),
        rtol=1e-10,
    )


def test_flat_region_has_pyradiomics_conventional_values():
    geometry = Geometry((6, 6, 6))
    inside = np.zeros((6, 6, 6), dtype=bool)
    inside[1:5, 1:5, 1:5] = True
    row = extract_pyradiomics(
        Image(np.full((6, 6, 6), 40, dtype=np.int16), geometry),
        Mask(inside, geometry),
        load_params({"setting": {}}),
    )
    # One grey level: correlation 1, no entropy, coarseness at its cap (as pyradiomics defines).
    assert row["original_glcm_Correlation"] == 1
    assert row["original_glcm_MCC"] == 1
    assert abs(row["original_firstorder_Entropy"]) < 1e-12
    assert row["original_ngtdm_Coarseness"] == 1e6
    assert row["original_glszm_ZonePercentage"] == 1 / 64
    assert row["original_firstorder_Kurtosis"] == 0
