"""A frozen signature at a hospital that spells its columns its own way."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.cli import main
from radtool.errors import RadtoolWarning
from radtool.study import run_study, validate_signature
from radtool.table import Endpoint, read_table

THEIRS = ["--column", "Patient No=patient_id", "--column", "Alter=age", "--missing", "unknown"]


@pytest.fixture
def elsewhere(study_folder: Path) -> Path:
    """A signature of site a, and the tables of b as b keeps them: dates, words, other units."""
    text = (study_folder / "study.yaml").read_text()
    text = text.replace("cohorts: {column: site, development: [a], external: [b]}", "")
    manifest = read_table(study_folder / "manifest.csv")
    manifest[manifest["site"] == "b"].to_csv(study_folder / "theirs.csv", index=False)
    manifest[manifest["site"] == "a"].to_csv(study_folder / "manifest.csv", index=False)
    (study_folder / "study.yaml").write_text(text)
    run_study(study_folder / "study.yaml", study_folder / "ours")
    table = read_table(study_folder / "outcomes.csv")[18:].reset_index(drop=True)
    first = pd.Timestamp("2020-02-29")
    pd.DataFrame(
        {
            "Patient No": table["patient_id"],
            "Diagnosed": first,
            "Last seen": first + pd.to_timedelta(table["days"], unit="D"),
            "Tens of days": table["days"] / 10.0,
            "Vital status": np.where(table["dead"] == 1, "Dead", "Alive"),
            "Alter": table["age"].astype(object).where(table.index != 3, "unknown"),
        }
    ).to_excel(study_folder / "theirs.xlsx", index=False)
    return study_folder


def command(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["radtool", *map(str, words)])
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_another_hospital_extracts_predicts_and_validates_with_its_own_tables(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signature, features = elsewhere / "ours" / "os.signature.json", elsewhere / "f.parquet"
    made = ["--manifest", elsewhere / "theirs.csv", "--out", features, "--jobs", "1"]
    assert command(monkeypatch, "extract", "--params", signature, *made) == 0
    tables = ["--features", features, "--outcomes", elsewhere / "theirs.xlsx", *THEIRS]
    assert command(monkeypatch, "predict", signature, *tables, "--out", elsewhere / "p.csv") == 0
    assert len(read_table(elsewhere / "p.csv")) == 12
    outcome = ["--start", "Diagnosed", "--duration", "Last seen", "--event", "Vital status"]
    out = ["--out", elsewhere / "val"]
    assert command(monkeypatch, "validate", signature, *tables, *outcome, *out) == 0
    assert "harrell_c" in capsys.readouterr().out
    assert command(monkeypatch, "validate", signature, *tables[:-2], *outcome, *out) == 2
    assert "'age' holds numbers, but also 'unknown'" in capsys.readouterr().err


def test_a_column_option_needs_both_names(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", elsewhere / "ours" / "os.signature.json", "--features", "f.csv"]
    assert command(monkeypatch, *words, "--out", "p.csv", "--column", "Alter") == 2
    assert "'Alter': write THEIRS=OURS" in capsys.readouterr().err


def test_another_unit_than_in_training_is_noticed(elsewhere: Path) -> None:
    features = elsewhere / "f.parquet"
    table = read_table(elsewhere / "ours" / "features.parquet")
    table.assign(
        case_id=[f"new{i}" for i in range(len(table))], patient_id=[f"c{i + 18}" for i in range(18)]
    )[:12].to_parquet(features)
    arguments = {
        "columns": {"Patient No": "patient_id", "Alter": "age"},
        "missing": ["unknown"],
    }
    other = Endpoint(name="os", duration="Tens of days", event="Vital status")
    with pytest.warns(RadtoolWarning, match="are they in the same unit"):
        validate_signature(
            elsewhere / "ours" / "os.signature.json",
            features,
            elsewhere / "theirs.xlsx",
            elsewhere / "val",
            endpoint=other,
            **arguments,
        )
