"""What may be said of negative controls, and when the headline must mention them."""

from __future__ import annotations

import dataclasses

import pytest

from radtool.report import render
from radtool.report.controls import (
    control_rows,
    control_sentences,
    doubt,
    how_made,
    is_from_elsewhere,
)
from radtool.report.results import (
    CaseFailure,
    Comparison,
    Control,
    ControlCases,
    ControlRow,
    EndpointResults,
    Extraction,
    Headline,
    ModelResult,
    PerformanceRow,
    Question,
    StudyResults,
)

GAIN = Comparison(
    model_a="all", model_b="clinical_volume", cohort="C", measure="harrell_c", difference=0.05,
    lower=0.02, upper=0.08, p=0.001, design="external",
)  # fmt: skip
NOTHING = dataclasses.replace(GAIN, difference=0.0, lower=-0.03, upper=0.03)
BETTER, LIKE, WORSE = (0.10, 0.04, 0.16), (0.00, -0.05, 0.05), (-0.08, -0.13, -0.03)


def made(difference: tuple[float, float, float], model: str = "radiomics") -> ControlRow:
    middle, lower, upper = difference
    return ControlRow(
        model=model, cohort="C", design="external", measure="harrell_c", value=0.65 - middle,
        lower=0.55 - middle, upper=0.75 - middle, real=0.65, real_lower=0.55, real_upper=0.75,
        difference=middle, difference_lower=lower, difference_upper=upper, p=0.01, n=64, events=40,
        test="infinitesimal jackknife",
    )  # fmt: skip


def control(
    difference: tuple[float, float, float], name: str = "shuffled_voxels", *, whole: bool = True
) -> Control:
    rows = tuple(
        dataclasses.replace(made(difference, model), is_whole=whole)
        for model in ("radiomics", "all")
    )
    return Control(name=name, rows=rows)


def endpoint(*controls: Control, headline: Comparison = GAIN) -> EndpointResults:
    return EndpointResults(
        question=Question(name="os", kind="survival"),
        headline=Headline(comparison=headline),
        models=(
            ModelResult(name="clinical_volume", label="clinical + volume", blocks=("clinical",)),
            ModelResult(name="radiomics", blocks=("radiomics",)),
            ModelResult(name="all", blocks=("clinical", "radiomics")),
        ),
        performance=(
            PerformanceRow(
                model="radiomics", cohort="C", design="external", measure="harrell_c", value=0.65,
                lower=0.55, upper=0.75,
            ),
        ),
        comparisons=(headline,),
        controls=controls,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "name", "words"),
    [
        (BETTER, "shuffled_voxels", "Radiomics uses the texture of the region"),
        (LIKE, "shuffled_voxels", "nothing shows that radiomics uses the texture"),
        (WORSE, "shuffled_voxels", "did worse than the same recipe on features from shuffled"),
        (BETTER, "moved_region", "Radiomics uses what lies in the region, beyond its shape"),
        (LIKE, "moved_region", "features of the region moved elsewhere was not shown to do worse"),
        (LIKE, "randomised_voxels", "uses the intensities in the region, beyond its shape"),
        (BETTER, "shuffled_surroundings", "Radiomics uses what lies around the region"),
    ],
)
def test_a_sentence_claims_only_what_the_interval_shows(
    difference: tuple[float, float, float], name: str, words: str
) -> None:
    (sentence,) = control_sentences(endpoint(control(difference, name)))
    assert words in sentence
    assert "C\u00a00.650 as scanned" in sentence
    assert f"{0.65 - difference[0]:.3f} under the control" in sentence


def test_when_neither_beats_chance_texture_is_not_spoken_of() -> None:
    row = dataclasses.replace(made(LIKE), real_lower=0.45, lower=0.44)
    (sentence,) = control_sentences(endpoint(Control(name="shuffled_voxels", rows=(row,))))
    assert sentence.startswith("Neither radiomics nor the same recipe on features from shuffled")
    assert "uses" not in sentence


def test_without_an_interval_there_is_no_conclusion() -> None:
    row = dataclasses.replace(made(LIKE), difference_lower=None, difference_upper=None)
    (sentence,) = control_sentences(endpoint(Control(name="shuffled_voxels", rows=(row,))))
    assert sentence.endswith("without an interval, no conclusion.")


def test_missing_cases_and_missing_controls_are_said() -> None:
    part, none = control(LIKE, "moved_region", whole=False), Control(name="x", note="is not there")
    first, second = control_sentences(endpoint(part, none))
    assert "both refitted without the cases that have no control (64 left)" in first
    assert second == "The control x is not there."


def test_a_gain_is_doubted_only_by_a_control_that_did_as_well() -> None:
    assert doubt(endpoint(control(BETTER))) == ""
    assert doubt(endpoint(control(LIKE, whole=False))) == ""
    assert doubt(endpoint(control(LIKE, "shuffled_surroundings"))) == ""
    assert doubt(endpoint(control(LIKE), headline=NOTHING)) == ""
    said = doubt(endpoint(control(LIKE), control(WORSE, "moved_region")))
    assert "not shown to come from the texture of the region or what lies in the region" in said


def test_only_a_moved_region_takes_the_colour_of_a_gain() -> None:
    assert is_from_elsewhere(endpoint(control(LIKE, "moved_region")))
    assert not is_from_elsewhere(endpoint(control(LIKE)))
    assert not is_from_elsewhere(endpoint(control(BETTER, "moved_region")))


def test_only_controls_of_whole_cohorts_stand_among_the_models() -> None:
    rows = control_rows(endpoint(control(LIKE), control(LIKE, "moved_region", whole=False)))
    assert [row.model for row in rows] == ["radiomics, shuffled voxels"]
    assert rows[0].value == 0.65


def test_the_report_shows_verdict_table_figure_and_method() -> None:
    results = StudyResults(
        title="t",
        endpoints=(endpoint(control(LIKE)),),
        extraction=Extraction(n_cases=64, n_features=3),
        controls=(
            ControlCases(name="shuffled_voxels", n_cases=64),
            ControlCases(
                name="moved_region",
                n_cases=63,
                failures=(CaseFailure(case="P7", stage="extraction", reason="fits nowhere else"),),
            ),
        ),
    )
    page = render(results)
    assert "But the same model on features from shuffled voxels" in page
    assert "radiomics, shuffled voxels" in page
    assert "Negative controls: does it beat nothing?" in page
    assert "green: negative controls" in page
    assert "Shuffled voxels (n = 64)" in page
    assert "after the intensities of the region were dealt to its voxels at random" in page
    assert "moved region: 63 cases, 1 without it, named" in page
    assert "P7" in page
    assert StudyResults.from_dict(results.to_dict()) == results


def test_permuted_outcomes_stand_beside_the_controls() -> None:
    row = PerformanceRow(
        model="all", cohort="A", design="permuted outcome", measure="harrell_c", value=0.502,
        note="20 permutations from 0.431 to 0.566",
    )  # fmt: skip
    bare = endpoint()
    one = dataclasses.replace(bare, performance=(*bare.performance, row))
    page = render(StudyResults(title="t", endpoints=(one,)))
    words = "C\u00a00.502 in A (20 permutations from 0.431 to 0.566)."
    assert f"With outcomes dealt to other patients all reached {words}" in page


def test_an_unknown_control_is_spoken_of_by_its_name() -> None:
    assert how_made([Control(name="melted_voxels")]) == ["melted voxels"]
    (sentence,) = control_sentences(endpoint(control(LIKE, "melted_voxels")))
    assert "features of melted voxels" in sentence


def test_a_study_without_controls_says_nothing_of_them() -> None:
    page = render(StudyResults(title="t", endpoints=(endpoint(),)))
    assert "beat nothing" not in page
    assert "negative controls" in page.lower().split("not part of this run")[-1]
    assert "green: negative controls" not in page
