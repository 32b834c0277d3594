"""Curves of the study in conftest.py, drawn from known distributions."""

from __future__ import annotations

import numpy as np

from radtool.report.results import Calibration, DecisionCurve, DecisionStrategy, SurvivalGroup

GRID = (0.0, 12.0, 24.0, 36.0, 48.0, 60.0)


def survival_groups(rng: np.random.Generator, n: int) -> tuple[SurvivalGroup, ...]:
    groups = []
    for label, rate in (("low risk", 0.018), ("high risk", 0.045)):
        time = rng.exponential(1 / rate, n)
        censor = rng.uniform(6, 70, n)
        groups.append(kaplan_meier(label, np.minimum(time, censor), time <= censor, rate))
    return tuple(groups)


def kaplan_meier(label: str, time: np.ndarray, event: np.ndarray, rate: float) -> SurvivalGroup:
    steps = np.unique(time[event])
    risk = np.array([(time >= t).sum() for t in steps])
    died = np.array([((time == t) & event).sum() for t in steps])
    survival = np.cumprod(1 - died / risk)
    error = np.sqrt(np.cumsum(died / (risk * np.maximum(risk - died, 1))))
    below = np.flatnonzero(survival <= 0.5)
    median = float(steps[below[0]]) if below.size else None
    ask = np.linspace(0, 60, 61)
    return SurvivalGroup(
        label=label,
        n=len(time),
        events=int(event.sum()),
        times=tuple(steps),
        survival=tuple(survival),
        lower=tuple(np.clip(survival - 1.96 * survival * error, 0, 1)),
        upper=tuple(np.clip(survival + 1.96 * survival * error, 0, 1)),
        censor_times=tuple(np.sort(time[~event])),
        at_risk=tuple(int((time >= t).sum()) for t in GRID),
        median=median,
        median_lower=median * 0.8 if median else None,
        median_upper=median * 1.3 if median else None,
        predicted_times=tuple(ask),
        predicted=tuple(np.exp(-rate * 0.9 * ask)),
    )


def calibration(model: str, cohort: str, horizon: float | None) -> Calibration:
    predicted = np.array([0.18, 0.31, 0.42, 0.55, 0.71])
    observed = np.array([0.22, 0.27, 0.46, 0.52, 0.78])
    smooth = np.linspace(0.1, 0.8, 30)
    return Calibration(
        model=model, cohort=cohort, predicted=tuple(predicted), observed=tuple(observed),
        lower=tuple(observed - 0.13), upper=tuple(observed + 0.13), n=(20, 20, 20, 20, 19),
        smooth_predicted=tuple(smooth), smooth_observed=tuple(smooth**0.9),
        smooth_lower=tuple(smooth**0.9 - 0.07), smooth_upper=tuple(smooth**0.9 + 0.07),
        horizon=horizon,
    )  # fmt: skip


def decision(cohort: str, horizon: float | None) -> DecisionCurve:
    t = np.linspace(0.05, 0.8, 40)
    every = 0.45 - 0.55 * t / (1 - t)
    strategies = (
        DecisionStrategy(label="treat all", net_benefit=tuple(every)),
        DecisionStrategy(label="clinical + volume", net_benefit=tuple(0.42 * (1 - t) ** 1.4)),
        DecisionStrategy(
            label="clinical + volume + radiomics", net_benefit=tuple(0.425 * (1 - t) ** 1.4)
        ),
    )
    return DecisionCurve(cohort=cohort, thresholds=tuple(t), strategies=strategies, horizon=horizon)
