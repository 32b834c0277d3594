"""`radtool review` and `radtool review-results` from the masks to the numbers."""

from __future__ import annotations

import json
import re
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
    # 4 by 4 pixels of 1 mm, circle through the middles of their outer edges: 2 * hypot(2, 1.5).
    diameters = re.findall(r'"diameter_mm": ([\d.]+)', page.read_text())
    np.testing.assert_allclose(np.array(diameters, dtype=float), 5.0)
    assert len(diameters) == 6
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


def test_a_corrected_mask_is_written_and_told(cohort: Path) -> None:
    page = cohort / "page.html"
    RUN.invoke(app, ["review", str(cohort / "manual.csv"), "--out", str(page)])
    data = json.loads(
        re.search(r'id="data">(.*?)</script>', page.read_text()).group(1)  # type: ignore[union-attr]
    )
    case = data["cases"][0]
    shape = [len(case["pictures"]), case["grid"]["height"], case["grid"]["width"]]
    voxels = int(np.prod(shape))
    document = {
        "format": "radtool-review", "version": 1, "page": data["page"], "reader": "AB",
        "saved": "2026-01-02T03:04:05Z",
        "choices": [{"page": data["page"], "case_id": case["id"], "decision": "accept"}],
        "corrections": [
            {"case_id": case["id"], "when": "2026-01-02T03:04:05Z", "start": case["start"],
             "shape": shape, "runs": [0, 8, voxels - 8], "grid_sha256": case["grid_sha256"],
             "mask_sha256": case["mask_sha256"]}
        ],
    }  # fmt: skip
    (cohort / "AB.json").write_text(json.dumps(document))
    command = ["review-results", str(cohort / "AB.json"), "--manifest", str(cohort / "manual.csv"),
               "--out", str(cohort / "accepted.csv")]  # fmt: skip
    told = RUN.invoke(app, command)
    assert told.exit_code == 0, told.output
    # 48 voxels of 3 mm³ before; 8 others, in the first row of the box, after.
    assert "1 case(s) accepted, 1 with a corrected mask" in told.output
    assert "8 voxels added, 48 removed, DSC 0.000, 0.14 to 0.02 mL; in the manifest" in told.output
    (row,) = json.loads(RUN.invoke(app, [*command, "--json"]).output)["corrections"]
    assert (row["voxels_added"], row["outcome"]) == (8, "in the manifest")
    (mask,) = read_table(cohort / "accepted.csv")["mask"]
    assert mask == f"{case['id']}.corrected-AB.nii.gz"
    document["corrections"][0]["mask_sha256"] = "0" * 64
    (cohort / "AB.json").write_text(json.dumps(document))
    told = RUN.invoke(app, command)
    assert told.exit_code == 1
    assert "belongs to another mask than the manifest's" in told.output


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
