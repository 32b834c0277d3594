"""How many patients a prediction model needs (Riley), and events per candidate variable."""

from __future__ import annotations

import math

import pandas as pd

from radtool.errors import InputError

__all__ = ["events_per_variable", "sample_size_marker", "sample_size_survival"]

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
    log_null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    highest = 1 - math.exp(2 * log_null)
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
    highest = 1 - math.exp(2 * (events * math.log(events) - events))
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
    return math.ceil(parameters / ((shrinkage - 1) * math.log(1 - r2 / shrinkage)))


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
