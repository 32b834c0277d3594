"""What a reader saved becomes masks, a manifest and a ledger; what does not fit is refused."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from radtool.curation import accept_review, read_review
from radtool.curation.runs import encode_runs, grid_hash, mask_hash
from radtool.errors import InputError
from radtool.image import Geometry, Image, Mask
from radtool.io import read_mask, write_image, write_mask
from radtool.table import read_manifest, read_table, write_table

TURNED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
GRID = Geometry((6, 20, 24), (3.0, 0.9, 1.1), (-12.5, 40.0, 7.25), TURNED)
START, SHAPE = (1, 2, 3), (4, 10, 12)


def block(*bounds: tuple[int, int]) -> np.ndarray:
    inside = np.zeros(GRID.shape, dtype=bool)
    inside[tuple(slice(a, b) for a, b in bounds)] = True
    return inside


BEFORE = block((2, 4), (4, 8), (5, 9))
AFTER = block((2, 5), (4, 8), (6, 9))


@pytest.fixture
def cohort(tmp_path):
    rows = []
    for name in ("one", "two", "three"):
        write_image(
            Image(np.zeros(GRID.shape, np.float32), GRID, "HU"), tmp_path / f"{name}.nii.gz"
        )
        write_mask(Mask(BEFORE, GRID, "GTV"), tmp_path / f"masks/{name}.nii.gz")
        rows.append({"case_id": name, "patient_id": name, "roi": "GTV", "modality": "CT",
                     "image": f"{name}.nii.gz", "mask": f"masks/{name}.nii.gz",
                     "mask_origin": "RTSTRUCT", "volume_ml": 1.0, "mask_sha256": "old",
                     "preview": "previews/x.png", "kvp": 120})  # fmt: skip
    write_table(pd.DataFrame(rows), tmp_path / "manifest.csv")
    return tmp_path


def correction(case: str, after: np.ndarray = AFTER, **change) -> dict:
    box = after[tuple(slice(a, a + n) for a, n in zip(START, SHAPE, strict=True))]
    return {
        "case_id": case,
        "when": "2026-03-04T05:06:07Z",
        "grid_sha256": grid_hash(GRID),
        "mask_sha256": mask_hash(Mask(BEFORE, GRID)),
        "start": list(START),
        "shape": list(SHAPE),
        "runs": encode_runs(box),
    } | change


def saved(folder, name="AB", *, decisions=None, corrections=(), **change):
    decisions = decisions or {"one": "accept", "two": "accept", "three": None}
    choices = [
        {"page": "p1", "reader": name, "case_id": case, "place": k + 1, "decision": decision,
         "grade": None, "comment": None, "seconds": 3}
        for k, (case, decision) in enumerate(decisions.items())
    ]  # fmt: skip
    document = {"format": "radtool-review", "version": 1, "page": "p1", "reader": name,
                "saved": "2026-03-04T05:07:00Z", "choices": choices,
                "corrections": list(corrections)} | change  # fmt: skip
    path = folder / f"review-{name}-{len(list(folder.glob('review-*')))}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def accepted(cohort, *paths, **options):
    return accept_review(
        read_review(paths), cohort / "manifest.csv", cohort / "accepted.csv", **options
    )


def test_a_correction_is_a_mask_on_the_grid_of_its_image(cohort):
    made = accepted(cohort, saved(cohort, corrections=[correction("one")]))
    assert made.failures == []
    table = read_manifest(cohort / "accepted.csv").set_index("case_id")
    assert table.index.tolist() == ["one", "two"]
    mask = read_mask(table.loc["one", "mask"])
    assert mask.geometry.matches(GRID)
    np.testing.assert_array_equal(mask.array, AFTER)
    assert table.loc["two", "mask"] == str(cohort.resolve() / "masks/two.nii.gz")
    raw = read_table(cohort / "accepted.csv").set_index("case_id")
    assert raw.loc["one", "mask"] == "masks/one.corrected-AB.nii.gz"
    assert raw.loc["one", "image"] == "one.nii.gz"


def test_the_original_is_untouched_and_the_manifest_says_what_holds_now(cohort):
    before = (cohort / "masks/one.nii.gz").read_bytes()
    made = accepted(cohort, saved(cohort, corrections=[correction("one")]))
    assert (cohort / "masks/one.nii.gz").read_bytes() == before
    one, two = (row for _, row in made.manifest.iterrows())
    # 36 voxels of 3 × 0.9 × 1.1 mm.
    assert one["volume_ml"] == pytest.approx(36 * 2.97 / 1000, abs=1e-4)
    assert one["mask_origin"] == "corrected by AB"
    assert len(one["mask_sha256"]) == 64
    assert pd.isna(one["preview"])
    assert one["kvp"] == 120
    assert two["mask_origin"] == "RTSTRUCT"
    assert two["volume_ml"] == 1.0


def test_the_ledger_says_who_when_and_what(cohort):
    accepted(cohort, saved(cohort, corrections=[correction("one")]))
    (row,) = read_table(cohort / "accepted.corrections.csv").to_dict("records")
    assert row["reader"] == "AB"
    assert row["when"] == "2026-03-04T05:06:07Z"
    assert row["outcome"] == "in the manifest"
    # 32 voxels before (2 slices of 4 × 4), 36 after (3 of 4 × 3), 24 in both.
    assert (row["voxels_added"], row["voxels_removed"], row["slices_changed"]) == (12, 8, 3)
    assert row["dsc"] == pytest.approx(2 * 24 / (32 + 36))
    assert row["volume_before_ml"] == pytest.approx(32 * 2.97 / 1000)
    assert row["volume_after_ml"] == pytest.approx(36 * 2.97 / 1000)
    assert row["original"] == "masks/one.nii.gz"
    assert row["corrected"] == "masks/one.corrected-AB.nii.gz"


def test_the_same_again_gives_the_same_files_and_another_a_new_one(cohort):
    path = saved(cohort, corrections=[correction("one")])
    accepted(cohort, path)
    state = {file: file.read_bytes() for file in cohort.rglob("*.*")}
    accepted(cohort, path)
    assert {file: file.read_bytes() for file in cohort.rglob("*.*")} == state
    other = saved(cohort, corrections=[correction("one", block((2, 4), (4, 8), (5, 7)))])
    made = accepted(cohort, other)
    assert made.manifest["mask"].iloc[0].endswith("masks/one.corrected-AB-2.nii.gz")
    np.testing.assert_array_equal(read_mask(cohort / "masks/one.corrected-AB.nii.gz").array, AFTER)


def test_of_two_files_of_one_reader_the_later_counts(cohort):
    late = saved(cohort, corrections=[correction("one")], saved="2026-03-05T00:00:00Z")
    early = saved(cohort, decisions={"one": "reject", "two": "reject"})
    assert accepted(cohort, late, early).manifest["case_id"].tolist() == ["one", "two"]
    assert len(read_review([early, late]).choices) == 3


def test_two_readers_who_differ_are_not_chosen_between(cohort):
    both = [
        saved(cohort, "AB", corrections=[correction("one"), correction("two")]),
        saved(cohort, "CD", corrections=[correction("one", block((2, 4), (4, 8), (5, 7))),
                                         correction("two")]),
    ]  # fmt: skip
    made = accepted(cohort, *both)
    (failure,) = made.failures
    assert failure.case_id == "one"
    assert "corrected differently by AB, CD; choose one with --reader" in failure.reason
    assert made.manifest["case_id"].tolist() == ["two"]
    assert made.ledger["outcome"].tolist() == [*["differs between readers"] * 2,
                                               *["in the manifest"] * 2]  # fmt: skip
    chosen = accepted(cohort, *both, reader="CD")
    assert chosen.manifest["case_id"].tolist() == ["one", "two"]
    assert chosen.manifest["mask"].iloc[0].endswith("one.corrected-CD.nii.gz")
    with pytest.raises(InputError, match="'EF' corrected no mask; these did: .'AB', 'CD'"):
        accepted(cohort, *both, reader="EF")


def test_a_correction_counts_only_when_the_case_is_accepted(cohort):
    decisions = {"one": "reject", "two": None, "three": "accept"}
    path = saved(cohort, decisions=decisions, corrections=[correction("one"), correction("two")])
    made = accepted(cohort, path)
    assert made.manifest["case_id"].tolist() == ["three"]
    assert made.ledger["outcome"].tolist() == ["rejected", "not accepted"]


WRONG = {
    "another mask": ({"mask_sha256": "0" * 64}, "belongs to another mask than the manifest's"),
    "another grid": ({"grid_sha256": "0" * 64}, "belongs to another image grid"),
    "outside": ({"start": [3, 2, 3]}, "reaches outside the image"),
    "too few voxels": ({"runs": [5, 6]}, r"add up to 11 voxels; \(4, 10, 12\) has 480"),
    "nothing left": ({"runs": [480]}, "leaves no voxel; reject the case instead"),
    "no such case": ({"case_id": "four"}, "is not in the manifest"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_correction_that_does_not_fit_is_refused_and_the_others_go_on(cohort, what):
    change, words = WRONG[what]
    path = saved(cohort, corrections=[correction("one", **change), correction("two")])
    made = accepted(cohort, path)
    (failure,) = made.failures
    assert re.search(words, failure.reason)
    kept = ["one", "two"] if what == "no such case" else ["two"]
    assert made.manifest["case_id"].tolist() == kept
    assert made.ledger["case_id"].tolist() == ["two"]
    assert not list((cohort / "masks").glob("one.corrected*"))


def test_a_name_cannot_lead_out_of_the_folder(cohort):
    document = json.loads(saved(cohort, corrections=[correction("one")]).read_text())
    document["reader"] = "../../<b>"
    path = cohort / "hostile.json"
    path.write_text(json.dumps(document))
    made = accepted(cohort, path)
    (mask,) = (cohort / "masks").glob("one.corrected-*")
    assert str(mask.resolve()) == str(made.ledger["corrected"].iloc[0])


BROKEN = {
    "not JSON": ("{", "JSON"),
    "not a review": ('{"format": "x"}', "not what a review page saves"),
    "a list": ("[]", "not what a review page saves"),
    "of another version": ('{"format": "radtool-review", "version": 2}', "version 2"),
    "without choices": ('{"format": "radtool-review", "version": 1}', "choices"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_other_files_are_refused(tmp_path, what):
    words, message = BROKEN[what]
    (tmp_path / "x.json").write_text(words)
    with pytest.raises(InputError, match=message) as refused:
        read_review([tmp_path / "x.json"])
    assert "x.json" in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [{"runs": [1.5]}, {"runs": "480"}, {"start": [1, 2]}, {"shape": [4, 10, -12]}, {"when": 5}],
)
def test_a_correction_of_the_wrong_kind_is_refused(cohort, change):
    path = saved(cohort, corrections=[correction("one", **change)])
    with pytest.raises(InputError, match="the correction of case 'one' needs"):
        read_review([path])


def test_choices_may_come_from_any_table(cohort):
    table = pd.DataFrame({"case_id": ["one", "two"], "decision": ["accept", "reject"]})
    write_table(table, cohort / "choices.csv")
    made = accepted(cohort, cohort / "choices.csv")
    assert made.manifest["case_id"].tolist() == ["one"]
    assert not (cohort / "accepted.corrections.csv").exists()
