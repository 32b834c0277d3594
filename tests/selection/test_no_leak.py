"""Nothing is learned outside training folds: a pipeline of these steps on permuted outcomes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from radtool.harmonization import ComBat
from radtool.selection import (
    CorrelationFilter,
    MedianImputer,
    Standardize,
    UnivariateCoxFilter,
    UnivariateMarkerFilter,
    VarianceFilter,
)
from radtool.selection._screens import harrell, rank_area


@pytest.fixture(scope="module")
def cohort():
    """80 cases of two sites, 80 features, gaps, and an outcome that nothing predicts."""
    rng = np.random.default_rng(5)
    X = pd.DataFrame(rng.normal(size=(80, 80)), columns=[f"f{i:03d}" for i in range(80)])
    X["site"] = np.where(np.arange(80) % 2, "A", "B")
    X.loc[X["site"] == "B", X.columns[:80]] += rng.normal(size=80)
    X.iloc[::9, 3] = np.nan
    y = pd.DataFrame({"event": rng.random(80) < 0.8, "duration": rng.exponential(size=80)})
    return X, y


def steps(final):
    return make_pipeline(
        MedianImputer(),
        ComBat("site"),
        VarianceFilter(),
        Standardize(),
        CorrelationFilter(0.85),
        final,
    )


def folds_c(X, y, fold, pipeline, score, sign):
    """Mean held-out score of the summed chosen features, signed by their training direction."""
    scores = []
    for k in range(3):
        train, test = fold != k, fold == k
        x = pipeline.fit_transform(X[train], y[train]).to_numpy()
        weight = np.sign([sign(column, y[train]) for column in x.T])
        scores.append(score(pipeline.transform(X[test]).to_numpy() @ weight, y[test]))
    return np.mean(scores)


def c_of(risk, y):
    return harrell(risk[:, None], y["event"].to_numpy(), y["duration"].to_numpy())[0]


def area_of(risk, y):
    return rank_area(risk[:, None], y.to_numpy())[0]


def means(cohort, runs, final, score, target):
    X, y = cohort
    rng = np.random.default_rng(0)
    inside, outside = [], []
    for _ in range(runs):
        shuffled = target(y.iloc[rng.permutation(80)].set_axis(y.index))
        fold = rng.permutation(np.arange(80) % 3)

        def sign(column, part):
            return score(column, part) - 0.5

        inside.append(folds_c(X, shuffled, fold, steps(final()), score, sign))
        seen = steps(final()).fit_transform(X, shuffled)
        keep_all = make_pipeline(Standardize())
        outside.append(folds_c(seen, shuffled, fold, keep_all, score, sign))
    return np.array(inside), np.array(outside)


@pytest.mark.filterwarnings("ignore::radtool.errors.RadtoolWarning")
@pytest.mark.parametrize(
    ("final", "score", "target"),
    [
        (lambda: UnivariateCoxFilter(None, top=5), c_of, lambda y: y),
        (lambda: UnivariateMarkerFilter(None, top=5), area_of, lambda y: y["duration"] < 0.7),
    ],
    ids=["survival", "marker"],
)
def test_permuted_outcome_gives_one_half_inside_folds_and_more_outside(
    cohort, final, score, target
):
    inside, outside = means(cohort, 30, final, score, target)
    error = inside.std(ddof=1) / np.sqrt(len(inside))
    assert abs(inside.mean() - 0.5) < 3 * error < 0.06
    # the same choice made on all cases first is what a leak looks like
    assert outside.mean() > 0.58


@pytest.mark.filterwarnings("ignore::radtool.errors.RadtoolWarning")
def test_test_rows_change_nothing_that_was_learned(cohort):
    X, y = cohort
    train = np.arange(80) < 60
    pipeline = steps(UnivariateCoxFilter(None, top=5)).fit(X[train], y[train])
    alone = pipeline.transform(X[~train])
    together = pipeline.transform(X)
    pd.testing.assert_frame_equal(together[~train], alone)
    wild = X.copy()
    wild.loc[~train, X.columns[:80]] *= 1000
    again = steps(UnivariateCoxFilter(None, top=5)).fit(wild[train], y[train])
    pd.testing.assert_frame_equal(again.transform(X), together)
