from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from radtool.errors import InputError
from radtool.models import Block, CoxSignature, risk_spread


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a", "b"])
    y = pd.DataFrame({"event": True, "duration": rng.exponential(np.exp(-X["a"]))})
    return X, CoxSignature({"radiomics": Block(["a", "b"])}).fit(X, y)


def test_equal_measurements_have_no_spread(data) -> None:
    X, signature = data
    table = risk_spread(signature, [X, X.iloc[::-1]])
    np.testing.assert_array_equal(table["lower"], table["upper"])
    assert table.attrs["share"] == 0.0
    assert (table["same_group"] == 1.0).all()


def test_the_share_of_measurement_is_the_one_put_in(data) -> None:
    X, signature = data
    rng = np.random.default_rng(1)
    repeats = [X + rng.normal(scale=0.5, size=X.shape) for _ in range(40)]
    table = risk_spread(signature, repeats)
    # Variance of 1 between cases and 0.25 between repeats, with the same weights.
    assert table.attrs["share"] == pytest.approx(0.25 / 1.25, abs=0.05)
    inside = (table["lower"] <= table["mean"]) & (table["mean"] <= table["upper"])
    assert inside.all()
    assert table["same_group"].mean() < 0.95


def test_other_cases_are_refused(data) -> None:
    X, signature = data
    with pytest.raises(InputError, match="measurement 2 is not of the same cases"):
        risk_spread(signature, [X, X.iloc[1:]])
    with pytest.raises(InputError, match="at least two"):
        risk_spread(signature, [X])
