"""What figures are drawn from: numbers only, already estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from radtool.errors import InputError
from radtool.report.results.record import Record

__all__ = [
    "Calibration",
    "DecisionCurve",
    "DecisionStrategy",
    "KaplanMeier",
    "RocCurve",
    "SubgroupRow",
    "SurvivalGroup",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurvivalGroup(Record):
    """Observed survival of one risk group, and optionally what the model predicted for it.

    Parameters
    ----------
    label : str
        "low risk".
    n, events : int
        Size and observed events.
    times : tuple of float of length k
        Where the estimate steps, ascending; a step at 0 with survival 1 is implied.
    survival, lower, upper : tuple of float of length k
        Kaplan-Meier estimate and its pointwise 95 % limits.
    censor_times : tuple of float
        When cases left without event.
    at_risk : tuple of int
        Numbers at risk at `KaplanMeier.grid`.
    median, median_lower, median_upper : float, optional
        Median survival; None when not reached.
    predicted_times, predicted : tuple of float
        Mean predicted survival of the group.
    """

    PARALLEL = (
        ("times", "survival", "lower", "upper"),
        ("predicted_times", "predicted"),
    )

    label: str
    n: int
    events: int
    times: tuple[float, ...]
    survival: tuple[float, ...]
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    censor_times: tuple[float, ...] = ()
    at_risk: tuple[int, ...] = ()
    median: float | None = None
    median_lower: float | None = None
    median_upper: float | None = None
    predicted_times: tuple[float, ...] = ()
    predicted: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KaplanMeier(Record):
    """Kaplan-Meier curves of the risk groups of one model in one cohort.

    Parameters
    ----------
    model, cohort : str
        Names as in the performance rows.
    groups : tuple of SurvivalGroup
        Lowest risk first.
    grid : tuple of float
        Times at which numbers at risk are printed.
    log_rank_p, log_rank_chi2 : float, optional
        Log-rank test over the groups.
    cut : str
        The rule and where it was fitted: "75th percentile of the training risk score".
    confidence : str, default "log-log"
        Transformation of the limits.
    design : str
        As in `PerformanceRow`.
    quantity : {"survival", "incidence"}
        What the curves show; "incidence" is the cumulative incidence of the event of interest
        (Aalen-Johansen), with Gray's test in the place of the log-rank test.
    """

    model: str
    cohort: str
    groups: tuple[SurvivalGroup, ...]
    grid: tuple[float, ...] = ()
    log_rank_p: float | None = None
    log_rank_chi2: float | None = None
    cut: str = ""
    confidence: str = "log-log"
    design: str = ""
    quantity: Literal["survival", "incidence"] = "survival"


@dataclass(frozen=True, slots=True, kw_only=True)
class RocCurve(Record):
    """One ROC curve; curves of the same cohort and horizon share a figure.

    Parameters
    ----------
    model, cohort : str
        Names as in the performance rows.
    false_positive_rate, true_positive_rate : tuple of float, same length
        From (0, 0) to (1, 1).
    auc, lower, upper : float, optional
        Area and its 95 % limits.
    horizon : float, optional
        Time of a time-dependent ROC.
    design : str
        As in `PerformanceRow`: "external", "nested CV" (out-of-fold), "apparent".
    """

    PARALLEL = (("false_positive_rate", "true_positive_rate"),)

    model: str
    cohort: str
    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    auc: float | None = None
    lower: float | None = None
    upper: float | None = None
    horizon: float | None = None
    design: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Record):
    """Predicted against observed risk of one model in one cohort.

    Parameters
    ----------
    model, cohort : str
        Names as in the performance rows.
    predicted, observed : tuple of float, same length
        Mean predicted and observed risk of each group, in [0, 1].
    lower, upper : tuple of float
        95 % limits of `observed`.
    n : tuple of int
        Cases in each group.
    smooth_predicted, smooth_observed : tuple of float, same length
        Smooth calibration curve.
    smooth_lower, smooth_upper : tuple of float
        Its 95 % limits.
    horizon : float, optional
        Time at which risks are compared.
    design : str
        As in `PerformanceRow`.
    """

    PARALLEL = (
        ("predicted", "observed", "lower", "upper", "n"),
        ("smooth_predicted", "smooth_observed", "smooth_lower", "smooth_upper"),
    )

    model: str
    cohort: str
    predicted: tuple[float, ...] = ()
    observed: tuple[float, ...] = ()
    lower: tuple[float, ...] = ()
    upper: tuple[float, ...] = ()
    n: tuple[int, ...] = ()
    smooth_predicted: tuple[float, ...] = ()
    smooth_observed: tuple[float, ...] = ()
    smooth_lower: tuple[float, ...] = ()
    smooth_upper: tuple[float, ...] = ()
    horizon: float | None = None
    design: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionStrategy(Record):
    """Net benefit of one way to decide.

    Parameters
    ----------
    label : str
        Model label, or "treat all". "Treat none" is zero and drawn always.
    net_benefit : tuple of float
        At `DecisionCurve.thresholds`.
    """

    label: str
    net_benefit: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCurve(Record):
    """Decision curves of several strategies in one cohort.

    Parameters
    ----------
    cohort : str
        Name as in the performance rows.
    thresholds : tuple of float
        Threshold probabilities in (0, 1), ascending.
    strategies : tuple of DecisionStrategy
        Including "treat all".
    horizon : float, optional
        Time of a survival decision curve.
    """

    cohort: str
    thresholds: tuple[float, ...]
    strategies: tuple[DecisionStrategy, ...]
    horizon: float | None = None

    def __post_init__(self) -> None:
        for one in self.strategies:
            if len(one.net_benefit) != len(self.thresholds):
                raise InputError(
                    f"{one.label!r} has {len(one.net_benefit)} net benefits for"
                    f" {len(self.thresholds)} thresholds"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupRow(Record):
    """A measure in a part of a cohort: one line of the forest plot.

    Parameters
    ----------
    model, cohort : str
        Names as in the performance rows.
    variable, level : str
        What the cohort was split by; "all" and "": everyone.
    measure : str
        As in `PerformanceRow`, or "hazard_ratio".
    value, lower, upper : float, optional
        Estimate and 95 % limits; None when the subgroup is too small.
    n, events : int, optional
        Size and events.
    p_interaction : float, optional
        On the first row of a variable.
    design : str
        As in `PerformanceRow`.
    """

    model: str
    cohort: str
    variable: str
    level: str
    measure: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int | None = None
    events: int | None = None
    p_interaction: float | None = None
    design: str = ""
