"""The reading page: blinded, repeatable, in one file; what it shows is what the masks are."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from radtool.curation.review import write_review
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


def width(path: str) -> float:
    points = [float(pair.split()[0]) for pair in re.split("[ML]", path.strip("MZ"))]
    return max(points) - min(points)


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
    words = made.page.read_text()
    assert not any(name in words for name in ("SMALL", "LARGE", "small.csv", "large", " mL"))
    key = read_table(made.key).set_index("case_id")
    data = data_of(made.page)
    assert set(key["page"]) == {data["page"]}
    assert {case["id"] for case in data["cases"]} == set(CASES)
    for case in data["cases"]:
        middle = case["numbers"].index(5)
        left, right = (width(side[middle]) for side in case["paths"])
        sides = ("LARGE", "SMALL") if left > right else ("SMALL", "LARGE")
        assert (key.loc[case["id"], "left"], key.loc[case["id"], "right"]) == sides
        assert {round(left), round(right)} == {4, 8}
    assert len(set(key["left"])) == 2


def test_the_seed_decides_order_and_sides(cohort):
    first, again = blinded(cohort, "a.html"), blinded(cohort, "b.html")
    assert first.page.read_bytes() == again.page.read_bytes()
    other = blinded(cohort, "c.html", seed=1)
    order = [[case["id"] for case in data_of(made.page)["cases"]] for made in (first, other)]
    assert order[0] != order[1]
    assert sorted(order[0]) == sorted(order[1])


def test_one_source_shows_slices_outline_and_size(cohort):
    made = write_review(
        cohort / "small.csv", cohort / "page.html", measure=lambda mask: {"RECIST": "5 mm"}
    )
    assert made.key is None
    case = data_of(made.page)["cases"][0]
    # One slice beyond each end of slices 3 to 5, counted from 1.
    assert case["numbers"] == [3, 4, 5, 6, 7]
    assert [bool(path) for path in case["paths"][0]] == [False, True, True, True, False]
    assert case["facts"] == [{"volume": "0.14 mL", "RECIST": "5 mm"}]
    assert (case["width"], case["height"]) == (50, 40)


def test_the_page_fetches_nothing_and_a_name_cannot_end_its_script(cohort):
    table = read_table(cohort / "small.csv")
    table.loc[0, "case_id"] = "</script><script>alert(1)</script>"
    write_table(table, cohort / "small.csv")
    made = write_review(cohort / "small.csv", cohort / "page.html")
    words = made.page.read_text()
    assert words.count("<script") == words.count("</script>") == 2
    assert "default-src 'none'" in words
    assert not re.search(r'(src|href)="?http', words)
    assert table.loc[0, "case_id"] in {case["id"] for case in data_of(made.page)["cases"]}


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
