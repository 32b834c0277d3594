"""One number per feature against an outcome, held to R, SciPy and slow twins."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radtool.selection._screens import (
    cox_score,
    harrell,
    marker_score,
    rank_area,
    spearman_with,
    unit_ranks,
)


def test_cox_score_of_one_binary_covariate_by_hand():
    # Times 1 (event, x=1), 2 (event, x=0), 3 (censored, x=1), 4 (event, x=0).
    # At 1: mean 1/2, variance 1/4; at 2: {0,1,0}: 1/3, 2/9; at 4: {0}: 0, 0.
    # U = 1 - 1/2 + 0 - 1/3 + 0 = 1/6, V = 17/36, z = (1/6) / sqrt(17/36) = 1 / sqrt(17).
    z = cox_score(
        np.array([[1.0], [0.0], [1.0], [0.0]]),
        np.array([True, True, False, True]),
        np.array([1.0, 2.0, 3.0, 4.0]),
    )
    assert z[0] == pytest.approx(1 / np.sqrt(17), rel=1e-12)


def test_cox_score_with_tied_events_by_hand():
    # Two events at time 1 (x = 1 and 0) among x = 1, 0, 0, Efron: first all three: mean 1/3,
    # variance 2/9; second with half weight on the dead: size 2, mean (1 - 1/2)/2 = 1/4,
    # variance (1 - 1/2)/2 - 1/16 = 3/16. U = 1 - 1/3 - 1/4 = 5/12, V = 2/9 + 3/16 = 59/144.
    z = cox_score(
        np.array([[1.0], [0.0], [0.0]]),
        np.array([True, True, False]),
        np.array([1.0, 1.0, 2.0]),
    )
    assert z[0] == pytest.approx((5 / 12) / np.sqrt(59 / 144), rel=1e-12)


def test_cox_score_equals_r_on_ovarian(shared):
    folder = shared / "oracles/survival_ovarian"
    table = pd.read_csv(next(folder.glob("*.csv")))
    expected = json.loads((folder / "expected.json").read_text())
    reported = next(fit["score"] for fit in _fits(expected) if list(fit["coef"]) == ["age"])
    z = cox_score(
        table[["age"]].to_numpy(float), table["fustat"].to_numpy(bool), table["futime"].to_numpy()
    )
    assert z[0] ** 2 == pytest.approx(reported[0], rel=1e-10)


def _fits(document):
    if isinstance(document, dict):
        if "score" in document and "coef" in document:
            yield document
        for value in document.values():
            yield from _fits(value)


def test_marker_score_is_n_r_squared(rng):
    values, marker = rng.normal(size=(50, 3)), rng.random(50) < 0.4
    r = [stats.pearsonr(column, marker).statistic for column in values.T]
    np.testing.assert_allclose(marker_score(values, marker), np.sqrt(50) * np.array(r))


def test_area_equals_mann_whitney_with_ties(rng):
    values, marker = rng.integers(0, 5, size=(40, 3)).astype(float), rng.random(40) < 0.4
    expected = [
        stats.mannwhitneyu(column[marker], column[~marker]).statistic
        / (marker.sum() * (~marker).sum())
        for column in values.T
    ]
    np.testing.assert_allclose(rank_area(values, marker), expected)


def test_harrell_equals_lifelines_with_ties(rng):
    utils = pytest.importorskip("lifelines.utils")
    values = rng.integers(0, 8, size=(60, 2)).astype(float)
    duration, event = rng.integers(1, 30, 60).astype(float), rng.random(60) < 0.6
    expected = [utils.concordance_index(duration, -column, event) for column in values.T]
    np.testing.assert_allclose(harrell(values, event, duration), expected)


def test_spearman_equals_scipy(rng):
    values = rng.integers(0, 9, size=(30, 4)).astype(float)
    np.testing.assert_allclose(
        unit_ranks(values).T @ unit_ranks(values), stats.spearmanr(values).statistic
    )
    np.testing.assert_allclose(
        spearman_with(values, values[:, 2]), stats.spearmanr(values).statistic[2]
    )
