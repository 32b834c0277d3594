"""curation.html: nothing in it can act, nothing is fetched, and everybody is in it."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from radtool.curation import curate
from radtool.curation.advice import advice, label
from radtool.curation.checks import SECTIONS, shipped_folder

HOSTILE = "<script>alert(1)</script>"
RNG = np.random.default_rng(0)
ARRAY = RNG.integers(0, 1200, (8, 32, 32))
VOID = {"meta", "input", "br", "img", "link"}


class Reader(HTMLParser):
    """Tags, addresses and handlers of a page; complains of tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.fixture
def page(tmp_path, phantoms):
    def hostile(dataset, _=None):
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SeriesDescription = '"><img src=http://evil.example/x.png onerror=alert(2)>'
        dataset.InstitutionName = "St. <b>Elsewhere</b>"
        dataset.Manufacturer = "A&B <i>"
        return dataset

    def incomplete(dataset, k):
        del dataset.KVP
        return None if k == 3 else dataset

    circles = [phantoms.circle((16.3, 15.6, z), 7.2) for z in (6, 9, 12)]
    rois = {f"GTV{HOSTILE}": circles}
    for folder, patient, change in (
        ("a", f"{HOSTILE}../\u202eevil", hostile),
        ("b", "P2", incomplete),
        ("c", "P3", None),
    ):
        phantoms.series(tmp_path / "in" / folder, ARRAY, patient=patient, change=change)
        drawn = {"GTV": []} if patient == "P3" else rois
        change = hostile if change is hostile else None
        phantoms.rtstruct(tmp_path / f"in/{folder}-rs", drawn, patient=patient, change=change)
    (tmp_path / "in/notes.txt").write_text("hello")
    result = curate(tmp_path / "in", tmp_path / "out")
    return result, (tmp_path / "out/curation.html").read_text(encoding="utf-8")


def test_hostile_names_are_words_and_not_tags(page):
    _, words = page
    reader = read(words)
    assert reader.tags.count("script") == 1
    assert reader.handlers == []
    assert not {"b>Elsewhere", "i>"} & set(reader.tags)
    assert html.escape(HOSTILE) in words
    assert "&lt;b&gt;Elsewhere" in words
    assert "\u202e" not in words


def test_the_page_is_one_file_that_fetches_nothing(page):
    _, words = page
    reader = read(words)
    assert all(address.startswith(("#", "data:image/jpeg")) for address in reader.addresses)
    assert sum(address.startswith("data:") for address in reader.addresses) == 1
    assert "default-src 'none'; img-src data:;" in words
    targets = {address[1:] for address in reader.addresses if address.startswith("#")}
    assert all(f'id="{target}"' in words for target in targets)


def test_every_exclusion_is_counted_and_told_with_what_to_do(page):
    result, words = page
    steps = {step.label: step for step in result.flow}
    series, volumes = steps["image series"], steps["series that are a volume and pass the checks"]
    used, cases = steps["series with a mask"], steps["cases in the manifest"]
    assert (series.count, volumes.count, used.count, cases.count) == (3, 2, 1, 1)
    for before, after in ((series, volumes), (volumes, used)):
        assert before.count - sum(n for _, n in before.lost) == after.count
    shown = html.unescape(re.sub(r"\s+", " ", words))
    assert "<b>3</b> image series" in shown
    assert "<span>1 × missing slices</span>" in shown
    assert "<span>1 × empty region</span>" in shown
    assert "<span>1 not DICOM</span>" in shown
    assert len(result.failures) == 2
    for failure in result.failures:
        assert f"<b>{failure.case_id}</b>" in words
    assert "Have the series sent again" in words
    assert "Draw the contour, or export it again" in words


def test_values_are_drawn_and_missing_tags_are_said(page):
    _, words = page
    assert "CT: 3 series, 1 used" in words
    assert "Tube voltage (kV): 1 of 3" in words
    assert 'aria-label="Tube voltage (kV): 120 2, not in the header 1"' in words
    assert 'aria-label="Slices: 7 1, 8 2"' in words


def test_nobody_left_is_said(tmp_path, phantoms):
    phantoms.series(tmp_path / "in", ARRAY)
    curate(tmp_path / "in", tmp_path / "out")
    assert "No case is left" in (tmp_path / "out/curation.html").read_text()


@pytest.mark.parametrize("name", ["checks_ct", "checks_mr", "checks_pet"])
def test_every_shipped_rule_says_what_to_do(name):
    rules = yaml.safe_load((shipped_folder() / f"{name}.yaml").read_text())
    for section in SECTIONS:
        for column in rules.get(section, {}):
            assert label(column) != column
            assert advice(column).endswith((".", "?")), column
