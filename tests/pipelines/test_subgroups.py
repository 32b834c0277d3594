from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.evaluation import auc, fit_cox, harrell_c
from radtool.pipelines.cohorts import Cohorts
from radtool.pipelines.endpoint import Plan
from radtool.pipelines.question import answer
from radtool.pipelines.subgroups import Scored, group_levels, subgroup_rows
from radtool.selection import Standardize
from radtool.table import Endpoint, Study


def make_study(n: int = 400, *, opposite: bool = False) -> tuple[Study, pd.Series]:
    """A score whose effect is the same in both sexes, or the opposite in men."""
    rng = np.random.default_rng(5)
    score = rng.normal(size=n)
    man = rng.random(n) < 0.5
    effect = np.where(man & opposite, -0.8, 0.8)
    time = rng.exponential(np.exp(-effect * score))
    limit = rng.uniform(0.5, 3.0, n)
    index = [f"p{number}" for number in range(n)]
    y = pd.DataFrame({"event": time <= limit, "duration": np.minimum(time, limit)}, index=index)
    X = pd.DataFrame(
        {"sex": np.where(man, "man", "woman"), "age": rng.normal(65, 9, n).round(1),
         "site": np.where(np.arange(n) < 6, "tiny", "large")}, index=index
    )  # fmt: skip
    endpoint = Endpoint(name="os", duration="d", event="e")
    return Study(X, y, pd.Series(index, index=index), endpoint, []), pd.Series(score, index=index)


def scored(study: Study, score: pd.Series) -> Scored:
    return Scored(study, score, score, ("all", "b", "external"))


def test_rows_are_those_of_a_cox_model_and_c_in_each_group() -> None:
    study, score = make_study()
    rows = subgroup_rows(scored(study, score), ["sex"], study)
    found = {(r.measure, r.variable, r.level): r for r in rows}
    men = study.X["sex"] == "man"
    assert isinstance(study.y, pd.DataFrame)
    by_hand = fit_cox((score / score.std()).to_frame("s")[men], study.y[men]).table().iloc[0]
    row = found["hazard_ratio", "sex", "man"]
    assert (row.value, row.lower, row.upper) == pytest.approx(
        (by_hand["hazard_ratio"], by_hand["lower"], by_hand["upper"]), abs=1e-10
    )
    assert (row.n, row.events) == (men.sum(), study.y["event"][men].sum())
    assert found["harrell_c", "sex", "man"].value == harrell_c(study.y[men], score[men]).value
    assert found["harrell_c", "all", ""].value == harrell_c(study.y, score).value


@pytest.mark.parametrize(("opposite", "is_found"), [(False, False), (True, True)])
def test_interaction_is_found_when_there_is_one(opposite: bool, is_found: bool) -> None:
    study, score = make_study(opposite=opposite)
    rows = subgroup_rows(scored(study, score), ["sex"], study)
    p = [r.p_interaction for r in rows if r.p_interaction is not None]
    assert len(p) == 1
    assert (p[0] < 1e-6) is is_found
    assert (p[0] > 0.05) is not is_found


def test_a_small_group_is_named_and_has_no_value() -> None:
    study, score = make_study()
    rows = subgroup_rows(scored(study, score), ["site"], study)
    tiny = [r for r in rows if r.level == "tiny"]
    assert [(r.n, r.value, r.lower) for r in tiny] == [(6, None, None)] * 2
    assert all(r.p_interaction is None for r in rows)


def test_numbers_are_cut_at_the_development_median_and_unknown_is_a_group() -> None:
    values = pd.Series([1.0, 50.0, np.nan, 51.0])
    development = pd.Series(np.arange(101.0))
    assert group_levels(values, development).tolist() == ["≤ 50", "≤ 50", "not known", "> 50"]


def test_a_column_that_is_not_there_is_named() -> None:
    study, score = make_study(40)
    with pytest.raises(InputError, match="no column 'sexe' to make subgroups by; did you mean"):
        subgroup_rows(scored(study, score), ["sexe"], study)


def test_markers_get_odds_ratios_and_auc() -> None:
    study, score = make_study()
    assert isinstance(study.y, pd.DataFrame)
    marker = study.y["event"]
    probability = 1 / (1 + np.exp(-score))
    question = Study(
        study.X, marker, study.patients, Endpoint(name="m", marker="m"), study.features
    )
    rows = subgroup_rows(scored(question, probability), ["sex"], question)
    found = {(r.measure, r.level): r for r in rows}
    women = study.X["sex"] == "woman"
    assert found["auc", "woman"].value == auc(marker[women], probability[women]).value
    import statsmodels.api as sm

    design = sm.add_constant((score / score.std())[women])
    fitted = sm.Logit(marker[women].astype(float), design).fit(disp=False)
    assert found["odds_ratio", "woman"].value == pytest.approx(np.exp(fitted.params.iloc[1]))


def test_an_answer_has_subgroups_of_the_external_cohort(survival: Study, tmp_path: Path) -> None:
    plan = Plan(
        clinical=("age",), steps=(Standardize(),), folds=3, repeats=1, bootstrap=0,
        subgroups=("age",),
    )  # fmt: skip
    cohorts = Cohorts(development=("A",), external=("C",))
    found = answer(survival, cohorts, plan, tmp_path).results
    assert {(r.model, r.cohort, r.design) for r in found.subgroups} == {("all", "C", "external")}
    sealed = dataclasses.replace(cohorts, is_sealed=True)
    inside = answer(survival, sealed, plan, tmp_path).results
    assert {(r.cohort, r.design) for r in inside.subgroups} == {("A", "nested CV")}
