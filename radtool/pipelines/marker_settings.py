"""What a marker-prediction study decides beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from radtool.errors import ParameterError, did_you_mean
from radtool.models.model_search import KINDS, RandomSearch
from radtool.selection import CorrelationFilter, ForestImportanceFilter, Standardize
from radtool.table import FeatureStep

__all__ = ["FULL", "MarkerPredictors", "MarkerSettings"]

FULL = "ensemble"
_RESERVED = (FULL, "volume", "clinical", "clinical_volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerSettings:
    """Steps of the marker prediction, in their order.

    Parameters
    ----------
    mode : {"nested", "as_published"}, default "nested"
        "nested": every step is refitted inside outer folds that keep patients whole.
        "as_published": redundancy and scaling see all development cases, and the part that
        chooses the model also scores it; the numbers are optimistic and are said to be.
    redundancy : float, default 0.85
        Of two features with |Spearman| above it, the one with the lower univariate AUC goes.
    forests : int, default 30
        Random forests whose importances are summed (published: 1000).
    forest_trees, forest_depth : (int, int), default (20, 300) and (2, 6)
        Ranges of their random hyper-parameters.
    top : int, default 20
        Features that stay by importance.
    kinds : tuple of {"xgboost", "random_forest", "logistic"}
        Models of the random search.
    draws : int, default 8
        Random models of each kind (published: 1000).
    best, resplits : int, default 5 and 10
        The best few of the search are scored again on so many fresh splits.
    test_share : float, default 0.3
        Patients held out of each split of the search.
    folds, repeats : int, default 5 and 1
        Outer folds of "nested".
    bootstraps : int, default 1000
        Samples of patients behind each interval (published: 100).
    shown : int, default 6
        Histograms of so many selected features.
    held_out : str, default "selection part"
        What "as_published" calls the part that chose the model. A name that claims a test or a
        validation is refused.
    seed : int, default 0
    jobs : int, default 1
        Processes over the outer folds; results do not depend on it.

    Raises
    ------
    ParameterError
        A number is out of range, a kind is unknown, or `held_out` claims what it is not.
    """

    mode: Literal["nested", "as_published"] = "nested"
    redundancy: float = 0.85
    forests: int = 30
    forest_trees: tuple[int, int] = (20, 300)
    forest_depth: tuple[int, int] = (2, 6)
    top: int = 20
    kinds: tuple[str, ...] = KINDS
    draws: int = 8
    best: int = 5
    resplits: int = 10
    test_share: float = 0.3
    folds: int = 5
    repeats: int = 1
    bootstraps: int = 1000
    shown: int = 6
    held_out: str = "selection part"
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.mode not in ("nested", "as_published"):
            raise ParameterError(f"mode is nested or as_published, got {self.mode!r}")
        for name in ("forests", "top", "draws", "best", "resplits", "repeats", "bootstraps"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        for kind in self.kinds:
            if kind not in KINDS:
                raise ParameterError(f"unknown kind of model {kind!r}{did_you_mean(kind, KINDS)}")
        if re.search(r"test|valid|extern|unseen", self.held_out, re.IGNORECASE):
            raise ParameterError(
                f"held_out cannot be {self.held_out!r}: features and model were chosen on these"
                " cases, so they test nothing; say for example 'selection part'"
            )

    @classmethod
    def published(cls, **changes: object) -> Self:
        """Return the sizes of the original study: 1000 forests, 1000 draws, 100 bootstraps."""
        sizes = {"forests": 1000, "draws": 1000, "bootstraps": 100}
        return cls(**{**sizes, **changes})  # type: ignore[arg-type]

    @property
    def early_steps(self) -> list[FeatureStep]:
        """Redundancy and z-score: what the original did before it split."""
        return [CorrelationFilter(self.redundancy, "univariate"), Standardize()]

    @property
    def importance(self) -> ForestImportanceFilter:
        """The step that keeps the features of the highest cumulative importance."""
        return ForestImportanceFilter(
            self.top,
            forests=self.forests,
            trees=self.forest_trees,
            depth=self.forest_depth,
            random_state=self.seed,
        )

    @property
    def search(self) -> RandomSearch:
        """The model that draws, compares and keeps one."""
        return RandomSearch(
            self.kinds, self.draws, self.best, self.resplits, self.test_share, self.seed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerPredictors:
    """Which columns predict, and what they are compared with.

    Parameters
    ----------
    blocks : mapping of str to tuple of str
        Name -> columns or patterns: ``{"vasari": ("f*",), "radiomics": ("original_*",)}``. Each
        block has a model of its own; the ensemble is the mean of their probabilities.
    volume : str, optional
        Column of the tumour volume: its logarithm alone is the first comparator.
    clinical : tuple of str
        Columns of the clinical comparator.
    """

    blocks: Mapping[str, tuple[str, ...]]
    volume: str | None = None
    clinical: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.blocks:
            raise ParameterError("marker prediction needs at least one block of predictors")
        taken = sorted(set(self.blocks) & set(_RESERVED))
        if taken:
            raise ParameterError(
                f"a block cannot be called {taken[0]!r}: that is a model of its own here"
            )

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """What is compared with what, the first pair for the headline."""
        base = [name for name in ("clinical_volume", "clinical", "volume") if self._has(name)]
        parts = list(self.blocks) if len(self.blocks) > 1 else []
        return tuple((FULL, name) for name in [*base, *parts])

    def _has(self, name: str) -> bool:
        return {
            "volume": self.volume is not None,
            "clinical": bool(self.clinical),
            "clinical_volume": bool(self.clinical) and self.volume is not None,
        }[name]

    @property
    def labels(self) -> dict[str, str]:
        """Words for every model, in the order of the tables."""
        words = {"volume": "volume", "clinical": "clinical", "clinical_volume": "clinical + volume"}
        found = {name: label for name, label in words.items() if self._has(name)}
        if len(self.blocks) > 1:
            found |= {name: name for name in self.blocks}
            found[FULL] = f"{' + '.join(self.blocks)}, mean"
        else:
            found[FULL] = next(iter(self.blocks))
        return found
