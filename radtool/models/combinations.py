"""Every combination of blocks: a prognostic index per block, and models on the indices."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from radtool.errors import InputError
from radtool.models.block import Block
from radtool.models.survival import CoxSignature

__all__ = ["index_combinations"]


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
