from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.table import Endpoint, Study, join


def simulated(n: int = 160, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and outcomes with a planted texture effect beyond volume and age."""
    rng = np.random.default_rng(seed)
    volume, texture, age = rng.normal(size=(3, n))
    noise = rng.normal(size=(n, 6))
    ids = [f"P{number:03d}" for number in range(n)]
    features = pd.DataFrame(
        {"patient_id": ids, "site": np.where(np.arange(n) < 0.6 * n, "A", "C"),
         "original_morph_volume": np.exp(9 + volume), "original_stat_variance": texture}
    )  # fmt: skip
    for column in range(6):
        features[f"original_glcm_noise{column}"] = noise[:, column]
    time = rng.exponential(np.exp(-(0.4 * volume + 0.9 * texture + 0.3 * age)))
    limit = rng.uniform(0.2, 4.0, n)
    odds = 1 / (1 + np.exp(-1.5 * texture))
    outcomes = pd.DataFrame(
        {"patient_id": ids, "age": 60 + 10 * age, "days": np.minimum(time, limit),
         "dead": time <= limit, "egfr": rng.random(n) < odds}
    )  # fmt: skip
    return features, outcomes


@pytest.fixture(scope="session")
def survival() -> Study:
    features, outcomes = simulated()
    endpoint = Endpoint(name="overall survival", duration="days", event="dead")
    return join(features, outcomes, endpoint=endpoint, covariates=["age"])


@pytest.fixture(scope="session")
def marker() -> Study:
    features, outcomes = simulated()
    return join(features, outcomes, endpoint=Endpoint(name="egfr", marker="egfr"))
