from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radtool.errors import TableError
from radtool.study.exploring import explore_table


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    grade = np.repeat([1, 2, 3], 20)
    ids = [f"p{k}" for k in range(60)]
    pd.DataFrame(
        {"patient_id": ids, "original_morph_volume": rng.lognormal(8, 1, 60),
         "original_stat_mean": grade + 0.1 * rng.normal(size=60)}
    ).to_csv(tmp_path / "features.csv", index=False)  # fmt: skip
    pd.DataFrame(
        {"patient_id": ids, "grade": grade, "days": rng.exponential(100, 60), "dead": 1}
    ).to_csv(tmp_path / "outcomes.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("target", [None, "grade", ("days", "dead")])
def test_the_page_names_every_feature(tables: Path, target: str | tuple[str, str] | None) -> None:
    outcomes = None if target is None else tables / "outcomes.csv"
    n = explore_table(
        tables / "features.csv", tables / "page.html", outcomes=outcomes, target=target
    )
    page = (tables / "page.html").read_text(encoding="utf-8")
    assert n == 2
    assert "original_stat_mean" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_missing_label_column_is_named(tables: Path) -> None:
    with pytest.raises(TableError, match="no column 'grad'; did you mean 'grade'"):
        explore_table(
            tables / "features.csv", tables / "p.html", outcomes=tables / "outcomes.csv",
            target="grad",
        )  # fmt: skip
