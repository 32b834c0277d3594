"""Does anything leak? The whole pipeline on permuted outcomes must give a mean C of 0.50.

Every step is refitted in every fold. For contrast the same features chosen on all cases first, as
much of the literature does, and only the model cross-validated.

Run: ``python benchmarks/permutation.py FEATURES OUTCOMES [--permutations 200]`` with a feature
table (PatientID, features) and an outcome table (PatientID, Survival.time, deadstatus.event);
without files a synthetic cohort of two sites is used.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from radtool.errors import RadtoolWarning
from radtool.evaluation import harrell_c
from radtool.harmonization import ComBat
from radtool.selection import (
    CorrelationFilter,
    MedianImputer,
    Standardize,
    UnivariateCoxFilter,
    VarianceFilter,
)
from radtool.selection.likelihood import cox_likelihood, newton
from radtool.table import read_table


def read(features: str, outcomes: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    table, people = read_table(features), read_table(outcomes)
    table = table.drop_duplicates("PatientID").set_index("PatientID")
    people = people.set_index("PatientID").loc[table.index]
    y = pd.DataFrame(
        {"event": people["deadstatus.event"] == 1, "duration": people["Survival.time"]}
    )
    X = table.filter(regex=r"^(original|wavelet|log)").astype(float)
    return X, y


def synthetic(cases: int = 160, features: int = 300) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(cases, features // 3))
    values = np.hstack([base + rng.normal(0, 0.4, base.shape) for _ in range(3)])
    X = pd.DataFrame(values, columns=[f"f{i:03d}" for i in range(values.shape[1])])
    X["site"] = rng.choice(["A", "B"], cases)
    X.loc[X["site"] == "B", X.columns[:-1]] += rng.normal(size=values.shape[1])
    y = pd.DataFrame(
        {"event": rng.random(cases) < 0.7, "duration": rng.exponential(np.exp(-base[:, 0]))}
    )
    return X, y


def steps(X: pd.DataFrame, top: int) -> list:
    harmonize = [ComBat("site")] if "site" in X else []
    return [
        MedianImputer(),
        *harmonize,
        VarianceFilter(),
        Standardize(),
        CorrelationFilter(0.85),
        UnivariateCoxFilter(None, top=top),
    ]


def fold_scores(X: pd.DataFrame, y: pd.DataFrame, fold: np.ndarray, top: int) -> list[float]:
    scores = []
    for k in range(fold.max() + 1):
        train, test = fold != k, fold == k
        pipeline = make_pipeline(*steps(X, top))
        x = pipeline.fit_transform(X[train], y[train]).to_numpy()
        likelihood = cox_likelihood(
            y["event"][train].to_numpy(), y["duration"][train].to_numpy(float)
        )
        beta, _ = newton(x, likelihood, ridge=1.0)
        risk = pipeline.transform(X[test]).to_numpy() @ beta
        scores.append(harrell_c(y[test], risk).value)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", nargs="?")
    parser.add_argument("outcomes", nargs="?")
    parser.add_argument("--permutations", type=int, default=200)
    parser.add_argument("--top", type=int, default=5)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", RadtoolWarning)
    X, y = read(chosen.features, chosen.outcomes) if chosen.features else synthetic()
    print(f"{X.shape[0]} cases, {X.shape[1]} columns, {int(y['event'].sum())} events")
    rng = np.random.default_rng(1)
    start, honest, leaky = time.perf_counter(), [], []
    for _ in range(chosen.permutations):
        shuffled = y.iloc[rng.permutation(len(y))].set_axis(y.index)
        fold = rng.permutation(np.arange(len(y)) % 5)
        honest.append(np.mean(fold_scores(X, shuffled, fold, chosen.top)))
        seen = make_pipeline(*steps(X, chosen.top)).fit_transform(X, shuffled)
        leaky.append(np.mean(fold_scores(seen, shuffled, fold, chosen.top)))
    for name, values in (("inside the folds", honest), ("chosen on all cases", leaky)):
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        print(
            f"{name:20s} mean C {np.mean(values):.4f} (standard error {error:.4f}),"
            f" 95th percentile {np.quantile(values, 0.95):.3f}"
        )
    print(f"{len(honest)} permutations in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
