"""Lesions nested in patients: splits, branches, thresholds, patients; and the cohort table."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, ParameterError, RadtoolWarning, TableError
from radtool.evaluation import auc, grouped_split, youden_threshold
from radtool.models import load_signature, signature_document
from radtool.models.cases import hashed_ids
from radtool.pipelines.are_prediction import AreSettings, are_prediction
from radtool.pipelines.are_run import AreRun, choose_and_fit
from radtool.pipelines.are_tables import agreement_table
from radtool.pipelines.are_tables import tested_baseline as baseline_tests
from radtool.pipelines.marker_numbers import LabelledCohort
from radtool.pipelines.synthetic_lesions import metastases_cohort
from radtool.report.results import Question, StudyResults

QUESTION = Question(name="are", kind="marker", label="radiation effect", positive="radionecrosis")
SMALL = AreSettings(
    folds=3, depths=(2,), rounds=(30,), learning_rates=(0.1,), at_most=6, fraction=0.5,
    imputer_rounds=1, imputer_trees=4, bootstraps=40,
)  # fmt: skip
INSIDE, TEST = "inside, internal test", "inside, internal test, patients"


@pytest.fixture(scope="module")
def cohorts():
    inside = metastases_cohort(
        220, lesions=800, seed=3, name="inside", event_share=0.12, features=24, deep=12
    )
    outside = metastases_cohort(
        90, lesions=240, seed=4, name="outside", event_share=0.12, features=24, deep=12,
        unseen=True,
    )  # fmt: skip
    return inside, outside


@pytest.fixture(scope="module")
def found(cohorts, tmp_path_factory):
    out = tmp_path_factory.mktemp("are")
    return are_prediction(*cohorts, QUESTION, SMALL, out=out, synthetic=True), out


def test_a_patient_is_on_one_side_only(found, cohorts):
    result, _ = found
    trained = set(result.signatures["radiomics"].trained_on_["ids_sha256"])
    held_out = set(result.patients.index[result.patients["cohort"] == INSIDE])
    assert len(held_out) == 66
    assert not trained & set(hashed_ids(sorted(held_out)))
    assert len(trained) + len(held_out) == 220
    whole = cohorts[0].y.groupby(cohorts[0].patients.to_numpy()).any()
    assert whole[sorted(held_out)].mean() == pytest.approx(whole.mean(), abs=0.01)


def test_the_branch_with_the_least_noise_is_chosen(found):
    assert set(found[0].branches.values()) == {"harmonization"}


def test_held_out_patients_choose_and_teach_nothing(cohorts):
    """Turning every outcome of the held-out patients round leaves branch and model as they are."""
    plain, outside = (dataclasses.replace(c, deep=None, clinical=None) for c in cohorts)
    held_out = grouped_split(plain.y, plain.patients, share=0.3, seed=0)
    turned = dataclasses.replace(plain, y=plain.y ^ held_out)
    documents = []
    for inside in (plain, turned):
        run = AreRun(QUESTION, inside, outside, SMALL, ())
        choose_and_fit(run, pd.Series(held_out, plain.y.index))
        documents.append((run.branches, signature_document(run.signatures["radiomics"])))
    assert documents[0] == documents[1]


def test_planted_textures_are_found(found, cohorts):
    result, _ = found
    assert result.auc("radiomics", "outside") > 0.65
    used = result.signatures["radiomics"].coefficients_["feature"].tolist()
    # Features k, k + 16, … follow factor k; factors 0 and 1 carry the risk, columns start at 1.
    planted = {f"f{k:03d}" for k in (0, 1, 16, 17)}
    assert {name[-4:] for name in used} & planted


def test_variance_goes_before_scaling_and_says_which(found):
    result, _ = found
    path = {row["step"]: row for row in result.signatures["radiomics"].selection_path_}
    steps = list(path)
    assert steps.index("VarianceFilter") < steps.index("Standardize")
    gone = path["VarianceFilter"]["dropped"]
    assert gone
    assert all(row["reason"] == "variance not above 0.01" for row in gone)


def test_the_order_of_columns_changes_nothing(found, cohorts):
    result, _ = found
    inside, outside = (
        dataclasses.replace(
            c, deep=None, clinical=None,
            branches={"harmonization": c.branches["harmonization"].sample(
                frac=1, axis=1, random_state=5)},
        )
        for c in cohorts
    )  # fmt: skip
    mixed = are_prediction(inside, outside, QUESTION, SMALL)
    kept = [set(one.signatures["radiomics"].coefficients_["feature"]) for one in (result, mixed)]
    assert kept[0] == kept[1]
    # Columns of another order are summed in another order: equal to rounding.
    assert mixed.auc("radiomics", "outside") == pytest.approx(
        result.auc("radiomics", "outside"), abs=0.01
    )


def test_cut_offs_are_youdens_of_training(found, cohorts):
    result, _ = found
    signature = result.signatures["radiomics"]
    held_out = set(result.patients.index[result.patients["cohort"] == INSIDE])
    table = cohorts[0].labelled("harmonization", list(cohorts[0].clinical))
    rows = ~table.people.isin(held_out)
    score = signature.predict_probability(table.X[rows])
    assert signature.cutoffs_["youden"] == youden_threshold(table.y[rows], score).value
    outside = cohorts[1].labelled("harmonization", list(cohorts[1].clinical))
    called = signature.predict(outside.X)
    row = next(
        r for r in result.results.endpoints[0].performance
        if (r.model, r.cohort, r.measure) == ("radiomics", "outside", "sensitivity")
    )  # fmt: skip
    assert row.value == pytest.approx(called[outside.y].mean())


def test_the_highest_lesion_is_the_patient_and_is_named(found, cohorts):
    result, _ = found
    table = cohorts[1].labelled("harmonization", list(cohorts[1].clinical))
    score = result.signatures["radiomics"].predict_probability(table.X)
    mine = result.patients[result.patients["cohort"] == "outside"]
    assert len(mine) == 90
    for patient, row in mine.iterrows():
        own = score[table.people == patient]
        assert row["score"] == own.max()
        assert row["driven_by"] == own.idxmax()
        assert row["event"] == table.y[own.index].any()
        assert row["lesions"] == len(own)
    truth = mine["event"].astype(bool)
    assert result.auc("radiomics", "outside, patients") == pytest.approx(
        auc(truth, mine["score"]).value
    )


def test_a_primary_tumour_that_training_did_not_have_does_not_stop_it(found, cohorts):
    result, out = found
    assert (cohorts[1].clinical["primary"] == "sarcoma").any()
    assert not (cohorts[0].clinical["primary"] == "sarcoma").any()
    assert np.isfinite(result.auc("all", "outside"))
    frozen = load_signature(out / "are_all.signature.json")
    table = cohorts[1].labelled("harmonization", list(cohorts[1].clinical))
    pd.testing.assert_series_equal(
        frozen.predict_probability(table.X), result.signatures["all"].predict_probability(table.X)
    )
    assert "sarcoma" in set(frozen.flags(table.X)["value"])


def test_the_report_holds_every_part_and_goes_through_json(found):
    result, out = found
    assert StudyResults.from_dict(result.results.to_dict()) == result.results
    html = (out / "report.html").read_text(encoding="utf-8")
    for words in (
        "Pre-processing branches",
        "Precision–recall",
        "radiomics where deep calls the same lesions",
        "Driven by lesion",
        "bootstrap of patients",
        "two-proportion z",
        "recursive elimination with XGBoost",
    ):
        assert words in html, words
    assert pd.read_csv(out / "patients.csv", index_col=0).shape == result.patients.shape


def test_as_published_warns_and_calls_nothing_a_test(cohorts):
    inside, outside = (dataclasses.replace(c, deep=None, clinical=None) for c in cohorts)
    settings = dataclasses.replace(SMALL, mode="as_published")
    with pytest.warns(RadtoolWarning, match="this part is no test"):
        result = are_prediction(inside, outside, QUESTION, settings)
    endpoint = result.results.endpoints[0]
    within = [row for row in endpoint.performance if row.cohort.startswith("inside")]
    assert {row.design for row in within} == {"apparent"}
    assert {row.cohort for row in within} == {
        "inside, selection part", "inside, selection part, patients",
    }  # fmt: skip
    assert result.results.warnings
    scores = {row[0]: float(row[2].split()[0]) for row in endpoint.tables[0].rows}
    assert result.branches["radiomics"] == max(scores, key=scores.get)
    with pytest.raises(ParameterError, match="they test nothing"):
        AreSettings(mode="as_published", held_out="test set")
    assert AreSettings(held_out="test set").held_out_name == "test set"


def test_unknown_settings_and_wrong_cohorts_are_refused(cohorts):
    inside, outside = cohorts
    with pytest.raises(ParameterError, match="did you mean 'at_most'"):
        are_prediction(inside, outside, QUESTION, {"at_mst": 3})
    with pytest.raises(InputError, match="are in inside and in again"):
        are_prediction(inside, dataclasses.replace(inside, name="again"), QUESTION, SMALL)
    fewer = {"harmonization": outside.branches["harmonization"]}
    with pytest.raises(InputError, match="is missing or has other features"):
        are_prediction(inside, dataclasses.replace(outside, branches=fewer), QUESTION, SMALL)
    with pytest.raises(TableError, match="no clinical row for patient"):
        dataclasses.replace(inside, clinical=inside.clinical.iloc[1:])


def test_two_proportion_tests_reproduce_the_published_table():
    """Table 1 of Keek and others (Front Oncol 2022): nine p-values to the two decimals printed."""
    counts = {
        "adenocarcinoma": (802, 124, 0.17), "squamous": (40, 10, 0.26), "large cell": (9, 2, 0.72),
        "other": (109, 27, 0.06), "extracranial": (1097, 190, 0.48), "seizures": (134, 16, 0.17),
        "diabetes": (98, 13, 0.40), "connective tissue": (21, 2, 0.43), "event": (155, 19, 0.16),
    }  # fmt: skip
    a, b = (
        pd.DataFrame({k: np.arange(n) < v[place] for k, v in counts.items()})
        for place, n in ((0, 1404), (1, 237))
    )
    rows = {row.variable: row for row in baseline_tests(a, b)}
    for name, (first, second, p) in counts.items():
        assert rows[name].p == pytest.approx(p, abs=0.005)
        assert rows[name].test == "two-proportion z"
        assert rows[name].values[0].startswith(str(first) + " of")
        assert rows[name].values[1].startswith(f"{second} of 237")


def test_agreement_by_hand():
    # Six lesions: the models call the same on a, b, d, f. There radiomics calls a and b; true: a.
    index = list("abcdef")
    y = pd.Series([True, False, True, False, True, False], index=index)
    people = pd.Series(["P", "P", "Q", "Q", "R", "S"], index=index)
    radiomics = pd.Series([0.9, 0.8, 0.7, 0.2, 0.1, 0.3], index=index)
    deep = pd.Series([0.6, 0.7, 0.1, 0.2, 0.9, 0.4], index=index)
    cohort = LabelledCohort(name="c", X=pd.DataFrame(index=index), y=y, patients=people)
    scores = pd.DataFrame({"radiomics": radiomics, "deep": deep})
    table = agreement_table(
        [cohort], [scores], {"radiomics": 0.5, "deep": 0.5}, ("radiomics", "deep"),
        {"radiomics": "radiomics", "deep": "deep"},
    )  # fmt: skip
    everything, agreeing = table.rows
    assert everything[2] == "6"
    assert agreeing[2:5] == ("4", "67 %", "50 %")  # whole patients: P and S of four
    assert agreeing[5] == "0.33"  # 4 of 6 agree, 1/2 expected: (2/3 - 1/2) / (1/2)
    # Among a, b, d, f: recall 1, precision 1/2, balanced (1 + 2/3) / 2, AUC 1.
    assert agreeing[6:] == ("1.000", "0.83", "1.00", "0.50")
