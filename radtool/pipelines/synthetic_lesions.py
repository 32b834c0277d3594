"""A synthetic cohort of brain metastases after radiosurgery, lesions nested in patients.

How it is made. Each lesion has a size and texture factors, all standard normal; each patient a
scanner and clinical variables. Radiomics features follow one factor each; a branch adds its own
noise and what it leaves of the scanner's shift. Deep features are mixtures of a few factors, of
which one repeats a texture factor. The log odds of the event are linear in two texture factors, the
size and one clinical variable.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from radtool.errors import ParameterError
from radtool.pipelines.lesion_cohort import LesionCohort

__all__ = ["BRANCHES", "EFFECTS", "metastases_cohort"]

BRANCHES = {"minimalist": (0.9, 1.0), "standardization": (0.6, 0.4), "harmonization": (0.35, 0.1)}
"""Branch -> noise, and share of the scanner's shift that is left: the last is the best."""

EFFECTS = {"texture 0": 0.85, "texture 1": -0.6, "size": 0.35, "prior radiotherapy": 0.5}
"""Log odds ratios of the event: per standard deviation, or yes against no."""

_FACTORS = 16
_FAMILIES = ("stat", "ih", "glcm", "glrlm", "glszm", "ngtdm")
_PRIMARIES = ("lung", "breast", "melanoma", "kidney", "other")


def metastases_cohort(  # noqa: PLR0913 (a cohort is its sizes)
    patients: int = 1404,
    *,
    lesions: int = 7974,
    seed: int = 0,
    name: str = "development",
    event_share: float = 0.027,
    features: int = 106,
    deep: int = 256,
    unseen: bool = False,
) -> LesionCohort:
    """Draw a cohort shaped like that of Keek, Beuque, Primakov and others (2022).

    Parameters
    ----------
    patients, lesions : int, default 1404 and 7974
        The external cohort had 237 and 646.
    seed : int
        Equal seeds give equal patients; how features are made does not depend on it.
    name : str
        Of the cohort; starts the patient ids.
    event_share : float, default 0.027
        Expected share of lesions with the event.
    features, deep : int, default 106 and 256
        Radiomics features a branch, and deep features.
    unseen : bool, default False
        A few patients have a primary tumour that other cohorts do not know.

    Returns
    -------
    LesionCohort
        Clinical gaps: about 8 % of age and dose.

    Raises
    ------
    ParameterError
        Fewer lesions than patients, or fewer than 20 features.
    """
    if not 10 <= patients <= lesions or features < 20 or deep < 0:
        raise ParameterError(
            f"a cohort needs 10 or more patients, at least one lesion each, and 20 or more"
            f" features; got {patients}, {lesions} and {features}"
        )
    rng = np.random.default_rng([seed, patients, lesions])
    people = np.array([f"{name}-{k:04d}" for k in range(patients)])
    weight = rng.gamma(0.8, size=patients)
    extra = rng.choice(patients, lesions - patients, p=weight / weight.sum())
    owner = np.sort(np.concatenate([np.arange(patients), extra]))
    index = pd.Index([f"{people[k]}/{j:05d}" for j, k in enumerate(owner)], name="lesion")
    scanner = rng.integers(0, 3, patients)[owner]
    factors = rng.standard_normal((lesions, _FACTORS))
    size = rng.standard_normal(lesions)
    clinical = _clinical(people, rng, unseen=unseen)
    risk = (
        EFFECTS["texture 0"] * factors[:, 0]
        + EFFECTS["texture 1"] * factors[:, 1]
        + EFFECTS["size"] * size
        + EFFECTS["prior radiotherapy"] * clinical["prior_radiotherapy"].to_numpy()[owner]
    )
    event = rng.random(lesions) < 1 / (1 + np.exp(-(risk + _intercept(risk, event_share))))
    shown = {
        branch: _features((factors, size, scanner), features, index, (setting, rng))
        for branch, setting in BRANCHES.items()
    }
    return LesionCohort(
        name=name,
        branches=shown,
        y=pd.Series(event, index=index, name="event"),
        patients=pd.Series(people[owner], index=index, name="patient_id"),
        clinical=clinical,
        deep=_deep(factors, deep, index, rng) if deep else None,
        volume="original_morph_volume",
    )


def _intercept(risk: np.ndarray, share: float) -> float:
    low, high = -30.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if (1 / (1 + np.exp(-(risk + middle)))).mean() < share else (low, middle)
        )
    return (low + high) / 2


def _features(
    latent: tuple[np.ndarray, np.ndarray, np.ndarray],
    count: int,
    index: pd.Index,
    how: tuple[tuple[float, float], np.random.Generator],
) -> pd.DataFrame:
    factors, size, scanner = latent
    (noise, left), rng = how
    fixed = np.random.default_rng(7)
    columns: dict[str, np.ndarray] = {"original_morph_volume": np.exp(6.0 + 1.2 * size)}
    for k in range(count - 1):
        load, mix = fixed.uniform(0.6, 1.0), fixed.uniform(0.0, 0.5)
        shift, unit = fixed.normal(0, 1.2, 3), 10 ** fixed.uniform(-2.5, 2.5)
        own = load * factors[:, k % _FACTORS] + mix * size
        own = own + noise * rng.standard_normal(len(size)) + left * shift[scanner]
        family = _FAMILIES[k % len(_FAMILIES)]
        columns[f"original_{family}_f{k:03d}"] = unit * (own + 5.0)
    return pd.DataFrame(columns, index=index)


def _deep(
    factors: np.ndarray, count: int, index: pd.Index, rng: np.random.Generator
) -> pd.DataFrame:
    """A narrow network's last layer: mixtures of a few things, the first a texture factor."""
    fixed = np.random.default_rng(11)
    few = 12
    things = rng.standard_normal((len(index), few))
    things[:, 0] = 0.7 * factors[:, 0] + np.sqrt(1 - 0.49) * things[:, 0]
    weights = np.eye(few)[fixed.integers(0, few, count)] + fixed.normal(0, 0.15, (count, few))
    values = things @ weights.T + 0.2 * rng.standard_normal((len(index), count))
    names = [f"deep_{k:03d}" for k in range(count)]
    return pd.DataFrame(np.maximum(values, -1.0), index=index, columns=names)


def _clinical(people: np.ndarray, rng: np.random.Generator, *, unseen: bool) -> pd.DataFrame:
    n = len(people)
    primary = rng.choice(_PRIMARIES, n, p=[0.5, 0.2, 0.15, 0.05, 0.1]).astype(object)
    if unseen:
        primary[rng.random(n) < 0.03] = "sarcoma"
    age = np.round(rng.normal(61, 12, n))
    dose = rng.choice([18.0, 20.0, 22.0, 24.0], n)
    age[rng.random(n) < 0.08], dose[rng.random(n) < 0.08] = np.nan, np.nan
    return pd.DataFrame(
        {
            "age_years": age,
            "dose_gy": dose,
            "primary": primary,
            "sex": np.where(rng.random(n) < 0.55, "female", "male"),
            "extracranial_disease": (rng.random(n) < 0.78).astype(int),
            "seizures": (rng.random(n) < 0.09).astype(int),
            "diabetes": (rng.random(n) < 0.07).astype(int),
            "prior_radiotherapy": (rng.random(n) < 0.3).astype(int),
        },
        index=pd.Index(people, name="patient_id"),
    )
