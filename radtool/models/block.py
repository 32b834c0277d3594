"""Blocks of predictors: which columns, which steps, and what became of every column."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd
from sklearn.base import clone

from radtool.errors import InputError, TableError, did_you_mean
from radtool.models.columns import PrepareColumns
from radtool.table import FeatureStep, step_from_dict

__all__ = ["Block"]


@dataclass(frozen=True, slots=True, init=False)
class Block:
    """A group of predictors that are prepared together.

    Parameters
    ----------
    columns : sequence of str
        Column names, or patterns with ``*`` and ``?`` ("original_*").
    steps : sequence of FeatureStep
        What is done to them in order, fitted on training cases only. A column that a step names
        in its settings (``ComBat(batch="site")``) travels along without becoming a predictor.

    Notes
    -----
    Text columns are one-hot encoded first. Missing values are imputed first too (median, most
    frequent category), unless one of the steps is an imputer.
    """

    columns: tuple[str, ...]
    steps: tuple[FeatureStep, ...]

    def __init__(self, columns: Sequence[str], steps: Sequence[FeatureStep] = ()) -> None:
        if isinstance(columns, str):
            raise InputError(f"columns is a list of names or patterns, got the text {columns!r}")
        wrong = [type(step).__name__ for step in steps if not isinstance(step, FeatureStep)]
        if wrong:
            raise InputError(f"steps must be FeatureSteps, which go to and from JSON; got {wrong}")
        object.__setattr__(self, "columns", tuple(columns))
        object.__setattr__(self, "steps", tuple(steps))

    def __str__(self) -> str:
        names = ", ".join(self.columns[:3]) + (", …" if len(self.columns) > 3 else "")
        return " > ".join([names, *(type(step).__name__ for step in self.steps)])


class FittedBlock:
    """The steps of a block as fitted on training cases."""

    def __init__(
        self,
        inputs: list[str],
        carried: list[str],
        steps: list[FeatureStep],
        outputs: list[str],
        path: list[dict[str, Any]],
    ) -> None:
        self.inputs, self.carried, self.steps = inputs, carried, steps
        self.outputs, self.path = outputs, path

    @classmethod
    def fit(
        cls, block: Block, X: pd.DataFrame, y: Any, name: str, *, prepare: bool = True
    ) -> tuple[Self, pd.DataFrame]:
        """Fit the steps in order; also return what they make of the training cases.

        A carried column is dropped as soon as no later step names it, so that it is never taken
        for a feature.
        """
        inputs = matching_columns(block.columns, list(X.columns), name)
        carried = [c for c in named_columns(block.steps, X) if c not in inputs]
        steps = [clone(step) for step in block.steps]
        if prepare:
            own = any("imput" in type(step).__name__.lower() for step in steps)
            steps.insert(0, PrepareColumns(impute=not own, keep=carried))
        current, path = X[[*inputs, *carried]], []
        for position, step in enumerate(steps):
            before = [c for c in current.columns if c not in carried]
            current = _frame(step.fit(current, y).transform(current), current, step)
            current = _without(current, carried, steps[position + 1 :])
            path.append(
                _what_happened(name, step, before, [c for c in current.columns if c not in carried])
            )
        outputs = [c for c in current.columns if c not in carried]
        return cls(inputs, carried, steps, outputs, path), current[outputs]

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Run the fitted steps on new cases."""
        require_columns([*self.inputs, *self.carried], X)
        current = X[[*self.inputs, *self.carried]]
        for position, step in enumerate(self.steps):
            current = _frame(step.transform(current), current, step)
            current = _without(current, self.carried, self.steps[position + 1 :])
        return current[self.outputs]

    def to_dict(self) -> dict[str, Any]:
        """Everything that `transform` needs, as JSON values."""
        return {
            "inputs": self.inputs,
            "carried": self.carried,
            "steps": [step.to_dict() for step in self.steps],
            "outputs": self.outputs,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild a fitted block."""
        return cls(
            list(document["inputs"]),
            list(document["carried"]),
            [step_from_dict(step) for step in document["steps"]],
            list(document["outputs"]),
            [],
        )


def matching_columns(patterns: Sequence[str], present: list[str], name: str) -> list[str]:
    """Columns that match names or patterns, in table order.

    Raises
    ------
    InputError
        A name or pattern matches nothing.
    """
    names = set(present)
    found: set[str] = set()
    for pattern in patterns:
        if pattern in names:
            found.add(pattern)
            continue
        hits = [c for c in present if fnmatch.fnmatchcase(str(c), pattern)]
        if not hits:
            raise InputError(
                f"block {name!r}: no column matches {pattern!r}{did_you_mean(pattern, present)}"
            )
        found.update(hits)
    return [c for c in present if c in found]


def named_columns(steps: Sequence[FeatureStep], X: pd.DataFrame) -> list[str]:
    """Columns of X that the steps name in their settings, in table order."""
    named: set[str] = set()
    for step in steps:
        for value in step.get_params(deep=False).values():
            if isinstance(value, str):
                named.add(value)
            elif isinstance(value, list | tuple | set | frozenset):
                named.update(item for item in value if isinstance(item, str))
    return [c for c in X.columns if c in named]


def require_columns(columns: Sequence[str], X: pd.DataFrame) -> None:
    """Raise TableError when X lacks a column that the signature was fitted with."""
    missing = [c for c in columns if c not in X.columns]
    if missing:
        raise TableError(
            f"the table lacks {len(missing)} column(s) that the signature needs: {missing[:5]}"
            f"{did_you_mean(missing[0], map(str, X.columns)) if len(X.columns) < 40 else ''}"
        )


def _frame(result: Any, before: pd.DataFrame, step: FeatureStep) -> pd.DataFrame:
    if isinstance(result, pd.DataFrame) and result.index.equals(before.index):
        return result
    raise TypeError(f"{type(step).__name__} must return a DataFrame with the index it was given")


def _without(
    frame: pd.DataFrame, carried: Sequence[str], later: Sequence[FeatureStep]
) -> pd.DataFrame:
    """The frame less the carried columns that no later step names."""
    needed = set(named_columns(later, frame))
    return frame[[c for c in frame.columns if c not in carried or c in needed]]


def _what_happened(
    block: str, step: FeatureStep, before: list[str], after: list[str]
) -> dict[str, Any]:
    reasons = {str(row[0]): row for row in getattr(step, "decisions_", [])}
    gone = [c for c in before if c not in set(after)]
    dropped = []
    for column in gone:
        row = reasons.get(str(column), [column, "", None])
        dropped.append({"column": column, "reason": str(row[1]), "value": row[2]})
    return {
        "block": block,
        "step": type(step).__name__,
        "n_in": len(before),
        "n_out": len(after),
        "dropped": dropped,
    }
