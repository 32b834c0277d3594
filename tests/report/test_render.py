from __future__ import annotations

import base64
import csv
import dataclasses
import html.parser
import io
import re
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

from radtool.files import write_json
from radtool.report import read_results, render
from radtool.report.blocks import Sheet
from radtool.report.results import (
    CaseFailure,
    Cohort,
    EndpointResults,
    Exclusion,
    Extraction,
    FlowBox,
    ModelResult,
    PerformanceRow,
    Population,
    Question,
    RocCurve,
    StudyResults,
)

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>{{ 7*7 }}&amp;"


class Reader(html.parser.HTMLParser):
    """Collects tags and their attributes; every opened tag has to be closed in order."""

    VOID = frozenset({"meta", "br", "wbr", "img", "line", "rect", "circle", "polyline", "polygon"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def page(study):
    return render(study)


def test_equal_results_give_equal_bytes(study, page):
    assert render(study) == page


def test_the_way_through_the_file_changes_nothing(study, page, tmp_path):
    write_json(tmp_path / "results.json", study.to_dict())
    assert render(read_results(tmp_path / "results.json")) == page


def test_nothing_is_fetched_and_no_script_runs(page):
    for tag, attributes in read(page).tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "img", "base")
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "src", "xlink:href"):
            target = attributes.get(name) or ""
            assert target == "" or target.startswith(("#", "data:text/csv;"))
    assert "url(" not in page
    assert "@import" not in page


def test_page_forbids_the_network_to_itself(page):
    policy = [a["content"] for t, a in read(page).tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_anchors_are_unique_and_every_link_has_its_target(page):
    tags = read(page).tags
    ids = [a["id"] for _, a in tags if "id" in a]
    links = [a["href"][1:] for t, a in tags if t == "a" and (a.get("href") or "").startswith("#")]
    assert len(ids) == len(set(ids))
    assert set(links) <= set(ids)
    assert len(links) > 20


def test_every_figure_says_what_it_shows(page):
    figures = [a for t, a in read(page).tags if t == "svg"]
    assert len(figures) > 8
    for attributes in figures:
        assert attributes["role"] == "img"
        assert len(attributes["aria-label"]) > 20


def test_downloads_have_names_of_their_own(page):
    names = [a["download"] for _, a in read(page).tags if "download" in a]
    assert len(names) == len(set(names))


def sheets(page: str) -> dict[str, list[list[str]]]:
    found = {}
    for _, attributes in read(page).tags:
        if "download" in attributes:
            data = base64.b64decode(attributes["href"].partition("base64,")[2]).decode("utf-8-sig")
            found[attributes["download"]] = list(csv.reader(io.StringIO(data)))
    return found


def test_every_table_can_be_downloaded(page):
    tags = read(page).tags
    assert sum(t == "table" for t, _ in tags) <= len(sheets(page))


def test_downloads_keep_all_digits(study):
    value = 0.6512345678901234
    endpoint = study.endpoints[0]
    row = dataclasses.replace(endpoint.performance[1], value=value)
    changed = dataclasses.replace(
        study, endpoints=(dataclasses.replace(endpoint, performance=(row,)),)
    )
    table = sheets(render(changed))["os-discrimination-development.csv"]
    assert table[1][table[0].index("value")] == repr(value)


def test_answer_comes_first(page):
    answer = page.index("Radiomics added nothing that could be shown over clinical + volume")
    assert answer < page.index('id="flow"') < page.index('id="e1-performance"')


def test_the_same_difference_in_another_design_stands_beside_the_answer(study):
    endpoint = study.endpoints[0]
    inside = dataclasses.replace(
        endpoint.comparisons[0], cohort="maastricht", design="nested CV", difference=-0.011,
        lower=-0.02, upper=0.01,
    )  # fmt: skip
    changed = dataclasses.replace(endpoint, comparisons=(*endpoint.comparisons, inside))
    text = render(dataclasses.replace(study, endpoints=(changed,))).replace("\u00a0", " ")
    assert "maastricht, nested CV −0.011 (−0.020 to 0.010)." in text


def test_research_use_only_is_said_in_the_head_and_at_the_foot(page):
    assert page.count("Research use only; not a medical device") == 2


def test_what_is_missing_is_listed_and_left_out():
    question = Question(name="os", kind="survival")
    thin = StudyResults(title="Thin", endpoints=(EndpointResults(question=question),))
    text = render(thin)
    assert 'id="absent"' in text
    assert "Os: decision curves" in text
    assert "<table" not in text.partition('id="checklists"')[0]


def test_an_empty_study_is_still_a_page():
    text = render(StudyResults(title="Nothing yet"))
    read(text)
    assert "Not part of this run" in text


def test_apparent_values_without_a_corrected_one_are_not_shown():
    row = PerformanceRow(
        model="all", cohort="c", design="apparent", measure="harrell_c", value=0.987
    )
    question = Question(name="os", kind="survival")
    endpoint = EndpointResults(question=question, performance=(row,))
    text = render(StudyResults(title="t", endpoints=(endpoint,)))
    assert "0.987" not in text
    assert "1 apparent values are not shown" in text


def hostile() -> StudyResults:
    name = HOSTILE
    question = Question(
        name=name,
        kind="marker",
        label=name,
        unit=name,
        positive=name,
        cohorts=(Cohort(name=name, n=3, events=1, sites=(name,)),),
    )
    row = PerformanceRow(
        model=name, cohort=name, design=name, measure=name, value=0.5, note=name, horizon=1.0
    )
    curve = RocCurve(
        model=name, cohort=name, false_positive_rate=(0, 1), true_positive_rate=(0, 1), auc=0.5
    )
    endpoint = EndpointResults(
        question=question,
        models=(ModelResult(name=name, label=name, kind=name, blocks=(name,), notes=(name,)),),
        performance=(row, dataclasses.replace(row, measure="auc")),
        roc=(curve,),
    )
    box = FlowBox(label=name, n=1, excluded=(Exclusion(reason=name, n=1, cases=(name,)),))
    failure = CaseFailure(case=name, stage=name, reason=name, path=name)
    return StudyResults(
        title=name,
        description=name,
        endpoints=(endpoint, endpoint),
        population=Population(flow=(box,)),
        extraction=Extraction(
            n_cases=1, n_features=1, settings={name: name}, families={name: 1}, failures=(failure,)
        ),
        provenance={"versions": {name: name}, "settings": {name: [name]}, "odd": {name: name}},
        generated=name,
    )


def test_hostile_names_stay_text():
    text = render(hostile())
    reader = read(text)
    assert {t for t, _ in reader.tags}.isdisjoint({"script", "img"})
    assert "onerror" not in {name for _, attributes in reader.tags for name in attributes}
    assert "{{ 7*7 }}" in text
    assert "&amp;amp;" in text


def test_formulas_in_names_are_quoted_in_downloads():
    failure = CaseFailure(case="=cmd|' /C calc'!A0", stage="read", reason="+1", path="@x")
    extraction = Extraction(n_cases=1, n_features=1, failures=(failure,))
    found = sheets(render(StudyResults(title="t", extraction=extraction)))["failures.csv"]
    assert found[1] == ["'=cmd|' /C calc'!A0", "read", "'+1", "'@x"]
    sheet = Sheet(("=cmd", "several"), ((-1.5, ("=cmd", "b")),))
    assert sheet.csv() == "'=cmd,several\r\n-1.5,'=cmd b\r\n"


def test_infinite_and_missing_limits_are_printed(study):
    endpoint = study.endpoints[0]
    model = endpoint.models[-1]
    rows = (
        dataclasses.replace(model.coefficients[0], upper=float("inf")),
        dataclasses.replace(model.coefficients[1], ratio=None, lower=None, upper=float("nan")),
    )
    changed = dataclasses.replace(endpoint, models=(dataclasses.replace(model, coefficients=rows),))
    text = render(dataclasses.replace(study, endpoints=(changed,)))
    assert "to\u00a0∞)" in text
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", text).lower())


def test_rendering_loads_no_plotting_library(study, tmp_path):
    write_json(tmp_path / "r.json", study.to_dict())
    code = (
        "import sys; from radtool.report import read_results, render;"
        f"render(read_results({str(tmp_path / 'r.json')!r}));"
        "heavy = {'matplotlib', 'sklearn', 'lifelines', 'torch', 'xgboost'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_templates_and_checklists_lie_in_the_package():
    root = resources.files("radtool.report")
    for name in ("templates/page.html", "templates/page.css", "checklists/metrics.json"):
        assert (root / name).is_file()


def test_arrays_render_as_their_stored_values(study):
    endpoint = study.endpoints[1]
    curve = endpoint.roc[0]
    arrays = dataclasses.replace(
        curve,
        false_positive_rate=np.array(curve.false_positive_rate),
        true_positive_rate=np.array(curve.true_positive_rate),
    )
    one = dataclasses.replace(study, endpoints=(dataclasses.replace(endpoint, roc=(curve,)),))
    two = dataclasses.replace(study, endpoints=(dataclasses.replace(endpoint, roc=(arrays,)),))
    assert render(one) == render(two)
