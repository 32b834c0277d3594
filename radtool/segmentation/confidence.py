"""Make voxel probabilities honest: temperature scaling, fitted on cases held out of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar

from radtool.errors import InputError, ParameterError

__all__ = ["apply_temperature", "fit_temperature", "voxel_brier"]

EDGE = 1e-6  # probabilities are kept this far from 0 and 1 before their logit is taken


def fit_temperature(
    probabilities: Sequence[np.ndarray], truths: Sequence[np.ndarray], *, above: float = 0.01
) -> float:
    """Fit the temperature that makes voxel probabilities most likely.

    Parameters
    ----------
    probabilities : sequence of ndarray
        One map of tumour probability a case, of cases that the network was not trained on.
    truths : sequence of ndarray of bool
        The masks, same shapes.
    above : float, default 0.01
        Voxels less probable than this are left out: sure background would drown the rest.

    Returns
    -------
    float
        Between 0.05 and 20; above 1 when the network is too sure of itself. Each case counts the
        same, whatever its size.

    Raises
    ------
    InputError
        No case, shapes that differ, or no voxel probable enough.

    References
    ----------
    C. Guo et al., On calibration of modern neural networks, ICML 2017, 1321-1330.
    """
    parts = []
    for p, truth in _pairs(probabilities, truths):
        kept = p >= above
        if kept.any():
            parts.append((_logit(p[kept]), truth[kept].astype(float)))
    if not parts:
        raise InputError(f"no voxel has a probability of {above:g} or more: nothing to calibrate")

    def loss(log_temperature: float) -> float:
        scale = np.exp(-log_temperature)
        each = [np.mean(np.logaddexp(0, scale * z) - t * scale * z) for z, t in parts]
        return float(np.mean(each))

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the logit of probabilities by a temperature; 0 and 1 stay, the order stays.

    Raises
    ------
    ParameterError
        The temperature is not above 0.

    Examples
    --------
    >>> apply_temperature(np.array([0.0, 0.5, 0.8, 1.0]), 2.0).round(3).tolist()
    [0.0, 0.5, 0.667, 1.0]
    """
    if not temperature > 0:
        raise ParameterError(f"temperature must be above 0, got {temperature}")
    p = np.asarray(probability)
    if temperature == 1:
        return p
    scaled = 1 / (1 + np.exp(-_logit(p) / temperature))
    return np.where((p <= EDGE) | (p >= 1 - EDGE), p, scaled).astype(p.dtype)


def voxel_brier(probabilities: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> float:
    """Mean squared error of voxel probabilities, averaged over cases; lower is better.

    Parameters
    ----------
    probabilities, truths
        As in `fit_temperature`; all voxels count.
    """
    return float(np.mean([np.mean((p - truth) ** 2) for p, truth in _pairs(probabilities, truths)]))


def _pairs(
    probabilities: Sequence[np.ndarray], truths: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    pairs = [
        (np.asarray(p, dtype=float), np.asarray(t, dtype=bool))
        for p, t in zip(probabilities, truths, strict=True)
    ]
    for p, truth in pairs:
        if p.shape != truth.shape:
            raise InputError(f"probability has shape {p.shape}, its mask {truth.shape}")
    return pairs


def _logit(p: np.ndarray) -> np.ndarray:
    kept = np.clip(np.asarray(p, dtype=float), EDGE, 1 - EDGE)
    return np.log(kept) - np.log1p(-kept)
