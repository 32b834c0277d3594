from __future__ import annotations

import dataclasses

import pytest

from radtool.errors import InputError
from radtool.report.checklists import (
    CHECKLISTS,
    TOPICS,
    Filled,
    FilledItem,
    collect,
    draft_score,
    fill,
    fill_all,
)
from radtool.report.results import (
    Answer,
    EndpointResults,
    Evidence,
    Extraction,
    MaskOrigin,
    ModelResult,
    PerformanceRow,
    Question,
    SelectionStep,
    StudyResults,
)

QUESTION = Question(name="os", kind="survival")


def with_endpoint(**parts: object) -> StudyResults:
    return StudyResults(title="t", endpoints=(EndpointResults(question=QUESTION, **parts),))


def item(filled: Filled, number: str) -> FilledItem:
    return next(one for one in filled.items if one.item == number)


@pytest.mark.parametrize(
    ("key", "items"),
    [("clear", 58), ("metrics", 30), ("tripod_ai", 52), ("ibsi", 104), ("rqs1", 16), ("rqs2", 42)],
)
def test_checklists_have_the_published_number_of_items(key, items):
    assert len(fill(key, StudyResults(title="t")).items) == items


def test_published_weights_and_points():
    # METRICS: weights sum to 1 (Kocak 2024); RQS: -8 to 36 (Lambin 2017); RQS 2: at most 56.
    empty = StudyResults(title="t")
    assert sum(one.weight for one in fill("metrics", empty).items) == pytest.approx(1.0)
    rqs = fill("rqs1", empty).items
    assert (sum(one.least for one in rqs), sum(one.most for one in rqs)) == (-8, 36)
    assert sum(one.most for one in fill("rqs2", empty).items) == 56


@pytest.mark.parametrize("key", CHECKLISTS)
def test_nothing_is_proposed_without_evidence(key):
    bare = with_endpoint()
    assert {one.status for one in fill(key, bare).items} == {"open"}
    assert all(one.answer is None for one in fill(key, bare).items)


@pytest.mark.parametrize("key", CHECKLISTS)
def test_every_yes_of_a_full_study_carries_proofs(key, study):
    for one in fill(key, study).items:
        if one.answer == "yes":
            assert one.proofs, one.item
        if one.status in ("evidence", "open"):
            assert one.answer is None, one.item


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_taking_away_a_topic_takes_away_every_yes_that_needs_it(topic, study):
    proofs = collect(study)
    with_topic = {**proofs, topic: proofs.get(topic) or collect_one(topic)}
    without = {name: found for name, found in with_topic.items() if name != topic}
    for key in CHECKLISTS:
        before, after = fill(key, study, with_topic), fill(key, study, without)
        for old, new in zip(before.items, after.items, strict=True):
            if new.answer == "yes":
                texts = {proof for name in without for proof in without[name]}
                assert set(new.proofs) <= texts
            elif old.answer == "yes":
                assert new.status in ("evidence", "open")


def collect_one(topic: str):
    return collect(StudyResults(title="t", evidence=(Evidence(topic=topic, text="done"),)))[topic]


def test_apparent_performance_proves_nothing():
    row = PerformanceRow(
        model="all", cohort="c", design="apparent", measure="harrell_c", value=0.9, lower=0.8,
        upper=0.95,
    )  # fmt: skip
    model = ModelResult(name="all", blocks=("clinical", "radiomics"))
    found = collect(with_endpoint(performance=(row,), models=(model,)))
    assert not {"discrimination", "internal_validation", "combined_model"} & set(found)


def test_a_missing_value_proves_nothing():
    row = PerformanceRow(model="all", cohort="c", design="external", measure="harrell_c")
    assert "external_validation" not in collect(with_endpoint(performance=(row,)))


def test_a_selection_that_keeps_everything_is_no_reduction():
    step = SelectionStep(step="Correlation filter", n_in=9, n_out=9)
    found = collect(with_endpoint(models=(ModelResult(name="all", path=(step,)),)))
    assert "feature_reduction" not in found


def test_settings_that_are_empty_prove_nothing():
    extraction = Extraction(
        n_cases=1, n_features=1, settings={"resample": None, "filters": [], "bin_width": False}
    )
    found = collect(StudyResults(title="t", extraction=extraction))
    assert not {"resampling", "filters", "discretisation", "extraction_settings"} & set(found)


def test_settings_are_quoted_as_proof(study):
    texts = [proof.text for proof in collect(study)["discretisation"]]
    assert texts == ["discretise.bin_width = 25.0"]


def test_cross_validation_is_not_rated_as_validation_on_other_data():
    row = PerformanceRow(
        model="all", cohort="c", design="nested CV", measure="harrell_c", value=0.6
    )
    filled = fill("rqs1", with_endpoint(performance=(row,)))
    assert item(filled, "12").status == "evidence"


def test_manual_masks_make_the_item_on_automatic_ones_not_applicable():
    masks = (MaskOrigin(case="a", origin="manual"),)
    by_hand = fill("metrics", StudyResults(title="t", masks=masks))
    assert item(by_hand, "9").answer == "n/a"
    unsure = (*masks, MaskOrigin(case="b", origin="unknown"))
    assert item(fill("metrics", StudyResults(title="t", masks=unsure)), "9").answer is None


def test_the_authors_answer_stands_above_every_proposal(study):
    answers = (Answer(checklist="metrics", item="27", answer="no", text="same hospital"),)
    changed = fill("metrics", dataclasses.replace(study, answers=answers))
    assert item(fill("metrics", study), "27").answer == "yes"
    assert item(changed, "27").status == "answered"
    assert item(changed, "27").answer == "no"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([("metrics", "31", None)], "has no item '31'"),
        ([("metrics", "1", None), ("metrics", "1", None)], "answered twice"),
        ([("rqs1", "12", 9.0)], "-5 to 5 points, not 9"),
    ],
)
def test_answers_that_do_not_fit_are_refused(answers, words):
    given = tuple(
        Answer(checklist=key, item=number, answer="yes", points=points)
        for key, number, points in answers
    )
    with pytest.raises(InputError, match=words):
        fill_all(StudyResults(title="t", answers=given))


def test_unknown_topic_is_refused():
    results = StudyResults(title="t", evidence=(Evidence(topic="fantom", text="x"),))
    with pytest.raises(InputError, match="did you mean 'phantom'"):
        collect(results)


def test_evidence_without_words_proves_nothing():
    results = StudyResults(title="t", evidence=(Evidence(topic="phantom", text=" "),))
    assert "phantom" not in collect(results)


def test_unknown_checklist_is_refused():
    with pytest.raises(InputError, match="no checklist 'metric'; did you mean 'metrics'"):
        fill("metric", StudyResults(title="t"))


def test_score_of_nothing_is_the_whole_range():
    empty = StudyResults(title="t")
    metrics, rqs = draft_score(fill("metrics", empty)), draft_score(fill("rqs1", empty))
    assert metrics is not None
    assert rqs is not None
    assert (metrics.confirmed, metrics.possible) == pytest.approx((0.0, 100.0))
    assert (rqs.confirmed, rqs.proposed, rqs.possible) == (-8, -8, 36)
    assert draft_score(fill("clear", empty)) is None


def test_metrics_score_by_hand():
    # Items 1 yes (.0368), 2 no (.0735), 9 n/a (.0225): confirmed .0368 / .9775, at best
    # (1 - .0735 - .0225) / .9775.
    answers = tuple(
        Answer(checklist="metrics", item=number, answer=answer)
        for number, answer in (("1", "yes"), ("2", "no"), ("9", "n/a"))
    )
    score = draft_score(fill("metrics", StudyResults(title="t", answers=answers)))
    assert score is not None
    assert score.confirmed == pytest.approx(100 * 0.0368 / 0.9775)
    assert score.possible == pytest.approx(100 * 0.904 / 0.9775)


def test_rqs_score_by_hand():
    # Items 5 (-3..3) yes = 3, 12 (-5..5) 4 points, 11 (0..7) no = 0; the rest at 0 or its best.
    answers = (
        Answer(checklist="rqs1", item="5", answer="yes", points=3),
        Answer(checklist="rqs1", item="12", answer="yes", points=4),
        Answer(checklist="rqs1", item="11", answer="no"),
    )
    score = draft_score(fill("rqs1", StudyResults(title="t", answers=answers)))
    assert score is not None
    assert (score.confirmed, score.possible) == (7, 36 - 7 - 1)


@pytest.mark.parametrize(("number", "points"), [("11", 7), ("16", 1), ("7", 1)])
def test_a_plain_yes_gives_all_points_or_the_lowest_grade(number, points):
    answers = (Answer(checklist="rqs1", item=number, answer="yes"),)
    filled = fill("rqs1", StudyResults(title="t", answers=answers))
    assert item(filled, number).points == points


def test_scores_of_a_full_study_are_ordered(study):
    for key in ("metrics", "rqs1", "rqs2"):
        score = draft_score(fill(key, study))
        assert score is not None
        assert score.confirmed <= score.proposed <= score.possible
