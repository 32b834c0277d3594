"""A study from a feature table that somebody else made."""

from __future__ import annotations

from pathlib import Path

import pytest

from radtool.errors import RadtoolWarning
from radtool.study import run_study
from radtool.table import KEYS, feature_columns, read_table


def test_numbers_of_a_foreign_table_that_are_no_features_are_named(study_folder: Path) -> None:
    run_study(study_folder / "study.yaml", study_folder / "images")
    table = read_table(study_folder / "images" / "features.parquet")
    foreign = table[[*KEYS, *feature_columns(table)]].assign(CaPTk_T1_Entropy=1.5, kernel="B30f")
    foreign.to_csv(study_folder / "features.csv", index=False)
    text = (study_folder / "study.yaml").read_text()
    text = text.replace("manifest: manifest.csv", "features: features.csv")
    (study_folder / "table.yaml").write_text(text)
    with pytest.warns(RadtoolWarning, match=r"features.csv: 1 column\(s\) .*'CaPTk_T1_Entropy'"):
        run_study(study_folder / "table.yaml", study_folder / "out")
