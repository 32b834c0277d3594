"""Filters that never look at the outcome: variance, volume, stability."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from radtool.errors import ParameterError, RadtoolWarning, TableError, quoted
from radtool.files import encode
from radtool.selection._base import Selector
from radtool.selection._screens import spearman_with

__all__ = ["StabilityFilter", "VarianceFilter", "VolumeFilter"]


class VarianceFilter(Selector):
    """Drop features whose variance in training is not above a threshold.

    After z-scoring every variance is 1, so a threshold above 0 belongs before `Standardize`.

    Parameters
    ----------
    threshold : float, default 0.0
        In squared feature units; 0 drops constant features only.
    relative : bool, default False
        Compare the coefficient of variation squared (variance / mean²) instead, which does not
        depend on the unit.

    Examples
    --------
    >>> X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 5.0]})
    >>> VarianceFilter().fit(X).get_feature_names_out().tolist()
    ['a']
    """

    def __init__(self, threshold: float = 0.0, *, relative: bool = False) -> None:
        self.threshold = threshold
        self.relative = relative

    _gaps_allowed: ClassVar[bool] = True

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        if not self.threshold >= 0:
            raise ParameterError(f"VarianceFilter: threshold must be >= 0, got {self.threshold}")
        known = np.isfinite(values)
        n = known.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(known, values, 0.0).sum(axis=0) / n
            variance = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / (n - 1)
            measure = variance / mean**2 if self.relative else variance
        low = np.where(known, values, np.inf).min(axis=0)
        flat = low >= np.where(known, values, -np.inf).max(axis=0)
        measure[flat] = 0.0
        kept = measure > self.threshold
        for i in np.flatnonzero(~kept):
            what = "constant" if flat[i] else f"variance not above {self.threshold:g}"
            self._drop(int(i), what, measure[i])
        return kept


class VolumeFilter(Selector):
    """Drop features that mostly say how large the region is.

    Parameters
    ----------
    volume : str
        Column with the volume (or its logarithm: only ranks matter). An int is a position among
        the numeric columns, for plain arrays.
    threshold : float, default 0.85
        Features with |Spearman correlation| to the volume above it are dropped.
    keep_volume : bool, default True
        Whether the volume column itself goes on.
    """

    def __init__(
        self, volume: str | int = 0, threshold: float = 0.85, *, keep_volume: bool = True
    ) -> None:
        self.volume = volume
        self.threshold = threshold
        self.keep_volume = keep_volume

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        if not 0 < self.threshold <= 1:
            raise ParameterError(f"VolumeFilter: threshold must be in (0, 1], got {self.threshold}")
        where = volume_position(self.volume, self.features_, "VolumeFilter")
        rho = spearman_with(values, values[:, where])
        kept = np.abs(rho) <= self.threshold
        for i in np.flatnonzero(~kept):
            if i != where:
                self._drop(int(i), f"|rho| with volume above {self.threshold:g}", rho[i])
        kept[where] = self.keep_volume
        if not self.keep_volume:
            self._drop(where, "the volume itself", 1.0)
        return kept


def volume_position(volume: str | int, features: list[str], step: str) -> int:
    """Position of the volume among the features; a column that is not named is said aloud."""
    if isinstance(volume, int) and 0 <= volume < len(features):
        if features[volume] != f"x{volume}":
            warnings.warn(
                f"{step}: takes column {features[volume]!r} for the volume; name the column",
                RadtoolWarning,
                stacklevel=4,
            )
        return volume
    if volume not in features:
        raise TableError(f"{step}: no numeric column {volume!r} for the volume")
    return features.index(str(volume))


class StabilityFilter(Selector):
    """Keep features that an earlier stability study found stable; never looks at values.

    Parameters
    ----------
    table : DataFrame, Series or mapping
        A stability number per feature: a frame indexed by feature (or with a column ``feature``),
        as `stability_table` makes it, or feature -> number. None keeps everything.
    minimum : float, default 0.75
        Features at or above it stay. NaN is not stable.
    column : str, default "icc"
        Which column of the frame decides; ``"lower"`` is the stricter choice, the lower
        confidence limit.
    unknown : {"refuse", "drop", "keep"}, default "refuse"
        Features of X that the table does not have.
    """

    def __init__(
        self,
        table: pd.DataFrame | pd.Series | Mapping[str, float] | None = None,
        minimum: float = 0.75,
        *,
        column: str = "icc",
        unknown: Literal["refuse", "drop", "keep"] = "refuse",
    ) -> None:
        self.table = table
        self.minimum = minimum
        self.column = column
        self.unknown = unknown

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # scikit-learn's signature
        rows = "None" if self.table is None else f"<{len(self.table)} features>"
        return (
            f"StabilityFilter({rows}, minimum={self.minimum!r}, column={self.column!r},"
            f" unknown={self.unknown!r})"
        )

    _gaps_allowed: ClassVar[bool] = True
    _least_cases: ClassVar[int] = 1

    def _choose(self, values: np.ndarray, y: Any) -> np.ndarray:
        if self.unknown not in ("refuse", "drop", "keep"):
            raise ParameterError(f"StabilityFilter: unknown cannot be {self.unknown!r}")
        numbers = self._numbers()
        if numbers is None:
            return np.ones(len(self.features_), dtype=bool)
        strange = [name for name in self.features_ if name not in numbers]
        if strange and self.unknown == "refuse":
            raise TableError(
                f"StabilityFilter: no stability known for {quoted(strange)}; choose"
                " unknown='drop' or 'keep'"
            )
        kept = np.ones(len(self.features_), dtype=bool)
        for i, name in enumerate(self.features_):
            number = numbers.get(name)
            if number is None:
                kept[i] = self.unknown == "keep"
                if not kept[i]:
                    self._drop(i, "stability not known")
            elif not number >= self.minimum:
                kept[i] = False
                self._drop(i, f"{self.column} below {self.minimum:g}", number)
        return kept

    def _numbers(self) -> dict[str, float] | None:
        table = self.table
        if table is None:
            return None
        if isinstance(table, pd.DataFrame):
            if self.column not in table.columns:
                raise TableError(
                    f"StabilityFilter: no column {self.column!r} among {quoted(table.columns)}"
                )
            frame = table.set_index("feature") if "feature" in table.columns else table
            table = frame[self.column]
        numbers = pd.Series(table, dtype=float)
        if numbers.index.has_duplicates:
            twice = numbers.index[numbers.index.duplicated()].unique()
            raise TableError(f"StabilityFilter: more than one row for {quoted(twice)}")
        return {str(name): float(value) for name, value in numbers.items()}

    def to_dict(self) -> dict[str, Any]:
        """Settings and learned state as JSON values; the table as feature -> number."""
        document = super().to_dict()
        document["settings"]["table"] = encode(self._numbers())
        return document
