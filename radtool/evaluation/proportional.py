"""Test of proportional hazards: the score test for a slope in time (R's ``cox.zph``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.cox import CoxFit
from radtool.evaluation.kaplan_meier import kaplan_meier
from radtool.evaluation.risk_sets import check_outcome, risk_sets

__all__ = ["proportional_hazards"]

Scale = Literal["km", "rank", "identity", "log"]


def proportional_hazards(
    fit: CoxFit,
    X: pd.DataFrame,
    y: pd.DataFrame,
    *,
    scale: Scale = "km",
    terms: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Test whether coefficients change with time.

    Parameters
    ----------
    fit : CoxFit
        Fitted on X and y with Efron ties.
    X, y : DataFrame
        The same cases.
    scale : {"km", "rank", "identity", "log"}
        Function of time along which a change is looked for; ranks are among all durations.
    terms : mapping of str to sequence of str, optional
        Columns tested together (dummies, spline columns); default each on its own.

    Returns
    -------
    DataFrame
        ``term, chisq, df, p``, the last row ``GLOBAL``.

    References
    ----------
    Grambsch, Therneau. Proportional hazards tests and diagnostics based on weighted residuals.
    Biometrika 1994; as the exact score test since survival 3.0.
    """
    x = X[list(fit.columns)].to_numpy(dtype=float)
    outcome = check_outcome(y)
    x = x - x.mean(axis=0)
    (one,) = risk_sets(outcome, None, "efron")
    if len(one.times) < 2:
        raise InputError("all events are at one time; a change over time cannot be tested")
    eta = x @ fit.coefficients
    relative = one.weight * np.exp(eta - eta.max())
    _, seen = one.hazard(relative)
    first = relative[:, None] * x
    mean = one.sums(first)[one.record] - one.phi[:, None] * one.tied(first)[one.record]
    mean = mean / seen[:, None]
    second = first[:, :, None] * x[:, None, :]
    spread = one.sums(second)[one.record] - one.phi[:, None, None] * one.tied(second)[one.record]
    spread = spread / seen[:, None, None] - mean[:, :, None] * mean[:, None, :]
    spread = spread * one.record_weight[:, None, None]
    g = _time_scale(y, one.times, scale)
    g = g - g[one.record].mean()
    at_record = g[one.record]
    observed = one.tied(one.weight[:, None] * x)
    score = g @ observed - (at_record * one.record_weight) @ mean
    zero = spread.sum(axis=0)
    cross = np.tensordot(at_record, spread, axes=1)
    square = np.tensordot(at_record**2, spread, axes=1)
    names = list(fit.columns)
    groups = {name: [name] for name in names} if terms is None else terms
    rows = []
    for name, columns in [*groups.items(), ("GLOBAL", names)]:
        which = [names.index(c) for c in columns]
        part = score[which]
        try:
            left = cross[which] @ np.linalg.solve(zero, cross[:, which])
            chisq = float(part @ np.linalg.solve(square[np.ix_(which, which)] - left, part))
        except np.linalg.LinAlgError as error:
            raise InputError(
                "predictors hardly vary among those at risk; a change over time cannot be tested"
            ) from error
        rows.append([name, chisq, len(which), float(stats.chi2.sf(chisq, len(which)))])
    return pd.DataFrame(rows, columns=["term", "chisq", "df", "p"])


def _time_scale(y: pd.DataFrame, times: np.ndarray, scale: Scale) -> np.ndarray:
    if scale == "identity":
        return times
    if scale == "log":
        return np.log(times)
    if scale == "rank":
        durations = np.sort(y["duration"].to_numpy(dtype=float))
        low, high = (np.searchsorted(durations, times, side=side) for side in ("left", "right"))
        return (low + high + 1) / 2
    if scale == "km":
        table = kaplan_meier(y).table
        after = np.concatenate([[1.0], table["survival"].to_numpy()])
        return 1.0 - after[np.searchsorted(table["time"].to_numpy(), times, side="left")]
    raise InputError(f"scale must be km, rank, identity or log, got {scale!r}")
