from __future__ import annotations

import dataclasses

from radtool.report import methods_paragraph
from radtool.report.results import (
    Cohort,
    EndpointResults,
    Extraction,
    Harmonization,
    Methods,
    Question,
    StudyResults,
)


def test_nothing_is_told_of_an_empty_study():
    assert methods_paragraph(StudyResults(title="t")) == ""


def test_extraction_is_told_with_its_hash():
    extraction = Extraction(
        n_cases=1200, n_features=107, parameters="ct.yaml", sha256="ab" * 32, engine="radtool"
    )
    assert methods_paragraph(StudyResults(title="t", extraction=extraction)) == (
        "107 features were extracted from 1\u202f200 cases by the radtool engine with the"
        " parameters ct.yaml (SHA-256 abababababab…)."
    )


def test_harmonization_that_was_not_done_is_not_told():
    looked = StudyResults(title="t", harmonization=Harmonization(batch="site", method="none"))
    assert methods_paragraph(looked) == ""


def test_validation_is_told_from_the_design():
    question = Question(
        name="os",
        kind="survival",
        label="overall survival",
        cohorts=(
            Cohort(name="west", n=100, events=60),
            Cohort(name="east", n=50, role="external"),
        ),
    )
    methods = Methods(
        steps=("z-score", "elastic net"), folds=5, repeats=10, grouped_by="patient", seed=7
    )
    endpoint = EndpointResults(question=question, methods=methods)
    assert methods_paragraph(StudyResults(title="t", endpoints=(endpoint,))) == (
        "The endpoint overall survival is a time to event. Models were developed on west (100"
        " patients, 60 events). Inside every training set the steps were, in this order, z-score"
        " and elastic net. Internal validation was 5-fold cross-validation, repeated 10 times,"
        " keeping each patient in one fold, with every step refitted in each fold. The random"
        " seed was 7. The frozen models were then tested on east (50 patients)."
    )


def test_each_endpoint_has_a_paragraph_of_its_own(study):
    paragraphs = methods_paragraph(study).split("\n\n")
    assert [text.split()[2] for text in paragraphs[1:3]] == ["overall", "EGFR"]
    assert paragraphs[-1] == "Analyses were made with radtool 0.1.0 (python 3.11.9, numpy 2.4.6)."


def test_synthetic_data_are_called_so(study):
    assert methods_paragraph(study).startswith("The data are synthetic.")
    real = dataclasses.replace(study, synthetic=False)
    assert "synthetic" not in methods_paragraph(real)
