"""Calibration of predicted probabilities of a marker: smooth curve, ICI, R², Hosmer-Lemeshow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.calibration import check_probability, logistic_slope
from radtool.evaluation.roc import check_marker

__all__ = ["MarkerCalibration", "hosmer_lemeshow", "marker_calibration"]


@dataclass(frozen=True, slots=True, eq=False)
class MarkerCalibration:
    """Calibration of probabilities.

    Parameters
    ----------
    measures : DataFrame
        ``measure, value``: ici, e50, e90, emax (absolute difference of predicted and smoothed
        observed probability), r2 (Nagelkerke), brier, discrimination ``d``, unreliability ``u``,
        quality ``q``, spiegelhalter_z and its p.
    curve : DataFrame
        ``predicted, observed``, in order of the predictions.
    """

    measures: pd.DataFrame
    curve: pd.DataFrame

    def __getitem__(self, measure: str) -> float:
        """Return one measure."""
        return float(self.measures.set_index("measure")["value"][measure])


def marker_calibration(
    y: pd.Series | np.ndarray, probability: pd.Series | np.ndarray
) -> MarkerCalibration:
    """Compare predicted probabilities with a local regression of the marker on them.

    Parameters
    ----------
    y : boolean array-like of shape (n,)
        The marker.
    probability : array-like of shape (n,)
        Predicted probabilities.

    Returns
    -------
    MarkerCalibration
        As R's ``rms::val.prob``: lowess with span 2/3 and no robustness rounds.
    """
    from statsmodels.nonparametric.smoothers_lowess import lowess

    truth, p = check_marker(y), check_probability(y, probability)
    if np.ptp(p) == 0:
        raise InputError("all predicted probabilities are equal; a curve is not defined")
    smooth = lowess(truth.astype(float), p, frac=2 / 3, it=0, delta=0.01 * float(np.ptp(p)))
    points, index = np.unique(smooth[:, 0], return_inverse=True)
    height = np.bincount(index, smooth[:, 1]) / np.bincount(index)
    gap = np.abs(np.interp(p, points, height) - p)
    n = len(p)
    own, recalibrated, null = _deviances(truth, p)
    likelihood = null - own
    variance = float((p * (1 - p) * (1 - 2 * p) ** 2).sum())
    z = float(((truth - p) * (1 - 2 * p)).sum() / np.sqrt(variance)) if variance > 0 else np.nan
    rows = {
        "ici": float(gap.mean()),
        "e50": float(np.median(gap)),
        "e90": float(np.quantile(gap, 0.9)),
        "emax": float(gap.max()),
        "r2": (1 - np.exp(-likelihood / n)) / (1 - np.exp(-null / n)),
        "brier": float(((truth - p) ** 2).mean()),
        "d": (likelihood - 1) / n,
        "u": (own - recalibrated - 2) / n,
        "q": (likelihood - 1) / n - (own - recalibrated - 2) / n,
        "spiegelhalter_z": z,
        "spiegelhalter_p": float(2 * stats.norm.sf(abs(z))),
    }
    curve = pd.DataFrame({"predicted": points, "observed": height})
    return MarkerCalibration(pd.DataFrame({"measure": list(rows), "value": rows.values()}), curve)


def hosmer_lemeshow(
    y: pd.Series | np.ndarray, probability: pd.Series | np.ndarray, *, groups: int = 10
) -> pd.DataFrame:
    """Hosmer-Lemeshow test, on request only: it depends on arbitrary groups.

    Parameters
    ----------
    y : array-like of bool, shape (n,)
        The marker.
    probability : array-like of shape (n,)
        Predicted probability of True.
    groups : int, default 10
        By quantiles of the probability; fewer where these coincide.

    Returns
    -------
    DataFrame
        One row: ``chisq, df, p, groups``; df is groups less 2.

    Raises
    ------
    InputError
        Fewer than three groups can be made.
    """
    truth, p = check_marker(y), check_probability(y, probability)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, groups + 1)))
    if len(edges) < 4:
        raise InputError("too few different probabilities for a Hosmer-Lemeshow test")
    code = np.clip(np.searchsorted(edges, p, side="left") - 1, 0, len(edges) - 2)
    size = np.bincount(code)
    observed, expected = np.bincount(code, truth), np.bincount(code, p)
    chisq = float(((observed - expected) ** 2 / (expected * (1 - expected / size))).sum())
    df = len(size) - 2
    return pd.DataFrame(
        {
            "chisq": [chisq],
            "df": [df],
            "p": [float(stats.chi2.sf(chisq, df))],
            "groups": [len(size)],
        }
    )


def _deviances(truth: np.ndarray, p: np.ndarray) -> tuple[float, float, float]:
    """Deviance of the predictions, of the recalibrated ones and of the prevalence alone."""
    terms = logistic_slope(truth, p)["value"].to_numpy()
    clipped = np.clip(p, 1e-12, 1 - 1e-12)
    logit = np.log(clipped / (1 - clipped))
    again = 1 / (1 + np.exp(-(terms[0] + terms[1] * logit)))
    return (
        _deviance(truth, clipped),
        _deviance(truth, again),
        _deviance(truth, np.full(len(p), truth.mean())),
    )


def _deviance(truth: np.ndarray, p: np.ndarray) -> float:
    return float(-2 * (np.log(p[truth]).sum() + np.log1p(-p[~truth]).sum()))
