"""Mask comparison against the surface-distance package, arithmetic by hand and laws."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import GeometryError, ParameterError
from radtool.image import Geometry, Mask
from radtool.segmentation.metrics import added_path_length, compare_masks

REFERENCE = Path(__file__).resolve().parent / "reference"
PUBLISHED = json.loads((REFERENCE / "surface_distance.json").read_text())
_spec = importlib.util.spec_from_file_location("phantoms", REFERENCE / "phantoms.py")
phantoms = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(phantoms)


def make(array, spacing=(1.0, 1.0, 1.0)) -> Mask:
    array = np.asarray(array, dtype=bool)
    return Mask(array, Geometry(array.shape, spacing))


def cube(start, size, shape=(12, 12, 16)) -> np.ndarray:
    array = np.zeros(shape, dtype=bool)
    array[tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))] = True
    return array


def sphere(radius, center, shape, spacing=(1.0, 1.0, 1.0)) -> np.ndarray:
    grid = np.meshgrid(
        *(np.arange(n) * d for n, d in zip(shape, spacing, strict=True)), indexing="ij"
    )
    return sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)) <= radius**2


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_values_equal_the_surface_distance_package(name):
    a, b, spacing = phantoms.pairs()[name]
    expected = PUBLISHED[name]
    for tolerance, surface_dsc in expected["surface_dsc"].items():
        found = compare_masks(make(a, spacing), make(b, spacing), tolerance_mm=float(tolerance))
        np.testing.assert_allclose(found.surface_dsc, surface_dsc, rtol=1e-6, atol=1e-9)
    for field in ("dsc", "hd", "hd95", "msd"):
        np.testing.assert_allclose(getattr(found, field), expected[field], rtol=1e-6, err_msg=field)


def test_phantoms_are_all_in_the_published_table():
    assert sorted(phantoms.pairs()) == sorted(PUBLISHED)


def test_overlap_equals_simpleitk():
    a, b, spacing = phantoms.pairs()["blobs_thick"]
    measure = sitk.LabelOverlapMeasuresImageFilter()
    measure.Execute(*(sitk.GetImageFromArray(m.astype(np.uint8)) for m in (a, b)))
    found = compare_masks(make(a, spacing), make(b, spacing))
    np.testing.assert_allclose(found.dsc, measure.GetDiceCoefficient(), rtol=1e-12)
    np.testing.assert_allclose(found.jaccard, measure.GetJaccardCoefficient(), rtol=1e-12)


def test_shifted_cube_by_hand():
    # 4x4x4 cube moved 2 voxels along x: overlap 4*4*2 = 32 of 64 voxels each.
    # Union 96. Contour of a slice: 12 pixels of a 4x4 square; the moved square's contour shares
    # the two middle pixels of the top and bottom rows (x 4, 5), no other: 4 shared, 8 added.
    found = compare_masks(make(cube((2, 2, 2), (4, 4, 4))), make(cube((2, 2, 4), (4, 4, 4))))
    assert (found.dsc, found.jaccard) == (0.5, pytest.approx(1 / 3))
    assert (found.precision, found.recall) == (0.5, 0.5)
    assert found.hd == 2.0
    assert found.added_path_length == 4 * 8
    assert found.volume_difference_ml == 0.0
    assert found.volume_reference_ml == pytest.approx(0.064)


def test_larger_mask_has_full_recall_and_positive_volume_difference():
    found = compare_masks(make(cube((3, 3, 3), (2, 2, 2))), make(cube((3, 3, 3), (2, 2, 4))))
    assert (found.recall, found.precision) == (1.0, 0.5)
    assert found.volume_difference_ml == pytest.approx(0.008)


@pytest.mark.parametrize("step", [1.0, 0.5])
def test_concentric_spheres_are_their_radii_apart(step):
    # Radii 12 and 15 mm: every surface point is 3 mm from the other sphere. Surface elements sit on
    # voxel corners, up to half a voxel diagonal off the sphere, and the nearest one counts: the
    # error is below half a diagonal and shrinks with the voxel.
    shape, center = (int(34 / step),) * 3, (16.75,) * 3
    small, large = (make(sphere(r, center, shape, (step,) * 3), (step,) * 3) for r in (12, 15))
    found = compare_masks(small, large, tolerance_mm=4.0)
    half_diagonal = step * np.sqrt(3) / 2
    assert found.msd == pytest.approx(3.0, abs=half_diagonal)
    assert found.hd == pytest.approx(3.0, abs=half_diagonal)
    assert found.surface_dsc == 1.0
    assert compare_masks(small, large, tolerance_mm=1.18).surface_dsc == 0.0
    volume = 4 / 3 * np.pi * np.array([12.0, 15.0]) ** 3
    assert found.dsc == pytest.approx(2 * volume[0] / volume.sum(), rel=0.01)
    assert found.volume_reference_ml == pytest.approx(volume[0] / 1000, rel=0.02)


@pytest.mark.parametrize(("axis", "step"), [(0, 3.0), (1, 1.0), (2, 1.0)])
def test_shifted_plane_on_uneven_voxels(axis, step):
    # A plate of 160 x 160 voxels, two thick, moved one voxel across: each face lies `step` mm from
    # the nearest face of the other plate. Only the rims are nearer; their share of the area is at
    # most (4 * 160 * 2 * 3) / (2 * 160 * 160) = 7.5 %.
    shape = [160, 160, 160]
    shape[axis] = 6
    plate = np.zeros(shape, dtype=bool)
    plate[tuple(slice(2, 4) if k == axis else slice(None) for k in range(3))] = True
    a, b = make(plate, (3.0, 1.0, 1.0)), make(np.roll(plate, 1, axis=axis), (3.0, 1.0, 1.0))
    found = compare_masks(a, b)
    assert (found.hd, found.hd95) == (step, step)
    assert 0.92 * step < found.msd < step


def test_identical_masks_agree_fully():
    a = make(sphere(4, (6, 6, 8), (12, 12, 16)))
    found = compare_masks(a, a, tolerance_mm=0.0)
    assert (found.dsc, found.jaccard, found.surface_dsc) == (1.0, 1.0, 1.0)
    assert (found.hd, found.hd95, found.msd, found.added_path_length) == (0.0, 0.0, 0.0, 0.0)


def test_swapping_the_masks_keeps_symmetric_measures():
    a, b, spacing = phantoms.pairs()["blobs_uneven"]
    one = compare_masks(make(a, spacing), make(b, spacing))
    two = compare_masks(make(b, spacing), make(a, spacing))
    for field in ("dsc", "jaccard", "hd", "hd95", "msd", "surface_dsc"):
        assert getattr(one, field) == pytest.approx(getattr(two, field), rel=1e-12), field
    assert (one.precision, one.recall) == (two.recall, two.precision)
    assert one.volume_difference_ml == -two.volume_difference_ml


def test_padding_the_grid_changes_nothing():
    a, b, spacing = phantoms.pairs()["salt_uneven"]
    padded = compare_masks(make(np.pad(a, 3), spacing), make(np.pad(b, 3), spacing))
    assert padded == compare_masks(make(a, spacing), make(b, spacing))


def test_axes_may_be_swapped_with_their_spacing():
    a, b, spacing = phantoms.pairs()["blobs_uneven"]
    turned = [m.transpose(2, 0, 1) for m in (a, b)]
    new = compare_masks(*(make(m, (spacing[2], spacing[0], spacing[1])) for m in turned))
    old = compare_masks(make(a, spacing), make(b, spacing))
    for field in ("hd", "hd95", "msd", "surface_dsc"):
        assert getattr(new, field) == pytest.approx(getattr(old, field), rel=1e-9), field


def test_empty_against_empty_is_full_agreement():
    empty = make(np.zeros((3, 4, 5)))
    found = compare_masks(empty, empty)
    assert (found.dsc, found.jaccard, found.precision, found.recall) == (1, 1, 1, 1)
    assert (found.surface_dsc, found.hd, found.hd95, found.msd) == (1, 0, 0, 0)


@pytest.mark.parametrize("empty_first", [True, False])
def test_empty_against_full_is_no_agreement(empty_first):
    empty, full = make(np.zeros((3, 4, 5))), make(np.ones((3, 4, 5)))
    found = compare_masks(empty, full) if empty_first else compare_masks(full, empty)
    assert (found.dsc, found.jaccard, found.surface_dsc) == (0, 0, 0)
    assert (found.hd, found.hd95, found.msd) == (np.inf, np.inf, np.inf)
    undefined, zero = (
        (found.recall, found.precision) if empty_first else (found.precision, found.recall)
    )
    assert np.isnan(undefined)
    assert zero == 0


def test_added_path_length_counts_pixel_size():
    one = make(cube((2, 2, 2), (1, 1, 3)), (5.0, 0.5, 0.5))
    none = make(np.zeros((12, 12, 16)), (5.0, 0.5, 0.5))
    assert added_path_length(one, none) == 3 * 0.5
    assert added_path_length(none, one) == 0.0


def test_masks_on_two_grids_are_refused():
    a = make(cube((2, 2, 2), (2, 2, 2)))
    moved = Mask(a.array, Geometry(a.array.shape, origin=(0.4, 0, 0)))
    with pytest.raises(GeometryError, match=r"corners differ by 0\.4 mm"):
        compare_masks(a, moved)
    with pytest.raises(GeometryError, match="shapes"):
        compare_masks(a, make(np.zeros((3, 3, 3))))


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_no_distance_is_refused(tolerance):
    a = make(np.ones((2, 2, 2)))
    with pytest.raises(ParameterError, match="tolerance_mm"):
        compare_masks(a, a, tolerance_mm=tolerance)
