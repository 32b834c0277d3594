"""Other sources of masks behind one interface."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from radtool.errors import GeometryError, InputError, MissingPartError, ParameterError
from radtool.image import Geometry, Image, Mask
from radtool.segmentation.segmenters import (
    apply_segmenter,
    monai_bundle,
    network_segmenter,
    nnunet,
    pet_threshold,
    program,
    totalsegmentator,
)

GEOMETRY = Geometry((4, 5, 6), (3.0, 1.5, 1.0), (10.0, -20.0, 30.0))


def pet() -> Image:
    array = np.zeros((4, 5, 6))
    array[1, 1, 1:4] = [10.0, 5.0, 3.0]
    array[2, 2, 4] = 4.2  # touches the third voxel by a corner
    array[3, 4, 0] = 8.0  # another lesion
    return Image(array, GEOMETRY, "SUVbw")


def test_fraction_keeps_the_region_of_the_maximum():
    mask = pet_threshold(fraction=0.41)(pet())
    assert np.argwhere(mask.array).tolist() == [[1, 1, 1], [1, 1, 2]]
    assert mask.origin == "PET threshold 41 % of maximum"


def test_fixed_threshold_keeps_diagonal_neighbours():
    mask = pet_threshold(suv=2.5)(pet())
    assert mask.array.sum() == 4
    assert mask.array[2, 2, 4]


def test_region_outside_is_left_out():
    inside = np.zeros((4, 5, 6), dtype=bool)
    inside[3] = True
    mask = pet_threshold(fraction=0.5, inside=Mask(inside, GEOMETRY))(pet())
    assert np.argwhere(mask.array).tolist() == [[3, 4, 0]]


def test_nothing_above_a_fixed_threshold_is_empty():
    assert pet_threshold(suv=20)(pet()).is_empty


def test_threshold_needs_suv():
    with pytest.raises(InputError, match="'HU'"):
        pet_threshold(suv=4)(Image(pet().array, GEOMETRY, "HU"))


@pytest.mark.parametrize(
    "settings", [{}, {"suv": 4, "fraction": 0.4}, {"fraction": 41}, {"suv": -1}]
)
def test_threshold_settings_out_of_range_are_refused(settings):
    with pytest.raises(ParameterError):
        pet_threshold(**settings)


def test_a_users_function_gets_its_name_and_origin():
    found = apply_segmenter(
        pet(), lambda image: Mask(image.array > 4, image.geometry), roi="GTV", origin="mine"
    )
    assert (found.roi, found.origin, found.array.sum()) == ("GTV", "mine", 4)


def test_a_mask_on_another_grid_is_refused():
    def moved(image):
        return Mask(image.array > 4, Geometry((4, 5, 6)))

    with pytest.raises(GeometryError, match="not on the image grid"):
        apply_segmenter(pet(), moved, roi="GTV", origin="mine")


def test_an_array_is_not_a_mask():
    with pytest.raises(InputError, match="returned ndarray"):
        apply_segmenter(pet(), lambda image: image.array > 4, roi="GTV", origin="mine")


def test_the_network_is_a_segmenter_too(thorax, soft_tissue_network):
    found = apply_segmenter(thorax().image, network_segmenter(), roi="GTV", origin="lung")
    assert found.volume_ml > 4


FAKE = """#!{python}
import sys
from pathlib import Path
import SimpleITK as sitk
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
source = Path(arguments["-i"])
image = sitk.ReadImage(str(source / "case_0000.nii.gz" if source.is_dir() else source))
labels = sitk.Cast(image > 4, sitk.sitkUInt8) * {label}
{change}
sitk.WriteImage(labels, str(Path(arguments["-o"]) / "{output}"))
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a small program on PATH that writes `intensity > 4` as a label image."""
    if sys.platform == "win32":
        pytest.skip("needs executable scripts")

    def put(name, output, *, label=1, change=""):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            FAKE.format(python=sys.executable, output=output, label=label, change=change)
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    return put


def test_totalsegmentator_reads_the_structure_it_was_asked_for(install):
    install("TotalSegmentator", "lung_nodules.nii.gz")
    mask = totalsegmentator("lung_nodules", task="lung_nodules")(pet())
    np.testing.assert_array_equal(mask.array, pet().array > 4)
    assert mask.geometry == GEOMETRY
    assert mask.origin == "TotalSegmentator"


def test_nnunet_reads_the_wanted_label(install):
    install("nnUNetv2_predict_from_modelfolder", "case.nii.gz", label=2)
    np.testing.assert_array_equal(nnunet("model", label=2)(pet()).array, pet().array > 4)
    assert nnunet("model", label=1)(pet()).is_empty


def test_a_program_that_fails_is_named_with_its_last_words(install):
    install("TotalSegmentator", "x.nii.gz", change="sys.exit('no weights here')")
    with pytest.raises(InputError, match="code 1: no weights here"):
        totalsegmentator("x")(pet())


def test_a_program_that_writes_nothing_is_named(install):
    install("TotalSegmentator", "other.nii.gz")
    with pytest.raises(InputError, match=r"wrote no liver\.nii\.gz"):
        totalsegmentator("liver")(pet())


def test_a_program_that_answers_on_another_grid_is_refused(install):
    install("TotalSegmentator", "x.nii.gz", change="labels.SetOrigin((0, 0, 0))")
    with pytest.raises(GeometryError, match="another grid"):
        totalsegmentator("x")(pet())


@pytest.mark.parametrize(
    "segmenter",
    [totalsegmentator("liver"), nnunet("folder"), program(["no-such-tool"], output="x")],
)
def test_programs_that_are_not_installed_are_said(segmenter, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPartError, match="is not installed"):
        segmenter(pet())


def test_monai_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingPartError, match="MONAI"):
        monai_bundle("bundle", output="image/image_seg.nii.gz")
