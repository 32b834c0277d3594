"""Discrimination of a binary marker: AUC with DeLong intervals, curves, thresholds, PR-AUC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation.estimate import Estimate, paired_difference

__all__ = [
    "Threshold",
    "auc",
    "average_precision",
    "classify",
    "compare_auc",
    "partial_auc",
    "precision_recall_curve",
    "roc_curve",
    "sensitivity_threshold",
    "youden_threshold",
]


def check_marker(y: pd.Series | np.ndarray) -> np.ndarray:
    """Return a binary marker as booleans, or raise.

    Raises
    ------
    InputError
        A value is missing, there are not exactly two values 0/1 or False/True, or all cases are
        in one class.
    """
    values = pd.Series(np.asarray(y).ravel())
    if values.isna().any():
        raise InputError(f"the marker is missing for {int(values.isna().sum())} case(s)")
    found = sorted(map(str, values.unique()))
    if len(found) > 2:
        raise InputError(
            f"the marker has {len(found)} classes ({', '.join(found[:5])}), not two; choose the one"
            " that counts as True and compare it with the rest"
        )
    if not set(found) <= {"0", "1", "0.0", "1.0", "False", "True"}:
        raise InputError(f"the marker's values are {found}; give False and True")
    if len(found) < 2:
        raise InputError(f"all {len(values)} cases have the same marker value {found[0]}")
    return values.astype(float).to_numpy() == 1.0


def check_score(y: pd.Series | np.ndarray, score: pd.Series | np.ndarray) -> np.ndarray:
    """Return a score as floats of the same cases as `y`, or raise InputError."""
    if (
        isinstance(score, pd.Series)
        and isinstance(y, pd.Series)
        and not score.index.equals(y.index)
    ):
        raise InputError("score and marker are not of the same cases in the same order")
    values = np.asarray(score, dtype=float).ravel()
    if len(values) != len(y):
        raise InputError(f"{len(values)} scores for {len(y)} cases")
    if not np.isfinite(values).all():
        raise InputError(
            f"the score is missing or infinite for {int((~np.isfinite(values)).sum())} case(s)"
        )
    return values


def auc(y: pd.Series | np.ndarray, score: pd.Series | np.ndarray) -> Estimate:
    """Area under the ROC curve with DeLong's interval.

    Parameters
    ----------
    y : boolean array-like of shape (n,)
        The marker.
    score : array-like of shape (n,)
        Higher = more likely True.

    Returns
    -------
    Estimate
        Between 0 and 1; the interval is cut there.

    Raises
    ------
    InputError
        The marker does not have two classes or a score is missing.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson. Comparing the areas under two or more correlated receiver
    operating characteristic curves. Biometrics 1988.

    Examples
    --------
    >>> auc(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])).value
    0.75
    """
    truth = check_marker(y)
    value, cases, controls = _placements(truth, check_score(y, score))
    variance = _variance(cases) + _variance(controls)
    return Estimate.normal(value, float(np.sqrt(variance)), len(truth), (0, 1))


def compare_auc(
    y: pd.Series | np.ndarray, score_a: pd.Series | np.ndarray, score_b: pd.Series | np.ndarray
) -> pd.DataFrame:
    """Compare two AUCs on the same cases by DeLong's paired test.

    Parameters
    ----------
    y : array-like of bool, shape (n,)
        The marker.
    score_a, score_b : array-like of shape (n,)
        Higher = more likely True.

    Returns
    -------
    DataFrame
        One row: ``auc_a, auc_b, difference`` (b - a)``, lower, upper, se, z, p, n``.
    """
    truth = check_marker(y)
    first, cases_a, controls_a = _placements(truth, check_score(y, score_a))
    second, cases_b, controls_b = _placements(truth, check_score(y, score_b))
    se = float(np.sqrt(_variance(cases_b - cases_a) + _variance(controls_b - controls_a)))
    return paired_difference("auc", (first, second), se, len(truth))


def roc_curve(y: pd.Series | np.ndarray, score: pd.Series | np.ndarray) -> pd.DataFrame:
    """Return the ROC curve: ``threshold, sensitivity, specificity``, thresholds falling.

    A case counts as positive when its score is at or above the threshold; the first row is
    "nobody" (threshold infinite).
    """
    truth, values = check_marker(y), check_score(y, score)
    points = np.unique(values)[::-1]
    above = np.searchsorted(np.sort(-values[truth]), -points, side="right")
    wrong = np.searchsorted(np.sort(-values[~truth]), -points, side="right")
    return pd.DataFrame(
        {
            "threshold": np.concatenate([[np.inf], points]),
            "sensitivity": np.concatenate([[0.0], above / truth.sum()]),
            "specificity": np.concatenate([[1.0], 1.0 - wrong / (~truth).sum()]),
        }
    )


def partial_auc(
    y: pd.Series | np.ndarray, score: pd.Series | np.ndarray, *, specificity: float = 0.9
) -> pd.DataFrame:
    """Area under the ROC curve where specificity is at least the given one.

    Parameters
    ----------
    y : array-like of bool, shape (n,)
        The marker.
    score : array-like of shape (n,)
        Higher = more likely True.
    specificity : float, default 0.9
        Lowest specificity of the area, in [0, 1).

    Returns
    -------
    DataFrame
        One row: ``partial_auc`` and ``corrected``, McClish's rescaling to 0.5 (chance) ... 1.

    Raises
    ------
    InputError
        The specificity is out of range.
    """
    if not 0 <= specificity < 1:
        raise InputError(f"specificity must be in [0, 1), got {specificity}")
    curve = roc_curve(y, score)
    false = 1.0 - curve["specificity"].to_numpy()
    true = curve["sensitivity"].to_numpy()
    limit = 1.0 - specificity
    inside = false <= limit
    edge = np.interp(limit, false, true)
    area = float(np.trapezoid(np.append(true[inside], edge), np.append(false[inside], limit)))
    chance = limit**2 / 2
    corrected = 0.5 * (1.0 + (area - chance) / (limit - chance))
    return pd.DataFrame({"partial_auc": [area], "corrected": [corrected]})


def precision_recall_curve(
    y: pd.Series | np.ndarray, score: pd.Series | np.ndarray
) -> pd.DataFrame:
    """Return ``threshold, precision, recall``, thresholds falling."""
    truth, values = check_marker(y), check_score(y, score)
    points = np.unique(values)[::-1]
    right = np.searchsorted(np.sort(-values[truth]), -points, side="right")
    called = np.searchsorted(np.sort(-values), -points, side="right")
    return pd.DataFrame(
        {"threshold": points, "precision": right / called, "recall": right / truth.sum()}
    )


def average_precision(y: pd.Series | np.ndarray, score: pd.Series | np.ndarray) -> float:
    """Area under the precision-recall curve by steps (no interpolation)."""
    curve = precision_recall_curve(y, score)
    gain = np.diff(np.concatenate([[0.0], curve["recall"].to_numpy()]))
    return float(curve["precision"].to_numpy() @ gain)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A cut-off with the cases that it was chosen on.

    Parameters
    ----------
    value : float
        A case is positive when its score is at or above it.
    rule : str
        "youden", "sensitivity 0.9", ….
    fitted_on : frozenset of str
        Identifiers of the cases; `classify` refuses to judge the threshold on any of them.
    """

    value: float
    rule: str
    fitted_on: frozenset[str] = frozenset()


def youden_threshold(y: pd.Series, score: pd.Series | np.ndarray) -> Threshold:
    """Choose the cut-off with the largest sensitivity + specificity, halfway between scores."""
    curve = roc_curve(y, score)
    gain = curve["sensitivity"].to_numpy() + curve["specificity"].to_numpy()
    return Threshold(_halfway(curve, int(np.argmax(gain))), "youden", _ids(y))


def sensitivity_threshold(
    y: pd.Series, score: pd.Series | np.ndarray, *, sensitivity: float = 0.9
) -> Threshold:
    """Choose the highest cut-off that reaches a sensitivity.

    Parameters
    ----------
    y : array-like of bool, shape (n,)
        The marker.
    score : array-like of shape (n,)
        Higher = more likely True.
    sensitivity : float, default 0.9
        To be reached, in (0, 1].

    Raises
    ------
    InputError
        The sensitivity is out of range.
    """
    if not 0 < sensitivity <= 1:
        raise InputError(f"sensitivity must be in (0, 1], got {sensitivity}")
    curve = roc_curve(y, score)
    row = int(np.argmax(curve["sensitivity"].to_numpy() >= sensitivity - 1e-12))
    return Threshold(_halfway(curve, row), f"sensitivity {sensitivity:g}", _ids(y))


def classify(
    y: pd.Series, score: pd.Series | np.ndarray, threshold: Threshold | float
) -> pd.DataFrame:
    """Judge a cut-off: one row with counts, sensitivity, specificity, predictive values, F1.

    Parameters
    ----------
    y : array-like of bool, shape (n,)
        The marker.
    score : array-like of shape (n,)
        Higher = more likely True.
    threshold : Threshold or float
        A case is positive when its score is at or above it.

    Raises
    ------
    InputError
        The threshold was chosen on some of these cases.
    """
    truth, values = check_marker(y), check_score(y, score)
    cut = threshold.value if isinstance(threshold, Threshold) else float(threshold)
    if isinstance(threshold, Threshold):
        seen = sorted(threshold.fitted_on & _ids(y))
        if seen:
            raise InputError(
                f"the threshold was chosen on {len(seen)} of these cases ({seen[:3]}…); judge it on"
                " others"
            )
    called = values >= cut
    tp, fp = int((called & truth).sum()), int((called & ~truth).sum())
    fn, tn = int((~called & truth).sum()), int((~called & ~truth).sum())
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    ppv = tp / (tp + fp) if tp + fp else float("nan")
    npv = tn / (tn + fn) if tn + fn else float("nan")
    return pd.DataFrame(
        {
            "threshold": [cut],
            "tp": [tp],
            "fp": [fp],
            "fn": [fn],
            "tn": [tn],
            "sensitivity": [sensitivity],
            "specificity": [specificity],
            "ppv": [ppv],
            "npv": [npv],
            "accuracy": [(tp + tn) / len(truth)],
            "balanced_accuracy": [(sensitivity + specificity) / 2],
            "f1": [2 * tp / (2 * tp + fp + fn)],
        }
    )


def _placements(truth: np.ndarray, score: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """AUC and, per case and control, the share of the other class it lies right of."""
    cases, controls = score[truth], score[~truth]
    m, n = len(cases), len(controls)
    ranks = stats.rankdata(np.concatenate([cases, controls]))
    of_cases = (ranks[:m] - stats.rankdata(cases)) / n
    of_controls = 1.0 - (ranks[m:] - stats.rankdata(controls)) / m
    return float(of_cases.mean()), of_cases, of_controls


def _variance(placements: np.ndarray) -> float:
    return float(placements.var(ddof=1) / len(placements)) if len(placements) > 1 else float("nan")


def _halfway(curve: pd.DataFrame, row: int) -> float:
    own = float(curve["threshold"].iloc[row])
    if row + 1 >= len(curve) or not np.isfinite(own):
        return own
    return (own + float(curve["threshold"].iloc[row + 1])) / 2


def _ids(y: pd.Series | np.ndarray) -> frozenset[str]:
    return frozenset(map(str, y.index)) if isinstance(y, pd.Series) else frozenset()
