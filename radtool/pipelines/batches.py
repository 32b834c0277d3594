"""Evidence of batch effects in the development cohort, before and after the signature's ComBat."""

from __future__ import annotations

import warnings

import pandas as pd

from radtool.errors import RadtoolWarning
from radtool.harmonization import ComBat, batch_evidence
from radtool.models import Signature
from radtool.report.results import Harmonization, ViewPoint
from radtool.table import Study

__all__ = ["harmonization_record"]


def harmonization_record(
    signature: Signature, study: Study, batch: str, *, block: str = "radiomics"
) -> Harmonization | None:
    """Compare the features that went into ComBat with what came out.

    Parameters
    ----------
    signature : Signature
        Fitted; its block's ComBat, if any, is looked at.
    study : Study
        The development cohort; no other case is looked at.
    batch : str
        Column whose levels are compared.
    block : str, default "radiomics"
        Which block holds the image features.

    Returns
    -------
    Harmonization or None
        None when the column is missing or has one level only. Without a ComBat step the evidence is
        of the features as they are, method "none".
    """
    if batch not in study.X or study.X[batch].astype(str).nunique() < 2:
        return None
    labels = study.X[[batch]]
    before, after, method = _around_combat(signature, study.X, block)
    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always", RadtoolWarning)
        found = batch_evidence(
            pd.concat([before.drop(columns=batch, errors="ignore"), labels], axis=1),
            after,
            batch=batch,
            y=study.y,
        )
    words = [str(item.message) for item in met if issubclass(item.category, RadtoolWarning)]
    changed = after is not None
    return Harmonization(
        batch=batch,
        method=method,
        sizes=found.sizes,
        tested=found.tested,
        significant_before=found.significant_before,
        significant_after=found.significant_after if changed else None,
        variance_before=float(found.variance.loc[batch, "before"]),
        variance_after=float(found.variance.loc[batch, "after"]) if changed else None,
        silhouette_before=found.silhouette_before,
        silhouette_after=found.silhouette_after if changed else None,
        points=tuple(
            ViewPoint(
                batch=str(row.batch),
                before=(float(row.x_before), float(row.y_before)),
                after=(float(row.x_after), float(row.y_after)) if changed else (),
            )
            for row in found.view.itertuples()
        ),
        notes=tuple(dict.fromkeys((*found.notes, *words))),
    )


def _around_combat(
    signature: Signature, X: pd.DataFrame, block: str
) -> tuple[pd.DataFrame, pd.DataFrame | None, str]:
    """Features before ComBat, after it (None without ComBat), and the method in words."""
    fitted = signature.blocks_[block]
    current = X[[*fitted.inputs, *fitted.carried]]
    for step in fitted.steps:
        if isinstance(step, ComBat):
            pooling = {"parametric": "parametric", "nonparametric": "non-parametric"}
            how = pooling.get(step.empirical_bayes, "no empirical Bayes")
            return current, step.transform(current), f"ComBat, {how}"
        if type(step).__name__ == "PrepareColumns":
            current = step.transform(current)
    return X[fitted.inputs], None, "none"
