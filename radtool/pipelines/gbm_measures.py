"""Numbers of the glioblastoma study: external validation, confounding, associations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from radtool.errors import InputError
from radtool.evaluation import (
    Estimate,
    calibration_slope,
    harrell_c,
    logrank,
    misspecification_test,
    slope_test,
)
from radtool.models import CoxSignature, CrossValidation, compare_risks
from radtool.pipelines.gbm_models import LABELS, MODELS
from radtool.pipelines.gbm_tables import BLOCKS, AssembledCohort, GbmSettings
from radtool.selection import adjust_p
from radtool.table import Study

__all__ = [
    "associations",
    "entered",
    "patients_per_model",
    "royston_altman",
    "same_patients",
    "volume_confounding",
]

CONFOUNDED = 0.85


def patients_per_model(
    models: Mapping[str, CoxSignature], cohorts: Mapping[str, AssembledCohort]
) -> pd.DataFrame:
    """Count patients and events behind each model: ``model``, then ``<cohort> n, events``."""
    rows = []
    for name in models:
        row: dict[str, Any] = {"model": name}
        for cohort, tables in cohorts.items():
            y = tables.part(MODELS[name]).y
            row |= {f"{cohort} n": len(y), f"{cohort} events": int(y["event"].sum())}
        rows.append(row)
    return pd.DataFrame(rows)


def entered(signature: CoxSignature) -> dict[str, list[str]]:
    """Predictors that a model uses, by block; the indices themselves are not listed."""
    table = signature.coefficients_
    rows = table[(table["block"] != "index") & ~table["feature"].isin(BLOCKS)]
    return {
        str(block): rows.loc[rows["block"] == block, "feature"].tolist()
        for block in signature.blocks
    }


def royston_altman(
    models: Mapping[str, CoxSignature],
    development: Mapping[str, Study],
    external: Mapping[str, Study],
    cut: str,
) -> pd.DataFrame:
    """External validation of each model, as Royston and Altman (2013) lay it out.

    Parameters
    ----------
    models : mapping of str to CoxSignature
        Fitted on `development`.
    development, external : mapping of str to Study
        Model -> its patients.
    cut : str
        Training cut-off of the risk groups.

    Returns
    -------
    DataFrame
        One row a model: ``model, n, events``; Harrell's C with limits ``c_train…, c_external…``;
        (a) ``slope, slope_lower, slope_upper, slope_chisq, slope_p`` (likelihood-ratio test of
        slope 1); (b) ``misspecification_chisq, misspecification_df, misspecification_p`` (joint
        test of the individual predictors with the index as offset); ``logrank_chisq, logrank_p``
        of the risk groups. NaN where a number is not defined, with the reason in ``note``.
    """
    rows = []
    for name, signature in models.items():
        inside, outside = development[name], external[name]
        y, risk = outside.y, signature.predict_risk(outside.X)
        notes: list[str] = []
        row: dict[str, Any] = {"model": name, "n": len(y), "events": int(y["event"].sum())}
        row |= _limits("c_train", harrell_c(inside.y, signature.predict_risk(inside.X)))
        row |= _limits("c_external", harrell_c(y, risk))
        row |= _tested(notes, "slope", lambda y=y, risk=risk: _slope(y, risk))  # type: ignore[misc]
        row |= _tested(
            notes,
            "misspecification",
            lambda s=signature, x=outside.X, y=y, r=risk: _misspecified(s, x, y, r),  # type: ignore[misc]
        )
        row |= _tested(
            notes,
            "risk groups",
            lambda s=signature, x=outside.X, y=y: _groups(s, x, y, cut),  # type: ignore[misc]
        )
        rows.append({**row, "note": "; ".join(notes)})
    return pd.DataFrame(rows)


def _limits(name: str, found: Estimate) -> dict[str, Any]:
    return {name: found.value, f"{name}_lower": found.lower, f"{name}_upper": found.upper}


def _tested(notes: list[str], what: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return make()
    except InputError as error:
        notes.append(f"{what}: {error}")
        return {}


def _slope(y: pd.DataFrame, risk: pd.Series) -> dict[str, Any]:
    test = slope_test(y, risk).iloc[0]
    found = _limits("slope", calibration_slope(y, risk))
    return {**found, "slope_chisq": test["chisq"], "slope_p": test["p"]}


def _misspecified(
    signature: CoxSignature, X: pd.DataFrame, y: pd.DataFrame, risk: pd.Series
) -> dict[str, Any]:
    design = signature.design(X)
    used = [f for features in entered(signature).values() for f in features]
    varying = [f for f in used if float(design[f].std()) > 0]
    test = misspecification_test(design[varying], y, risk)[0].iloc[0]
    return {f"misspecification_{key}": test[key] for key in ("chisq", "df", "p")}


def _groups(signature: CoxSignature, X: pd.DataFrame, y: pd.DataFrame, cut: str) -> dict[str, Any]:
    group = signature.risk_groups(X, cut=cut)  # type: ignore[arg-type]
    if group.nunique() < 2:
        raise InputError("all cases fall into one group")
    test = logrank(y, group)
    return {"logrank_chisq": test.statistic, "logrank_p": test.p}


def same_patients(
    models: Mapping[str, CoxSignature], external: Study, folds: Mapping[str, CrossValidation]
) -> dict[str, pd.DataFrame]:
    """Compare all models where everyone has every kind of predictor.

    Returns
    -------
    dict of str to DataFrame
        "nested CV" (mean out-of-fold risks of the development cohort) and "external": see
        `radtool.models.compare_risks`; the baseline is clinical + volume, or Model 3 without a
        volume.
    """
    baseline = "clinical_volume" if "clinical_volume" in models else "M3"
    inside = pd.DataFrame({name: one.risk for name, one in folds.items()}).dropna()
    y = next(iter(folds.values())).y
    outside = pd.DataFrame({name: s.predict_risk(external.X) for name, s in models.items()})
    return {
        "nested CV": compare_risks(y.loc[inside.index], inside, baseline=baseline),
        "external": compare_risks(external.y, outside, baseline=baseline),
    }


def volume_confounding(
    cohort: AssembledCohort, models: Mapping[str, CoxSignature], settings: GbmSettings
) -> pd.DataFrame:
    """Spearman correlation of every radiomics feature and of each prognostic index with the volume.

    Returns
    -------
    DataFrame
        ``feature, rho, p, p_holm, selected``, strongest first; indices are named by their model.
        Empty without a volume. Correlations above 0.85 mean that a feature says little else.
    """
    columns = ["feature", "rho", "p", "p_holm", "selected"]
    if settings.volume is None:
        return pd.DataFrame(columns=columns)
    part = cohort.part(["radiomics"]).X
    size = part[settings.volume].to_numpy(float)
    chosen = set(entered(models["M2"])["radiomics"])
    values = part[[c for c in cohort.columns["radiomics"] if c != settings.volume]]
    found = [(name, *_spearman(values[name].to_numpy(float), size)) for name in values]
    table = pd.DataFrame(found, columns=["feature", "rho", "p"])
    table["p_holm"] = adjust_p(table["p"].to_numpy(), "holm")
    table["selected"] = table["feature"].isin(chosen)
    indices = []
    for name, signature in models.items():
        if not name.startswith("M"):
            continue
        own = cohort.part([*MODELS[name], "radiomics"]).X
        rho, p = _spearman(
            signature.predict_risk(own).to_numpy(), own[settings.volume].to_numpy(float)
        )
        indices.append([LABELS[name], rho, p, np.nan, True])
    both = pd.concat([pd.DataFrame(indices, columns=columns), table], ignore_index=True)
    order = both["rho"].abs().sort_values(ascending=False, kind="stable").index
    return both.loc[order, columns].reset_index(drop=True)


def _spearman(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 3 or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return float("nan"), float("nan")
    found = stats.spearmanr(a[known], b[known])
    return float(found.statistic), float(found.pvalue)


def associations(cohort: AssembledCohort, signature: CoxSignature) -> pd.DataFrame:
    """Correlate the predictors that a model uses across its blocks.

    Parameters
    ----------
    cohort : AssembledCohort
        Usually the development cohort.
    signature : CoxSignature
        Usually Model 7.

    Returns
    -------
    DataFrame
        ``a, block_a, b, block_b, method, r, p, p_holm, n``, strongest first. Point-biserial where
        one of the two has two values (phi where both have), Spearman for two ordinal or continuous
        ones.
    """
    design = signature.design(cohort.part(signature.blocks).X)
    used = entered(signature)
    rows = []
    for first, second in combinations(used, 2):
        for a in used[first]:
            for b in used[second]:
                method, r, p = _correlation(design[a], design[b])
                rows.append([a, first, b, second, method, r, p, len(design)])
    columns = ["a", "block_a", "b", "block_b", "method", "r", "p", "n"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(7, "p_holm", adjust_p(table["p"].to_numpy(float), "holm"))
    order = table["r"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _correlation(a: pd.Series, b: pd.Series) -> tuple[str, float, float]:
    x, y = a.to_numpy(float), b.to_numpy(float)
    binary = [len(np.unique(values)) == 2 for values in (x, y)]
    if not any(binary):
        return ("Spearman", *_spearman(x, y))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return "point-biserial", float("nan"), float("nan")
    found = stats.pearsonr(x, y)
    return "phi" if all(binary) else "point-biserial", float(found.statistic), float(found.pvalue)
