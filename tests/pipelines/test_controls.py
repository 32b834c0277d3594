"""Models on control features: the same recipe, folds and cases, or a word why not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.evaluation import compare_c, harrell_c
from radtool.models import cross_validate
from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.endpoint import Plan, planned_models
from radtool.pipelines.question import answer
from radtool.report.results import ControlRow, EndpointResults
from radtool.selection import CorrelationFilter, Standardize, UnivariateCoxFilter
from radtool.table import Endpoint, Study, feature_columns, join
from tests.pipelines.conftest import simulated

COHORTS = Cohorts(development=("A",), external=("C",))
PLAN = Plan(
    clinical=("age",),
    steps=(Standardize(), CorrelationFilter(0.85), UnivariateCoxFilter(top=1)),
    folds=3,
    repeats=1,
    bootstrap=0,
    seed=5,
)


def as_table(study: Study) -> pd.DataFrame:
    """The feature table that a study was joined from."""
    return study.X[feature_columns(study.X)].rename_axis("case_id").reset_index()


def without_texture(study: Study) -> pd.DataFrame:
    """A control in which the feature that carries the signal belongs to other patients."""
    table = as_table(study)
    order = np.random.default_rng(0).permutation(len(table))
    return table.assign(original_stat_variance=table["original_stat_variance"].to_numpy()[order])


@pytest.fixture(scope="module")
def study() -> Study:
    features, outcomes = simulated()
    endpoint = Endpoint(name="overall survival", duration="days", event="dead")
    return join(features, outcomes, endpoint=endpoint, covariates=["age"])


@pytest.fixture(scope="module")
def results(study: Study, tmp_path_factory: pytest.TempPathFactory) -> EndpointResults:
    """One study with a control that lost the signal, one that lost nothing, and awkward ones."""
    table = as_table(study)
    tables = {
        "lost": without_texture(study),
        "same": table.sample(frac=1, random_state=1),
        "other_volume": table.assign(original_morph_volume=1.0),
        "half": table.iloc[::2],
        "inside": table[(study.X["site"] == "C").to_numpy() | (np.arange(len(table)) % 2 == 0)],
        "outside": table[(study.X["site"] == "A").to_numpy() | (np.arange(len(table)) % 2 == 0)],
        "few": table.iloc[:3],
    }
    return answer(study, COHORTS, PLAN, tmp_path_factory.mktemp("out"), controls=tables).results


def row(results: EndpointResults, name: str, model: str, design: str) -> ControlRow:
    control = next(control for control in results.controls if control.name == name)
    return next(r for r in control.rows if (r.model, r.design) == (model, design))


@pytest.mark.parametrize("design", ["nested CV", "external"])
def test_a_control_without_the_signal_falls_to_chance(
    results: EndpointResults, design: str
) -> None:
    got = row(results, "lost", "radiomics", design)
    assert got.real_lower is not None
    assert got.lower is not None
    assert got.upper is not None
    assert got.difference_lower is not None
    assert got.real_lower > 0.6
    assert got.lower < 0.5 < got.upper
    assert got.difference_lower > 0


def test_a_control_with_the_same_features_is_the_same_to_the_digit(
    results: EndpointResults,
) -> None:
    same = next(control for control in results.controls if control.name == "same")
    assert len(same.rows) == 4
    for got in same.rows:
        assert got.is_whole
        assert got.value == got.real
        assert got.difference == 0.0
        elsewhere = [
            p.value
            for p in results.performance
            if (p.model, p.design, p.measure) == (got.model, got.design, "harrell_c")
            and "mean of folds" not in p.note
        ]
        assert elsewhere == [got.real]


def test_numbers_are_those_of_the_functions_called_by_hand(
    study: Study, results: EndpointResults
) -> None:
    got = row(results, "lost", "radiomics", "nested CV")
    inside = study.take(study.X["site"] == "A")
    table = without_texture(study).set_index("case_id")
    X = inside.X.assign(original_stat_variance=table["original_stat_variance"])
    signature = planned_models(inside, PLAN)["radiomics"]
    how = {"folds": PLAN.folds, "repeats": PLAN.repeats, "seed": PLAN.seed}
    control = cross_validate(signature, X, inside.y, inside.patients, **how).risk
    real = cross_validate(signature, inside.X, inside.y, inside.patients, **how).risk
    assert got.value == harrell_c(inside.y, control).value
    gain = compare_c(inside.y, control, real).iloc[0]
    assert got.difference == pytest.approx(gain["difference"], abs=1e-12)
    assert got.p == pytest.approx(gain["p"], abs=1e-12)


def test_the_volume_stays_the_real_one(results: EndpointResults) -> None:
    for model in ("radiomics", "all"):
        for design in ("nested CV", "external"):
            one = row(results, "same", model, design)
            assert row(results, "other_volume", model, design) == one


def test_cases_without_a_control_are_left_out_on_both_sides(
    study: Study, results: EndpointResults
) -> None:
    got = row(results, "half", "radiomics", "nested CV")
    inside = study.take((study.X["site"] == "A") & (np.arange(len(study.X)) % 2 == 0))
    assert (got.n, got.is_whole) == (len(inside.X), False)
    assert got.events == int(inside.y["event"].sum())
    assert got.value == got.real
    assert got.real != row(results, "same", "radiomics", "nested CV").real
    # Everybody outside has this control, but the models were refitted without some of the others.
    assert not row(results, "inside", "radiomics", "external").is_whole
    assert row(results, "outside", "radiomics", "nested CV").is_whole
    assert not row(results, "outside", "radiomics", "external").is_whole


def test_a_control_that_cannot_be_fitted_says_so_and_the_answer_stays(
    study: Study, results: EndpointResults, tmp_path: Path
) -> None:
    few = next(control for control in results.controls if control.name == "few")
    assert few.rows == ()
    assert "could not be compared" in few.note
    plain = answer(study, COHORTS, PLAN, tmp_path).results
    kept = dataclasses.replace(results, controls=(), looks=plain.looks)
    assert kept.to_dict() == plain.to_dict()
    assert EndpointResults.from_dict(results.to_dict()).to_dict() == results.to_dict()


def test_a_sealed_cohort_is_not_looked_at_by_a_control_either(study: Study, tmp_path: Path) -> None:
    sealed = dataclasses.replace(COHORTS, is_sealed=True)
    found = answer(study, sealed, PLAN, tmp_path, controls={"same": as_table(study)}).results
    assert {got.design for got in found.controls[0].rows} == {"nested CV"}


def test_markers_are_compared_by_auc(marker: Study, tmp_path: Path) -> None:
    plan = dataclasses.replace(PLAN, clinical=(), steps=(Standardize(),), marker_model="logistic")
    tables = {"shuffled": without_texture(marker)}
    results = answer(marker, COHORTS, plan, tmp_path, controls=tables).results
    got = row(results, "shuffled", "radiomics", "nested CV")
    assert (got.measure, got.test) == ("auc", "DeLong")
    assert got.difference_lower is not None
    assert got.difference_lower > 0
