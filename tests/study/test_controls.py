"""Negative controls from images to the report: what each must say of cohorts of known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.stats import norm

from radtool.errors import RadtoolError
from radtool.image import Geometry, Image, Mask
from radtool.io import write_image, write_mask
from radtool.report.results import ControlRow, EndpointResults
from radtool.study import run_study
from radtool.table import read_table

GRID = Geometry((9, 22, 22), (1.0, 1.0, 1.0))
CASES = 100
STUDY = """
title: Known truth
data: {manifest: manifest.csv, outcomes: outcomes.csv}
extraction: {parameters: params.yaml}
cohorts: {column: site, development: [a], external: [b]}
endpoints:
  - {name: os, duration: days, event: dead}
steps:
  - {step: Standardize}
  - {step: UnivariateCoxFilter, top: 1}
controls: {kinds: [shuffled_voxels, moved_region], within: image}
validation: {folds: 3, repeats: 1, bootstrap: 0, seed: 0}
"""
PARAMS = """
discretise: [{method: fixed_bin_number, bin_number: 8}]
families: [morph, stat, glcm]
minimum_voxels: 4
"""
CONTROLS = "controls: {kinds: [shuffled_voxels, moved_region], within: image}\n"


def write_cohort(folder: Path, signal: str) -> None:
    """Regions alike but for their texture, or but for their size; the outcome follows that.

    Intensities of every region are the same set of numbers (quantiles of the normal distribution),
    dealt along a noise that is smooth over more or fewer voxels: no first-order feature differs.
    """
    rng = np.random.default_rng(11)
    strength = rng.uniform(-1, 1, CASES)
    z, y, x = np.indices(GRID.shape)
    rows = []
    for number, value in enumerate(strength):
        radius = 4 + 0.9 * value if signal == "size" else 4
        smooth = 0.9 + 0.6 * value if signal == "texture" else 0.9
        inside = (z - 4) ** 2 + (y - 5) ** 2 + (x - 5) ** 2 <= radius**2
        noise = ndimage.gaussian_filter(rng.normal(size=GRID.shape), smooth)[inside]
        image = rng.normal(0.0, 30.0, GRID.shape)
        ranks = np.argsort(np.argsort(noise))
        image[inside] = 100 + 30 * norm.ppf((ranks + 0.5) / ranks.size)
        name = f"c{number:02d}"
        write_image(Image(image.astype(np.float32), GRID, "HU"), folder / f"{name}.nii.gz")
        write_mask(Mask(inside, GRID, "GTV"), folder / f"{name}_gtv.nii.gz")
        rows.append(
            {"case_id": name, "patient_id": name, "site": "ab"[number % 2], "modality": "CT",
             "roi": "GTV", "image": f"{name}.nii.gz", "mask": f"{name}_gtv.nii.gz"}
        )  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    days = rng.exponential(500 * np.exp(-3 * strength))
    pd.DataFrame(
        {"patient_id": [row["patient_id"] for row in rows], "days": days + 1, "dead": 1}
    ).to_csv(folder / "outcomes.csv", index=False)
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "study.yaml").write_text(STUDY)


@pytest.fixture(scope="module", params=["texture", "size"])
def truth(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp(request.param)
    write_cohort(folder, request.param)
    done = run_study(folder / "study.yaml", folder / "out")
    return request.param, folder, done


def row(endpoint: EndpointResults, name: str, design: str) -> ControlRow:
    control = next(control for control in endpoint.controls if control.name == name)
    return next(r for r in control.rows if (r.model, r.design) == ("radiomics", design))


@pytest.mark.parametrize("name", ["shuffled_voxels", "moved_region"])
@pytest.mark.parametrize("design", ["nested CV", "external"])
def test_controls_tell_texture_from_size(truth: tuple, name: str, design: str) -> None:
    signal, _, done = truth
    got = row(done.results.endpoints[0], name, design)
    assert got.real_lower is not None
    assert got.lower is not None
    assert got.upper is not None
    assert got.difference is not None
    assert got.difference_lower is not None
    assert got.real_lower > 0.6
    if signal == "texture":
        assert got.lower < 0.5 < got.upper
        assert got.difference_lower > 0
    else:
        assert got.lower > 0.6
        assert abs(got.difference) < 0.02


def test_features_keep_and_lose_what_they_must(truth: tuple) -> None:
    signal, folder, _ = truth
    out = folder / "out"
    real = read_table(out / "features.parquet").set_index("case_id")
    made = read_table(out / "controls" / "shuffled_voxels" / "features.parquet")
    shuffled = made.set_index("case_id").loc[real.index]
    for name in [c for c in real if c.startswith("original_stat_")]:
        np.testing.assert_allclose(shuffled[name], real[name], rtol=1e-9, atol=1e-9)
    assert (shuffled["original_morph_volume"] == real["original_morph_volume"]).all()
    correlation = "original_glcm_correlation_fbn8"
    assert (shuffled[correlation] < real[correlation]).mean() > 0.9
    if signal == "texture":
        assert real["original_stat_variance"].std() < 1e-3
        assert shuffled[correlation].abs().mean() < 0.05


def test_the_report_says_what_the_controls_showed(truth: tuple) -> None:
    signal, folder, _ = truth
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "does it beat nothing?" in page
    assert ("Radiomics uses the texture of the region" in page) == (signal == "texture")
    assert ("nothing shows that radiomics uses the texture" in page) == (signal == "size")
    assert "dealt to its voxels at random" in page


def with_controls(folder: Path) -> Path:
    path = folder / "study.yaml"
    path.write_text(path.read_text() + CONTROLS)
    return path


def control_bytes(out: Path) -> dict[str, bytes]:
    files = [out / "results.json", *sorted((out / "controls").rglob("*.parquet"))]
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def test_jobs_and_interruption_change_no_byte(
    study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    path = with_controls(study_folder)
    run_study(path, study_folder / "whole")

    class Killed(BaseException):
        pass

    def stop(done: int, total: int, label: str) -> None:
        if label.startswith("features moved_region") and done == total // 2:
            raise Killed

    broken = study_folder / "broken"
    with pytest.raises(Killed):
        run_study(path, broken, progress=stop)
    assert (broken / "controls" / "shuffled_voxels" / "features.parquet").is_file()
    run_study(path, broken, jobs=2)
    assert control_bytes(broken) == control_bytes(study_folder / "whole")
    assert len(control_bytes(broken)) == 3


def test_cases_without_a_control_are_named_and_the_study_goes_on(study_folder: Path) -> None:
    (study_folder / "c00.nii.gz").unlink()
    done = run_study(with_controls(study_folder), study_folder / "out")
    assert [failure.case_id for failure in done.failures] == ["c00"]
    shuffled, moved = done.results.controls
    assert (shuffled.name, shuffled.n_cases, shuffled.failures) == ("shuffled_voxels", 29, ())
    assert 0 < len(moved.failures) == 29 - moved.n_cases
    assert "c00" not in {failure.case for failure in moved.failures}
    assert all("fits nowhere else" in failure.reason for failure in moved.failures)
    named = read_table(study_folder / "out" / "controls" / "moved_region" / "failures.csv")
    assert len(named) == len(moved.failures)
    page = (study_folder / "out" / "report.html").read_text(encoding="utf-8")
    assert f"moved region: {moved.n_cases} cases, {len(moved.failures)} without it, named" in page


def test_a_control_that_no_case_has_does_not_stop_the_study(study_folder: Path) -> None:
    for file in sorted(study_folder.glob("*_gtv.nii.gz")):
        grid = Geometry((8, 9, 10), (2.0, 2.0, 2.0))
        array = np.zeros(grid.shape, dtype=bool)
        array[1:7, 1:8, 1:9] = True
        write_mask(Mask(array, grid, "GTV"), file)
    done = run_study(with_controls(study_folder), study_folder / "out")
    _, moved = done.results.controls
    assert moved.n_cases == 0
    assert "none of 30 case(s)" in moved.failures[0].reason
    assert [control.name for control in done.results.endpoints[0].controls] == ["shuffled_voxels"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("controls: {kinds: [shuffled_voxel]}", "did you mean 'shuffled_voxels'"),
        ("controls: {kinds: [moved_region, moved_region]}", "named twice"),
        ("controls: {kind: [moved_region]}", "did you mean 'kinds'"),
    ],
)
def test_wrong_settings_are_refused(study_folder: Path, text: str, message: str) -> None:
    path = study_folder / "study.yaml"
    path.write_text(f"{path.read_text()}{text}\n")
    with pytest.raises(RadtoolError, match=message):
        run_study(path, study_folder / "out")


def test_a_ready_feature_table_has_no_controls(study_folder: Path) -> None:
    path = with_controls(study_folder)
    path.write_text(path.read_text().replace("manifest: manifest.csv", "features: manifest.csv"))
    with pytest.raises(RadtoolError, match="controls are made from images"):
        run_study(path, study_folder / "out")
