"""pyradiomics parameter files: recognised, checked to the last key, errors that help."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError, MissingPartError, ParameterError
from radtool.features import load_params
from radtool.features.pyradiomics import (
    PyradiomicsParameters,
    PyradiomicsSettings,
    extract_pyradiomics,
    extract_with_pyradiomics,
    is_pyradiomics_file,
    parse_pyradiomics,
)
from radtool.features.pyradiomics.names import CLASSES
from radtool.features.pyradiomics.parameters import _KEYS
from radtool.image import Geometry, Image, Mask


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"settings": {}, "setting": {}}, "no section 'settings'; did you mean 'setting'"),
        ({"setting": {"binwidth": 10}}, "no key 'binwidth'; did you mean 'binWidth'"),
        ({"setting": {"binWidth": "wide"}}, "binWidth cannot be 'wide': it must be a number"),
        ({"setting": {"binWidth": 0}}, "above 0"),
        ({"setting": {"weightingNorm": "euclid"}}, "did you mean 'euclidean'"),
        ({"setting": {"force2Ddimension": 3}}, "0 to 2"),
        ({"setting": {"resampledPixelSpacing": [1, 1]}}, "must have 3 numbers"),
        ({"setting": {"normalize": 1}}, "true or false"),
        ({"imageType": {"Log": {}}}, "no image type 'Log'; did you mean 'LoG'"),
        ({"imageType": {"LoG": {"sigmas": [1]}}}, "imageType LoG has no key 'sigmas'"),
        ({"featureClass": {"glcmm": None}}, "no feature class 'glcmm'; did you mean 'glcm'"),
        ({"featureClass": {"glcm": ["contrast"]}}, "did you mean 'Contrast'"),
        ({"voxelSetting": {"kernel": 2}}, "voxelSetting has no key 'kernel'"),
    ],
)
def test_mistakes_are_named(content, words):
    with pytest.raises(ParameterError, match=words):
        parse_pyradiomics(content)


def test_every_setting_has_a_key():
    fields = {field.name for field in dataclasses.fields(PyradiomicsSettings)}
    assert {field for field, _ in _KEYS.values()} == fields


def test_empty_sections_mean_pyradiomics_defaults():
    params = parse_pyradiomics({"setting": None})
    assert params.settings == PyradiomicsSettings()
    assert list(params.image_types) == ["Original"]
    assert dict(params.features) == CLASSES


def test_image_types_override_the_general_settings():
    params = parse_pyradiomics({"setting": {"binWidth": 5}, "imageType": {"LoG": {"binWidth": 9}}})
    assert params.settings.bin_width == 5
    assert params.image_types["LoG"].bin_width == 9


def test_features_keep_the_order_of_the_file_and_silent_ones_are_accepted():
    wanted = ["Contrast", "Homogeneity1", "Autocorrelation"]
    params = parse_pyradiomics({"featureClass": {"glcm": wanted, "shape": []}})
    assert params.features["glcm"] == ("Contrast", "Autocorrelation")
    assert params.features["shape"] == CLASSES["shape"]


def test_stored_parameters_come_back():
    params = parse_pyradiomics({"setting": {"binWidth": 10}, "imageType": {"Wavelet": {}}})
    assert is_pyradiomics_file(params.to_dict())
    again = load_params(params.to_dict())
    assert again == params
    assert again.sha256 == params.sha256


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_file_is_recognised(tmp_path, suffix):
    text = {"yaml": "setting:\n  binWidth: 10\n", "json": '{"setting": {"binWidth": 10}}'}
    file = tmp_path / f"pyradiomics.{suffix}"
    file.write_text(text[suffix], encoding="utf-8")
    params = load_params(file)
    assert isinstance(params, PyradiomicsParameters)
    assert params.settings.bin_width == 10


def test_example_files_of_pyradiomics_are_read(shared):
    files = sorted((shared / "ibsi/pyradiomics_baseline/exampleSettings").glob("*.yaml"))
    assert len(files) == 8
    for file in files:
        assert isinstance(load_params(file), PyradiomicsParameters)


def scene(shape=(8, 9, 10)):
    rng = np.random.default_rng(0)
    inside = np.zeros(shape, dtype=bool)
    inside[2:6, 2:7, 3:8] = True
    geometry = Geometry(shape)
    return Image(rng.integers(-100, 100, shape).astype(np.int16), geometry), Mask(inside, geometry)


def refused(image, mask, **settings):
    return extract_pyradiomics(image, mask, parse_pyradiomics({"setting": settings}))


@pytest.mark.parametrize(
    ("inside", "settings", "words"),
    [
        (np.s_[0:0], {}, "is empty"),
        (np.s_[2:3, 2:3, 2:3], {}, "single voxel"),
        (np.s_[2:3, 2:3, 2:6], {}, "1 dimension"),
        (np.s_[2:4, 2:4, 2:4], {"minimumROISize": 8}, "minimumROISize asks for more than 8"),
        (np.s_[2:6, 2:6, 2:6], {"resegmentRange": [500, 600]}, "left by resegmentRange"),
        (np.s_[2:6, 2:6, 2:6], {"binWidth": 1e-4}, "choose a larger binWidth"),
    ],
)
def test_unusable_regions_are_refused(inside, settings, words):
    image, mask = scene()
    region = np.zeros_like(mask.array)
    region[inside] = True
    with pytest.raises(InputError, match=words):
        refused(image, mask.with_array(region), **settings)


def test_intensities_that_are_not_finite_are_refused():
    image, mask = scene()
    array = image.array.astype(np.float32)
    array[4, 4, 4] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        refused(image.with_array(array), mask)


def test_other_grid_needs_correct_mask():
    image, mask = scene()
    moved = Mask(mask.array, Geometry(mask.array.shape, origin=(0.2, 0, 0)))
    with pytest.raises(GeometryError, match=r"0\.2 mm"):
        refused(image, moved)
    corrected = refused(image, moved, correctMask=True)
    np.testing.assert_array_equal(corrected, refused(image, mask))


def test_mask_beyond_the_image_is_refused():
    image, mask = scene()
    moved = Mask(mask.array, Geometry(mask.array.shape, origin=(6.0, 0, 0)))
    for settings in ({"correctMask": True}, {"resampledPixelSpacing": [2, 2, 2]}):
        with pytest.raises(GeometryError, match="outside the image"):
            refused(image, moved, **settings)


def test_missing_pyradiomics_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "radiomics.featureextractor", None)
    with pytest.raises(MissingPartError, match="--no-build-isolation pyradiomics==3.0.1"):
        extract_with_pyradiomics(*scene(), parse_pyradiomics({"setting": {}}))
