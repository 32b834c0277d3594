"""A synthetic cohort: two informative features, a redundant one, noise, and clinical columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.harmonization import ComBat
from radtool.models import Block, CoxSignature
from radtool.selection import CorrelationFilter, Standardize, UnivariateCoxFilter


def make_cohort(n=120, seed=0, prefix="p", noise=14):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, noise + 2))
    index = pd.Index([f"{prefix}{i:03d}" for i in range(n)], name="case_id")
    X = pd.DataFrame(z, columns=[f"original_stat_f{j:02d}" for j in range(noise + 2)], index=index)
    X["original_stat_f99"] = X["original_stat_f00"] + 0.05 * rng.normal(size=n)
    X["original_morph_volume"] = np.exp(rng.normal(9, 1, n))
    X["site"] = np.where(rng.random(n) < 0.5, "north", "south")
    features = [c for c in X if c.startswith("original_stat")]
    X.loc[X["site"] == "south", features] = X.loc[X["site"] == "south", features] * 1.4 + 1
    X["age"] = np.where(np.arange(n) % 17 == 3, np.nan, rng.normal(65, 9, n))
    X["histology"] = rng.choice(["adeno", "squamous", "large cell"], n, p=[0.5, 0.3, 0.2])
    X.loc[X.index[5], "histology"] = None
    risk = z[:, 0] - z[:, 1] + 0.03 * (X["age"].fillna(65) - 65)
    time, censored = rng.exponential(np.exp(-risk)), rng.exponential(2, n)
    y = pd.DataFrame(
        {"event": time <= censored, "duration": np.minimum(time, censored) + 0.001}, index=index
    )
    return X, y


@pytest.fixture(scope="session")
def cohort():
    return make_cohort()


@pytest.fixture(scope="session")
def other():
    return make_cohort(seed=1, prefix="q")


@pytest.fixture(scope="session")
def marker(cohort):
    X, y = cohort
    return pd.Series(y["duration"] < y["duration"].median(), index=X.index, name="early")


@pytest.fixture
def blocks():
    steps = [Standardize(), CorrelationFilter(0.9), UnivariateCoxFilter(alpha=0.1)]
    return {
        "radiomics": Block(["original_*"], steps),
        "clinical": Block(["age", "histology"]),
    }


@pytest.fixture
def signature(blocks):
    return CoxSignature(blocks, steps=[ComBat(batch="site")])


@pytest.fixture(scope="session")
def fitted(cohort):
    steps = [Standardize(), CorrelationFilter(0.9), UnivariateCoxFilter(alpha=0.1)]
    own = {"radiomics": Block(["original_*"], steps), "clinical": Block(["age", "histology"])}
    return CoxSignature(own, steps=[ComBat(batch="site")]).fit(*cohort)
