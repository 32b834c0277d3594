from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import compare_c, fit_cox, harrell_c, incidence_at
from radtool.models import load_signature, read_log
from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.endpoint import Plan
from radtool.pipelines.question import answer, slug
from radtool.report import render
from radtool.report.checklists import fill
from radtool.report.results import EndpointResults, StudyResults
from radtool.selection import CorrelationFilter, Standardize, UnivariateCoxFilter
from radtool.table import Endpoint, Study, join
from tests.pipelines.conftest import simulated

COHORTS = Cohorts(development=("A",), external=("C",))
PLAN = Plan(
    clinical=("age",),
    steps=(Standardize(), CorrelationFilter(0.85), UnivariateCoxFilter(top=1)),
    folds=3,
    repeats=1,
    bootstrap=5,
)


@pytest.fixture(scope="module")
def answered(
    survival: Study, tmp_path_factory: pytest.TempPathFactory
) -> tuple[EndpointResults, Path]:
    """One answer and its folder, which is only read."""
    out = tmp_path_factory.mktemp("answered")
    return answer(survival, COHORTS, PLAN, out).results, out


def value(found: EndpointResults, model: str, design: str, measure: str) -> float:
    rows = [
        r for r in found.performance if (r.model, r.design, r.measure) == (model, design, measure)
    ]
    assert rows[0].value is not None
    return rows[0].value


def test_external_numbers_are_those_of_the_saved_signature(
    survival: Study, answered: tuple
) -> None:
    found, out = answered
    outside = survival.take(survival.X["site"] == "C")
    frozen = load_signature(out / "overall_survival.signature.json")
    risk = frozen.predict_risk(outside.X)
    assert value(found, "all", "external", "harrell_c") == harrell_c(outside.y, risk).value
    assert found.question.cohorts[1].n == len(outside.X) == 64


def test_planted_texture_is_found_and_adds_to_clinical_and_volume(answered: tuple) -> None:
    found, _ = answered
    full = next(model for model in found.models if model.name == "all")
    assert {row.feature for row in full.coefficients if row.block == "radiomics"} == {
        "original_stat_variance"
    }
    assert found.headline is not None
    added = found.headline.comparison
    assert added is not None
    assert (added.model_a, added.model_b, added.design) == ("all", "clinical_volume", "external")
    assert added.lower is not None
    assert added.lower > 0


def test_added_value_is_the_paired_difference(survival: Study, answered: tuple) -> None:
    found, _ = answered
    difference = value(found, "all", "external", "harrell_c") - value(
        found, "clinical_volume", "external", "harrell_c"
    )
    assert found.headline is not None
    assert found.headline.comparison is not None
    assert found.headline.comparison.difference == pytest.approx(difference, abs=1e-12)
    y = survival.y
    assert isinstance(y, pd.DataFrame)
    same = compare_c(y, survival.X["age"], survival.X["age"])
    assert same["difference"].iloc[0] == 0.0


def test_changing_the_external_cohort_changes_nothing_that_was_learned(
    survival: Study, answered: tuple, tmp_path: Path
) -> None:
    other = survival.take(np.ones(len(survival.X), dtype=bool))
    outside = other.X["site"] == "C"
    X = other.X.copy()
    X.loc[outside, "original_stat_variance"] *= -7.0
    y = other.y.copy()
    y.loc[outside, "duration"] = y.loc[outside, "duration"].to_numpy()[::-1]
    changed = Study(X, y, other.patients, other.endpoint, other.features, other.left_out)
    answer(changed, COHORTS, PLAN, tmp_path)
    name = "overall_survival.signature.json"
    assert (answered[1] / name).read_bytes() == (tmp_path / name).read_bytes()


def test_sealed_cohorts_are_not_looked_at(survival: Study, tmp_path: Path) -> None:
    sealed = Cohorts(development=("A",), external=("C",), is_sealed=True)
    found = answer(survival, sealed, PLAN, tmp_path).results
    assert {row.design for row in found.performance} == {
        "nested CV", "apparent", "bootstrap-corrected",
    }  # fmt: skip
    assert not (tmp_path / "evaluation_log.jsonl").exists()


def test_every_look_is_logged_and_the_same_look_shown_once(
    survival: Study, answered: tuple, tmp_path: Path
) -> None:
    out = tmp_path / "again"
    shutil.copytree(answered[1], out)
    found = answer(survival, COHORTS, PLAN, out).results
    assert len(read_log(out / "evaluation_log.jsonl")) == 2
    assert len(found.looks) == 1
    logged = read_log(out / "evaluation_log.jsonl")[-1]["signature_sha256"]
    assert logged == found.signatures[0].sha256


def test_markers_get_an_auc_and_a_roc_curve(marker: Study, tmp_path: Path) -> None:
    plan = Plan(steps=(Standardize(),), folds=3, repeats=1, bootstrap=0, marker_model="logistic")
    found = answer(marker, COHORTS, plan, tmp_path).results
    assert value(found, "radiomics", "external", "auc") > 0.7
    assert {curve.cohort for curve in found.roc} == {"A", "C"}
    assert EndpointResults.from_dict(found.to_dict()) == found


def test_cases_of_no_cohort_are_named(survival: Study, tmp_path: Path) -> None:
    X = survival.X.copy()
    X.iloc[0, X.columns.get_loc("site")] = "Z"
    study = Study(X, survival.y, survival.patients, survival.endpoint, survival.features)
    found = answer(study, COHORTS, PLAN, tmp_path).results
    assert found.population is not None
    excluded = [item for box in found.population.flow for item in box.excluded]
    assert [(item.reason, item.cases) for item in excluded] == [
        ("site 'Z' is in neither cohort", ("P000",))
    ]


@pytest.mark.parametrize(
    ("cohorts", "message"),
    [
        (Cohorts(column="hospital", external=("C",)), "no column 'hospital'"),
        (Cohorts(external=("Q",)), r"no case of site 'Q'; there are \['A', 'C'\]"),
    ],
)
def test_cohorts_that_do_not_exist_are_refused(
    survival: Study, tmp_path: Path, cohorts: Cohorts, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        answer(survival, cohorts, PLAN, tmp_path)


def test_a_patient_in_both_cohorts_is_refused(survival: Study, tmp_path: Path) -> None:
    people = survival.patients.copy()
    people.iloc[-1] = people.iloc[0]
    study = Study(survival.X, survival.y, people, survival.endpoint, survival.features)
    with pytest.raises(InputError, match=r"patient\(s\) \['P000'\] are in the development and"):
        answer(study, COHORTS, PLAN, tmp_path)


def test_endpoint_names_make_plain_file_names() -> None:
    assert slug("Overall survival (2 y)/É") == "overall_survival__2_y__é"


def test_a_table_without_sites_is_one_development_cohort(survival: Study, tmp_path: Path) -> None:
    plain = Study(
        survival.X.drop(columns="site"), survival.y, survival.patients, survival.endpoint,
        survival.features,
    )  # fmt: skip
    found = answer(plain, Cohorts(), PLAN, tmp_path).results
    assert [(c.name, c.n) for c in found.question.cohorts] == [("development", len(plain.X))]
    assert "external" not in {row.design for row in found.performance}


def test_added_value_has_a_likelihood_ratio_test_beside_the_c(
    survival: Study, answered: tuple
) -> None:
    found, out = answered
    rows = [r for r in found.comparisons if r.design == "external" and r.model_b != "volume"]
    assert [r.measure for r in rows[:2]] == ["harrell_c", "lrt_chi2"]
    frozen = load_signature(out / "overall_survival.signature.json")
    outside = survival.take(survival.X["site"] == "C")
    assert isinstance(outside.y, pd.DataFrame)
    score = frozen.predict_risk(outside.X).to_frame("all")
    alone = fit_cox(score, outside.y)
    assert rows[1].difference is not None
    assert alone.likelihood_ratio > rows[1].difference > 10


def competing_study() -> Study:
    """Texture drives the event, age what competes with it."""
    features, outcomes = simulated(240)
    rng = np.random.default_rng(8)
    texture, age = features["original_stat_variance"], (outcomes["age"] - 60) / 10
    first = rng.exponential(np.exp(-0.9 * texture))
    second = rng.exponential(2.0 * np.exp(-0.6 * age))
    limit = rng.uniform(0.3, 4.0, len(features))
    days = np.minimum(np.minimum(first, second), limit)
    outcomes = outcomes.assign(
        days=days, status=np.where(days == first, 1, np.where(days == second, 2, 0))
    )
    endpoint = Endpoint(name="recurrence", duration="days", status="status")
    return join(features, outcomes, endpoint=endpoint, covariates=["age"])


def test_competing_risks_from_the_endpoint_to_the_page(tmp_path: Path) -> None:
    study = competing_study()
    found = answer(study, COHORTS, PLAN, tmp_path).results
    assert found.question.competing
    assert {model.kind for model in found.models} == {"fine-gray"}
    assert {curve.quantity for curve in found.kaplan_meier} == {"incidence"}
    measures = {row.measure for row in found.performance if row.design == "external"}
    assert {"harrell_c", "auc_t", "brier", "ipa", "oe_ratio", "calibration_slope"} <= measures
    assert [table.name for table in found.tables] == ["cause-specific"]
    outside = study.take(study.X["site"] == "C")
    frozen = load_signature(tmp_path / "recurrence.signature.json")
    high = frozen.risk_groups(outside.X) == "high"
    curve = next(c for c in found.kaplan_meier if (c.model, c.design) == ("all", "external"))
    assert isinstance(outside.y, pd.DataFrame)
    assert curve.groups[1].survival[-1] == pytest.approx(incidence_at(outside.y[high], 10.0).value)
    page = render(StudyResults(title="Recurrence", endpoints=(found,)))
    assert "Gray’s test" in page
    assert "Cumulative incidence" in page
    assert "with competing risks" in page
    assert "Kaplan-Meier" not in page


def test_permuted_outcomes_stand_beside_the_model_and_never_for_it(
    survival: Study, tmp_path: Path
) -> None:
    plan = dataclasses.replace(PLAN, permutations=6, bootstrap=0, folds=2)
    found = answer(survival, COHORTS, plan, tmp_path).results
    rows = [row for row in found.performance if row.design == "permuted outcome"]
    assert [row.model for row in rows] == ["all"]
    assert rows[0].value == pytest.approx(0.5, abs=0.08)
    page = render(StudyResults(title="t", endpoints=(found,)))
    summary = page[page.index('id="summary"') : page.index('id="flow"')]
    assert "permuted" not in summary
    assert "6 permutations from" in page


def test_riley_s_number_is_evidence_and_not_an_answer(answered: tuple) -> None:
    found, _ = answered
    assert all(model.required_n for model in found.models)
    results = StudyResults(title="t", endpoints=(found,))
    item = {one.item: one for one in fill("clear", results).items}["9"]
    assert (item.status, item.answer) == ("evidence", None)
    assert "computed by this run" in item.proofs[0].text
