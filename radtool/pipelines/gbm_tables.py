"""Tables of a glioblastoma cohort: who has which kind of predictor, and who is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from radtool.errors import ParameterError, TableError, did_you_mean
from radtool.table import Endpoint, Failure, Study, check_survival

__all__ = ["BLOCKS", "AssembledCohort", "GbmCohort", "GbmSettings", "assemble"]

BLOCKS = ("semantic", "radiomics", "clinical")
_KEY = "patient_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class GbmSettings:
    """Options of `gbm_prognosis`; the defaults are those of the original study.

    Parameters
    ----------
    duration, event, unit : str
        Outcome columns of the clinical table, and the unit of time. Time runs from the first
        surgery to death; survivors are censored at the last follow-up.
    only : dict of str to str
        Clinical column -> the value to which patients are restricted; unknown counts as another.
    clinical : tuple of str
        Clinical predictors, all entered. ``<age>_over_<age_limit>`` is made from the age.
    age : str, optional
        Column with the age in years; None: no derived column.
    age_limit : int, default 70
        The derived column is 1 above it.
    volume : str, optional
        Tumour volume among the pooled radiomics columns, for the confounding check and the
        comparators; None: neither is made, and the report says so.
    semantic_alpha : float, default 0.2
        Semantic features with a univariate Cox p (score test) at or below it stay.
    elimination_alpha : float, default 0.2
        Fast backward elimination removes at or above it (rms::fastbw).
    redundancy : float, default 0.85
        Radiomics features with |Spearman| above it are redundant.
    redundancy_keep : {"mean_correlation", "univariate"}
        Who stays: the lower mean |rho|, or the better univariate C.
    radiomics_alpha : float or None, default 0.2
        Univariate filter before the multivariable Cox model of radiomics.
    events_per_candidate : float, default 5
        The multivariable Cox model gets at most so many events per radiomics candidate, the
        strongest first; with hundreds of features and one hundred patients it has no maximum
        otherwise.
    cut : {"p75", "median", "tertiles"}
        Risk groups from the training prognostic index.
    horizon : float, optional
        Time of the calibration plot; default the median time of the external
        events, to two digits.
    folds, repeats, seed, jobs : int
        Cross-validation of all models on the same patients; results do not depend on `jobs`.

    Raises
    ------
    ParameterError
        A number is out of range.
    """

    duration: str = "os_months"
    event: str = "os_event"
    unit: str = "months"
    only: dict[str, str] = field(default_factory=lambda: {"idh": "wildtype"})
    clinical: tuple[str, ...] = ("sex", "surgery", "age_over_70", "adjuvant", "mgmt")
    age: str | None = "age_years"
    age_limit: int = 70
    volume: str | None = None
    semantic_alpha: float = 0.2
    elimination_alpha: float = 0.2
    redundancy: float = 0.85
    redundancy_keep: Literal["mean_correlation", "univariate"] = "mean_correlation"
    radiomics_alpha: float | None = 0.2
    events_per_candidate: float = 5.0
    cut: Literal["p75", "median", "tertiles"] = "p75"
    horizon: float | None = None
    folds: int = 5
    repeats: int = 10
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        limits = {
            "semantic_alpha": self.semantic_alpha,
            "elimination_alpha": self.elimination_alpha,
            "redundancy": self.redundancy,
            "radiomics_alpha": 1.0 if self.radiomics_alpha is None else self.radiomics_alpha,
        }
        for name, value in limits.items():
            if not 0 < value <= 1:
                raise ParameterError(f"gbm_prognosis: {name} must be in (0, 1], got {value}")
        if self.events_per_candidate < 1 or self.folds < 2 or self.repeats < 1:
            raise ParameterError(
                "gbm_prognosis needs events_per_candidate >= 1, folds >= 2 and repeats >= 1"
            )
        if not self.clinical:
            raise ParameterError("gbm_prognosis: name at least one clinical predictor")
        leaked = sorted({self.duration, self.event} & {*self.clinical, *self.only})
        if leaked:
            raise ParameterError(f"gbm_prognosis: outcome column(s) {leaked} cannot predict")

    @property
    def old_age(self) -> str:
        """Name of the column that is made from the age."""
        stem = (self.age or "age").removesuffix("_years")
        return f"{stem}_over_{self.age_limit}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GbmCohort:
    """Tables of one cohort, one row a patient, each with ``patient_id``.

    Parameters
    ----------
    name : str
        What tables and curves call it.
    clinical : DataFrame
        Outcome and clinical columns; who is not in it is not in the cohort.
    semantic : DataFrame
        Readings (VASARI); every other column is a predictor.
    radiomics : DataFrame or mapping of str to DataFrame
        Features; a mapping from sequence to table is pooled as ``<sequence>_<feature>``, and a
        patient needs all sequences.
    """

    name: str
    clinical: pd.DataFrame
    semantic: pd.DataFrame
    radiomics: pd.DataFrame | Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True, eq=False)
class AssembledCohort:
    """A cohort as the models see it.

    Parameters
    ----------
    name : str
        Of the cohort.
    study : Study
        Everyone with an outcome; NaN where a kind of predictor is lacking.
    columns : dict of str to list of str
        Block -> its predictors.
    has : DataFrame of bool
        Patient × block.
    described : DataFrame
        Clinical columns as given, for the cohort table.
    given : int
        Patients in the clinical table.
    """

    name: str
    study: Study
    columns: dict[str, list[str]]
    has: pd.DataFrame
    described: pd.DataFrame
    given: int

    def part(self, blocks: Iterable[str]) -> Study:
        """Everyone who has all of some blocks ("volume" comes with radiomics)."""
        needed = [("radiomics" if block == "volume" else block) for block in blocks]
        return self.study.take(self.has[needed].all(axis=1))


def assemble(cohort: GbmCohort, settings: GbmSettings) -> AssembledCohort:
    """Join the tables of a cohort by exact patient id.

    Parameters
    ----------
    cohort : GbmCohort
        Its tables as given.
    settings : GbmSettings
        Outcome and predictor columns, and who is taken.

    Raises
    ------
    TableError
        A column is missing, a patient has two rows, or a column is in two tables.
    """
    clinical = _keyed(cohort.clinical, f"{cohort.name}: clinical table")
    given = len(clinical)
    if settings.age is not None:
        _require([settings.age], clinical, cohort.name)
        age = pd.to_numeric(clinical[settings.age], errors="coerce")
        clinical[settings.old_age] = (age > settings.age_limit).where(age.notna()).astype(float)
    _require(
        [settings.duration, settings.event, *settings.clinical, *settings.only],
        clinical,
        cohort.name,
    )
    kept, left_out = _restricted(clinical, settings)
    clinical = clinical[kept]
    y = clinical[[settings.event, settings.duration]].set_axis(["event", "duration"], axis=1)
    parts = {
        "semantic": _keyed(cohort.semantic, f"{cohort.name}: semantic table"),
        "radiomics": _pooled(cohort.radiomics, cohort.name),
        "clinical": clinical[list(settings.clinical)],
    }
    _refuse_shared(parts, [settings.duration, settings.event], cohort.name)
    frames = {block: part.reindex(clinical.index) for block, part in parts.items()}
    columns = {block: [str(c) for c in part.columns] for block, part in parts.items()}
    if settings.volume is not None and settings.volume not in columns["radiomics"]:
        near = did_you_mean(settings.volume, columns["radiomics"])
        raise TableError(f"{cohort.name}: no radiomics column {settings.volume!r}{near}")
    study = Study(
        pd.concat(list(frames.values()), axis=1),
        check_survival(y, f"{cohort.name}: outcome"),
        pd.Series(clinical.index, index=clinical.index, name=_KEY),
        Endpoint(
            name="overall survival",
            duration=settings.duration,
            event=settings.event,
            unit=settings.unit,
        ),
        columns["radiomics"],
        left_out,
    )
    return AssembledCohort(
        cohort.name,
        study,
        columns,
        pd.DataFrame({block: part.notna().any(axis=1) for block, part in frames.items()}),
        _described(clinical, settings),
        given,
    )


def _keyed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    if _KEY not in table.columns:
        raise TableError(f"{name} has no column {_KEY!r}")
    ids = table[_KEY].astype(str).str.strip()
    twice = sorted(ids[ids.duplicated()].unique())
    if twice:
        raise TableError(f"{name} has more than one row for patient(s) {twice[:5]}")
    return table.drop(columns=_KEY).set_axis(pd.Index(ids, name=_KEY), axis=0)


def _require(columns: Sequence[str], table: pd.DataFrame, name: str) -> None:
    for column in columns:
        if column not in table.columns:
            near = did_you_mean(column, map(str, table.columns))
            raise TableError(f"{name}: clinical table has no column {column!r}{near}")


def _restricted(clinical: pd.DataFrame, settings: GbmSettings) -> tuple[np.ndarray, list[Failure]]:
    """Who has an outcome and the wanted values, and why the others have not."""
    reasons = pd.Series("", index=clinical.index)
    for column, value in settings.only.items():
        other = clinical[column].astype(str).str.strip() != value
        reasons[other & (reasons == "")] = f"{column} is not {value}, or not known"
    unknown = clinical[[settings.duration, settings.event]].isna().any(axis=1)
    reasons[unknown & (reasons == "")] = "survival is not known"
    left = reasons[reasons != ""]
    failures = [Failure(str(case), "cohort", reason) for case, reason in left.items()]
    return (reasons == "").to_numpy(), failures


def _pooled(radiomics: pd.DataFrame | Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    if isinstance(radiomics, pd.DataFrame):
        return _numbers(_keyed(radiomics, f"{name}: radiomics table"), name)
    tables = [
        _numbers(_keyed(table, f"{name}: radiomics table of {sequence}"), name).add_prefix(
            f"{sequence}_"
        )
        for sequence, table in radiomics.items()
    ]
    if not tables:
        raise TableError(f"{name}: no radiomics table")
    return pd.concat(tables, axis=1, join="inner")


def _numbers(table: pd.DataFrame, name: str) -> pd.DataFrame:
    wrong = [str(c) for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    if wrong:
        raise TableError(f"{name}: radiomics column(s) {wrong[:5]} are not numbers; remove them")
    return table


def _refuse_shared(parts: Mapping[str, pd.DataFrame], outcome: list[str], name: str) -> None:
    seen = dict.fromkeys(outcome, "outcome")
    for block, part in parts.items():
        for column in map(str, part.columns):
            if column in seen:
                raise TableError(
                    f"{name}: column {column!r} is in the {seen[column]} and the {block} table;"
                    " rename or remove one (an outcome must never be a predictor)"
                )
            seen[column] = block


def _described(clinical: pd.DataFrame, settings: GbmSettings) -> pd.DataFrame:
    shown = [c for c in settings.clinical if settings.age is None or c != settings.old_age]
    first = [settings.age] if settings.age is not None and settings.age not in shown else []
    return clinical[[*first, *shown]]
