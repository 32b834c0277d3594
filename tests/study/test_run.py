from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError, RadtoolError
from radtool.features import extract_cohort
from radtool.image import Geometry, Mask
from radtool.io import read_mask, write_mask
from radtool.models import load_signature
from radtool.report.checklists import fill_all
from radtool.study import predict_cases, run_study, validate_signature, write_report
from radtool.table import Endpoint, read_table


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def outputs(out: Path) -> dict[str, bytes]:
    """Everything a run promises to repeat."""
    names = ["features.parquet", "failures.csv", "os.signature.json", "results.json", "report.html"]
    return {name: (out / name).read_bytes() for name in names}


def test_a_run_makes_everything_it_promises(study_folder: Path) -> None:
    out = study_folder / "out"
    done = run_study(study_folder / "study.yaml", out)
    assert done.failures == []
    assert done.results.extraction is not None
    assert done.results.extraction.n_cases == 30
    assert [cohort.n for cohort in done.results.endpoints[0].question.cohorts] == [18, 12]
    assert done.lines()[1].startswith(
        "os: clinical + volume + radiomics, compared with clinical + volume, in b (external): C "
    )
    assert "Small study" in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "features.parquet.provenance.json").is_file()
    assert load_signature(out / "os.signature.json").kind == "survival"


def test_an_interrupted_run_ends_in_the_same_bytes(
    study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = study_folder / "whole", study_folder / "broken"
    run_study(study_folder / "study.yaml", whole)

    class Killed(BaseException):
        pass

    def stop_half_way(done: int, total: int, label: str) -> None:
        if label.startswith("features") and done == total // 2:
            raise Killed

    with pytest.raises(Killed):
        run_study(study_folder / "study.yaml", broken, progress=stop_half_way)
    assert not (broken / "features.parquet").exists()
    assert any((broken / "cache").rglob("*.json"))

    def stop_in_validation(done: int, total: int, label: str) -> None:
        if label.startswith("validate"):
            raise Killed

    with pytest.raises(Killed):
        run_study(study_folder / "study.yaml", broken, progress=stop_in_validation)
    assert (broken / "features.parquet").exists()
    run_study(study_folder / "study.yaml", broken)
    assert outputs(broken) == outputs(whole)


def test_jobs_do_not_change_bytes(study_folder: Path) -> None:
    run_study(study_folder / "study.yaml", study_folder / "one", jobs=1)
    run_study(study_folder / "study.yaml", study_folder / "two", jobs=2)
    assert outputs(study_folder / "one") == outputs(study_folder / "two")


def test_bad_cases_are_named_and_the_others_done(study_folder: Path) -> None:
    (study_folder / "c00.nii.gz").unlink()
    (study_folder / "c01_gtv.nii.gz").write_bytes(b"not an image")
    shutil.copy(study_folder / "c02.nii.gz", study_folder / "c02_gtv.nii.gz")
    done = run_study(study_folder / "study.yaml", study_folder / "out")
    assert sorted(failure.case_id for failure in done.failures) == ["c00", "c01", "c02"]
    assert all(failure.path for failure in done.failures)
    assert done.results.extraction is not None
    assert done.results.extraction.n_cases == 27
    named = pd.read_csv(study_folder / "out" / "failures.csv")["case_id"].tolist()
    assert sorted(named) == ["c00", "c01", "c02"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("study.yaml", "step: Standardize", "step: Standardise", "did you mean 'Standardize'"),
        ("study.yaml", "top: 1", "tops: 1", r"\[steps\] 3: UnivariateCoxFilter has no setting"),
        ("study.yaml", "clinical: [age]", "clinical: [days]", "listed as covariates"),
        ("study.yaml", "external: [b]", "external: [q]", "no case of site 'q'"),
        ("study.yaml", "parameters: params.yaml", "parameters: ct_ibsy", "did you mean 'ct_ibsi'"),
        ("manifest.csv", "c01,c01", "c00,c01", "more than one row for the same case_id: c00"),
        ("outcomes.csv", "c01,", "c00,", r"more than one row for patient\(s\) \['c00'\]"),
    ],
)
def test_wrong_input_stops_the_run_with_words(
    study_folder: Path, file: str, old: str, new: str, message: str
) -> None:
    path = study_folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RadtoolError, match=message):
        run_study(study_folder / "study.yaml", study_folder / "out")


def test_no_events_is_said(study_folder: Path) -> None:
    people = pd.read_csv(study_folder / "outcomes.csv").assign(dead=0)
    people.to_csv(study_folder / "outcomes.csv", index=False)
    with pytest.raises(RadtoolError, match="no events"):
        run_study(study_folder / "study.yaml", study_folder / "out")


def test_a_site_that_combat_never_saw_is_refused_by_name(study_folder: Path) -> None:
    path = study_folder / "study.yaml"
    combat = "steps:\n  - {step: ComBat, batch: modality}\n"
    path.write_text(path.read_text().replace("steps:\n", combat))
    cases = pd.read_csv(study_folder / "manifest.csv")
    cases["modality"] = ["CT", "CX"] * 9 + ["CZ"] * 12
    cases.to_csv(study_folder / "manifest.csv", index=False)
    with pytest.raises(RadtoolError, match="CZ"):
        run_study(study_folder / "study.yaml", study_folder / "out")


def test_development_alone_never_looks_outside(study_folder: Path) -> None:
    out = study_folder / "out"
    done = run_study(study_folder / "study.yaml", out, external=False)
    assert {row.design for row in done.results.endpoints[0].performance}.isdisjoint({"external"})
    assert not (out / "evaluation_log.jsonl").exists()


def test_the_report_is_rebuilt_from_stored_numbers(study_folder: Path) -> None:
    out = study_folder / "out"
    run_study(study_folder / "study.yaml", out)
    before = (out / "report.html").read_bytes()
    (out / "report.html").unlink()
    assert write_report(out).read_bytes() == before


def test_a_signature_file_gives_the_run_s_own_numbers_elsewhere(study_folder: Path) -> None:
    out = study_folder / "out"
    done = run_study(study_folder / "study.yaml", out)
    table = pd.read_parquet(out / "features.parquet")
    outside = study_folder / "outside.parquet"
    table[table["site"] == "b"].to_parquet(outside)
    results = validate_signature(
        out / "os.signature.json",
        outside,
        study_folder / "outcomes.csv",
        study_folder / "validation",
        endpoint=Endpoint(name="os", duration="days", event="dead"),
    )
    wanted = {
        row.measure: row.value
        for row in done.results.endpoints[0].performance
        if (row.model, row.design) == ("all", "external")
    }
    found = {row.measure: row.value for row in results.endpoints[0].performance}
    assert found == wanted
    assert (study_folder / "validation" / "report.html").is_file()


def test_scores_straight_from_image_and_mask_equal_those_from_the_table(study_folder: Path) -> None:
    out = study_folder / "out"
    run_study(study_folder / "study.yaml", out)
    signature, people = out / "os.signature.json", study_folder / "outcomes.csv"
    table = predict_cases(
        signature, study_folder / "a.csv", features=out / "features.parquet", clinical=people
    )
    pair = (study_folder / "c25.nii.gz", study_folder / "c25_gtv.nii.gz")
    single = predict_cases(signature, study_folder / "b.csv", pair=pair, clinical=people)
    expected = table.set_index("case_id").loc["c25", "risk"]
    assert single.set_index("case_id").loc["c25", "risk"] == expected


def test_features_made_with_other_parameters_are_refused(study_folder: Path) -> None:
    out = study_folder / "out"
    run_study(study_folder / "study.yaml", out)
    params = study_folder / "params.yaml"
    params.write_text(params.read_text().replace("bin_number: 8", "bin_number: 16"))
    other = study_folder / "other"
    run_study(study_folder / "study.yaml", other, external=False)
    with pytest.raises(RadtoolError, match="extracted with other parameters"):
        predict_cases(
            out / "os.signature.json",
            study_folder / "x.csv",
            features=other / "features.parquet",
            clinical=study_folder / "outcomes.csv",
        )


def test_a_mask_on_another_grid_is_placed_where_it_lies_or_named(study_folder: Path) -> None:
    whole = read_mask(study_folder / "c00_gtv.nii.gz")
    params = str(study_folder / "params.yaml")
    before = extract_cohort(study_folder / "manifest.csv", params).table.set_index("case_id")
    # Cut to a smaller box the voxels still lie on the image grid: the same features.
    box = whole.geometry.crop((1, 1, 1), (7, 7, 8))
    cut = Mask(whole.array[1:8, 1:8, 1:9].copy(), box, "GTV")
    write_mask(cut, study_folder / "c00_gtv.nii.gz")
    # 500 mm beside the image: a named failure.
    grid = whole.geometry
    away = Geometry(grid.shape, grid.spacing, (500.0, 0.0, 0.0), grid.direction)
    write_mask(Mask(whole.array.copy(), away, "GTV"), study_folder / "c01_gtv.nii.gz")
    done = run_study(study_folder / "study.yaml", study_folder / "out")
    assert [failure.case_id for failure in done.failures] == ["c01"]
    assert "outside" in done.failures[0].reason
    after = pd.read_parquet(study_folder / "out" / "features.parquet").set_index("case_id")
    column = "original_morph_volume"
    assert after.loc["c00", column] == before.loc["c00", column]


def test_a_feature_without_a_single_value_is_named(study_folder: Path) -> None:
    run_study(study_folder / "study.yaml", study_folder / "first", external=False)
    table = pd.read_parquet(study_folder / "first" / "features.parquet")
    table["original_stat_skewness"] = float("nan")
    table.to_parquet(study_folder / "gap.parquet")
    path = study_folder / "study.yaml"
    path.write_text(path.read_text().replace("manifest: manifest.csv", "features: gap.parquet"))
    done = run_study(path, study_folder / "out", external=False)
    model = next(m for m in done.results.endpoints[0].models if m.name == "radiomics")
    dropped = {item.feature: item.reason for step in model.path for item in step.dropped}
    assert "no finite value" in dropped["original_stat_skewness"]


def test_authors_words_reach_the_checklists_without_a_new_computation(study_folder: Path) -> None:
    out = study_folder / "out"
    run_study(study_folder / "study.yaml", out)
    stage = out / "stages" / "os.json"
    before = stage.stat().st_mtime_ns
    text = (study_folder / "study.yaml").read_text()
    (study_folder / "protocol.txt").write_text("adults")
    (study_folder / "study.yaml").write_text(
        text
        + "evidence:\n  - {topic: eligibility, text: adults, file: protocol.txt}\n"
        + "answers:\n  - {checklist: clear, item: 8, answer: no, text: public data}\n"
    )
    results = run_study(study_folder / "study.yaml", out).results
    assert stage.stat().st_mtime_ns == before
    filled = {one.key: {item.item: item for item in one.items} for one in fill_all(results)}
    assert (filled["clear"]["8"].status, filled["clear"]["8"].answer) == ("answered", "no")
    assert filled["tripod_ai"]["6b"].proofs[0].where == "protocol.txt"
    assert any("protocol.txt" in name for name in results.provenance["inputs"])


def test_subgroups_may_be_columns_that_predict_nothing(study_folder: Path) -> None:
    people = pd.read_csv(study_folder / "outcomes.csv")
    people["sex"] = np.where(np.arange(len(people)) % 2, "f", "m")
    people.to_csv(study_folder / "outcomes.csv", index=False)
    text = (study_folder / "study.yaml").read_text()
    (study_folder / "study.yaml").write_text(text + "subgroups: [sex]\n")
    endpoint = run_study(study_folder / "study.yaml", study_folder / "out").results.endpoints[0]
    assert {row.level for row in endpoint.subgroups} == {"", "f", "m"}
    assert "sex" not in endpoint.signatures[0].features


def test_a_recalibrated_signature_is_written_and_the_frozen_one_validated(
    study_folder: Path,
) -> None:
    out = study_folder / "out"
    run_study(study_folder / "study.yaml", out, external=False)
    rng = np.random.default_rng(1)
    table = read_table(out / "features.parquet").query("site == 'b'").copy()
    table["site"] = "a"  # as if scanned there: ComBat knows that site only
    table.to_csv(study_folder / "b.csv", index=False)
    pd.DataFrame(
        {"patient_id": table["patient_id"], "days": rng.exponential(99, len(table)) + 1,
         "dead": 1, "age": 60}
    ).to_csv(study_folder / "b_outcomes.csv", index=False)  # fmt: skip
    endpoint = Endpoint(name="os", duration="days", event="dead")
    places = (study_folder / "b.csv", study_folder / "b_outcomes.csv")
    plain = validate_signature(
        out / "os.signature.json", *places, study_folder / "plain", endpoint=endpoint
    )
    found = validate_signature(
        out / "os.signature.json", *places, study_folder / "again", endpoint=endpoint,
        recalibration="baseline",
    )  # fmt: skip
    assert found.endpoints[0].performance == plain.endpoints[0].performance
    assert found.endpoints[0].tables[0].rows[0] == ("Recalibrated", "baseline")
    new = load_signature(study_folder / "again" / "os.baseline.signature.json")
    assert new.recalibration_["n"] == len(table)


def test_disturbed_contours_give_the_score_an_interval(study_folder: Path) -> None:
    out = study_folder / "out"
    text = (study_folder / "study.yaml").read_text().replace("predictors: {clinical: [age]}\n", "")
    (study_folder / "study.yaml").write_text(text)
    run_study(study_folder / "study.yaml", out, external=False)
    pair = (study_folder / "c03.nii.gz", study_folder / "c03_gtv.nii.gz")
    places = (out / "os.signature.json", study_folder / "scores.csv")
    plain = predict_cases(*places, pair=pair)
    found = predict_cases(*places, pair=pair, perturbed=True)
    assert found["risk"].tolist() == plain["risk"].tolist()
    row = found.iloc[0]
    assert row["perturbed_lower"] < row["perturbed_upper"]
    assert row["perturbed_lower"] <= row["risk"] <= row["perturbed_upper"]
    with pytest.raises(InputError, match="need an image and its mask"):
        predict_cases(*places, features=out / "features.parquet", perturbed=True)


def test_a_wrong_outcome_table_stops_the_run_before_any_image(study_folder: Path) -> None:
    outcomes = read_table(study_folder / "outcomes.csv")
    outcomes.assign(dead="perhaps").to_csv(study_folder / "outcomes.csv", index=False)
    with pytest.raises(RadtoolError, match="event has values .'perhaps'."):
        run_study(study_folder / "study.yaml", study_folder / "out")
    outcomes.drop(columns="age").to_csv(study_folder / "outcomes.csv", index=False)
    with pytest.raises(RadtoolError, match="no column 'age'.*data.columns"):
        run_study(study_folder / "study.yaml", study_folder / "out")
    assert not list((study_folder / "out").iterdir())


def test_a_spreadsheet_as_hospitals_keep_it_is_read_as_it_is(study_folder: Path) -> None:
    plain = run_study(study_folder / "study.yaml", study_folder / "plain")
    table = read_table(study_folder / "outcomes.csv")
    first = pd.Timestamp("2014-03-01")
    messy = pd.DataFrame(
        {
            "Patient No": table["patient_id"],
            "Clinic": np.where(np.arange(30) < 18, "a", "b"),
            "Diagnosed": first,
            "Last seen": first + pd.to_timedelta(table["days"], unit="D"),
            "Deceased": np.where(table["dead"] == 1, "Yes", "no "),
            "Age": table["age"].astype(object).where(table.index != 3, "unknown"),
        }
    )
    messy.to_excel(study_folder / "messy.xlsx", index=False)
    manifest = read_table(study_folder / "manifest.csv").drop(columns="site")
    manifest.to_csv(study_folder / "manifest.csv", index=False)
    text = (study_folder / "study.yaml").read_text()
    text = text.replace(
        "outcomes: outcomes.csv",
        "outcomes: messy.xlsx, missing: [unknown],"
        " columns: {Patient No: patient_id, Clinic: site, Age: age}",
    ).replace(
        "duration: days, event: dead", "start: Diagnosed, duration: Last seen, event: Deceased"
    )
    (study_folder / "messy.yaml").write_text(text)
    messy_run = run_study(study_folder / "messy.yaml", study_folder / "messy")
    ours, theirs = (r.results.endpoints[0].question.cohorts for r in (plain, messy_run))
    assert [(c.name, c.n, c.events) for c in ours] == [(c.name, c.n, c.events) for c in theirs]
    volume = [
        [row.value for row in r.results.endpoints[0].performance if row.model == "volume"]
        for r in (plain, messy_run)
    ]
    np.testing.assert_allclose(volume[0], volume[1], rtol=1e-6)


def test_cohorts_may_be_told_apart_by_the_outcome_table(study_folder: Path) -> None:
    run_study(study_folder / "study.yaml", study_folder / "images")
    features = read_table(study_folder / "images" / "features.parquet")
    features.drop(columns="site").to_csv(study_folder / "features.csv", index=False)
    outcomes = read_table(study_folder / "outcomes.csv").assign(site=["a"] * 18 + ["b"] * 12)
    outcomes.to_csv(study_folder / "outcomes.csv", index=False)
    text = (study_folder / "study.yaml").read_text()
    text = text.replace("manifest: manifest.csv", "features: features.csv")
    (study_folder / "table.yaml").write_text(text)
    done = run_study(study_folder / "table.yaml", study_folder / "out")
    assert [cohort.n for cohort in done.results.endpoints[0].question.cohorts] == [18, 12]


def test_a_volume_that_is_no_feature_is_named_before_the_models(study_folder: Path) -> None:
    text = (study_folder / "study.yaml").read_text()
    theirs = text.replace("parameters: params.yaml", "parameters: pyradiomics_ct")
    (study_folder / "theirs.yaml").write_text(theirs)
    with pytest.raises(RadtoolError, match="predictors.volume, for example original_shape_MeshV"):
        run_study(study_folder / "theirs.yaml", study_folder / "out")
    wrong = text.replace("clinical: [age]", "clinical: [age], volume: original_morph_size")
    (study_folder / "wrong.yaml").write_text(wrong)
    with pytest.raises(RadtoolError, match="'original_morph_size'.*original_morph_volume"):
        run_study(study_folder / "wrong.yaml", study_folder / "out")


def test_one_table_may_hold_features_and_outcomes(study_folder: Path) -> None:
    run_study(study_folder / "study.yaml", study_folder / "images")
    features = read_table(study_folder / "images" / "features.parquet")
    one = features.merge(read_table(study_folder / "outcomes.csv"), on="patient_id")
    one.to_csv(study_folder / "one.csv", index=False)
    text = (study_folder / "study.yaml").read_text()
    text = text.replace(
        "manifest: manifest.csv, outcomes: outcomes.csv", "features: one.csv, outcomes: one.csv"
    )
    (study_folder / "table.yaml").write_text(text)
    done = run_study(study_folder / "table.yaml", study_folder / "out")
    both = (study_folder / name / "os.signature.json" for name in ("images", "out"))
    first, second = (load_signature(path).coefficients_ for path in both)
    pd.testing.assert_frame_equal(first, second)
    assert [cohort.n for cohort in done.results.endpoints[0].question.cohorts] == [18, 12]
