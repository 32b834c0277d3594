"""Reference tables and numbers computed with R (survival 3.5.3 and others)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def expected(shared: Path) -> Callable[[str], Any]:
    def read(name: str) -> Any:
        return json.loads((shared / "oracles" / name / "expected.json").read_text())

    return read


@pytest.fixture(scope="session")
def inputs(shared: Path) -> Callable[[str], pd.DataFrame]:
    def read(name: str) -> pd.DataFrame:
        path = shared / "oracles" / name
        return pd.read_csv(path if path.suffix == ".csv" else path / "inputs.csv")

    return read


@pytest.fixture
def small() -> tuple[pd.DataFrame, np.ndarray]:
    """Sixty cases with ties in time and risk, censored ones among them."""
    rng = np.random.default_rng(0)
    risk = rng.integers(0, 12, 60).astype(float)
    time = np.ceil(rng.exponential(np.exp(-0.1 * risk)) * 20)
    event = rng.random(60) < 0.7
    return pd.DataFrame({"event": event, "duration": time}), risk
