"""Structure sets find the series that they were drawn on."""

import numpy as np
import pydicom
import pytest

from radtool.curation.crawl import crawl
from radtool.curation.grouping import find_series, match_masks


def matched(tmp_path) -> list[tuple[str, str]]:
    """Series UID (or "") and how, of each mask file in a folder."""
    records = crawl(tmp_path / "in", tmp_path / "work").records
    found = match_masks([r for r in records if r.is_mask], find_series(records))
    return [(match.series.uid if match.series else "", match.how) for match in found]


@pytest.fixture
def two_series(tmp_path, phantoms):
    """A fine and a coarse series of one patient in one frame of reference, and a contour set."""
    phantoms.series(tmp_path / "in/a", np.zeros((6, 20, 20)), name="a", spacing=(3, 1, 1))
    phantoms.series(tmp_path / "in/b", np.zeros((4, 20, 20)), name="b", spacing=(5, 1, 1))
    return [phantoms.circle((10, 10, z), 4) for z in (3, 6, 9)]


def test_the_referenced_series_wins(tmp_path, phantoms, two_series):
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": two_series}, name="b")
    assert matched(tmp_path) == [(phantoms.uid("P1", "b"), "referenced series")]


def test_referenced_images_lead_to_their_series(tmp_path, phantoms, two_series):
    def change(dataset):
        series = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        one = series.RTReferencedSeriesSequence[0]
        one.SeriesInstanceUID = "1.2.3"
        image = pydicom.Dataset()
        image.ReferencedSOPInstanceUID = phantoms.uid("P1", "b", 1)
        one.ContourImageSequence = [image]

    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": two_series}, change=change)
    assert matched(tmp_path) == [(phantoms.uid("P1", "b"), "referenced images")]


def test_the_frame_of_reference_leads_to_the_series_it_was_drawn_on(tmp_path, phantoms, two_series):
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": two_series}, name="lost")
    # Both series hold the contours; their planes lie on the slices of a, not of b.
    assert matched(tmp_path) == [(phantoms.uid("P1", "a"), "frame of reference")]


def strange_frame(dataset):
    dataset.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = "1.2.3.4"
    for roi in dataset.StructureSetROISequence:
        roi.ReferencedFrameOfReferenceUID = "1.2.3.4"


def test_geometry_decides_when_all_uids_fail(tmp_path, phantoms, two_series):
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": two_series}, name="lost", change=strange_frame)
    assert matched(tmp_path) == [(phantoms.uid("P1", "a"), "geometry")]


def test_two_series_that_fit_equally_well_are_not_guessed(tmp_path, phantoms, two_series):
    phantoms.series(tmp_path / "in/c", np.zeros((6, 20, 20)), name="c", spacing=(3, 1, 1))
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": two_series}, name="lost", change=strange_frame)
    assert matched(tmp_path) == [("", "fits 2 series of the patient equally well")]


def test_contours_of_another_patient_never_match(tmp_path, phantoms, two_series):
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": two_series}, patient="P2", change=strange_frame)
    ((uid, how),) = matched(tmp_path)
    assert uid == ""
    assert "the patient has no image series" in how


def test_contours_beside_the_image_match_nothing(tmp_path, phantoms, two_series):
    beside = np.array([300.0, 0.0, 0.0])
    away = [contour + beside for contour in two_series]
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": away}, name="lost", change=strange_frame)
    assert matched(tmp_path) == [("", "refers to a series that is not there")]


def test_one_series_in_two_folders_is_one(tmp_path, phantoms):
    paths = phantoms.series(tmp_path / "in/a", np.zeros((6, 4, 4)))
    (tmp_path / "in/b").mkdir()
    for path in paths[3:]:
        path.rename(tmp_path / "in/b" / path.name)
    (series,) = find_series(crawl(tmp_path / "in", tmp_path / "work").records)
    assert series.stack.geometry.shape[0] == 6


@pytest.fixture
def parts(tmp_path, phantoms):
    """Write volumes (shape, spacing, origin) under one series UID, with their echo times."""

    def write(*volumes, frames=("frame", "frame")):
        for echo, (shape, spacing, origin) in enumerate(volumes, start=1):

            def change(dataset, _, echo=echo):
                dataset.SeriesInstanceUID = phantoms.uid("P1", "both")
                dataset.FrameOfReferenceUID = phantoms.uid("P1", frames[echo - 1])
                dataset.EchoTime = str(15 * echo)
                return dataset

            options = {"kind": "MR", "name": f"e{echo}", "change": change}
            phantoms.series(
                tmp_path / "in", np.zeros(shape), spacing=spacing, origin=origin, **options
            )

    return write


def parted(tmp_path) -> list[tuple[str, str, tuple[str, ...]]]:
    """Part of its series (or ""), how, and the ROIs of each match."""
    records = crawl(tmp_path / "in", tmp_path / "work").records
    found = match_masks([r for r in records if r.is_mask], find_series(records))
    return [
        (m.series.part if m.series else "", m.how, tuple(roi.name for roi in m.mask.rois))
        for m in found
    ]


BY_POSITION = "referenced series, by the contours' positions"
FINE = ((8, 20, 20), (3, 1, 1), (0, 0, 0))
VOLUMES = {
    "with other slices": (FINE, ((5, 20, 20), (5, 1, 1), (0, 0, 0)), (3, 6, 9), "te15"),
    "in another half of the patient": (
        FINE,
        ((8, 20, 20), (3, 1, 1), (0, 0, 12)),
        (24, 27),
        "te30",
    ),
    "beside it": (FINE, ((8, 20, 20), (3, 1, 1), (40, 0, 0)), (3, 6, 9), "te15"),
    # Every second contour lies between the coarse slices.
    "coarser": (FINE, ((4, 20, 20), (6, 1, 1), (0, 0, 0)), (3, 6, 9, 12, 18), "te15"),
}


@pytest.mark.parametrize("how", VOLUMES)
def test_contours_that_name_no_image_lie_on_one_volume_only(tmp_path, phantoms, parts, how):
    first, second, heights, expected = VOLUMES[how]
    parts(first, second)
    drawn = [phantoms.circle((10, 10, z), 4) for z in heights]
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": drawn}, name="both")
    assert parted(tmp_path) == [(expected, BY_POSITION, ("GTV",))]


def test_volumes_in_two_frames_of_reference_are_told_apart_by_them(tmp_path, phantoms, parts):
    parts(FINE, FINE, frames=("another", "frame"))
    drawn = [phantoms.circle((10, 10, z), 4) for z in (3, 6, 9)]
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": drawn}, name="both")
    assert parted(tmp_path) == [("te30", BY_POSITION, ("GTV",))]


def test_each_roi_may_lie_on_a_volume_of_its_own(tmp_path, phantoms, parts):
    parts(FINE, ((8, 20, 20), (3, 1, 1), (0, 0, 12)))
    rois = {
        "upper": [phantoms.circle((10, 10, z), 4) for z in (27, 30, 33)],
        "lower": [phantoms.circle((10, 10, z), 4) for z in (0, 3, 6)],
        "nothing": [],
    }
    phantoms.rtstruct(tmp_path / "in/rs", rois, name="both")
    assert parted(tmp_path) == [
        ("te15", BY_POSITION, ("lower", "nothing")),
        ("te30", BY_POSITION, ("upper",)),
    ]


def test_volumes_at_the_same_place_are_not_guessed(tmp_path, phantoms, parts):
    parts(FINE, FINE)
    drawn = [phantoms.circle((10, 10, z), 4) for z in (3, 6, 9)]
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": drawn}, name="both")
    ((part, how, _),) = parted(tmp_path)
    assert part == ""
    assert how == "names no image of one volume of its series, and fits 2 of them: te15, te30"


def test_an_roi_that_no_volume_holds_is_refused_with_its_shares(tmp_path, phantoms, parts):
    parts(FINE, ((8, 20, 20), (3, 1, 1), (0, 0, 15)))
    drawn = [phantoms.circle((10, 10, z), 4) for z in (3, 6, 9, 30, 33, 36)]
    phantoms.rtstruct(tmp_path / "in/rs", {"GTV": drawn}, name="both")
    ((part, how, _),) = parted(tmp_path)
    assert part == ""
    assert "no volume holds its contours" in how
    assert "te15 (50%), te30 (50%)" in how
