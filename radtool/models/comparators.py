"""The models that every study must be compared with, and the comparison."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from radtool.errors import InputError
from radtool.evaluation.comparison import likelihood_ratio_test
from radtool.evaluation.concordance import bootstrap_c_difference, compare_c, harrell_c
from radtool.evaluation.cox import fit_cox
from radtool.evaluation.estimate import paired_difference
from radtool.evaluation.marker_bootstrap import bootstrap_auc_difference
from radtool.evaluation.roc import auc, compare_auc
from radtool.models.block import Block
from radtool.models.columns import Log
from radtool.models.competing import CompetingSignature
from radtool.models.linear import usable_columns
from radtool.models.marker import MarkerSignature
from radtool.models.predictor import Predictor
from radtool.models.signature import Signature
from radtool.models.survival import CoxSignature

__all__ = ["comparators", "compare_models", "compare_risks"]


def comparators(
    X: pd.DataFrame,
    y: pd.DataFrame | pd.Series,
    *,
    volume: str,
    clinical: Sequence[str],
    radiomics: Block,
    model: Predictor | str | None = None,
) -> dict[str, Signature]:
    """Build the signatures that show what radiomics adds, not fitted.

    Parameters
    ----------
    X : DataFrame
        Predictors; only its columns are looked at.
    y : DataFrame or Series
        Survival outcome or marker; decides the kind of signature.
    volume : str
        Column with the tumour volume; its logarithm enters.
    clinical : sequence of str
        Clinical columns; may be empty.
    radiomics : Block
        The radiomics block with its steps.
    model : Predictor or str, optional
        What learns from radiomics; default Cox, Fine-Gray (competing risks) or XGBoost. The others
        are always Cox, Fine-Gray or logistic regression.

    Returns
    -------
    dict of str to Signature
        ``volume, clinical, clinical_volume, radiomics, all``; those that need clinical columns are
        left out when there are none. The intercept-only model has no parameters: its C or AUC is
        0.5 and its curve the Kaplan-Meier curve. "all" is one joint model (stacking a block's
        own training predictions would favour the block that overfits most); the volume is left to
        the radiomics block when that already takes it.
    """
    absent = [c for c in [volume, *clinical] if c not in X.columns]
    if absent:
        raise InputError(f"comparators: no column(s) {absent}")
    size, people = Block([volume], [Log()]), Block(list(clinical))
    kind, plain, usual = _kind(y)
    learner = model or usual
    built: dict[str, Signature] = {"volume": kind({"volume": size}, model=plain)}
    if clinical:
        built["clinical"] = kind({"clinical": people}, model=plain)
        built["clinical_volume"] = kind({"clinical": people, "volume": size}, model=plain)
    built["radiomics"] = kind({"radiomics": radiomics}, model=learner)
    rest: dict[str, Block] = {"clinical": people} if clinical else {}
    if not _takes(radiomics.columns, volume):
        rest["volume"] = size
    built["all"] = kind({**rest, "radiomics": radiomics}, model=learner)
    return built


def _kind(y: pd.DataFrame | pd.Series) -> tuple[Any, str, str]:
    """Signature, its plain model and what learns from radiomics, by the kind of outcome."""
    if not isinstance(y, pd.DataFrame):
        return MarkerSignature, "logistic", "xgboost"
    if "status" in y:
        return CompetingSignature, "fine_gray", "fine_gray"
    return CoxSignature, "cox", "cox"


def compare_models(
    signatures: Mapping[str, Signature],
    X: pd.DataFrame,
    y: pd.DataFrame | pd.Series,
    *,
    baseline: str = "clinical_volume",
) -> pd.DataFrame:
    """Score fitted signatures on the same new cases, and their gain over a baseline.

    Parameters
    ----------
    signatures : mapping of str to Signature
        Fitted.
    X, y
        New cases: every column that a signature needs, and their outcome.
    baseline : str, default "clinical_volume"
        Name of the signature that the others are compared with.

    Returns
    -------
    DataFrame
        See `compare_risks`; the first row, ``intercept``, is the model without predictors.
    """
    risks = pd.DataFrame({name: s.predict_risk(X) for name, s in signatures.items()})
    risks.insert(0, "intercept", 0.0)
    return compare_risks(y, risks, baseline=baseline)


def compare_risks(
    y: pd.DataFrame | pd.Series,
    risks: pd.DataFrame,
    patients: pd.Series | None = None,
    *,
    baseline: str = "clinical_volume",
    interval: Literal["analytic", "bootstrap"] = "analytic",
) -> pd.DataFrame:
    """Score several risk scores of the same cases, and their gain over a baseline.

    Parameters
    ----------
    y : DataFrame or Series
        Survival outcome or marker.
    risks : DataFrame
        One column a model, index as y; out-of-fold risks or predictions on new cases.
    patients : Series, optional
        Patient of each case; default each case its own. DeLong's test does not know it.
    baseline : str, default "clinical_volume"
        Column that the others are compared with.
    interval : {"analytic", "bootstrap"}
        Of the difference: infinitesimal jackknife (by patient) or DeLong (cases independent), or
        the percentiles of 2000 samples of the patients, with p from their standard deviation.

    Returns
    -------
    DataFrame
        ``model, value, lower, upper, difference, difference_lower, difference_upper, p, lrt_chi2,
        lrt_p, n``; value is Harrell's C or the AUC, the difference is model less baseline with its
        paired interval and test. `lrt_chi2` and `lrt_p` (survival without competing risks; else
        NaN) are the likelihood-ratio test of the model's score beside the baseline's in a Cox model
        of these cases.
    """
    if baseline not in risks.columns:
        raise InputError(f"no model {baseline!r}; have {list(risks.columns)}")
    survival = isinstance(y, pd.DataFrame)
    rows = []
    for name in risks.columns:
        own = harrell_c(y, risks[name]) if survival else auc(y, risks[name])
        same = name == baseline
        gain = _gain(y, risks[baseline], risks[name], patients, interval)
        tested = survival and "status" not in y
        beyond = _beyond(y, risks[baseline], risks[name]) if tested else (np.nan, np.nan)
        rows.append(
            {
                "model": name,
                "value": own.value,
                "lower": own.lower,
                "upper": own.upper,
                "difference": 0.0 if same else gain["difference"],
                "difference_lower": None if same else gain["lower"],
                "difference_upper": None if same else gain["upper"],
                "p": None if same else gain["p"],
                "lrt_chi2": beyond[0],
                "lrt_p": beyond[1],
                "n": own.n,
            }
        )
    return pd.DataFrame(rows)


def _gain(
    y: pd.DataFrame | pd.Series,
    base: pd.Series,
    score: pd.Series,
    patients: pd.Series | None,
    interval: str,
) -> pd.Series:
    """Difference of the measure with its interval and p."""
    survival = isinstance(y, pd.DataFrame)
    if interval == "analytic" and survival:
        return compare_c(y, base, score, patients).iloc[0]
    if interval == "analytic":
        return compare_auc(y, base, score).iloc[0]
    if interval != "bootstrap":
        raise InputError(f"interval must be 'analytic' or 'bootstrap', got {interval!r}")
    people = pd.Series(y.index, index=y.index) if patients is None else patients
    found = (bootstrap_c_difference if survival else bootstrap_auc_difference)(
        y, base, score, people
    )
    table = paired_difference("score", (0.0, found.value), found.se or 0.0, found.n)
    return table.assign(lower=found.lower, upper=found.upper).iloc[0]


def _beyond(y: pd.DataFrame, base: pd.Series, score: pd.Series) -> tuple[float, float]:
    """Likelihood ratio and p of a score beside the baseline's; NaN when it cannot be fitted."""
    both = pd.DataFrame({"base": base, "score": score})
    if usable_columns(both) != ["base", "score"]:
        return float("nan"), float("nan")
    try:
        smaller, larger = fit_cox(both[["base"]], y), fit_cox(both, y)
    except InputError:
        return float("nan"), float("nan")
    test = likelihood_ratio_test(smaller, larger).iloc[0]
    return float(test["chisq"]), float(test["p"])


def _takes(patterns: Sequence[str], column: str) -> bool:
    return any(column == p or fnmatch.fnmatchcase(column, p) for p in patterns)
