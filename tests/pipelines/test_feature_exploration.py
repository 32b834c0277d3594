"""The exploration page says what `explore` found."""

import numpy as np
import pandas as pd
import pytest

from radtool.pipelines.feature_exploration import exploration_results, explore_to_html
from radtool.selection import explore


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 4)), columns=[f"original_stat_f{i}" for i in range(4)])
    X["original_morph_volume"] = rng.lognormal(size=60)
    X.loc[3, "original_stat_f2"] = np.nan
    return X, pd.Series(X["original_stat_f0"] > 0, name="EGFR")


def test_record_carries_every_number(cohort):
    X, y = cohort
    found = explore(X, y, volume="original_morph_volume")
    record = exploration_results(found, title="Page", target="EGFR", shown=2)
    assert (record.n_cases, record.n_features, record.kind) == (60, 5, "marker")
    first = record.features[0]
    assert first.strength == 1.0
    assert first.p == pytest.approx(found.summary["p"].iloc[0])
    assert record.features[2].missing == 1
    assert len(record.distributions) == 2
    assert sum(sum(g.counts) for g in record.distributions[0].groups) == 60


@pytest.mark.parametrize("outcome", ["none", "marker", "classes", "survival"])
def test_page_is_one_document_for_every_outcome(cohort, outcome):
    X, marker = cohort
    y = {
        "none": None,
        "marker": marker,
        "classes": pd.Series(["a", "b", "c"] * 20, name="grade"),
        "survival": pd.DataFrame({"event": marker, "duration": np.arange(1.0, 61.0)}),
    }[outcome]
    page = explore_to_html(X, y, volume="original_morph_volume", title="Lung <1>")
    assert page.startswith("<!DOCTYPE html>") or page.lower().startswith("<!doctype html>")
    assert "Lung &lt;1&gt;" in page
    assert "original_stat_f0" in page
    assert page == explore_to_html(X, y, volume="original_morph_volume", title="Lung <1>")
