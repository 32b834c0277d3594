"""Tilted, gapped and uneven stacks on a regular grid, against fields known by formula."""

import numpy as np
import pytest
import SimpleITK as sitk

from radtool.errors import DicomError, ParameterError
from radtool.io import Repair, Slice, read_series, repair_stack, stack_slices
from radtool.io.repair import regular

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SHAPE = (12, 10)
SPACING = (0.7, 0.8)
ALL = Repair(tilt="correct", missing_slices=2, spacing="resample")


def plane(z: float, *, y: float = 0.0, orientation=AXIAL) -> Slice:
    return Slice(f"{z}.dcm", 0, f"1.{z}", SHAPE, SPACING, (5.0, y, z), orientation, 2.0)


def field(points: np.ndarray) -> np.ndarray:
    """Linear in space, so linear interpolation must reproduce it exactly."""
    return 100 + points @ np.array([1.5, -2.5, 4.0])


def sampled(stack) -> np.ndarray:
    """The field at the pixel centres of each plane."""
    y, x = np.indices(SHAPE)
    planes = []
    for one in stack.slices:
        row, column = np.array(one.orientation).reshape(2, 3)
        points = (
            np.array(one.position)
            + x[..., None] * SPACING[1] * row
            + y[..., None] * SPACING[0] * column
        )
        planes.append(field(points))
    return np.array(planes)


def repaired(slices, repair: Repair = ALL):
    """Stack, image on its grid, and the field at the grid's voxels."""
    stack = repair_stack(stack_slices(slices), repair)
    assert stack.geometry is not None, stack.errors
    array = regular(sampled(stack), stack)
    centres = stack.geometry.to_patient(np.stack(np.indices(array.shape), axis=-1))
    return stack, array, field(centres)


def checks(stack) -> list[tuple[str, str]]:
    return [(finding.check, finding.severity) for finding in stack.findings]


def test_missing_slices_are_interpolated_exactly_in_a_linear_field():
    stack, array, truth = repaired([plane(z) for z in (0.0, 3.0, 6.0, 15.0, 18.0)])
    assert stack.geometry.shape == (7, *SHAPE)
    assert stack.geometry.spacing == (3.0, *SPACING)
    np.testing.assert_allclose(array, truth, rtol=1e-12)
    assert checks(stack) == [("missing_slices", "warning")]
    assert stack.findings[0].files == ("6.0.dcm", "15.0.dcm")
    assert stack.repairs == ("missing_slices: interpolated from their neighbours",)


def test_present_slices_keep_their_values_to_the_bit():
    stack = repair_stack(stack_slices([plane(z) for z in (0.0, 3.0, 6.0, 12.0)]), ALL)
    planes = np.random.default_rng(0).normal(size=(4, *SHAPE))
    array = regular(planes, stack)
    np.testing.assert_array_equal(array[[0, 1, 2, 4]], planes)
    np.testing.assert_allclose(array[3], (planes[2] + planes[3]) / 2)


def test_more_missing_slices_than_allowed_stay_refused():
    stack = stack_slices([plane(z) for z in (0.0, 3.0, 6.0, 18.0, 21.0)])
    assert repair_stack(stack, Repair(missing_slices=2)) is stack
    assert repair_stack(stack, Repair(missing_slices=3)).geometry.shape[0] == 8


def test_nothing_is_repaired_unless_asked_for():
    tangent = np.tan(np.radians(14))
    for slices in (
        [plane(z) for z in (0.0, 3.0, 6.0, 12.0)],
        [plane(z) for z in (0.0, 3.0, 6.0, 10.0, 13.0)],
        [plane(z, y=-z * tangent) for z in (0.0, 5.0, 10.0, 15.0)],
    ):
        stack = stack_slices(slices)
        assert repair_stack(stack, Repair()) is stack


def test_uneven_slices_are_resampled_at_the_median_increment():
    stack, array, truth = repaired([plane(z) for z in (0.0, 3.0, 6.0, 10.0, 13.0, 16.0)])
    # 16 mm hold five steps of 3 mm: six slices, the last at 15 mm.
    assert stack.geometry.shape == (6, *SHAPE)
    np.testing.assert_allclose(array, truth, rtol=1e-12)
    assert checks(stack) == [("increment", "warning")]
    assert "resampled to 6 slices 3 mm apart" in stack.findings[0].detail


def test_a_gap_in_uneven_slices_counts_as_missing():
    stack = stack_slices([plane(z) for z in (0.0, 3.0, 6.0, 10.0, 13.0, 29.5, 32.5)])
    assert repair_stack(stack, Repair(spacing="resample", missing_slices=4)) is stack
    assert repair_stack(stack, Repair(spacing="resample", missing_slices=5)).geometry is not None


@pytest.mark.parametrize("degrees", [-20.0, -5.0, 14.0, 25.0])
def test_a_tilt_is_sheared_upright_exactly_in_a_linear_field(degrees):
    # The table moves along z, the planes are turned about x.
    turn = np.radians(degrees)
    orientation = (1.0, 0.0, 0.0, 0.0, np.cos(turn), np.sin(turn))
    slices = [plane(z, orientation=orientation) for z in (0.0, 3.0, 6.0, 9.0, 12.0)]
    stack, array, truth = repaired(slices)
    assert checks(stack) == [("gantry_tilt", "warning")]
    grid = stack.geometry
    # Slices lie 3 mm * cos(tilt) apart along their normal; 12 mm * sin(tilt) wider in plane.
    assert grid.spacing == pytest.approx((3 * np.cos(turn), *SPACING))
    wider = int(np.ceil(abs(12 * np.sin(turn)) / SPACING[0]))
    assert grid.shape == (5, SHAPE[0] + wider, SHAPE[1])
    np.testing.assert_allclose(
        grid.direction_matrix.T @ grid.direction_matrix, np.eye(3), atol=1e-12
    )
    inside = array > sampled(stack).min()
    covered = 0
    for k, one in enumerate(stack.slices):
        low = grid.to_index(np.array(one.position))[1]
        rows = np.arange(int(np.ceil(low - 1e-6)), int(np.floor(low + SHAPE[0] - 1 + 1e-6)) + 1)
        np.testing.assert_allclose(array[k, rows], truth[k, rows], rtol=1e-7)
        covered += len(rows)
    assert covered >= 5 * (SHAPE[0] - 1)
    assert inside.any()


def test_beside_tilted_planes_there_is_the_lowest_value():
    tangent = np.tan(np.radians(14))
    stack, array, _ = repaired([plane(z, y=-z * tangent) for z in (0.0, 5.0, 10.0, 15.0)])
    lowest = sampled(stack).min()
    # The first plane lies at the far end: the rows before it are filled.
    assert (array[0, :5] == lowest).all()
    assert (array[-1, -4:] == lowest).all()


def test_tilt_and_a_missing_slice_together():
    tangent = np.tan(np.radians(15))
    slices = [plane(z, y=-z * tangent) for z in (0.0, 2.0, 4.0, 8.0)]
    stack, array, truth = repaired(slices)
    assert checks(stack) == [("missing_slices", "warning"), ("gantry_tilt", "warning")]
    assert array.shape[0] == 5
    middle = slice(4, 10)
    np.testing.assert_allclose(array[3, middle], truth[3, middle], rtol=1e-7)
    assert repair_stack(stack_slices(slices), Repair(tilt="correct")).geometry is None


def test_whole_numbers_stay_whole():
    stack = repair_stack(stack_slices([plane(z) for z in (0.0, 3.0, 6.0, 12.0)]), ALL)
    planes = np.arange(4, dtype=np.int16)[:, None, None] * np.ones(SHAPE, dtype=np.int16)
    array = regular(planes, stack)
    assert array.dtype == np.int16
    assert array[:, 0, 0].tolist() == [0, 1, 2, 2, 3]  # 2.5 to even


def test_other_errors_are_never_repaired():
    slices = [plane(0.0), plane(3.0), plane(3.0, y=0.001)]
    stack = stack_slices([*slices[:2], Slice(**{**as_dict(slices[2]), "file": "b", "uid": "b"})])
    assert repair_stack(stack, ALL) is stack


def as_dict(one: Slice) -> dict:
    return {name: getattr(one, name) for name in Slice.__dataclass_fields__}


def test_a_series_is_read_repaired(tmp_path, phantoms):
    array = np.arange(6 * 4 * 5).reshape(6, 4, 5) * 2
    paths = phantoms.series(tmp_path, array)
    paths[3].unlink()
    with pytest.raises(DicomError, match="missing_slices"):
        read_series(tmp_path)
    image = read_series(tmp_path, repair=Repair(missing_slices=1))
    np.testing.assert_array_equal(image.array, array - 1024)
    assert image.array.dtype == np.int16


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tilts": "correct"}, "has no key 'tilts'; did you mean 'tilt'"),
        ({"tilt": "maybe"}, "tilt is refuse or correct, got 'maybe'"),
        ({"spacing": True}, "spacing is refuse or resample, got True"),
        ({"missing_slices": -1}, "whole number from 0 on"),
        ({"missing_slices": True}, "whole number from 0 on"),
    ],
)
def test_wrong_settings_are_named(settings, words):
    with pytest.raises(ParameterError, match=words):
        Repair.of(settings, "checks: [volume]")


def test_settings_are_read():
    assert Repair.of({"tilt": "correct", "missing_slices": 1}, "x") == Repair(
        tilt="correct", missing_slices=1
    )


def test_a_real_tilted_head_is_upright_and_keeps_its_intensities(shared):
    folder = shared / "data/awkward_dicom/dicom2nifti_failing/gantrytilting/001"
    image = read_series(folder, repair=Repair(tilt="correct"))
    # Four planes 5 mm apart on the table at 14.0 degrees: 4.851 mm along the normal, 1.2 mm of
    # drift a slice; 512 rows of 0.416 mm grow by 3.63 mm / 0.416 mm.
    assert image.geometry.spacing[0] == pytest.approx(5 * np.cos(np.radians(14.0)), rel=1e-4)
    assert image.geometry.shape[0] == 4
    plain = [sitk.ReadImage(str(path)) for path in sorted(folder.iterdir())]
    rows = image.geometry.shape[1] - plain[0].GetSize()[1]
    assert rows == int(np.ceil(15 * np.sin(np.radians(14.0)) / plain[0].GetSpacing()[1]))
    for k, one in enumerate(plain):
        start = image.geometry.to_index(np.array(one.GetOrigin()))
        assert start[0] == pytest.approx(k, abs=1e-3)
        # A plane moved by 8.3 rows is rows 8 and 9 on in proportion.
        whole, part = int(np.floor(start[1])), start[1] % 1
        stored = sitk.GetArrayFromImage(one)[0].astype(float)
        expected = (1 - part) * stored[1:] + part * stored[:-1]
        found = image.array[k, whole + 1 : whole + len(stored)]
        np.testing.assert_allclose(found, expected, atol=0.51)
