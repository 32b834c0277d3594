"""What can be wrong with the data of a study: a clear error, or a policy that has a name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, RadtoolError, TableError
from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.endpoint import Plan
from radtool.pipelines.question import answer
from radtool.report import render
from radtool.report.results import EndpointResults, StudyResults
from radtool.selection import Standardize, UnivariateCoxFilter
from radtool.table import Endpoint, Study, join
from tests.pipelines.conftest import simulated

COHORTS = Cohorts(development=("A",), external=("C",))
OS = Endpoint(name="os", duration="days", event="dead")
ONE = (Standardize(), UnivariateCoxFilter(top=1))


def ask(
    features: pd.DataFrame, outcomes: pd.DataFrame, out: Path, steps: tuple = ONE
) -> EndpointResults:
    study: Study = join(features, outcomes, endpoint=OS, covariates=["age"])
    plan = Plan(clinical=("age",), steps=steps, folds=2, repeats=1, bootstrap=0)
    return answer(study, COHORTS, plan, out).results


def notes(found: EndpointResults) -> str:
    return " ".join(note for model in found.models for note in model.notes)


@pytest.fixture
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    return simulated(120)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (0, "no events among 120 cases"),
        (1, "1 event among 72 cases; a survival model needs at least 2"),
    ],
)
def test_too_few_events_are_said(tables, tmp_path: Path, events: int, message: str) -> None:
    features, outcomes = tables
    outside = (features["site"] == "C").to_numpy()
    outcomes["dead"] = (np.arange(120) < events) | (outside & (events > 0))
    with pytest.raises(RadtoolError, match=message):
        ask(features, outcomes, tmp_path)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("A", "external cohort C has no events among 48 cases of 'os'"),
        ("C", "development cohort A has no events among 72 cases of 'os'"),
    ],
)
def test_events_in_one_site_only_are_said(tables, tmp_path: Path, site: str, message: str) -> None:
    features, outcomes = tables
    outcomes["dead"] &= (features["site"] == site).to_numpy()
    with pytest.raises(RadtoolError, match=message):
        ask(features, outcomes, tmp_path)


@pytest.mark.parametrize("bad", [0.0, -3.0, np.inf, "soon"])
def test_times_that_cannot_be_are_named_by_case(tables, tmp_path: Path, bad: object) -> None:
    features, outcomes = tables
    outcomes["days"] = outcomes["days"].astype(object)
    outcomes.loc[[3, 4], "days"] = bad
    with pytest.raises(TableError, match=r"duration must be a number above 0.*P003, P004"):
        ask(features, outcomes, tmp_path)


def test_missing_times_leave_the_study_with_their_names(tables, tmp_path: Path) -> None:
    features, outcomes = tables
    outcomes.loc[[3, 4], "days"] = np.nan
    found = ask(features, outcomes, tmp_path)
    assert found.population is not None
    gone = [item for box in found.population.flow for item in box.excluded]
    assert [(item.reason, item.cases) for item in gone] == [
        ("outcome 'os' is not known", ("P003", "P004"))
    ]


def test_tied_times_are_fine(tables, tmp_path: Path) -> None:
    features, outcomes = tables
    outcomes["days"] = np.ceil(outcomes["days"])
    found = ask(features, outcomes, tmp_path)
    values = [row.value for row in found.performance if row.measure == "harrell_c"]
    assert all(value is not None and 0 < value < 1 for value in values)


def test_perfect_separation_is_penalised_and_said(tables, tmp_path: Path) -> None:
    features, outcomes = tables
    # The feature is the order of the deaths: without a penalty its coefficient has no end.
    features["original_stat_variance"] = -outcomes["days"].rank().to_numpy()
    outcomes["dead"] = True
    found = ask(features, outcomes, tmp_path)
    assert "refitted with ridge 1.0" in notes(found)
    full = next(model for model in found.models if model.name == "all")
    assert all(np.isfinite(row.coefficient) for row in full.coefficients)


def test_more_features_than_cases_need_a_selection(tables, tmp_path: Path) -> None:
    features, outcomes = tables
    many = pd.DataFrame(
        np.random.default_rng(0).normal(size=(120, 300)),
        columns=[f"original_glcm_x{number}" for number in range(300)],
    )
    wide = pd.concat([features, many], axis=1)
    with pytest.raises(InputError, match=r"30\d predictors for \d+ events"):
        ask(wide, outcomes, tmp_path, steps=(Standardize(),))
    found = ask(wide, outcomes, tmp_path)
    assert found.models[-1].candidates == 309


def test_raw_scales_do_not_overflow(tables, tmp_path: Path) -> None:
    features, outcomes = tables
    plain = ask(features, outcomes, tmp_path / "plain", steps=(UnivariateCoxFilter(top=2),))
    for column in ("original_stat_variance", "original_glcm_noise0"):
        features[column] = 1e12 + 1e11 * features[column]
    huge = ask(features, outcomes, tmp_path / "huge", steps=(UnivariateCoxFilter(top=2),))
    for one, two in zip(plain.performance, huge.performance, strict=True):
        if one.measure == "harrell_c":
            assert two.value == pytest.approx(one.value, abs=1e-6)


def test_a_constant_index_is_a_coin(tables, tmp_path: Path) -> None:
    features, outcomes = tables
    features["original_morph_volume"] = 5.0
    found = ask(features, outcomes, tmp_path)
    rows = [
        row for row in found.performance
        if (row.model, row.design, row.measure) == ("volume", "external", "harrell_c")
    ]  # fmt: skip
    assert [row.value for row in rows] == [0.5]


def test_a_marker_of_three_classes_is_refused(tables) -> None:
    features, outcomes = tables
    outcomes["grade"] = np.tile(["I", "II", "III"], 40)
    with pytest.raises(TableError, match=r"name the one that counts with positive="):
        join(features, outcomes, endpoint=Endpoint(name="grade", marker="grade"))
    with pytest.raises(TableError, match="has 3 values, not two"):
        join(features, outcomes, endpoint=Endpoint(name="grade", marker="grade", positive="I"))


def test_a_case_of_an_unknown_site_teaches_nothing(tmp_path: Path) -> None:
    features, outcomes = simulated()
    features.loc[:4, "site"] = None
    study = join(features, outcomes, endpoint=OS)
    development, external, neither = Cohorts(external=("C",)).split(study)
    assert external is not None
    assert len(development.X) + len(external.X) == len(features) - 5
    assert [failure.reason for failure in neither] == ["site is not known"] * 5


def test_one_event_outside_shows_nothing(tmp_path: Path) -> None:
    features, outcomes = simulated()
    outside = (features["site"] == "C").to_numpy()
    outcomes.loc[outside, "dead"] = np.arange(outside.sum()) == 3
    found = ask(features, outcomes, tmp_path)
    assert found.headline is not None
    assert found.headline.comparison is not None
    assert found.headline.comparison.lower is None
    page = render(StudyResults(title="t", endpoints=(found,)))
    assert "without an interval; nothing can be concluded" in page
    assert "1 event)" in page
    assert not re.search(r"\b1 events", page)


def test_an_external_cohort_that_cannot_be_judged_is_named(tmp_path: Path) -> None:
    features, outcomes = simulated()
    features["site"] = ["A"] * (len(features) - 1) + ["C"]
    with pytest.raises(InputError, match="external cohort C: no two cases can be compared"):
        ask(features, outcomes.assign(dead=True), tmp_path)


def test_two_lesions_a_patient_are_no_more_evidence_than_one(tmp_path: Path) -> None:
    features, outcomes = simulated()
    both = pd.concat(
        [features.assign(roi=roi, case_id=features["patient_id"] + roi) for roi in ("a", "b")]
    )
    once, twice = (ask(table, outcomes, tmp_path / name).headline for name, table in
                   (("one", features), ("two", both)))  # fmt: skip
    assert once is not None
    assert twice is not None
    first, second = once.comparison, twice.comparison
    assert first is not None
    assert second is not None
    # The lesions are copies, so that their models and their C are the same.
    assert second.difference == pytest.approx(first.difference, abs=0.02)
    assert second.upper - second.lower == pytest.approx(first.upper - first.lower, rel=0.1)
