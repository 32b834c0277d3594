"""Signatures from a paper: coefficients that somebody else estimated, run on our tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.models.block import Block, FittedBlock
from radtool.models.columns import Log, PrepareColumns
from radtool.models.marker import MarkerSignature
from radtool.models.predictor import Predictor, weighted_sum
from radtool.models.signature import Signature
from radtool.models.survival import CoxSignature

__all__ = ["PublishedScore", "published_signature"]


class PublishedScore(Predictor):
    """A weighted sum with given weights; learns nothing.

    Parameters
    ----------
    coefficients : mapping of str to float
        Weight of each column.
    intercept : float, default 0
        Added to the sum.
    survival : bool, default True
        Whether the sum is a prognostic index; else it is turned into a probability.
    """

    state: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        coefficients: Mapping[str, float],
        intercept: float = 0.0,
        survival: bool = True,  # noqa: FBT001, FBT002 (sklearn estimators take settings by name)
    ) -> None:
        self.coefficients_given = coefficients
        self.coefficients_ = dict(coefficients)
        self.intercept = intercept
        self.survival = survival  # type: ignore[misc]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 (scikit-learn's own signature)
        """Return the settings."""
        return {
            "coefficients": self.coefficients_given,
            "intercept": self.intercept,
            "survival": self.survival,
        }

    def fit(self, X: pd.DataFrame, y: Any, groups: np.ndarray | None = None) -> Self:
        """Learn nothing; check that the columns are there."""
        self.predict(X)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the prognostic index, or the probability."""
        columns = list(self.coefficients_)
        weights = np.array(list(self.coefficients_.values()), dtype=float)
        values = X[columns].to_numpy(dtype=float)
        if not np.isfinite(values).all():
            cases = X.index[~np.isfinite(values).all(axis=1)].tolist()
            raise InputError(
                f"case(s) {cases[:5]} lack a predictor of the published score; leave them out or"
                " impute them first"
            )
        index = weighted_sum(values, weights) + self.intercept
        if self.survival:
            return index
        return 1.0 / (1.0 + np.exp(-np.clip(index, -500, 500)))

    def coefficients(self) -> pd.DataFrame:
        """Return ``feature, coefficient``."""
        return pd.DataFrame(
            {"feature": list(self.coefficients_), "coefficient": list(self.coefficients_.values())}
        )


def published_signature(
    coefficients: Mapping[str, float],
    *,
    kind: Literal["survival", "marker"] = "survival",
    intercept: float = 0.0,
    log: Sequence[str] = (),
    baseline: pd.DataFrame | None = None,
    cutoffs: Mapping[str, float] | None = None,
) -> Signature:
    """Build a signature from published coefficients, ready to validate.

    Parameters
    ----------
    coefficients : mapping of str to float
        Log hazard ratio (or log odds ratio) per unit of each column.
    kind : {"survival", "marker"}
        What it predicts.
    intercept : float, default 0
        Of the sum; minus the centre of a centred prognostic index.
    log : sequence of str, default ()
        Columns whose natural logarithm enters.
    baseline : DataFrame, optional
        ``time`` and ``survival`` of a case whose index is 0; without it risks cannot be predicted,
        only ranked.
    cutoffs : mapping of str to float, optional
        Published cut-offs of the index ("median", "p75") or of the probability ("youden").

    Returns
    -------
    CoxSignature or MarkerSignature
        Missing values are not imputed (nothing was learned to impute them with): they are refused
        at prediction.
    """
    if not coefficients:
        raise InputError("a published signature needs at least one coefficient")
    logged = [c for c in coefficients if c in set(log)]
    plain = [c for c in coefficients if c not in set(log)]
    blocks = {"published": Block(plain)} if plain else {}
    if logged:
        blocks["published_log"] = Block(logged, [Log()])
    model = PublishedScore(dict(coefficients), intercept, kind == "survival")
    made: Signature
    made = (
        CoxSignature(blocks, model=model)
        if kind == "survival"
        else MarkerSignature(blocks, model=model)
    )
    made.shared_, made.blocks_ = None, {n: _block(b) for n, b in blocks.items()}
    made.models_ = {"joint": model}
    made.inputs_, made.ranges_, made.path_ = [*plain, *logged], {}, []
    made.trained_on_ = {"n": 0, "patients": 0, "events": 0, "ids_sha256": []}
    made.cutoffs_ = dict(cutoffs or {})
    if baseline is not None:
        hazard = -np.log(baseline["survival"].to_numpy(dtype=float))
        made.baseline_ = pd.DataFrame({"time": baseline["time"].to_numpy(float), "hazard": hazard})
    return made


def _block(block: Block) -> FittedBlock:
    prepare = PrepareColumns(impute=False)
    prepare.columns_, prepare.categories_ = list(block.columns), {}
    prepare.fill_, prepare.decisions_ = dict.fromkeys(block.columns, 0.0), []
    log = Log()
    log.columns_ = list(block.columns)
    steps = [prepare, *([log] if block.steps else [])]
    return FittedBlock(list(block.columns), [], steps, list(block.columns), [])
