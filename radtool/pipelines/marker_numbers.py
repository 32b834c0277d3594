"""Everything that a marker's probabilities show in one cohort, as records of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError, TableError
from radtool.evaluation import (
    Estimate,
    bootstrap_auc_difference,
    bootstrap_marker,
    brier,
    calibration_in_the_large,
    compare_auc,
    decision_curve,
    logistic_slope,
    marker_calibration,
    precision_recall_curve,
    roc_curve,
)
from radtool.pipelines.gathered import Gathered
from radtool.report.results import (
    Calibration,
    Comparison,
    DecisionCurve,
    DecisionStrategy,
    PerformanceRow,
    PrecisionRecall,
    RocCurve,
)
from radtool.report.results.record import or_none

__all__ = [
    "LabelledCohort",
    "MarkerNumbers",
    "check_cohorts",
    "compared",
    "decision_of",
    "marker_numbers",
]

_RENAMED = {"average_precision": "pr_auc"}
_FEWEST_PER_GROUP = 10
_MOST_POINTS = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledCohort:
    """Cases of one cohort with a marker that may be unknown.

    Parameters
    ----------
    name : str
        What tables and curves call it.
    X : DataFrame
        Predictors, one row a case; unique index.
    y : Series
        True and False (or 1 and 0), missing where unknown; same index.
    patients : Series, optional
        Patient of each case; default each case is its own.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    patients: pd.Series | None = None

    def __post_init__(self) -> None:
        if not self.X.index.equals(self.y.index):
            raise TableError(f"{self.name}: X and y are not of the same cases in the same order")
        if self.X.index.has_duplicates:
            raise TableError(f"{self.name}: a case is in the table twice")
        if self.patients is not None and not self.patients.index.equals(self.X.index):
            raise TableError(f"{self.name}: patients and X are not of the same cases")

    @property
    def people(self) -> pd.Series:
        """Patient of each case, as text."""
        if self.patients is None:
            return pd.Series(self.X.index.astype(str), index=self.X.index)
        return self.patients.astype(str)

    def known(self) -> LabelledCohort:
        """Return the cases whose marker is known, the marker as booleans."""
        has = self.y.notna()
        values = pd.to_numeric(self.y[has].astype(object), errors="coerce")
        if not values.isin([0, 1]).all():
            found = sorted(set(map(str, self.y[has])))
            raise InputError(
                f"{self.name}: the marker has the values {found[:5]}; give True and False, and"
                " leave unknown cases missing"
            )
        people = None if self.patients is None else self.patients[has]
        return LabelledCohort(name=self.name, X=self.X[has], y=values.astype(bool), patients=people)


@dataclass(frozen=True, slots=True, eq=False)
class MarkerNumbers(Gathered):
    """Rows and curves, gathered over models and cohorts.

    Parameters
    ----------
    performance : list of PerformanceRow
    roc, precision_recall, calibration : list
        Curves.
    notes : list of str
        What is not defined, and why.
    """

    performance: list[PerformanceRow] = field(default_factory=list)
    roc: list[RocCurve] = field(default_factory=list)
    precision_recall: list[PrecisionRecall] = field(default_factory=list)
    calibration: list[Calibration] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def marker_numbers(
    cohort: LabelledCohort,
    probability: pd.Series,
    *,
    names: tuple[str, str],
    cut: float | pd.Series | None = None,
    samples: tuple[int, int] = (2000, 0),
    calibrated: bool = True,
) -> MarkerNumbers:
    """Discrimination, classification and calibration with intervals from resampled patients.

    Parameters
    ----------
    cohort : LabelledCohort
        Marker known for all.
    probability : Series
        Of True, by case.
    names : tuple of 2 str
        Model and design.
    cut : float or Series, optional
        Cut-off of the training cases; a Series holds that of each case's own fold.
    samples : tuple of 2 int, default (2000, 0)
        Bootstrap samples and seed.
    calibrated : bool, default True
        Whether the probabilities are meant as such (a maximum over lesions is not).
    """
    model, design = names
    got = MarkerNumbers()
    rows = _bootstrapped(cohort, probability, cut, samples)
    for name, one in rows.items():
        got.performance.append(_row(cohort, names, _RENAMED.get(name, name), one))
    got.roc.append(_roc(cohort, probability, names, rows["auc"]))
    got.precision_recall.append(_precision_recall(cohort, probability, names, rows))
    if calibrated:
        try:
            _calibrate(got, cohort, probability, names)
        except InputError as error:
            got.notes.append(f"{model}, {cohort.name}, {design}: calibration: {error}")
    return got


def _bootstrapped(
    cohort: LabelledCohort,
    p: pd.Series,
    cut: float | pd.Series | None,
    samples: tuple[int, int],
) -> dict[str, Estimate]:
    n, seed = samples
    table = bootstrap_marker(cohort.y, p, cohort.people, n=n, seed=seed)
    if cut is not None:
        # Distance to the case's own cut-off: at or above 0 counts as True.
        apart = p - cut
        judged = bootstrap_marker(cohort.y, apart, cohort.people, threshold=0.0, n=n, seed=seed)
        table = pd.concat([table, judged.iloc[2:]])
    return {
        str(r["measure"]): Estimate(
            r["value"], or_none(r["lower"]), or_none(r["upper"]), int(r["n"])
        )
        for r in table.to_dict("records")
    }


def _row(
    cohort: LabelledCohort, names: tuple[str, str], measure: str, found: Estimate, note: str = ""
) -> PerformanceRow:
    return PerformanceRow(
        model=names[0],
        cohort=cohort.name,
        design=names[1],
        measure=measure,
        value=or_none(found.value),
        lower=or_none(found.lower),
        upper=or_none(found.upper),
        n=len(cohort.y),
        events=int(cohort.y.sum()),
        note=note,
    )


def _calibrate(
    got: MarkerNumbers, cohort: LabelledCohort, p: pd.Series, names: tuple[str, str]
) -> None:
    smooth = marker_calibration(cohort.y, p)
    slope = logistic_slope(cohort.y, p).set_index("term").loc["slope"]
    found = {
        "calibration_in_the_large": calibration_in_the_large(cohort.y, p),
        "calibration_slope": Estimate(slope["value"], slope["lower"], slope["upper"]),
        "ici": Estimate(smooth["ici"]),
        "brier": brier(cohort.y, p),
    }
    got.performance.extend(_row(cohort, names, name, one) for name, one in found.items())
    curve = _thinned(smooth.curve)
    groups = _groups(cohort.y, p)
    got.calibration.append(
        Calibration(
            model=names[0],
            cohort=cohort.name,
            design=names[1],
            predicted=tuple(map(float, groups["predicted"])),
            observed=tuple(map(float, groups["observed"])),
            lower=tuple(map(float, groups["lower"])),
            upper=tuple(map(float, groups["upper"])),
            n=tuple(map(int, groups["n"])),
            smooth_predicted=tuple(map(float, curve["predicted"])),
            smooth_observed=tuple(np.clip(curve["observed"], 0.0, 1.0).astype(float)),
        )
    )


def _groups(y: pd.Series, p: pd.Series) -> pd.DataFrame:
    """Up to ten groups of about equal size, each with at least two events expected."""
    events = min(int(y.sum()), int((~y).sum()))
    count = int(np.clip(min(events // 2, len(y) // _FEWEST_PER_GROUP), 2, 10))
    place = pd.qcut(p.rank(method="first"), count, labels=False)
    rows = []
    for _, one in pd.DataFrame({"y": y, "p": p}).groupby(place.to_numpy()):
        limits = stats.binomtest(int(one["y"].sum()), len(one)).proportion_ci(method="wilson")
        rows.append([one["p"].mean(), one["y"].mean(), limits.low, limits.high, len(one)])
    return pd.DataFrame(rows, columns=["predicted", "observed", "lower", "upper", "n"])


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """At most a few hundred points of a curve, first and last among them."""
    if len(curve) <= _MOST_POINTS:
        return curve
    return curve.iloc[np.unique(np.linspace(0, len(curve) - 1, _MOST_POINTS).astype(int))]


def _roc(cohort: LabelledCohort, p: pd.Series, names: tuple[str, str], area: Estimate) -> RocCurve:
    curve = _thinned(roc_curve(cohort.y, p))
    return RocCurve(
        model=names[0],
        cohort=cohort.name,
        design=names[1],
        false_positive_rate=tuple((1.0 - curve["specificity"]).tolist()),
        true_positive_rate=tuple(curve["sensitivity"].tolist()),
        auc=area.value,
        lower=area.lower,
        upper=area.upper,
    )


def _precision_recall(
    cohort: LabelledCohort, p: pd.Series, names: tuple[str, str], rows: Mapping[str, Estimate]
) -> PrecisionRecall:
    curve = _thinned(precision_recall_curve(cohort.y, p))
    area = rows["average_precision"]
    return PrecisionRecall(
        model=names[0],
        cohort=cohort.name,
        design=names[1],
        recall=tuple(curve["recall"].tolist()),
        precision=tuple(curve["precision"].tolist()),
        area=area.value,
        lower=area.lower,
        upper=area.upper,
        prevalence=float(cohort.y.mean()),
    )


def compared(
    cohort: LabelledCohort,
    scores: Mapping[str, pd.Series],
    pairs: Sequence[tuple[str, str]],
    design: str,
    samples: tuple[int, int] = (2000, 0),
) -> list[Comparison]:
    """Paired differences in AUC of pairs (a, b), a less b; pairs with an unknown model skipped.

    By DeLong's test, or, where patients have several cases, by resampled patients.
    """
    nested = cohort.people.duplicated().any()
    found = []
    for a, b in pairs:
        if a not in scores or b not in scores:
            continue
        if nested:
            n, seed = samples
            gain = bootstrap_auc_difference(
                cohort.y, scores[b], scores[a], cohort.people, n=n, seed=seed
            )
            limits, p = (gain.value, gain.lower, gain.upper), None
        else:
            row = compare_auc(cohort.y, scores[b], scores[a]).iloc[0]
            limits, p = (row["difference"], row["lower"], row["upper"]), or_none(row["p"])
        found.append(
            Comparison(
                model_a=a,
                model_b=b,
                cohort=cohort.name,
                measure="auc",
                difference=or_none(limits[0]),
                lower=or_none(limits[1]),
                upper=or_none(limits[2]),
                p=p,
                design=design,
                test="bootstrap of patients" if nested else "DeLong",
            )
        )
    return found


def decision_of(cohort: LabelledCohort, labelled: Mapping[str, pd.Series]) -> DecisionCurve:
    """Net benefit of models on the same cases, thresholds up to where none has any."""
    share = float(cohort.y.mean())
    # Nobody treats a rare event at 1 %, 2 %, … only: the thresholds follow the prevalence.
    grid = None if share >= 0.1 else np.linspace(share / 20, 6 * share, 60)
    chosen = {name: p.to_numpy() for name, p in labelled.items()}
    wide = decision_curve(cohort.y, chosen, thresholds=grid).pivot(
        index="threshold", columns="model", values="net_benefit"
    )
    wide = wide[["all", *labelled]].rename(columns={"all": "treat all"})
    useful = wide.index[(wide > 0).any(axis=1)]
    last = max(useful.max() if len(useful) else 0.0, 3 * share)
    wide = wide[wide.index <= min(last, 0.99)]
    return DecisionCurve(
        cohort=cohort.name,
        thresholds=tuple(map(float, wide.index)),
        strategies=tuple(
            DecisionStrategy(label=str(name), net_benefit=tuple(map(float, wide[name])))
            for name in wide
        ),
    )


def check_cohorts(cohorts: Sequence[LabelledCohort]) -> None:
    """Raise InputError before anything is fitted, when no honest answer can come out.

    A patient is in two cohorts, two cohorts have one name, or a cohort has one class only.
    """
    seen: dict[str, str] = {}
    if len({cohort.name for cohort in cohorts}) < len(cohorts):
        raise InputError(f"cohorts need different names, got {[c.name for c in cohorts]}")
    for cohort in cohorts:
        if cohort.y.nunique() < 2:
            raise InputError(
                f"{cohort.name}: {int(cohort.y.sum())} of {len(cohort.y)} cases with a known marker"
                " are positive; both classes are needed"
            )
        both = [p for p in cohort.people.unique() if p in seen]
        if both:
            raise InputError(
                f"patient(s) {both[:5]} are in {seen[both[0]]} and in {cohort.name}; a cohort that"
                " tests must be of other patients"
            )
        seen |= dict.fromkeys(cohort.people, cohort.name)
