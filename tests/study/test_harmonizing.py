from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import RadtoolError
from radtool.harmonization import ComBat
from radtool.study.harmonizing import apply_combat, fit_combat


def write_table(path: Path, n: int = 60) -> Path:
    rng = np.random.default_rng(1)
    site = np.where(np.arange(n) % 2 == 0, "a", "b")
    shift = np.where(site == "b", 3.0, 0.0)
    table = pd.DataFrame({"patient_id": [f"p{k}" for k in range(n)], "site": site, "age": 50})
    for name in ("mean", "median", "maximum"):
        table[f"original_stat_{name}"] = rng.normal(size=n) + shift
    table.to_csv(path, index=False)
    return path


def test_estimates_from_a_file_equal_those_in_memory(tmp_path: Path) -> None:
    source = write_table(tmp_path / "train.csv")
    fit_combat(source, ComBat(batch="site"), tmp_path / "combat.json")
    applied = apply_combat(tmp_path / "combat.json", source, tmp_path / "out.csv")
    X = pd.read_csv(source).drop(columns=["patient_id", "age"])
    expected = ComBat(batch="site").fit_transform(X)
    for column in expected.columns:
        np.testing.assert_allclose(applied[column], expected[column], rtol=1e-12)
    assert applied["age"].tolist() == [50] * 60
    means = applied.groupby("site")["original_stat_mean"].mean()
    assert abs(means["a"] - means["b"]) < 0.3


def test_other_json_is_no_estimate(tmp_path: Path) -> None:
    source = write_table(tmp_path / "train.csv")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(RadtoolError, match="not estimates of radtool harmonize fit"):
        apply_combat(tmp_path / "x.json", source, tmp_path / "out.csv")


def test_a_missing_batch_column_is_named(tmp_path: Path) -> None:
    source = write_table(tmp_path / "train.csv")
    with pytest.raises(RadtoolError, match="no column 'sit'; did you mean 'site'"):
        fit_combat(source, ComBat(batch="sit"), tmp_path / "combat.json")
