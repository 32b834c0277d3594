"""One batch column of ComBat: its estimates from training rows, and their use on new rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from radtool.errors import ParameterError, RadtoolWarning, TableError, did_you_mean, quoted
from radtool.harmonization._estimates import Pooling, Setting, shrink, standardisation

__all__ = ["SmallBatch", "Table", "Variable", "add_level", "adjust", "estimate", "pool_levels"]

FEW, TINY = 20, 10
_NEUTRAL = {"gamma_hat": 0.0, "delta_hat": 1.0, "gamma_star": 0.0, "delta_star": 1.0}
SmallBatch = Literal["warn", "mean_only", "refuse"]
Estimates = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What was chosen for one batch column."""

    batch: str
    pooling: Pooling
    mean_only: bool
    small_batch: SmallBatch
    reference: str | None

    def location_only(self, sizes: np.ndarray) -> np.ndarray:
        """Which batches get a location and no scale."""
        only = np.full(sizes.size, self.mean_only)
        return only | (sizes < TINY) if self.small_batch == "mean_only" else only

    def needed(self, *, location_only: bool) -> int:
        """How many known values of a batch a feature must have."""
        return 1 if location_only else 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows as ComBat computes with them.

    Parameters
    ----------
    values : ndarray of shape (n_cases, n_features)
    names : list of str
        The features.
    labels : ndarray of str, shape (n_cases,)
        The batch of each case.
    covariates : ndarray of shape (n_cases, n_covariates)
    """

    values: np.ndarray
    names: list[str]
    labels: np.ndarray
    covariates: np.ndarray


def estimate(table: Table, variable: Variable) -> tuple[Estimates, list[list[Any]]]:
    """Estimate every batch of one column.

    Returns
    -------
    estimates : dict
        See `ComBat.estimates_`.
    decisions : list of [feature, reason, value]
        Features that are not harmonized, and why.
    """
    levels, codes = np.unique(table.labels, return_inverse=True)
    sizes = np.bincount(codes)
    _check_sizes(variable, levels, sizes)
    setting = Setting(
        pooling=variable.pooling,
        location_only=variable.location_only(sizes),
        reference=_reference(variable, [str(level) for level in levels]),
    )
    reasons = _unusable(table, codes, levels, setting, variable)
    usable = np.array([name not in reasons for name in table.names], dtype=bool)
    frozen = standardisation(table.values[:, usable], codes, table.covariates, setting)
    poor = ~(frozen["var_pooled"] > 0)
    if poor.any():
        where = np.flatnonzero(usable)[poor]
        reasons |= {table.names[i]: f"no variance left within {variable.batch}" for i in where}
        usable[where] = False
        frozen = {key: value[..., ~poor] for key, value in frozen.items()}
    _check_pooling(usable, variable, reasons)
    estimates: Estimates = {
        "batch": variable.batch,
        "levels": [str(level) for level in levels],
        "sizes": sizes,
        "location_only": setting.location_only,
        "reference": setting.reference,
        "features": [name for name, used in zip(table.names, usable, strict=True) if used],
        **frozen,
    }
    scores = _standardise(table.values[:, usable], table.covariates, estimates)
    shrunk = [shrink(scores[codes == b], setting, b) for b in range(sizes.size)]
    estimates |= {key: np.array([one[key] for one in shrunk]) for key in shrunk[0]}
    return estimates, [[name, f"not harmonized: {why}", None] for name, why in reasons.items()]


def add_level(table: Table, level: str, estimates: Estimates, variable: Variable) -> Estimates:
    """Add one batch to frozen estimates from its own rows.

    Features with too few or only equal values there are left as they are in that batch, as `fit`
    leaves them in all.
    """
    rows = table.labels == level
    size = int(rows.sum())
    location_only = bool(variable.location_only(np.array([size]))[0])
    needed = variable.needed(location_only=location_only)
    values = table.values[rows][:, _positions(table.names, estimates["features"])]
    scores = _standardise(values, table.covariates[rows], estimates)
    poor = np.isfinite(scores).sum(axis=0) < needed
    if not location_only:
        poor |= _is_flat(values)
    _check_poor(poor, f"{variable.batch} {str(level)!r} ({size} case(s))", estimates["features"])
    setting = Setting(
        pooling=variable.pooling, location_only=np.array([location_only]), reference=None
    )
    one = shrink(scores[:, ~poor], setting, 0)
    for key, neutral in _NEUTRAL.items():
        every = np.full(poor.size, neutral)
        every[~poor] = one[key]
        one[key] = every
    extended = estimates | {
        "levels": [*estimates["levels"], level],
        "sizes": np.append(estimates["sizes"], size),
        "location_only": np.append(estimates["location_only"], location_only),
    }
    return extended | {
        key: np.concatenate([estimates[key], np.asarray(value)[None]]) for key, value in one.items()
    }


def _check_poor(poor: np.ndarray, where: str, features: Sequence[str]) -> None:
    if not poor.any():
        return
    names = quoted(np.array(features)[poor].tolist())
    reason = f"ComBat: {where} has too few different values in {names} to be estimated"
    if poor.all():
        raise TableError(reason)
    warnings.warn(f"{reason}; left as they are there", RadtoolWarning, stacklevel=5)


def pool_levels(level: str, estimates: Estimates) -> Estimates:
    """Add one batch that is like the average of the known ones, weighted by their sizes."""
    known = len(estimates["sizes"])
    weight = estimates["sizes"] / estimates["sizes"].sum()
    extended = estimates | {"levels": [*estimates["levels"], level]}
    for key in ("gamma_star", "delta_star"):
        average = weight @ estimates[key][:known]
        extended[key] = np.vstack([estimates[key], average])
    return extended


def adjust(table: Table, estimates: Estimates) -> np.ndarray:
    """Return the values with known batches harmonized; all else as it was."""
    columns = _positions(table.names, estimates["features"])
    expected = estimates["grand_mean"] + table.covariates @ estimates["beta"]
    spread = np.sqrt(estimates["var_pooled"])
    result = table.values.copy()
    for position, level in enumerate(estimates["levels"]):
        rows = np.flatnonzero(table.labels == level)
        if position == estimates["reference"] or not rows.size:
            continue
        part = (table.values[np.ix_(rows, columns)] - expected[rows]) / spread
        part -= estimates["gamma_star"][position]
        part /= np.sqrt(estimates["delta_star"][position])
        result[np.ix_(rows, columns)] = part * spread + expected[rows]
    return result


def _check_sizes(variable: Variable, levels: np.ndarray, sizes: np.ndarray) -> None:
    batch = variable.batch
    if sizes.size < 2:
        raise TableError(
            f"ComBat: all {sizes.sum()} cases are of one batch ({batch} = {str(levels[0])!r});"
            " there is nothing to harmonize: leave the step out, or set batch=None"
        )
    alone = levels[(sizes == 1) & ~variable.location_only(sizes)]
    if alone.size:
        raise TableError(
            f"ComBat: {batch} {quoted(alone)} has one case, so its scale cannot be estimated;"
            " leave it out, merge it, or correct the location only (mean_only=True)"
        )
    tiny = levels[sizes < TINY]
    if tiny.size and variable.small_batch == "refuse":
        raise TableError(f"ComBat: {batch} {quoted(tiny)} has fewer than {TINY} cases")
    few = sizes < FEW
    if few.any():
        named = [f"{level} ({n})" for level, n in zip(levels[few], sizes[few], strict=True)]
        warnings.warn(
            f"ComBat: fewer than {FEW} cases in {batch} {quoted(named)}; location and scale are"
            " poorly known there (small_batch='mean_only' leaves the scale of those below"
            f" {TINY} alone)",
            RadtoolWarning,
            stacklevel=4,
        )


def _reference(variable: Variable, levels: Sequence[str]) -> int | None:
    if variable.reference is None:
        return None
    if variable.reference not in levels:
        raise ParameterError(
            f"ComBat: reference {variable.reference!r} is not a level of {variable.batch!r}"
            f"{did_you_mean(variable.reference, levels)}"
        )
    return list(levels).index(variable.reference)


def _unusable(
    table: Table, codes: np.ndarray, levels: np.ndarray, setting: Setting, variable: Variable
) -> dict[str, str]:
    """Features with too few, or only equal, values in some batch."""
    reasons: dict[str, str] = {}
    for position, level in enumerate(levels):
        rows = table.values[codes == position]
        needed = variable.needed(location_only=bool(setting.location_only[position]))
        few = np.isfinite(rows).sum(axis=0) < needed
        flat = _is_flat(rows) if rows.shape[0] > 1 else np.zeros_like(few)
        where = f"{variable.batch} {str(level)!r}"
        for i in np.flatnonzero(few | flat):
            why = f"fewer than {needed} value(s) in {where}" if few[i] else f"constant in {where}"
            reasons.setdefault(table.names[i], why)
    return reasons


def _is_flat(rows: np.ndarray) -> np.ndarray:
    known = np.isfinite(rows)
    low = np.where(known, rows, np.inf).min(axis=0)
    return low == np.where(known, rows, -np.inf).max(axis=0)


def _check_pooling(usable: np.ndarray, variable: Variable, reasons: dict[str, str]) -> None:
    count = int(usable.sum())
    if count == 0:
        why = quoted(sorted(set(reasons.values()))) or "there is no numeric column"
        raise TableError(f"ComBat: no feature can be harmonized: {why}")
    if count == 1 and variable.pooling != "none":
        raise ParameterError(
            "ComBat: empirical Bayes shares information between features and there is one only"
            " (n_features=1); use empirical_bayes='none'"
        )


def _positions(names: Sequence[str], chosen: Sequence[str]) -> np.ndarray:
    where = {name: position for position, name in enumerate(names)}
    return np.array([where[name] for name in chosen], dtype=int)


def _standardise(values: np.ndarray, covariates: np.ndarray, estimates: Estimates) -> np.ndarray:
    expected = estimates["grand_mean"] + covariates @ estimates["beta"]
    return (values - expected) / np.sqrt(estimates["var_pooled"])
