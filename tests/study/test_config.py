from __future__ import annotations

from pathlib import Path

import pytest

from radtool.errors import ParameterError, RadtoolError
from radtool.study.config import read_study

GOOD = """
title: Two hospitals
data: {manifest: m.csv, outcomes: o.csv}
extraction: {parameters: ct_ibsi}
cohorts: {column: site, development: [a], external: [b]}
endpoints:
  - {name: os, duration: days, event: dead}
steps:
  - {step: Standardize}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.csv").write_text("case_id,patient_id,image\n")
    (tmp_path / "o.csv").write_text("patient_id\n")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_study_file(folder: Path) -> None:
    study = read_study(write(folder, GOOD))
    assert study.data.manifest == folder.resolve() / "m.csv"
    assert study.endpoints[0].is_survival


def test_a_moved_study_keeps_its_hash(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("elsewhere")
    for name in ("m.csv", "o.csv"):
        (other / name).write_text((folder / name).read_text())
    assert read_study(write(folder, GOOD)).sha256 == read_study(write(other, GOOD)).sha256


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cohorts:", "cohort:", r"study.yaml has no key 'cohort'; did you mean 'cohorts'"),
        ("external: [b]", "extern: [b]", r"cohorts: has no key 'extern'; did you mean 'external'"),
        ("external: [b]", "external: [a]", "cannot be development and external"),
        ("manifest: m.csv", "manifest: x.csv", r"manifest: .*x.csv does not exist"),
        ("manifest: m.csv", "manifest: m.csv, dicom: .", "exactly one of dicom, manifest"),
        ("manifest: m.csv, ", "", "exactly one of dicom, manifest"),
        (", outcomes: o.csv", "", "endpoints need"),
        ("event: dead}", "event: dead}\n  - {name: os, marker: m}", "same name"),
        ("event: dead}", "event: dead}\n  - {name: OS, marker: m}", "files would be the same"),
        ("name: os", "name: '../'", "has no letter"),
        ("event: dead", "evnt: dead", "did you mean 'event'"),
        ("title: Two hospitals", "", "needs the key 'title'"),
    ],
)
def test_what_is_wrong_in_a_study_file_is_named(
    folder: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(RadtoolError, match=message):
        read_study(write(folder, GOOD.replace(old, new)))


def test_validation_needs_at_least_two_folds(folder: Path) -> None:
    with pytest.raises(ParameterError, match="folds >= 2"):
        read_study(write(folder, GOOD + "validation: {folds: 1}\n"))


WORDS = """
subgroups: [sex]
evidence:
  - {topic: eligibility, text: "NSCLC stage I to III, 2004 to 2014", file: protocol.txt}
  - {topic: phantom, text: "13 settings of CCR1", link: "doi:10.1000/1"}
answers:
  - {checklist: tripod_ai, item: 3a, answer: no, text: not yet written}
  - {checklist: rqs1, item: 2, answer: yes, text: two readers, points: 1}
"""


def test_evidence_and_answers_are_read_and_yaml_s_no_is_a_no(folder: Path) -> None:
    (folder / "protocol.txt").write_text("who could enter")
    study = read_study(write(folder, GOOD + WORDS))
    assert [fact.topic for fact in study.evidence] == ["eligibility", "phantom"]
    assert study.evidence[0].file == folder.resolve() / "protocol.txt"
    assert [(a.item, a.answer) for a in study.answers] == [("3a", "no"), ("2", "yes")]


def test_answers_change_no_number(folder: Path) -> None:
    (folder / "protocol.txt").write_text("who could enter")
    plain = read_study(write(folder, GOOD + "subgroups: [sex]\n"))
    assert read_study(write(folder, GOOD + WORDS)).computed() == plain.computed()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("file: protocol.txt", "file: gone.txt", r"\[evidence\] eligibility: .*does not exist"),
        ("topic: phantom", "topic: fantom", "no topic 'fantom'; did you mean 'phantom'"),
        ('text: "13 settings of CCR1", ', "", "needs the key 'text'"),
        ('"13 settings of CCR1"', '" "', "say in `text` what was done"),
        ("item: 3a", "item: 3z", r"\[answers\]: TRIPOD\+AI 2024 has no item '3z'"),
        ("answer: no", "answer: maybe", "'maybe' is not allowed"),
        ("points: 1", "points: 9", "gives 0 to 1 points, not 9"),
        (", text: not yet written", "", "say in `text` why"),
        ("checklist: rqs1", "checklist: rqs3", "'rqs3' is not allowed"),
    ],
)
def test_words_that_prove_nothing_are_refused_before_anything_runs(
    folder: Path, old: str, new: str, message: str
) -> None:
    (folder / "protocol.txt").write_text("who could enter")
    text = GOOD + WORDS
    assert old in text
    with pytest.raises(ParameterError, match=message):
        read_study(write(folder, text.replace(old, new)))
