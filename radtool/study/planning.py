"""What a study can hope to show, before anyone models: events, candidates, precision."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radtool.errors import RadtoolError
from radtool.evaluation import (
    auc_standard_error,
    expected_shrinkage,
    largest_r2,
)
from radtool.features import extract, load_params
from radtool.image import Geometry, Image, Mask
from radtool.pipelines.endpoint import count_events
from radtool.pipelines.records import required_patients
from radtool.study.config import StudySettings, read_study
from radtool.study.outcomes import outcome_table
from radtool.table import Endpoint, feature_columns, join, read_manifest, read_table

__all__ = ["StudyPlan", "plan_study"]

_SHARE_OF_LARGEST = 0.15
_EXPECTED_C = 0.65
_FEW_EVENTS_OUTSIDE = 100
_GOOD_SHRINKAGE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class StudyPlan:
    """What the planner found.

    Parameters
    ----------
    cohorts : DataFrame
        ``endpoint, cohort, role, patients, events``.
    models : DataFrame
        ``endpoint, model, candidates, events_per_candidate, needed, shrinkage, r2, optimism``:
        patients that Riley's criteria ask for, the calibration slope that the patients there are
        lead to, the assumed Cox-Snell R², and by how much the R² seen in training will exceed it.
    sentences : tuple of str
        The same in words, the most important first.
    r2 : float
        Share of the largest possible R² that was assumed.
    """

    cohorts: pd.DataFrame
    models: pd.DataFrame
    sentences: tuple[str, ...]
    r2: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "cohorts": self.cohorts.to_dict("records"),
            "models": self.models.to_dict("records"),
            "sentences": list(self.sentences),
            "share_of_largest_r2": self.r2,
        }


def plan_study(path: str | os.PathLike[str], *, r2: float = _SHARE_OF_LARGEST) -> StudyPlan:
    """Ask of a study file what its patients can carry; nothing is modelled.

    Parameters
    ----------
    path : path-like
        Study file with a manifest or a feature table, and outcomes.
    r2 : float, default 0.15
        What the models are assumed to explain, as a share of the largest Cox-Snell R² that is
        possible with so many events (Riley's default when nothing is known).

    Returns
    -------
    StudyPlan
        Candidates are counted before any selection: a feature that is looked at counts.

    Raises
    ------
    RadtoolError
        The study file or a table is wrong, or it has no endpoints.
    """
    settings = read_study(path)
    if not settings.endpoints:
        raise RadtoolError("the study file has no endpoints; there is nothing to plan")
    if not 0 < r2 < 1:
        raise RadtoolError(f"r2 is a share between 0 and 1, got {r2}")
    people = outcome_table(settings)
    images = _images(settings, people)
    radiomics = _candidates(settings, images)
    cohorts: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    words: list[str] = []
    for endpoint in settings.endpoints:
        found = _Endpoint(settings, endpoint, people, images)
        cohorts += found.cohorts()
        rows = found.models(radiomics, r2)
        models += rows
        words += found.sentences(rows)
    return StudyPlan(pd.DataFrame(cohorts), pd.DataFrame(models), tuple(words), r2)


def _images(settings: StudySettings, people: pd.DataFrame) -> pd.DataFrame:
    """One row a case with patient and, when known, the column that tells cohorts apart."""
    if settings.data.features is not None:
        return read_table(settings.data.features, rename=settings.data.columns)
    if settings.data.manifest is not None:
        return read_manifest(settings.data.manifest)
    return people[["patient_id"]]


def _candidates(settings: StudySettings, images: pd.DataFrame) -> int | None:
    """How many image features will be looked at; None when that cannot be known beforehand."""
    features = feature_columns(images)
    if not features:
        chosen = settings.extraction.parameters
        files = [chosen] if isinstance(chosen, str) else sorted(set(chosen.values()))
        try:
            features = [name for file in files for name in _features_of(file)]
        except RadtoolError:
            return None
    return sum(name != settings.predictors.volume for name in features)


def _features_of(parameters: str) -> list[str]:
    """Extract a small noisy ball: the names in the row are the features."""
    grid = Geometry((24, 24, 24), (1.0, 1.0, 1.0))
    axes = np.indices(grid.shape) - 11.5
    ball = (axes**2).sum(axis=0) < 9.0**2
    noise = np.random.default_rng(0).normal(40.0, 30.0, grid.shape).astype(np.float32)
    row = extract(Image(noise, grid, "HU"), Mask(ball, grid, "GTV"), load_params(parameters))
    return [str(name) for name in row.index]


class _Endpoint:
    """One endpoint's patients, cohort by cohort."""

    def __init__(
        self,
        settings: StudySettings,
        endpoint: Endpoint,
        people: pd.DataFrame,
        images: pd.DataFrame,
    ) -> None:
        self.settings, self.endpoint = settings, endpoint
        who = settings.cohorts
        table = images.drop_duplicates("patient_id")[["patient_id"]].copy()
        table["original_stat_mean"] = 0.0  # stands for the features, so that the join is the same
        if who.column in images:
            table[who.column] = images.drop_duplicates("patient_id")[who.column].to_numpy()
        named = (*settings.predictors.clinical, *settings.predictors.semantic)
        if who.column not in table and who.column in people:
            named = (*named, who.column)
        study = join(table, people, endpoint=endpoint, covariates=list(dict.fromkeys(named)))
        value = (
            study.X[who.column].astype(str)
            if who.column in study.X
            else pd.Series("", index=study.X.index)
        )
        outside = value.isin(who.external)
        inside = value.isin(who.development) if who.development else ~outside
        self.development, self.external = study.take(inside), study.take(outside)

    def cohorts(self) -> list[dict[str, Any]]:
        rows = []
        for role, part in (("development", self.development), ("external", self.external)):
            if len(part.X):
                rows.append(
                    {
                        "endpoint": self.endpoint.name,
                        "cohort": " + ".join(getattr(self.settings.cohorts, role)) or role,
                        "role": role,
                        "patients": len(part.X),
                        "events": count_events(part.y),
                    }
                )
        return rows

    def models(self, radiomics: int | None, share: float) -> list[dict[str, Any]]:
        clinical = self._clinical_parameters()
        counted: dict[str, int] = {"volume": 1}
        if clinical:
            counted |= {"clinical": clinical, "clinical + volume": clinical + 1}
        if radiomics:
            counted |= {"radiomics": radiomics}
            counted |= {"clinical + volume + radiomics": clinical + 1 + radiomics}
        n, events = len(self.development.X), self._smaller()
        r2 = share * largest_r2(count_events(self.development.y) / n, survival=self._is_survival)
        rows = []
        for model, candidates in counted.items():
            shrinkage = expected_shrinkage(n, r2=r2, parameters=candidates)
            rows.append(
                {
                    "endpoint": self.endpoint.name,
                    "model": model,
                    "candidates": candidates,
                    "events_per_candidate": events / candidates,
                    "needed": required_patients(self.development.y, candidates, share=share),
                    "shrinkage": shrinkage,
                    "r2": r2,
                    "optimism": r2 / shrinkage - r2,
                }
            )
        return rows

    def sentences(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        name = self.endpoint.label or self.endpoint.name
        n, events = len(self.development.X), self._smaller()
        fits = [row["model"] for row in rows if row["needed"] <= n]
        most = self._most_parameters(rows[0])
        said = [
            f"{name}: {n} patients with {events} events to develop on carry about {most} candidate"
            f" parameter(s) at a shrinkage of {_GOOD_SHRINKAGE}; models that meet all of Riley's"
            f" criteria: {', '.join(fits) or 'none'}."
        ]
        beyond = [row for row in rows if row["needed"] > n]
        if beyond:
            worst = beyond[-1]
            said.append(
                f"{name}: {worst['model']} looks at {worst['candidates']} candidates,"
                f" {worst['events_per_candidate']:.2g} events each; unpenalised it would need"
                f" {worst['needed']} patients. Selection does not make candidates uncounted: expect"
                " optimism, and believe only numbers from nested resampling or other patients."
            )
        return [*said, *self._outside(name)]

    def _outside(self, name: str) -> list[str]:
        part = self.external
        if not len(part.X):
            return [f"{name}: no external cohort; whatever is found stays unproven elsewhere."]
        events, n = count_events(part.y), len(part.X)
        if not 0 < events < n:
            return [f"{name}: {events} events among {n} external patients; nothing can be tested."]
        half = 1.96 * auc_standard_error(_EXPECTED_C, n=n, event_fraction=events / n)
        fewer = events if self._is_survival else min(events, n - events)
        few = ""
        if fewer < _FEW_EVENTS_OUTSIDE:
            few = f", fewer than the {_FEW_EVENTS_OUTSIDE} usually asked for"
        return [
            f"{name}: {n} external patients with {events} events{few};"
            f" {'a C' if self._is_survival else 'an AUC'} of {_EXPECTED_C} will come with an"
            f" interval of about ±{half:.2f}."
        ]

    @property
    def _is_survival(self) -> bool:
        return self.endpoint.is_survival

    def _smaller(self) -> int:
        """Events, or of a marker the smaller class: what candidates are counted against."""
        events = count_events(self.development.y)
        return events if self._is_survival else min(events, len(self.development.X) - events)

    def _clinical_parameters(self) -> int:
        named = (*self.settings.predictors.clinical, *self.settings.predictors.semantic)
        total = 0
        for name in named:
            column = self.development.X[name]
            number = pd.api.types.is_numeric_dtype(column)
            total += 1 if number else max(int(column.nunique()) - 1, 1)
        return total

    def _most_parameters(self, row: Mapping[str, Any]) -> int:
        """Parameters for which shrinkage stays above 0.9; needed patients grow in proportion."""
        n, most = len(self.development.X), 0
        while expected_shrinkage(n, r2=row["r2"], parameters=most + 1) >= _GOOD_SHRINKAGE:
            most += 1
        return most
