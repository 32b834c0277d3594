"""How many patients a prediction model needs (Riley), and events per candidate variable."""

from __future__ import annotations

import math

import pandas as pd

from radtool.errors import InputError

__all__ = [
    "auc_standard_error",
    "events_per_variable",
    "expected_shrinkage",
    "largest_r2",
    "sample_size_marker",
    "sample_size_survival",
]

_COLUMNS = ["criterion", "n", "shrinkage", "r2", "max_r2", "events_per_parameter"]


def sample_size_marker(
    *, r2: float, parameters: int, prevalence: float, shrinkage: float = 0.9
) -> pd.DataFrame:
    """Patients needed for a model of a binary marker.

    Parameters
    ----------
    r2 : float
        Cox-Snell R² that is expected; 0.15 of the maximum when nothing is known.
    parameters : int
        Candidate parameters, counted before any selection.
    prevalence : float
        Share of True.
    shrinkage : float, default 0.9
        Expected calibration slope in new patients.

    Returns
    -------
    DataFrame
        Rows ``shrinkage``, ``optimism`` (of R², 0.05), ``risk`` (overall risk within 0.05) and
        ``needed``, their largest.

    References
    ----------
    Riley et al. Calculating the sample size required for developing a clinical prediction model.
    BMJ 2020.
    """
    if not 0 < prevalence < 1:
        raise InputError(f"prevalence must lie between 0 and 1, got {prevalence}")
    highest = largest_r2(prevalence, survival=False)
    _check(r2, parameters, highest, shrinkage)
    first = _needed(parameters, r2, shrinkage)
    second_shrinkage = r2 / (r2 + 0.05 * highest)
    second = _needed(parameters, r2, second_shrinkage)
    third = math.ceil((1.96 / 0.05) ** 2 * prevalence * (1 - prevalence))
    rows = [("shrinkage", first, shrinkage), ("optimism", second, second_shrinkage)]
    rows += [("risk", third, max(shrinkage, second_shrinkage))]
    return _table(rows, (r2, highest), prevalence / parameters)


def sample_size_survival(
    *,
    r2: float,
    parameters: int,
    rate: float,
    time: float,
    mean_follow_up: float,
    shrinkage: float = 0.9,
) -> pd.DataFrame:
    """Patients needed for a survival model.

    Parameters
    ----------
    r2 : float
        Cox-Snell R² that is expected.
    parameters : int
        Candidate parameters, counted before any selection.
    rate : float
        Events per unit of time (events over total follow-up).
    time : float
        Horizon of interest.
    mean_follow_up : float
        Per patient, in the same unit.
    shrinkage : float, default 0.9
        Expected calibration slope in new patients.

    Returns
    -------
    DataFrame
        As for `sample_size_marker`.
    """
    if min(rate, time, mean_follow_up) <= 0:
        raise InputError("rate, time and mean_follow_up must be above 0")
    events = rate * mean_follow_up
    highest = largest_r2(events, survival=True)
    _check(r2, parameters, highest, shrinkage)
    first = _needed(parameters, r2, shrinkage)
    second_shrinkage = r2 / (r2 + 0.05 * highest)
    second = _needed(parameters, r2, second_shrinkage)
    third = max(first, second)
    while _risk_error(third, rate, time, mean_follow_up) > 0.05:
        third += 1
    rows = [("shrinkage", first, shrinkage), ("optimism", second, second_shrinkage)]
    rows += [("risk", third, max(shrinkage, second_shrinkage))]
    return _table(rows, (r2, highest), events / parameters)


def largest_r2(event_fraction: float, *, survival: bool) -> float:
    """Largest Cox-Snell R² that any model can reach.

    Parameters
    ----------
    event_fraction : float
        Share of True, or events per patient.
    survival : bool
        Whether the outcome is a time to an event.

    Examples
    --------
    >>> [round(largest_r2(0.174, survival=False), 3), round(largest_r2(0.13455, survival=True), 3)]
    [0.603, 0.555]
    """
    if not 0 < event_fraction <= 1 or (event_fraction == 1 and not survival):
        raise InputError(f"the share of events must lie between 0 and 1, got {event_fraction}")
    if survival:
        return 1 - math.exp(2 * (event_fraction * math.log(event_fraction) - event_fraction))
    log_null = event_fraction * math.log(event_fraction)
    log_null += (1 - event_fraction) * math.log(1 - event_fraction)
    return 1 - math.exp(2 * log_null)


def expected_shrinkage(n: int, *, r2: float, parameters: int) -> float:
    """Calibration slope in new patients that a model of so many parameters can be expected to have.

    Parameters
    ----------
    n : int
        Patients that it is fitted to.
    r2 : float
        Cox-Snell R² that is expected in new patients.
    parameters : int
        Candidate parameters, counted before any selection.

    Returns
    -------
    float
        Between r2 (nothing would be left) and 1; the S for which Riley's first criterion asks for
        exactly n patients.

    Examples
    --------
    >>> round(expected_shrinkage(5143, r2=0.051, parameters=30), 2)
    0.9
    """
    if n < 1 or parameters < 1 or not 0 < r2 < 1:
        raise InputError(f"n {n}, parameters {parameters} and r2 {r2} do not make a model")
    low, high = r2, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        if middle <= r2 or _patients(parameters, r2, middle) < n:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def auc_standard_error(auc: float, *, n: int, event_fraction: float) -> float:
    """Standard error that an AUC of new patients can be expected to have.

    Newcombe's formula; for a C index it is a rough guide.

    Parameters
    ----------
    auc : float
        Expected value.
    n : int
        Patients.
    event_fraction : float
        Share with the event.

    References
    ----------
    Newcombe. Confidence intervals for an effect size measure based on the Mann-Whitney statistic.
    Stat Med 2006; recommended for external validation by Riley et al., Stat Med 2021.

    Examples
    --------
    >>> round(auc_standard_error(0.7, n=100, event_fraction=0.5), 3)
    0.052
    """
    if not (0 < auc < 1 and 0 < event_fraction < 1 and n > 1):
        raise InputError(f"auc {auc}, n {n} and share {event_fraction} do not make a cohort")
    half = n / 2 - 1
    inner = 1 + half * (1 - auc) / (2 - auc) + half * auc / (1 + auc)
    return math.sqrt(auc * (1 - auc) * inner / (n**2 * event_fraction * (1 - event_fraction)))


def events_per_variable(events: int, candidates: int) -> float:
    """Events per candidate variable; candidates are counted before any selection.

    Examples
    --------
    >>> events_per_variable(119, 17)
    7.0
    """
    if candidates < 1:
        raise InputError("at least one candidate variable is needed")
    return events / candidates


def _needed(parameters: int, r2: float, shrinkage: float) -> int:
    return math.ceil(_patients(parameters, r2, shrinkage))


def _patients(parameters: int, r2: float, shrinkage: float) -> float:
    return parameters / ((shrinkage - 1) * math.log(1 - r2 / shrinkage))


def _risk_error(n: int, rate: float, time: float, mean_follow_up: float) -> float:
    half = 1.96 * math.sqrt(rate / (n * mean_follow_up))
    risk = 1 - math.exp(-rate * time)
    low = 1 - math.exp(-max(rate - half, 0.0) * time)
    high = 1 - math.exp(-(rate + half) * time)
    return max(risk - low, high - risk)


def _check(r2: float, parameters: int, highest: float, shrinkage: float) -> None:
    if parameters < 1:
        raise InputError("at least one candidate parameter is needed")
    if not 0 < r2 < min(highest, shrinkage):
        raise InputError(f"r2 must lie between 0 and the largest possible {highest:.3f}, got {r2}")


def _table(
    rows: list[tuple[str, int, float]], r2: tuple[float, float], events_per_case: float
) -> pd.DataFrame:
    n = max(row[1] for row in rows)
    rows = [*rows, ("needed", n, next(row[2] for row in rows if row[1] == n))]
    full = [[name, size, s, r2[0], r2[1], size * events_per_case] for name, size, s in rows]
    return pd.DataFrame(full, columns=_COLUMNS)
