"""How much of a patient's predicted risk hangs on the contour it was measured in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.models.signature import Signature
from radtool.models.survival import CoxSignature

__all__ = ["risk_spread"]


def risk_spread(signature: Signature, repeats: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Predict the same cases from repeated measurements, and say how far the answers lie apart.

    Parameters
    ----------
    signature : Signature
        Fitted or loaded.
    repeats : sequence of DataFrame
        Predictors of the same cases (same index, any order), one frame a repeat: from perturbed
        contours, several readers, an ensemble of segmentations, or a rescan. The first is the one
        that counts.

    Returns
    -------
    DataFrame
        One row a case: ``risk`` (of the first frame), ``mean, sd, lower, upper`` over all frames
        (smallest and largest below 20 frames, else the central 95 %), and ``same_group``, the share
        of frames in which the case falls into the risk group (or call) of the first. The attribute
        ``attrs["share"]`` is the share of the variance of all predictions that lies between
        repeats of one case, not between cases: 0 is perfect.

    Raises
    ------
    InputError
        There are fewer than two frames, or they are not of the same cases.

    Examples
    --------
    A signature whose risk is a column itself, measured twice:

    >>> from radtool.models import published_signature
    >>> score = published_signature({"size": 1.0})
    >>> once = pd.DataFrame({"size": [1.0, 5.0]}, index=["a", "b"])
    >>> risk_spread(score, [once, once + 0.5])[["risk", "lower", "upper"]].values.tolist()
    [[1.0, 1.0, 1.5], [5.0, 5.0, 5.5]]
    """
    if len(repeats) < 2:
        raise InputError("a spread needs at least two measurements of each case")
    first = repeats[0]
    for number, frame in enumerate(repeats[1:], start=2):
        if set(frame.index) != set(first.index) or frame.index.has_duplicates:
            raise InputError(f"measurement {number} is not of the same cases as the first")
    risks = np.column_stack(
        [signature.predict_risk(frame.loc[first.index]).to_numpy() for frame in repeats]
    )
    if risks.shape[1] < 20:
        lower, upper = risks.min(axis=1), risks.max(axis=1)
    else:
        lower, upper = np.quantile(risks, [0.025, 0.975], axis=1)
    own = signature.predict_risk(first).to_numpy()
    table = pd.DataFrame(
        {
            "risk": own,
            "mean": risks.mean(axis=1),
            "sd": risks.std(axis=1, ddof=1),
            "lower": lower,
            "upper": upper,
        },
        index=first.index,
    )
    groups = _groups(signature, [frame.loc[first.index] for frame in repeats])
    if groups is not None:
        table["same_group"] = (groups == groups[:, :1]).mean(axis=1)
    within = float(risks.var(axis=1, ddof=1).mean())
    between = float(risks.mean(axis=1).var(ddof=1)) if len(risks) > 1 else 0.0
    between = max(between - within / risks.shape[1], 0.0)
    table.attrs["share"] = within / (within + between) if within + between > 0 else 0.0
    return table


def _groups(signature: Signature, repeats: Sequence[pd.DataFrame]) -> np.ndarray | None:
    """Risk group or call of each case in each repeat; None when the signature has no cut-off."""
    if isinstance(signature, CoxSignature):
        if "median" not in signature.cutoffs_:
            return None
        return np.column_stack([signature.risk_groups(frame).to_numpy() for frame in repeats])
    if "youden" not in signature.cutoffs_:
        return None
    return np.column_stack([signature.predict(frame).to_numpy() for frame in repeats])  # type: ignore[attr-defined]
