"""ROI patterns and safe file names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radtool.curation.naming import RoiNames, fits, safe_name
from radtool.errors import ParameterError
from radtool.io.records import RoiRecord


def rois(*names: str, contours: int = 3) -> list[RoiRecord]:
    return [RoiRecord(name, k + 1, contours) for k, name in enumerate(names)]


def chosen(patterns, *names: str) -> dict[str, str]:
    return {c.name: c.roi.name for c in RoiNames.of(patterns).choose(rois(*names))}


def test_a_pattern_fits_the_whole_name():
    assert not fits("P10", "P1")
    assert not fits("GTV-1", "TV")
    assert fits("P10", "P1*")
    assert fits(" gtv-1 ", "GTV-?")


def test_brackets_are_plain_characters():
    assert fits("GTV[1]", "GTV[1]")
    assert not fits("GTV1", "GTV[1]")


def test_alternatives_are_tried_in_turn():
    names = ("GTVnodes", "GTV-1", "Lung")
    assert chosen({"GTV": "GTV-1|GTV*"}, *names) == {"GTV": "GTV-1"}
    assert chosen({"GTV": ["tumour", "gtv-1"]}, *names) == {"GTV": "GTV-1"}


def test_two_fitting_rois_keep_their_own_names_and_name_each_other():
    found = RoiNames.of({"GTV": "GTV*"}).choose(rois("GTV-1", "GTV-2", "Lung"))
    assert [(c.name, c.rivals) for c in found] == [
        ("GTV-1", ("GTV-2",)),
        ("GTV-2", ("GTV-1",)),
    ]


def test_an_empty_roi_is_no_rival_of_a_drawn_one():
    both = [RoiRecord("GTV-1", 1, 0), RoiRecord("GTV-2", 2, 4)]
    (found,) = RoiNames.of({"GTV": "GTV*"}).choose(both)
    assert found.roi.name == "GTV-2"


def test_without_patterns_every_roi_keeps_its_name():
    names = [c.name for c in RoiNames.of(None).choose(rois("a", "b", "a"))]
    assert names == ["a 1", "b", "a 3"]


def test_a_name_without_pattern_is_refused():
    with pytest.raises(ParameterError, match="'GTV' has no pattern"):
        RoiNames.of({"GTV": ""})


@pytest.mark.parametrize(
    "words", ["-rf", "_-rf", "--", "../../etc/passwd", "a/b", "<script>", "مريض", "", ".", "a\\b"]
)
def test_file_names_stay_in_their_folder(words):
    name = safe_name(words)
    assert name
    assert not set(name) & set('/\\<>:"|?* ')
    assert name.strip(".") == name
    assert not name.startswith("-")


def test_names_that_look_alike_stay_apart():
    assert len({safe_name(words) for words in ("P_1", "P/1", "P 1", "P.1", "P\\1")}) == 5


@given(st.text(max_size=40), st.text(max_size=40))
def test_different_words_never_share_a_name(a, b):
    if a != b:
        assert safe_name(a) != safe_name(b)
