"""Nested search: settings chosen by cross-validation within the training cases."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from radtool.errors import InputError, ParameterError, RadtoolError, RadtoolWarning, did_you_mean
from radtool.evaluation.concordance import harrell_c
from radtool.evaluation.designs import grouped_folds
from radtool.evaluation.roc import auc
from radtool.models.block import Block
from radtool.models.signature import Signature

__all__ = ["SearchResult", "best_settings"]

_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """What a search chose.

    Parameters
    ----------
    signature : Signature
        Not fitted, with the chosen settings and no search.
    table : DataFrame
        One row a combination: its settings and ``score`` (mean of the inner folds; NaN where no
        fold could be fitted).
    """

    signature: Signature
    table: pd.DataFrame


def best_settings(
    signature: Signature, X: pd.DataFrame, y: Any, patients: pd.Series
) -> SearchResult:
    """Choose from the grid in ``signature.search`` by inner cross-validation.

    Every combination refits the whole pipeline on the same inner folds, which keep a patient
    whole. The first of equally good combinations wins.

    Raises
    ------
    ParameterError
        A key of the grid names no setting.
    InputError
        No combination could be fitted in any fold.
    """
    keys = list(signature.search)
    fold = grouped_folds(y, patients, _FOLDS, signature.seed)
    rows = []
    for values in itertools.product(*signature.search.values()):
        candidate = with_settings(signature, dict(zip(keys, values, strict=True)))
        score = _inner_score(candidate, X, y, patients, fold)
        rows.append({**dict(zip(keys, values, strict=True)), "score": score})
    table = pd.DataFrame(rows)
    if table["score"].isna().all():
        raise InputError("no combination of settings could be fitted in any inner fold")
    best = int(np.nanargmax(table["score"].round(12)))
    return SearchResult(with_settings(signature, {k: rows[best][k] for k in keys}), table)


def with_settings(signature: Signature, chosen: Mapping[str, Any]) -> Signature:
    """Return an unfitted copy with settings of the model or of blocks' steps changed."""
    model = copy.deepcopy(signature.model)
    blocks = {name: copy.deepcopy(block) for name, block in signature.blocks.items()}
    for key, value in chosen.items():
        if "." not in key:
            _set(model, key, value, key)
            continue
        block, _, rest = key.partition(".")
        name, _, setting = rest.partition(".")
        if block not in blocks:
            raise ParameterError(f"search: no block {block!r}{did_you_mean(block, blocks)}")
        steps = [s for s in blocks[block].steps if type(s).__name__ == name]
        if not steps:
            have = [type(s).__name__ for s in blocks[block].steps]
            raise ParameterError(
                f"search: block {block!r} has no step {name!r}{did_you_mean(name, have)}"
            )
        for step in steps:
            _set(step, setting, value, key)
        blocks[block] = Block(blocks[block].columns, blocks[block].steps)
    return signature.unfitted(blocks=blocks, model=model, search=None)


def _set(owner: Any, setting: str, value: Any, key: str) -> None:
    allowed = owner.get_params(deep=False)
    if setting not in allowed:
        raise ParameterError(
            f"search: {key!r}: {type(owner).__name__} has no setting {setting!r}"
            f"{did_you_mean(setting, allowed)}"
        )
    owner.set_params(**{setting: value})


def _inner_score(
    candidate: Signature, X: pd.DataFrame, y: Any, patients: pd.Series, fold: np.ndarray
) -> float:
    scores = []
    for one in range(_FOLDS):
        train, test = fold != one, fold == one
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RadtoolWarning)
                fitted = candidate.unfitted().fit(X[train], y[train], patients[train])
                risk = fitted._score(X[test])
                measure = harrell_c if isinstance(y, pd.DataFrame) else auc
                scores.append(measure(y[test], risk).value)
        except RadtoolError:
            continue
    return float(np.mean(scores)) if scores else float("nan")
