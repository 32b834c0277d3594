"""Precision-recall curves, own tables, histograms and warnings of a study."""

import dataclasses
import re

import pytest

from radtool.errors import InputError
from radtool.report import render
from radtool.report.results import (
    Distribution,
    DistributionGroup,
    EndpointResults,
    PrecisionRecall,
    Question,
    ResultTable,
    StudyResults,
)

CURVE = PrecisionRecall(
    model="radiomics", cohort="outside", design="external", recall=(0.0, 0.5, 1.0),
    precision=(1.0, 0.4, 0.03), area=0.41, lower=0.2, upper=0.6, prevalence=0.03,
)  # fmt: skip
TABLE = ResultTable(
    name="agreement", caption="Where two models agree", columns=("Part", "n"),
    rows=(("agree <b>", "12"),),
)  # fmt: skip
BINS = Distribution(
    feature="original_stat_mean", edges=(0.0, 1.0, 2.0),
    groups=(DistributionGroup(label="yes", counts=(1, 2)),),
)  # fmt: skip


@pytest.fixture
def study():
    endpoint = EndpointResults(
        question=Question(name="m", kind="marker"),
        precision_recall=(CURVE,),
        tables=(TABLE,),
        distributions=(BINS,),
    )
    return StudyResults(title="T", endpoints=(endpoint,), warnings=("numbers <i>leak</i>",))


def test_warnings_come_first_and_are_escaped(study):
    html = render(study)
    where = html.index("numbers &lt;i&gt;leak&lt;/i&gt;")
    assert where < html.index("Precision–recall</h3>")
    assert re.search(r'class="[^"]*warning[^"]*">numbers', html)


def test_curve_table_and_histogram_are_drawn(study):
    html = render(study)
    assert "Precision-recall curves in outside, external: radiomics area 0.410" in html
    assert "Dotted: chance, 0.030" in html
    assert "agree &lt;b&gt;" in html
    assert "Histogram of original_stat_mean by class: yes 1, 2." in html


def test_results_come_back_from_json(study):
    assert StudyResults.from_dict(study.to_dict()) == study


def test_a_row_that_does_not_fit_its_headings_is_refused():
    with pytest.raises(InputError, match="a row of 1 cells under 2 headings"):
        dataclasses.replace(TABLE, rows=(("x",),))


def test_a_study_without_these_parts_does_not_miss_them():
    question = Question(name="s", kind="survival")
    endpoint = EndpointResults(question=question, tables=(TABLE,))
    html = render(StudyResults(title="T", endpoints=(endpoint,)))
    assert "recision" not in html
