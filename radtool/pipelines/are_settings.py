"""What a lesion study decides beforehand, and the models that follow from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from radtool.errors import ParameterError
from radtool.models import Block, Log, MarkerSignature, TunedXGBoost, XGBoostMarker
from radtool.selection import CorrelationFilter, ForestImputer, Standardize, VarianceFilter
from radtool.table import FeatureStep

__all__ = ["LABELS", "AreSettings", "branch_probe", "planned_lesion_models"]

LABELS = {
    "volume": "volume",
    "clinical": "clinical",
    "radiomics": "radiomics",
    "deep": "deep",
    "radiomics_deep": "radiomics + deep",
    "radiomics_clinical": "radiomics + clinical",
    "all": "radiomics + deep + clinical",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AreSettings:
    """Steps of the lesion prediction, in their order.

    Parameters
    ----------
    mode : {"nested", "as_published"}, default "nested"
        "nested": the branch is chosen by folds of the training part. "as_published": for each
        kind of model the branch with the best AUC of the held-out part, which is then no test.
    test_share : float, default 0.3
        Patients of the development cohort that are held out, with an event and without alike.
    held_out : str, optional
        What the held-out part is called; default "internal test", and "selection part" in mode
        "as_published", where a name that claims a test or a validation is refused.
    variance : float, default 0.01
        Features whose variance is not above it go. In the original this came after z-scoring,
        where every variance is 1 and none ever goes; here it comes before.
    redundancy : float, default 0.85
        Of two features with |Spearman| above it the one with the higher mean |r| goes; ties by
        name, so that the order of columns does not matter.
    at_most : int, default 20
        Largest number of features after recursive elimination (published: 10 to 20).
    fraction : float, default 0.25
        Share of the features that goes in one round of it.
    depths, rounds, learning_rates : tuple, default (2, 3), (50, 150) and (0.05, 0.1)
        Grid of XGBoost.
    folds : int, default 5
        Of the branch's choice, the elimination and the grid; patients stay whole.
    imputer_rounds, imputer_trees : int, default 3 and 20
        MissForest of the clinical columns.
    bootstraps : int, default 2000
        Samples of patients behind each interval.
    seed : int, default 0
    jobs : int, default 1
        Processes over models; results do not depend on it.

    Raises
    ------
    ParameterError
        A number is out of range, or `held_out` claims what it is not.
    """

    mode: Literal["nested", "as_published"] = "nested"
    test_share: float = 0.3
    held_out: str | None = None
    variance: float = 0.01
    redundancy: float = 0.85
    at_most: int = 20
    fraction: float = 0.25
    depths: tuple[int, ...] = (2, 3)
    rounds: tuple[int, ...] = (50, 150)
    learning_rates: tuple[float, ...] = (0.05, 0.1)
    folds: int = 5
    imputer_rounds: int = 3
    imputer_trees: int = 20
    bootstraps: int = 2000
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.mode not in ("nested", "as_published"):
            raise ParameterError(f"mode is nested or as_published, got {self.mode!r}")
        for name in ("at_most", "bootstraps", "imputer_rounds", "imputer_trees"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not (self.depths and self.rounds and self.learning_rates):
            raise ParameterError("the grid needs a value of each of depths, rounds, learning_rates")
        claim = re.search(r"test|valid|extern|unseen", self.held_out or "", re.IGNORECASE)
        if self.mode == "as_published" and claim:
            raise ParameterError(
                f"held_out cannot be {self.held_out!r}: the branch was chosen on these lesions, so"
                " they test nothing; say for example 'selection part'"
            )

    @property
    def held_out_name(self) -> str:
        """What the held-out part is called."""
        if self.held_out is not None:
            return self.held_out
        return "selection part" if self.mode == "as_published" else "internal test"

    @property
    def image_steps(self) -> list[FeatureStep]:
        """Variance (before scaling), redundancy, z-score."""
        return [VarianceFilter(self.variance), CorrelationFilter(self.redundancy), Standardize()]

    @property
    def booster(self) -> TunedXGBoost:
        """Recursive elimination and grid search, classes weighted by negative / positive."""
        grid: dict[str, list[float]] = {
            "max_depth": list(self.depths),
            "rounds": list(self.rounds),
            "learning_rate": list(self.learning_rates),
        }
        return TunedXGBoost(self.at_most, self.fraction, grid, self.folds, self.seed)


def planned_lesion_models(
    columns: Mapping[str, Sequence[str]], volume: str | None, settings: AreSettings
) -> dict[str, MarkerSignature]:
    """Build the models that the columns allow, not fitted, in the order of `LABELS`.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        "radiomics", and if there "deep" and "clinical".
    volume : str, optional
        Column of the volume comparator.
    settings : AreSettings
    """
    blocks = {
        "radiomics": Block(columns["radiomics"], settings.image_steps),
        "deep": Block(columns.get("deep", ()), settings.image_steps),
        "clinical": Block(
            columns.get("clinical", ()),
            [ForestImputer(settings.imputer_rounds, trees=settings.imputer_trees)],
        ),
    }
    there = {name for name, names in columns.items() if names}
    wanted = {
        "radiomics": ("radiomics",),
        "deep": ("deep",),
        "radiomics_deep": ("radiomics", "deep"),
        "radiomics_clinical": ("radiomics", "clinical"),
        "all": ("radiomics", "deep", "clinical"),
    }
    built: dict[str, MarkerSignature] = {}
    if volume is not None:
        built["volume"] = MarkerSignature({"volume": Block([volume], [Log()])}, model="logistic")
    if "clinical" in there:
        built["clinical"] = MarkerSignature({"clinical": blocks["clinical"]}, model="logistic")
    for name, parts in wanted.items():
        if set(parts) <= there:
            chosen = {part: blocks[part] for part in parts}
            built[name] = MarkerSignature(chosen, model=settings.booster, seed=settings.seed)
    return built


def branch_probe(columns: Sequence[str], settings: AreSettings) -> MarkerSignature:
    """Build what branches are compared with: the filters and XGBoost with its defaults."""
    return MarkerSignature(
        {"radiomics": Block(columns, settings.image_steps)},
        model=XGBoostMarker(seed=settings.seed),
        seed=settings.seed,
    )
