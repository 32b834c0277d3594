"""Validation within one cohort: repeated cross-validation, bootstrap optimism, sites in turn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from radtool.errors import InputError, RadtoolError, RadtoolWarning
from radtool.evaluation.calibration import calibration_slope, logistic_slope
from radtool.evaluation.concordance import harrell_c
from radtool.evaluation.designs import grouped_folds, resample_patients
from radtool.evaluation.estimate import Estimate
from radtool.evaluation.roc import auc
from radtool.models.cases import check_patients
from radtool.models.signature import Signature
from radtool.processes import follow_parent

__all__ = [
    "CrossValidation",
    "Optimism",
    "bootstrap_optimism",
    "cross_validate",
    "leave_one_site_out",
    "permutation_null",
]


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Results of a (repeated) cross-validation.

    Parameters
    ----------
    folds : DataFrame
        One row a fold: ``repeat, fold, n_train, n_test, events_test, score, slope, features,
        note``; `score` is Harrell's C or the AUC, NaN with a note where it is not defined.
    risks : DataFrame
        Out-of-fold scores, one column a repeat, index as X. A survival index is standardised by
        the mean and standard deviation of its training cases, so that folds can be pooled. Cases
        of a fold that could not be fitted are NaN.
    selected : DataFrame
        ``feature, frequency``: share of the fits that used it, most first.
    y : DataFrame or Series
        The outcome.
    """

    folds: pd.DataFrame
    risks: pd.DataFrame
    selected: pd.DataFrame
    y: pd.DataFrame | pd.Series

    def __repr__(self) -> str:
        name = "C-index" if isinstance(self.y, pd.DataFrame) else "AUC"
        repeats = self.folds["repeat"].nunique()
        unfitted = int(self.folds["score"].isna().sum())
        mean = self.folds["score"].mean()
        return (
            f"{len(self.folds) // repeats} folds × {repeats} repeat(s) of {len(self.y)} cases:"
            f" {name} {mean:.3f}, mean of folds"
            + (f"; {unfitted} fold(s) without a score, see .folds" * bool(unfitted))
            + "; .summary() has the interval"
        )

    @property
    def risk(self) -> pd.Series:
        """Mean out-of-fold score of each case over the repeats."""
        return self.risks.mean(axis=1).rename("risk")

    def summary(self) -> pd.DataFrame:
        """Mean of folds, pooled out-of-fold score and spread of the repeats, one row each.

        Returns
        -------
        DataFrame
            ``measure, value, lower, upper, n``. The interval of the pooled score is that of the
            averaged out-of-fold risks (infinitesimal jackknife or DeLong); a standard error from
            the spread of folds would be too small and is not given.
        """
        measure = harrell_c if isinstance(self.y, pd.DataFrame) else auc
        columns = [self.risks[c].dropna() for c in self.risks]
        pooled = [measure(self.y.loc[one.index], one).value for one in columns]
        per_repeat = self.folds.groupby("repeat")["score"].mean()
        averaged = self.risk.dropna()
        ensemble = measure(self.y.loc[averaged.index], averaged)
        n = len(self.y)
        spread = float(per_repeat.std(ddof=1)) if len(per_repeat) > 1 else float("nan")
        rows = [
            ("mean_of_folds", float(self.folds["score"].mean()), None, None, n),
            ("pooled", float(np.mean(pooled)), None, None, n),
            ("pooled_averaged", ensemble.value, ensemble.lower, ensemble.upper, n),
            ("sd_of_repeats", spread, None, None, n),
            ("sd_of_folds", float(self.folds["score"].std(ddof=1)), None, None, n),
        ]
        return pd.DataFrame(rows, columns=["measure", "value", "lower", "upper", "n"])


@dataclass(frozen=True, slots=True, eq=False)
class Optimism:
    """Bootstrap optimism of the whole pipeline.

    Parameters
    ----------
    apparent : Estimate
        Score on the training cases themselves.
    corrected : Estimate
        Apparent less optimism; its interval is the apparent one moved by the optimism.
    optimism : float
        Mean over the samples.
    slope : float
        Mean calibration slope of the samples' signatures on the original cases (shrinkage).
    samples : DataFrame
        One row a sample: ``sample, apparent, original, optimism, slope, note``.
    """

    apparent: Estimate
    corrected: Estimate
    optimism: float
    slope: float
    samples: pd.DataFrame


def cross_validate(  # noqa: PLR0913 (a design is data and its numbers)
    signature: Signature,
    X: pd.DataFrame,
    y: Any,
    patients: pd.Series | None = None,
    *,
    folds: int = 5,
    repeats: int = 10,
    seed: int = 0,
    jobs: int = 1,
) -> CrossValidation:
    """Refit the whole pipeline on each training part and score the part left out.

    Parameters
    ----------
    signature : Signature
        Its settings; it is not changed.
    X, y, patients
        As for ``signature.fit``. A patient is never on both sides; events are spread evenly.
    folds, repeats : int, default 5, 10
        Design.
    seed : int, default 0
        Same seed, same folds: two signatures are compared on the same ones.
    jobs : int, default 1
        Processes.

    Returns
    -------
    CrossValidation
        Folds that cannot be fitted or scored are kept as rows with a note.
    """
    outcome, people = signature._check(X, y), check_patients(X, patients)
    plan = [
        (repeat, grouped_folds(outcome, people, folds, seed + repeat)) for repeat in range(repeats)
    ]
    tasks = [
        (repeat, one, fold != one, fold == one) for repeat, fold in plan for one in range(folds)
    ]
    return _run(signature, X, outcome, people, tasks, jobs)


def leave_one_site_out(
    signature: Signature,
    X: pd.DataFrame,
    y: Any,
    patients: pd.Series | None = None,
    *,
    sites: pd.Series,
    jobs: int = 1,
) -> CrossValidation:
    """Train on all sites but one and score that one, for each site in turn.

    The column ``fold`` of the result holds the site. Events in one site only is an error: without
    events elsewhere nothing can be learned.

    Parameters
    ----------
    signature, X, y, patients, jobs
        As for `cross_validate`.
    sites : Series of str
        Site of each case, same index as X.
    """
    outcome, people = signature._check(X, y), check_patients(X, patients)
    if not sites.index.equals(X.index):
        raise InputError("sites and X are not of the same cases in the same order")
    if sites.isna().any():
        raise InputError(f"no site for case(s) {sites.index[sites.isna()].tolist()[:5]}")
    names = sorted(map(str, sites.unique()))
    if len(names) < 2:
        raise InputError(f"leave-one-site-out needs at least two sites, got {names}")
    where = sites.astype(str).to_numpy()
    event = np.asarray(outcome["event"] if isinstance(outcome, pd.DataFrame) else outcome)
    for name in names:
        if not event[where != name].any():
            raise InputError(
                f"all events are in site {name!r}; leaving it out leaves none to learn"
            )
    shared = people.groupby(people.to_numpy()).apply(lambda p: sites[p.index].nunique() > 1)
    if shared.any():
        raise InputError(f"patient(s) in more than one site: {shared.index[shared].tolist()[:5]}")
    tasks = [(0, name, where != name, where == name) for name in names]
    return _run(signature, X, outcome, people, tasks, jobs)


def bootstrap_optimism(  # noqa: PLR0913 (a design is data and its numbers)
    signature: Signature,
    X: pd.DataFrame,
    y: Any,
    patients: pd.Series | None = None,
    *,
    n: int = 200,
    seed: int = 0,
    jobs: int = 1,
) -> Optimism:
    """Estimate how much the apparent score flatters, refitting the whole pipeline each time.

    Patients are drawn with replacement; each sample's signature is scored on the sample and on the
    original cases (Harrell 1996). The interval follows Noma et al. (Stat Med 2021): the apparent
    one, moved.

    Parameters
    ----------
    signature, X, y, patients, seed, jobs
        As for `cross_validate`.
    n : int, default 200
        Samples.
    """
    outcome, people = signature._check(X, y), check_patients(X, patients)
    fitted = _quietly(lambda: signature.unfitted().fit(X, outcome, people))
    measure = harrell_c if isinstance(outcome, pd.DataFrame) else auc
    apparent = measure(outcome, fitted.predict_risk(X))
    seeds = np.random.SeedSequence(seed).spawn(n)
    rows = Parallel(n_jobs=jobs)(
        delayed(_one_sample)(signature, X, outcome, people, number, one)
        for number, one in enumerate(seeds)
    )
    samples = pd.DataFrame(rows)
    optimism = float(samples["optimism"].mean())
    moved = Estimate(
        apparent.value - optimism,
        None if apparent.lower is None else apparent.lower - optimism,
        None if apparent.upper is None else apparent.upper - optimism,
        apparent.n,
        apparent.se,
    )
    return Optimism(apparent, moved, optimism, float(samples["slope"].mean()), samples)


def permutation_null(  # noqa: PLR0913 (a design is data and its numbers)
    signature: Signature,
    X: pd.DataFrame,
    y: Any,
    patients: pd.Series | None = None,
    *,
    n: int = 20,
    folds: int = 5,
    seed: int = 0,
    jobs: int = 1,
) -> pd.DataFrame:
    """Cross-validate with outcomes dealt to other patients; the mean must be 0.50.

    Returns
    -------
    DataFrame
        One row a permutation: ``permutation, score`` (mean of folds).
    """
    outcome, people = signature._check(X, y), check_patients(X, patients)
    rows = []
    for number in range(n):
        order = np.random.default_rng([seed, number]).permutation(len(X))
        shuffled = outcome.iloc[order].set_axis(X.index)
        result = cross_validate(
            signature, X, shuffled, people, folds=folds, repeats=1, seed=seed + number, jobs=jobs
        )
        rows.append({"permutation": number, "score": float(result.folds["score"].mean())})
    return pd.DataFrame(rows)


def _run(
    signature: Signature, X: pd.DataFrame, y: Any, people: pd.Series, tasks: list[Any], jobs: int
) -> CrossValidation:
    results = Parallel(n_jobs=jobs)(
        delayed(_one_fold)(signature, X, y, people, task) for task in tasks
    )
    rows, used = [], []
    repeats = sorted({task[0] for task in tasks})
    risks = pd.DataFrame(np.nan, index=X.index, columns=repeats)
    for task, (row, risk, features) in zip(tasks, results, strict=True):
        rows.append(row)
        used.append(features)
        if risk is not None:
            risks.loc[task[3], task[0]] = risk
    table = pd.DataFrame(rows)
    if table["score"].isna().all():
        raise InputError(f"no fold could be fitted and scored; first note: {table['note'].iloc[0]}")
    counts = pd.Series([f for features in used for f in features], dtype=object).value_counts()
    selected = pd.DataFrame(
        {"feature": counts.index, "frequency": counts.to_numpy() / len(tasks)}
    ).sort_values(["frequency", "feature"], ascending=[False, True], ignore_index=True)
    return CrossValidation(table, risks, selected, y)


def _one_fold(
    signature: Signature, X: pd.DataFrame, y: Any, people: pd.Series, task: Any
) -> tuple[dict[str, Any], np.ndarray | None, list[str]]:
    follow_parent()
    repeat, name, train, test = task
    survival = isinstance(y, pd.DataFrame)
    row = {
        "repeat": repeat,
        "fold": name,
        "n_train": int(train.sum()),
        "n_test": int(test.sum()),
        "events_test": int(np.asarray(y["event"] if survival else y)[test].sum()),
        "score": float("nan"),
        "slope": float("nan"),
        "features": 0,
        "note": "",
    }
    risk, features = None, []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RadtoolWarning)
            fitted = signature.unfitted().fit(X[train], y[train], people[train])
            score = fitted.predict_risk(X[test])
            features = fitted._used()
            row["features"] = len(features)
            risk = score.to_numpy()
            if survival:
                own = fitted.predict_risk(X[train])
                risk = (risk - own.mean()) / max(float(own.std(ddof=0)), 1e-12)
            row |= _scored(y[test], score)
    except RadtoolError as error:
        row["note"] = str(error)
    return row, risk, features


def _scored(y: Any, score: pd.Series) -> dict[str, float]:
    if isinstance(y, pd.DataFrame):
        return {"score": harrell_c(y, score).value, "slope": _survival_slope(y, score)}
    return {"score": auc(y, score).value, "slope": _marker_slope(y, score)}


def _survival_slope(y: pd.DataFrame, score: pd.Series) -> float:
    """Calibration slope; NaN where the score separates the events and the slope has no end."""
    try:
        return calibration_slope(y, score).value
    except InputError:
        return float("nan")


def _marker_slope(y: pd.Series, probability: pd.Series) -> float:
    try:
        return float(logistic_slope(y, probability)["value"].iloc[1])
    except InputError:
        return float("nan")


def _one_sample(
    signature: Signature,
    X: pd.DataFrame,
    y: Any,
    people: pd.Series,
    number: int,
    seed: np.random.SeedSequence,
) -> dict[str, Any]:
    follow_parent()
    rows = resample_patients(people, np.random.default_rng(seed))
    index = pd.RangeIndex(len(rows))
    sample, target, own = (part.iloc[rows].set_axis(index) for part in (X, y, people))
    row: dict[str, Any] = {"sample": number, "note": ""}
    measure = harrell_c if isinstance(y, pd.DataFrame) else auc
    values = dict.fromkeys(("apparent", "original", "optimism", "slope"), float("nan"))
    try:
        fitted = _quietly(lambda: signature.unfitted().fit(sample, target, own))
        apparent = measure(target, fitted.predict_risk(sample)).value
        scored = _scored(y, fitted.predict_risk(X))
        values = {
            "apparent": apparent,
            "original": scored["score"],
            "optimism": apparent - scored["score"],
            "slope": scored["slope"],
        }
    except RadtoolError as error:
        row["note"] = str(error)
    return {**row, **values}


def _quietly(make: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RadtoolWarning)
        return make()
