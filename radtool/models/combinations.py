"""Every combination of blocks: a prognostic index per block, and models on the indices."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from radtool.errors import InputError
from radtool.models.block import Block
from radtool.models.cases import check_patients, hashed_ids
from radtool.models.linear import Cox
from radtool.models.survival import CoxSignature

__all__ = ["combine_indices", "index_combinations"]


def index_combinations(blocks: Mapping[str, Block], **settings: Any) -> dict[str, CoxSignature]:
    """Build M1, M2, …: each block's own model, then Cox models on every set of their indices.

    Parameters
    ----------
    blocks : mapping of str to Block
        Three blocks give M1-M3 (one each), M4-M6 (pairs) and M7 (all), in the order given.
    **settings
        Passed to `CoxSignature` (``model``, ``steps``, ``seed``).

    Returns
    -------
    dict of str to CoxSignature
        Not fitted; the names of a model's blocks are the keys of its ``blocks``.

    References
    ----------
    Verduin, Primakov, et al. Prognostic and predictive value of integrated qualitative and
    quantitative magnetic resonance imaging analysis in glioblastoma. Cancers 2021.
    """
    if not blocks:
        raise InputError("combinations need at least one block")
    sets = [
        chosen
        for size in range(1, len(blocks) + 1)
        for chosen in itertools.combinations(blocks, size)
    ]
    return {
        f"M{number}": CoxSignature(
            {name: blocks[name] for name in chosen},
            combine="joint" if len(chosen) == 1 else "index",
            **settings,
        )
        for number, chosen in enumerate(sets, start=1)
    }


def combine_indices(
    parts: Sequence[CoxSignature],
    X: pd.DataFrame,
    y: pd.DataFrame,
    patients: pd.Series | None = None,
) -> CoxSignature:
    """Fit a Cox model on the prognostic indices of signatures that stay as they are.

    Unlike ``combine="index"``, which fits everything on the same cases, each part may have been
    fitted on more patients than have all kinds of predictors.

    Parameters
    ----------
    parts : sequence of CoxSignature
        Fitted, each with one block of its own and no shared steps; two or more.
    X, y, patients
        Cases with all predictors, as for ``CoxSignature.fit``; only the weights of the indices,
        the baseline and the cut-offs are learned from them.

    Returns
    -------
    CoxSignature
        Fitted, ``combine="index"``; patients of every part count as its training patients.

    Raises
    ------
    InputError
        A part is not fitted, has several blocks or shared steps, or two have the same block.
    """
    names = [next(iter(part.blocks)) for part in parts]
    if len(parts) < 2 or len(set(names)) < len(names):
        raise InputError(f"indices of two or more different blocks are combined, got {names}")
    for part in parts:
        part._check_fitted()
        if len(part.blocks_) != 1 or part.shared_ is not None:
            raise InputError(
                f"a part must have one block and no shared steps, has {list(part.blocks_)}"
            )
    joined = CoxSignature(
        {name: part.blocks[name] for name, part in zip(names, parts, strict=True)},
        model=parts[0].model,
        combine="index",
    )
    outcome, people = joined._check(X, y), check_patients(X, patients)
    joined.shared_ = None
    joined.path_ = [row for part in parts for row in part.path_]
    joined.blocks_ = {name: part.blocks_[name] for name, part in zip(names, parts, strict=True)}
    joined.models_ = {name: part.models_["joint"] for name, part in zip(names, parts, strict=True)}
    designs = {name: fitted.transform(X) for name, fitted in joined.blocks_.items()}
    joined.models_["index"] = Cox().fit(joined._parts(designs), outcome, people.to_numpy())
    joined.inputs_ = joined._needed(X)
    joined.ranges_ = {column: span for part in parts for column, span in part.ranges_.items()}
    seen = {hashed for part in parts for hashed in part.trained_on_["ids_sha256"]}
    joined.trained_on_ = {
        "n": len(X),
        "patients": int(people.nunique()),
        "ids_sha256": sorted(seen | set(hashed_ids(people))),
    }
    joined._finish(joined._predict(designs), outcome, people)
    return joined
