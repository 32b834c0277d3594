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
