"""`radtool review` and `radtool review-results` from the masks to the numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from radtool.cli import app
from radtool.errors import InputError
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask
from radtool.table import read_table, write_table

RUN = CliRunner()
GRID = Geometry((7, 30, 30), (3.0, 1.0, 1.0))


@pytest.fixture
def cohort(tmp_path):
    """Six cases and two masks of each."""
    for source, wide in (("manual", 4), ("auto", 6)):
        rows = []
        for number in range(6):
            image, mask = f"{number}.nii.gz", f"{number}-{source}.nii.gz"
            write_image(Image(np.zeros(GRID.shape), GRID), tmp_path / image)
            inside = np.zeros(GRID.shape, dtype=bool)
            inside[2:5, 10 : 10 + wide, 10 : 10 + wide] = True
            write_mask(Mask(inside, GRID, "GTV"), tmp_path / mask)
            rows.append({"case_id": f"c{number}", "patient_id": f"p{number}", "modality": "CT",
                         "roi": "GTV", "image": image, "mask": mask})  # fmt: skip
        write_table(pd.DataFrame(rows), tmp_path / f"{source}.csv")
    return tmp_path


def test_a_blinded_comparison_from_masks_to_the_test(cohort: Path) -> None:
    page = cohort / "page.html"
    made = RUN.invoke(
        app,
        ["review", str(cohort / "manual.csv"), "--against", str(cohort / "auto.csv"),
         "--sources", "manual,auto", "--out", str(page)],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "keep it from the readers" in made.output
    key = read_table(cohort / "page.key.csv")
    # The reader prefers the automatic mask everywhere and grades it 4, the other 2.
    choices = pd.DataFrame(
        {
            "page": key["page"],
            "reader": "AB",
            "case_id": key["case_id"],
            "preference": np.where(key["left"] == "auto", "left", "right"),
            "grade_left": np.where(key["left"] == "auto", 4, 2),
            "grade_right": np.where(key["right"] == "auto", 4, 2),
        }
    )
    choices.to_csv(cohort / "choices.csv", index=False)
    command = ["review-results", str(cohort / "choices.csv"), "--key", str(cohort / "page.key.csv")]
    told = RUN.invoke(app, command).output
    assert "AB: auto preferred in 6 of 6 cases (100 %" in told
    assert "AB: manual graded 6 times: excellent 0, good 0, acceptable 6" in told
    found = json.loads(RUN.invoke(app, [*command, "--json"]).output)
    assert found["preference"][0]["p"] == pytest.approx(2 / 2**6)


def test_accepted_cases_become_a_manifest(cohort: Path) -> None:
    page = cohort / "page.html"
    assert RUN.invoke(
        app, ["review", str(cohort / "manual.csv"), "--out", str(page)]
    ).exit_code == 0  # fmt: skip
    assert "RECIST" in page.read_text()
    for reader, decisions in (
        ("AB", ["accept", "accept", "reject", "accept", None, "accept"]),
        ("CD", ["accept", "reject", "accept", "accept", None, "accept"]),
    ):
        pd.DataFrame(
            {
                "page": "x",
                "reader": reader,
                "case_id": [f"c{k}" for k in range(6)],
                "decision": decisions,
            }
        ).to_csv(cohort / f"{reader}.csv", index=False)
    out = cohort / "accepted.csv"
    told = RUN.invoke(
        app,
        ["review-results", str(cohort / "AB.csv"), str(cohort / "CD.csv"),
         "--manifest", str(cohort / "manual.csv"), "--out", str(out)],
    )  # fmt: skip
    assert "accept       8" in told.output
    assert "not judged   2" in told.output
    # c1 and c2 were rejected by one reader; nobody judged c4.
    assert read_table(out)["case_id"].tolist() == ["c0", "c3", "c5"]


def test_what_is_missing_is_said(cohort: Path) -> None:
    pd.DataFrame({"page": ["x"], "preference": ["left"]}).to_csv(cohort / "c.csv", index=False)
    with pytest.raises(InputError, match="give the key with --key"):
        RUN.invoke(app, ["review-results", str(cohort / "c.csv")], catch_exceptions=False)
    with pytest.raises(InputError, match="needs two names"):
        RUN.invoke(
            app,
            ["review", str(cohort / "manual.csv"), "--out", "x.html", "--sources", "one"],
            catch_exceptions=False,
        )
