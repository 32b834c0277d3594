"""Synthetic cohorts shaped like published ones, with the truth that was built into them.

How the glioblastoma cohort is made. Each patient has a tumour size and independent texture factors,
all standard normal. Features come in families of about 25 that share one factor: the first feature
of a family is the factor itself, the others follow it more and more loosely, and a sixth of all
families mix in the size. Some factors, some semantic features and the clinical columns move the log
hazard; survival times are exponential.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import ndimage

from radtool.errors import ParameterError
from radtool.image import Geometry, Mask

__all__ = [
    "CLINICAL_EFFECTS",
    "RADIOMICS_EFFECTS",
    "SEMANTIC_EFFECTS",
    "SyntheticCohort",
    "SyntheticContours",
    "delineated_tumours",
    "glioblastoma_cohort",
]

CLINICAL_EFFECTS = {
    "age_over_70": 0.7,
    "surgery": -0.8,
    "adjuvant": -1.0,
    "mgmt": -0.6,
    "sex": 0.0,
}
"""Log hazard ratios of the 0/1 clinical columns (resection, adjuvant, methylated, male: 1)."""

SEMANTIC_EFFECTS = {"f5_proportion_enhancing": 0.5, "f9_multifocal": 0.7, "f19_ependymal": 0.7}
"""Log hazard ratios of semantic features per unit."""

RADIOMICS_EFFECTS = (0.55, -0.5, 0.5, -0.45, 0.45)
"""Log hazard ratios of the factors behind five radiomics families, per standard deviation."""

_VOLUME = "t1gd_original_shape_MeshVolume"
_MEDIAN_MONTHS = 11.2
_FAMILY = 25
_IMAGES = (
    "original",
    *(f"log_sigma_{sigma}_0_mm_3D" for sigma in (2, 3, 4, 5)),
    *(f"wavelet_{a}{b}{c}" for a in "LH" for b in "LH" for c in "LH"),
)
_TEXTURES = {"firstorder": 18, "glcm": 23, "glrlm": 16, "glszm": 16, "gldm": 14, "ngtdm": 4}
_SHAPES = 14


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticCohort:
    """Tables of one cohort and what is true of it; every table has ``patient_id``.

    Parameters
    ----------
    clinical : DataFrame
        ``sex, surgery, age_years, adjuvant, mgmt`` (0/1 but for age), ``idh`` ("wildtype",
        "mutant"), ``egfr`` (0/1), ``os_months``, ``os_event``.
    semantic : DataFrame
        27 VASARI-like features.
    radiomics : dict of str to DataFrame
        Sequence -> features; the volume is ``original_shape_MeshVolume`` of "t1gd".
    linear_predictor : Series
        True log hazard of each patient, index patient_id.
    families : dict of str to tuple of str
        Feature that is a true factor (pooled name) -> every feature that carries it.
    """

    clinical: pd.DataFrame
    semantic: pd.DataFrame
    radiomics: dict[str, pd.DataFrame]
    linear_predictor: pd.Series
    families: dict[str, tuple[str, ...]]


def glioblastoma_cohort(  # noqa: PLR0913 - what differs between cohorts
    n: int = 142,
    *,
    seed: int = 0,
    cohort: str = "development",
    features: int = 1197,
    effect: float = 1.0,
    median_months: float = _MEDIAN_MONTHS,
    complete: bool = False,
) -> SyntheticCohort:
    """Draw a cohort like that of Verduin, Primakov and others (2021).

    Parameters
    ----------
    n : int, default 142
        Patients (the external cohort had 46).
    seed : int
        Equal seeds give equal patients; which features matter does not depend on it.
    cohort : str
        Starts the patient ids.
    features : int, default 1197
        Features a sequence; two sequences, "t1gd" and "t2".
    effect : float, default 1.0
        Multiplies every true effect: 0.5 halves them.
    median_months : float, default 11.2
        Median survival of an average patient (the external cohort: 7.0).
    complete : bool, default False
        Everyone has semantic readings and radiomics; else one patient in twelve lacks the readings
        and one in three radiomics, as in the original.

    Returns
    -------
    SyntheticCohort

    Raises
    ------
    ParameterError
        Fewer than 50 features a sequence or fewer than 10 patients.
    """
    if n < 10 or not 50 <= features <= len(_feature_names()):
        raise ParameterError(
            f"a synthetic cohort needs 10 or more patients and 50 to {len(_feature_names())}"
            f" features a sequence, got {n} and {features}"
        )
    rng = np.random.default_rng([seed, n])
    ids = pd.Series([f"{cohort}-{k:04d}" for k in range(n)], name="patient_id")
    size = rng.standard_normal(n)
    pooled, factors, heads = _radiomics(n, size, features, rng)
    semantic = _semantic(n, size, rng)
    clinical = _clinical(n, factors, rng)
    log_hazard = effect * (
        factors[:, : len(RADIOMICS_EFFECTS)] @ np.array(RADIOMICS_EFFECTS)
        + sum(b * _centred(semantic[name]) for name, b in SEMANTIC_EFFECTS.items())
        + sum(b * _centred(clinical[name]) for name, b in CLINICAL_EFFECTS.items())
    )
    clinical = clinical.drop(columns="age_over_70")
    time = rng.exponential(median_months / np.log(2) * np.exp(-log_hazard))
    limit = rng.uniform(12.0, 72.0, n)
    clinical["os_months"] = np.maximum(np.minimum(time, limit), 0.1)
    clinical["os_event"] = (time <= limit).astype(int)
    clinical.insert(0, "patient_id", ids)
    semantic.insert(0, "patient_id", ids)
    read = (np.arange(n) % 12 != 5) | complete
    scanned = (np.arange(n) % 3 != 1) | complete
    return SyntheticCohort(
        clinical=clinical,
        semantic=semantic[read].reset_index(drop=True),
        radiomics={
            sequence: _table(pooled, sequence, ids)[scanned].reset_index(drop=True)
            for sequence in ("t1gd", "t2")
        },
        linear_predictor=pd.Series(np.asarray(log_hazard), index=ids, name="linear_predictor"),
        families=heads,
    )


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticContours:
    """Two contours of each of some tumours, and what became of the patients.

    Parameters
    ----------
    manual, automatic : dict of str to Mask
        Patient -> contour, on one grid.
    outcomes : DataFrame
        ``patient_id, site, thickness`` ("thin", "thick"), ``duration_days, event``.
    lungs : DataFrame
        Two rows a patient: ``patient_id, lung, has_tumour, score``.
    true_volume_ml : Series
        Index patient_id.
    """

    manual: dict[str, Mask]
    automatic: dict[str, Mask]
    outcomes: pd.DataFrame
    lungs: pd.DataFrame
    true_volume_ml: pd.Series


def delineated_tumours(n: int = 100, *, seed: int = 0) -> SyntheticContours:
    """Draw tumours of 3 to 250 mL with a manual and an automatic contour, and survival by size.

    The automatic contour follows the tumour more closely than the manual one, but misses one
    tumour in fifty, and is rougher on thick slices. The hazard grows with the true volume.

    Parameters
    ----------
    n : int, default 100
        Patients.
    seed : int
        Equal seeds give equal patients.
    """
    rng = np.random.default_rng([seed, n, 7])
    geometry = Geometry((34, 48, 48), (3.0, 2.0, 2.0))
    ids = [f"tumour-{k:04d}" for k in range(n)]
    size = np.clip(rng.normal(np.log(35.0), 1.0, n), np.log(3.0), np.log(250.0))
    thick = rng.random(n) < 0.4
    manual, automatic, volumes = {}, {}, []
    for k, patient in enumerate(ids):
        depth = _tumour(np.exp(size[k]), geometry, rng)
        volumes.append(float((depth > 0).sum() * 3.0 * 2.0 * 2.0 / 1000.0))
        rough = (2.5, 2.6 if thick[k] else 1.3)
        contours = [depth + _wobble(geometry, amount, rng) > 0 for amount in rough]
        if k % 50 == 49:
            contours[1][:] = False
        manual[patient] = Mask(contours[0], geometry, "GTV", "manual")
        automatic[patient] = Mask(contours[1], geometry, "GTV", "automatic")
    log_hazard = 0.8 * (np.log(volumes) - np.log(35.0))
    time = rng.exponential(700.0 * np.exp(-log_hazard))
    limit = rng.uniform(500.0, 2500.0, n)
    outcomes = pd.DataFrame(
        {
            "patient_id": ids,
            "site": np.where(np.arange(n) % 3 == 0, "B", "A"),
            "thickness": np.where(thick, "thick", "thin"),
            "duration_days": np.maximum(np.rint(np.minimum(time, limit)), 1.0),
            "event": (time <= limit).astype(int),
        }
    )
    return SyntheticContours(
        manual, automatic, outcomes, _lungs(ids, rng), pd.Series(volumes, index=ids)
    )


def _tumour(volume_ml: float, geometry: Geometry, rng: np.random.Generator) -> np.ndarray:
    """Depth below the surface in mm of a bumpy ellipsoid; negative outside."""
    radius = np.cbrt(3000.0 * volume_ml / (4.0 * np.pi))
    axes = np.exp(rng.normal(0.0, 0.12, 3))
    axes /= np.cbrt(axes.prod())
    where = np.indices(geometry.shape).reshape(3, *geometry.shape)
    middle = (np.array(geometry.shape) - 1) / 2 + rng.uniform(-1, 1, 3)
    spread = np.array(geometry.spacing) / axes
    distance = np.sqrt(sum(((where[a] - middle[a]) * spread[a]) ** 2 for a in range(3)))
    return radius - distance + _wobble(geometry, 1.5, rng)


def _wobble(geometry: Geometry, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise with a standard deviation of some mm."""
    noise = ndimage.gaussian_filter(rng.standard_normal(geometry.shape), (2.0, 3.0, 3.0))
    return noise * (amount / noise.std())


def _lungs(ids: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """One lung with a tumour and one without; scores overlap a little."""
    right = rng.random(len(ids)) < 0.5
    rows = []
    for k, patient in enumerate(ids):
        for lung, is_ill in (("right", right[k]), ("left", not right[k])):
            score = rng.beta(8, 2) if is_ill and k % 50 != 49 else rng.beta(1.2, 6)
            rows.append([patient, lung, bool(is_ill), float(score)])
    return pd.DataFrame(rows, columns=["patient_id", "lung", "has_tumour", "score"])


def _feature_names() -> list[str]:
    names = [f"original_shape_{'MeshVolume' if k == 0 else f'S{k:02d}'}" for k in range(_SHAPES)]
    for image in _IMAGES:
        for family, count in _TEXTURES.items():
            names += [f"{image}_{family}_T{k:02d}" for k in range(count)]
    return names


def _radiomics(
    n: int, size: np.ndarray, features: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray, dict[str, tuple[str, ...]]]:
    """Pooled features, the factors (true ones first) and the families of the true ones."""
    names = [f"{sequence}_{name}" for sequence in ("t1gd", "t2") for name in _feature_names()]
    per = len(names) // 2
    names = [*names[:features], *names[per : per + features]]
    values = np.empty((n, len(names)))
    # Which feature belongs to which family is the same in every cohort.
    order = np.random.default_rng(1).permutation([k for k, x in enumerate(names) if x != _VOLUME])
    families = np.array_split(order, max(len(order) // _FAMILY, len(RADIOMICS_EFFECTS) + 1))
    factors = rng.standard_normal((n, len(families)))
    for f, members in enumerate(families):
        mix = 0.9 if f >= len(RADIOMICS_EFFECTS) and f % 6 == 0 else 0.0
        shared = mix * size + np.sqrt(1 - mix**2) * factors[:, f]
        follows = np.linspace(1.0, 0.75, len(members))
        noise = rng.standard_normal((n, len(members)))
        values[:, members] = shared[:, None] * follows + noise * np.sqrt(1 - follows**2)
    values[:, names.index(_VOLUME)] = np.exp(10.0 + 0.8 * size)
    heads = {
        names[members[0]]: tuple(names[k] for k in members)
        for members in families[: len(RADIOMICS_EFFECTS)]
    }
    return pd.DataFrame(values, columns=names), factors, heads


def _semantic(n: int, size: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """27 readings: ordinal ones with 3 levels, the rest 0/1; a few follow the tumour's size."""
    columns: dict[str, np.ndarray] = {}
    named = {5: "proportion_enhancing", 9: "multifocal", 14: "oedema", 19: "ependymal"}
    for k in range(1, 28):
        name = f"f{k}_{named.get(k, 'reading')}"
        share = 0.6 if k in (14, 15, 21) else 0.0
        latent = share * size + np.sqrt(1 - share**2) * rng.standard_normal(n)
        cuts = [-0.6, 0.5] if k % 3 == 2 else [0.6 - 0.04 * k]
        columns[name] = np.searchsorted(cuts, latent).astype(float)
    return pd.DataFrame(columns)


def _clinical(n: int, factors: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Clinical columns and markers; each marker goes with one texture factor."""
    age = np.clip(np.rint(rng.normal(63.0, 10.5, n)), 25, 90)

    def marker(log_odds: float, slope: float, factor: int) -> np.ndarray:
        odds = log_odds + slope * factors[:, factor % factors.shape[1]]
        return (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)

    return pd.DataFrame(
        {
            "sex": (rng.random(n) < 0.63).astype(int),
            "surgery": (rng.random(n) < 0.7).astype(int),
            "age_years": age,
            "age_over_70": (age > 70).astype(int),
            "adjuvant": (rng.random(n) < 0.75).astype(int),
            "mgmt": marker(-0.2, 0.8, 7),
            "egfr": marker(-0.1, 1.2, 8),
            "idh": np.where(marker(-3.2, 1.0, 9) == 1, "mutant", "wildtype"),
        }
    )


def _centred(values: pd.Series) -> np.ndarray:
    return (values - values.mean()).to_numpy(dtype=float)


def _table(pooled: pd.DataFrame, sequence: str, ids: pd.Series) -> pd.DataFrame:
    own = [name for name in pooled.columns if name.startswith(f"{sequence}_")]
    table = pooled[own].rename(columns=lambda name: name.removeprefix(f"{sequence}_"))
    table.insert(0, "patient_id", ids)
    return table
