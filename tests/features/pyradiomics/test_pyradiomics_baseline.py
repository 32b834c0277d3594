"""pyradiomics' own baseline: 1,995 values of brain1, breast1 and their variants."""

from __future__ import annotations

import ast

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radtool.features.pyradiomics import column_name, extract_pyradiomics, parse_pyradiomics
from radtool.features.pyradiomics.parameters import _KEYS
from radtool.image import Geometry, Image, Mask

CLASSES = ["firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape", "shape2D"]
MESH = {
    "MeshVolume", "SurfaceArea", "SurfaceVolumeRatio", "Sphericity", "Compactness1",
    "Compactness2", "SphericalDisproportion", "MeshSurface", "Perimeter", "PerimeterSurfaceRatio",
}  # fmt: skip
IMAGES = {
    "brain1": ("brain1_image", "brain1_label"),
    "breast1": ("breast1_image", "breast1_label"),
    "prostate_phantom": ("prostate_phantom_subvolume", "prostate_phantom_subvolume-label"),
}


def geometry_of(volume):
    return Geometry(
        volume.GetSize()[::-1], volume.GetSpacing()[::-1], volume.GetOrigin(), volume.GetDirection()
    )


def case_of(folder, name, label):
    image_name, mask_name = IMAGES[next(key for key in IMAGES if name.startswith(key))]
    image = sitk.ReadImage(str(folder / f"{image_name}.nrrd"))
    mask = sitk.ReadImage(str(folder / f"{mask_name}.nrrd"))
    inside = sitk.GetArrayFromImage(mask) == label
    return (
        Image(sitk.GetArrayFromImage(image), geometry_of(image)),
        Mask(inside, geometry_of(mask)),
    )


@pytest.fixture(scope="module")
def baseline(shared):
    folder = shared / "ibsi/pyradiomics_baseline"
    tables = {
        name: pd.read_csv(folder / f"baseline/baseline_{name}.csv", index_col=0) for name in CLASSES
    }
    return folder, tables


@pytest.mark.parametrize("family", CLASSES)
def test_values_equal_the_baseline(family, baseline):
    folder, tables = baseline
    table = tables[family]
    wrong, checked = [], 0
    for case in table.columns:
        if not case.startswith(tuple(IMAGES)):
            continue  # its image is not among the reference data
        settings = ast.literal_eval(table.loc["diagnostics_Configuration_Settings", case])
        image, mask = case_of(folder, case, settings["label"])
        if family == "shape2D":  # made on the slice where the region is largest
            area = mask.array.sum((1, 2))
            mask = mask.with_array(
                mask.array & (np.arange(len(area)) == area.argmax())[:, None, None]
            )
        known = {key: value for key, value in settings.items() if key in _KEYS}
        params = parse_pyradiomics({"setting": known, "featureClass": {family: None}})
        row = extract_pyradiomics(image, mask, params)
        for name, text in table[case].items():
            if name.startswith("diagnostics_"):
                continue
            value = row[column_name(name)]
            expected = float(text)
            rtol = 1e-3 if name.split("_")[-1] in MESH else 1e-6
            if not np.isclose(value, expected, rtol=rtol, atol=1e-12, equal_nan=True):
                wrong.append((case, name, value, expected))
            checked += 1
    assert not wrong
    assert checked > 10
