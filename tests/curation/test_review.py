"""The reading page: blinded, repeatable, in one file; what it shows is what the masks are."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from radtool.curation import review
from radtool.curation.review import write_review
from radtool.curation.runs import decode_runs
from radtool.errors import InputError
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask
from radtool.table import read_table, write_table

GRID = Geometry((9, 40, 50), (3.0, 1.0, 1.0))
CASES = [f"case-{k}" for k in range(8)]


@pytest.fixture
def cohort(tmp_path):
    """Eight cases with two masks each: 4 × 4 pixels and 8 × 8 pixels on slices 3 to 5."""
    rng = np.random.default_rng(0)
    for source, wide in (("small", 4), ("large", 8)):
        rows = []
        for case in CASES:
            image, path = tmp_path / f"{case}.nii.gz", tmp_path / f"{case}-{source}.nii.gz"
            write_image(Image(rng.normal(0, 100, GRID.shape), GRID, "HU"), image)
            inside = np.zeros(GRID.shape, dtype=bool)
            inside[3:6, 18 : 18 + wide, 20 : 20 + wide] = True
            write_mask(Mask(inside, GRID, "GTV"), path)
            rows.append(
                {"case_id": case, "patient_id": case, "modality": "CT", "roi": "GTV",
                 "image": image.name, "mask": path.name}
            )  # fmt: skip
        write_table(pd.DataFrame(rows), tmp_path / f"{source}.csv")
    return tmp_path


def data_of(page) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())
    return json.loads(found.group(1))


def shown(case: dict, side: int = 0) -> np.ndarray:
    """The mask that the page holds of a case, slices as shown."""
    shape = (len(case["numbers"]), case["grid"]["height"], case["grid"]["width"])
    return decode_runs(case["masks"][side], shape)


def blinded(cohort, name="page.html", seed=0):
    return write_review(
        cohort / "small.csv",
        cohort / name,
        against=cohort / "large.csv",
        sources=("SMALL", "LARGE"),
        seed=seed,
    )


def test_the_key_is_true_and_the_page_does_not_hold_it(cohort):
    made = blinded(cohort)
    (path,) = made.pages
    words = path.read_text()
    assert not any(name in words for name in ("SMALL", "LARGE", "small.csv", "large"))
    key = read_table(made.key).set_index("case_id")
    data = data_of(path)
    assert set(key["page"]) == {data["page"]}
    assert not any({"facts", "mask_sha256", "start"} & set(case) for case in data["cases"])
    assert {case["id"] for case in data["cases"]} == set(CASES)
    for case in data["cases"]:
        middle = case["numbers"].index(5)
        left, right = (int(shown(case, side)[middle].sum()) for side in (0, 1))
        sides = ("LARGE", "SMALL") if left > right else ("SMALL", "LARGE")
        assert (key.loc[case["id"], "left"], key.loc[case["id"], "right"]) == sides
        assert {left, right} == {16, 64}
    assert len(set(key["left"])) == 2


def test_the_seed_decides_order_and_sides(cohort):
    first, again = blinded(cohort, "a.html"), blinded(cohort, "b.html")
    assert first.pages[0].read_bytes() == again.pages[0].read_bytes()
    other = blinded(cohort, "c.html", seed=1)
    order = [[case["id"] for case in data_of(made.pages[0])["cases"]] for made in (first, other)]
    assert order[0] != order[1]
    assert sorted(order[0]) == sorted(order[1])


def test_one_source_shows_slices_mask_and_size(cohort):
    made = write_review(cohort / "small.csv", cohort / "page.html", measure=lambda mask: 5.0)
    assert made.key is None
    case = data_of(made.pages[0])["cases"][0]
    # Slices 3 to 5 and 15 mm beyond, as far as there are slices; counted from 1.
    assert case["numbers"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert case["start"] == [0, 0, 0]
    inside = np.zeros(GRID.shape, dtype=bool)
    inside[3:6, 18:22, 20:24] = True
    np.testing.assert_array_equal(shown(case), inside)
    assert case["facts"] == {"volume_ml": 0.144, "diameter_mm": 5.0}
    assert case["grid"] == {"width": 50, "height": 40, "dx": 1.0, "dy": 1.0}


def test_what_would_be_too_large_goes_on_on_another_page(cohort, monkeypatch):
    whole = blinded(cohort)
    size = len(json.dumps(data_of(whole.pages[0])["cases"][0])) / 1e6
    monkeypatch.setattr(review, "MOST_MB", 3.5 * size)
    made = blinded(cohort)
    assert [path.name for path in made.pages] == ["page.html", "page-2.html", "page-3.html"]
    held = [data_of(path) for path in made.pages]
    assert [case["id"] for data in held for case in data["cases"]] == read_table(made.key)[
        "case_id"
    ].tolist()
    assert len({data["page"] for data in held}) == 3
    assert list(dict.fromkeys(read_table(made.key)["page"])) == [data["page"] for data in held]


def test_a_mask_may_be_a_label_of_a_file(cohort):
    both = np.zeros(GRID.shape, dtype=np.float32)
    both[2], both[4] = 1, 2
    write_image(Image(both, GRID), cohort / "labels.nii.gz")
    table = read_table(cohort / "small.csv").head(1).assign(mask="labels.nii.gz", label=2)
    write_table(table, cohort / "labels.csv")
    case = data_of(write_review(cohort / "labels.csv", cohort / "p.html").pages[0])["cases"][0]
    np.testing.assert_array_equal(np.flatnonzero(shown(case).any(axis=(1, 2))), [4])
    write_table(table.assign(label="second"), cohort / "labels.csv")
    with pytest.raises(InputError, match="no case with a mask can be shown"):
        write_review(cohort / "labels.csv", cohort / "p.html")


def test_the_page_fetches_nothing_and_a_name_cannot_end_its_script(cohort):
    table = read_table(cohort / "small.csv")
    table.loc[0, "case_id"] = "</script><script>alert(1)</script>"
    write_table(table, cohort / "small.csv")
    made = write_review(cohort / "small.csv", cohort / "page.html")
    words = made.pages[0].read_text()
    assert words.count("<script") == words.count("</script>") == 2
    assert "default-src 'none'" in words
    assert not re.search(r'(src|href)="?http', words)
    assert table.loc[0, "case_id"] in {case["id"] for case in data_of(made.pages[0])["cases"]}


def test_cases_that_cannot_be_shown_are_named(cohort):
    table = read_table(cohort / "large.csv")
    write_table(table.iloc[1:], cohort / "large.csv")
    (cohort / "case-3-large.nii.gz").write_bytes(b"cut")
    made = blinded(cohort)
    assert made.cases == 6
    reasons = {failure.case_id: failure.reason for failure in made.failures}
    assert reasons["case-0"] == "is not in both manifests with a mask"
    assert "case-3-large.nii.gz" in reasons["case-3"]


def test_nothing_to_show_is_refused(cohort):
    table = read_table(cohort / "small.csv").assign(mask="")
    write_table(table, cohort / "empty.csv")
    with pytest.raises(InputError, match="no case with a mask can be shown"):
        write_review(cohort / "empty.csv", cohort / "page.html")
    with pytest.raises(InputError, match="give them two names"):
        write_review(
            cohort / "small.csv", cohort / "p", against=cohort / "large.csv", sources=("a", "a")
        )
