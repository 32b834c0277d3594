"""Who the patients are: tumours, outcomes and the true coefficients between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radtool.demo.sites import site_sizes
from radtool.errors import ParameterError

__all__ = [
    "CORRELATION",
    "LOG_HETEROGENEITY",
    "LOG_VOLUME",
    "MARKER_COEFFICIENTS",
    "MINIMUM_PATIENTS",
    "SURVIVAL_COEFFICIENTS",
    "Distribution",
    "covariates",
    "describe",
    "draw_outcomes",
    "draw_population",
]

MINIMUM_PATIENTS = 15

SURVIVAL_COEFFICIENTS = {
    "log_volume_z": 0.40,
    "log_heterogeneity_z": 0.60,
    "age_decades": 0.35,
    "n_stage": 0.35,
}
"""Log hazard ratios of the true linear predictor, a unit each."""

MARKER_COEFFICIENTS = {"intercept": -0.5, "attenuation_z": -1.6, "female": 1.0}
"""Log odds ratios of a mutant marker."""

_BASELINE_SHAPE = 1.2
_BASELINE_SCALE_DAYS = 1150.0
_FOLLOW_UP_DAYS = (500.0, 2400.0)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A normal distribution that is cut off."""

    mean: float
    sd: float
    lowest: float
    highest: float

    def draw(self, z: np.ndarray) -> np.ndarray:
        """Values of standard normal numbers."""
        return np.clip(self.mean + self.sd * z, self.lowest, self.highest)

    def standardise(self, values: np.ndarray) -> np.ndarray:
        """Distance from the mean in standard deviations of the uncut distribution."""
        return (values - self.mean) / self.sd


LOG_VOLUME = Distribution(np.log(18.0), 0.8, np.log(3.0), np.log(110.0))
"""Natural logarithm of the tumour volume in mL."""
LOG_HETEROGENEITY = Distribution(np.log(26.0), 0.45, np.log(9.0), np.log(75.0))
"""Natural logarithm of the standard deviation in HU inside the tumour."""
ATTENUATION = Distribution(35.0, 14.0, -5.0, 75.0)
AGE = Distribution(67.0, 9.0, 38.0, 91.0)
CORRELATION = 0.15
"""Correlation between log volume and log heterogeneity before they are cut off."""


def draw_population(patients: int, seed: int) -> pd.DataFrame:
    """Draw tumours, clinical variables and outcomes of a cohort; no images.

    Parameters
    ----------
    patients : int
        At least 15.
    seed : int
        Equal seeds give equal patients.

    Returns
    -------
    DataFrame
        One row a patient: ``patient_id``, ``site``, ``volume_ml``, ``heterogeneity_hu``,
        ``attenuation_hu``, ``age``, ``sex``, ``t_stage``, ``n_stage``, ``linear_predictor``,
        ``os_duration`` (days), ``os_event``, ``egfr``.

    Raises
    ------
    ParameterError
        Fewer patients than the sites and the faults need.
    """
    if patients < MINIMUM_PATIENTS:
        raise ParameterError(
            f"patients must be at least {MINIMUM_PATIENTS} for three sites, got {patients}"
        )
    rng = np.random.default_rng([seed, 1])
    table = pd.DataFrame(_identities(patients), columns=["patient_id", "site"])
    z_volume, z_other = rng.standard_normal((2, patients))
    z_heterogeneity = CORRELATION * z_volume + np.sqrt(1 - CORRELATION**2) * z_other
    table["volume_ml"] = np.exp(LOG_VOLUME.draw(z_volume))
    table["heterogeneity_hu"] = np.exp(LOG_HETEROGENEITY.draw(z_heterogeneity))
    table["attenuation_hu"] = ATTENUATION.draw(rng.standard_normal(patients))
    table["age"] = np.rint(AGE.draw(rng.standard_normal(patients))).astype(int)
    table["sex"] = np.where(rng.random(patients) < 0.4, "F", "M")
    diameter = 10 * np.cbrt(6 * table["volume_ml"] / np.pi) + 8 * rng.standard_normal(patients)
    table["t_stage"] = 1 + np.searchsorted([30.0, 40.0, 55.0], diameter)
    spread = 0.3 * LOG_VOLUME.standardise(np.log(table["volume_ml"]))
    spread += rng.standard_normal(patients)
    table["n_stage"] = np.searchsorted([0.0, 0.7, 1.5], spread)
    return pd.concat([table, draw_outcomes(table, rng)], axis=1)


def draw_outcomes(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw survival and marker of patients from the true coefficients.

    Survival is Weibull with proportional hazards; censoring is uniform and independent.

    Parameters
    ----------
    table : DataFrame
        Tumours and clinical variables, as from `draw_population`.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    DataFrame
        ``linear_predictor`` (higher = sooner event), ``os_duration`` in whole days, ``os_event``
        (0, 1), ``egfr`` ("mutant", "wildtype"); same index.
    """
    design = covariates(table)
    predictor = design @ pd.Series(SURVIVAL_COEFFICIENTS)
    chance = rng.exponential(size=len(table))
    survival = _BASELINE_SCALE_DAYS * (chance / np.exp(predictor)) ** (1 / _BASELINE_SHAPE)
    follow_up = rng.uniform(*_FOLLOW_UP_DAYS, size=len(table))
    logit = (
        MARKER_COEFFICIENTS["intercept"]
        + MARKER_COEFFICIENTS["attenuation_z"] * ATTENUATION.standardise(table["attenuation_hu"])
        + MARKER_COEFFICIENTS["female"] * (table["sex"] == "F")
    )
    mutant = rng.random(len(table)) < 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {
            "linear_predictor": predictor,
            "os_duration": np.ceil(np.minimum(survival, follow_up)).astype(int),
            "os_event": (survival <= follow_up).astype(int),
            "egfr": np.where(mutant, "mutant", "wildtype"),
        },
        index=table.index,
    )


def covariates(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the true linear predictor weighs, in its units."""
    return pd.DataFrame(
        {
            "log_volume_z": LOG_VOLUME.standardise(np.log(table["volume_ml"])),
            "log_heterogeneity_z": LOG_HETEROGENEITY.standardise(np.log(table["heterogeneity_hu"])),
            "age_decades": (table["age"] - AGE.mean) / 10,
            "n_stage": table["n_stage"].astype(float),
        },
        index=table.index,
    )


def describe() -> dict[str, Any]:
    """Return the true model as JSON values, for ``truth.json``."""
    return {
        "survival": {
            "model": "Weibull, proportional hazards; uniform independent censoring",
            "coefficients": SURVIVAL_COEFFICIENTS,
            "baseline_shape": _BASELINE_SHAPE,
            "baseline_scale_days": _BASELINE_SCALE_DAYS,
            "follow_up_days": _FOLLOW_UP_DAYS,
        },
        "marker": {"name": "egfr", "positive": "mutant", "coefficients": MARKER_COEFFICIENTS},
        "units": {
            "log_volume_z": _unit("ln(volume in mL)", LOG_VOLUME),
            "log_heterogeneity_z": _unit("ln(SD inside the tumour in HU)", LOG_HETEROGENEITY),
            "attenuation_z": _unit("mean inside the tumour in HU", ATTENUATION),
            "age_decades": f"(age - {AGE.mean:g}) / 10",
            "n_stage": "0 to 3, as a number",
        },
    }


def _unit(what: str, distribution: Distribution) -> str:
    return f"({what} - {distribution.mean:.6g}) / {distribution.sd:g}"


def _identities(patients: int) -> list[tuple[str, str]]:
    return [
        (f"DEMO-{site}-{number:03d}", site)
        for site, size in site_sizes(patients).items()
        for number in range(1, size + 1)
    ]
