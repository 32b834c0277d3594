"""Slices in order, and each way in which they are no volume."""

import dataclasses

import numpy as np
import pytest

from radtool.errors import DicomError
from radtool.io import Slice, stack_slices

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def plane(z: float, *, x: float = 0.0, y: float = 0.0, **changes) -> Slice:
    one = Slice(f"{z}.dcm", 0, f"1.{z}", (4, 5), (0.7, 0.8), (x, y, z), AXIAL, 2.0)
    return dataclasses.replace(one, **changes)


def checks(slices) -> list[str]:
    return [finding.check for finding in stack_slices(slices).findings]


def test_slices_are_ordered_by_position_whatever_their_names():
    stack = stack_slices([plane(6), plane(0), plane(3)])
    assert [s.position[2] for s in stack.slices] == [0, 3, 6]
    assert stack.geometry.shape == (3, 4, 5)
    assert stack.geometry.spacing == (3.0, 0.7, 0.8)
    assert stack.findings == ()


def test_sagittal_slices_run_along_their_own_normal():
    # Rows along y, columns along -z: normal = y × -z = -x, so x falls from slice to slice.
    slices = [
        plane(0, position=(x, 1.0, 2.0), uid=str(x), orientation=(0, 1, 0, 0, 0, -1))
        for x in (1.0, 2.0, 3.0)
    ]
    geometry = stack_slices(slices).geometry
    assert geometry.origin == (3.0, 1.0, 2.0)
    np.testing.assert_allclose(geometry.to_patient([2, 0, 0]), [1.0, 1.0, 2.0])
    np.testing.assert_allclose(geometry.to_patient([0, 1, 0]), [3.0, 1.0, 1.3])


def test_missing_slice_is_named_with_its_neighbours():
    stack = stack_slices([plane(z) for z in (0, 3, 6, 12, 15)])
    (finding,) = stack.findings
    assert finding.check == "missing_slices"
    assert "gap of 6 mm where slices are 3 mm" in finding.detail
    assert finding.files == ("6.dcm", "12.dcm")
    assert stack.geometry is None


def test_uneven_increments_are_an_error():
    assert checks([plane(z) for z in (0, 3, 6, 10, 13)]) == ["increment"]


def test_positions_rounded_in_the_file_are_even():
    slices = [plane(z) for z in (0, 1.67, 3.33, 5.0, 6.67)]
    assert stack_slices(slices).findings == ()


def test_one_position_for_all_is_not_a_volume():
    assert checks([plane(0, uid=str(k)) for k in range(3)]) == ["not_a_volume"]


def test_two_different_slices_at_one_place_are_an_error():
    slices = [plane(0), plane(3), plane(3, uid="other", file="b.dcm"), plane(6)]
    (finding,) = stack_slices(slices).findings
    assert finding.check == "duplicate_positions"
    assert set(finding.files) == {"3.dcm", "b.dcm"}


def test_an_instance_exported_twice_counts_once():
    slices = [plane(0), plane(3), plane(3, file="copy.dcm"), plane(6)]
    stack = stack_slices(slices)
    assert [f.check for f in stack.findings] == ["copies"]
    assert stack.geometry.shape[0] == 3


def test_gantry_tilt_is_measured():
    tangent = np.tan(np.radians(14.0))
    stack = stack_slices([plane(z, y=-z * tangent) for z in (0.0, 5.0, 10.0, 15.0)])
    (finding,) = stack.findings
    assert finding.check == "gantry_tilt"
    assert "14.0°" in finding.detail


def test_one_slice_beside_the_others_is_not_tilt():
    slices = [plane(0), plane(3, x=9.0), plane(6), plane(9), plane(12)]
    assert checks(slices) == ["in_plane_shift"]


def test_drift_below_half_a_pixel_is_rounding():
    assert checks([plane(z, x=0.01 * z) for z in range(0, 30, 3)]) == []


def test_mixed_orientations_are_an_error():
    turned = plane(9, orientation=(0, 1, 0, 0, 0, -1))
    assert checks([plane(0), plane(3), turned]) == ["orientation"]


def test_mixed_sizes_are_an_error():
    assert checks([plane(0), plane(3, shape=(8, 8))]) == ["matrix"]


def test_axes_that_are_not_at_right_angles_are_an_error():
    assert checks([plane(0, orientation=(1, 0, 0, 0.5, 0.5, 0))]) == ["orientation"]


def test_single_slice_takes_its_thickness():
    assert stack_slices([plane(0)]).geometry.spacing[0] == 2.0
    assert checks([plane(0, thickness=None)]) == ["not_a_volume"]


def test_errors_are_raised_together_with_file_names():
    slices = [plane(0), plane(3), plane(9), plane(12)]
    with pytest.raises(DicomError, match=r"case 7: missing_slices: 1 slice.*3\.dcm, 9\.dcm"):
        stack_slices(slices).checked_geometry("case 7")


def test_no_slices_are_not_a_volume():
    assert checks([]) == ["not_a_volume"]
